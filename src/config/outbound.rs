//! Calls to vendors and to tenants' endpoints.

use std::time::Duration;

use carepost_kernel::Reach;

use super::Reader;

/// Calls to vendors and to tenants' endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboundSettings {
    /// `CAREPOST_OUTBOUND_CONNECT_TIMEOUT_MS`: longest wait for a connection, in milliseconds. Default 5000.
    pub connect_timeout: Duration,
    /// `CAREPOST_OUTBOUND_IDLE_PER_HOST`: idle connections that are kept to each host. Default 256.
    pub idle_per_host: usize,
    /// `CAREPOST_OUTBOUND_IDLE_TIMEOUT_S`: how long they are kept, in seconds. Default 30.
    pub idle_timeout: Duration,
    /// `CAREPOST_PRIVATE_URLS`: on lets tenants name `http` and private addresses: base URLs, mail servers, webhook
    /// endpoints. For tests, and for deployments that trust their tenants with their network. Default off.
    pub private_urls: bool,
}

impl OutboundSettings {
    /// How far addresses may lead that tenants name.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        Reach::of_tenants(self.private_urls)
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            connect_timeout: reader.millis("CAREPOST_OUTBOUND_CONNECT_TIMEOUT_MS", 5_000, 100..=60_000),
            idle_per_host: reader.count("CAREPOST_OUTBOUND_IDLE_PER_HOST", 256, 0..=10_000),
            idle_timeout: reader.seconds("CAREPOST_OUTBOUND_IDLE_TIMEOUT_S", 30, 1..=600),
            private_urls: reader.flag("CAREPOST_PRIVATE_URLS", false),
        }
    }
}
