//! What the gate would say of a message that is not there: by the very rules, and nothing leaves.

use jiff::Timestamp;

use carepost_consent::types::ContactFacts;
use carepost_kernel::{Channel, Verdict, Verdicts, WaitReason};
use carepost_tenancy::TenantHandle;
use url::Url;

use super::dress::{Dressing, Judged, foresee_dressed};
use super::{GateFacts, Rulebook, Sender, ask};
use crate::types::Delivery;

/// What stands around a delivery that is only asked about. A lane's rate and an open breaker are not among it: both are
/// over before anybody could act on them.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// The instant that is asked about.
    pub now: Timestamp,
    /// The tenant, the channel, or all of its accounts are paused by hand.
    pub is_paused: bool,
    /// Whether the channel has an account.
    pub sender: Sender,
    /// What is known of the address.
    pub contact: &'a ContactFacts,
    /// The policy.
    pub rulebook: &'a Rulebook,
    /// The tenant.
    pub tenant: &'a TenantHandle,
    /// Our address as the world sees it.
    pub public_url: &'a Url,
}

/// A text that nobody has seen.
pub(super) const UNSEEN: Judged = Judged { phi: Verdict::Go, done: None, is_identified: None, text_chars: None };

/// What the rules would say.
#[derive(Debug, Clone)]
pub struct Foreseen {
    /// Each of them.
    pub verdicts: Verdicts,
    /// What one that lets pass would do: its name, and a code.
    pub note: Option<(&'static str, &'static str)>,
}

/// Asks every rule about a delivery. Where its message has no content for the channel, the rules about texts let it pass.
#[must_use]
pub fn foresee(delivery: &Delivery, around: &Around<'_>) -> Foreseen {
    let Around { rulebook, tenant, contact, public_url, now, .. } = *around;
    let judged = foresee_dressed(delivery, Dressing { rulebook, tenant, contact, public_url, now });
    let facts = facts(around, judged.unwrap_or(UNSEEN));
    Foreseen { verdicts: ask(delivery, &facts), note: facts.judged.note() }
}

pub(super) const fn facts<'a>(around: &Around<'a>, judged: Judged) -> GateFacts<'a> {
    GateFacts {
        now: around.now,
        is_paused: around.is_paused,
        tenant_limit_until: None,
        sender: around.sender,
        // What is paused by hand has no end that anybody knows: it is asked about again at once.
        pause_recheck: around.now,
        contact: around.contact,
        rulebook: around.rulebook,
        judged,
    }
}

/// Which way a message would take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// It leaves at once.
    Go {
        /// On this channel.
        channel: Channel,
    },
    /// It waits.
    Wait {
        /// For this channel.
        channel: Channel,
        /// Until when.
        until: Timestamp,
        /// Why.
        reason: WaitReason,
    },
    /// It does not leave at all.
    Refused {
        /// The last channel that was asked about.
        channel: Channel,
        /// What that one's verdict was.
        code: &'static str,
    },
}

/// The way through a plan whose channels are used one after the other; none: the plan is empty.
#[must_use]
pub fn way(plan: impl IntoIterator<Item = (Channel, Verdict)>) -> Option<Way> {
    let mut last = None;
    for (channel, verdict) in plan {
        match verdict {
            Verdict::Go => return Some(Way::Go { channel }),
            Verdict::Wait { until, reason } => return Some(Way::Wait { channel, until, reason }),
            Verdict::Refuse { code } => return Some(Way::Refused { channel, code }),
            Verdict::OtherChannel { code } => last = Some(Way::Refused { channel, code }),
        }
    }
    last
}

/// The best of the ways of a plan whose channels are used all at once: whatever leaves, else what leaves first.
#[must_use]
pub fn way_of_all(plan: impl IntoIterator<Item = (Channel, Verdict)>) -> Option<Way> {
    let ways = plan.into_iter().filter_map(|one| way([one]));
    ways.min_by_key(|way| match way {
        Way::Go { .. } => (0, Timestamp::MIN),
        Way::Wait { until, .. } => (1, *until),
        Way::Refused { .. } => (2, Timestamp::MIN),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hub_003_the_first_channel_that_is_open_is_taken() {
        use Channel::{Email, InApp, Sms};
        let until = Timestamp::UNIX_EPOCH;
        let wait = Verdict::Wait { until, reason: WaitReason::QuietHours };
        let other = || Verdict::OtherChannel { code: "opted_out" };
        let refuse = || Verdict::Refuse { code: "expired" };
        let cases = [
            (vec![], None),
            (vec![(Sms, Verdict::Go), (Email, other())], Some(Way::Go { channel: Sms })),
            (vec![(Sms, other()), (Email, Verdict::Go)], Some(Way::Go { channel: Email })),
            // A wait is not passed by: the channel is open, only not now.
            (
                vec![(Sms, wait), (Email, Verdict::Go)],
                Some(Way::Wait { channel: Sms, until, reason: WaitReason::QuietHours }),
            ),
            (vec![(Sms, refuse()), (Email, Verdict::Go)], Some(Way::Refused { channel: Sms, code: "expired" })),
            (vec![(Sms, other()), (InApp, other())], Some(Way::Refused { channel: InApp, code: "opted_out" })),
        ];
        for (plan, expected) in cases {
            assert_eq!(way(plan.clone()), expected, "{plan:?}");
        }
    }
}
