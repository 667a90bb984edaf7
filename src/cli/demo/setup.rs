//! Three invented tenants with keys and a sandbox account at every vendor, made over the admin API.

use carepost_kernel::Secret;
use carepost_providers::Vendor;
use serde_json::{Value, json};

use crate::cli::api::Api;

/// A tenant of the demonstration.
pub(super) struct DemoTenant {
    pub(super) slug: &'static str,
    pub(super) placement: &'static str,
    pub(super) key: Secret<String>,
    pub(super) api: Api,
}

const TENANTS: [(&str, &str, &str); 3] = [
    ("riverside", "Riverside Clinic", "pooled"),
    ("hilltop", "Hilltop Dental", "pooled"),
    ("lakeside", "Lakeside Hospital", "own_schema"),
];

/// Makes all of them.
pub(super) async fn make_tenants(admin: &Api) -> anyhow::Result<Vec<DemoTenant>> {
    let mut tenants = Vec::new();
    for (slug, name, placement) in TENANTS {
        let body = json!({
            "slug": slug,
            "display_name": name,
            "placement": { "kind": placement },
            // Nobody wants to watch a wait of minutes.
            "settings": { "retry": { "initial_ms": 500, "cap_ms": 2_000 } },
        });
        let tenant: Value = admin.post("/api/v1/admin/tenants", &body).await?;
        let path = format!("/api/v1/admin/tenants/{}", tenant["id"].as_str().unwrap_or_default());
        for vendor in Vendor::ALL {
            let account = json!({ "name": format!("{} sandbox", vendor.as_str()), "vendor": vendor, "sandbox": true });
            let _account: Value = admin.post(&format!("{path}/provider-accounts"), &account).await?;
        }
        let scopes = ["messages:write", "messages:read", "messages:content", "events:read"];
        let key = json!({ "name": "demo", "scopes": scopes });
        let made: Value = admin.post(&format!("{path}/api-keys"), &key).await?;
        let key = Secret::from(made["secret"].as_str().unwrap_or_default());
        let api = admin.with_key(key.clone());
        tenants.push(DemoTenant { slug, placement, key, api });
    }
    Ok(tenants)
}
