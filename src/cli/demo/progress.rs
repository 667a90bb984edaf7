//! Watches the messages over the API and shows how far they are: bars in a terminal, lines elsewhere.

use std::collections::{BTreeMap, HashMap};
use std::io::IsTerminal as _;
use std::time::Duration;

use carepost_kernel::{Channel, MessageId};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Deserialize;

use super::setup::DemoTenant;
use super::traffic::{Sent, SentMessage};
use crate::cli::out;

const LOOK_EVERY: Duration = Duration::from_millis(500);
const CHANNELS: [Channel; 3] = [Channel::Sms, Channel::Email, Channel::InApp];

/// A message as the API shows it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Found {
    id: MessageId,
    pub(super) deliveries: Vec<FoundDelivery>,
}

/// A message on one channel as the API shows it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct FoundDelivery {
    pub(super) channel: Channel,
    pub(super) status: String,
    sent_at: Option<String>,
    finished_at: Option<String>,
}

impl FoundDelivery {
    pub(super) fn has_arrived(&self) -> bool {
        matches!(self.status.as_str(), "delivered" | "opened" | "clicked" | "read")
    }

    fn has_failed(&self) -> bool {
        matches!(self.status.as_str(), "failed" | "expired" | "refused" | "undelivered" | "bounced" | "cancelled")
    }

    fn was_sent(&self) -> bool {
        self.sent_at.is_some() || self.has_arrived()
    }
}

impl Found {
    /// Whether it has come where it was meant to come, or can come no further.
    fn is_settled(&self, message: &SentMessage) -> bool {
        let arrived =
            |channel: &Channel| self.deliveries.iter().any(|one| one.channel == *channel && one.has_arrived());
        let all_ended = self.deliveries.iter().all(|one| one.has_failed() && one.finished_at.is_some());
        if message.planned.arrives_on.is_empty() { all_ended } else { message.planned.arrives_on.iter().all(arrived) }
    }
}

#[derive(Deserialize)]
struct PageOfMessages {
    items: Vec<Found>,
    next: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Counts {
    accepted: u64,
    sent: u64,
    delivered: u64,
    failed: u64,
}

/// The display.
pub(super) struct Progress {
    bars: Option<(MultiProgress, BTreeMap<Channel, ProgressBar>)>,
}

impl Progress {
    pub(super) fn new() -> Self {
        let bars = std::io::stderr().is_terminal().then(|| {
            let all = MultiProgress::new();
            let style = ProgressStyle::with_template("  {prefix:7} [{bar:40}] {msg}")
                .expect("the template above is well-formed")
                .progress_chars("=> ");
            let bar = |channel: Channel| {
                let bar = all.add(ProgressBar::new(0).with_style(style.clone()).with_prefix(channel.as_str()));
                (channel, bar)
            };
            let bars = CHANNELS.map(bar).into();
            (all, bars)
        });
        Self { bars }
    }

    fn show(&self, counts: &BTreeMap<Channel, Counts>) {
        let text = |counts: &Counts| {
            let Counts { accepted, sent, delivered, failed } = counts;
            format!("{accepted} accepted -> {sent} sent -> {delivered} delivered, {failed} failed")
        };
        match &self.bars {
            Some((_, bars)) => {
                for (channel, counts) in counts {
                    let Some(bar) = bars.get(channel) else { continue };
                    bar.set_length(counts.accepted);
                    bar.set_position(counts.delivered + counts.failed);
                    bar.set_message(text(counts));
                }
            }
            None => counts.iter().for_each(|(channel, counts)| {
                out::line(&format!("  {:7} {}", channel.as_str(), text(counts)));
            }),
        }
    }

    pub(super) fn finish(&self) {
        if let Some((_, bars)) = &self.bars {
            bars.values().for_each(ProgressBar::abandon);
        }
    }
}

/// Looks at all messages until each has come where it was meant to come, or patience ends.
pub(super) async fn watch(
    tenants: &[DemoTenant],
    sent: &Sent,
    progress: &Progress,
    patience: Duration,
) -> anyhow::Result<HashMap<MessageId, Found>> {
    let mut last = BTreeMap::new();
    let mut timer = tokio::time::interval(LOOK_EVERY);
    let mut looks_left = patience.as_millis() / LOOK_EVERY.as_millis();
    loop {
        timer.tick().await;
        let found = look(tenants).await?;
        let counts = count(&found);
        if counts != last {
            progress.show(&counts);
            last = counts;
        }
        looks_left -= 1;
        let is_settled =
            |message: &SentMessage| found.get(&message.message_id).is_some_and(|one| one.is_settled(message));
        if sent.messages.iter().all(is_settled) || looks_left == 0 {
            return Ok(found);
        }
    }
}

async fn look(tenants: &[DemoTenant]) -> anyhow::Result<HashMap<MessageId, Found>> {
    let mut all = HashMap::new();
    for tenant in tenants {
        let mut cursor = String::new();
        loop {
            let path = format!("/api/v1/messaging/messages?limit=200{cursor}");
            let page: PageOfMessages = tenant.api.get(&path).await?;
            all.extend(page.items.into_iter().map(|message| (message.id, message)));
            match page.next {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
    }
    Ok(all)
}

fn count(found: &HashMap<MessageId, Found>) -> BTreeMap<Channel, Counts> {
    let mut counts: BTreeMap<Channel, Counts> = CHANNELS.iter().map(|channel| (*channel, Counts::default())).collect();
    for delivery in found.values().flat_map(|message| &message.deliveries) {
        let counts = counts.entry(delivery.channel).or_default();
        counts.accepted += 1;
        counts.sent += u64::from(delivery.was_sent());
        counts.delivered += u64::from(delivery.has_arrived());
        counts.failed += u64::from(delivery.has_failed());
    }
    counts
}
