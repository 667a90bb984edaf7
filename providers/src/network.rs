//! The way out: HTTP clients and name look-ups that go no farther than they may.
//!
//! Addresses come from tenants. Names are resolved here, and a connection is made to what comes out of here and to
//! nothing else, so that a name cannot change its mind between the look and the connection. There are no redirects and
//! no proxies of the environment to lead around this.

use std::error::Error;
use std::io;
use std::net::SocketAddr;

use carepost_kernel::Reach;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

/// Why a host has no address to connect to.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// It leads into a private network, and must not.
    #[error("resolve host: not a public address")]
    Private,
    /// The look-up failed.
    #[error("resolve host")]
    LookUp(#[source] io::Error),
}

/// The addresses of a host that may be connected to: at least one.
///
/// # Errors
/// Where the look-up fails or nothing of what it found is allowed.
pub async fn resolve(host: &str, port: u16, reach: Reach) -> Result<Vec<SocketAddr>, ResolveError> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((bare, port)).await.map_err(ResolveError::LookUp)?;
    let allowed: Vec<SocketAddr> = found.filter(|address| reach.allows(address.ip())).collect();
    if allowed.is_empty() { Err(ResolveError::Private) } else { Ok(allowed) }
}

/// Judges what no resolver sees: the scheme, and a host that is an address already.
///
/// # Errors
/// [`ResolveError::Private`] where it must not be called.
pub fn check_url(url: &Url, reach: Reach) -> Result<(), ResolveError> {
    let is_scheme = url.scheme() == "https" || (url.scheme() == "http" && reach == Reach::Anywhere);
    let is_allowed = is_scheme && url.host_str().is_some_and(|host| reach.allows_host(host));
    if is_allowed { Ok(()) } else { Err(ResolveError::Private) }
}

/// Whether something failed because a name leads into a private network.
#[must_use]
pub fn is_private(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if matches!(error.downcast_ref(), Some(ResolveError::Private)) {
            return true;
        }
        next = error.source();
    }
    false
}

/// The start of an HTTP client that keeps to this reach. What is called by it goes through [`check_url`] first.
pub fn client(reach: Reach) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("carepost/", env!("CARGO_PKG_VERSION")))
        // A redirect would carry patients' data to whom it was not meant for.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .dns_resolver(Names(reach))
}

struct Names(Reach);

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            // The client puts the port in.
            let addresses: Addrs = Box::new(resolve(name.as_str(), 0, reach).await?.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests;
