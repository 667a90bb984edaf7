//! Typed ids from one registry: UUIDv7, plain UUID text on the wire, no conversion between kinds.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::{ContextV7, Uuid};

/// Text that is not a UUID. The text itself is left out: it may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("parse id of kind {kind}: not a UUID")]
pub struct ParseIdError {
    /// The kind of id that was expected, for example `message`.
    pub kind: &'static str,
}

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident = $kind:literal),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The kind's name as it stands in errors and documents.
            pub const KIND: &'static str = $kind;

            /// A new id that sorts by `now` (UUIDv7, RFC 9562).
            #[must_use]
            pub fn new(now: Timestamp) -> Self {
                Self(uuid_v7(now))
            }

            /// The lowest id of an instant, which no id that is made has: for bounds.
            #[must_use]
            pub fn first_at(instant: Timestamp) -> Self {
                Self(first_uuid_at(instant))
            }

            /// Takes a UUID that the database or a peer says is of this kind.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID, for SQL parameters.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| ParseIdError { kind: $kind })
            }
        }
    )+};
}

ids! {
    /// A customer account.
    TenantId = "tenant",
    /// What an upstream system asks to say to one recipient.
    MessageId = "message",
    /// One entry of a message's history.
    EventId = "event",
    /// A tenant's account at a vendor.
    ProviderAccountId = "provider account",
    /// A key of the public API.
    ApiKeyId = "API key",
    /// A database and schema where tenants' rows live.
    PlacementId = "placement",
    /// One running process of the engine.
    InstanceId = "instance",
    /// A message that came in from outside.
    InboundId = "inbound message",
    /// An entry of the audit trail.
    AuditEventId = "audit event",
    /// A place that wants to be told of events.
    WebhookEndpointId = "webhook endpoint",
    /// A person whom a tenant speaks to: a patient, or somebody who answers for one.
    RecipientId = "recipient",
    /// A phone number or email address of a recipient.
    ContactPointId = "contact point",
    /// One entry of the evidence of consent.
    ConsentEventId = "consent event",
    /// Something that keeps an address from getting anything.
    SuppressionId = "suppression",
    /// Two records of one person, joined.
    MergeId = "merge",
    /// News for the gate, told from process to process.
    ConsentChangeId = "consent change",
    /// A template with all its versions.
    TemplateId = "template",
    /// A short first-party link.
    LinkId = "link",
    /// One template sent to a list of recipients.
    BulkSendId = "bulk send",
}

/// UUIDv7 with a counter inside the millisecond, so that ids of one process never sort backwards.
fn uuid_v7(now: Timestamp) -> Uuid {
    static CONTEXT: std::sync::Mutex<ContextV7> = std::sync::Mutex::new(ContextV7::new());
    // A poisoned lock still holds a usable counter: no code between lock and unlock can panic half-way.
    let context = CONTEXT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(&*context, seconds, nanos))
}

/// 48 bits of milliseconds come first (RFC 9562, UUIDv7); the rest is zero.
fn first_uuid_at(instant: Timestamp) -> Uuid {
    let milliseconds = u128::try_from(instant.as_millisecond()).unwrap_or(0);
    Uuid::from_u128(milliseconds << 80)
}

impl MessageId {
    /// The instant, to the millisecond, that the id was made at; `None` where it is not a UUIDv7.
    #[must_use]
    pub fn made_at(self) -> Option<Timestamp> {
        let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
        Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()
    }
}

#[cfg(test)]
mod tests;
