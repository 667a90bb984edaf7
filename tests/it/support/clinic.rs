//! A tenant with its key and accounts, made through the admin API.

use carepost_providers::Vendor;
use carepost_providers::simulator::{SimulatedAccount, Simulator};
use serde_json::{Value, json};
use url::Url;

use super::{Api, PATIENCE, Server, wait_for, with};

/// All that a key may do.
pub(crate) const ALL_SCOPES: [&str; 13] = [
    "messages:write",
    "messages:read",
    "messages:content",
    "events:read",
    "admin:tenant",
    "recipients:read",
    "recipients:write",
    "consent:write",
    "gate:read",
    "gate:manage",
    "templates:read",
    "templates:manage",
    "bulk:send",
];

/// A tenant.
#[derive(Clone)]
pub(crate) struct Clinic {
    pub(crate) id: String,
    /// With a key that may do everything.
    pub(crate) api: Api,
    pub(crate) admin: Api,
}

/// An account at a simulated vendor.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) webhook_url: Url,
    pub(crate) simulated: SimulatedAccount,
}

impl Account {
    /// One of the account's secrets.
    pub(crate) fn secret(&self, name: &str) -> String {
        let secrets: Value = serde_json::from_str(self.simulated.credentials.expose()).unwrap();
        secrets[name].as_str().unwrap().to_owned()
    }
}

impl Clinic {
    pub(crate) async fn open(server: &Server, slug: &str, settings: Value) -> Self {
        Self::open_in(server, slug, settings, json!({ "kind": "pooled" })).await
    }

    pub(crate) async fn open_in(server: &Server, slug: &str, settings: Value, placement: Value) -> Self {
        let body = json!({ "slug": slug, "display_name": format!("Clinic {slug}"), "settings": settings,
                           "placement": placement });
        let id = server.admin.post("/api/v1/admin/tenants", &body).await.expect(201).id();
        let mut clinic = Self { id, api: server.admin.clone(), admin: server.admin.clone() };
        clinic.api = server.admin.with_key(&clinic.key(&ALL_SCOPES).await);
        clinic
    }

    /// Path of something of the tenant's configuration.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/api/v1/admin/tenants/{}{rest}", self.id)
    }

    /// A new key with these scopes.
    pub(crate) async fn key(&self, scopes: &[&str]) -> String {
        let body = json!({ "name": scopes.join(" "), "scopes": scopes });
        let answer = self.admin.post(&self.path("/api-keys"), &body).await.expect(201);
        answer.body["secret"].as_str().unwrap().to_owned()
    }

    /// An account at a simulated vendor, whose webhooks come back to the server.
    pub(crate) async fn account(&self, simulator: &Simulator, vendor: Vendor, more: Value) -> Account {
        let nowhere = Url::parse("http://127.0.0.1:9/").unwrap();
        let simulated = simulator.account(vendor, &nowhere);
        let credentials: Value = serde_json::from_str(simulated.credentials.expose()).unwrap();
        let base_url = simulated.base_url.as_ref().map(Url::as_str);
        let name = more["name"].as_str().unwrap_or(vendor.as_str()).to_owned();
        let body = json!({ "name": name, "vendor": vendor.as_str(), "settings": simulated.settings,
                           "credentials": credentials, "base_url": base_url });
        let answer = self.admin.post(&self.path("/provider-accounts"), &with(body, more)).await.expect(201);
        let webhook_url = Url::parse(answer.body["webhook_url"].as_str().unwrap()).unwrap();
        if vendor != Vendor::InApp {
            assert!(simulator.adopt(vendor, &simulated.settings, &simulated.credentials, &webhook_url));
        }
        Account { id: answer.id(), webhook_url, simulated }
    }

    pub(crate) async fn settings(&self, settings: Value) {
        self.admin.put(&self.path("/settings"), &settings).await.expect(200);
    }

    /// Something that is done by a bare `POST`.
    pub(crate) async fn order(&self, rest: &str) {
        super::Answer::of(self.admin.request("POST", &self.path(rest))).await.unwrap().expect(200);
    }

    /// Posts a message that must be taken; its id.
    pub(crate) async fn send(&self, body: &Value) -> String {
        self.api.message(body).await.expect(202).id()
    }

    pub(crate) async fn message(&self, id: &str) -> Value {
        self.api.get(&format!("/api/v1/messaging/messages/{id}")).await.expect(200).body
    }

    pub(crate) async fn status(&self, id: &str) -> String {
        self.message(id).await["status"].as_str().unwrap().to_owned()
    }

    /// The history of a message: its events.
    pub(crate) async fn events(&self, id: &str) -> Vec<Value> {
        let answer = self.api.get(&format!("/api/v1/messaging/messages/{id}/timeline")).await.expect(200);
        answer.body["events"].as_array().unwrap().clone()
    }

    /// How many events of a type a message has.
    pub(crate) async fn count_events(&self, id: &str, kind: &str) -> usize {
        let kind = format!("delivery.{kind}");
        self.events(id).await.iter().filter(|event| event["type"] == *kind).count()
    }

    /// Waits for a status.
    pub(crate) async fn until(&self, id: &str, status: &str) {
        let reached = async {
            let mut last = String::new();
            let asked = async {
                while last != status {
                    last = self.status(id).await;
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            };
            let in_time = tokio::time::timeout(PATIENCE, asked).await.is_ok();
            (in_time, last)
        };
        let (in_time, last) = reached.await;
        assert!(in_time, "message {id} is {last}, not {status}: {:#?}", self.events(id).await);
    }

    /// Waits until all of these have a status.
    pub(crate) async fn until_all(&self, ids: &[String], status: &str) {
        for id in ids {
            self.until(id, status).await;
        }
    }

    /// Waits for as long as it takes until a condition of one message holds.
    pub(crate) async fn until_holds(&self, id: &str, what: &str, holds: impl Fn(&Value) -> bool) {
        wait_for(PATIENCE, what, || async { holds(&self.message(id).await) }).await;
    }
}
