//! The client for tenants' own endpoints. Their addresses come from outside: see `carepost_providers::network`.

use std::time::Duration;

use carepost_kernel::Reach;
use carepost_providers::network;

/// From the first byte to the end of the answer.
const TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes the client.
///
/// # Errors
/// Where there is no TLS to be had.
pub(crate) fn build(reach: Reach) -> reqwest::Result<reqwest::Client> {
    network::client(reach).timeout(TIMEOUT).connect_timeout(CONNECT_TIMEOUT).build()
}
