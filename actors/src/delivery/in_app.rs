//! The inbox behind the in-app channel: one sealed row for each message. Open sessions hear of it through the events.

use async_trait::async_trait;
use carepost_delivery::store::put_in_app;
use carepost_kernel::{Clock, MessageId};
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
        let connection = placement.engine().await.map_err(|_| failed("connect"))?;
        // False where an earlier attempt has put it there already, which is as good.
        let (recipient, content, now) = (recipient.expose(), content.expose(), self.clock.now());
        let _is_new = put_in_app(&connection, &handle, message_id, recipient, content, now)
            .await
            .map_err(|_| failed("store message"))?;
        Ok(())
    }
}

fn unavailable(message_id: MessageId, what: &'static str) -> InAppUnavailable {
    tracing::warn!(message.id = %message_id, step = what, "could not put an in-app message");
    InAppUnavailable
}
