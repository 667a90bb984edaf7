//! A migrated database for each test, and a practice in it.

use std::sync::Arc;

use carepost_audit::Actor as Auditor;
use carepost_campaigns::types::{BulkSend, FixedContent, NewBulkSend};
use carepost_campaigns::{CampaignError, commands};
use carepost_consent::commands::{Desk, create_recipient};
use carepost_consent::types::{Actor, ActorKind, ContactPointInput, RecipientInput};
use carepost_kernel::{ApiKeyId, Channel, Clock, Phi, PlacementId, RecipientId, Secret};
use carepost_store::{
    DatabaseConfig, IoRuntime, Placement, SchemaName, TenantConnection, migrate_control, migrate_placement,
};
use carepost_tenancy::{Directory, MasterKeys, NewTenant, PlacementChoice, TenantHandle, TenantSettings};
use jiff::Timestamp;
use tokio_postgres::{Client, NoTls};

const MASTER_KEY: &str = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

pub(crate) fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
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
    directory: Directory,
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

    pub(crate) async fn connection(&self) -> TenantConnection {
        self.placement.tenant(self.tenant.tenant.tenant_id).await.unwrap()
    }

    /// The first column of the first row, as a number.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        self.owner.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// Somebody with a phone.
    pub(crate) async fn person(&self, external_id: &str, phone: &str) -> RecipientId {
        let point = ContactPointInput {
            field: "/contact_points/0".to_owned(),
            channel: Channel::Sms,
            address: phone.to_owned(),
            is_verified: None,
            is_active: None,
            rank: None,
        };
        let input = RecipientInput {
            external_id: Some(external_id.to_owned()),
            given_name: Some("Canary".to_owned()),
            contact_points: vec![point],
            ..RecipientInput::default()
        };
        let mut connection = self.connection().await;
        let tx = connection.begin().await.unwrap();
        let desk = Desk { tx: &tx, tenant: &self.tenant, actor: &self.actor, now: noon() };
        let made = create_recipient(&desk, input).await.unwrap();
        tx.commit().await.unwrap();
        made.0.recipient_id
    }

    /// A send of fixed words.
    pub(crate) async fn send(&self) -> BulkSend {
        self.create(new_send()).await.unwrap()
    }

    pub(crate) async fn create(&self, new: NewBulkSend) -> Result<BulkSend, CampaignError> {
        let mut connection = self.connection().await;
        let tx = connection.begin().await.unwrap();
        let url = "https://care.example.com/".parse().unwrap();
        let made = commands::create_bulk_send(&tx, &self.tenant, new, &url, noon()).await?;
        tx.commit().await.unwrap();
        Ok(made)
    }
}

pub(crate) fn new_send() -> NewBulkSend {
    let fixed = FixedContent { body: Some("canary: we close at noon".to_owned()), ..FixedContent::default() };
    NewBulkSend {
        name: Phi::from("canary closing"),
        template_id: None,
        fixed: Some(Phi::new(fixed)),
        message_type: None,
        purpose: None,
        topic: None,
        channels: vec![Channel::Sms],
        send_at: None,
        expires_at: None,
        per_second: None,
        track_links: false,
        track_opens: false,
        created_by: ApiKeyId::new(noon()),
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

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(async move {
        // Ends with the server; the client shows it.
        let _ended = connection.await;
    });
    client
}
