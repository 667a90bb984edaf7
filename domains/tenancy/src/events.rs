//! What the room tells others, after the change has committed. A loss is no harm: caches ask again each second.

use carepost_kernel::{ApiKeyId, PlacementId, ProviderAccountId, TenantId, WebhookEndpointId};

/// News of the configuration, from this process or another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenancyEvent {
    /// A placement was recorded: it can be opened.
    PlacementCreated(PlacementId),
    /// A tenant was made, paused, resumed or closed, or has other settings.
    TenantChanged(TenantId),
    /// An account was made, changed, paused, resumed or closed.
    AccountChanged {
        /// Whose it is.
        tenant_id: TenantId,
        /// The account.
        account_id: ProviderAccountId,
    },
    /// A key opens nothing any more.
    ApiKeyRevoked {
        /// Whose it was.
        tenant_id: TenantId,
        /// The key.
        api_key_id: ApiKeyId,
    },
    /// An endpoint was made or changed by hand.
    WebhookEndpointChanged {
        /// Whose it is.
        tenant_id: TenantId,
        /// The endpoint.
        webhook_endpoint_id: WebhookEndpointId,
    },
    /// An endpoint was removed.
    WebhookEndpointRemoved {
        /// Whose it was.
        tenant_id: TenantId,
        /// The endpoint.
        webhook_endpoint_id: WebhookEndpointId,
    },
}
