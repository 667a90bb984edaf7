//! `carepost api-key`.

use carepost_tenancy::{ApiKey, NewApiKey};
use serde_json::{Value, json};

use super::tool::{self, PAGE, actor, find_tenant, with_storage};
use super::{ApiKeyCommand, out};
use crate::compose::Storage;
use crate::config::Config;

pub(super) async fn run(command: ApiKeyCommand, config: &Config) -> anyhow::Result<()> {
    let shown = with_storage(config, async |storage| work(command, storage).await).await?;
    out::json(&shown);
    Ok(())
}

async fn work(command: ApiKeyCommand, storage: &Storage) -> anyhow::Result<Value> {
    let directory = &storage.directory;
    Ok(match command {
        ApiKeyCommand::Create { tenant, name, scopes, expires_at } => {
            let scopes = scopes.iter().map(|name| name.parse()).collect::<Result<_, _>>()?;
            let tenant_id = find_tenant(directory, &tenant).await?.tenant_id;
            let new = NewApiKey { name, scopes, expires_at };
            let (key, text) = directory.create_api_key(&actor(), tenant_id, new).await?;
            json!({ "api_key": shown(&key), "secret": text.expose() })
        }
        ApiKeyCommand::List { tenant } => {
            let tenant_id = find_tenant(directory, &tenant).await?.tenant_id;
            let keys = tool::all(async |cursor| directory.list_api_keys(tenant_id, cursor, PAGE).await).await?;
            keys.iter().map(shown).collect()
        }
        ApiKeyCommand::Revoke { tenant, id } => {
            let tenant_id = find_tenant(directory, &tenant).await?.tenant_id;
            shown(&directory.revoke_api_key(&actor(), tenant_id, id).await?)
        }
    })
}

fn shown(key: &ApiKey) -> Value {
    json!({
        "id": key.api_key_id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": key.scopes,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    })
}
