//! Tests of one SES account: its configuration, its requests, mail that lies in S3.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carepost_kernel::{Channel, Content, EmailContent, FailureClass, Secret};
use jiff::Timestamp;
use mail_parser::MessageParser;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::contract_tests::support::{self, outbound, shared, sms};
use crate::simulator::SimulatedAccount;

fn account(settings: Value, credentials: Value) -> Result<Ses, ConfigError> {
    let account = SimulatedAccount {
        vendor: Vendor::Ses,
        settings,
        credentials: Secret::new(credentials.to_string()),
        base_url: None,
    };
    Ses::new(&support::config(&account, &"https://carepost.example/w".parse().unwrap()), &shared())
}

fn plain() -> Value {
    json!({ "region": "us-east-1", "from_email": "care@clinic.example", "configuration_set": "set" })
}

fn keys() -> Value {
    json!({ "access_key_id": "AKIDEXAMPLE", "secret_access_key": "canary", "session_token": "token" })
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

#[test]
fn a_bad_configuration_names_its_field() {
    let with = |name: &str, value: &str| {
        let mut settings = plain();
        settings[name] = value.into();
        settings
    };
    for (settings, credentials, pointer) in [
        (json!({}), keys(), "/settings/region"),
        (with("region", "a/../b"), keys(), "/settings/region"),
        (with("from_email", "nobody"), keys(), "/settings/from_email"),
        (with("configuration_set", ""), keys(), "/settings/configuration_set"),
        (with("topic_arn", "topic"), keys(), "/settings/topic_arn"),
        (plain(), json!({}), "/credentials/access_key_id"),
        (plain(), json!({ "access_key_id": "", "secret_access_key": "canary" }), "/credentials/access_key_id"),
    ] {
        let fault = account(settings, credentials).err().unwrap();
        assert_eq!(fault.pointer, pointer);
        assert!(!format!("{fault:?}{fault}").contains("canary"), "DEL-9");
    }
}

#[test]
fn a_request_has_everything_and_the_same_message_id_for_each_attempt() {
    let provider = account(plain(), keys()).unwrap();
    let content = EmailContent { subject: "Hi".to_owned(), text: Some("text".to_owned()), ..EmailContent::default() };
    let mut outbound = outbound(Channel::Email, "pat@example.com", Content::Email(content));
    let mut ids = Vec::new();
    for attempt_no in [1, 2] {
        outbound.attempt.attempt_no = attempt_no;
        let body: Value = serde_json::from_slice(&request::body(&provider.account, &outbound, now()).unwrap()).unwrap();
        assert_eq!(body["Destination"]["ToAddresses"], json!(["pat@example.com"]));
        assert_eq!(body["ConfigurationSetName"], "set");
        let tag = body["EmailTags"][0]["Value"].as_str().unwrap();
        assert_eq!(tag, outbound.attempt.to_string());
        assert!(tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.@".contains(&byte)), "what SES allows");
        let raw = STANDARD.decode(body["Content"]["Raw"]["Data"].as_str().unwrap()).unwrap();
        ids.push(MessageParser::default().parse(&raw).unwrap().message_id().unwrap().to_owned());
    }
    assert_eq!(ids[0], ids[1]);
    let wrong = request::body(&provider.account, &sms("+15005550100", "x"), now());
    assert_eq!(wrong, Err(Failure::new(FailureClass::Permanent, "ses_wrong_channel")));
}

#[test]
fn con_008_the_one_click_headers_go_along() {
    let provider = account(plain(), keys()).unwrap();
    let content = EmailContent {
        subject: "Hi".to_owned(),
        text: Some("text".to_owned()),
        unsubscribe_url: Some("https://care.example/u/abc".to_owned()),
        ..EmailContent::default()
    };
    let outbound = outbound(Channel::Email, "pat@example.com", Content::Email(content));
    let body: Value = serde_json::from_slice(&request::body(&provider.account, &outbound, now()).unwrap()).unwrap();
    let raw = STANDARD.decode(body["Content"]["Raw"]["Data"].as_str().unwrap()).unwrap();
    let mail = MessageParser::default().parse(&raw).unwrap();
    assert_eq!(mail.header_raw("List-Unsubscribe").map(str::trim), Some("<https://care.example/u/abc>"));
    assert_eq!(mail.header_raw("List-Unsubscribe-Post").map(str::trim), Some("List-Unsubscribe=One-Click"));
}

#[test]
fn a_request_is_signed_for_region_and_service() {
    let provider = account(plain(), keys()).unwrap();
    let request = request::signed(&provider.account, &provider.http, b"{}".to_vec(), now()).unwrap().build().unwrap();
    assert_eq!(request.url().as_str(), "https://email.us-east-1.amazonaws.com/v2/email/outbound-emails");
    let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
    assert!(header("authorization").starts_with(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20270115/us-east-1/ses/aws4_request, SignedHeaders=content-type;host;"
    ));
    assert_eq!(header("x-amz-date"), "20270115T080000Z");
    assert_eq!(header("x-amz-security-token"), "token");
}

#[test]
fn received_mail_comes_whole_or_by_its_place() {
    let record = json!({
        "notificationType": "Received",
        "mail": { "messageId": "m1", "source": "pat@example.com", "timestamp": "2026-01-02T03:04:05.678Z",
            "commonHeaders": { "subject": "Hi" } },
        "receipt": { "recipients": ["in@clinic.example"], "action": { "bucketName": "bucket", "objectKey": "mail/1" } },
    });
    let stored = inbound::read(record.clone()).unwrap();
    assert_eq!(stored.media[0].expose().url.as_deref(), Some("s3://bucket/mail/1"));
    assert_eq!((stored.provider_ref.as_str(), stored.to.as_str()), ("m1", "in@clinic.example"));

    let mut whole = record;
    whole["content"] = "From: Pat <pat@example.com>\r\nMessage-ID: <a@b>\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n--b\r\n\
        Content-Type: application/pdf; name=a.pdf\r\n\r\nx\r\n--b--\r\n"
        .into();
    let read = inbound::read(whole.clone()).unwrap();
    assert_eq!((read.text.expose().trim(), read.media.len()), ("Hello", 1));
    whole["receipt"]["virusVerdict"] = json!({ "status": "FAIL" });
    assert!(inbound::read(whole.clone()).unwrap().media.is_empty(), "no files of a mail with a virus");
    whole["receipt"]["action"]["encoding"] = "BASE64".into();
    assert!(inbound::read(whole).is_err());
}

proptest! {
    #[test]
    fn no_received_mail_makes_it_panic(text in any::<String>()) {
        let _ = inbound::read(json!({
            "notificationType": "Received",
            "mail": { "messageId": text },
            "receipt": { "recipients": [text], "action": { "encoding": "BASE64" } },
            "content": text,
        }));
    }
}
