//! What the tests of all vendors share: accounts, cleared messages, and a place where webhooks arrive.

use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use async_trait::async_trait;
use carepost_kernel::{
    AttemptRef, Channel, Cleared, Clock, Content, MessageId, Phi, ProviderAccountId, Reach, SmsContent, TenantId,
    Verdict, Verdicts,
};
use jiff::SignedDuration;
use tokio::sync::mpsc;
use url::Url;

use crate::contract::{
    AccountConfig, InAppInbox, InAppItem, InAppUnavailable, Outbound, Provider, Shared, Vendor, WebhookRequest,
};
use crate::network;
use crate::simulator::{SimulatedAccount, Simulator};

/// Stands in every body; must stand nowhere else.
pub(crate) const CANARY: &str = "Your colonoscopy CANARY is at nine";

struct NoInbox;

#[async_trait]
impl InAppInbox for NoInbox {
    async fn put(&self, _item: InAppItem) -> Result<(), InAppUnavailable> {
        Err(InAppUnavailable)
    }
}

pub(crate) fn shared() -> Shared {
    shared_within(Reach::Anywhere)
}

pub(crate) fn shared_within(reach: Reach) -> Shared {
    let http = network::client(reach).build().unwrap();
    Shared { http, reach, clock: Clock::system(), in_app: Arc::new(NoInbox) }
}

/// The configuration of a simulated account.
pub(crate) fn config(account: &SimulatedAccount, webhook_url: &Url) -> AccountConfig {
    let now = Clock::system().now();
    AccountConfig {
        account_id: ProviderAccountId::new(now),
        tenant_id: TenantId::new(now),
        vendor: account.vendor,
        settings: account.settings.clone(),
        credentials: account.credentials.clone(),
        base_url: account.base_url.clone(),
        webhook_url: webhook_url.clone(),
        timeout: Duration::from_secs(10),
    }
}

pub(crate) fn attempt(channel: Channel) -> AttemptRef {
    AttemptRef { message_id: MessageId::new(Clock::system().now()), channel, attempt_no: 1 }
}

pub(crate) fn outbound(channel: Channel, to: &str, content: Content) -> Outbound {
    let now = Clock::system().now();
    Outbound {
        tenant_id: TenantId::new(now),
        attempt: attempt(channel),
        to: Phi::from(to),
        content: Phi::new(content),
        expires_at: now + SignedDuration::from_hours(1),
    }
}

pub(crate) fn sms(to: &str, text: &str) -> Outbound {
    outbound(Channel::Sms, to, Content::Sms(SmsContent { text: text.to_owned(), media_urls: Vec::new() }))
}

/// What the gate does, for tests alone.
#[expect(clippy::disallowed_methods, reason = "providers are tested below the gate")]
pub(crate) fn cleared(outbound: Outbound) -> Cleared<Outbound> {
    let verdicts = Verdicts {
        life: Verdict::Go,
        schedule: Verdict::Go,
        pause: Verdict::Go,
        suppression: Verdict::Go,
        consent: Verdict::Go,
        preference: Verdict::Go,
        digest: Verdict::Go,
        quiet_hours: Verdict::Go,
        caps: Verdict::Go,
        tenant_limit: Verdict::Go,
        length: Verdict::Go,
        phi_guard: Verdict::Go,
        identification: Verdict::Go,
        registration: Verdict::Go,
        sender: Verdict::Go,
    };
    verdicts.clear(outbound, Clock::system().now()).unwrap()
}

/// A port on which nobody listens.
pub(crate) fn closed_port() -> Url {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    url
}

/// A server that takes webhooks as our own would, with the raw address and the raw bytes.
pub(crate) struct Receiver {
    pub(crate) url: Url,
    webhooks: mpsc::UnboundedReceiver<WebhookRequest>,
    server: ServerHandle,
}

struct Desk {
    base: String,
    statuses: Mutex<VecDeque<u16>>,
    webhooks: mpsc::UnboundedSender<WebhookRequest>,
}

impl Receiver {
    /// Answers with these statuses first, then with 204.
    pub(crate) fn start(statuses: impl Into<VecDeque<u16>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (sender, webhooks) = mpsc::unbounded_channel();
        let desk = web::Data::new(Desk { base: base.clone(), statuses: Mutex::new(statuses.into()), webhooks: sender });
        let app = move || App::new().app_data(desk.clone()).default_service(web::to(take));
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url: format!("{base}/webhooks/vendor/token").parse().unwrap(), webhooks, server: handle }
    }

    pub(crate) async fn next(&mut self) -> WebhookRequest {
        tokio::time::timeout(Duration::from_secs(20), self.webhooks.recv()).await.expect("a webhook comes").unwrap()
    }

    /// What has come and was not yet looked at.
    pub(crate) fn rest(&mut self) -> Vec<WebhookRequest> {
        std::iter::from_fn(|| self.webhooks.try_recv().ok()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

async fn take(request: HttpRequest, body: web::Bytes, desk: web::Data<Desk>) -> HttpResponse {
    let text = |value: &actix_web::http::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let webhook = WebhookRequest {
        method: request.method().to_string(),
        url: format!("{}{}", desk.base, request.uri()),
        headers: request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body,
        received_at: Clock::system().now(),
    };
    desk.webhooks.send(webhook).ok();
    let status = desk.statuses.lock().unwrap().pop_front().unwrap_or(204);
    HttpResponse::build(StatusCode::from_u16(status).unwrap()).finish()
}

/// A simulator, an account at it, a provider on that account, and where its webhooks arrive.
pub(crate) struct Bench {
    pub(crate) simulator: Simulator,
    pub(crate) receiver: Receiver,
    pub(crate) account: SimulatedAccount,
    pub(crate) config: AccountConfig,
    pub(crate) provider: Arc<dyn Provider>,
}

impl Bench {
    pub(crate) async fn new(vendor: Vendor) -> Self {
        let simulator = Simulator::start(7).await.unwrap();
        let receiver = Receiver::start([]);
        let account = simulator.account(vendor, &receiver.url);
        let config = config(&account, &receiver.url);
        let provider = crate::build(&config, &shared()).unwrap();
        Self { simulator, receiver, account, config, provider }
    }
}
