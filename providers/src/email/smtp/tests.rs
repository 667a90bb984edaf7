//! Tests of one SMTP account against servers that follow a script: each phase, each kind of loss (DEL-5).

use carepost_kernel::{Channel, Content, EmailContent, FailureClass, Reach, Secret};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::contract_tests::support::{self, cleared, outbound};
use crate::simulator::SimulatedAccount;

fn try_account(settings: Value, credentials: Value) -> Result<Smtp, ConfigError> {
    try_account_within(Reach::Anywhere, settings, credentials)
}

fn try_account_within(reach: Reach, settings: Value, credentials: Value) -> Result<Smtp, ConfigError> {
    let account = SimulatedAccount {
        vendor: Vendor::Smtp,
        settings,
        credentials: Secret::new(credentials.to_string()),
        base_url: None,
    };
    Smtp::new(
        &support::config(&account, &"https://carepost.example/w".parse().unwrap()),
        &support::shared_within(reach),
    )
}

fn settings(port: u16, tls: &str) -> Value {
    json!({ "host": "127.0.0.1", "port": port, "tls": tls, "from_email": "care@clinic.example" })
}

fn message() -> Outbound {
    let content = EmailContent { subject: "Hi".to_owned(), text: Some("text".to_owned()), ..EmailContent::default() };
    outbound(Channel::Email, "pat@example.com", Content::Email(content))
}

/// What the server waits for, and what it says then; `CLOSE` hangs up.
type Step = (&'static str, &'static str);

const HELLO: [Step; 2] = [("", "220 mx.example\r\n"), ("EHLO clinic.example", "250-mx.example\r\n250 DSN\r\n")];
const ENVELOPE: [Step; 2] = [("MAIL FROM:<care+", "250 OK\r\n"), ("RCPT TO:<pat@example.com> NOTIFY=", "250 OK\r\n")];
const MESSAGE: [Step; 2] = [("DATA", "354 go\r\n"), ("<message>", "250 2.0.0 taken\r\n")];

/// Serves one connection for each script, then no more.
async fn scripted(scripts: Vec<Vec<Step>>) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        for script in scripts {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            for (awaited, answer) in script {
                let mut line = String::new();
                if awaited == "<message>" {
                    while line != ".\r\n" {
                        line.clear();
                        assert!(stream.read_line(&mut line).await.unwrap() > 0, "the message ends with a dot");
                    }
                } else if !awaited.is_empty() {
                    stream.read_line(&mut line).await.unwrap();
                    assert!(line.starts_with(awaited), "{line:?} is not {awaited:?}");
                }
                if answer == "CLOSE" {
                    break;
                }
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    (port, server)
}

async fn check(tls: &str, credentials: Value, script: Vec<Step>, expected: Result<(), (FailureClass, &str)>) {
    let (port, server) = scripted(vec![script]).await;
    let provider = try_account(settings(port, tls), credentials).unwrap();
    let outcome = provider.send(&cleared(message())).await;
    match (outcome, expected) {
        (SendOutcome::Accepted { .. }, Ok(())) => {}
        (SendOutcome::Failed(failure), Err((class, code))) => {
            assert_eq!((failure.class, failure.code.as_str()), (class, code));
        }
        (outcome, expected) => panic!("{outcome:?} instead of {expected:?}"),
    }
    server.await.unwrap();
}

fn script(parts: &[&[Step]]) -> Vec<Step> {
    parts.concat()
}

#[tokio::test]
async fn del_5_each_phase_of_a_loss_has_its_class() {
    use FailureClass::{Transient, Unknown};
    let none = || json!({});
    for (steps, expected) in [
        (script(&[&[("", "CLOSE")]]), (Transient, "smtp_connect")),
        (script(&[&HELLO, &[("MAIL", "CLOSE")]]), (Transient, "smtp_connection_lost_early")),
        (script(&[&HELLO, &ENVELOPE, &[("DATA", "CLOSE")]]), (Transient, "smtp_connection_lost_early")),
        (script(&[&HELLO, &ENVELOPE, &[("DATA", "250 what\r\n")]]), (Transient, "smtp_not_smtp_early")),
        (script(&[&HELLO, &ENVELOPE, &[MESSAGE[0], ("<message>", "CLOSE")]]), (Unknown, "smtp_connection_lost")),
        (script(&[&HELLO, &ENVELOPE, &[MESSAGE[0], ("<message>", "HTTP/1.1 200\r\n")]]), (Unknown, "smtp_not_smtp")),
    ] {
        check("none", none(), steps, Err(expected)).await;
    }
    check("none", none(), script(&[&HELLO, &ENVELOPE, &MESSAGE]), Ok(())).await;
}

#[tokio::test]
async fn refusals_are_told_by_phase() {
    use FailureClass::{ConfigFault, Permanent, Transient};
    for (steps, expected) in [
        (script(&[&[("", "421 4.3.2 busy\r\n")]]), (Transient, "smtp_421_4_3_2")),
        (script(&[&[("", "554 no\r\n")]]), (ConfigFault, "smtp_554")),
        (script(&[&HELLO, &[("MAIL", "550 5.7.1 not you\r\n")]]), (ConfigFault, "smtp_550_5_7_1")),
        (
            script(&[&HELLO, &ENVELOPE[..1], &[("RCPT", "550-5.1.1 no\r\n550 5.1.1 one\r\n")]]),
            (Permanent, "smtp_550_5_1_1"),
        ),
        (script(&[&HELLO, &ENVELOPE, &[("DATA", "554 5.7.1 spam\r\n")]]), (Permanent, "smtp_554_5_7_1")),
        (
            script(&[&HELLO, &ENVELOPE, &[MESSAGE[0], ("<message>", "451 4.3.0 later\r\n")]]),
            (Transient, "smtp_451_4_3_0"),
        ),
        (script(&[&HELLO[..1], &[("EHLO", "250-x\r\n250 SIZE 10\r\n")]]), (Permanent, "smtp_too_large")),
    ] {
        check("none", json!({}), steps, Err(expected)).await;
    }
}

#[tokio::test]
async fn login_and_tls_are_demanded() {
    let login = || json!({ "username": "user", "password": "canary" });
    let hello = |offers: &'static str| vec![HELLO[0], ("EHLO", offers)];
    let plain = vec![("AUTH PLAIN AHVzZXIAY2FuYXJ5", "235 ok\r\n")];
    let steps = [hello("250-x\r\n250 AUTH LOGIN PLAIN\r\n"), plain, ENVELOPE_BARE.to_vec(), MESSAGE.to_vec()].concat();
    check("none", login(), steps, Ok(())).await;
    let typed =
        vec![("AUTH LOGIN", "334 VXNlcm5hbWU6\r\n"), ("dXNlcg==", "334 UGFzc3dvcmQ6\r\n"), ("Y2FuYXJ5", "235 ok\r\n")];
    let steps = [hello("250-x\r\n250 AUTH LOGIN\r\n"), typed, ENVELOPE_BARE.to_vec(), MESSAGE.to_vec()].concat();
    check("none", login(), steps, Ok(())).await;
    let fault = FailureClass::ConfigFault;
    check("none", login(), hello("250 x\r\n"), Err((fault, "smtp_auth_not_offered"))).await;
    let refused = [hello("250-x\r\n250 AUTH PLAIN\r\n"), vec![("AUTH", "535 5.7.8 no\r\n")]].concat();
    check("none", login(), refused, Err((fault, "smtp_535_5_7_8"))).await;
    check("starttls", json!({}), hello("250 x\r\n"), Err((fault, "smtp_starttls_not_offered"))).await;
    // Plain text behind the answer would be taken for the server's words under TLS.
    let injected = [hello("250-x\r\n250 STARTTLS\r\n"), vec![("STARTTLS", "220 go\r\n250 injected\r\n")]].concat();
    check("starttls", json!({}), injected, Err((FailureClass::Transient, "smtp_not_smtp_early"))).await;
}

/// Without DSN no notices are asked for.
const ENVELOPE_BARE: [Step; 2] = [("MAIL FROM:<care+", "250 OK\r\n"), ("RCPT TO:<pat@example.com>\r\n", "250 OK\r\n")];

#[tokio::test]
async fn a_connection_is_kept_and_a_dead_one_replaced() {
    let again: [Step; 1] = [("RSET", "250 OK\r\n")];
    let first =
        [HELLO.to_vec(), ENVELOPE.to_vec(), MESSAGE.to_vec(), again.to_vec(), ENVELOPE.to_vec(), MESSAGE.to_vec()];
    let second = [HELLO.to_vec(), ENVELOPE.to_vec(), MESSAGE.to_vec()];
    let (port, server) = scripted(vec![first.concat(), second.concat()]).await;
    let provider = try_account(settings(port, "none"), json!({})).unwrap();
    // The first connection carries two, is closed by the server, and the second one carries the third.
    for _ in 0..3 {
        let outcome = provider.send(&cleared(message())).await;
        assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
    }
    server.await.unwrap();
}

#[test]
fn a_bad_configuration_names_its_field() {
    let with = |name: &str, value: Value| {
        let mut settings = settings(25, "none");
        settings[name] = value;
        settings
    };
    for (settings, credentials, pointer) in [
        (json!({}), json!({}), "/settings/host"),
        (with("host", json!("mail.example")), json!({}), "/settings/tls"),
        (with("host", json!("a b\r\nc")), json!({}), "/settings/host"),
        (with("tls", json!("maybe")), json!({}), "/settings/tls"),
        (with("hello_name", json!("x\r\nRSET")), json!({}), "/settings/hello_name"),
        (with("from_email", json!("nobody")), json!({}), "/settings/from_email"),
        (with("envelope_sender", json!("nobody")), json!({}), "/settings/envelope_sender"),
        (
            with("envelope_sender", json!(format!("{}@clinic.example", "b".repeat(30)))),
            json!({}),
            "/settings/envelope_sender",
        ),
        (with("max_connections", json!(0)), json!({}), "/settings/max_connections"),
        (with("tls", json!("none")), json!({ "username": "canary" }), "/credentials/password"),
    ] {
        let fault = try_account(settings.clone(), credentials).err().unwrap();
        assert_eq!(fault.pointer, pointer, "{settings}");
        assert!(!format!("{fault:?}{fault}").contains("canary"), "DEL-9");
    }
    let mut settings = settings(25, "starttls");
    settings["ca_certificate_pem"] = json!("no certificate");
    assert_eq!(try_account(settings, json!({})).err().unwrap().pointer, "/settings/ca_certificate_pem");
}

#[test]
fn a_host_inside_is_refused_where_only_the_public_network_may_be_reached() {
    for host in ["127.0.0.1", "[::1]", "10.0.0.25", "169.254.169.254", "localhost", "mail", "mail.internal"] {
        let mut settings = settings(25, "starttls");
        settings["host"] = json!(host);
        let fault = try_account_within(Reach::Public, settings.clone(), json!({})).err().unwrap();
        assert_eq!((fault.pointer.as_str(), fault.problem), ("/settings/host", "must be a public host"), "{host}");
        assert!(try_account(settings, json!({})).is_ok(), "{host}");
    }
    let mut settings = settings(25, "starttls");
    settings["host"] = json!("mail.example.com");
    assert!(try_account_within(Reach::Public, settings, json!({})).is_ok());
}

/// A name can lead anywhere, so the addresses are judged where the connection is made.
#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let mut settings = settings(listener.local_addr().unwrap().port(), "none");
    settings["host"] = json!("localhost");
    let smtp = try_account(settings, json!({})).unwrap();
    // As if it had been a public name when it was configured.
    let Smtp { mut account, clock, pool } = smtp;
    drop(pool);
    std::sync::Arc::get_mut(&mut account.server).unwrap().reach = Reach::Public;
    let smtp = Smtp { pool: Pool::new(account.server.clone()), account, clock };
    let SendOutcome::Failed(failure) = smtp.send(&cleared(message())).await else { panic!("it was sent") };
    assert_eq!((failure.class, failure.code.as_str()), (FailureClass::ConfigFault, "smtp_private_address"));
    tokio::select! {
        biased;
        _ = listener.accept() => panic!("it connected"),
        () = std::future::ready(()) => {}
    }
}

#[test]
fn an_address_in_place_of_host_and_port_is_refused() {
    let account = SimulatedAccount {
        vendor: Vendor::Smtp,
        settings: settings(25, "none"),
        credentials: Secret::new("{}".to_owned()),
        base_url: "https://mail.example.com".parse().ok(),
    };
    let config = support::config(&account, &"https://carepost.example/w".parse().unwrap());
    assert_eq!(Smtp::new(&config, &support::shared()).err().unwrap().pointer, "/base_url");
}

/// Takes one message and gives what stood between DATA and the dot.
async fn taking() -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let mut stream = BufReader::new(listener.accept().await.unwrap().0);
        stream.write_all(b"220 mx.example\r\n").await.unwrap();
        for answer in ["250 mx.example\r\n", "250 OK\r\n", "250 OK\r\n", "354 go\r\n"] {
            stream.read_line(&mut String::new()).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        let mut mail = String::new();
        while !mail.ends_with("\r\n.\r\n") {
            assert!(stream.read_line(&mut mail).await.unwrap() > 0, "the message ends with a dot");
        }
        stream.write_all(b"250 2.0.0 taken\r\n").await.unwrap();
        mail
    });
    (port, server)
}

#[tokio::test]
async fn con_008_the_one_click_headers_go_along() {
    let (port, server) = taking().await;
    let provider = try_account(settings(port, "none"), json!({})).unwrap();
    let content = EmailContent {
        subject: "Hi".to_owned(),
        text: Some("text".to_owned()),
        unsubscribe_url: Some("https://care.example/u/abc".to_owned()),
        ..EmailContent::default()
    };
    let sent = provider.send(&cleared(outbound(Channel::Email, "pat@example.com", Content::Email(content)))).await;
    assert!(matches!(sent, SendOutcome::Accepted { .. }), "{sent:?}");
    let mail = server.await.unwrap();
    assert!(mail.contains("\r\nList-Unsubscribe: <https://care.example/u/abc>\r\n"), "{mail}");
    assert!(mail.contains("\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"), "{mail}");
}
