//! A policy tried out on messages that have been: what would have become of them under it, held against the policy in force.
//!
//! Both policies are asked the same, by the very rules: about each message at the moment when it was ready to leave, with what
//! is known of its address today. For caps, each policy counts what it would have let go itself.
//!
//! What it cannot know: consent, wishes and suppressions as they were then (today's are taken), pauses, limits and
//! accounts (all open), what was cancelled, and what left by hand or was tried again. Messages are taken in the order in
//! which they came; one that was scheduled counts from its own time. A wait ends for caps when it was to end.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use carepost_consent::rules::goes_by_exemption;
use carepost_consent::types::{AddressKey, ContactFacts, PastSend};
use carepost_kernel::{Channel, MessageId, RecipientId, Verdict};
use carepost_tenancy::TenantHandle;
use url::Url;

use super::foresee::{Around, UNSEEN, facts, foresee};
use super::{Rulebook, Sender, question};
use crate::types::{Delivery, Strategy};

/// The places of the two policies.
const ACTIVE: usize = 0;
const DRAFT: usize = 1;
/// Messages that are shown as examples.
const MOST_EXAMPLES: usize = 20;

/// A message that has been: a delivery for each channel of its plan, as each was before its first call.
#[derive(Debug)]
pub struct PastMessage {
    /// How its channels were used.
    pub strategy: Strategy,
    /// In the order of the plan.
    pub deliveries: Vec<Delivery>,
}

/// What changes for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shift {
    /// It would have left, or waited, and would not leave at all.
    NewlyRefused,
    /// It would have left, or been refused, and would wait.
    NewlyWaiting,
    /// It would have waited, or been refused, and would leave at once.
    NewlyFree,
    /// It would leave, or wait, on another channel.
    OtherChannel,
}

impl Shift {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::NewlyRefused, Self::NewlyWaiting, Self::NewlyFree, Self::OtherChannel];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NewlyRefused => "newly_refused",
            Self::NewlyWaiting => "newly_waiting",
            Self::NewlyFree => "newly_free",
            Self::OtherChannel => "other_channel",
        }
    }
}

/// Which rule is behind a shift: its name, on which channel, and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Objection {
    /// The rule's name, as in [`carepost_kernel::Verdicts::by_rule`].
    pub rule: &'static str,
    /// On which channel.
    pub channel: Channel,
    /// What it says.
    pub code: &'static str,
}

/// A message for which something changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// Which.
    pub message_id: MessageId,
    /// What changes.
    pub shift: Shift,
    /// Which rule is behind it.
    pub behind: Option<Objection>,
}

/// What a trial has come to so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    /// Messages that were asked about; one whose channels were used all at once counts once for each.
    pub asked: u64,
    /// Nothing changes.
    pub same: u64,
    /// What changes, and how often.
    pub shifts: BTreeMap<Shift, u64>,
    /// The same by the rule that is behind it: of the draft where it is stricter, of the policy in force where that was.
    pub by_rule: BTreeMap<(Objection, Shift), u64>,
    /// Some of the messages, the first of each page.
    pub examples: Vec<Example>,
}

/// Whose messages are asked about.
#[derive(Debug, Clone)]
pub struct Whose {
    /// The tenant.
    pub tenant: Arc<TenantHandle>,
    /// Our address as the world sees it.
    pub public_url: Arc<Url>,
}

/// A trial of a draft, page by page.
#[derive(Debug)]
pub struct DryRun {
    whose: Whose,
    /// The policy in force, and the draft.
    rulebooks: [Arc<Rulebook>; 2],
    /// What each of them would have let go by now.
    sends: HashMap<AddressKey, [Vec<PastSend>; 2]>,
    /// The same by whoever reads there: it counts at the other addresses of each of them that are theirs alone.
    sends_to: HashMap<RecipientId, [Vec<(AddressKey, PastSend)>; 2]>,
    /// When the first message came: what left before counts for both.
    begins_at: Timestamp,
    findings: Findings,
}

/// What one policy says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outcome {
    fate: Fate,
    channel: Channel,
    /// What stood in the way first.
    behind: Option<Objection>,
}

/// The stricter, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Free,
    Waiting,
    Refused,
}

impl DryRun {
    /// A trial over messages that came from `begins_at` on.
    #[must_use]
    pub fn new(whose: Whose, active: Arc<Rulebook>, draft: Arc<Rulebook>, begins_at: Timestamp) -> Self {
        let rulebooks = [active, draft];
        let findings = Findings::default();
        Self { whose, rulebooks, sends: HashMap::new(), sends_to: HashMap::new(), begins_at, findings }
    }

    /// The first message came later than was thought.
    pub fn begin_at(&mut self, begins_at: Timestamp) {
        self.begins_at = begins_at;
    }

    /// Asks about a page of messages, in the order in which they came, with what is known of their addresses.
    pub fn replay(&mut self, page: &[PastMessage], known: Vec<ContactFacts>) {
        let mut known: HashMap<AddressKey, [ContactFacts; 2]> =
            known.into_iter().map(|facts| (facts.key, self.of_each(facts))).collect();
        for message in page {
            let groups: Box<dyn Iterator<Item = &[Delivery]>> = match message.strategy {
                Strategy::Fallback => Box::new(std::iter::once(message.deliveries.as_slice())),
                Strategy::All => Box::new(message.deliveries.chunks(1)),
            };
            for plan in groups {
                self.ask(plan, &mut known);
            }
        }
        self.sends.extend(known.into_iter().map(|(key, facts)| (key, facts.map(|facts| facts.sends))));
    }

    /// What it has come to.
    #[must_use]
    pub fn findings(self) -> Findings {
        self.findings
    }

    /// The facts of an address as each policy would have them: with the messages that it would have let go.
    fn of_each(&mut self, facts: ContactFacts) -> [ContactFacts; 2] {
        let sends = self.sends.remove(&facts.key).unwrap_or_else(|| {
            let before: Vec<PastSend> = facts.sends.iter().filter(|send| send.at < self.begins_at).copied().collect();
            [before.clone(), before]
        });
        let mut of_each = sends.map(|sends| ContactFacts { sends, ..facts.clone() });
        let to_reader = facts.only_reader().and_then(|reader| self.sends_to.get(&reader));
        for (contact, sends) in of_each.iter_mut().zip(to_reader.into_iter().flatten()) {
            for (key, send) in sends {
                count(contact, *key, *send);
            }
        }
        of_each
    }

    fn ask(&mut self, plan: &[Delivery], known: &mut HashMap<AddressKey, [ContactFacts; 2]>) {
        let Some(first) = plan.first() else { return };
        let outcomes = (self.outcome(plan, ACTIVE, known), self.outcome(plan, DRAFT, known));
        let (Some(active), Some(draft)) = outcomes else { return };
        self.findings.asked += 1;
        let Some((shift, behind)) = shift(active, draft) else {
            self.findings.same += 1;
            return;
        };
        *self.findings.shifts.entry(shift).or_default() += 1;
        if let Some(behind) = behind {
            *self.findings.by_rule.entry((behind, shift)).or_default() += 1;
        }
        if self.findings.examples.len() < MOST_EXAMPLES {
            self.findings.examples.push(Example { message_id: first.key.message_id, shift, behind });
        }
    }

    /// What a policy says of a plan; none: there is nothing to say on any of its channels. What leaves, or will, is counted.
    fn outcome(
        &mut self,
        plan: &[Delivery],
        which: usize,
        known: &mut HashMap<AddressKey, [ContactFacts; 2]>,
    ) -> Option<Outcome> {
        let mut behind = None;
        let mut last = None;
        for delivery in plan {
            let channel = delivery.key.channel;
            let key = AddressKey { channel, address_hash: delivery.recipient_hash };
            let Some(contact) = known.get(&key).map(|each| &each[which]) else { continue };
            let (Whose { tenant, public_url }, rulebook) = (&self.whose, &self.rulebooks[which]);
            let now = delivery.scheduled_at.unwrap_or(delivery.created_at);
            let around = Around { now, is_paused: false, sender: Sender::Ready, contact, rulebook, tenant, public_url };
            let verdicts = foresee(delivery, &around).verdicts;
            let verdict = verdicts.heaviest();
            let objection =
                verdicts.by_rule().into_iter().find(|(_, said)| **said == verdict && verdict != Verdict::Go);
            let objection = objection.map(|(rule, said)| Objection { rule, channel, code: code_of(said) });
            behind = behind.or(objection);
            let (fate, leaves_at) = match verdict {
                Verdict::Go => (Fate::Free, Some(now)),
                Verdict::Wait { until, .. } => (Fate::Waiting, Some(until)),
                Verdict::OtherChannel { .. } | Verdict::Refuse { .. } => (Fate::Refused, None),
            };
            last = Some(Outcome { fate, channel, behind });
            if let Some(at) = leaves_at {
                let send = past_send(delivery, &around, at);
                let readers: Vec<RecipientId> = contact.readers().collect();
                for reader in &readers {
                    let sends = self.sends_to.entry(*reader).or_default();
                    sends[which].push((key, send));
                }
                if readers.is_empty() {
                    known.entry(key).and_modify(|each| count(&mut each[which], key, send));
                }
                for contact in known.values_mut().map(|each| &mut each[which]).filter(|_| !readers.is_empty()) {
                    if contact.key == key || contact.only_reader().is_some_and(|reader| readers.contains(&reader)) {
                        count(contact, key, send);
                    }
                }
            }
            if !matches!(verdict, Verdict::OtherChannel { .. }) {
                break;
            }
        }
        last
    }
}

/// A send for one address counts at this one: once for each message, and in the order of time, as the rule of caps has them.
fn count(contact: &mut ContactFacts, to: AddressKey, send: PastSend) {
    if contact.sends.iter().all(|earlier| earlier.message_id != send.message_id) {
        let place = contact.sends.partition_point(|earlier| earlier.at <= send.at);
        contact.sends.insert(place, PastSend { is_here: to == contact.key, ..send });
    }
}

/// A reason of waiting, or a stable code.
const fn code_of(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Go => "go",
        Verdict::Wait { reason, .. } => reason.as_str(),
        Verdict::OtherChannel { code } | Verdict::Refuse { code } => code,
    }
}

fn past_send(delivery: &Delivery, around: &Around<'_>, at: Timestamp) -> PastSend {
    let facts = facts(around, UNSEEN);
    let question = question(delivery, &facts);
    PastSend {
        message_id: delivery.key.message_id,
        at,
        purpose: question.purpose(),
        is_exempt: goes_by_exemption(&question),
        is_here: true,
    }
}

fn shift(active: Outcome, draft: Outcome) -> Option<(Shift, Option<Objection>)> {
    let stricter = if draft.fate >= active.fate { draft } else { active };
    let shift = match (active.fate, draft.fate) {
        (before, after) if before != after => match after {
            Fate::Free => Shift::NewlyFree,
            Fate::Waiting => Shift::NewlyWaiting,
            Fate::Refused => Shift::NewlyRefused,
        },
        (Fate::Refused, _) => return None,
        _ if active.channel != draft.channel => {
            // Whoever leaves the first channel out has a reason to.
            return Some((Shift::OtherChannel, draft.behind.or(active.behind)));
        }
        _ => return None,
    };
    Some((shift, stricter.behind))
}

#[cfg(test)]
mod tests;
