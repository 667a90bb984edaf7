//! Vonage Messages: tokens, the table of codes, bodies, statuses, inbound pictures.

use carepost_kernel::{Clock, Content, ReceiptStatus, SmsContent};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::signature::WebhookClaims;
use super::*;
use crate::contract_tests::support::{Bench, cleared, shared, sms};
use crate::simulator::{Fate, Fault, Profile};

const SECRET: &str = "a secret of 32 characters or more";

fn webhook(token: Option<&str>, body: &str, received_at: Timestamp) -> WebhookRequest {
    WebhookRequest {
        method: "POST".to_owned(),
        url: "https://example.com/hook".to_owned(),
        headers: token.map(|token| ("authorization".to_owned(), format!("Bearer {token}"))).into_iter().collect(),
        body: body.to_owned().into(),
        received_at,
    }
}

fn claims(body: &str, iat: i64) -> WebhookClaims {
    let hash = hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body.as_bytes()));
    WebhookClaims { iat, exp: None, payload_hash: Some(hash), jti: None, iss: None, api_key: None }
}

fn verify(webhook: &WebhookRequest, secret: &str) -> Result<(), WebhookError> {
    signature::verify(webhook, std::iter::once(secret))
}

#[test]
fn the_published_token_is_authentic_and_proves_no_body() {
    let vector: Value =
        serde_json::from_str(include_str!("../../../../fixtures/vectors/vonage_webhook_jwt.json")).unwrap();
    let (token, secret) = (vector["token"].as_str().unwrap(), vector["secret"].as_str().unwrap());
    assert_eq!(vector["alg"], "HS256");
    let claims = signature::claims(token, secret).unwrap();
    assert_eq!((claims.iat, claims.iss.as_deref()), (1_697_634_680, Some("Online JWT Builder")));
    assert!(signature::claims(token, "another").is_none());
    let at_once = Timestamp::from_second(claims.iat).unwrap();
    assert_eq!(verify(&webhook(Some(token), "{}", at_once), secret), Err(WebhookError::Signature));
}

#[test]
fn a_token_counts_for_its_body_and_five_minutes() {
    let now = Clock::system().now();
    let body = "{}";
    let token = signature::sign(SECRET, &claims(body, now.as_second())).unwrap();
    assert_eq!(verify(&webhook(Some(&token), body, now), SECRET), Ok(()));
    assert_eq!(verify(&webhook(Some(&token), "{ }", now), SECRET), Err(WebhookError::Signature));
    assert_eq!(verify(&webhook(Some(&token), body, now), "another"), Err(WebhookError::Signature));
    assert_eq!(verify(&webhook(None, body, now), SECRET), Err(WebhookError::Signature));
    assert_eq!(signature::verify(&webhook(Some(&token), body, now), std::iter::empty()), Err(WebhookError::Signature));
    assert_eq!(signature::verify(&webhook(Some(&token), body, now), ["other", SECRET].into_iter()), Ok(()));
    let late = now + SignedDuration::from_secs(302);
    assert_eq!(verify(&webhook(Some(&token), body, late), SECRET), Err(WebhookError::Stale));
    let mut expired = claims(body, now.as_second());
    expired.exp = Some(now.as_second() - 1);
    let token = signature::sign(SECRET, &expired).unwrap();
    assert_eq!(verify(&webhook(Some(&token), body, now), SECRET), Err(WebhookError::Stale));
}

#[test]
fn the_algorithm_is_pinned() {
    let now = Clock::system().now();
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS512);
    let other = jsonwebtoken::encode(&header, &claims("{}", now.as_second()), &key).unwrap();
    assert_eq!(verify(&webhook(Some(&other), "{}", now), SECRET), Err(WebhookError::Signature));
    let proper = signature::sign(SECRET, &claims("{}", now.as_second())).unwrap();
    let mut parts: Vec<&str> = proper.split('.').collect();
    // {"alg":"none","typ":"JWT"}
    parts[0] = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let unsigned = format!("{}.{}.", parts[0], parts[1]);
    assert_eq!(verify(&webhook(Some(&unsigned), "{}", now), SECRET), Err(WebhookError::Signature));
}

#[test]
fn every_code_of_the_table_has_its_class() {
    use FailureClass::{ConfigFault, Permanent, Suppressed, Throttled, Transient};
    for (class, codes) in [
        (Throttled, vec![1000]),
        (Permanent, vec![1010, 1020, 1021, 1022, 1040, 1090, 1130, 1150, 1170]),
        (Permanent, vec![1190, 1210, 1260, 1270, 1280, 1290, 1300, 1310, 1340, 1360]),
        (Transient, vec![1030, 1100, 1180, 1220, 1230, 1330]),
        (Suppressed, vec![1050, 1240]),
        (ConfigFault, vec![1060, 1070, 1080, 1110, 1120, 1140, 1160, 1250]),
    ] {
        for code in codes {
            assert_eq!(classify::class_of(code), Some(class), "{code}");
        }
    }
    assert_eq!(classify::class_of(classify::ALREADY_SENT), None);
    assert_eq!(classify::delivery_failure("undeliverable", None).class, Transient);
    assert_eq!(classify::delivery_failure("rejected", None).class, Permanent);
}

#[tokio::test]
async fn a_message_that_the_vendor_has_already_is_accepted() {
    let bench = Bench::new(Vendor::VonageMessages).await;
    let script = [Fault::VendorCode("1320".to_owned())].into();
    bench.simulator.set_profile(Vendor::VonageMessages, Profile { script, ..Profile::default() });
    let outcome = bench.provider.send(&cleared(sms("+15005550100", "Hello"))).await;
    assert_eq!(outcome, SendOutcome::Accepted { provider_refs: Vec::new(), delivered: false });
}

#[tokio::test]
async fn an_undeliverable_message_says_why() {
    let mut bench = Bench::new(Vendor::VonageMessages).await;
    let mut profile = Profile::default();
    profile.receipts.fate = Fate::Undelivered { code: "1240".to_owned() };
    bench.simulator.set_profile(Vendor::VonageMessages, profile);
    let cleared = cleared(sms("+15005550100", "Hello"));
    bench.provider.send(&cleared).await;
    bench.simulator.settled().await;
    let webhooks = bench.receiver.rest();
    let received = bench.provider.receive(webhooks.last().unwrap()).await.unwrap();
    let receipt = &received.receipts[0];
    assert_eq!(receipt.status, ReceiptStatus::Undelivered);
    assert_eq!(receipt.failure, Some(Failure::new(FailureClass::Suppressed, "vonage_messages_1240")));
    assert_eq!(receipt.attempt, Some(cleared.get().attempt));
    assert!(receipt.occurred_at.is_some());
}

fn settings() -> VonageMessagesSettings {
    serde_json::from_value(json!({ "from": "+15005550006", "api_key": "abcd1234" })).unwrap()
}

#[test]
fn bodies_are_as_the_vendor_wants_them() {
    let now = Clock::system().now();
    let url: Url = "https://example.com/hook".parse().unwrap();
    let mut outbound = sms("+15005550100", "Hello");
    outbound.expires_at = now + SignedDuration::from_secs(60);
    let settings = settings();
    let text = serde_json::to_value(request::body(&settings, &url, &outbound, now).unwrap()).unwrap();
    let reference = outbound.attempt.to_string();
    assert_eq!(
        text,
        json!({
            "channel": "sms", "message_type": "text", "text": "Hello", "to": "15005550100", "from": "15005550006",
            "client_ref": reference, "webhook_url": "https://example.com/hook", "webhook_version": "v1", "ttl": 60,
            "sms": { "encoding_type": "auto" },
        })
    );
    let with_media = |media_urls: Vec<String>| Content::Sms(SmsContent { text: "Look".to_owned(), media_urls });
    outbound.content = carepost_kernel::Phi::new(with_media(vec!["https://example.com/a.png".to_owned()]));
    let picture = serde_json::to_value(request::body(&settings, &url, &outbound, now).unwrap()).unwrap();
    assert_eq!(picture["channel"], "mms");
    assert_eq!(picture["image"], json!({ "url": "https://example.com/a.png", "caption": "Look" }));
    assert_eq!(picture["ttl"], 300);
    outbound.content = carepost_kernel::Phi::new(with_media(vec![String::new(), String::new()]));
    let failure = request::body(&settings, &url, &outbound, now).err().unwrap();
    assert_eq!(failure.code, "vonage_messages_too_many_media");
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_by_field() {
    let bench = Bench::new(Vendor::VonageMessages).await;
    let pointer_of = |settings: Value, credentials: Value| {
        let mut config = bench.config.clone();
        config.settings = settings;
        config.credentials = carepost_kernel::Secret::new(credentials.to_string());
        VonageMessages::new(&config, &shared()).err().map(|error| error.pointer)
    };
    let application = json!({ "from": "x", "application_id": "id" });
    let pointer = pointer_of(application.clone(), json!({ "private_key": "CANARY" }));
    assert_eq!(pointer.as_deref(), Some("/credentials/private_key"));
    assert_eq!(pointer_of(application, json!({})).as_deref(), Some("/credentials/private_key"));
    let account = json!({ "from": "x", "api_key": "key" });
    assert_eq!(pointer_of(account.clone(), json!({})).as_deref(), Some("/credentials/api_secret"));
    assert_eq!(pointer_of(account, json!({ "api_secret": "secret" })), None);
    assert_eq!(pointer_of(json!({ "from": "x" }), json!({})).as_deref(), Some("/settings/application_id"));
}

#[test]
fn inbound_pictures_keep_their_caption_and_address() {
    let body = json!({
        "channel": "mms", "message_type": "image", "message_uuid": "u", "to": "15005550006", "from": "15005550100",
        "timestamp": "2026-11-22T09:00:00Z", "image": { "url": "https://example.com/i", "caption": "My rash" },
    });
    let received = receipts::parse(body.to_string().as_bytes()).unwrap();
    let message = &received.inbound[0];
    assert_eq!((message.from.expose().as_str(), message.text.expose().as_str()), ("+15005550100", "My rash"));
    assert_eq!(message.media[0].expose().url.as_deref(), Some("https://example.com/i"));
    assert_eq!(message.occurred_at, "2026-11-22T09:00:00Z".parse().ok());
}

#[test]
fn the_sample_payloads_are_read() {
    let status = include_bytes!("../../../../fixtures/webhooks/vonage_messages_status.json");
    let received = receipts::parse(status).unwrap();
    let receipt = &received.receipts[0];
    assert_eq!(receipt.failure, Some(Failure::new(FailureClass::Suppressed, "vonage_messages_1050")));
    assert!(receipt.attempt.is_some() && receipt.occurred_at.is_some());
    let inbound = include_bytes!("../../../../fixtures/webhooks/vonage_messages_inbound.json");
    let received = receipts::parse(inbound).unwrap();
    assert_eq!(received.inbound[0].text.expose(), "Please call me");
}

proptest! {
    #[test]
    fn nothing_makes_the_parsers_panic(body in any::<Vec<u8>>(), token in ".*") {
        let _ = receipts::parse(&body);
        let text = String::from_utf8_lossy(&body);
        prop_assert!(verify(&webhook(Some(&token), &text, Timestamp::UNIX_EPOCH), SECRET).is_err());
    }

    #[test]
    fn signed_nonsense_does_not_make_the_parsers_panic(
        status in ".*", kind in ".*", timestamp in ".*", reference in ".*", name in "[a-z_]{1,12}",
    ) {
        let body = json!({
            "message_uuid": "u", "status": status, "timestamp": timestamp, "client_ref": reference,
            "error": { "type": kind, "title": 1, "code": name },
        });
        let _ = receipts::parse(body.to_string().as_bytes());
        let _ = receipts::parse(json!({ "message_uuid": "u", "from": status, "to": kind, name: 1 }).to_string().as_bytes());
    }
}
