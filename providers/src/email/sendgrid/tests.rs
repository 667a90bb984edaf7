//! Tests of one SendGrid account: the official signature vector, its configuration, its requests.

use carepost_kernel::{Attachment, Channel, Content, EmailContent, FailureClass, Secret};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::contract_tests::support::{self, outbound, shared, sms};
use crate::simulator::SimulatedAccount;

fn account(settings: Value, credentials: Value) -> Result<Sendgrid, ConfigError> {
    let account = SimulatedAccount {
        vendor: Vendor::Sendgrid,
        settings,
        credentials: Secret::new(credentials.to_string()),
        base_url: None,
    };
    Sendgrid::new(&support::config(&account, &"https://carepost.example/w".parse().unwrap()), &shared())
}

fn plain() -> Value {
    json!({ "from_email": "care@clinic.example", "from_name": "Clinic" })
}

fn key() -> Value {
    json!({ "api_key": "SG.canary" })
}

fn vector() -> (Value, WebhookRequest) {
    let vector: Value = serde_json::from_str(include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../fixtures/vectors/sendgrid/event_webhook.json"
    )))
    .unwrap();
    let text = |name: &str| vector[name].as_str().unwrap().to_owned();
    let request = WebhookRequest {
        method: "POST".to_owned(),
        url: "https://carepost.example/w".to_owned(),
        headers: vec![
            (receipts::SIGNATURE_HEADER.to_owned(), text("signature_der_b64")),
            (receipts::TIMESTAMP_HEADER.to_owned(), text("timestamp")),
        ],
        body: text("payload").into(),
        received_at: Timestamp::from_second(text("timestamp").parse().unwrap()).unwrap(),
    };
    (vector, request)
}

#[tokio::test]
async fn the_official_vector_verifies_over_the_raw_body() {
    let (vector, request) = vector();
    let mut settings = plain();
    settings["webhook_public_key"] = vector["public_key_spki_b64"].clone();
    let provider = account(settings, key()).unwrap();
    let received = provider.receive(&request).await.unwrap();
    assert_eq!(received.receipts.len(), 1);
    assert_eq!(received.receipts[0].provider_ref, "LRzXl_NHStOGhQ4kofSm_A");
    assert_eq!(received.receipts[0].failure.as_ref().unwrap().code, "sendgrid_dropped_bounced_address");

    // Written anew, the line end is gone.
    let mut rewritten = request.clone();
    rewritten.body = request.body.slice(..request.body.len() - 2);
    assert_eq!(provider.receive(&rewritten).await.err(), Some(WebhookError::Signature));
    let mut old = request.clone();
    old.received_at += SignedDuration::from_secs(3601);
    assert_eq!(provider.receive(&old).await.err(), Some(WebhookError::Stale));
    let without_key = account(plain(), key()).unwrap();
    assert_eq!(without_key.receive(&request).await.err(), Some(WebhookError::Signature));
}

#[tokio::test]
async fn inbound_parse_must_be_allowed_and_know_the_password() {
    let body = "--b\r\nContent-Disposition: form-data; name=\"from\"\r\n\r\nPat <pat@example.com>\r\n\
        --b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\ncaf\u{e9}\r\n\
        --b\r\nContent-Disposition: form-data; name=\"charsets\"\r\n\r\n{\"text\":\"iso-8859-1\"}\r\n--b--\r\n";
    // In Latin 1, as the form says.
    let body: Vec<u8> = body.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
    let request = |login: Option<&str>| WebhookRequest {
        method: "POST".to_owned(),
        url: "https://carepost.example/w".to_owned(),
        headers: [("content-type", Some("multipart/form-data; boundary=b")), ("authorization", login)]
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .collect(),
        body: body.clone().into(),
        received_at: Timestamp::UNIX_EPOCH,
    };
    let mut settings = plain();
    assert_eq!(
        account(settings.clone(), key()).unwrap().receive(&request(None)).await.err(),
        Some(WebhookError::Signature)
    );
    settings["inbound_parse"] = json!(true);
    let open = account(settings.clone(), key()).unwrap();
    let received = open.receive(&request(None)).await.unwrap();
    assert_eq!(received.inbound[0].from.expose(), "pat@example.com");
    assert_eq!(received.inbound[0].text.expose(), "café");

    let credentials = json!({ "api_key": "SG.canary", "inbound_username": "user", "inbound_password": "pass" });
    let locked = account(settings, credentials).unwrap();
    assert_eq!(locked.receive(&request(None)).await.err(), Some(WebhookError::Signature));
    assert_eq!(locked.receive(&request(Some("Basic dXNlcjp3cm9uZw=="))).await.err(), Some(WebhookError::Signature));
    assert!(locked.receive(&request(Some("Basic dXNlcjpwYXNz"))).await.is_ok());
}

#[tokio::test]
async fn a_raw_email_in_a_form_is_read_whole() {
    let mut settings = plain();
    settings["inbound_parse"] = json!(true);
    let request = WebhookRequest {
        method: "POST".to_owned(),
        url: "https://carepost.example/w".to_owned(),
        headers: vec![("content-type".to_owned(), "multipart/form-data; boundary=b".to_owned())],
        body: "--b\r\nContent-Disposition: form-data; name=\"envelope\"\r\n\r\n{\"to\":[\"in@clinic.example\"]}\r\n\
            --b\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nFrom: pat@example.com\r\nTo: x@example.com\r\n\
            In-Reply-To: <a@b>\r\nMessage-ID: <r@example.com>\r\n\r\nYes\r\n\r\n--b--\r\n"
            .into(),
        received_at: Timestamp::UNIX_EPOCH,
    };
    let received = account(settings, key()).unwrap().receive(&request).await.unwrap();
    let message = &received.inbound[0];
    assert_eq!((message.provider_ref.as_str(), message.to.as_str()), ("r@example.com", "in@clinic.example"));
    assert_eq!(message.in_reply_to, ["a@b"]);
}

#[test]
fn a_bad_configuration_names_its_field() {
    for (settings, credentials, pointer) in [
        (json!({}), key(), "/settings/from_email"),
        (json!({ "from_email": "nobody" }), key(), "/settings/from_email"),
        (json!({ "from_email": "care@clinic.example", "typo": 1 }), key(), "/settings/typo"),
        (
            json!({ "from_email": "care@clinic.example", "webhook_public_key": "%" }),
            key(),
            "/settings/webhook_public_key",
        ),
        (plain(), json!({}), "/credentials/api_key"),
        (plain(), json!({ "api_key": "" }), "/credentials/api_key"),
        (plain(), json!({ "api_key": "x", "inbound_username": "x" }), "/credentials/inbound_password"),
    ] {
        let fault = account(settings, credentials).err().unwrap();
        assert_eq!(fault.pointer, pointer);
        assert!(!format!("{fault:?}{fault}").contains("canary"), "DEL-9");
    }
}

#[test]
fn a_request_has_everything_and_the_same_message_id_for_each_attempt() {
    let mut settings = plain();
    settings["unsubscribe_group_id"] = json!(7);
    settings["sandbox_mode"] = json!(true);
    let provider = account(settings, key()).unwrap();
    let content = EmailContent {
        subject: "Hi\r\nBcc: x".to_owned(),
        text: Some("text".to_owned()),
        html: Some("<p>html</p>".to_owned()),
        reply_to: Some("front@clinic.example".to_owned()),
        attachments: vec![Attachment {
            filename: "a.pdf".to_owned(),
            content_type: "application/pdf".to_owned(),
            content_base64: "JVBERg==".to_owned(),
        }],
        unsubscribe_url: Some("https://clinic.example/u/1".to_owned()),
    };
    let mut first = outbound(Channel::Email, "pat@example.com", Content::Email(content));
    let body = request::body(&provider.account, &first).unwrap();
    assert_eq!(body["subject"], "Hi Bcc: x");
    assert_eq!(body["content"][0]["type"], "text/plain");
    assert_eq!(body["content"][1]["type"], "text/html");
    assert_eq!(body["reply_to"]["email"], "front@clinic.example");
    assert_eq!(body["attachments"][0]["content"], "JVBERg==");
    assert_eq!(body["headers"]["List-Unsubscribe"], "<https://clinic.example/u/1>");
    assert_eq!(body["headers"]["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click");
    assert_eq!(body["asm"]["group_id"], 7);
    assert_eq!(body["mail_settings"]["sandbox_mode"]["enable"], true);
    assert_eq!(body["tracking_settings"]["click_tracking"]["enable"], false);
    assert_eq!(body["personalizations"][0]["custom_args"]["carepost_ref"], first.attempt.to_string());
    first.attempt.attempt_no = 2;
    let second = request::body(&provider.account, &first).unwrap();
    assert_eq!(second["headers"]["Message-ID"], body["headers"]["Message-ID"]);
    assert_ne!(second["personalizations"], body["personalizations"]);
}

#[test]
fn con_008_the_one_click_headers_go_along() {
    let provider = account(plain(), key()).unwrap();
    let content = EmailContent {
        subject: "Hi".to_owned(),
        text: Some("text".to_owned()),
        unsubscribe_url: Some("https://care.example/u/abc".to_owned()),
        ..EmailContent::default()
    };
    let outbound = outbound(Channel::Email, "pat@example.com", Content::Email(content));
    let headers = &request::body(&provider.account, &outbound).unwrap()["headers"];
    assert_eq!(headers["List-Unsubscribe"], "<https://care.example/u/abc>");
    assert_eq!(headers["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click");
}

#[test]
fn what_cannot_be_sent_is_permanent() {
    let provider = account(plain(), key()).unwrap();
    let email = |to: &str, text: Option<&str>| {
        let content = EmailContent { text: text.map(str::to_owned), ..EmailContent::default() };
        outbound(Channel::Email, to, Content::Email(content))
    };
    for (outbound, code) in [
        (email("nobody", Some("x")), "sendgrid_bad_recipient"),
        (email("pat@example.com", None), "sendgrid_empty_content"),
        (sms("+15005550100", "x"), "sendgrid_wrong_channel"),
    ] {
        assert_eq!(request::body(&provider.account, &outbound), Err(Failure::new(FailureClass::Permanent, code)));
    }
}
