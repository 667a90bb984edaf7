//! The one registry of the gate's rules and of what they can say.

use carepost_kernel::{Verdict, WaitReason};
use serde::Serialize;

macro_rules! registry {
    ($(#[$meta:meta])* $name:ident { $($(#[$item_meta:meta])* $item:ident = $number:literal $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum $name {
            $($(#[$item_meta])* #[serde(rename = $text)] $item = $number,)+
        }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$item,)+];

            /// The name on the wire and in metric labels.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$item => $text,)+
                }
            }

            /// The number in rows.
            #[must_use]
            pub const fn as_u8(self) -> u8 {
                self as u8
            }

            /// The one of a stored number.
            #[must_use]
            pub const fn from_u8(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$item),)+
                    _ => None,
                }
            }
        }
    };
}

registry! {
    /// A rule of the gate: those of the engine and those of this room.
    Rule {
        /// Cancelled, expired, or past its attempts.
        Life = 1 "life",
        /// The wished time.
        Schedule = 2 "schedule",
        /// Paused by hand.
        Pause = 3 "pause",
        /// Opt-outs, bounces, complaints.
        Suppression = 4 "suppression",
        /// Consent for the purpose.
        Consent = 5 "consent",
        /// Topics and channels that the recipient wants.
        Preference = 6 "preference",
        /// Topics that come gathered.
        Digest = 7 "digest",
        /// Hours of law, state, practice and recipient.
        QuietHours = 8 "quiet_hours",
        /// How much one recipient gets, and how much a tenant sends.
        Caps = 9 "caps",
        /// Health information in a channel that cannot be read securely.
        PhiGuard = 10 "phi_guard",
        /// The message says who speaks.
        Identification = 11 "identification",
        /// The sender is registered.
        Registration = 12 "registration",
        /// The length that the health-care exemption allows.
        Length = 13 "length",
        /// There is an account that can send.
        Sender = 14 "sender",
    }
}

registry! {
    /// What a rule says. Numbers below 64 are waits: those of [`WaitReason`]; 0 is a go.
    GateCode {
        /// No objection.
        Go = 0 "go",
        /// As [`WaitReason::Scheduled`].
        Scheduled = 2 "scheduled",
        /// As [`WaitReason::QuietHours`].
        QuietHours = 3 "quiet_hours",
        /// As [`WaitReason::TenantLimit`].
        TenantLimit = 4 "tenant_limit",
        /// As [`WaitReason::ProviderLimit`].
        ProviderLimit = 5 "provider_limit",
        /// As [`WaitReason::BreakerOpen`].
        BreakerOpen = 6 "breaker_open",
        /// As [`WaitReason::Paused`].
        Paused = 9 "paused",
        /// As [`WaitReason::ProviderConfig`].
        ProviderConfig = 10 "provider_config",
        /// As [`WaitReason::Caps`].
        Caps = 15 "caps",
        /// As [`WaitReason::Digest`].
        Digest = 16 "digest",
        /// Some other wait.
        Wait = 63 "wait",
        /// It had ended before.
        Finished = 64 "finished",
        /// Its time ran out.
        Expired = 65 "expired",
        /// The channel is not built.
        ChannelNotAvailable = 66 "channel_not_available",
        /// STOP, or words that mean it.
        OptedOut = 67 "opted_out",
        /// The mailbox does not exist.
        HardBounce = 68 "hard_bounce",
        /// The reader called it spam.
        Complaint = 69 "complaint",
        /// The provider or carrier blocks the address.
        ProviderBlock = 70 "provider_block",
        /// The mailbox refuses for a while.
        SoftBounce = 71 "soft_bounce",
        /// Taken off by staff.
        SuppressedByStaff = 72 "suppressed_by_staff",
        /// The number is somebody else's.
        WrongNumber = 73 "wrong_number",
        /// There is no consent for this purpose.
        NoConsent = 74 "no_consent",
        /// There is no consent to advertising.
        NoMarketingConsent = 75 "no_marketing_consent",
        /// There was consent, for a time that is over.
        ConsentExpired = 76 "consent_expired",
        /// Consent was taken back.
        ConsentRevoked = 77 "consent_revoked",
        /// The recipient does not want the topic on this channel.
        TopicOff = 78 "topic_off",
        /// There is no moment in a week that all hours allow.
        NoContactHours = 79 "no_contact_hours",
        /// The practice's limit of a day is reached.
        CapPerDay = 80 "cap_per_day",
        /// The practice's limit of a week is reached.
        CapPerWeek = 81 "cap_per_week",
        /// The limit of marketing is reached.
        CapMarketing = 82 "cap_marketing",
        /// The recipient's own limit is reached.
        CapOwnWish = 83 "cap_own_wish",
        /// The limit of the health-care exemption is reached.
        CapExemption = 84 "cap_exemption",
        /// Health information, and the policy blocks it.
        PhiBlocked = 85 "phi_blocked",
        /// It does not say who speaks.
        SenderNotIdentified = 86 "sender_not_identified",
        /// The sender must be registered and is not.
        SenderNotRegistered = 87 "sender_not_registered",
        /// It goes on the health-care exemption and is longer than that allows.
        TooLongForExemption = 88 "too_long_for_exemption",
        /// Some other reason.
        Other = 255 "other",
    }
}

/// What a code does to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It lets it go.
    Go,
    /// It makes it wait.
    Wait,
    /// It closes this channel, or the message as a whole.
    Hold,
}

const FIRST_HOLD: u8 = 64;

impl GateCode {
    /// What it does to a message.
    #[must_use]
    pub const fn effect(self) -> Effect {
        match self.as_u8() {
            0 => Effect::Go,
            1..FIRST_HOLD => Effect::Wait,
            _ => Effect::Hold,
        }
    }

    /// Closes the channel for this reason.
    pub(crate) const fn other_channel(self) -> Verdict {
        Verdict::OtherChannel { code: self.as_str() }
    }

    /// Closes the message for this reason.
    pub(crate) const fn refuse(self) -> Verdict {
        Verdict::Refuse { code: self.as_str() }
    }

    /// What a verdict says.
    #[must_use]
    pub fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Go => Self::Go,
            Verdict::Wait { reason, .. } => Self::of_wait(*reason),
            Verdict::OtherChannel { code } | Verdict::Refuse { code } => {
                Self::ALL.iter().copied().find(|known| known.as_str() == *code).unwrap_or(Self::Other)
            }
        }
    }

    fn of_wait(reason: WaitReason) -> Self {
        let number = u8::try_from(reason.as_i16()).ok().filter(|number| *number < FIRST_HOLD);
        number.and_then(Self::from_u8).unwrap_or(Self::Wait)
    }
}
