//! Places that want to be told of events (Standard Webhooks).

use carepost_kernel::{EventId, TenantId, WebhookEndpointId};
use jiff::Timestamp;

use super::{Sealed, named};

named! {
    /// Whether an endpoint is told.
    EndpointStatus = "endpoint status" {
        /// It is.
        Active = "active",
        /// Not now, by hand.
        Paused = "paused",
        /// It has failed for long: tried seldom.
        Failing = "failing",
    }
}

/// A place that wants to be told of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEndpoint {
    /// Its id.
    pub webhook_endpoint_id: WebhookEndpointId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Its address.
    pub url: String,
    /// What it wants to hear of; none is everything.
    pub event_types: Vec<String>,
    /// Whether it is told.
    pub status: EndpointStatus,
    /// The last event that it has taken.
    pub last_event_id: Option<EventId>,
    /// Failed tries since then.
    pub failures: u32,
    /// When it is tried again after failures.
    pub next_try_at: Option<Timestamp>,
    /// Grows by one with each change by hand.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed by hand.
    pub updated_at: Timestamp,
    pub(crate) secret: Sealed,
}

/// An endpoint to be made.
#[derive(Debug, Clone)]
pub struct NewEndpoint {
    /// Its address: `https`.
    pub url: String,
    /// What it wants to hear of; none is everything.
    pub event_types: Vec<String>,
    /// Events after this one are told; `None` starts with the next.
    pub start_after: Option<EventId>,
}

/// What shall be different about an endpoint; `None` leaves a field alone.
#[derive(Debug, Clone, Default)]
pub struct EndpointChange {
    /// Its address.
    pub url: Option<String>,
    /// What it wants to hear of.
    pub event_types: Option<Vec<String>>,
    /// Pause or resume; `failing` is not set by hand.
    pub status: Option<EndpointStatus>,
}
