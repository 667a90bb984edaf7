//! Making, listing and revoking API keys.

use carepost_audit::{Actor, AuditEvent, AuditEventRow, list, record};
use carepost_kernel::{ApiKeyId, Cursor, Page, Secret, TenantId};
use serde_json::{Value, json};

use super::random_bytes;
use crate::error::{FieldProblem, Tried as _};
use crate::events::TenancyEvent;
use crate::rules::{key_text, names};
use crate::store::api_keys;
use crate::types::{ApiKey, NewApiKey, TenantStatus};
use crate::{Directory, TenancyError};

impl Directory {
    /// Makes a key. Its text is in the answer and nowhere else (TEN-1).
    ///
    /// # Errors
    /// `Invalid` names the wrong field; `Conflict` where the tenant is closed.
    pub async fn create_api_key(
        &self,
        actor: &Actor,
        tenant_id: TenantId,
        new: NewApiKey,
    ) -> Result<(ApiKey, Secret<String>), TenancyError> {
        const TRIED: &str = "create API key";
        let now = self.now();
        names::check_name("/name", &new.name)?;
        if new.scopes.is_empty() {
            return Err(FieldProblem::new("/scopes", "must name at least one scope").into());
        }
        if new.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(FieldProblem::new("/expires_at", "must be in the future").into());
        }
        if self.tenant(tenant_id).await?.tenant.status == TenantStatus::Closed {
            return Err(TenancyError::Conflict { tried: TRIED, problem: "the tenant is closed" });
        }
        let text = new_text()?;
        let key = ApiKey {
            api_key_id: ApiKeyId::new(now),
            tenant_id,
            name: new.name,
            prefix: key_text::shown(text.expose()).to_owned(),
            scopes: new.scopes.into_iter().collect(),
            created_at: now,
            expires_at: new.expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        let hash = key_text::hash(text.expose());
        let mut connection = self.tenant_connection(tenant_id).await?;
        let tx = connection.begin().await.tried(TRIED)?;
        api_keys::insert_api_key(&tx, &key, &hash).await?;
        let detail = json!({
            "name": key.name,
            "prefix": key.prefix,
            "scopes": key.scopes,
            "expires_at": key.expires_at,
        });
        record(&tx, now, &key_event(actor, &key, "api_key.create", detail)).await?;
        tx.commit().await.tried(TRIED)?;
        self.key_created(&hash);
        Ok((key, text))
    }

    /// Makes a key open nothing, at once (TEN-4). A key that is revoked already keeps its first time.
    ///
    /// # Errors
    /// [`TenancyError::ApiKeyNotFound`] where it is no key of this tenant.
    pub async fn revoke_api_key(
        &self,
        actor: &Actor,
        tenant_id: TenantId,
        api_key_id: ApiKeyId,
    ) -> Result<ApiKey, TenancyError> {
        const TRIED: &str = "revoke API key";
        let now = self.now();
        let mut connection = self.tenant_connection(tenant_id).await?;
        let tx = connection.begin().await.tried(TRIED)?;
        let revoked = api_keys::revoke_api_key(&tx, api_key_id, now).await?;
        let key = api_keys::find_api_key(&tx, api_key_id).await?;
        let Some(hash) = revoked else { return Ok(key) };
        record(&tx, now, &key_event(actor, &key, "api_key.revoke", json!({ "prefix": key.prefix }))).await?;
        tx.commit().await.tried(TRIED)?;
        self.key_revoked(hash);
        self.tell(TenancyEvent::ApiKeyRevoked { tenant_id, api_key_id });
        Ok(key)
    }

    /// One key of a tenant, whatever its state.
    ///
    /// # Errors
    /// [`TenancyError::ApiKeyNotFound`] where it is no key of this tenant.
    pub async fn api_key(&self, tenant_id: TenantId, api_key_id: ApiKeyId) -> Result<ApiKey, TenancyError> {
        let mut connection = self.tenant_connection(tenant_id).await?;
        let tx = connection.begin().await.tried("find API key")?;
        api_keys::find_api_key(&tx, api_key_id).await
    }

    /// One page of a tenant's keys, revoked ones too, the oldest first.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn list_api_keys(
        &self,
        tenant_id: TenantId,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<ApiKey>, TenancyError> {
        let mut connection = self.tenant_connection(tenant_id).await?;
        let tx = connection.begin().await.tried("list API keys")?;
        api_keys::list_api_keys(&tx, cursor, limit).await
    }

    /// One page of a tenant's audit trail, newest first.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn list_audit_events(
        &self,
        tenant_id: TenantId,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<AuditEventRow>, TenancyError> {
        let mut connection = self.tenant_connection(tenant_id).await?;
        let tx = connection.begin().await.tried("list audit events")?;
        Ok(list(&tx, tenant_id, cursor, limit).await?)
    }
}

fn new_text() -> Result<Secret<String>, TenancyError> {
    loop {
        // 43 of 96 bytes are needed, and 31 of 32 are usable: a second round is never seen in practice.
        if let Some(text) = key_text::write(&*random_bytes()?) {
            return Ok(Secret::new(text));
        }
    }
}

fn key_event(actor: &Actor, key: &ApiKey, action: &'static str, detail: Value) -> AuditEvent {
    AuditEvent {
        tenant_id: key.tenant_id,
        actor: actor.clone(),
        action,
        subject: ("api_key", key.api_key_id.to_string()),
        detail,
    }
}
