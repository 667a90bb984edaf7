//! Twilio: signatures by the published vectors, every code, requests, receipts, look-ups.

use std::collections::BTreeSet;

use bytes::Bytes;
use carepost_kernel::{Clock, Content, ReceiptStatus, SmsContent};
use proptest::prelude::*;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::*;
use crate::contract::OptOutKeyword;
use crate::contract_tests::support::{Bench, cleared, shared, sms};
use crate::simulator::{Fate, Fault, Profile};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../fixtures/vectors/twilio_signature.json")).unwrap()
}

fn pairs(params: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let object = params.as_object().unwrap();
    object
        .iter()
        .flat_map(|(name, value)| match value {
            Value::Array(values) => values.iter().map(|value| (name.clone(), text(value))).collect(),
            value => vec![(name.clone(), text(value))],
        })
        .collect()
}

fn webhook(method: &str, url: &str, content_type: &str, signature: &str, body: impl Into<Bytes>) -> WebhookRequest {
    WebhookRequest {
        method: method.to_owned(),
        url: url.to_owned(),
        headers: vec![
            ("content-type".to_owned(), content_type.to_owned()),
            ("x-twilio-signature".to_owned(), signature.to_owned()),
        ],
        body: body.into(),
        received_at: Timestamp::UNIX_EPOCH,
    }
}

fn form(params: &[(String, String)]) -> String {
    Serializer::new(String::new()).extend_pairs(params).finish()
}

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

fn passes(vectors: &Value, webhook: &WebhookRequest) -> bool {
    let token = vectors["token"].as_str().unwrap();
    let outcome = signature::verify(webhook, std::iter::once(token));
    // With the other token of a rotation it passes as well; with a wrong one alone it never does.
    assert_eq!(signature::verify(webhook, ["other", token].into_iter()).is_ok(), outcome.is_ok());
    assert_eq!(signature::verify(webhook, std::iter::once("other")), Err(WebhookError::Signature));
    assert_eq!(signature::verify(webhook, std::iter::empty()), Err(WebhookError::Signature));
    outcome.is_ok()
}

#[test]
fn published_vectors_of_forms_pass_with_every_spelling_of_the_port() {
    let vectors = vectors();
    let params = pairs(&vectors["params"]);
    let token = vectors["token"].as_str().unwrap();
    let rest = "mycompany.com/myapp.php?foo=1&bar=2";
    let with_port = |port: u16| format!("mycompany.com:{port}/myapp.php?foo=1&bar=2");
    for (vector, signed, also_called_as) in [
        ("sig", format!("https://{rest}"), vec![format!("https://{}", with_port(443))]),
        ("https_explicit_443", format!("https://{}", with_port(443)), vec![format!("https://{rest}")]),
        ("http_explicit_80", format!("http://{}", with_port(80)), vec![format!("http://{rest}")]),
        ("http_port_1234", format!("http://{}", with_port(1234)), vec![]),
        ("userinfo_user:pass@", format!("https://user:pass@{rest}"), vec![]),
        ("userinfo_user@", format!("https://user@{rest}"), vec![]),
        (
            "userinfo_user:pass@_443",
            format!("https://user:pass@{}", with_port(443)),
            vec![format!("https://user:pass@{rest}")],
        ),
    ] {
        let expected = vectors[vector].as_str().unwrap();
        assert_eq!(signature::sign(token, &signed, &params), expected, "{vector}");
        for url in std::iter::once(signed).chain(also_called_as) {
            assert!(passes(&vectors, &webhook("POST", &url, FORM, expected, form(&params))), "{vector} {url}");
            let other = url.replace("bar=2", "bar=3");
            assert!(!passes(&vectors, &webhook("POST", &other, FORM, expected, form(&params))), "{vector} {other}");
            let mut changed = params.clone();
            changed[0].1.push('x');
            assert!(!passes(&vectors, &webhook("POST", &url, FORM, expected, form(&changed))), "{vector} {url}");
        }
    }
}

#[test]
fn a_get_is_signed_by_its_address_alone_apostrophes_included() {
    let vectors = vectors();
    let expected = vectors["url_plus_&Body=It's+amazing"].as_str().unwrap();
    let plain = vectors["url"].as_str().unwrap();
    // The vector's parameters stay those of the form; its address has one more.
    let params = pairs(&vectors["params"]);
    for body in ["It%27s+amazing", "It's+amazing"] {
        let url = format!("{plain}&Body={body}");
        assert!(passes(&vectors, &webhook("POST", &url, FORM, expected, form(&params))), "{body}");
    }
    let url = format!("{plain}&MessageSid=SM1&MessageStatus=sent");
    let signed = signature::sign(vectors["token"].as_str().unwrap(), &url, &[]);
    assert!(passes(&vectors, &webhook("GET", &url, "", &signed, "")));
    assert!(!passes(&vectors, &webhook("GET", &format!("{url}2"), "", &signed, "")));
}

#[test]
fn a_json_body_counts_by_the_hash_in_the_address() {
    let vectors = vectors();
    let body = vectors["json_body"].as_str().unwrap();
    let hash = vectors["json_body_sha256_hex"].as_str().unwrap();
    let whole = format!("{}&bodySHA256={hash}", vectors["url"].as_str().unwrap());
    let only = format!("https://mycompany.com/myapp.php?bodySHA256={hash}");
    for (vector, url) in [("json_sig_url&bodySHA256", whole), ("json_sig_only_bodySHA256_query", only)] {
        let signature = vectors[vector].as_str().unwrap();
        let json = "application/json";
        assert!(passes(&vectors, &webhook("POST", &url, json, signature, body.to_owned())), "{vector}");
        assert!(!passes(&vectors, &webhook("POST", &url, json, signature, format!("{body} "))), "{vector}");
    }
    let bare = vectors["url"].as_str().unwrap();
    let signed = signature::sign(vectors["token"].as_str().unwrap(), bare, &[]);
    let unhashed = webhook("POST", bare, "application/json", &signed, body.to_owned());
    assert!(!passes(&vectors, &unhashed), "a JSON body without a hash is unsigned");
}

#[test]
fn repeated_names_are_sorted_and_counted_once() {
    let vectors = vectors();
    let url = vectors["url"].as_str().unwrap();
    for (params, signature) in [("array_params", "array_sig"), ("dup_params", "dup_sig")] {
        let params = pairs(&vectors[params]);
        let expected = vectors[signature].as_str().unwrap();
        assert!(passes(&vectors, &webhook("POST", url, FORM, expected, form(&params))), "{signature}");
    }
}

#[test]
fn every_code_of_the_table_has_its_class() {
    use FailureClass::{ConfigFault, Permanent, Suppressed, Throttled, Transient};
    let table: &[(FailureClass, &[u32])] = &[
        (Suppressed, &[21610, 30004, 63014]),
        (Permanent, &[21211, 21214, 21217, 21265, 21266, 21268, 21604, 21612, 21614, 21635]),
        (Permanent, &[30003, 30005, 30006, 30011, 30007, 30009, 30019]),
        (Permanent, &[21602, 21617, 21618, 21620, 21623, 21652, 21653, 21654, 21655, 21656, 21657, 21658]),
        (Transient, &[20500, 20503, 20409, 20162, 30001, 30008, 30017, 30020, 30021]),
        (Throttled, &[20429, 21611, 14107, 30022, 30023, 30027]),
        (ConfigFault, &[20003, 20005, 20006, 20404, 21212, 21408, 21603, 21606, 21608, 21659, 21660, 21661]),
        (ConfigFault, &[21701, 21710, 30002, 30018, 30024, 30032, 30033, 30034, 30035]),
    ];
    let mut seen = BTreeSet::new();
    for (class, codes) in table {
        for code in *codes {
            assert_eq!(classify::class_of(*code), Some(*class), "{code}");
            assert!(seen.insert(code), "{code} twice");
        }
    }
    assert_eq!(classify::class_of(12345), None);
    assert_eq!(classify::delivery_failure(Some(39999)).class, Transient);
    assert_eq!(classify::delivery_failure(Some(21999)), Failure::new(Permanent, "twilio_21999"));
    assert_eq!(classify::delivery_failure(None).class, Transient);
}

#[tokio::test]
async fn a_send_names_everything_that_the_vendor_needs() {
    let now: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
    let mut outbound = sms("+15005550100", "Hello");
    outbound.expires_at = now + SignedDuration::from_secs(90);
    let settings = |value: Value| -> TwilioSettings { serde_json::from_value(value).unwrap() };
    let account_sid = format!("AC{}", "0".repeat(32));
    let by_number = settings(serde_json::json!({ "account_sid": account_sid, "from": "+15005550006" }));
    let webhook_url: Url = "https://example.com/webhooks/twilio/token".parse().unwrap();
    let form = request::form(&by_number, &webhook_url, &outbound, now).unwrap();
    let callback = format!("https://example.com/webhooks/twilio/token?ref={}", outbound.attempt);
    let wanted = [
        ("To", "+15005550100"),
        ("From", "+15005550006"),
        ("Body", "Hello"),
        ("StatusCallback", &callback),
        ("ValidityPeriod", "90"),
    ];
    assert_eq!(form, wanted.map(|(name, value)| (name, value.to_owned())));

    let service = format!("MG{}", "0".repeat(32));
    let by_service = settings(serde_json::json!({ "account_sid": account_sid, "messaging_service_sid": service }));
    let media = ["https://example.com/a.png", "https://example.com/b.png"].map(str::to_owned);
    outbound.content =
        carepost_kernel::Phi::new(Content::Sms(SmsContent { text: String::new(), media_urls: media.to_vec() }));
    outbound.expires_at = now - SignedDuration::from_secs(5);
    let form = request::form(&by_service, &webhook_url, &outbound, now).unwrap();
    assert!(form.contains(&("MessagingServiceSid", service)));
    assert_eq!(form.iter().filter(|(name, _)| *name == "MediaUrl").count(), 2);
    assert!(form.iter().all(|(name, _)| *name != "Body" && *name != "From"));
    assert!(form.contains(&("ValidityPeriod", "1".to_owned())));
}

#[tokio::test]
async fn an_undelivered_message_says_why_and_names_its_attempt() {
    let mut bench = Bench::new(Vendor::Twilio).await;
    let mut profile = Profile::default();
    profile.receipts.fate = Fate::Undelivered { code: "30006".to_owned() };
    bench.simulator.set_profile(Vendor::Twilio, profile);
    let cleared = cleared(sms("+15005550100", "Hello"));
    bench.provider.send(&cleared).await;
    bench.simulator.settled().await;
    let mut receipts = Vec::new();
    for webhook in bench.receiver.rest() {
        receipts.extend(bench.provider.receive(&webhook).await.unwrap().receipts);
    }
    let [sent, failed] = receipts.as_slice() else { panic!("{receipts:?}") };
    assert_eq!((sent.status, sent.attempt), (ReceiptStatus::Sent, Some(cleared.get().attempt)));
    assert_eq!((failed.status, failed.attempt), (ReceiptStatus::Undelivered, Some(cleared.get().attempt)));
    assert_eq!(failed.failure, Some(Failure::new(FailureClass::Permanent, "twilio_30006")));
    assert_eq!(failed.dedup_key, format!("{}:undelivered", failed.provider_ref));
}

#[tokio::test]
async fn del_5_a_dropped_message_is_found_and_an_absent_one_is_absent_in_time() {
    let bench = Bench::new(Vendor::Twilio).await;
    let script = [Fault::DropAfterAccept].into();
    bench.simulator.set_profile(Vendor::Twilio, Profile { script, ..Profile::default() });
    let attempted_at = Clock::system().now();
    let lost = cleared(sms("+15005550100", "Hello"));
    let SendOutcome::Failed(failure) = bench.provider.send(&lost).await else { panic!("was answered") };
    assert_eq!(failure, Failure::new(FailureClass::Unknown, "twilio_connection_lost"));
    let LookUpOutcome::Found { provider_refs } = bench.provider.look_up(lost.get(), attempted_at).await else {
        panic!("not found")
    };
    let calls = bench.simulator.calls(Vendor::Twilio);
    assert_eq!(calls[0].outcome, crate::simulator::CallOutcome::Dropped { provider_ref: provider_refs[0].to_string() });

    let never = sms("+15005550100", "Something else");
    assert_eq!(bench.provider.look_up(&never, attempted_at).await, LookUpOutcome::CannotTell, "too soon");
    let long_ago = attempted_at - SignedDuration::from_secs(31);
    assert_eq!(bench.provider.look_up(&never, long_ago).await, LookUpOutcome::Absent);
    let later = attempted_at + SignedDuration::from_mins(5);
    assert_ne!(
        bench.provider.look_up(lost.get(), later).await,
        LookUpOutcome::Found { provider_refs },
        "a message from before the attempt is not the attempt's"
    );
    bench.simulator.stop().await;
    let fresh = Twilio::new(&bench.config, &shared()).unwrap();
    assert_eq!(fresh.look_up(&never, long_ago).await, LookUpOutcome::CannotTell, "the vendor is away");
}

#[test]
fn inbound_messages_carry_media_and_keyword() {
    let pairs: Vec<(String, String)> = [
        ("MessageSid", "MM1"),
        ("SmsStatus", "received"),
        ("From", "+15005550100"),
        ("To", "+15005550006"),
        ("Body", "STOP"),
        ("NumMedia", "2"),
        ("MediaUrl0", "https://example.com/0"),
        ("MediaContentType0", "image/png"),
        ("MediaUrl1", "https://example.com/1"),
        ("OptOutType", "STOP"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    let fields = receipts::Fields::new(&pairs);
    assert!(inbound::is_inbound(&fields));
    let received = inbound::parse(&fields).unwrap();
    assert_eq!(received.reply, Some(("text/xml", "<Response/>")));
    let message = &received.inbound[0];
    assert_eq!((message.keyword, message.media.len()), (Some(OptOutKeyword::Stop), 2));
    assert_eq!(message.media[0].expose().content_type, "image/png");
}

#[test]
fn a_config_that_cannot_work_is_refused_by_field() {
    let sid = format!("AC{}", "a".repeat(32));
    for (settings, credentials, pointer) in [
        (serde_json::json!({ "account_sid": "AC1", "from": "x" }), serde_json::json!({}), "/settings/account_sid"),
        (serde_json::json!({ "account_sid": sid }), serde_json::json!({}), "/settings/from"),
        (
            serde_json::json!({ "account_sid": sid, "from": "x", "messaging_service_sid": "y" }),
            serde_json::json!({}),
            "/settings/from",
        ),
        (serde_json::json!({ "account_sid": sid, "from": "x" }), serde_json::json!({}), "/credentials/auth_token"),
        (
            serde_json::json!({ "account_sid": sid, "from": "x" }),
            serde_json::json!({ "api_key_sid": "SK" }),
            "/credentials/api_key_secret",
        ),
        (
            serde_json::json!({ "account_sid": sid, "from": "x" }),
            serde_json::json!({ "auth_token": 5 }),
            "/credentials/auth_token",
        ),
    ] {
        let config = AccountConfig {
            account_id: carepost_kernel::ProviderAccountId::new(Timestamp::UNIX_EPOCH),
            tenant_id: carepost_kernel::TenantId::new(Timestamp::UNIX_EPOCH),
            vendor: Vendor::Twilio,
            settings,
            credentials: carepost_kernel::Secret::new(credentials.to_string()),
            base_url: None,
            webhook_url: "https://example.com/hook".parse().unwrap(),
            timeout: Duration::from_secs(1),
        };
        assert_eq!(config::read(&config).err().unwrap().pointer, pointer);
    }
}

#[test]
fn the_sample_payloads_are_read() {
    let decode =
        |text: &str| -> Vec<(String, String)> { url::form_urlencoded::parse(text.as_bytes()).into_owned().collect() };
    let status = decode(include_str!("../../../../fixtures/webhooks/twilio_status.form"));
    let received = receipts::parse(&receipts::Fields::new(&status), None).unwrap();
    let receipt = &received.receipts[0];
    assert_eq!(receipt.failure, Some(Failure::new(FailureClass::Permanent, "twilio_30003")));
    assert_eq!(receipt.occurred_at, "2026-11-22T03:01:00Z".parse().ok());
    let inbound = decode(include_str!("../../../../fixtures/webhooks/twilio_inbound.form"));
    let fields = receipts::Fields::new(&inbound);
    assert!(inbound::is_inbound(&fields));
    let received = inbound::parse(&fields).unwrap();
    assert_eq!(received.inbound[0].text.expose(), "Here is the picture & the form");
    assert_eq!(received.inbound[0].media.len(), 1);
}

proptest! {
    #[test]
    fn nothing_makes_the_parsers_panic(url in ".*", body in any::<Vec<u8>>(), json in any::<bool>(), get in any::<bool>()) {
        let kind = if json { "application/json" } else { FORM };
        let webhook = webhook(if get { "GET" } else { "POST" }, &url, kind, "AAAA", body);
        prop_assert!(signature::verify(&webhook, std::iter::once("token")).is_err());
    }

    #[test]
    fn signed_nonsense_does_not_make_the_parsers_panic(
        pairs in prop::collection::vec((
            prop::sample::select(vec![
                "MessageSid", "MessageStatus", "SmsStatus", "ErrorCode", "From", "To", "Body", "NumMedia",
                "MediaUrl0", "RawDlrDoneDate", "OptOutType",
            ]),
            prop_oneof![".*", "[0-9é]{10}", Just("received".to_owned()), Just("failed".to_owned())],
        ), 0..12),
    ) {
        let pairs: Vec<(String, String)> =
            pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let fields = receipts::Fields::new(&pairs);
        let _ = if inbound::is_inbound(&fields) { inbound::parse(&fields) } else { receipts::parse(&fields, None) };
    }
}
