//! The platform's and the tenants' API, as far as a load test needs it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Connection;

const POLL: Duration = Duration::from_millis(50);
const PAGE: usize = 200;

/// Calls with the administrator's token.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    address: SocketAddr,
    token: String,
}

/// A tenant that was made for a run.
#[derive(Debug, Clone)]
pub(crate) struct Tenant {
    pub(crate) id: Uuid,
    pub(crate) api_key: String,
}

/// A provider account that was made for a run.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) webhook_url: url::Url,
}

impl Admin {
    pub(crate) const fn new(address: SocketAddr, token: String) -> Self {
        Self { address, token }
    }

    pub(crate) async fn wait_until_ready(&self, patience: Duration) -> anyhow::Result<()> {
        let ready = async {
            while !matches!(self.call("GET", "/health/ready", "", None).await, Ok((200, _))) {
                tokio::time::sleep(POLL).await;
            }
        };
        let waited = tokio::time::timeout(patience, ready).await;
        waited.with_context(|| format!("the server was not ready within {} s", patience.as_secs()))
    }

    /// Makes a tenant with these settings and a key that may write and read, and send to lists.
    pub(crate) async fn create_tenant(&self, slug: &str, settings: &Value) -> anyhow::Result<Tenant> {
        let body = json!({"slug": slug, "display_name": "Load test", "settings": settings});
        let tenant = self.create("/api/v1/admin/tenants", &body).await?;
        let id: Uuid = serde_json::from_value(tenant["id"].clone()).context("read the new tenant's id")?;
        let body = json!({"name": "load test", "scopes": ["messages:write", "messages:read", "bulk:send"]});
        let key = self.create(&format!("/api/v1/admin/tenants/{id}/api-keys"), &body).await?;
        let api_key = key["secret"].as_str().context("read the new API key")?.to_owned();
        Ok(Tenant { id, api_key })
    }

    pub(crate) async fn create_account(&self, tenant: Uuid, body: &Value) -> anyhow::Result<Account> {
        let account = self.create(&format!("/api/v1/admin/tenants/{tenant}/provider-accounts"), body).await?;
        let webhook_url = account["webhook_url"].as_str().context("read the new account's webhook address")?.parse()?;
        Ok(Account { webhook_url })
    }

    /// All messages of a tenant, page by page.
    pub(crate) async fn list_messages(&self, tenant: &Tenant) -> anyhow::Result<Vec<Uuid>> {
        let mut ids = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/api/v1/messaging/messages?limit={PAGE}{cursor}");
            let (status, page) = self.call("GET", &path, &tenant.api_key, None).await?;
            if status != 200 {
                bail!("list messages: the server answered {status}");
            }
            for item in page["items"].as_array().context("read a page of messages")? {
                ids.push(serde_json::from_value(item["id"].clone()).context("read a message's id")?);
            }
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(ids),
            }
        }
    }

    async fn create(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let (status, answer) = self.call("POST", path, &self.token, Some(body)).await?;
        if status != 201 {
            // A problem names fields, never values.
            bail!("POST {path}: the server answered {status}: {answer}");
        }
        Ok(answer)
    }

    /// Calls with a tenant's key: `body` is a media type and the bytes. The answer's status and JSON.
    pub(crate) async fn ask(
        &self,
        tenant: &Tenant,
        method: &str,
        path: &str,
        body: (&str, &str),
    ) -> anyhow::Result<(u16, Value)> {
        self.exchange(method, path, &tenant.api_key, body).await
    }

    async fn call(&self, method: &str, path: &str, bearer: &str, body: Option<&Value>) -> anyhow::Result<(u16, Value)> {
        let body = body.map(Value::to_string).unwrap_or_default();
        self.exchange(method, path, bearer, ("application/json", &body)).await
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        bearer: &str,
        (content_type, body): (&str, &str),
    ) -> anyhow::Result<(u16, Value)> {
        let authorization =
            if bearer.is_empty() { String::new() } else { format!("Authorization: Bearer {bearer}\r\n") };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{authorization}Content-Type: {content_type}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let mut connection = Connection::open(self.address).await.context("connect to the server")?;
        let answer = connection.send(request.as_bytes()).await.with_context(|| format!("{method} {path}"))?;
        Ok((answer.status, serde_json::from_slice(answer.body).unwrap_or(Value::Null)))
    }
}
