//! One step's traffic from its first request to the proof: tenants and a provider of its own, callers, receipts.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use carepost_kernel::{AttemptRef, Channel, Clock};
use carepost_providers::simulator::Profile;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::callers::{Callers, Seen};
use super::courier::Courier;
use super::ledger::{Books, Fault, Findings, audit};
use super::plan::{Dice, Step};
use super::rows;
use super::stand::Stand;
use super::{Outcome, evidence};
use crate::admin::Tenant;
use crate::cli::ChaosArgs;
use crate::number::instant;
use crate::sink::{Pace, Sink};
use crate::traffic::Heads;

/// How long the provider takes: long enough that a kill meets calls under way.
const LATENCY: Duration = Duration::from_millis(50);
/// Up to this much more.
const JITTER: Duration = Duration::from_millis(150);
/// A call that hangs is given up soon.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(100);
/// Two looks that find nothing to do, this far apart, are the end.
const QUIET: Duration = Duration::from_millis(500);
/// Entries of the history that are this old are all there.
const HISTORY_WINDOW: SignedDuration = SignedDuration::from_secs(20);
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);
const RECOVERY_PATIENCE: Duration = Duration::from_secs(90);

/// How soon an engine was itself again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recovery {
    pub(crate) to_promise: Duration,
    pub(crate) to_ownership: Duration,
}

/// A step at work.
pub(crate) struct Scene {
    step: Step,
    tenants: Vec<Tenant>,
    sink: Arc<Sink>,
    callers: Callers,
    courier: Courier,
    /// Digests of entries of the history as they were seen first.
    witnessed: HashMap<Uuid, i64>,
    drain: Duration,
    /// By the right clock.
    opened_at: Timestamp,
}

/// The usual provider.
pub(crate) fn healthy() -> Profile {
    let receipts = carepost_providers::simulator::ReceiptProfile { silent: true, ..Default::default() };
    Profile { latency: LATENCY, jitter: JITTER, receipts, ..Profile::default() }
}

/// Fast retries, no limits; each purpose has another policy for unknown outcomes.
fn settings() -> Value {
    json!({
        "admission": {"per_second": 100_000, "burst": 100_000},
        "max_waiting": 10_000_000,
        "retry": {"initial_ms": 100, "cap_ms": 1_000, "max_failures": 100},
        "unknown": {
            "emergency": "resend_may_duplicate",
            "transactional": "hold",
            "treatment": "look_up_then_hold",
            "financial": "give_up",
            "hold_minutes": 1_440,
        },
    })
}

impl Scene {
    /// Makes tenants, and begins.
    pub(crate) async fn open(
        stand: &Stand,
        step: Step,
        seed: u64,
        args: &ChaosArgs,
        more: &[SocketAddr],
    ) -> anyhow::Result<Self> {
        let pace = Pace { is_silent: true, timeout: CALL_TIMEOUT, ..Pace::default() };
        let mut sink = Sink::start(&[Channel::Sms], pace).await?;
        let (admin, address) = (stand.admin(), stand.launch.address());
        let unique = Uuid::new_v4().simple().to_string();
        let mut tenants = Vec::new();
        for i in 0..args.tenants {
            let tenant = admin.create_tenant(&format!("chaos-{}-{i}", &unique[..12]), &settings()).await?;
            sink.connect(&admin, tenant.id, &[Channel::Sms], pace).await?;
            tenants.push(tenant);
        }
        sink.behave(healthy());
        let sink = Arc::new(sink);
        let heads = Heads::new(&address.to_string(), tenants.iter().map(|tenant| tenant.api_key.as_str()));
        let addresses: Vec<SocketAddr> = std::iter::once(address).chain(more.iter().copied()).collect();
        let traffic = step.dice(seed).of(0).seed();
        let courier = Courier::start(Arc::clone(&sink), address, step, seed);
        let callers = Callers::start(addresses, heads, traffic, args.rate);
        let (drain, opened_at) = (Duration::from_secs(args.drain_s), Clock::system().now());
        Ok(Self { step, tenants, sink, callers, courier, witnessed: HashMap::new(), drain, opened_at })
    }

    fn ids(&self) -> Vec<Uuid> {
        self.tenants.iter().map(|tenant| tenant.id).collect()
    }

    pub(crate) fn provider(&self) -> &Sink {
        &self.sink
    }

    /// Lets the traffic run for a drawn while.
    pub(crate) async fn run_for(&self, dice: &mut Dice, least_ms: u64, end_ms: u64) {
        tokio::time::sleep(dice.millis(least_ms, end_ms)).await;
    }

    /// Who works for the tenants at present.
    pub(crate) async fn owners(&self, stand: &Stand) -> anyhow::Result<Vec<Uuid>> {
        rows::owners(&stand.database().await?, &self.ids()).await
    }

    /// Waits for a promise that comes after `since`, and for all tenants to be owned by others than `former`.
    pub(crate) async fn recovery(&self, stand: &Stand, since: Instant, former: &[Uuid]) -> anyhow::Result<Recovery> {
        let owned = async {
            loop {
                // PostgreSQL may not answer yet.
                let owners = self.owners(stand).await.unwrap_or_default();
                if owners.iter().filter(|owner| !former.contains(owner)).count() == self.tenants.len() {
                    return since.elapsed();
                }
                tokio::time::sleep(POLL / 5).await;
            }
        };
        let both = async { tokio::join!(self.callers.promise_after(since), owned) };
        let (to_promise, to_ownership) =
            tokio::time::timeout(RECOVERY_PATIENCE, both).await.context("wait for the engine to recover")?;
        Ok(Recovery { to_promise, to_ownership })
    }

    /// Waits until requests are promised again.
    pub(crate) async fn promise_after(&self, since: Instant) -> anyhow::Result<Duration> {
        let promised = tokio::time::timeout(RECOVERY_PATIENCE, self.callers.promise_after(since)).await;
        promised.context("wait for the first promise after the fault")
    }

    /// How long ago the last promise came.
    pub(crate) fn silence(&self) -> Duration {
        self.callers.silence()
    }

    /// Remembers what the history says now: it may only grow.
    pub(crate) async fn witness(&mut self, stand: &Stand) -> anyhow::Result<()> {
        let since = Clock::system().now().saturating_sub(HISTORY_WINDOW).unwrap_or(Timestamp::MIN);
        let seen = rows::recent(&stand.database().await?, &self.ids(), since).await?;
        for (event_id, digest) in seen {
            self.witnessed.entry(event_id).or_insert(digest);
        }
        Ok(())
    }

    /// Ends the traffic, waits until nothing is left to do, and holds everything against each other.
    pub(crate) async fn close(mut self, stand: &Stand) -> anyhow::Result<Outcome> {
        self.witness(stand).await?;
        let tenants = self.ids();
        let seen = self.callers.stop(ANSWER_PATIENCE).await;
        let database = stand.database().await?;
        let (began, mut quiet_since) = (instant(), None::<Instant>);
        while began.elapsed() < self.drain {
            let is_quiet = rows::unsettled(&database, &tenants).await? == 0 && self.courier.outstanding() == 0;
            match quiet_since {
                _ if !is_quiet => quiet_since = None,
                None => quiet_since = Some(instant()),
                Some(since) if since.elapsed() > QUIET => break,
                Some(_) => {}
            }
            tokio::time::sleep(POLL).await;
        }
        let (told, unheard) = self.courier.stop().await;
        let entries = rows::history(&database, &tenants).await?;
        let books = Books {
            acks: &seen.acks,
            unanswered: &seen.unanswered,
            stored: &database.messages(&tenants).await?,
            ends: &rows::ends(&database, &tenants).await?,
            entries: &entries,
            told: &told,
            // Engines and provider go by the same one.
            is_one_clock: self.step != Step::ClockJump,
        };
        let (mut findings, counts) = audit(&books);
        note_rest(&mut findings, &seen, &unheard, &self.witnessed, &entries);
        let took_place = evidence::count(self.step, &counts, &entries, [self.opened_at, Clock::system().now()]);
        let (step, drained, endings) = (self.step, began.elapsed(), seen.endings);
        Ok(Outcome { step, findings, counts, drained, endings, took_place, must_take_place: 1 })
    }
}

fn note_rest(
    findings: &mut Findings,
    seen: &Seen,
    unheard: &HashMap<AttemptRef, usize>,
    witnessed: &HashMap<Uuid, i64>,
    entries: &[rows::Entry],
) {
    for (key, ending) in &seen.refused {
        findings.add(Fault::Refused, format!("key {key}: {ending}"));
    }
    for (attempt, count) in unheard {
        for _ in 0..*count {
            findings.add(Fault::Unheard, format!("of {} attempt {}", attempt.message_id, attempt.attempt_no));
        }
    }
    let present: HashMap<Uuid, i64> = entries.iter().map(|entry| (entry.event_id, entry.digest)).collect();
    for (event_id, digest) in witnessed {
        if present.get(event_id) != Some(digest) {
            findings.add(Fault::Rewritten, format!("entry {event_id}"));
        }
    }
}
