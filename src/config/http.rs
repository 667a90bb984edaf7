//! Listeners, addresses and limits of connections.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use url::Url;

use super::Reader;

/// Listeners, addresses and limits of connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// `CAREPOST_LISTEN`: address of the API. Default `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// `CAREPOST_METRICS_LISTEN`: address of `/metrics`. Default `127.0.0.1:9464`.
    pub metrics_listen: SocketAddr,
    /// `CAREPOST_PUBLIC_URL`: our address as vendors and callers see it. Default: `http://` and the listener.
    pub public_url: Url,
    /// `CAREPOST_PEER_URL`: the address at which other processes on the same database reach this one. Default: `http://`
    /// and the listener, which other machines cannot reach where it names this one only.
    pub peer_url: Option<Url>,
    /// `CAREPOST_HTTP_WORKERS`: threads that answer requests. Default: the machine's cores.
    pub workers: usize,
    /// `CAREPOST_HTTP_MAX_CONNECTIONS`: connections for each of them. Default 10000.
    pub max_connections: usize,
    /// `CAREPOST_HTTP_REQUEST_TIMEOUT_MS`: how long a request's head may take to come, in milliseconds. Default 10000.
    pub request_timeout: Duration,
    /// `CAREPOST_HTTP_KEEP_ALIVE_S`: how long an idle connection is kept, in seconds. Default 75.
    pub keep_alive: Duration,
    /// `CAREPOST_HTTP_NOTICE_S`: how long requests are still taken at a stop after readiness says no, where other
    /// processes go on, in seconds: a balancer has to notice, and so have those processes, which remember for a second
    /// where a tenant was. Default 5, at least 2.
    pub notice: Duration,
    /// `CAREPOST_HTTP_SHUTDOWN_S`: how long requests may take to end at a stop, in seconds. Default 15.
    pub shutdown: Duration,
}

impl HttpSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        const ADDRESS: &str = "an address and a port, as in 127.0.0.1:8080";
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listen = reader.parsed("CAREPOST_LISTEN", ADDRESS).unwrap_or_else(|| local(8_080));
        let metrics_listen = reader.parsed("CAREPOST_METRICS_LISTEN", ADDRESS).unwrap_or_else(|| local(9_464));
        if listen == metrics_listen && listen.port() != 0 {
            reader.fault("CAREPOST_METRICS_LISTEN", "must differ from CAREPOST_LISTEN");
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            listen,
            metrics_listen,
            public_url: base_url(reader, "CAREPOST_PUBLIC_URL").unwrap_or_else(|| Self::url_of(listen)),
            peer_url: base_url(reader, "CAREPOST_PEER_URL"),
            workers: reader.count("CAREPOST_HTTP_WORKERS", cores, 1..=1_024),
            max_connections: reader.count("CAREPOST_HTTP_MAX_CONNECTIONS", 10_000, 1..=1_000_000),
            request_timeout: reader.millis("CAREPOST_HTTP_REQUEST_TIMEOUT_MS", 10_000, 100..=600_000),
            keep_alive: reader.seconds("CAREPOST_HTTP_KEEP_ALIVE_S", 75, 1..=3_600),
            notice: reader.seconds("CAREPOST_HTTP_NOTICE_S", 5, 2..=3_600),
            shutdown: reader.seconds("CAREPOST_HTTP_SHUTDOWN_S", 15, 0..=3_600),
        }
    }

    /// The address of a listener as a browser on this machine would write it.
    #[must_use]
    pub fn url_of(listen: SocketAddr) -> Url {
        let mut host = listen;
        if listen.ip().is_unspecified() {
            host.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        Url::parse(&format!("http://{host}/")).expect("an address and a port make an address of the web")
    }
}

fn base_url(reader: &mut Reader<'_>, name: &'static str) -> Option<Url> {
    let url = reader.parsed::<Url>(name, "an address, as in https://care.example")?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !is_plain {
        reader.fault(name, "must be http or https, without user, query or fragment");
    }
    Some(url)
}
