//! The inbox behind the in-app channel: one sealed row for each message. Open sessions hear of it through the events.

use async_trait::async_trait;
use carepost_delivery::DeliveryKey;
use carepost_delivery::prepare::{address_hash, normalize_address};
use carepost_delivery::store::{InAppRecord, insert_in_app};
use carepost_kernel::{Channel, Clock, MessageId};
use carepost_providers::{InAppInbox, InAppItem, InAppUnavailable};
use carepost_tenancy::Directory;

use crate::placements::Placements;

/// Stores in-app messages where their tenants' rows live.
#[derive(Debug, Clone)]
pub struct InAppStore {
    directory: Directory,
    placements: Placements,
    clock: Clock,
}

impl InAppStore {
    /// An inbox over these placements.
    #[must_use]
    pub const fn new(directory: Directory, placements: Placements, clock: Clock) -> Self {
        Self { directory, placements, clock }
    }
}

#[async_trait]
impl InAppInbox for InAppStore {
    async fn put(&self, item: InAppItem) -> Result<(), InAppUnavailable> {
        let InAppItem { tenant_id, attempt, recipient, content } = item;
        let message_id = attempt.message_id;
        let failed = |what: &'static str| unavailable(message_id, what);
        let handle = self.directory.tenant(tenant_id).await.map_err(|_| failed("read tenant"))?;
        let placement = self.placements.get(handle.tenant.placement_id);
        let placement = placement.ok_or_else(|| failed("find open placement"))?;
        let address = normalize_address(Channel::InApp, recipient.expose()).ok_or_else(|| failed("read recipient"))?;
        let plain = serde_json::to_vec(content.expose()).map_err(|_| failed("write content"))?;
        let owner = DeliveryKey::seal_owner(tenant_id, message_id);
        let payload_sealed = handle.seal(&owner, &plain).map_err(|_| failed("seal content"))?;
        let recipient_hash = address_hash(&handle.data_key, Channel::InApp, &address);
        let record = InAppRecord { message_id, delivered_at: self.clock.now(), read_at: None, payload_sealed };
        let connection = placement.engine().await.map_err(|_| failed("connect"))?;
        // False where an earlier attempt has put it there already, which is as good.
        let _is_new = insert_in_app(&connection, tenant_id, &recipient_hash, &record)
            .await
            .map_err(|_| failed("store message"))?;
        Ok(())
    }
}

fn unavailable(message_id: MessageId, what: &'static str) -> InAppUnavailable {
    tracing::warn!(message.id = %message_id, step = what, "could not put an in-app message");
    InAppUnavailable
}
