//! Making, changing and removing webhook endpoints; how far they have come.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carepost_audit::{Actor, AuditEvent, record};
use carepost_kernel::{Cursor, Page, Secret, TenantId, WebhookEndpointId};
use serde_json::{Value, json};

use super::{ENDPOINT_SECRET, TOKEN_BYTES, random_bytes};
use crate::directory::EndpointProgress;
use crate::error::{FieldProblem, Tried as _};
use crate::events::TenancyEvent;
use crate::keys::owner;
use crate::rules::names::check_event_types;
use crate::rules::url::check_outward;
use crate::store::endpoints;
use crate::types::{EndpointChange, EndpointStatus, NewEndpoint, Sealed, WebhookEndpoint};
use crate::{Directory, TenancyError};

impl Directory {
    /// Makes an endpoint. Its secret (`whsec_` and base64, Standard Webhooks) is in the answer.
    ///
    /// # Errors
    /// `Invalid` names the wrong field.
    pub async fn create_endpoint(
        &self,
        actor: &Actor,
        tenant_id: TenantId,
        new: NewEndpoint,
    ) -> Result<(WebhookEndpoint, Secret<String>), TenancyError> {
        const TRIED: &str = "create webhook endpoint";
        check_outward("/url", &new.url, self.reach())?;
        check_event_types(&new.event_types)?;
        let handle = self.tenant(tenant_id).await?;
        let now = self.now();
        let webhook_endpoint_id = WebhookEndpointId::new(now);
        let secret = Secret::new(format!("whsec_{}", STANDARD.encode(random_bytes::<TOKEN_BYTES>()?.as_ref())));
        let secret_owner = owner(ENDPOINT_SECRET, tenant_id, webhook_endpoint_id.as_uuid());
        let endpoint = WebhookEndpoint {
            webhook_endpoint_id,
            tenant_id,
            url: new.url,
            event_types: new.event_types,
            status: EndpointStatus::Active,
            last_event_id: new.start_after,
            failures: 0,
            next_try_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
            secret: Sealed(handle.seal(&secret_owner, secret.expose().as_bytes()).tried(TRIED)?),
        };
        let mut connection = self.tenant_connection(tenant_id).await?;
        let tx = connection.begin().await.tried(TRIED)?;
        endpoints::insert_endpoint(&tx, &endpoint).await?;
        let detail = json!({ "current": described(&endpoint) });
        record(&tx, now, &endpoint_event(actor, &endpoint, "webhook_endpoint.create", detail)).await?;
        tx.commit().await.tried(TRIED)?;
        self.tell_changed(&endpoint);
        Ok((endpoint, secret))
    }

    /// Changes an endpoint by hand. Resuming forgets its failures.
    ///
    /// # Errors
    /// `Invalid` names the wrong field; of kind `NotFound` where it is no endpoint of this tenant.
    pub async fn update_endpoint(
        &self,
        actor: &Actor,
        tenant_id: TenantId,
        webhook_endpoint_id: WebhookEndpointId,
        change: EndpointChange,
    ) -> Result<WebhookEndpoint, TenancyError> {
        const TRIED: &str = "update webhook endpoint";
        if let Some(url) = &change.url {
            check_outward("/url", url, self.reach())?;
        }
        check_event_types(change.event_types.as_deref().unwrap_or_default())?;
        if change.status == Some(EndpointStatus::Failing) {
            return Err(FieldProblem::new("/status", "must be active or paused").into());
        }
        let mut connection = self.tenant_connection(tenant_id).await?;
        let tx = connection.begin().await.tried(TRIED)?;
        let previous = endpoints::lock_endpoint(&tx, webhook_endpoint_id).await?;
        let mut endpoint = previous.clone();
        endpoint.url = change.url.unwrap_or(endpoint.url);
        endpoint.event_types = change.event_types.unwrap_or(endpoint.event_types);
        if change.status == Some(EndpointStatus::Active) {
            endpoint.failures = 0;
            endpoint.next_try_at = None;
        }
        endpoint.status = change.status.unwrap_or(endpoint.status);
        endpoint.version += 1;
        endpoint.updated_at = self.now();
        endpoints::update_endpoint(&tx, &endpoint).await?;
        let detail = json!({ "previous": described(&previous), "current": described(&endpoint) });
        record(&tx, endpoint.updated_at, &endpoint_event(actor, &endpoint, "webhook_endpoint.update", detail)).await?;
        tx.commit().await.tried(TRIED)?;
        self.tell_changed(&endpoint);
        Ok(endpoint)
    }

    /// Removes an endpoint.
    ///
    /// # Errors
    /// Of kind `NotFound` where it is no endpoint of this tenant.
    pub async fn remove_endpoint(
        &self,
        actor: &Actor,
        tenant_id: TenantId,
        webhook_endpoint_id: WebhookEndpointId,
    ) -> Result<(), TenancyError> {
        const TRIED: &str = "remove webhook endpoint";
        let mut connection = self.tenant_connection(tenant_id).await?;
        let tx = connection.begin().await.tried(TRIED)?;
        let previous = endpoints::lock_endpoint(&tx, webhook_endpoint_id).await?;
        endpoints::delete_endpoint(&tx, webhook_endpoint_id).await?;
        let detail = json!({ "previous": described(&previous) });
        record(&tx, self.now(), &endpoint_event(actor, &previous, "webhook_endpoint.remove", detail)).await?;
        tx.commit().await.tried(TRIED)?;
        self.endpoint_removed(webhook_endpoint_id);
        self.tell(TenancyEvent::WebhookEndpointRemoved { tenant_id, webhook_endpoint_id });
        Ok(())
    }

    /// One endpoint of a tenant.
    ///
    /// # Errors
    /// Of kind `NotFound` where it is no endpoint of this tenant.
    pub async fn endpoint(
        &self,
        tenant_id: TenantId,
        webhook_endpoint_id: WebhookEndpointId,
    ) -> Result<WebhookEndpoint, TenancyError> {
        let mut connection = self.tenant_connection(tenant_id).await?;
        let tx = connection.begin().await.tried("find webhook endpoint")?;
        endpoints::find_endpoint(&tx, webhook_endpoint_id).await
    }

    /// One page of a tenant's endpoints, the oldest first.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn list_endpoints(
        &self,
        tenant_id: TenantId,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<WebhookEndpoint>, TenancyError> {
        let mut connection = self.tenant_connection(tenant_id).await?;
        let tx = connection.begin().await.tried("list webhook endpoints")?;
        endpoints::list_endpoints(&tx, cursor, limit).await
    }

    /// All endpoints that are to be told, of all tenants: for the pusher.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn live_endpoints(&self) -> Result<Vec<WebhookEndpoint>, TenancyError> {
        if self.is_given() {
            return Ok(Vec::new());
        }
        endpoints::list_live_endpoints(&self.engine().await?).await
    }

    /// Writes how far an endpoint has come; false where it was removed or paused meanwhile. Not audited: nobody's
    /// hand is in it.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn record_endpoint_progress(
        &self,
        tenant_id: TenantId,
        webhook_endpoint_id: WebhookEndpointId,
        progress: &EndpointProgress,
    ) -> Result<bool, TenancyError> {
        endpoints::record_endpoint_progress(&self.engine().await?, tenant_id, webhook_endpoint_id, progress).await
    }

    fn tell_changed(&self, endpoint: &WebhookEndpoint) {
        let WebhookEndpoint { tenant_id, webhook_endpoint_id, version, .. } = *endpoint;
        self.endpoint_changed(webhook_endpoint_id, version);
        self.tell(TenancyEvent::WebhookEndpointChanged { tenant_id, webhook_endpoint_id });
    }
}

/// What the trail keeps of an endpoint: no secret.
fn described(endpoint: &WebhookEndpoint) -> Value {
    json!({ "url": endpoint.url, "event_types": endpoint.event_types, "status": endpoint.status })
}

fn endpoint_event(actor: &Actor, endpoint: &WebhookEndpoint, action: &'static str, detail: Value) -> AuditEvent {
    AuditEvent {
        tenant_id: endpoint.tenant_id,
        actor: actor.clone(),
        action,
        subject: ("webhook_endpoint", endpoint.webhook_endpoint_id.to_string()),
        detail,
    }
}
