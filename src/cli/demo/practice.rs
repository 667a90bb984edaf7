//! A practice that knows its patients and has a policy of its own, made over the public API as a client would.

use anyhow::Context as _;
use carepost_kernel::{RecipientId, Secret};
use carepost_providers::Vendor;
use serde_json::{Value, json};
use url::Url;

use super::setup::{self, Opened};
use crate::cli::api::Api;

/// The practice's name, which its messages begin with.
pub(super) const NAME: &str = "Oakwood Family Practice";
/// The number that its patients write to.
pub(super) const PHONE: &str = "+12025550140";
/// Its vendor for text messages: one that leaves STOP and its like to its customers.
pub(super) const VENDOR: Vendor = Vendor::VonageSms;

const SLUG: &str = "oakwood";
const SCOPES: [&str; 8] = [
    "messages:write",
    "messages:read",
    "messages:content",
    "recipients:write",
    "recipients:read",
    "consent:write",
    "gate:read",
    "gate:manage",
];

/// The practice, with its policy in force.
pub(super) struct Practice {
    pub(super) slug: &'static str,
    pub(super) key: Secret<String>,
    pub(super) api: Api,
    /// Where the vendor's webhooks come in.
    pub(super) webhook_url: Url,
}

/// A patient of the practice. Everybody here is invented.
#[derive(Debug, Clone)]
pub(super) struct Patient {
    pub(super) id: RecipientId,
    pub(super) phone: &'static str,
}

/// What is said of a patient.
pub(super) struct About {
    pub(super) external_id: &'static str,
    pub(super) name: (&'static str, &'static str),
    pub(super) phone: &'static str,
    pub(super) zone: &'static str,
}

/// Makes the practice, and sets its policy: the preset for medical practices, with what only the practice can know.
pub(super) async fn open(admin: &Api) -> anyhow::Result<Practice> {
    let practice = json!({
        "name": NAME,
        "postal_address": "12 Example Street, Springfield, IL 62701",
        "phone": PHONE,
        "portal_url": "https://portal.oakwood.example/",
        "zones": ["America/Chicago"],
        "states": ["IL"],
    });
    let body = json!({
        "slug": SLUG,
        "display_name": NAME,
        "settings": setup::settings(),
        "preset": { "kind": "medical", "practice": practice },
    });
    let Opened { key, api, webhook_urls } = setup::open(admin, &body, &[VENDOR, Vendor::InApp], &SCOPES).await?;
    let webhook_url = webhook_urls.into_iter().next().context("find the account for text messages")?;
    let practice = Practice { slug: SLUG, key, api, webhook_url };
    practice.register_sender().await?;
    Ok(practice)
}

impl Practice {
    /// The preset lets no text message go before the practice says that its number is registered with the carriers: a
    /// second version of the policy says so.
    async fn register_sender(&self) -> anyhow::Result<()> {
        let in_force: Value = self.api.get("/api/v1/messaging/gate/policy").await?;
        let mut policy = in_force["policy"].clone();
        policy["registration"]["sms"] = json!("registered");
        let made: Value = self.api.post("/api/v1/messaging/gate/policies", &json!({ "policy": policy })).await?;
        let version = made["version"].as_u64().context("read the version of a policy")?;
        let path = format!("/api/v1/messaging/gate/policies/{version}/activate");
        let _in_force: Value = self.api.post(&path, &json!({})).await?;
        Ok(())
    }

    /// Takes somebody in, with the consent that they have given on the practice's form.
    pub(super) async fn take_in(&self, about: &About) -> anyhow::Result<Patient> {
        let (given_name, family_name) = about.name;
        let person = json!({
            "external_id": about.external_id,
            "given_name": given_name,
            "family_name": family_name,
            "zone": about.zone,
            "contact_points": [{ "channel": "sms", "address": about.phone, "verified": true }],
        });
        let made: Value = self.api.post("/api/v1/messaging/recipients", &person).await?;
        let id: RecipientId =
            made["id"].as_str().and_then(|id| id.parse().ok()).context("read the id of a recipient")?;
        let consent = json!({
            "channel": "sms",
            "purposes": ["transactional", "treatment"],
            "said": {
                "source": "form",
                "wording": "I agree to get text messages about my visits and my care.",
                "wording_version": "2026-01",
            },
        });
        let _recorded: Value = self.api.post(&format!("/api/v1/messaging/recipients/{id}/consents"), &consent).await?;
        Ok(Patient { id, phone: about.phone })
    }
}
