//! The history's entries.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use carepost_kernel::{EventId, FailureClass, ProviderAccountId, ReceiptStatus, WaitReason};

use super::{DeliveryKey, DeliveryState, GateRecord};

/// What an entry of the history tells. The number is the one stored in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum EventKind {
    /// It waits until an instant, for a reason.
    Waiting = 1,
    /// A call is about to be made (DEL-4).
    AttemptStarted = 2,
    /// The call's outcome.
    AttemptFinished = 3,
    /// The provider told something later.
    ReceiptMerged = 4,
    /// The gate refused it.
    Refused = 5,
    /// Its time ran out.
    Expired = 6,
    /// Taken back.
    Cancelled = 7,
    /// The next channel of the plan takes over.
    FellBack = 8,
    /// Put back to work by hand.
    Redriven = 9,
    /// Ended without a receipt, or with an outcome that stays unknown.
    Closed = 10,
    /// The provider was asked after an unknown outcome.
    LookedUp = 11,
    /// Its reader has written back; the code says what that was understood as.
    Replied = 12,
}

impl EventKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::Waiting,
        Self::AttemptStarted,
        Self::AttemptFinished,
        Self::ReceiptMerged,
        Self::Refused,
        Self::Expired,
        Self::Cancelled,
        Self::FellBack,
        Self::Redriven,
        Self::Closed,
        Self::LookedUp,
        Self::Replied,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::AttemptStarted => "attempt_started",
            Self::AttemptFinished => "attempt_finished",
            Self::ReceiptMerged => "receipt_merged",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::FellBack => "fell_back",
            Self::Redriven => "redriven",
            Self::Closed => "closed",
            Self::LookedUp => "looked_up",
            Self::Replied => "replied",
        }
    }

    /// The number in rows.
    #[must_use]
    pub const fn as_i16(self) -> i16 {
        self as i16
    }

    /// The kind of a stored number.
    #[must_use]
    pub fn from_i16(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_i16() == number)
    }
}

carepost_kernel::parse_by_name!(EventKind = "kind of event");

/// An entry of the history.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryEvent {
    /// Its id; ids grow with time.
    pub event_id: EventId,
    /// Of which delivery.
    pub key: DeliveryKey,
    /// What it tells.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// During which attempt; 0 before the first.
    pub attempt_no: i16,
    /// The state after it, where it changed one.
    pub state: Option<DeliveryState>,
    /// Why it waits from here on.
    pub reason: Option<WaitReason>,
    /// Until when.
    pub until: Option<Timestamp>,
    /// Class of a failure.
    pub failure_class: Option<FailureClass>,
    /// Stable code.
    pub code: Option<String>,
    /// The account that was called, or that told.
    pub account_id: Option<ProviderAccountId>,
    /// What the provider told.
    pub receipt_status: Option<ReceiptStatus>,
    /// Equal for copies of one receipt.
    pub receipt_key: Option<[u8; 16]>,
    /// Milliseconds by reason, spent in memory before this event.
    pub waits: Vec<(WaitReason, u32)>,
    /// What the gate's rules said, where it was asked (DEL-8).
    pub gate: Option<GateRecord>,
}

impl DeliveryEvent {
    /// An event with nothing but its kind.
    #[must_use]
    pub fn new(key: DeliveryKey, kind: EventKind, attempt_no: i16, at: Timestamp) -> Self {
        Self {
            event_id: EventId::new(at),
            key,
            kind,
            at,
            attempt_no,
            state: None,
            reason: None,
            until: None,
            failure_class: None,
            code: None,
            account_id: None,
            receipt_status: None,
            receipt_key: None,
            waits: Vec::new(),
            gate: None,
        }
    }
}
