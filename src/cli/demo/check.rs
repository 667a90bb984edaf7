//! Holds what the API says against what was planned, and against what the simulated vendors were really asked.

use std::collections::{BTreeMap, HashMap};

use carepost_kernel::{Channel, MessageId};
use carepost_providers::Vendor;
use carepost_providers::simulator::{CallOutcome, Simulator};
use serde_json::Value;

use super::practice;
use super::progress::Found;
use super::setup::DemoTenant;
use super::traffic::{Sent, SentMessage};
use super::verdict::Verdict;
use crate::cli::out;

/// How it went.
pub(super) struct Summary {
    /// By story: messages, and those that ended as planned.
    stories: BTreeMap<&'static str, (usize, usize)>,
    /// What the vendors have taken, by vendor.
    taken: Vec<(Vendor, u64)>,
    /// Acknowledged and not to be found.
    lost: usize,
    /// Messages that vendors have taken twice on one channel, or that lie in an inbox twice, and where.
    duplicated: Vec<String>,
    /// The API says delivered and no vendor has taken it.
    unaccounted: usize,
    /// Repeated posts that made a second message.
    doubled_posts: usize,
    /// What the gate has made of the practice's messages.
    verdicts: Vec<Verdict>,
}

impl Summary {
    pub(super) async fn of(
        sent: &Sent,
        found: &HashMap<MessageId, Found>,
        simulator: &Simulator,
        tenants: &[DemoTenant],
        verdicts: Vec<Verdict>,
    ) -> anyhow::Result<Self> {
        let mut stories = BTreeMap::new();
        for message in &sent.messages {
            let (total, good): &mut (usize, usize) = stories.entry(message.planned.story).or_default();
            *total += 1;
            *good += usize::from(found.get(&message.message_id).is_some_and(|found| ended_as_planned(message, found)));
        }
        let accepted = accepted_by_vendors(simulator);
        let inboxes = inboxes(sent, tenants).await?;
        let was_taken = |key: &(MessageId, Channel)| accepted.contains_key(key) || inboxes.contains_key(key);
        let arrived = found.iter().flat_map(|(message_id, found)| {
            let arrived = found.deliveries.iter().filter(|delivery| delivery.has_arrived());
            arrived.map(|delivery| (*message_id, delivery.channel))
        });
        Ok(Self {
            stories,
            taken: Vendor::ALL.iter().map(|vendor| (*vendor, simulator.accepted(*vendor))).collect(),
            lost: sent.messages.iter().filter(|message| !found.contains_key(&message.message_id)).count(),
            duplicated: accepted.iter().chain(&inboxes).filter(|one| is_duplicate(sent, one)).map(in_words).collect(),
            unaccounted: arrived.filter(|key| !was_taken(key)).count(),
            doubled_posts: sent.repeated - sent.same,
            verdicts,
        })
    }

    /// Whether everything that should arrive did, once, and nothing else, and the gate has held what it must.
    pub(super) fn is_good(&self) -> bool {
        let misjudged = self.verdicts.iter().filter(|verdict| !verdict.is_good).count();
        let faults = self.lost + self.duplicated.len() + self.unaccounted + self.doubled_posts + misjudged;
        faults == 0 && self.stories.values().all(|(total, good)| total == good)
    }

    pub(super) fn print(&self) {
        out::line("");
        for (story, (total, good)) in &self.stories {
            let mark = if total == good { "ok " } else { "BAD" };
            out::line(&format!("  {mark} {good:>5} of {total:<5} {story}"));
        }
        out::line("");
        out::line(&format!("  at the gate of {}:", practice::NAME));
        self.verdicts.iter().for_each(Verdict::print);
        out::line("");
        let taken: Vec<String> =
            self.taken.iter().map(|(vendor, count)| format!("{} {count}", vendor.as_str())).collect();
        out::line(&format!("  vendors took: {}", taken.join(", ")));
        out::line(&format!(
            "  lost {}, duplicated {}, delivered but taken by nobody {}, repeated posts with a second message {}",
            self.lost,
            self.duplicated.len(),
            self.unaccounted,
            self.doubled_posts
        ));
        self.duplicated.iter().for_each(|duplicate| out::line(&format!("    twice: {duplicate}")));
        let verdict =
            if self.is_good() { "everything ended as it should" } else { "NOT everything ended as it should" };
        out::line(&format!("  {verdict}"));
    }
}

fn ended_as_planned(message: &SentMessage, found: &Found) -> bool {
    let arrived = found.deliveries.iter().filter(|delivery| delivery.has_arrived());
    arrived.map(|delivery| delivery.channel).collect::<std::collections::BTreeSet<_>>() == message.planned.arrives_on
}

/// Where each message was taken, by channel.
type Places = HashMap<(MessageId, Channel), Vec<String>>;

/// A vendor that reports a message as undelivered has not delivered it: another one may be tried. So only channels on
/// which the message arrives count.
fn is_duplicate(sent: &Sent, ((message_id, channel), places): &(&(MessageId, Channel), &Vec<String>)) -> bool {
    let arrives = |message: &SentMessage| message.planned.arrives_on.contains(channel);
    places.len() > 1 && sent.messages.iter().any(|message| message.message_id == *message_id && arrives(message))
}

fn in_words(((message_id, channel), places): (&(MessageId, Channel), &Vec<String>)) -> String {
    format!("{message_id} on {}: {}", channel.as_str(), places.join(", "))
}

fn accepted_by_vendors(simulator: &Simulator) -> Places {
    let mut accepted = Places::new();
    for vendor in Vendor::ALL {
        for call in simulator.calls(vendor) {
            let was_taken = matches!(call.outcome, CallOutcome::Accepted { .. } | CallOutcome::Dropped { .. });
            if let Some(attempt) = call.attempt.filter(|_| was_taken) {
                let place = format!("{} in attempt {}", vendor.as_str(), attempt.attempt_no);
                accepted.entry((attempt.message_id, attempt.channel)).or_default().push(place);
            }
        }
    }
    accepted
}

/// Where each in-app message lies.
async fn inboxes(sent: &Sent, tenants: &[DemoTenant]) -> anyhow::Result<Places> {
    let mut inboxes = Places::new();
    for message in &sent.messages {
        let Some(recipient) = message.planned.body["to"]["in_app"].as_str() else { continue };
        let inbox: Value = tenants[message.tenant].api.get_inbox(recipient).await?;
        for item in inbox["items"].as_array().into_iter().flatten() {
            if let Some(message_id) = item["id"].as_str().and_then(|id| id.parse().ok()) {
                inboxes.entry((message_id, Channel::InApp)).or_default().push("inbox".to_owned());
            }
        }
    }
    Ok(inboxes)
}
