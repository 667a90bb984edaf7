//! Webhooks verified over their raw bytes, by the vendors' published vectors, and parsed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use carepost_kernel::{Clock, ProviderAccountId, Reach, Secret, TenantId};
use carepost_providers::{
    AccountConfig, InAppInbox, InAppItem, InAppUnavailable, Provider, Shared, Vendor, WebhookError, WebhookRequest,
};
use criterion::Criterion;
use jiff::Timestamp;
use url::Url;
use url::form_urlencoded::Serializer;

const TWILIO: &str = include_str!("../../../fixtures/vectors/twilio_signature.json");
const SENDGRID: &str = include_str!("../../../fixtures/vectors/sendgrid/event_webhook.json");

pub(crate) fn bench(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without sockets");
    let mut group = criterion.benchmark_group("providers");
    for (name, (provider, request)) in
        [("Twilio: verify and parse a form", twilio()), ("SendGrid: verify and parse an event", sendgrid())]
    {
        let first = runtime.block_on(provider.receive(&request));
        assert!(
            !matches!(first, Err(WebhookError::Signature | WebhookError::Stale)),
            "{name}: the vector is authentic"
        );
        group.bench_function(name, |bench| bench.iter(|| runtime.block_on(provider.receive(&request))));
    }
    group.finish();
}

fn twilio() -> (Arc<dyn Provider>, WebhookRequest) {
    let vector = json(TWILIO);
    let url = text(&vector, "url");
    let mut form = Serializer::new(String::new());
    for (name, value) in vector["params"].as_object().expect("the vector's parameters are an object") {
        form.append_pair(name, value.as_str().unwrap_or_default());
    }
    let settings = serde_json::json!({"account_sid": format!("AC{}", "0".repeat(32)), "from": "+15005550006"});
    let credentials = serde_json::json!({"auth_token": text(&vector, "token")});
    let headers = [
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("x-twilio-signature", text(&vector, "sig")),
    ];
    (
        provider(Vendor::Twilio, settings, &credentials, &url),
        webhook(&url, &headers, form.finish(), Timestamp::UNIX_EPOCH),
    )
}

fn sendgrid() -> (Arc<dyn Provider>, WebhookRequest) {
    let vector = json(SENDGRID);
    let url = "https://care.example/webhooks/sendgrid/token";
    let settings = serde_json::json!({
        "from_email": "care@riverside.example.com",
        "webhook_public_key": text(&vector, "public_key_spki_b64"),
    });
    let credentials = serde_json::json!({"api_key": "SG.invented"});
    let signed_at = text(&vector, "timestamp");
    let received_at = signed_at.parse().ok().and_then(|second| Timestamp::from_second(second).ok());
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("x-twilio-email-event-webhook-signature", text(&vector, "signature_der_b64")),
        ("x-twilio-email-event-webhook-timestamp", signed_at),
    ];
    let received_at = received_at.expect("the vector's time is in seconds");
    (
        provider(Vendor::Sendgrid, settings, &credentials, url),
        webhook(url, &headers, text(&vector, "payload"), received_at),
    )
}

fn webhook(url: &str, headers: &[(&str, String)], body: String, received_at: Timestamp) -> WebhookRequest {
    WebhookRequest {
        method: "POST".to_owned(),
        url: url.to_owned(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        body: body.into(),
        received_at,
    }
}

fn provider(
    vendor: Vendor,
    settings: serde_json::Value,
    credentials: &serde_json::Value,
    webhook_url: &str,
) -> Arc<dyn Provider> {
    let config = AccountConfig {
        account_id: ProviderAccountId::new(Timestamp::UNIX_EPOCH),
        tenant_id: TenantId::new(Timestamp::UNIX_EPOCH),
        vendor,
        settings,
        credentials: Secret::new(credentials.to_string()),
        base_url: None,
        webhook_url: Url::parse(webhook_url).expect("an address"),
        timeout: Duration::from_secs(10),
    };
    let shared = Shared {
        http: reqwest::Client::new(),
        reach: Reach::Anywhere,
        clock: Clock::system(),
        in_app: Arc::new(NoInbox),
    };
    carepost_providers::build(&config, &shared).expect("the configuration holds up")
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("the vector is JSON")
}

fn text(vector: &serde_json::Value, name: &str) -> String {
    vector[name].as_str().expect("the vector has this text").to_owned()
}

struct NoInbox;

#[async_trait]
impl InAppInbox for NoInbox {
    async fn put(&self, _: InAppItem) -> Result<(), InAppUnavailable> {
        Err(InAppUnavailable)
    }
}
