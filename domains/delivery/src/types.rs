//! Records and states of a message's life.

mod about;
mod event;
mod gate;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use carepost_kernel::{
    ApiKeyId, AttemptRef, Channel, Content, EmailContent, InAppContent, MessageId, Phi, Priority, ProviderAccountId,
    Purpose, SmsContent, TenantId, WaitReason,
};

use crate::links::NewLink;

pub use about::About;
pub use event::{DeliveryEvent, EventKind};
pub use gate::{GateReading, GateRecord, RuleSaid, Ruling};

/// How the channels of a plan are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Strategy {
    /// One after the other, until one arrives.
    #[default]
    Fallback = 1,
    /// All at once.
    All = 2,
}

impl Strategy {
    /// The number in rows.
    #[must_use]
    pub const fn as_i16(self) -> i16 {
        self as i16
    }

    /// The strategy of a stored number.
    #[must_use]
    pub fn from_i16(number: i16) -> Option<Self> {
        [Self::Fallback, Self::All].into_iter().find(|strategy| strategy.as_i16() == number)
    }
}

/// Where a delivery stands. The number is its rank in the lattice of DEL-6 (see `lattice.rs`) and stands in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum DeliveryState {
    /// Waits, with a reason.
    Queued = 0,
    /// A call is under way.
    Sending = 10,
    /// A call was made and nobody knows what came of it (DEL-5).
    Unknown = 20,
    /// The provider took it.
    Sent = 30,
    /// No provider took it.
    Failed = 40,
    /// Its time ran out.
    Expired = 45,
    /// The gate refused it.
    Refused = 46,
    /// Taken back before it left.
    Cancelled = 47,
    /// The provider took it and could not deliver it.
    Undelivered = 50,
    /// Arrived.
    Delivered = 60,
    /// Opened, perhaps by a machine.
    Opened = 62,
    /// A link was followed.
    Clicked = 64,
    /// Read.
    Read = 66,
    /// The mailbox refused it for good, perhaps after a `delivered`.
    Bounced = 70,
    /// Called spam by the recipient.
    Complained = 80,
}

impl DeliveryState {
    /// All states, in the order of their ranks.
    pub const ALL: [Self; 15] = [
        Self::Queued,
        Self::Sending,
        Self::Unknown,
        Self::Sent,
        Self::Failed,
        Self::Expired,
        Self::Refused,
        Self::Cancelled,
        Self::Undelivered,
        Self::Delivered,
        Self::Opened,
        Self::Clicked,
        Self::Read,
        Self::Bounced,
        Self::Complained,
    ];

    /// The name on the wire and in metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
            Self::Undelivered => "undelivered",
            Self::Delivered => "delivered",
            Self::Opened => "opened",
            Self::Clicked => "clicked",
            Self::Read => "read",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
        }
    }

    /// The number in rows.
    #[must_use]
    pub const fn as_i16(self) -> i16 {
        self as i16
    }

    /// The state of a stored number.
    #[must_use]
    pub fn from_i16(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_i16() == number)
    }

    /// The recipient got it, or once had it.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        matches!(self, Self::Delivered | Self::Opened | Self::Clicked | Self::Read)
    }

    /// Ended without reaching the recipient.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(
            self,
            Self::Failed | Self::Expired | Self::Refused | Self::Cancelled | Self::Undelivered | Self::Bounced
        )
    }
}

carepost_kernel::parse_by_name!(DeliveryState = "delivery state");

/// Where somebody is reached. E.164 phone, email address, or the tenant's own id of the recipient.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// For text messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// For email.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// For the inbox here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_app: Option<String>,
}

impl Recipient {
    /// The address on a channel.
    #[must_use]
    pub fn address(&self, channel: Channel) -> Option<&str> {
        match channel {
            Channel::Sms | Channel::Voice => self.phone.as_deref(),
            Channel::Email => self.email.as_deref(),
            Channel::InApp | Channel::Push => self.in_app.as_deref(),
        }
    }
}

/// Everything of a message that is health information. Sealed as one value.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// Whom it is for.
    pub to: Recipient,
    /// For text messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sms: Option<SmsContent>,
    /// For email.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailContent>,
    /// For the inbox here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_app: Option<InAppContent>,
    /// The caller's own notes, given back as they came.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Whom and what it is about.
    #[serde(default, skip_serializing_if = "About::is_empty")]
    pub about: About,
}

impl Payload {
    /// The content for a channel.
    #[must_use]
    pub fn content(&self, channel: Channel) -> Option<Content> {
        match channel {
            Channel::Sms => self.sms.clone().map(Content::Sms),
            Channel::Email => self.email.clone().map(Content::Email),
            Channel::InApp => self.in_app.clone().map(Content::InApp),
            Channel::Push | Channel::Voice => None,
        }
    }
}

/// Names one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryKey {
    /// Whose it is.
    pub tenant_id: TenantId,
    /// The message.
    pub message_id: MessageId,
    /// On which channel.
    pub channel: Channel,
}

impl DeliveryKey {
    /// The name of one of its attempts.
    #[must_use]
    pub const fn attempt(self, attempt_no: i16) -> AttemptRef {
        AttemptRef { message_id: self.message_id, channel: self.channel, attempt_no }
    }

    /// The bytes that a sealed payload is bound to.
    #[must_use]
    pub fn seal_owner(tenant_id: TenantId, message_id: MessageId) -> [u8; 32] {
        let mut owner = [0_u8; 32];
        owner[..16].copy_from_slice(tenant_id.as_uuid().as_bytes());
        owner[16..].copy_from_slice(message_id.as_uuid().as_bytes());
        owner
    }
}

/// The claim that an idempotency key makes (DEL-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotencyClaim {
    /// Keyed hash of the caller's key.
    pub key_hash: [u8; 16],
    /// Keyed hash of the body.
    pub fingerprint: [u8; 16],
    /// Until when the key stays taken.
    pub expires_at: Timestamp,
}

/// One delivery as it is first stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// On which channel.
    pub channel: Channel,
    /// Keyed hash of the address.
    pub recipient_hash: [u8; 16],
    /// How much it hurries.
    pub priority: Priority,
    /// Parts of a text message.
    pub segments: Option<i16>,
}

/// A message that is valid, sealed, and not stored yet.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Its id; tells when it was made.
    pub message_id: MessageId,
    /// When it came.
    pub created_at: Timestamp,
    /// Why it is sent.
    pub purpose: Purpose,
    /// How much it hurries.
    pub priority: Priority,
    /// How its channels are used.
    pub strategy: Strategy,
    /// Channels in the order of preference.
    pub channels: Vec<Channel>,
    /// Not before.
    pub scheduled_at: Option<Timestamp>,
    /// Not after.
    pub expires_at: Timestamp,
    /// What is said, for the way through memory.
    pub payload: Arc<Phi<Payload>>,
    /// The same, sealed, for the row.
    pub payload_sealed: Vec<u8>,
    /// The first deliveries: one for [`Strategy::Fallback`], all for [`Strategy::All`].
    pub deliveries: Vec<NewDelivery>,
    /// The key that makes it one message however often it is posted.
    pub idempotency: Option<IdempotencyClaim>,
    /// Who brought it.
    pub api_key_id: Option<ApiKeyId>,
    /// The short links in it, stored with it.
    pub links: Vec<NewLink>,
}

impl NewMessage {
    /// When its deliveries are looked at first.
    #[must_use]
    pub fn due_at(&self) -> Timestamp {
        self.scheduled_at.unwrap_or(self.created_at)
    }

    /// What it takes of memory, in bytes, roughly: twice the sealed size (sealed and open) and a fixed part.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        2 * self.payload_sealed.len() + 512
    }

    /// The deliveries as they live in memory once the message is stored.
    #[must_use]
    pub fn live(&self) -> Vec<Delivery> {
        self.deliveries
            .iter()
            .map(|delivery| Delivery {
                key: DeliveryKey { tenant_id: self.tenant_id, message_id: self.message_id, channel: delivery.channel },
                state: DeliveryState::Queued,
                reason: Some(if self.scheduled_at.is_some() { WaitReason::Scheduled } else { WaitReason::Dispatch }),
                due_at: self.due_at(),
                attempt_no: 0,
                failures: 0,
                account_id: None,
                recipient_hash: delivery.recipient_hash,
                purpose: self.purpose,
                priority: self.priority,
                strategy: self.strategy,
                channels: self.channels.clone(),
                created_at: self.created_at,
                scheduled_at: self.scheduled_at,
                expires_at: self.expires_at,
                payload: Arc::clone(&self.payload),
                payload_bytes: self.payload_sealed.len(),
            })
            .collect()
    }
}

/// One delivery with all that is needed to work on it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its name.
    pub key: DeliveryKey,
    /// Where it stands.
    pub state: DeliveryState,
    /// Why it waits.
    pub reason: Option<WaitReason>,
    /// When it is looked at again.
    pub due_at: Timestamp,
    /// Calls made so far.
    pub attempt_no: i16,
    /// Calls that count as failed tries.
    pub failures: i16,
    /// The account of the last call.
    pub account_id: Option<ProviderAccountId>,
    /// Keyed hash of the address.
    pub recipient_hash: [u8; 16],
    /// Why it is sent.
    pub purpose: Purpose,
    /// How much it hurries.
    pub priority: Priority,
    /// How the plan's channels are used.
    pub strategy: Strategy,
    /// The plan.
    pub channels: Vec<Channel>,
    /// When the message came.
    pub created_at: Timestamp,
    /// Not before.
    pub scheduled_at: Option<Timestamp>,
    /// Not after.
    pub expires_at: Timestamp,
    /// What is said, and to whom.
    pub payload: Arc<Phi<Payload>>,
    /// Size of the payload as it is stored, in bytes.
    pub payload_bytes: usize,
}

/// A message as readers see it, without its content.
#[derive(Debug, Clone)]
pub struct MessageRecord {
    /// Its id.
    pub message_id: MessageId,
    /// When it came.
    pub created_at: Timestamp,
    /// Why it is sent.
    pub purpose: Purpose,
    /// How much it hurries.
    pub priority: Priority,
    /// How its channels are used.
    pub strategy: Strategy,
    /// The plan.
    pub channels: Vec<Channel>,
    /// Not before.
    pub scheduled_at: Option<Timestamp>,
    /// Not after.
    pub expires_at: Timestamp,
    /// Recipient, content and metadata, sealed.
    pub payload_sealed: Vec<u8>,
    /// Its deliveries, in the order of the plan.
    pub deliveries: Vec<DeliveryRecord>,
}

/// A delivery as readers see it.
#[derive(Debug, Clone)]
pub struct DeliveryRecord {
    /// On which channel.
    pub channel: Channel,
    /// Where it stands.
    pub state: DeliveryState,
    /// Why it waits; none once it is finished.
    pub reason: Option<WaitReason>,
    /// When it is looked at again; none once it is finished.
    pub due_at: Option<Timestamp>,
    /// Calls made so far.
    pub attempts: i16,
    /// The account of the last call.
    pub account_id: Option<ProviderAccountId>,
    /// Code of the last failure or refusal.
    pub code: Option<String>,
    /// Parts of a text message.
    pub segments: Option<i16>,
    /// When the provider took it.
    pub sent_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// The status of a whole message, from its deliveries: what it has reached at best, or the worst if none is left.
#[must_use]
pub fn message_state(deliveries: &[DeliveryRecord]) -> DeliveryState {
    let positive = deliveries.iter().map(|delivery| delivery.state).filter(|state| state.is_positive()).max();
    let open = deliveries.iter().filter(|delivery| delivery.due_at.is_some()).map(|delivery| delivery.state).max();
    positive
        .or(open)
        .or_else(|| deliveries.iter().map(|delivery| delivery.state).max())
        .unwrap_or(DeliveryState::Queued)
}
