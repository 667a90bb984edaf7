//! What providers answer: outcomes of calls, classes of failure, and the statuses of receipts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Channel, MessageId, ProviderRef};

/// Names one attempt in everything that goes to a vendor and comes back: `<message id>.<channel>.<attempt>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptRef {
    /// The message.
    pub message_id: MessageId,
    /// Its delivery.
    pub channel: Channel,
    /// 1 for the first call.
    pub attempt_no: i16,
}

impl std::fmt::Display for AttemptRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.message_id, self.channel.as_str(), self.attempt_no)
    }
}

/// A text that is no attempt's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("parse attempt reference: not of the form id.channel.number")]
pub struct ParseAttemptRefError;

impl std::str::FromStr for AttemptRef {
    type Err = ParseAttemptRefError;

    fn from_str(text: &str) -> Result<Self, ParseAttemptRefError> {
        let mut parts = text.splitn(3, '.');
        let mut next = || parts.next().ok_or(ParseAttemptRefError);
        Ok(Self {
            message_id: next()?.parse().map_err(|_| ParseAttemptRefError)?,
            channel: next()?.parse().map_err(|_| ParseAttemptRefError)?,
            attempt_no: next()?.parse().map_err(|_| ParseAttemptRefError)?,
        })
    }
}

/// The class of a failure: what the engine may do about it. The number is the one stored in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum FailureClass {
    /// Passes by itself: try again later.
    Transient = 1,
    /// Too fast: slow the lane, burn no attempt (DEL-7).
    Throttled = 2,
    /// This recipient or content will never do.
    Permanent = 3,
    /// The recipient opted out or is on the vendor's suppression list.
    Suppressed = 4,
    /// The account or its configuration is refused: stop the lane, keep the messages.
    ConfigFault = 5,
    /// Bytes were sent and no answer came (DEL-5).
    Unknown = 6,
}

impl FailureClass {
    /// All classes, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Transient, Self::Throttled, Self::Permanent, Self::Suppressed, Self::ConfigFault, Self::Unknown];

    /// The name on the wire and in metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Throttled => "throttled",
            Self::Permanent => "permanent",
            Self::Suppressed => "suppressed",
            Self::ConfigFault => "config_fault",
            Self::Unknown => "unknown",
        }
    }

    /// The number in rows.
    #[must_use]
    pub const fn as_i16(self) -> i16 {
        self as i16
    }

    /// The class of a stored number.
    #[must_use]
    pub fn from_i16(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_i16() == number)
    }
}

crate::parse_by_name!(FailureClass = "class of failure", ReceiptStatus = "receipt status");

/// A failure as a vendor names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What may be done about it.
    pub class: FailureClass,
    /// `<vendor>_<vendor's code>`, for example `twilio_21610`; never free text of the vendor, which may hold PHI.
    pub code: String,
    /// How long the vendor asks to wait.
    pub after: Option<Duration>,
}

impl Failure {
    /// The longest code; what a vendor makes longer is cut.
    pub const MAX_CODE_BYTES: usize = 100;
    /// The longest wait that is believed of a vendor: a slip in a header must not silence a lane for ever.
    pub const MAX_AFTER: Duration = Duration::from_secs(3600);

    /// A failure without a wished wait. Whatever is not visible ASCII in the code becomes `_`: it goes into rows, logs
    /// and metrics.
    pub fn new(class: FailureClass, code: impl Into<String>) -> Self {
        let code = code.into();
        let is_plain = code.len() <= Self::MAX_CODE_BYTES && code.bytes().all(|byte| byte.is_ascii_graphic());
        Self { class, code: if is_plain { code } else { plain(&code) }, after: None }
    }

    /// The same with the vendor's wish to wait, up to [`Self::MAX_AFTER`].
    #[must_use]
    pub fn with_after(mut self, after: Option<Duration>) -> Self {
        self.after = after.map(|after| after.min(Self::MAX_AFTER));
        self
    }
}

fn plain(code: &str) -> String {
    let visible = |one: char| if one.is_ascii_graphic() { one } else { '_' };
    code.chars().map(visible).take(Failure::MAX_CODE_BYTES).collect()
}

/// What came of one call to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The provider took it. A 2xx means no more than that.
    Accepted {
        /// The provider's own ids; several where a text went out in parts.
        provider_refs: Vec<ProviderRef>,
        /// The recipient has it already (in-app); no receipt will follow.
        delivered: bool,
    },
    /// It did not take it, or nobody knows ([`FailureClass::Unknown`]).
    Failed(Failure),
}

/// What a provider says later. Ranks are in `domains/delivery/src/lattice.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ReceiptStatus {
    /// Queued at the provider.
    Accepted = 1,
    /// Handed to the carrier or mail server.
    Sent = 2,
    /// The provider keeps trying.
    Deferred = 3,
    /// At the handset or in the mailbox's server.
    Delivered = 4,
    /// Opened (may be a machine).
    Opened = 5,
    /// A link in it was followed.
    Clicked = 6,
    /// Read.
    Read = 7,
    /// Will not arrive: see the failure.
    Undelivered = 8,
    /// The mailbox refused for good, perhaps after a `delivered`.
    Bounced = 9,
    /// The recipient called it spam.
    Complained = 10,
    /// The recipient wants no more.
    Unsubscribed = 11,
    /// The recipient wants more again.
    Resubscribed = 12,
}

impl ReceiptStatus {
    /// All statuses, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::Accepted,
        Self::Sent,
        Self::Deferred,
        Self::Delivered,
        Self::Opened,
        Self::Clicked,
        Self::Read,
        Self::Undelivered,
        Self::Bounced,
        Self::Complained,
        Self::Unsubscribed,
        Self::Resubscribed,
    ];

    /// The name on the wire and in metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Deferred => "deferred",
            Self::Delivered => "delivered",
            Self::Opened => "opened",
            Self::Clicked => "clicked",
            Self::Read => "read",
            Self::Undelivered => "undelivered",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
            Self::Unsubscribed => "unsubscribed",
            Self::Resubscribed => "resubscribed",
        }
    }

    /// The number in rows.
    #[must_use]
    pub const fn as_i16(self) -> i16 {
        self as i16
    }

    /// The status of a stored number.
    #[must_use]
    pub fn from_i16(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_i16() == number)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn an_attempt_reference_comes_back() {
        let reference =
            AttemptRef { message_id: MessageId::new(Timestamp::UNIX_EPOCH), channel: Channel::InApp, attempt_no: 3 };
        assert_eq!(reference.to_string().parse(), Ok(reference));
        for text in ["", "x.sms.1", "..", "00000000-0000-0000-0000-000000000000.fax.1"] {
            assert_eq!(text.parse::<AttemptRef>(), Err(ParseAttemptRefError), "{text}");
        }
    }

    #[test]
    fn a_code_can_be_stored_whatever_a_vendor_makes_of_it() {
        let code = |text: &str| Failure::new(FailureClass::Permanent, text).code;
        assert_eq!(code("twilio_30006"), "twilio_30006");
        assert_eq!(code("ses_a\0b c\u{fc}"), "ses_a_b_c_");
        assert_eq!(code(&"x".repeat(3_000)).len(), Failure::MAX_CODE_BYTES);
    }

    #[test]
    fn del_7_no_vendor_can_ask_for_silence_without_end() {
        let after = |after| Failure::new(FailureClass::Throttled, "vendor_429").with_after(after).after;
        assert_eq!(after(Some(Duration::from_secs(7))), Some(Duration::from_secs(7)));
        assert_eq!(after(Some(Duration::MAX)), Some(Failure::MAX_AFTER));
        assert_eq!(after(None), None);
    }
}
