//! What handlers stand on: the engine, the directory, and small ports that `compose` fills.

use std::sync::Arc;

use actix_web::web::Bytes;
use async_trait::async_trait;
use carepost_actors::EngineApi;
use carepost_actors::{Placements, ProviderSource};
use carepost_kernel::Clock;
use carepost_providers::ConfigError;
use carepost_store::{Placement, StoreError, TenantConnection};
use carepost_templates::Renderer;
use carepost_tenancy::{Directory, NewAccount, PlacementRecord, TenantHandle};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use url::Url;

use super::error::ApiError;
use super::intake::Intake;
use super::visits::Visits;

/// How much one request may bring, and how much may be open at a time (DEL-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// Bytes of one message's body; default 16 MiB.
    pub message_body_bytes: usize,
    /// Bytes of a batch's body; default 32 MiB.
    pub batch_body_bytes: usize,
    /// Bytes of a list of recipients for a bulk send; default 32 MiB.
    pub bulk_body_bytes: usize,
    /// Bytes of a vendor's webhook; default 4 MiB.
    pub webhook_body_bytes: usize,
    /// Bytes of any other body; default 256 KiB.
    pub admin_body_bytes: usize,
    /// Bytes of requests for new messages that are under way, half of it for one tenant; default 16 MiB.
    pub intake_bytes: usize,
    /// Bytes of all bodies that are being worked on, beyond the first 64 KiB of each; default 256 MiB.
    pub large_bodies_bytes: usize,
    /// Messages of one batch; default 1,000.
    pub batch_messages: usize,
    /// Event streams that are open at a time; default 1,000.
    pub streams: usize,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            message_body_bytes: 16 << 20,
            batch_body_bytes: 32 << 20,
            bulk_body_bytes: 32 << 20,
            webhook_body_bytes: 4 << 20,
            admin_body_bytes: 256 << 10,
            intake_bytes: 16 << 20,
            large_bodies_bytes: 256 << 20,
            batch_messages: 1_000,
            streams: 1_000,
        }
    }
}

/// Providers ready to use, by account, and the vendors' own checks.
pub trait Providers: ProviderSource {
    /// The vendor's check of an account to be made or changed; a sandbox account may come without credentials.
    ///
    /// # Errors
    /// The first field that does not hold up, its pointer below `/settings` or `/credentials`, or `/vendor`.
    fn check(&self, account: &NewAccount) -> Result<(), ConfigError>;
}

/// Makes and migrates the schema of a placement of a tenant's own.
#[async_trait]
pub trait Provisioner: Send + Sync {
    /// Runs before the placement is recorded; may run again for the same placement after a failure.
    ///
    /// # Errors
    /// Where the database refuses or is away.
    async fn provision(&self, placement: PlacementRecord) -> Result<(), StoreError>;
}

/// What all handlers share. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The actors.
    pub engine: Arc<dyn EngineApi>,
    /// Tenants, keys, accounts.
    pub directory: Directory,
    /// Where rows are read.
    pub placements: Placements,
    /// Who verifies webhooks, and checks accounts.
    pub providers: Arc<dyn Providers>,
    /// Who makes placements.
    pub provisioner: Arc<dyn Provisioner>,
    /// Templates that are ready to render.
    pub renderer: Renderer,
    /// The time.
    pub clock: Clock,
    /// How much is taken.
    pub limits: HttpLimits,
    /// Our address as vendors and callers see it, perhaps with a path in front.
    pub public_url: Url,
    /// SHA-256 of the administrator's token; `None` leaves the platform routes closed.
    pub admin_token_hash: Option<[u8; 32]>,
    /// The OpenAPI document as it is served: see [`super::openapi::render`].
    pub openapi: Bytes,
    /// The event streams that are open.
    pub streams: Streams,
    /// The process stops soon: it is not ready any more, and serves on until then.
    pub is_leaving: Arc<std::sync::atomic::AtomicBool>,
    /// The way to other processes on the same database.
    pub peers: reqwest::Client,
    /// Room for new messages under way: see [`HttpLimits::intake_bytes`].
    pub intake: Intake,
    /// Room for large bodies: see [`HttpLimits::large_bodies`].
    pub large_bodies: Arc<Semaphore>,
    /// How often the links of recipients were used of late.
    pub visits: Visits,
    /// Room for trials of policies, which read a week's messages: one at a time.
    pub dry_runs: Arc<Semaphore>,
}

/// The event streams of a process: so many at a time, and all of them end before it does. Clones share them.
#[derive(Debug, Clone)]
pub struct Streams {
    places: Arc<Semaphore>,
    end: watch::Sender<bool>,
}

impl Streams {
    /// None open yet, at most `limit` at a time.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(limit)), end: watch::Sender::new(false) }
    }

    /// A place for one more; `None` where all are taken or the end has come.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Ends all that are open and opens no more: they would hold an orderly stop up, for they never end by themselves.
    pub fn end(&self) {
        self.places.close();
        self.end.send_replace(true);
    }

    /// Comes back when they are to end.
    pub(super) fn ended(&self) -> impl Future<Output = ()> + 'static {
        let mut end = self.end.subscribe();
        async move {
            // A dropped sender is an end as well.
            let _told = end.wait_for(|ended| *ended).await;
        }
    }
}

impl HttpLimits {
    /// Room for large bodies, in steps of 64 KiB.
    #[must_use]
    pub fn large_bodies(&self) -> Arc<Semaphore> {
        Arc::new(Semaphore::new(self.large_bodies_bytes / super::json::STEP_BYTES))
    }
}

impl AppState {
    /// Where a tenant's rows are.
    pub(super) fn placement(&self, tenant: &TenantHandle) -> Result<Placement, ApiError> {
        let placement = self.placements.get(tenant.tenant.placement_id);
        placement.ok_or_else(|| ApiError::unavailable("the tenant's database is not open yet"))
    }

    /// A connection for reads of one tenant.
    pub(super) async fn connection(&self, tenant: &TenantHandle) -> Result<TenantConnection, ApiError> {
        Ok(self.placement(tenant)?.tenant(tenant.tenant.tenant_id).await?)
    }
}
