//! The one registry of what this room's rules say where they hold a message: names that stand in rows, answers and metrics.

use carepost_kernel::Verdict;
use serde::Serialize;

macro_rules! registry {
    ($(#[$meta:meta])* $name:ident { $($(#[$item_meta:meta])* $item:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum $name {
            $($(#[$item_meta])* #[serde(rename = $text)] $item,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$item,)+];

            /// The name in rows, on the wire and in metric labels. Names stand in rows for ever: they are only ever added to.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$item => $text,)+
                }
            }
        }
    };
}

registry! {
    /// Why a rule of this room holds a message. Waits have the names of [`WaitReason`](carepost_kernel::WaitReason).
    GateCode {
        /// STOP, or words that mean it.
        OptedOut = "opted_out",
        /// The mailbox does not exist.
        HardBounce = "hard_bounce",
        /// The reader called it spam.
        Complaint = "complaint",
        /// The provider or carrier blocks the address.
        ProviderBlock = "provider_block",
        /// The mailbox refuses for a while.
        SoftBounce = "soft_bounce",
        /// Taken off by staff.
        SuppressedByStaff = "suppressed_by_staff",
        /// The number is somebody else's.
        WrongNumber = "wrong_number",
        /// There is no consent for this purpose.
        NoConsent = "no_consent",
        /// There is no consent to advertising.
        NoMarketingConsent = "no_marketing_consent",
        /// There was consent, for a time that is over.
        ConsentExpired = "consent_expired",
        /// Consent was taken back.
        ConsentRevoked = "consent_revoked",
        /// It is about the ward of a reader whose link has ended or does not reach so far.
        GuardianOutOfScope = "guardian_out_of_scope",
        /// The recipient does not want the topic on this channel.
        TopicOff = "topic_off",
        /// There is no moment in a week that all hours allow.
        NoContactHours = "no_contact_hours",
        /// The practice's limit of a day is reached.
        CapPerDay = "cap_per_day",
        /// The practice's limit of a week is reached.
        CapPerWeek = "cap_per_week",
        /// The limit of marketing is reached.
        CapMarketing = "cap_marketing",
        /// The recipient's own limit is reached.
        CapOwnWish = "cap_own_wish",
        /// The limit of the health-care exemption is reached.
        CapExemption = "cap_exemption",
        /// It does not say who speaks.
        SenderNotIdentified = "sender_not_identified",
        /// The sender must be registered and is not.
        SenderNotRegistered = "sender_not_registered",
        /// It goes on the health-care exemption and is longer than that allows.
        TooLongForExemption = "too_long_for_exemption",
    }
}

impl GateCode {
    /// Closes the channel for this reason.
    pub(super) const fn other_channel(self) -> Verdict {
        Verdict::OtherChannel { code: self.as_str() }
    }

    /// Closes the message for this reason.
    pub(super) const fn refuse(self) -> Verdict {
        Verdict::Refuse { code: self.as_str() }
    }
}
