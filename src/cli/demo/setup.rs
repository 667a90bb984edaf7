//! Three invented tenants with keys and a sandbox account at every vendor, made over the admin API.

use anyhow::Context as _;
use carepost_kernel::Secret;
use carepost_providers::Vendor;
use serde_json::{Value, json};
use url::Url;

use crate::cli::api::Api;

/// A tenant of the demonstration.
pub(super) struct DemoTenant {
    pub(super) slug: &'static str,
    pub(super) placement: &'static str,
    pub(super) key: Secret<String>,
    pub(super) api: Api,
}

/// A tenant that was made, with what a client of it needs.
pub(super) struct Opened {
    /// A key of it.
    pub(super) key: Secret<String>,
    /// The API with that key.
    pub(super) api: Api,
    /// Where the vendors of its accounts shall call, in the order in which they were asked for.
    pub(super) webhook_urls: Vec<Url>,
}

const TENANTS: [(&str, &str, &str); 3] = [
    ("riverside", "Riverside Clinic", "pooled"),
    ("hilltop", "Hilltop Dental", "pooled"),
    ("lakeside", "Lakeside Hospital", "own_schema"),
];
const SCOPES: [&str; 4] = ["messages:write", "messages:read", "messages:content", "events:read"];

/// Makes all of them.
pub(super) async fn make_tenants(admin: &Api) -> anyhow::Result<Vec<DemoTenant>> {
    let mut tenants = Vec::new();
    for (slug, name, placement) in TENANTS {
        let body = json!({
            "slug": slug,
            "display_name": name,
            "placement": { "kind": placement },
            "settings": settings(),
        });
        let Opened { key, api, .. } = open(admin, &body, &Vendor::ALL, &SCOPES).await?;
        tenants.push(DemoTenant { slug, placement, key, api });
    }
    Ok(tenants)
}

/// Nobody wants to watch a wait of minutes.
pub(super) fn settings() -> Value {
    json!({ "retry": { "initial_ms": 500, "cap_ms": 2_000 } })
}

/// Makes one tenant with a sandbox account at each of these vendors, and a key that may do this much.
pub(super) async fn open(admin: &Api, body: &Value, vendors: &[Vendor], scopes: &[&str]) -> anyhow::Result<Opened> {
    let tenant: Value = admin.post("/api/v1/admin/tenants", body).await?;
    let path = format!("/api/v1/admin/tenants/{}", tenant["id"].as_str().unwrap_or_default());
    let mut webhook_urls = Vec::new();
    for vendor in vendors {
        let account = json!({ "name": format!("{} sandbox", vendor.as_str()), "vendor": vendor, "sandbox": true });
        let account: Value = admin.post(&format!("{path}/provider-accounts"), &account).await?;
        let webhook_url = account["webhook_url"].as_str().unwrap_or_default();
        webhook_urls.push(webhook_url.parse().context("read where the vendor of an account shall call")?);
    }
    let made: Value = admin.post(&format!("{path}/api-keys"), &json!({ "name": "demo", "scopes": scopes })).await?;
    let key = Secret::from(made["secret"].as_str().unwrap_or_default());
    Ok(Opened { api: admin.with_key(key.clone()), key, webhook_urls })
}
