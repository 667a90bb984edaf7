//! A migrated database for each test, and a practice in it.

use std::sync::Arc;

use carepost_audit::Actor as Auditor;
use carepost_consent::Desk;
use carepost_consent::address::address_hash;
use carepost_consent::commands::create_recipient;
use carepost_consent::store::load_facts;
use carepost_consent::types::{Actor, ActorKind, AddressKey, ContactFacts, ContactPointInput, RecipientInput};
use carepost_kernel::{Channel, Clock, PlacementId, RecipientId, Secret, TenantId};
use carepost_store::{DatabaseConfig, IoRuntime, Placement, SchemaName, migrate_control, migrate_placement};
use carepost_tenancy::{Directory, MasterKeys, NewTenant, PlacementChoice, TenantHandle, TenantSettings};
use jiff::Timestamp;
use tokio_postgres::{Client, NoTls};

const MASTER_KEY: &str = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

pub(crate) fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// So many seconds after noon.
pub(crate) fn later(seconds: i64) -> Timestamp {
    noon() + jiff::SignedDuration::from_secs(seconds)
}

/// The server that `scripts/with-postgres` has started.
#[expect(clippy::disallowed_methods, reason = "the script hands the address over in the environment")]
fn server_url() -> String {
    std::env::var("CAREPOST_TEST_DATABASE_URL")
        .expect("CAREPOST_TEST_DATABASE_URL is not set: run through scripts/with-postgres")
}

/// A placement, a session of its owner, who sees every tenant, and a practice.
pub(crate) struct World {
    pub(crate) placement: Placement,
    pub(crate) owner: Client,
    pub(crate) directory: Directory,
    pub(crate) tenant: Arc<TenantHandle>,
    pub(crate) actor: Actor,
}

impl World {
    pub(crate) async fn new() -> Self {
        let name = format!("test_{}", PlacementId::new(noon()).as_uuid().simple());
        connect(&server_url()).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let url = format!("{} dbname={name}", server_url());
        let config = DatabaseConfig::new(Secret::new(url.clone()));
        let schema = |name| SchemaName::new(name).unwrap();
        migrate_control(&config, &schema("control")).await.unwrap();
        migrate_placement(&config, &schema("care")).await.unwrap();
        let io = IoRuntime::start().unwrap();
        let control = Placement::connect(PlacementId::new(noon()), &config, &schema("control"), &io).await.unwrap();
        let clock = Clock::starting_at(noon());
        let directory = Directory::new(control, MasterKeys::parse(MASTER_KEY).unwrap(), clock);
        let auditor = Auditor::Cli("tester".to_owned());
        let record = directory.ensure_pooled_placement(&auditor, "care").await.unwrap();
        let placement = Placement::connect(record.placement_id, &config, &schema("care"), &io).await.unwrap();
        let owner = connect(&url).await;
        owner.batch_execute("SET search_path = care").await.unwrap();
        let actor = Actor { kind: ActorKind::Staff, id: "desk-1".to_owned() };
        let tenant = new_tenant(&directory, "riverside").await;
        Self { placement, owner, directory, tenant, actor }
    }

    pub(crate) async fn other_tenant(&self) -> Arc<TenantHandle> {
        new_tenant(&self.directory, "hillside").await
    }

    pub(crate) fn tenant_id(&self) -> TenantId {
        self.tenant.tenant.tenant_id
    }

    /// Works in a transaction of the practice, and commits it.
    pub(crate) async fn at<T>(&self, now: Timestamp, work: impl AsyncFnOnce(&Desk<'_, '_>) -> T) -> T {
        let mut connection = self.placement.tenant(self.tenant_id()).await.unwrap();
        let tx = connection.begin().await.unwrap();
        let done = work(&Desk { tx: &tx, tenant: &self.tenant, actor: &self.actor, now }).await;
        // After a refusal nothing was written.
        let _committed = tx.commit().await;
        done
    }

    /// Somebody with these addresses; their id.
    pub(crate) async fn add(&self, external_id: &str, points: &[(Channel, &str)]) -> RecipientId {
        let input = person(external_id, points);
        self.at(noon(), async |desk| create_recipient(desk, input).await).await.unwrap().0.recipient_id
    }

    /// What the gate knows of addresses.
    pub(crate) async fn facts(&self, now: Timestamp, keys: &[AddressKey]) -> Vec<ContactFacts> {
        let connection = self.placement.engine().await.unwrap();
        load_facts(&connection, self.tenant_id(), keys, now).await.unwrap()
    }

    /// The first column of the first row, as a number.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        self.owner.query_one(sql, &[]).await.unwrap().get(0)
    }

    pub(crate) fn key(&self, channel: Channel, address: &str) -> AddressKey {
        AddressKey { channel, address_hash: address_hash(self.tenant.hash_key(), channel, address) }
    }
}

async fn new_tenant(directory: &Directory, slug: &str) -> Arc<TenantHandle> {
    let new = NewTenant {
        slug: slug.to_owned(),
        display_name: "An Invented Practice".to_owned(),
        placement: PlacementChoice::Pooled,
        settings: TenantSettings::default(),
    };
    let auditor = Auditor::Cli("tester".to_owned());
    let made = directory.create_tenant(&auditor, new, |_| async { panic!("the pooled placement is there") });
    directory.tenant(made.await.unwrap().tenant_id).await.unwrap()
}

pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(async move {
        // Ends with the server; the client shows it.
        let _ended = connection.await;
    });
    client
}

pub(crate) fn point(channel: Channel, address: &str) -> ContactPointInput {
    ContactPointInput {
        field: "/contact_points/0".to_owned(),
        channel,
        address: address.to_owned(),
        is_verified: None,
        is_active: None,
        rank: None,
    }
}

/// Somebody with these addresses.
pub(crate) fn person(external_id: &str, points: &[(Channel, &str)]) -> RecipientInput {
    RecipientInput {
        external_id: Some(external_id.to_owned()),
        given_name: Some("Canary".to_owned()),
        contact_points: points.iter().map(|(channel, address)| point(*channel, address)).collect(),
        ..RecipientInput::default()
    }
}
