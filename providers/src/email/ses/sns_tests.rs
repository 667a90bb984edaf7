//! Tests of the SNS envelope: the vectors, and everything that must not be believed.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const VECTORS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/vectors/sns/sns_vectors.json"));
const CERTIFICATE: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/vectors/sns/cert.pem"));
const CERTIFICATE_URL: &str = "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-test.pem";
const ARN: &str = "arn:aws:sns:us-west-2:123456789012:MyTopic";

fn topic(arn: Option<&str>, max_age_seconds: u32) -> Topic {
    let topic = Topic {
        arn: arn.map(str::to_owned),
        max_age_seconds,
        stand_in: None,
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
        certificates: DashMap::new(),
    };
    topic.certificates.insert(CERTIFICATE_URL.to_owned(), read_certificate(CERTIFICATE).unwrap());
    topic
}

fn request(envelope: &Value) -> WebhookRequest {
    WebhookRequest {
        method: "POST".to_owned(),
        url: "https://carepost.example/w".to_owned(),
        headers: Vec::new(),
        body: envelope.to_string().into(),
        received_at: "2026-12-01T00:00:00Z".parse().unwrap(),
    }
}

fn vectors() -> Vec<Value> {
    serde_json::from_str(VECTORS).unwrap()
}

#[tokio::test]
async fn every_vector_verifies() {
    let topic = topic(Some(ARN), u32::MAX);
    let vectors = vectors();
    assert_eq!(vectors.len(), 8);
    for vector in vectors {
        let envelope: Envelope = serde_json::from_value(vector["message"].clone()).unwrap();
        assert_eq!(envelope.string_to_sign().as_deref(), vector["string_to_sign"].as_str());
        assert!(topic.verify(&request(&vector["message"])).await.is_ok(), "{vector}");
    }
}

#[tokio::test]
async fn nothing_else_is_believed() {
    let good = vectors()[4]["message"].clone();
    let check = async |topic: &Topic, envelope: &Value, expected: WebhookError| {
        assert_eq!(topic.verify(&request(envelope)).await.err(), Some(expected), "{envelope}");
    };
    let ours = topic(Some(ARN), u32::MAX);
    for (field, value) in [
        ("Message", "{\"eventType\":\"Delivery\"}"),
        ("MessageId", "other"),
        ("Subject", "added"),
        ("Timestamp", "2026-01-02T03:04:05.679Z"),
        ("TopicArn", "arn:aws:sns:us-west-2:123456789012:Other"),
        ("SignatureVersion", "1"),
        ("SignatureVersion", "3"),
        ("Signature", ""),
        ("Signature", "AAAA"),
        ("Type", "SubscriptionConfirmation"),
        ("SigningCertURL", "http://sns.us-west-2.amazonaws.com/SimpleNotificationService-test.pem"),
        ("SigningCertURL", "https://sns.us-west-2.amazonaws.com.evil.example/x.pem"),
        ("SigningCertURL", "https://evil.example/sns.us-west-2.amazonaws.com/x.pem"),
        ("SigningCertURL", "https://sns.us-west-2.amazonaws.com@evil.example/x.pem"),
        ("SigningCertURL", "https://user@sns.us-west-2.amazonaws.com/x.pem"),
        ("SigningCertURL", "https://sns.us-west-2.amazonaws.com:8443/x.pem"),
        ("SigningCertURL", "https://sns.us-west-2.amazonaws.com/x.txt"),
        ("SigningCertURL", "https://sns.amazonaws.com/x.pem"),
    ] {
        let mut forged = good.clone();
        forged[field] = value.into();
        check(&ours, &forged, WebhookError::Signature).await;
    }
    check(&topic(None, u32::MAX), &good, WebhookError::Signature).await;
    check(&topic(Some(ARN), 3600), &good, WebhookError::Stale).await;
    let mut early = request(&good);
    early.received_at = "2026-11-01T00:00:00Z".parse().unwrap();
    assert_eq!(ours.verify(&early).await.err(), Some(WebhookError::Signature), "the certificate is not valid yet");
    let mut bare = request(&good);
    bare.body = "not json".into();
    assert_eq!(ours.verify(&bare).await.err(), Some(WebhookError::Signature));
}

#[test]
fn hosts_of_sns_are_told_apart() {
    for (host, is_sns) in [
        ("sns.us-east-1.amazonaws.com", true),
        ("sns.cn-north-1.amazonaws.com.cn", true),
        ("sns.x.amazonaws.com", false),
        ("sns.us-east-1.evil.amazonaws.com", false),
        ("sqs.us-east-1.amazonaws.com", false),
        ("sns.us-east-1.amazonaws.com.evil", false),
    ] {
        assert_eq!(is_sns_host(host), is_sns, "{host}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>(), text in any::<String>()) {
        let _ = read_certificate(&bytes);
        let _ = is_sns_host(&text);
        let _ = topic(None, 1).trusted(&text);
        let _ = serde_json::from_slice::<Envelope>(&bytes);
    }
}
