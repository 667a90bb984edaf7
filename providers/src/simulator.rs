//! The vendors' own HTTP and SMTP faces on this machine: latency, faults, throttles, and signed receipts.
//!
//! A simulated vendor takes what the real one takes, checks credentials, answers in its words, and posts signed
//! webhooks back. Everything random comes from one seed. It keeps what it was given in memory, so that tests can
//! count; it is for invented people only.
//!
//! Magic recipients work under every profile, after scripted faults and throttles:
//!
//! | recipient | Twilio | Vonage SMS API | Vonage Messages API |
//! |---|---|---|---|
//! | `+15005550001` | 21211 bad number | status 6 | `1150` |
//! | `+15005550002` | 21612 unroutable | status 22 | `1021` |
//! | `+15005550003` | 21408 no permission for the region | status 15 | `1120` |
//! | `+15005550004` | 21610 opted out | status 7 | `1240` |
//! | `+15005550009` | 21614 no mobile | status 33 | `1300` |
//! | `+15005550010` | accepted, then undelivered 30005 | then failed, err-code 1 | then undeliverable `1330` |
//! | `+15005550011` | 503 twice for each message, then accepted | status 5 twice | 503 twice |
//! | `+15005550012` | accepted, connection cut without an answer | the same | the same |
//! | `+15005550013` | neither accepted nor answered | the same | the same |
//!
//! Those of email are listed in `simulator/smtp/magic.rs`.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::http::KeepAlive;
use actix_web::{App, HttpServer, web};
use carepost_kernel::{Chain, Clock, Secret};
use tokio::sync::oneshot;
use url::Url;

mod accounts;
pub(crate) mod core;
mod faces;
mod profile;
mod sendgrid;
mod ses;
pub(crate) mod smtp;
mod twilio;
mod vonage_messages;
mod vonage_sms;
mod webhooks;
mod wire;

#[cfg(test)]
mod tests;

pub use accounts::SimulatedAccount;
pub use profile::{Call, CallOutcome, Fate, Fault, Profile, ReceiptProfile};

use self::core::Core;
use crate::contract::Vendor;

/// All simulated vendors, listening on this machine until the last clone is dropped or [`Self::stop`] is called.
#[derive(Clone)]
pub struct Simulator {
    core: Arc<Core>,
    server: Arc<Server>,
}

/// Stops the server with its last owner.
struct Server {
    handle: ServerHandle,
    core: Arc<Core>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.core.stopping.send_replace(true);
        // The command is sent by the call itself; the future only waits for it.
        drop(self.handle.stop(false));
    }
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator").field("http_base", &self.core.http_base.as_str()).finish_non_exhaustive()
    }
}

impl Simulator {
    /// Starts all faces on free ports of `127.0.0.1`, in a thread of their own.
    ///
    /// # Errors
    /// Where no port or thread can be had.
    pub async fn start(seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let (ready, started) = oneshot::channel();
        std::thread::Builder::new().name("simulator".to_owned()).spawn(move || run(listener, seed, ready))?;
        let (core, handle) = started.await.map_err(io::Error::other)??;
        Ok(Self { server: Arc::new(Server { handle, core: Arc::clone(&core) }), core })
    }

    /// Where the HTTP faces listen; the vendors' own paths begin here.
    #[must_use]
    pub fn http_base(&self) -> Url {
        self.core.http_base.clone()
    }

    /// Where the mail server speaks TLS from the first byte; accounts of ours name the port for `STARTTLS`.
    #[must_use]
    pub fn smtp_implicit_port(&self) -> Option<u16> {
        self.core.smtp.get().map(|face| face.implicit_port)
    }

    /// A fresh account that this simulator accepts. Webhooks go to `webhook_url`, signed for the account.
    #[must_use]
    pub fn account(&self, vendor: Vendor, webhook_url: &Url) -> SimulatedAccount {
        let account = match vendor {
            Vendor::Twilio => twilio::open_account(&self.core, webhook_url),
            Vendor::VonageSms => vonage_sms::open_account(&self.core, webhook_url),
            Vendor::VonageMessages => vonage_messages::open_account(&self.core, webhook_url),
            Vendor::Sendgrid => sendgrid::open_account(&self.core, webhook_url),
            Vendor::Ses => ses::open_account(&self.core, webhook_url),
            Vendor::Smtp => smtp::open_account(&self.core, webhook_url),
            Vendor::InApp => accounts::in_app(webhook_url),
        };
        self.core.add_account(account).as_simulated()
    }

    /// Takes over an account that was made by an earlier simulator and is stored somewhere, so that it works again
    /// after a restart; `false` where the vendor's face cannot, or the configuration is not one of a simulator.
    pub fn adopt(
        &self,
        vendor: Vendor,
        settings: &serde_json::Value,
        credentials: &Secret<String>,
        webhook_url: &Url,
    ) -> bool {
        let Ok(credentials) = serde_json::from_str(credentials.expose()) else { return false };
        let account = match vendor {
            Vendor::Twilio => twilio::adopt_account(&self.core, settings, &credentials, webhook_url),
            Vendor::VonageSms => vonage_sms::adopt_account(&self.core, settings, &credentials, webhook_url),
            Vendor::VonageMessages => vonage_messages::adopt_account(&self.core, settings, &credentials, webhook_url),
            Vendor::Sendgrid => sendgrid::adopt_account(&self.core, settings, &credentials, webhook_url),
            Vendor::Ses => ses::adopt_account(&self.core, settings, &credentials, webhook_url),
            Vendor::Smtp => smtp::adopt_account(&self.core, settings, &credentials, webhook_url),
            Vendor::InApp => None,
        };
        account.map(|account| self.core.add_account(account)).is_some()
    }

    /// The account whose webhooks go to this address, however it came to be: a patient's side of it, for [`Self::inbound`].
    #[must_use]
    pub fn account_at(&self, webhook_url: &Url) -> Option<SimulatedAccount> {
        self.core.account_at(webhook_url).map(|account| account.as_simulated())
    }

    /// Changes how a vendor behaves from now on.
    pub fn set_profile(&self, vendor: Vendor, profile: Profile) {
        self.core.set_profile(vendor, profile);
    }

    /// What a vendor was asked, oldest first; the newest 200,000.
    #[must_use]
    pub fn calls(&self, vendor: Vendor) -> Vec<Call> {
        self.core.calls(vendor)
    }

    /// The same beyond the first `seen` of all calls since the start.
    #[must_use]
    pub fn calls_after(&self, vendor: Vendor, seen: u64) -> Vec<Call> {
        self.core.calls_after(vendor, seen)
    }

    /// How many messages a vendor has accepted since the start, answered or not.
    #[must_use]
    pub fn accepted(&self, vendor: Vendor) -> u64 {
        self.core.accepted(vendor)
    }

    /// Waits until every scheduled webhook was taken or given up.
    pub async fn settled(&self) {
        self.core.poster.settled().await;
    }

    /// Somebody writes to the account: posts one signed webhook and gives back its HTTP status.
    ///
    /// # Errors
    /// Where the account is not of this simulator, the vendor has no inbound webhook, or the post does not arrive.
    pub async fn inbound(&self, account: &SimulatedAccount, from: &str, to: &str, text: &str) -> io::Result<u16> {
        let core = &self.core;
        let known = core
            .account_by_credentials(account.vendor, account.credentials.expose())
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "find simulated account: no such account"))?;
        let webhook = match account.vendor {
            Vendor::Twilio => twilio::inbound(core, &known, from, to, text),
            Vendor::VonageSms => vonage_sms::inbound(core, &known, from, to, text),
            Vendor::VonageMessages => vonage_messages::inbound(core, &known, from, to, text),
            Vendor::Sendgrid => sendgrid::inbound(core, &known, from, to, text),
            Vendor::Ses => ses::inbound(core, &known, from, to, text),
            Vendor::Smtp => smtp::inbound(core, &known, from, to, text),
            Vendor::InApp => return Err(io::ErrorKind::Unsupported.into()),
        };
        core.poster.post_once(webhook).await
    }

    /// Stops all faces; connections that hang are let go.
    pub async fn stop(&self) {
        self.core.stopping.send_replace(true);
        self.server.handle.stop(false).await;
    }
}

type Started = io::Result<(Arc<Core>, ServerHandle)>;

/// The simulator's thread: its own runtime, so that a paused clock outside does not stop it.
fn run(listener: TcpListener, seed: u64, ready: oneshot::Sender<Started>) {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    runtime.block_on(async {
        match serve(listener, seed, runtime.handle().clone()).await {
            Ok((core, server)) => {
                if ready.send(Ok((core, server.handle()))).is_err() {
                    // Nobody waits any more.
                    drop(server.handle().stop(false));
                }
                if let Err(error) = server.await {
                    tracing::warn!(error = %Chain(&error), "simulator stopped");
                }
            }
            Err(error) => drop(ready.send(Err(error))),
        }
    });
    runtime.shutdown_background();
}

async fn serve(
    listener: TcpListener,
    seed: u64,
    runtime: tokio::runtime::Handle,
) -> io::Result<(Arc<Core>, actix_web::dev::Server)> {
    let base = format!("http://{}/", listener.local_addr()?);
    let http_base = Url::parse(&base).map_err(io::Error::other)?;
    // A proxy of the environment must not see what stays on this machine.
    let http = reqwest::Client::builder().no_proxy().timeout(WEBHOOK_TIMEOUT).build().map_err(io::Error::other)?;
    let core = Arc::new(Core::new(seed, Clock::system(), http_base, webhooks::Poster::new(http, runtime)));
    let face = smtp::start(Arc::clone(&core)).await?;
    // The cell was made empty above.
    let _ = core.smtp.set(face);
    let data = web::Data::from(Arc::clone(&core));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .configure(twilio::configure)
            .configure(vonage_sms::configure)
            .configure(vonage_messages::configure)
            .configure(sendgrid::configure)
            .configure(ses::configure)
    })
    .on_connect(wire::remember)
    .workers(2)
    // A server that closes idle connections makes outcomes unknown that nobody asked for.
    .keep_alive(KeepAlive::Os)
    .client_request_timeout(std::time::Duration::ZERO)
    .disable_signals()
    .shutdown_timeout(1)
    .listen(listener)?
    .run();
    Ok((core, server))
}

/// How long a webhook's receiver may take: about what the vendors allow.
const WEBHOOK_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(15);
