//! TLS from the first byte, and the one root that is trusted.

use carepost_kernel::{Channel, Content, EmailContent, FailureClass, SendOutcome};

use super::*;
use crate::contract::Outbound;
use crate::contract_tests::support::{Bench, cleared, config, outbound, shared};

fn message() -> Outbound {
    let content = EmailContent { subject: "Hi".to_owned(), text: Some("text".to_owned()), ..EmailContent::default() };
    outbound(Channel::Email, "pat@example.com", Content::Email(content))
}

#[tokio::test]
async fn smtp_speaks_tls_from_the_first_byte_and_trusts_one_root() {
    let bench = Bench::new(Vendor::Smtp).await;
    let mut account = bench.account.clone();
    account.settings["tls"] = "implicit".into();
    let port = bench.simulator.smtp_implicit_port();
    account.settings["port"] = port.into();
    let provider = crate::build(&config(&account, &bench.receiver.url), &shared()).unwrap();
    let outcome = provider.send(&cleared(message())).await;
    assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");

    // Another root: the server is a stranger.
    let stranger = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    account.settings["ca_certificate_pem"] = stranger.cert.pem().into();
    let provider = crate::build(&config(&account, &bench.receiver.url), &shared()).unwrap();
    let outcome = provider.send(&cleared(message())).await;
    let SendOutcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.class, failure.code.as_str()), (FailureClass::ConfigFault, "smtp_certificate"));
    bench.simulator.stop().await;
}
