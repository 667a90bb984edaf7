//! The one place where real things meet: database, directory, placements, vendors, simulators, actors, HTTP.

pub mod database;
pub mod keys;
pub mod placements;
pub mod server;
pub mod storage;
pub mod upkeep;
pub mod vendors;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use carepost_actors::{Engine, EngineParts, Tuning};
use carepost_guard::{Dictionary, Guard};
use carepost_kernel::{Chain, Clock, Dice, InstanceId, Reach};
use carepost_providers::network;
use carepost_providers::simulator::Simulator;
use tokio::task::JoinSet;
use url::Url;

use crate::config::{Config, OutboundSettings};
use crate::http::{AppState, HttpLimits, Intake, Streams, Visits, openapi};
use crate::telemetry::Metrics;

pub use storage::{Access, Storage};
pub use vendors::Vendors;

/// Everything of a running server but its listeners.
#[derive(Debug)]
pub struct Deployment {
    /// Database, directory, placements.
    pub storage: Storage,
    /// The actors.
    pub engine: Engine,
    /// The simulated vendors, where the sandbox is on.
    pub simulator: Option<Simulator>,
    /// Timers; they end with this value.
    tasks: JoinSet<()>,
    vendors: Arc<Vendors>,
    clock: Clock,
    public_url: Url,
    admin_token_hash: Option<[u8; 32]>,
    peers: reqwest::Client,
    is_leaving: Arc<AtomicBool>,
    /// The event streams that are open.
    pub streams: Streams,
}

/// Chooses the one implementation of TLS for this process. A second call changes nothing.
pub fn install_crypto() {
    // Fails where somebody was first; that was this function, then.
    let _first = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

impl Deployment {
    /// Opens the database, starts the simulators, the actors and the timers. Runs inside an actix system.
    ///
    /// # Errors
    /// The first step that fails; what was started before it ends again.
    pub async fn start(config: &Config, public_url: Url, peer_url: &Url, metrics: Metrics) -> anyhow::Result<Self> {
        install_crypto();
        if let Some(dictionary) = &config.guard.dictionary {
            Guard::install(Dictionary::clone(dictionary)).context("use the dictionary of CAREPOST_PHI_DICTIONARY")?;
        }
        let clock = Clock::system();
        let keys = keys::load(config)?;
        let storage = Storage::open(config, keys.master, clock.clone(), Access::Serve).await?;
        let vendors = Arc::new(Vendors::open(config, &storage, clock.clone(), public_url.clone()).await?);
        let simulator = vendors.simulator().cloned();
        let parts = EngineParts {
            clock: clock.clone(),
            dice: Dice::system(),
            instance: InstanceId::new(clock.now()),
            peer_address: peer_url.to_string(),
            public_url: public_url.clone(),
            directory: storage.directory.clone(),
            journals: Arc::new(storage.placements.clone()),
            webhook_client: carepost_actors::webhook_client(storage.directory.reach())
                .context("make the client for webhook endpoints")?,
            providers: Arc::clone(&vendors) as _,
            tuning: Tuning {
                partition_days: config.engine.partition_days_ahead,
                retention_days: config.engine.retention_days,
                ..Tuning::default()
            },
        };
        let engine = carepost_actors::start(parts).await.context("start the actors")?;
        let mut tasks = JoinSet::new();
        tasks.spawn(metrics.keep_up(storage.placements.clone()));
        upkeep::spawn(&mut tasks, &storage);
        let admin_token_hash = keys.admin_token_hash;
        let streams = Streams::new(HttpLimits::default().streams);
        let peers = peers_client(&config.outbound, config.http.keep_alive)?;
        let is_leaving = Arc::default();
        Ok(Self {
            storage,
            engine,
            simulator,
            tasks,
            vendors,
            clock,
            public_url,
            admin_token_hash,
            peers,
            is_leaving,
            streams,
        })
    }

    /// What the handlers stand on.
    ///
    /// # Errors
    /// Where the OpenAPI document cannot be written.
    pub fn app_state(&self) -> AppState {
        let limits = HttpLimits::default();
        AppState {
            engine: Arc::new(self.engine.clone()),
            directory: self.storage.directory.clone(),
            placements: self.storage.placements.clone(),
            providers: Arc::clone(&self.vendors) as _,
            provisioner: Arc::clone(&self.storage.opener) as _,
            renderer: carepost_templates::Renderer::default(),
            clock: self.clock.clone(),
            limits,
            public_url: self.public_url.clone(),
            admin_token_hash: self.admin_token_hash,
            openapi: openapi::render(),
            streams: self.streams.clone(),
            peers: self.peers.clone(),
            is_leaving: Arc::clone(&self.is_leaving),
            intake: Intake::new(limits.intake_bytes),
            large_bodies: limits.large_bodies(),
            visits: Visits::default(),
            dry_runs: Arc::new(tokio::sync::Semaphore::new(1)),
        }
    }

    /// Says that it is not ready any more. Where other processes go on, it hands its tenants over to them and serves on
    /// meanwhile, and for `notice` after it, so that they and balancers notice.
    pub async fn leave(&self, notice: Duration, timeout: Duration) {
        self.is_leaving.store(true, Ordering::Release);
        if self.engine.leave(timeout).await {
            tokio::time::sleep(notice).await;
        }
    }

    /// Ends everything in order: no new work, calls end, the ledger is flushed, leases are given back, the database
    /// stops last.
    ///
    /// # Errors
    /// Where our own PostgreSQL does not stop in time.
    pub async fn drain(mut self, timeout: Duration) -> anyhow::Result<()> {
        if !self.engine.drain(timeout).await {
            tracing::warn!("some calls were still under way: their rows tell whoever comes next");
        }
        if let Some(simulator) = &self.simulator {
            simulator.stop().await;
        }
        self.tasks.shutdown().await;
        if let Err(error) = self.storage.directory.flush_key_uses().await {
            tracing::warn!(error = %Chain(&error), "could not write down when keys were last used");
        }
        self.storage.close().await
    }
}

/// The client for other processes of ours: what they answer is passed on as it is.
fn peers_client(settings: &OutboundSettings, keep_alive: Duration) -> anyhow::Result<reqwest::Client> {
    network::client(Reach::Anywhere)
        .gzip(false)
        .connect_timeout(settings.connect_timeout)
        .pool_max_idle_per_host(settings.idle_per_host)
        // Shorter than the other side keeps an idle connection: a request must not meet its end.
        .pool_idle_timeout((keep_alive / 2).min(Duration::from_secs(20)))
        .build()
        .context("make the client for other processes")
}

/// The client for vendors, and for a server of ours.
pub(crate) fn http_client(settings: &OutboundSettings, reach: Reach) -> anyhow::Result<reqwest::Client> {
    network::client(reach)
        .connect_timeout(settings.connect_timeout)
        .pool_max_idle_per_host(settings.idle_per_host)
        .pool_idle_timeout(settings.idle_timeout)
        .build()
        .context("make the HTTP client")
}
