//! The client for tenants' own endpoints. Their addresses come from outside: names are resolved here, and an address
//! that is not on the public internet is never connected to. There are no redirects and no proxy to lead around this.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use carepost_tenancy::is_public;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// From the first byte to the end of the answer.
const TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes the client. With `private` it also speaks to private addresses: for demos, simulators and tests.
///
/// # Errors
/// Where there is no TLS to be had.
pub(crate) fn build(private: bool) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .user_agent(concat!("carepost/", env!("CARGO_PKG_VERSION")))
        .timeout(TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .dns_resolver(PublicNames { private })
        .build()
}

/// A name, or an address, that leads into a private network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("resolve webhook endpoint: not a public address")]
pub(super) struct PrivateAddress;

/// Resolves names and keeps what lies on the public internet. The client connects to what comes out of here and to
/// nothing else, so that a name cannot change its mind in between.
struct PublicNames {
    private: bool,
}

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let private = self.private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| private || is_public(address.ip())).collect();
            if allowed.is_empty() {
                return Err(PrivateAddress.into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

/// Judges what no resolver sees: the scheme, and a host that is an address already.
///
/// # Errors
/// Where it must not be called.
pub(super) fn check(url: &str, private: bool) -> Result<Url, PrivateAddress> {
    let url = Url::parse(url).map_err(|_| PrivateAddress)?;
    if private {
        return Ok(url);
    }
    let host = url.host_str().unwrap_or_default();
    let address: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
    let is_allowed = url.scheme() == "https" && address.is_none_or(is_public);
    if is_allowed { Ok(url) } else { Err(PrivateAddress) }
}

/// Whether a call failed because the name leads into a private network.
pub(super) fn is_private(error: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if error.is::<PrivateAddress>() {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_inside_are_refused() {
        for url in [
            "https://127.0.0.1/",
            "https://10.1.2.3:8443/hook",
            "https://169.254.169.254/latest",
            "https://[::1]/",
            "https://[fd00::1]/",
            "https://[::ffff:10.0.0.1]/",
            "http://hooks.example.com/",
            "no address",
        ] {
            assert_eq!(check(url, false), Err(PrivateAddress), "{url}");
        }
        for url in ["https://hooks.example.com/a", "https://8.8.8.8/", "https://[2606:4700::1111]/"] {
            assert!(check(url, false).is_ok(), "{url}");
        }
        assert!(check("http://127.0.0.1:9/", true).is_ok());
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_connected_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let client = build(false).expect("a client");
        let error = client.get(format!("http://localhost:{port}/")).send().await.expect_err("refused");
        assert!(is_private(&error));
        tokio::select! {
            biased;
            _ = listener.accept() => panic!("it connected"),
            () = std::future::ready(()) => {}
        }
    }
}
