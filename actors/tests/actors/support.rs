//! An engine over a database of its own, with two tenants and a vendor in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use carepost_actors::{Engine, EngineApi as _, EngineError, EngineParts, Placements, Tuning};
use carepost_audit::Actor;
use carepost_delivery::prepare::{EnqueueRequest, PrepareContext, prepare};
use carepost_delivery::store::{get_message, list_event_stream};
use carepost_delivery::types::message_state;
use carepost_delivery::{DeliveryEvent, DeliveryState, Recipient};
use carepost_kernel::{
    Channel, Clock, Dice, EventId, InstanceId, MessageId, PlacementId, ProviderAccountId, Secret, TenantId,
};
use carepost_store::{
    DatabaseConfig, IoRuntime, Placement, SchemaName, ensure_partitions, migrate_control, migrate_placement,
};
use carepost_tenancy::{
    Directory, MasterKeys, NewAccount, NewTenant, PlacementChoice, RouteChange, TenantHandle, TenantSettings,
};
use jiff::Timestamp;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_postgres::NoTls;

use crate::proxy::Proxy;
use crate::vendor::{FakeVendor, bring_receipts};

const MASTER_KEY: &str = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Nothing here takes that long; a test that waits for longer has found a bug.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Stands in every message, and must stand nowhere else.
pub(crate) const CANARY: &str = "Canary Quokka";
pub(crate) const PHONE: &str = "+15005550006";

/// The server that `scripts/with-postgres` has started.
#[expect(clippy::disallowed_methods, reason = "the script hands the address over in the environment")]
pub(crate) fn server_url() -> String {
    std::env::var("CAREPOST_TEST_DATABASE_URL")
        .expect("CAREPOST_TEST_DATABASE_URL is not set: run through scripts/with-postgres")
}

pub(crate) fn by() -> Actor {
    Actor::Cli("tester".to_owned())
}

/// One tenant with one account for text messages.
pub(crate) struct Tenant {
    pub(crate) handle: Arc<TenantHandle>,
    pub(crate) account_id: ProviderAccountId,
}

impl Tenant {
    pub(crate) fn id(&self) -> TenantId {
        self.handle.tenant.tenant_id
    }
}

/// A migrated database, two tenants, and an engine at work.
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) directory: Directory,
    pub(crate) placement: Placement,
    pub(crate) vendor: Arc<FakeVendor>,
    pub(crate) engine: Engine,
    pub(crate) first: Tenant,
    pub(crate) second: Tenant,
    postman: JoinHandle<()>,
    config: DatabaseConfig,
    placements: Placements,
    tuning: Tuning,
    io: IoRuntime,
}

pub(crate) fn tuning() -> Tuning {
    let quick = Duration::from_millis(200);
    Tuning { wake_every: quick, notify_look: quick, notify_abandoned: Duration::from_secs(1), ..Tuning::default() }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::tuned(tuning()).await
    }

    pub(crate) async fn tuned(tuning: Tuning) -> Self {
        let clock = Clock::system();
        let config = database(clock.now()).await;
        let (control_schema, schema) = (schema("carepost_control"), schema("carepost_pooled"));
        migrate_control(&config, &control_schema).await.unwrap();
        migrate_placement(&config, &schema).await.unwrap();
        let io = IoRuntime::start().unwrap();
        let control = Placement::connect(PlacementId::new(clock.now()), &config, &control_schema, &io).await.unwrap();
        let keys = MasterKeys::parse(MASTER_KEY).unwrap();
        let directory = Directory::new(control, keys, clock.clone()).with_reach(carepost_kernel::Reach::Anywhere);
        let record = directory.ensure_pooled_placement(&by(), "carepost_pooled").await.unwrap();
        let placement = Placement::connect(record.placement_id, &config, &schema, &io).await.unwrap();
        ensure_partitions(&placement, clock.now(), 2).await.unwrap();
        let (first, second) = (tenant(&directory, "riverside").await, tenant(&directory, "hillside").await);
        let placements = Placements::default();
        placements.insert(placement.clone());
        let (vendor, engine, postman) = start(&clock, &directory, &placements, &tuning).await;
        Self { clock, directory, placement, vendor, engine, first, second, postman, config, placements, tuning, io }
    }

    /// A tenant whose placement is reached through a proxy: a database of its own, as far as the engine knows.
    pub(crate) async fn far_tenant(&self, proxy: &Proxy) -> Tenant {
        let known = self.config.url.expose();
        let kept: Vec<&str> =
            known.split(' ').filter(|part| !part.starts_with("host=") && !part.starts_with("port=")).collect();
        let url = Secret::new(format!("host=127.0.0.1 port={} {}", proxy.port, kept.join(" ")));
        let own = DatabaseConfig::new(url.clone());
        let new = NewTenant { placement: PlacementChoice::OwnDatabase { url }, ..new_tenant("faraway") };
        let actor = by();
        let made = self.directory.create_tenant(&actor, new, |record| async move {
            let schema = SchemaName::new(&record.schema_name)?;
            migrate_placement(&own, &schema).await?;
            let placement = Placement::connect(record.placement_id, &own, &schema, &self.io).await?;
            ensure_partitions(&placement, self.clock.now(), 2).await?;
            self.placements.insert(placement);
            Ok(())
        });
        let made = made.await.unwrap();
        with_account(&self.directory, made.tenant_id).await
    }

    /// Stops the engine in good order.
    pub(crate) async fn stop(&self) {
        self.postman.abort();
        assert!(self.engine.drain(Duration::from_secs(5)).await, "calls came to an end");
    }

    /// A new engine in the place of the one that was stopped, as after a restart of the program.
    pub(crate) async fn restart(&mut self, directory: Directory) {
        self.directory = directory;
        let started = start(&self.clock, &self.directory, &self.placements, &self.tuning).await;
        (self.vendor, self.engine, self.postman) = started;
    }

    /// Hands a message in, again and again while the engine says that it may pass.
    pub(crate) async fn enqueue(&self, tenant: &Tenant) -> MessageId {
        loop {
            let request = EnqueueRequest {
                to: Recipient { phone: Some(PHONE.to_owned()), ..Recipient::default() },
                channels: vec![Channel::Sms],
                body: Some(CANARY.to_owned()),
                ..EnqueueRequest::default()
            };
            let context = PrepareContext {
                tenant_id: tenant.id(),
                api_key_id: None,
                settings: &tenant.handle.tenant.settings,
                data_key: &tenant.handle.data_key,
                hash_key: tenant.handle.hash_key(),
                now: self.clock.now(),
            };
            let message = prepare(request, None, context).unwrap();
            match self.engine.enqueue(&tenant.handle, message).await {
                Ok(accepted) => return accepted.message_id,
                Err(EngineError::Unavailable { .. } | EngineError::Moving) => {
                    tokio::time::sleep(Duration::from_millis(5)).await
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub(crate) async fn enqueue_many(&self, tenant: &Tenant, count: usize) -> Vec<MessageId> {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(self.enqueue(tenant).await);
        }
        ids
    }

    pub(crate) async fn state(&self, tenant: &Tenant, message_id: MessageId) -> DeliveryState {
        let mut connection = self.placement.tenant(tenant.id()).await.unwrap();
        let tx = connection.begin().await.unwrap();
        let message = get_message(&tx, message_id).await.unwrap().expect("DEL-1: it was acked");
        message_state(&message.deliveries)
    }

    /// Waits until all have arrived.
    pub(crate) async fn delivered(&self, tenant: &Tenant, message_ids: &[MessageId]) {
        for message_id in message_ids {
            until("a message is delivered", async || self.state(tenant, *message_id).await == DeliveryState::Delivered)
                .await;
        }
    }

    /// A tenant's whole history, in the order of its ids.
    pub(crate) async fn events(&self, tenant: &Tenant) -> Vec<DeliveryEvent> {
        let mut connection = self.placement.tenant(tenant.id()).await.unwrap();
        let tx = connection.begin().await.unwrap();
        let soon = self.clock.now() + jiff::SignedDuration::from_hours(1);
        let (from, to) = (EventId::from_uuid(uuid::Uuid::nil()), EventId::first_at(soon));
        list_event_stream(&tx, from, to, 10_000).await.unwrap()
    }

    /// Deaths by the place of the actor.
    pub(crate) async fn restarts(&self) -> BTreeMap<String, (&'static str, u64)> {
        self.engine.actors().await.into_iter().map(|info| (info.path, (info.kind, info.restarts))).collect()
    }
}

/// Asks again until the answer is yes; for things that others do in their own time.
pub(crate) async fn until(what: &str, asked: impl AsyncFn() -> bool) {
    let asking = async {
        while !asked().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

fn schema(name: &str) -> SchemaName {
    SchemaName::new(name).unwrap()
}

async fn database(now: Timestamp) -> DatabaseConfig {
    let name = format!("test_{}", PlacementId::new(now).as_uuid().simple());
    let (root, connection) = tokio_postgres::connect(&server_url(), NoTls).await.unwrap();
    let serving = tokio::spawn(connection);
    root.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    drop(root);
    serving.await.unwrap().unwrap();
    DatabaseConfig::new(Secret::new(format!("{} dbname={name}", server_url())))
}

fn new_tenant(slug: &str) -> NewTenant {
    NewTenant {
        slug: slug.to_owned(),
        display_name: format!("Clinic {slug}"),
        placement: PlacementChoice::Pooled,
        settings: TenantSettings::default(),
    }
}

async fn tenant(directory: &Directory, slug: &str) -> Tenant {
    let made =
        directory.create_tenant(&by(), new_tenant(slug), |_| async { panic!("the pooled placement is there") }).await;
    with_account(directory, made.unwrap().tenant_id).await
}

async fn with_account(directory: &Directory, tenant_id: TenantId) -> Tenant {
    let account = NewAccount {
        name: "texts".to_owned(),
        channel: Channel::Sms,
        vendor: "twilio".to_owned(),
        settings: json!({ "from": "+15005550001" }),
        credentials: Some(Secret::from("{}")),
        sandbox: false,
        route: RouteChange::default(),
        base_url: None,
    };
    let account = directory.create_account(&by(), tenant_id, account, |_| Ok(())).await.unwrap();
    Tenant { handle: directory.tenant(tenant_id).await.unwrap(), account_id: account.account_id }
}

async fn start(
    clock: &Clock,
    directory: &Directory,
    placements: &Placements,
    tuning: &Tuning,
) -> (Arc<FakeVendor>, Engine, JoinHandle<()>) {
    let (vendor, calls) = FakeVendor::new();
    let vendor = Arc::new(vendor);
    let engine = carepost_actors::start(EngineParts {
        peer_address: "http://127.0.0.1:9".to_owned(),
        public_url: "https://carepost.example".parse().unwrap(),
        clock: clock.clone(),
        instance: InstanceId::new(clock.now()),
        directory: directory.clone(),
        journals: Arc::new(placements.clone()),
        webhook_client: carepost_actors::webhook_client(directory.reach()).unwrap(),
        dice: Dice::system(),
        providers: Arc::clone(&vendor) as _,
        tuning: tuning.clone(),
    })
    .await
    .unwrap();
    let postman = tokio::spawn(bring_receipts(engine.clone(), calls));
    (vendor, engine, postman)
}
