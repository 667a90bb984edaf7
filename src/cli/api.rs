//! Commands that ask a running server.

use anyhow::{Context as _, bail};
use carepost_kernel::{Reach, Secret};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::out;
use crate::compose::{http_client, install_crypto, keys};
use crate::config::{Config, HttpSettings};

/// A client of one server with one key.
#[derive(Debug, Clone)]
pub(super) struct Api {
    http: reqwest::Client,
    base: Url,
    key: Secret<String>,
}

impl Api {
    /// A client of the server that this configuration describes.
    pub(super) fn of(config: &Config, key: Secret<String>) -> anyhow::Result<Self> {
        Self::new(HttpSettings::url_of(config.http.listen), config, key)
    }

    pub(super) fn new(base: Url, config: &Config, key: Secret<String>) -> anyhow::Result<Self> {
        install_crypto();
        Ok(Self { http: http_client(&config.outbound, Reach::Anywhere)?, base, key })
    }

    /// The same server with another key.
    pub(super) fn with_key(&self, key: Secret<String>) -> Self {
        Self { key, ..self.clone() }
    }

    pub(super) async fn get<Answer: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Answer> {
        self.call(Method::GET, path, None).await
    }

    pub(super) async fn post<Answer: DeserializeOwned>(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Posts under an idempotency key; `None` where the server asks to come again later.
    pub(super) async fn post_once(&self, path: &str, body: &Value, key: &str) -> anyhow::Result<Option<Value>> {
        let request = self.request(Method::POST, path)?.header("Idempotency-Key", key).json(body);
        let answer = self.send(request).await?;
        if matches!(answer.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            return Ok(None);
        }
        read(answer).await.map(Some)
    }

    /// The inbox of one of the tenant's recipients.
    pub(super) async fn get_inbox(&self, recipient: &str) -> anyhow::Result<Value> {
        let request = self.request(Method::GET, "/api/v1/messaging/in-app/messages")?;
        read(self.send(request.header("X-Carepost-Recipient", recipient)).await?).await
    }

    async fn call<Answer: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let request = self.request(method, path)?;
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        read(self.send(request).await?).await
    }

    fn request(&self, method: Method, path: &str) -> anyhow::Result<RequestBuilder> {
        let url = self.base.join(path).context("make address")?;
        Ok(self.http.request(method, url).bearer_auth(self.key.expose()))
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        request.send().await.with_context(|| format!("ask the server at {}: does it run?", self.base))
    }
}

async fn read<Answer: DeserializeOwned>(answer: Response) -> anyhow::Result<Answer> {
    let status = answer.status();
    if !status.is_success() {
        // A problem (RFC 9457) holds names of fields and codes, no values.
        let problem: Value = answer.json().await.unwrap_or_default();
        bail!("ask the server: it answered {status}: {problem}");
    }
    answer.json().await.context("read the server's answer")
}

/// Prints the tree of actors.
pub(super) async fn print_actors(config: &Config) -> anyhow::Result<()> {
    let token = keys::admin_token(config)?.context("find the administrator's token: set CAREPOST_ADMIN_TOKEN")?;
    let tree: Value = Api::of(config, token)?.get("/api/v1/admin/actors").await?;
    let text = |actor: &Value, name: &str| actor[name].as_str().unwrap_or_default().to_owned();
    let mut printed: Vec<String> = Vec::new();
    for actor in tree["items"].as_array().into_iter().flatten() {
        let path = text(actor, "path");
        let parts: Vec<&str> = path.split('/').collect();
        // Boxes of the tree that are no actors themselves.
        for (depth, part) in parts.iter().enumerate().take(parts.len() - 1).skip(printed_depth(&printed, &parts)) {
            out::line(&format!("{}{part}", "  ".repeat(depth)));
        }
        out::line(&format!(
            "{}{}  {} {} restarts={} depth={}",
            "  ".repeat(parts.len() - 1),
            parts[parts.len() - 1],
            text(actor, "kind"),
            text(actor, "state"),
            actor["restarts"],
            actor["depth"]
        ));
        printed = parts.into_iter().map(str::to_owned).collect();
    }
    Ok(())
}

/// How many parts of a path stand on the page already, from the line before.
fn printed_depth(printed: &[String], parts: &[&str]) -> usize {
    printed.iter().zip(parts).take_while(|(one, other)| one == *other).count().min(parts.len() - 1)
}
