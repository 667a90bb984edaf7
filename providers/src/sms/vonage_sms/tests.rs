//! Vonage SMS: signatures by the published vectors, both tables, parts, receipts in all three wrappings.

use carepost_kernel::{Clock, ReceiptStatus};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::signature::Params;
use super::*;
use crate::contract_tests::support::{Bench, cleared, shared, sms};
use crate::simulator::{Fault, Profile};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../fixtures/vectors/vonage_sms_signature.json")).unwrap()
}

fn params(value: &Value) -> Params {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

const SIGNED_AT: i64 = 1_234_567_890;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

#[test]
fn published_vectors_pass_and_nothing_near_them_does() {
    let vectors = vectors();
    let secret = vectors["secret"].as_str().unwrap();
    for (given, method, expected) in [
        ("params", SignatureMethod::Sha256, "hmac_sha256"),
        ("params", SignatureMethod::Md5, "hmac_md5"),
        ("special", SignatureMethod::Md5, "special_hmac_md5"),
        ("verify", SignatureMethod::Md5, "verify_hmac_md5"),
        ("params", SignatureMethod::Md5Hash, "md5hash_computed_here"),
    ] {
        let mut params = params(&vectors[given]);
        let expected = vectors[expected].as_str().unwrap();
        assert_eq!(signature::sign(method, secret, &params), expected, "{given} {method:?}");
        for sig in [expected.to_owned(), expected.to_uppercase()] {
            params.insert("sig".to_owned(), sig);
            let verify = |params: &Params, secret: Option<&str>, now: i64| {
                signature::verify(params, method, secret.into_iter(), at(now))
            };
            assert_eq!(verify(&params, Some(secret), SIGNED_AT + 300), Ok(()), "{given} {method:?}");
            assert_eq!(verify(&params, Some(secret), SIGNED_AT + 301), Err(WebhookError::Stale));
            assert_eq!(verify(&params, Some("other"), SIGNED_AT), Err(WebhookError::Signature));
            assert_eq!(verify(&params, None, SIGNED_AT), Err(WebhookError::Signature), "no secret, no belief");
            let rotating = signature::verify(&params, method, ["other", secret].into_iter(), at(SIGNED_AT));
            assert_eq!(rotating, Ok(()));
            let mut surplus = params.clone();
            surplus.insert("surplus".to_owned(), String::new());
            assert_eq!(verify(&surplus, Some(secret), SIGNED_AT), Err(WebhookError::Signature));
        }
    }
}

#[test]
fn long_keys_and_the_other_methods_sign_too() {
    let mut params = params(&vectors()["params"]);
    let long = "k".repeat(100);
    for method in [
        SignatureMethod::Md5Hash,
        SignatureMethod::Md5,
        SignatureMethod::Sha1,
        SignatureMethod::Sha256,
        SignatureMethod::Sha512,
    ] {
        let sig = signature::sign(method, &long, &params);
        params.insert("sig".to_owned(), sig);
        assert_eq!(signature::verify(&params, method, std::iter::once(long.as_str()), at(SIGNED_AT)), Ok(()));
    }
}

#[test]
fn a_signature_without_a_time_is_no_signature() {
    let mut params: Params = [("param".to_owned(), "value".to_owned())].into();
    params.insert("sig".to_owned(), signature::sign(SignatureMethod::Sha256, "secret", &params));
    let verified = signature::verify(&params, SignatureMethod::Sha256, std::iter::once("secret"), at(SIGNED_AT));
    assert_eq!(verified, Err(WebhookError::Signature));
}

#[test]
fn every_code_of_both_tables_has_its_class() {
    use FailureClass::{ConfigFault, Permanent, Suppressed, Throttled, Transient};
    for (class, statuses) in [
        (Throttled, vec![1, 10]),
        (Permanent, vec![2, 3, 6, 12, 22, 23, 33]),
        (ConfigFault, vec![4, 8, 9, 11, 14, 15, 29, 32]),
        (Transient, vec![5]),
        (Suppressed, vec![7]),
    ] {
        for status in statuses {
            assert_eq!(classify::class_of_status(status), Some(class), "{status}");
            assert_eq!(classify::refusal(&status.to_string()).code, format!("vonage_sms_{status}"));
        }
    }
    for (class, codes) in [
        (Transient, vec![1, 2, 7, 8, 54, 99]),
        (Permanent, vec![3, 5, 6, 10, 12, 13, 14, 15]),
        (Suppressed, vec![4, 9]),
        (ConfigFault, vec![11, 50, 51, 52, 53]),
    ] {
        for code in codes {
            assert_eq!(classify::delivery_failure("failed", Some(code)).class, class, "{code}");
        }
    }
    assert_eq!(classify::refusal("77").class, Permanent);
    assert_eq!(classify::refusal("x").class, FailureClass::Unknown);
    assert_eq!(classify::delivery_failure("failed", Some(77)).class, Transient);
    assert_eq!(classify::delivery_failure("expired", None).code, "vonage_sms_expired");
    assert_eq!(classify::delivery_failure("unknown", Some(0)).class, Transient);
}

#[tokio::test]
async fn del_5_a_text_of_which_one_part_was_taken_is_accepted() {
    let bench = Bench::new(Vendor::VonageSms).await;
    let script = ["0,9", "9,0", "9,5", "0,0"].map(|code| Fault::VendorCode(code.to_owned())).into();
    bench.simulator.set_profile(Vendor::VonageSms, Profile { script, ..Profile::default() });
    let mut refs = Vec::new();
    for _ in 0..4 {
        refs.push(match bench.provider.send(&cleared(sms("+15005550100", "Hello"))).await {
            SendOutcome::Accepted { provider_refs, .. } => Ok(provider_refs.len()),
            SendOutcome::Failed(failure) => Err(failure.code),
        });
    }
    assert_eq!(refs, [Ok(1), Ok(1), Err("vonage_sms_9".to_owned()), Ok(2)]);
}

#[tokio::test]
async fn each_part_of_a_long_text_has_its_own_receipts() {
    let mut bench = Bench::new(Vendor::VonageSms).await;
    let cleared = cleared(sms("+15005550100", &"long ".repeat(50)));
    let SendOutcome::Accepted { provider_refs, .. } = bench.provider.send(&cleared).await else { panic!("refused") };
    assert_eq!(provider_refs.len(), 2);
    bench.simulator.settled().await;
    let mut delivered = Vec::new();
    for webhook in bench.receiver.rest() {
        for receipt in bench.provider.receive(&webhook).await.unwrap().receipts {
            assert_eq!(receipt.attempt, Some(cleared.get().attempt));
            assert!(receipt.occurred_at.is_some());
            if receipt.status == ReceiptStatus::Delivered {
                delivered.push(receipt.provider_ref);
            }
        }
    }
    delivered.sort();
    let mut wanted = provider_refs;
    wanted.sort();
    assert_eq!(delivered, wanted);
}

#[tokio::test]
async fn sends_can_be_signed_instead_of_carrying_the_secret() {
    let bench = Bench::new(Vendor::VonageSms).await;
    let mut config = bench.config.clone();
    config.settings["sign_requests"] = true.into();
    let signing = crate::build(&config, &shared()).unwrap();
    let outcome = signing.send(&cleared(sms("+15005550100", "Fish & chips = 5 €"))).await;
    assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{outcome:?}");
    assert_eq!(bench.simulator.calls(Vendor::VonageSms)[0].text, "Fish & chips = 5 €");
    config.settings["signature_method"] = "sha512".into();
    let otherwise = crate::build(&config, &shared()).unwrap();
    let outcome = otherwise.send(&cleared(sms("+15005550100", "Hello"))).await;
    assert_eq!(outcome, SendOutcome::Failed(Failure::new(FailureClass::ConfigFault, "vonage_sms_14")));
}

#[test]
fn a_text_beyond_gsm_goes_as_unicode_and_pictures_do_not_go() {
    let settings: VonageSmsSettings =
        serde_json::from_value(serde_json::json!({ "api_key": "abcd1234", "from": "+15005550006" })).unwrap();
    let url: Url = "https://example.com/hook".parse().unwrap();
    let now = Clock::system().now();
    let form_of = |text: &str| {
        let mut outbound = sms("+15005550100", text);
        outbound.expires_at = now + SignedDuration::from_secs(5);
        request::form(&settings, &url, &outbound, now)
    };
    let has = |form: &request::Form, name, value: &str| form.contains(&(name, value.to_owned()));
    let plain = form_of("Hello").unwrap();
    assert!(has(&plain, "type", "text") && has(&plain, "ttl", "20000") && has(&plain, "to", "15005550100"));
    assert!(has(&form_of("Привет").unwrap(), "type", "unicode"));
    assert!(plain.iter().any(|(name, value)| *name == "client-ref" && value.len() <= 40));
    let mut outbound = sms("+15005550100", "Look");
    outbound.content = outbound.content.map(|content| match content {
        carepost_kernel::Content::Sms(mut sms) => {
            sms.media_urls.push("https://example.com/a.png".to_owned());
            carepost_kernel::Content::Sms(sms)
        }
        other => other,
    });
    assert_eq!(request::form(&settings, &url, &outbound, now).unwrap_err().code, "vonage_sms_no_media");
}

#[tokio::test]
async fn a_receipt_may_come_as_query_form_or_json() {
    let bench = Bench::new(Vendor::VonageSms).await;
    let secret: Value = serde_json::from_str(bench.config.credentials.expose()).unwrap();
    let now = Clock::system().now();
    let mut params = params(&serde_json::json!({
        "msisdn": "15005550100", "to": "15005550006", "messageId": "0A0000000123ABCD1", "status": "rejected",
        "err-code": 4, "scts": "2611220301", "message-timestamp": "2026-11-22 03:01:02", "timestamp": now.as_second(),
    }));
    let sig = signature::sign(SignatureMethod::Sha256, secret["signature_secret"].as_str().unwrap(), &params);
    params.insert("sig".to_owned(), sig);
    let query = Serializer::new(String::new()).extend_pairs(&params).finish();
    let mut json = serde_json::to_value(&params).unwrap();
    json["err-code"] = 4.into();
    json["timestamp"] = now.as_second().into();
    let webhook = |method: &str, url: String, kind: &str, body: String| WebhookRequest {
        method: method.to_owned(),
        url,
        headers: vec![("content-type".to_owned(), kind.to_owned())],
        body: body.into(),
        received_at: now,
    };
    let url = "https://example.com/hook".to_owned();
    for webhook in [
        webhook("GET", format!("{url}?{query}"), "", String::new()),
        webhook("POST", url.clone(), "application/x-www-form-urlencoded", query),
        webhook("POST", url, "application/json", json.to_string()),
    ] {
        let received = bench.provider.receive(&webhook).await.unwrap();
        let receipt = &received.receipts[0];
        assert_eq!(receipt.failure, Some(Failure::new(FailureClass::Suppressed, "vonage_sms_dlr_4")));
        assert_eq!(receipt.dedup_key, "0A0000000123ABCD1:rejected");
        assert_eq!(receipt.occurred_at, "2026-11-22T03:01:00Z".parse().ok());
    }
}

#[tokio::test]
async fn without_a_signature_secret_no_webhook_is_believed() {
    let mut bench = Bench::new(Vendor::VonageSms).await;
    bench.provider.send(&cleared(sms("+15005550100", "Hello"))).await;
    let webhook = bench.receiver.next().await;
    let mut credentials: Value = serde_json::from_str(bench.config.credentials.expose()).unwrap();
    credentials.as_object_mut().unwrap().remove("signature_secret");
    bench.config.credentials = carepost_kernel::Secret::new(credentials.to_string());
    let trusting = crate::build(&bench.config, &shared()).unwrap();
    assert_eq!(trusting.receive(&webhook).await.err(), Some(WebhookError::Signature));
}

#[test]
fn the_sample_payloads_are_read() {
    let receipt: Params =
        serde_json::from_str(include_str!("../../../../fixtures/webhooks/vonage_sms_receipt.json")).unwrap();
    let received = receipts::parse(&receipt).unwrap();
    assert_eq!(received.receipts[0].status, ReceiptStatus::Delivered);
    assert!(received.receipts[0].attempt.is_some());
    let inbound = include_str!("../../../../fixtures/webhooks/vonage_sms_inbound.form");
    let params = url::form_urlencoded::parse(inbound.as_bytes()).into_owned().collect();
    let received = inbound::parse(&params).unwrap();
    assert_eq!(received.inbound[0].from.expose(), "+15005550123");
    assert_eq!(received.inbound[0].text.expose(), "Please call me");
}

proptest! {
    #[test]
    fn nothing_makes_the_parsers_panic(url in ".*", body in any::<Vec<u8>>(), kind in 0..3_u8) {
        let webhook = WebhookRequest {
            method: if kind == 0 { "GET" } else { "POST" }.to_owned(),
            url,
            headers: vec![("content-type".to_owned(), if kind == 1 { "application/json" } else { "" }.to_owned())],
            body: body.into(),
            received_at: at(0),
        };
        if let Ok(params) = signature::params(&webhook) {
            let secrets = std::iter::once("secret");
            prop_assert!(signature::verify(&params, SignatureMethod::Md5, secrets, at(0)).is_err());
        }
    }

    #[test]
    fn signed_nonsense_does_not_make_the_parsers_panic(
        params in prop::collection::btree_map(
            prop::sample::select(vec![
                "msisdn", "to", "messageId", "status", "err-code", "scts", "message-timestamp", "text", "client-ref",
            ]).prop_map(str::to_owned),
            prop_oneof![".*", "[0-9é]{10}", Just("failed".to_owned())],
            0..9,
        ),
    ) {
        let _ = receipts::parse(&params);
        let _ = inbound::parse(&params);
    }
}
