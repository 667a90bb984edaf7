//! The process-wide view of tenants, keys and accounts. Cheap to clone; filled on demand, refreshed by a timer.
//!
//! A filled cache answers without the database, and goes on doing so while the database is away. Each change made
//! here is in the caches before its command returns; changes of other processes come in with [`Directory::refresh`].
//!
//! A load and a change may overtake each other. So each change raises `generation` before it corrects the caches, and
//! a load is kept only where the generation has not moved since it began.

mod accounts;
mod cache;
mod given;
mod links;
mod principals;
mod refresh;
mod tenants;

use std::sync::Arc;

use carepost_kernel::{Clock, EventId, Reach, Secret, TenantId};
use carepost_store::{EngineConnection, Placement, StoreError, TenantConnection};
use jiff::Timestamp;
use tokio::sync::broadcast;

use crate::TenancyError;
use crate::error::Tried as _;
use crate::events::TenancyEvent;
use crate::keys::MasterKeys;
use crate::types::WebhookEndpoint;

use cache::Caches;

/// News that a slow listener may fall behind by before it loses some; it must then look at everything again.
const EVENTS_KEPT: usize = 1_024;

/// The view. Clones share it.
#[derive(Clone)]
pub struct Directory {
    shared: Arc<Shared>,
    reach: Reach,
}

struct Shared {
    source: Source,
    master_keys: MasterKeys,
    clock: Clock,
    caches: Caches,
    events: broadcast::Sender<TenancyEvent>,
}

/// Where the view comes from.
enum Source {
    /// The control schema.
    Control(Placement),
    /// What it is given: see `given.rs`.
    Given,
}

impl Directory {
    /// An empty view over the control schema.
    #[must_use]
    pub fn new(control: Placement, master_keys: MasterKeys, clock: Clock) -> Self {
        Self::over(Source::Control(control), master_keys, clock)
    }

    fn over(source: Source, master_keys: MasterKeys, clock: Clock) -> Self {
        let caches = Caches::new(clock.now());
        let (events, _) = broadcast::channel(EVENTS_KEPT);
        Self { shared: Arc::new(Shared { source, master_keys, clock, caches, events }), reach: Reach::Public }
    }

    /// The same view for a deployment whose tenants may name addresses within this reach; without it, public ones.
    #[must_use]
    pub fn with_reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    /// News of the configuration from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<TenancyEvent> {
        self.shared.events.subscribe()
    }

    /// The secret of an endpoint, `whsec_` and base64, to sign with.
    ///
    /// # Errors
    /// Where the tenant cannot be read or the secret does not open.
    pub async fn open_endpoint_secret(&self, endpoint: &WebhookEndpoint) -> Result<Secret<String>, TenancyError> {
        let handle = self.tenant(endpoint.tenant_id).await?;
        let owner = crate::keys::owner(
            crate::commands::ENDPOINT_SECRET,
            endpoint.tenant_id,
            endpoint.webhook_endpoint_id.as_uuid(),
        );
        let plain = handle.open(&owner, &endpoint.secret.0).tried("open webhook endpoint secret")?;
        crate::keys::secret_text(&plain, "open webhook endpoint secret")
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// How far addresses may lead that tenants name: for whoever connects.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        self.reach
    }

    pub(crate) fn master_keys(&self) -> &MasterKeys {
        &self.shared.master_keys
    }

    /// Tells the listeners; having none is fine.
    pub(crate) fn tell(&self, event: TenancyEvent) {
        let _listeners = self.shared.events.send(event);
    }

    pub(crate) async fn engine(&self) -> Result<EngineConnection, TenancyError> {
        self.control()?.engine().await.tried("connect to the control schema")
    }

    pub(crate) async fn tenant_connection(&self, tenant_id: TenantId) -> Result<TenantConnection, TenancyError> {
        self.control()?.tenant(tenant_id).await.tried("connect to the control schema")
    }

    fn control(&self) -> Result<&Placement, TenancyError> {
        match &self.shared.source {
            Source::Control(control) => Ok(control),
            Source::Given => Err(StoreError::Unavailable { reason: "there is none", code: None })
                .tried("connect to the control schema"),
        }
    }

    /// There is no database that others could have changed.
    pub(crate) fn is_given(&self) -> bool {
        matches!(self.shared.source, Source::Given)
    }

    fn caches(&self) -> &Caches {
        &self.shared.caches
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Directory")
    }
}

/// How far an endpoint has come: what the pusher writes down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointProgress {
    /// The last event that it has taken; `None` leaves the last known one.
    pub last_event_id: Option<EventId>,
    /// Failed tries since then.
    pub failures: u32,
    /// When it is tried again after failures.
    pub next_try_at: Option<Timestamp>,
    /// It has failed for long: tried seldom.
    pub failing: bool,
}
