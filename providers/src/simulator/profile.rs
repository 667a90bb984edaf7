//! How a simulated vendor behaves: latency, faults, throttles, receipts, and what it remembers of each call.

use std::collections::VecDeque;
use std::time::Duration;

use carepost_kernel::AttemptRef;
use jiff::Timestamp;

/// How one simulated vendor behaves from now on.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The wait before each answer.
    pub latency: Duration,
    /// Up to this much is added to the wait, evenly spread.
    pub jitter: Duration,
    /// The share of calls, `0.0..=1.0`, that the vendor answers with its own kind of 5xx.
    pub error_rate: f64,
    /// Used up first, one for each call.
    pub script: VecDeque<Fault>,
    /// Calls for each second beyond which the vendor throttles; a tenth of a second may come at once.
    pub throttle_per_second: Option<u32>,
    /// The share of calls that are accepted and kept, with receipts, but whose connection is cut without an answer.
    pub drop_after_accept: f64,
    /// What comes back later.
    pub receipts: ReceiptProfile,
}

impl Default for Profile {
    /// Answers at once, accepts everything, delivers everything.
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            error_rate: 0.0,
            script: VecDeque::new(),
            throttle_per_second: None,
            drop_after_accept: 0.0,
            receipts: ReceiptProfile::default(),
        }
    }
}

/// One thing that goes wrong with one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// This HTTP status (or SMTP reply code), with the vendor's usual body for it.
    Status(u16),
    /// The vendor's own error code or name, in the vendor's own wrapping.
    VendorCode(String),
    /// The vendor's throttle.
    Throttle {
        /// What it asks to wait, where it says so.
        retry_after: Option<Duration>,
    },
    /// Accepted, kept, receipts follow, but the connection is cut without an answer.
    DropAfterAccept,
    /// Neither accepted nor answered: the connection stays open for a minute.
    Hang,
    /// A success whose body is not the vendor's; nothing is kept.
    Garbage,
}

/// What comes back after an acceptance.
#[derive(Debug, Clone)]
pub struct ReceiptProfile {
    /// From the acceptance to the last receipt.
    pub delay: Duration,
    /// Up to this much is added, evenly spread.
    pub jitter: Duration,
    /// The share of receipts that come twice.
    pub duplicates: f64,
    /// The last receipt comes first.
    pub reorder: bool,
    /// Receipts come before the answer to the send.
    pub early: bool,
    /// None come at all.
    pub silent: bool,
    /// How it ends.
    pub fate: Fate,
}

impl Default for ReceiptProfile {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(20),
            jitter: Duration::ZERO,
            duplicates: 0.0,
            reorder: false,
            early: false,
            silent: false,
            fate: Fate::Delivered,
        }
    }
}

/// How an accepted message ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// It arrives.
    Delivered,
    /// It does not.
    Undelivered {
        /// The vendor's own code for why.
        code: String,
    },
    /// Some do not.
    Mixed {
        /// The share that does not, with the vendor's commonest code.
        undelivered: f64,
    },
}

/// One request that a vendor's face understood well enough to decide on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The attempt that it names, where it names one.
    pub attempt: Option<AttemptRef>,
    /// The recipient as it stood in the request.
    pub to: String,
    /// The subject, for email.
    pub subject: Option<String>,
    /// The text as it stood in the request.
    pub text: String,
    /// What came of it.
    pub outcome: CallOutcome,
    /// When it was decided.
    pub at: Timestamp,
}

/// What came of a simulated call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallOutcome {
    /// Accepted and answered.
    Accepted {
        /// The vendor's id; the first one where there are several.
        provider_ref: String,
    },
    /// Refused with an answer.
    Refused {
        /// The vendor's code, or the status where it has none.
        code: String,
    },
    /// Accepted, but the connection was cut without an answer.
    Dropped {
        /// The vendor's id, which the caller never learned.
        provider_ref: String,
    },
    /// Neither accepted nor answered.
    Hung,
}
