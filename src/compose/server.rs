//! The API's listener, and a run from the first request to the last.

use std::net::{SocketAddr, TcpListener};

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::KeepAlive;
use actix_web::{App, HttpServer};
use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use url::{Host, Url};

use super::Deployment;
use crate::config::{Config, HttpSettings};
use crate::http::{AppState, configure};
use crate::telemetry::Metrics;

/// A server that takes requests.
#[derive(Debug)]
pub struct Running {
    /// What it stands on.
    pub deployment: Deployment,
    /// Where the API listens.
    pub address: SocketAddr,
    /// Where `/metrics` is.
    pub metrics_address: SocketAddr,
    /// The API's address as others see it.
    pub public_url: Url,
    api: ServerHandle,
    metrics: ServerHandle,
}

impl Running {
    /// Binds, composes, serves. The port is taken before anything else, so that a second start fails at once.
    ///
    /// # Errors
    /// Where a port is taken or a part cannot be started.
    pub async fn start(config: &Config, metrics: Metrics) -> anyhow::Result<Self> {
        let listen = config.http.listen;
        let listener = TcpListener::bind(listen).with_context(|| format!("listen on {listen}"))?;
        let address = listener.local_addr()?;
        // A port of 0 is known only now.
        let public_url = match config.http.public_url == HttpSettings::url_of(listen) {
            true => HttpSettings::url_of(address),
            false => config.http.public_url.clone(),
        };
        let (metrics_server, metrics_address) = metrics
            .serve(config.http.metrics_listen)
            .with_context(|| format!("listen on {}", config.http.metrics_listen))?;
        let metrics_handle = metrics_server.handle();
        actix_web::rt::spawn(metrics_server);
        let peer_url = config.http.peer_url.clone().unwrap_or_else(|| HttpSettings::url_of(address));
        if is_in_the_clear(&peer_url) {
            tracing::warn!(
                "other processes reach this one without TLS: keys and health data want a private network then"
            );
        }
        let deployment = Deployment::start(config, public_url.clone(), &peer_url, metrics).await?;
        let server = api_server(&config.http, deployment.app_state(), listener)?;
        let api = server.handle();
        actix_web::rt::spawn(server);
        tracing::info!(%address, metrics = %metrics_address, public_url = %public_url, "carepost takes requests");
        Ok(Self { deployment, address, metrics_address, public_url, api, metrics: metrics_handle })
    }

    /// Ends in order: tenants go to other processes, event streams end, no new connections, requests end, then the
    /// deployment drains.
    ///
    /// # Errors
    /// Where our own PostgreSQL does not stop in time.
    pub async fn stop(self, config: &Config) -> anyhow::Result<()> {
        tracing::info!("stopping: tenants go to other processes first, then requests end, then calls to vendors");
        self.deployment.leave(config.http.notice, config.engine.drain).await;
        self.deployment.streams.end();
        self.api.stop(true).await;
        self.deployment.drain(config.engine.drain).await?;
        self.metrics.stop(false).await;
        tracing::info!("stopped");
        Ok(())
    }
}

fn api_server(settings: &HttpSettings, state: AppState, listener: TcpListener) -> std::io::Result<Server> {
    Ok(HttpServer::new(move || App::new().configure(configure(state.clone())))
        .workers(settings.workers)
        .max_connections(settings.max_connections)
        .keep_alive(KeepAlive::Timeout(settings.keep_alive))
        .client_request_timeout(settings.request_timeout)
        .client_disconnect_timeout(settings.request_timeout)
        .shutdown_timeout(settings.shutdown.as_secs())
        .disable_signals()
        .listen(listener)?
        .run())
}

/// Waits for SIGTERM or SIGINT. From then on a second one ends the process at once.
///
/// # Errors
/// Where the operating system refuses a handler.
pub async fn stop_signal() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    actix_web::rt::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::warn!("told twice: ending at once");
        // 128 and the number of SIGINT, as shells write it. PostgreSQL is told by our death.
        std::process::exit(130);
    });
    Ok(())
}

/// Plain HTTP to another machine.
fn is_in_the_clear(peer_url: &Url) -> bool {
    let is_here = match peer_url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    peer_url.scheme() == "http" && !is_here
}
