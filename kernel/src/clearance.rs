//! DEL-8 as a type: a provider takes [`Cleared`] and nothing else, and only the gate can make one.
//!
//! The gate (`domains/delivery/src/gate.rs`) fills in a [`Verdicts`], which has no default and no gaps: one
//! verdict for each rule. [`Verdicts::clear`] weighs them and wraps what may leave. Clippy bans `clear` outside the
//! gate, and a tidy test counts its callers.
//!
//! ```compile_fail
//! // The fields are private: nobody can write one down.
//! let forged = carepost_kernel::Cleared { what: "text", cleared_at: jiff::Timestamp::UNIX_EPOCH };
//! ```
//! ```compile_fail
//! // It cannot be taken apart and filled with something else.
//! fn swap(cleared: carepost_kernel::Cleared<String>) -> carepost_kernel::Cleared<String> {
//!     cleared.map(|_| "something else".to_owned())
//! }
//! ```

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Why a delivery waits (DEL-3). Each is a name that stands in rows, metrics and timelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum WaitReason {
    /// Stored, its turn has not come: nothing but the engine's own work is in the way.
    Dispatch = 1,
    /// Sent later by wish.
    Scheduled = 2,
    /// Outside the hours that are allowed for the recipient.
    QuietHours = 3,
    /// The tenant's own sending limit.
    TenantLimit = 4,
    /// The provider's rate, set or learned.
    ProviderLimit = 5,
    /// The provider is broken; its breaker is open.
    BreakerOpen = 6,
    /// After a transient failure.
    Backoff = 7,
    /// Others' turn.
    Fairness = 8,
    /// Paused by hand.
    Paused = 9,
    /// No usable provider account for the channel, or its configuration was refused by the vendor.
    ProviderConfig = 10,
    /// A call is under way.
    ProviderCall = 11,
    /// The provider took it; its receipt is awaited.
    AwaitingReceipt = 12,
    /// The outcome of a call is unknown; being looked up or held for a receipt (DEL-5).
    UnknownOutcome = 13,
    /// The engine was stopped or taking over.
    TakeOver = 14,
    /// The recipient, or the practice for one recipient, has had as many messages as are allowed for now.
    Caps = 15,
    /// The recipient gets messages of this topic gathered at set times.
    Digest = 16,
}

impl WaitReason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 16] = [
        Self::Dispatch,
        Self::Scheduled,
        Self::QuietHours,
        Self::TenantLimit,
        Self::ProviderLimit,
        Self::BreakerOpen,
        Self::Backoff,
        Self::Fairness,
        Self::Paused,
        Self::ProviderConfig,
        Self::ProviderCall,
        Self::AwaitingReceipt,
        Self::UnknownOutcome,
        Self::TakeOver,
        Self::Caps,
        Self::Digest,
    ];

    /// The name on the wire and in metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dispatch => "dispatch",
            Self::Scheduled => "scheduled",
            Self::QuietHours => "quiet_hours",
            Self::TenantLimit => "tenant_limit",
            Self::ProviderLimit => "provider_limit",
            Self::BreakerOpen => "breaker_open",
            Self::Backoff => "backoff",
            Self::Fairness => "fairness",
            Self::Paused => "paused",
            Self::ProviderConfig => "provider_config",
            Self::ProviderCall => "provider_call",
            Self::AwaitingReceipt => "awaiting_receipt",
            Self::UnknownOutcome => "unknown_outcome",
            Self::TakeOver => "take_over",
            Self::Caps => "caps",
            Self::Digest => "digest",
        }
    }

    /// The number in rows.
    #[must_use]
    pub const fn as_i16(self) -> i16 {
        self as i16
    }

    /// The reason of a stored number.
    #[must_use]
    pub fn from_i16(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_i16() == number)
    }
}

crate::parse_by_name!(WaitReason = "wait reason");

/// What one rule of the gate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// No objection.
    Go,
    /// Not before this instant.
    Wait {
        /// When to look again.
        until: Timestamp,
        /// Why not now.
        reason: WaitReason,
    },
    /// Not on this channel; the next one of the plan may try.
    OtherChannel {
        /// A stable code, for example `no_sender`.
        code: &'static str,
    },
    /// Not at all.
    Refuse {
        /// A stable code, for example `expired`.
        code: &'static str,
    },
}

/// One verdict for each rule of the gate. No default: a rule that is left out does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdicts {
    /// Cancelled, expired, or past its attempts.
    pub life: Verdict,
    /// The wished time.
    pub schedule: Verdict,
    /// Tenant, channel or account paused by hand.
    pub pause: Verdict,
    /// The address opted out, bounced or complained.
    pub suppression: Verdict,
    /// Consent for the purpose.
    pub consent: Verdict,
    /// The recipient's wishes: channels by topic.
    pub preference: Verdict,
    /// Messages of the topic come gathered.
    pub digest: Verdict,
    /// The hours that are allowed in the recipient's zone.
    pub quiet_hours: Verdict,
    /// Caps for each recipient.
    pub caps: Verdict,
    /// The tenant's own rate of sending.
    pub tenant_limit: Verdict,
    /// The text is short enough for what allows it.
    pub length: Verdict,
    /// Health information in a channel that cannot be read securely.
    pub phi_guard: Verdict,
    /// The message says who speaks.
    pub identification: Verdict,
    /// The sender is registered where that is demanded.
    pub registration: Verdict,
    /// A sender that can be used.
    pub sender: Verdict,
}

/// What the gate has let through, and the only thing that a provider accepts.
#[derive(Debug)]
pub struct Cleared<T> {
    what: T,
    cleared_at: Timestamp,
}

impl Verdicts {
    /// Weighs the verdicts: the first refusal wins, then the first wish for another channel, then the latest wait.
    ///
    /// # Errors
    /// The verdict that holds it back, and what was to leave, unchanged.
    pub fn clear<T>(self, what: T, now: Timestamp) -> Result<Cleared<T>, (Verdict, T)> {
        match self.heaviest() {
            Verdict::Go => Ok(Cleared { what, cleared_at: now }),
            held => Err((held, what)),
        }
    }

    /// The rules' names, in the order in which they are asked: places in it stand in rows.
    pub const RULES: [&'static str; 15] = [
        "life",
        "schedule",
        "pause",
        "suppression",
        "consent",
        "preference",
        "digest",
        "quiet_hours",
        "caps",
        "tenant_limit",
        "length",
        "phi_guard",
        "identification",
        "registration",
        "sender",
    ];

    /// Every rule by its name, with what it says.
    #[must_use]
    pub fn by_rule(&self) -> [(&'static str, &Verdict); 15] {
        // Taken apart without `..`: a rule that is left out does not compile.
        let Self {
            life,
            schedule,
            pause,
            suppression,
            consent,
            preference,
            digest,
            quiet_hours,
            caps,
            tenant_limit,
            length,
            phi_guard,
            identification,
            registration,
            sender,
        } = self;
        let said = [
            life,
            schedule,
            pause,
            suppression,
            consent,
            preference,
            digest,
            quiet_hours,
            caps,
            tenant_limit,
            length,
            phi_guard,
            identification,
            registration,
            sender,
        ];
        std::array::from_fn(|i| (Self::RULES[i], said[i]))
    }

    /// The verdict that counts.
    #[must_use]
    pub fn heaviest(&self) -> Verdict {
        let weight = |verdict: &Verdict| match verdict {
            Verdict::Go => (0, Timestamp::MIN),
            Verdict::Wait { until, .. } => (1, *until),
            Verdict::OtherChannel { .. } => (2, Timestamp::MIN),
            Verdict::Refuse { .. } => (3, Timestamp::MIN),
        };
        let heaviest = self
            .by_rule()
            .into_iter()
            .map(|(_, verdict)| verdict)
            .reduce(|held, next| if weight(next) > weight(held) { next } else { held });
        heaviest.cloned().unwrap_or(Verdict::Go)
    }
}

impl<T> Cleared<T> {
    /// What may leave.
    pub const fn get(&self) -> &T {
        &self.what
    }

    /// When the gate let it through.
    pub const fn cleared_at(&self) -> Timestamp {
        self.cleared_at
    }

    /// Gives the clearance up: the content can be sent again only through the gate.
    pub fn revoke(self) -> T {
        self.what
    }
}

#[cfg(test)]
mod tests;
