//! The face over a real database and an engine that stores what it is given, and does nothing more.

use std::sync::{Arc, Mutex, PoisonError};

use actix_web::App;
use actix_web::body::{BoxBody, MessageBody as _};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, call_service, init_service};
use async_trait::async_trait;
use carepost_actors::{
    Accepted, ActorInfo, Cancellation, EngineApi, EngineError, Placements, ProviderSource, RedriveReport,
    RedriveRequest, Seat,
};
use carepost_audit::Actor;
use carepost_consent::types::AddressKey;
use carepost_delivery::ingest::{Ingested, commit_messages};
use carepost_delivery::{DeliveryEvent, NewMessage};
use carepost_kernel::{
    Cleared, Clock, Failure, FailureClass, InstanceId, MessageId, PlacementId, ProviderRef, ReceiptStatus, Secret,
    SendOutcome, TenantId,
};
use carepost_providers::{
    ConfigError, InboundMessage, Outbound, Provider, ReceiptEvent, Received, Vendor, WebhookError, WebhookRequest,
};
use carepost_store::{
    DatabaseConfig, IoRuntime, Placement, SchemaName, StoreError, ensure_partitions, migrate_control, migrate_placement,
};
use carepost_tenancy::{
    Directory, MasterKeys, NewAccount, NewApiKey, NewTenant, PlacementChoice, PlacementRecord, ProviderAccount, Scope,
    Tenant, TenantHandle, TenantSettings,
};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::broadcast;
use tokio_postgres::NoTls;

use crate::http::{AppState, HttpLimits, Intake, Providers, Provisioner, Streams, Visits, configure, openapi};

const MASTER_KEY: &str = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// The administrator's token.
pub(crate) const ADMIN_TOKEN: &str = "an-invented-administrator-token";

pub(crate) fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn actor() -> Actor {
    Actor::Cli("tester".to_owned())
}

/// The server that `scripts/with-postgres` has started.
#[expect(clippy::disallowed_methods, reason = "the script hands the address over in the environment")]
fn server_url() -> String {
    std::env::var("CAREPOST_TEST_DATABASE_URL")
        .expect("CAREPOST_TEST_DATABASE_URL is not set: run through scripts/with-postgres")
}

/// Everything that a request needs.
pub(crate) struct World {
    pub(crate) state: AppState,
    pub(crate) engine: Arc<StoringEngine>,
    pub(crate) placement: Placement,
    pub(crate) tenant: Tenant,
    /// A key with every scope.
    pub(crate) key: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        let config = new_database().await;
        let schema = |name| SchemaName::new(name).unwrap();
        migrate_control(&config, &schema("carepost_control")).await.unwrap();
        migrate_placement(&config, &schema("carepost_pooled")).await.unwrap();
        let io = IoRuntime::start().unwrap();
        let connect = |id, name| {
            let (config, schema, io) = (config.clone(), schema(name), io.clone());
            async move { Placement::connect(id, &config, &schema, &io).await.unwrap() }
        };
        let control = connect(PlacementId::new(noon()), "carepost_control").await;
        let clock = Clock::starting_at(noon());
        let directory = Directory::new(control, MasterKeys::parse(MASTER_KEY).unwrap(), clock.clone());
        let record = directory.ensure_pooled_placement(&actor(), "carepost_pooled").await.unwrap();
        let placement = connect(record.placement_id, "carepost_pooled").await;
        ensure_partitions(&placement, noon(), 2).await.unwrap();
        let placements = Placements::default();
        placements.insert(placement.clone());
        let engine = Arc::new(StoringEngine::new(placement.clone(), clock.clone()));
        let limits = HttpLimits {
            message_body_bytes: 64 << 10,
            batch_body_bytes: 256 << 10,
            webhook_body_bytes: 16 << 10,
            batch_messages: 10,
            large_bodies_bytes: 128 << 10,
            streams: 2,
            ..HttpLimits::default()
        };
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, ADMIN_TOKEN.as_bytes());
        let state = AppState {
            engine: Arc::clone(&engine) as Arc<dyn EngineApi>,
            directory,
            placements,
            providers: Arc::new(SigningProviders),
            provisioner: Arc::new(NoProvisioner),
            renderer: carepost_templates::Renderer::default(),
            clock,
            limits,
            public_url: "https://care.example.com/".parse().unwrap(),
            admin_token_hash: Some(hash.as_ref().try_into().unwrap()),
            openapi: openapi::render(),
            streams: Streams::new(limits.streams),
            peers: reqwest::Client::new(),
            is_leaving: Arc::default(),
            intake: Intake::new(limits.intake_bytes),
            large_bodies: limits.large_bodies(),
            visits: Visits::default(),
            dry_runs: Arc::new(tokio::sync::Semaphore::new(1)),
        };
        let tenant = new_tenant(&state.directory, "riverside").await;
        let key = new_key(&state.directory, tenant.tenant_id, Scope::ALL).await;
        Self { state, engine, placement, tenant, key }
    }

    /// Another tenant, with a key of every scope.
    pub(crate) async fn other_tenant(&self) -> (Tenant, String) {
        let tenant = new_tenant(&self.state.directory, "hillside").await;
        let key = new_key(&self.state.directory, tenant.tenant_id, Scope::ALL).await;
        (tenant, key)
    }

    /// A key of the tenant with these scopes.
    pub(crate) async fn key_with(&self, scopes: &[Scope]) -> String {
        new_key(&self.state.directory, self.tenant.tenant_id, scopes).await
    }

    async fn answer(&self, request: TestRequest) -> ServiceResponse<BoxBody> {
        let app = init_service(App::new().configure(configure(self.state.clone()))).await;
        call_service(&app, request.to_request()).await
    }

    /// Opens a stream with the tenant's key.
    pub(crate) async fn open(&self, request: TestRequest) -> BoxBody {
        let response = self.answer(authorized(request, &self.key)).await;
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers().get("content-type").unwrap(), "text/event-stream");
        response.into_body()
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: TestRequest) -> Reply {
        let response = self.answer(request).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.into_body().try_into_bytes();
        let body = body.unwrap_or_else(|_| panic!("the answer is a stream")).to_vec();
        Reply { status, headers, body }
    }

    /// Sends a request with the tenant's key.
    pub(crate) async fn call(&self, request: TestRequest) -> Reply {
        self.send(authorized(request, &self.key)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.call(TestRequest::get().uri(path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.call(TestRequest::post().uri(path).set_json(body)).await
    }

    /// Sends a request with the administrator's token.
    pub(crate) async fn admin(&self, request: TestRequest) -> Reply {
        self.send(authorized(request, ADMIN_TOKEN)).await
    }

    /// The tenant with its keys.
    pub(crate) async fn handle(&self) -> Arc<TenantHandle> {
        self.state.directory.tenant(self.tenant.tenant_id).await.unwrap()
    }
}

pub(crate) fn authorized(request: TestRequest, key: &str) -> TestRequest {
    request.insert_header(("Authorization", format!("Bearer {key}")))
}

/// An answer, read to its end.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Status and code of a problem, after a look at its form.
    pub(crate) fn problem(&self) -> (u16, String) {
        let problem = self.json();
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{problem}");
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["instance"].as_str(), self.header("x-request-id"));
        (self.status, problem["code"].as_str().unwrap().to_owned())
    }

    /// The pointers that a problem names.
    pub(crate) fn pointers(&self) -> Vec<String> {
        let problem = self.json();
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|fault| fault["pointer"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

async fn new_database() -> DatabaseConfig {
    let name = format!("test_{}", PlacementId::new(noon()).as_uuid().simple());
    let (client, connection) = tokio_postgres::connect(&server_url(), NoTls).await.unwrap();
    let connection = actix_web::rt::spawn(connection);
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
    DatabaseConfig::new(Secret::new(format!("{} dbname={name}", server_url())))
}

async fn new_tenant(directory: &Directory, slug: &str) -> Tenant {
    let new = NewTenant {
        slug: slug.to_owned(),
        display_name: "An Invented Practice".to_owned(),
        placement: PlacementChoice::Pooled,
        settings: TenantSettings::default(),
    };
    directory.create_tenant(&actor(), new, |_| async { panic!("the pooled placement is there") }).await.unwrap()
}

async fn new_key(directory: &Directory, tenant_id: TenantId, scopes: &[Scope]) -> String {
    let new = NewApiKey { name: "tests".to_owned(), scopes: scopes.to_vec(), expires_at: None };
    let (_, secret) = directory.create_api_key(&actor(), tenant_id, new).await.unwrap();
    secret.expose().clone()
}

/// Stores messages as the engine does, and leaves them there.
pub(crate) struct StoringEngine {
    placement: Placement,
    clock: Clock,
    owner: InstanceId,
    /// Answers the next calls in place of storing.
    refusal: Mutex<Option<EngineError>>,
    pub(crate) receipts: Mutex<Vec<ReceiptEvent>>,
    pub(crate) inbound: Mutex<usize>,
    pub(crate) redrives: Mutex<Vec<RedriveRequest>>,
    pub(crate) consent_changes: Mutex<Vec<(TenantId, Vec<AddressKey>)>>,
    pub(crate) policy_changes: Mutex<Vec<TenantId>>,
    pub(crate) events: broadcast::Sender<Arc<DeliveryEvent>>,
}

impl StoringEngine {
    fn new(placement: Placement, clock: Clock) -> Self {
        let (events, _) = broadcast::channel(64);
        Self {
            placement,
            clock,
            owner: InstanceId::new(noon()),
            refusal: Mutex::default(),
            receipts: Mutex::default(),
            inbound: Mutex::default(),
            redrives: Mutex::default(),
            consent_changes: Mutex::default(),
            policy_changes: Mutex::default(),
            events,
        }
    }

    /// Refuses from now on.
    pub(crate) fn refuse(&self, error: EngineError) {
        *lock(&self.refusal) = Some(error);
    }

    async fn store(&self, message: &NewMessage) -> Result<Accepted, EngineError> {
        if let Some(error) = lock(&self.refusal).clone() {
            return Err(error);
        }
        let mut connection = self.placement.engine().await.unwrap();
        let fates = commit_messages(&mut connection, self.owner, &[], &[message], self.clock.now()).await.unwrap();
        match fates[0] {
            Ingested::Stored => Ok(Accepted { message_id: message.message_id, replayed: false }),
            Ingested::Existing { message_id, same_body: true } => Ok(Accepted { message_id, replayed: true }),
            Ingested::Existing { .. } => Err(EngineError::KeyReused),
            Ingested::NotOwner => Err(EngineError::Internal),
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl EngineApi for StoringEngine {
    async fn enqueue(&self, _: &Arc<TenantHandle>, message: NewMessage) -> Result<Accepted, EngineError> {
        self.store(&message).await
    }

    async fn enqueue_many(
        &self,
        _: &Arc<TenantHandle>,
        messages: Vec<NewMessage>,
    ) -> Vec<Result<Accepted, EngineError>> {
        let mut answers = Vec::new();
        for message in &messages {
            answers.push(self.store(message).await);
        }
        answers
    }

    async fn cancel(&self, _: &Arc<TenantHandle>, _: MessageId) -> Result<Cancellation, EngineError> {
        Ok(Cancellation { cancelled: Vec::new() })
    }

    async fn redrive(&self, _: &Arc<TenantHandle>, request: RedriveRequest) -> Result<RedriveReport, EngineError> {
        lock(&self.redrives).push(request);
        Ok(RedriveReport { count: 0, last: None, more: false })
    }

    async fn receive(&self, _: &Arc<ProviderAccount>, receipts: Vec<ReceiptEvent>) -> Result<(), EngineError> {
        if let Some(error) = lock(&self.refusal).clone() {
            return Err(error);
        }
        lock(&self.receipts).extend(receipts);
        Ok(())
    }

    async fn seat(&self, _: TenantId, _: std::time::Duration) -> Result<Seat, EngineError> {
        Ok(Seat::Here)
    }

    async fn receive_inbound(&self, _: &Arc<ProviderAccount>, inbound: Vec<InboundMessage>) -> Result<(), EngineError> {
        *lock(&self.inbound) += inbound.len();
        Ok(())
    }

    async fn consent_changed(&self, tenant_id: TenantId, keys: &[AddressKey]) {
        lock(&self.consent_changes).push((tenant_id, keys.to_vec()));
    }

    async fn policy_changed(&self, tenant_id: TenantId) {
        lock(&self.policy_changes).push(tenant_id);
    }

    async fn bulk_sends_changed(&self, _: TenantId) {}

    fn listen(&self, _: TenantId) -> broadcast::Receiver<Arc<DeliveryEvent>> {
        self.events.subscribe()
    }

    async fn actors(&self) -> Vec<ActorInfo> {
        vec![ActorInfo { path: "root".to_owned(), kind: "RootActor", state: "running", restarts: 0, depth: 0 }]
    }
}

/// Providers whose signature is a header, over the address.
struct SigningProviders;

#[async_trait]
impl ProviderSource for SigningProviders {
    async fn provider(&self, _: &Arc<ProviderAccount>) -> Result<Arc<dyn Provider>, ConfigError> {
        Ok(Arc::new(SigningProvider))
    }
}

impl Providers for SigningProviders {
    fn check(&self, account: &NewAccount) -> Result<(), ConfigError> {
        if account.sandbox || account.credentials.is_some() {
            return Ok(());
        }
        Err(ConfigError { pointer: "/credentials/auth_token".to_owned(), problem: "is needed" })
    }
}

struct SigningProvider;

#[async_trait]
impl Provider for SigningProvider {
    fn vendor(&self) -> Vendor {
        Vendor::Twilio
    }

    async fn send(&self, _: &Cleared<Outbound>) -> SendOutcome {
        SendOutcome::Failed(Failure::new(FailureClass::Permanent, "test_never_sends"))
    }

    async fn receive(&self, request: &WebhookRequest) -> Result<Received, WebhookError> {
        if request.header("x-test-signature") != Some(request.url.as_str()) {
            return Err(WebhookError::Signature);
        }
        let receipt = ReceiptEvent {
            provider_ref: ProviderRef::new("ref-1").unwrap(),
            attempt: None,
            status: ReceiptStatus::Delivered,
            failure: None,
            occurred_at: None,
            dedup_key: "ref-1.delivered".to_owned(),
        };
        Ok(Received { receipts: vec![receipt], inbound: Vec::new(), reply: None })
    }
}

struct NoProvisioner;

#[async_trait]
impl Provisioner for NoProvisioner {
    async fn provision(&self, _: PlacementRecord) -> Result<(), StoreError> {
        Ok(())
    }
}
