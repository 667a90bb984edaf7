//! `carepost webhook`.

use carepost_delivery::EventKind;
use carepost_tenancy::{NewEndpoint, WebhookEndpoint};
use serde_json::{Value, json};

use super::tool::{self, PAGE, actor, find_tenant, with_storage};
use super::{WebhookCommand, out};
use crate::compose::Storage;
use crate::config::Config;

pub(super) async fn run(command: WebhookCommand, config: &Config) -> anyhow::Result<()> {
    let shown = with_storage(config, async |storage| work(command, storage).await).await?;
    out::json(&shown);
    Ok(())
}

async fn work(command: WebhookCommand, storage: &Storage) -> anyhow::Result<Value> {
    let directory = &storage.directory;
    Ok(match command {
        WebhookCommand::Create { tenant, url, event_types } => {
            let tenant_id = find_tenant(directory, &tenant).await?.tenant_id;
            let new = NewEndpoint { url, event_types, start_after: None };
            let (endpoint, secret) = directory.create_endpoint(&actor(), tenant_id, new).await?;
            json!({ "webhook_endpoint": shown(&endpoint), "secret": secret.expose() })
        }
        WebhookCommand::List { tenant } => {
            let tenant_id = find_tenant(directory, &tenant).await?.tenant_id;
            let endpoints = tool::all(async |cursor| directory.list_endpoints(tenant_id, cursor, PAGE).await).await?;
            endpoints.iter().map(shown).collect()
        }
        WebhookCommand::Remove { tenant, id } => {
            let tenant_id = find_tenant(directory, &tenant).await?.tenant_id;
            directory.remove_endpoint(&actor(), tenant_id, id).await?;
            json!({ "removed": id })
        }
    })
}

/// The name of an event's type; the fault lists them all.
pub(super) fn event_type(text: &str) -> Result<String, String> {
    let names: Vec<String> = EventKind::ALL.iter().map(|kind| format!("delivery.{}", kind.as_str())).collect();
    if names.iter().any(|name| name == text) {
        Ok(text.to_owned())
    } else {
        Err(format!("there are {}", names.join(", ")))
    }
}

fn shown(endpoint: &WebhookEndpoint) -> Value {
    json!({
        "id": endpoint.webhook_endpoint_id,
        "url": endpoint.url,
        "event_types": endpoint.event_types,
        "status": endpoint.status,
        "failures": endpoint.failures,
        "created_at": endpoint.created_at,
    })
}
