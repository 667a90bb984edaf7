//! Whole lives on a running server: a provider, tenants with accounts at it, and everything that was promised them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use carepost_kernel::{Channel, Clock};
use jiff::Timestamp;
use uuid::Uuid;

use super::{check, create_tenants, drive, ids};
use crate::admin::Tenant;
use crate::database::{Database, Effort};
use crate::load::{Counters, Extras, Gate, Shape};
use crate::number::instant;
use crate::order::out_of_order;
use crate::payloads::{Mix, Payloads};
use crate::progress;
use crate::report::{Latency, Life};
use crate::sink::{Pace, Seen, Sink};
use crate::tally::{Ack, Tally, histogram, note};
use crate::target::Target;
use crate::traffic::{Heads, Singles};
use crate::verdict::{Verdict, judge};

const POLL: Duration = Duration::from_secs(1);
/// PostgreSQL's sessions hand in their statistics about once a second.
const STATISTICS_LAG: Duration = Duration::from_millis(2_500);
/// Keys of one drive; the next one has others.
const KEYS: u64 = 1 << 32;

/// A provider, tenants, and the book of all drives.
pub(super) struct Stage<'a> {
    pub(super) target: &'a Target,
    pub(super) database: &'a Database,
    pub(super) sink: Sink,
    pub(super) tenants: Vec<Tenant>,
    payloads: Payloads,
    channels: Vec<Channel>,
    sees_all: bool,
    first_key: u64,
    /// Promises and unknown ends of all drives; nothing else of it is kept.
    whole: Tally,
}

/// What only some drives have.
#[derive(Default)]
pub(super) struct Flow {
    /// Flat out: so many may be promised and not sent yet.
    pub(super) window: u64,
    /// Flat out: ends after so many.
    pub(super) limit: Option<u64>,
    /// To look at from outside.
    pub(super) counters: Arc<Counters>,
}

/// One drive: what its callers saw, and what had been when it began.
pub(super) struct Drive {
    pub(super) tally: Tally,
    since: Timestamp,
    before: Effort,
}

impl<'a> Stage<'a> {
    pub(super) async fn open(target: &'a Target, mix: &Mix, tenants: u16, pace: Pace) -> anyhow::Result<Self> {
        let database = target.database.as_ref();
        let database = database.context("a whole life is followed in the database: name --database-url")?;
        let channels = mix.channels();
        let sink = Sink::start(&channels, pace).await?;
        let sees_all = sink.sees_all(&channels);
        let payloads = Payloads::new(mix)?;
        let (first_key, whole) = (0, Tally::default());
        let mut stage =
            Self { target, database, sink, tenants: Vec::new(), payloads, channels, sees_all, first_key, whole };
        stage.tenants = stage.create_tenants(tenants, pace).await?;
        Ok(stage)
    }

    /// Tenants at the same provider, besides those that are driven.
    pub(super) async fn create_tenants(&mut self, count: u16, pace: Pace) -> anyhow::Result<Vec<Tenant>> {
        let tenants = create_tenants(self.target, count, false).await?;
        for tenant in &tenants {
            self.sink.connect(&self.target.admin, tenant.id, &self.channels, pace).await?;
        }
        Ok(tenants)
    }

    pub(super) fn heads(&self, tenants: &[Tenant]) -> Heads {
        Heads::new(&self.target.address.to_string(), tenants.iter().map(|tenant| tenant.api_key.as_str()))
    }

    /// From now on messages go to so many recipients only.
    pub(super) fn reach(&mut self, recipients: u64) {
        self.payloads = self.payloads.clone().for_recipients(recipients);
    }

    pub(super) fn payloads(&self) -> Payloads {
        self.payloads.clone()
    }

    /// Keys that no other load of this stage has.
    pub(super) fn take_keys(&mut self) -> u64 {
        let first_key = self.first_key;
        self.first_key += KEYS;
        first_key
    }

    /// Single messages for the tenants in turn.
    pub(super) async fn drive(&mut self, title: &str, shape: &Shape, flow: Flow) -> anyhow::Result<Drive> {
        let (heads, payloads) = (self.heads(&self.tenants), self.payloads());
        let traffic = Arc::new(Singles { heads, payloads, replay: 0.0, first_key: self.take_keys() });
        let (accepted, sees_all) = (self.sink.counter(), self.sees_all);
        let earlier = accepted();
        let gate: Gate = Box::new(move |acked| !sees_all || acked + earlier < accepted() + flow.window);
        tokio::time::sleep(STATISTICS_LAG).await;
        let before = self.database.effort().await?;
        let since = Clock::system().now();
        let extras = Extras { gate: Some(gate), limit: flow.limit, counters: flow.counters, is_punctual: false };
        let load = drive(title, self.target, shape, traffic, extras);
        tokio::pin!(load);
        let tally = loop {
            tokio::select! {
                tally = &mut load => break tally?,
                () = tokio::time::sleep(POLL) => self.sink.keep_up(),
            }
        };
        self.remember(&tally);
        Ok(Drive { tally, since, before })
    }

    /// Puts another load's promises into the book.
    pub(super) fn remember(&mut self, tally: &Tally) {
        self.whole.acks.extend(&tally.acks);
        self.whole.unknown.extend(&tally.unknown);
    }

    /// Waits until nothing is to be done any more, or patience ends: the verdict says what was left.
    pub(super) async fn drain(&mut self, patience: Duration) -> anyhow::Result<()> {
        let spinner = progress::spinner("waiting for the last messages to end");
        let tenants = ids(&self.tenants);
        let began = instant();
        loop {
            let open = self.database.open(&tenants).await?;
            self.sink.keep_up();
            if open == 0 || began.elapsed() > patience {
                break;
            }
            spinner.set_message(format!("waiting for {open} messages to end"));
            tokio::time::sleep(POLL).await;
        }
        spinner.finish_and_clear();
        Ok(())
    }

    /// What became of a drive's messages, once it was drained.
    pub(super) async fn life(&mut self, drive: &Drive) -> anyhow::Result<Life> {
        tokio::time::sleep(STATISTICS_LAG).await;
        let after = self.database.effort().await?;
        let tenants = ids(&self.tenants);
        let delivered = self.database.delivered(&tenants).await?;
        let span_s = self.database.span_s(&tenants, drive.since).await?;
        let heads = self.heads(&self.tenants);
        let (acks, book) = (&drive.tally.acks, self.sink.book());
        let calls = book.iter().map(|(message_id, seen)| (*message_id, seen.acceptances())).collect();
        let fates = judge(acks, &delivered, &calls, self.sees_all);
        let messages = (fates.delivered as f64).max(1.0);
        Ok(Life {
            fates,
            finished_per_second: if span_s > 0.0 { fates.delivered as f64 / span_s } else { 0.0 },
            to_provider: to_provider(acks, book),
            commits_per_message: (after.commits - drive.before.commits) as f64 / messages,
            wal_bytes_per_message: (after.wal_bytes - drive.before.wal_bytes) as f64 / messages,
            out_of_order: out_of_order(acks, book, |key| (heads.tenant_of(key), self.payloads.recipient(key))),
        })
    }

    /// Holds all drives' promises against the rows of the driven tenants and of `others`.
    pub(super) async fn verdict(&self, others: &[Tenant]) -> anyhow::Result<Verdict> {
        let tenants: Vec<Tenant> = self.tenants.iter().chain(others).cloned().collect();
        check(self.target, &tenants, &self.whole).await
    }

    /// Ends without waiting: there is more to send than anybody has time for.
    pub(super) async fn abandon(self) {
        self.sink.abandon().await;
    }

    /// Waits for the last receipts.
    pub(super) async fn close(self) {
        self.sink.stop().await;
    }
}

/// From the promise's arrival here to the provider's being called, without the warm-up; a call that came first counts
/// as none.
fn to_provider(acks: &[Ack], book: &HashMap<Uuid, Seen>) -> Latency {
    let mut waits = histogram();
    for ack in acks.iter().filter(|ack| ack.is_measured) {
        if let Some(seen) = book.get(&ack.message_id) {
            note(&mut waits, Duration::from_micros(u64::try_from(seen.first_us - ack.at_us).unwrap_or(0)));
        }
    }
    Latency::from(&waits)
}

/// Does `work`, and looks at it now and then.
pub(super) async fn watched<T>(
    work: impl Future<Output = anyhow::Result<T>>,
    every: Duration,
    mut look: impl AsyncFnMut() -> anyhow::Result<()>,
) -> anyhow::Result<T> {
    tokio::pin!(work);
    let mut ticks = tokio::time::interval_at(instant() + every, every);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = ticks.tick() => look().await?,
        }
    }
}
