//! A database with the control schema for each test, and two tenants in it.

use std::path::PathBuf;
use std::time::Duration;

use carepost_audit::Actor;
use carepost_kernel::{Channel, Clock, PlacementId, Secret, TenantId};
use carepost_store::{DatabaseConfig, IoRuntime, Placement, SchemaName, migrate_control};
use carepost_tenancy::{
    Directory, FieldProblem, MasterKeys, NewAccount, NewApiKey, NewTenant, PlacementChoice, RouteChange, Scope, Tenant,
    TenantSettings,
};
use jiff::Timestamp;
use serde_json::json;
use tokio::net::{TcpListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, NoTls};

pub(crate) const MASTER_KEY: &str = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

pub(crate) fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

pub(crate) fn actor() -> Actor {
    Actor::Cli("tester".to_owned())
}

/// The server that `scripts/with-postgres` has started.
#[expect(clippy::disallowed_methods, reason = "the script hands the address over in the environment")]
fn server_url() -> String {
    std::env::var("CAREPOST_TEST_DATABASE_URL")
        .expect("CAREPOST_TEST_DATABASE_URL is not set: run through scripts/with-postgres")
}

/// A migrated database, its owner's own connection, and a directory over it.
pub(crate) struct World {
    pub(crate) owner: Client,
    relay: Relay,
    pub(crate) control: Placement,
    pub(crate) clock: Clock,
    pub(crate) directory: Directory,
}

impl World {
    pub(crate) async fn new() -> Self {
        let name = format!("test_{}", PlacementId::new(noon()).as_uuid().simple());
        let root = connect(&server_url()).await;
        root.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let relay = Relay::start(&server_url()).await;
        let url = format!("host=127.0.0.1 port={} user=postgres dbname={name}", relay.port);
        let config = DatabaseConfig::new(Secret::new(url));
        let schema = SchemaName::new("carepost_control").unwrap();
        migrate_control(&config, &schema).await.unwrap();
        let io = IoRuntime::start().unwrap();
        let control = Placement::connect(PlacementId::new(noon()), &config, &schema, &io).await.unwrap();
        let owner = connect(&format!("{} dbname={name}", server_url())).await;
        owner.batch_execute("SET search_path = carepost_control").await.unwrap();
        let clock = Clock::starting_at(noon());
        let directory = directory(&control, &clock);
        directory.ensure_pooled_placement(&actor(), "carepost_pooled").await.unwrap();
        Self { owner, relay, control, clock, directory }
    }

    /// The view of another process over the same database.
    pub(crate) fn other_process(&self) -> Directory {
        directory(&self.control, &self.clock)
    }

    pub(crate) async fn tenant(&self, slug: &str) -> Tenant {
        let new = new_tenant(slug, PlacementChoice::Pooled);
        self.directory
            .create_tenant(&actor(), new, |_| async { panic!("the pooled placement is there") })
            .await
            .unwrap()
    }

    /// Breaks all connections and refuses new ones.
    pub(crate) async fn take_database_away(&mut self) {
        self.relay.task.abort();
        // Ends once the listener and every relayed connection are closed.
        let _aborted = (&mut self.relay.task).await;
    }

    pub(crate) async fn bring_database_back(&mut self) {
        self.relay = Relay::start_on(self.relay.port, self.relay.socket.clone()).await;
    }
}

/// A way to the server that can be cut.
struct Relay {
    port: u16,
    socket: PathBuf,
    task: JoinHandle<()>,
}

impl Relay {
    async fn start(server_url: &str) -> Self {
        let config: tokio_postgres::Config = server_url.parse().unwrap();
        let Some(Host::Unix(folder)) = config.get_hosts().first() else { panic!("the script gives a socket's folder") };
        let socket = folder.join(format!(".s.PGSQL.{}", config.get_ports()[0]));
        Self::start_on(0, socket).await
    }

    async fn start_on(port: u16, socket: PathBuf) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = socket.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let mut server = UnixStream::connect(&target).await.unwrap();
                connections.spawn(async move {
                    // Ends with an error where one side goes away.
                    let _ended = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Self { port, socket, task }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn directory(control: &Placement, clock: &Clock) -> Directory {
    Directory::new(control.clone(), MasterKeys::parse(MASTER_KEY).unwrap(), clock.clone())
}

pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(async move {
        // Ends with an error where a test cuts connections.
        let _ended = connection.await;
    });
    client
}

pub(crate) fn new_tenant(slug: &str, placement: PlacementChoice) -> NewTenant {
    NewTenant {
        slug: slug.to_owned(),
        display_name: format!("Clinic {slug}"),
        placement,
        settings: TenantSettings::default(),
    }
}

pub(crate) fn new_key() -> NewApiKey {
    NewApiKey {
        name: "integration".to_owned(),
        scopes: vec![Scope::MessagesWrite, Scope::EventsRead],
        expires_at: None,
    }
}

pub(crate) fn new_account(name: &str) -> NewAccount {
    NewAccount {
        name: name.to_owned(),
        channel: Channel::Sms,
        vendor: "twilio".to_owned(),
        settings: json!({ "from": "+15005550006" }),
        credentials: Some(Secret::new(r#"{"auth_token":"canary-credential"}"#.to_owned())),
        sandbox: false,
        route: RouteChange::default(),
        base_url: None,
    }
}

/// A vendor that finds nothing wrong.
pub(crate) fn pleased(_account: &NewAccount) -> Result<(), FieldProblem> {
    Ok(())
}

/// Lets time pass at once. Time runs by itself otherwise: with real sockets a stopped clock would fire every time-out.
pub(crate) async fn advance(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// A tenant that does not exist.
pub(crate) fn nobody() -> TenantId {
    TenantId::new(noon())
}
