//! Durable events on their way to whoever listens now: one broadcast for each tenant that has listeners.

use std::sync::Arc;

use dashmap::DashMap;
use tokio::sync::broadcast;

use carepost_delivery::types::DeliveryEvent;
use carepost_kernel::TenantId;

/// How far a listener may fall behind before it has to read the history.
const BACKLOG: usize = 1_024;

/// The hub. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct EventHub(Arc<DashMap<TenantId, broadcast::Sender<Arc<DeliveryEvent>>>>);

impl EventHub {
    /// The tenant's events from now on.
    #[must_use]
    pub fn listen(&self, tenant_id: TenantId) -> broadcast::Receiver<Arc<DeliveryEvent>> {
        self.0.entry(tenant_id).or_insert_with(|| broadcast::channel(BACKLOG).0).subscribe()
    }

    /// Tells an event that is durable. Without a listener it costs one look-up.
    pub fn publish(&self, event: DeliveryEvent) {
        let tenant_id = event.key.tenant_id;
        let Some(sender) = self.0.get(&tenant_id).map(|found| found.clone()) else { return };
        if sender.send(Arc::new(event)).is_err() {
            // The last listener left. A new one may have come meanwhile: look again under the lock.
            self.0.remove_if(&tenant_id, |_, sender| sender.receiver_count() == 0);
        }
    }

    /// Ends the streams of all who listen to this tenant.
    pub fn end(&self, tenant_id: TenantId) {
        self.0.remove(&tenant_id);
    }

    /// Somebody listens to this tenant.
    #[must_use]
    pub fn has_listeners(&self, tenant_id: TenantId) -> bool {
        self.0.contains_key(&tenant_id)
    }
}
