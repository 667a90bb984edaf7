//! The model is true: the same batches, put to it and to PostgreSQL, give the same answers and the same rows.

mod batches;
mod leases;
mod postgres;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use carepost_actors::journal::{Journal as _, LeaseBook, Session};
use carepost_delivery::ingest::Ingested;
use carepost_delivery::ledger::{LedgerReport, ReceiptFate};
use carepost_delivery::store::PutOff;
use carepost_delivery::store::{DueChannel, DuePlace};
use carepost_delivery::{DeliveryEvent, DeliveryKey, EventKind, NewMessage};
use carepost_kernel::{Channel, MessageId, Priority, TenantId};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::model::Tables;
use batches::Draw;
use postgres::Database;

const CASES: u64 = 60;

#[test]
fn the_model_and_postgresql_say_the_same_of_any_batches() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let database = Database::new().await;
        let mut seen = BTreeSet::new();
        for seed in 0..CASES {
            let mut case = Case::begin(&database, seed).await;
            case.messages().await;
            for _ in 0..case.draw.chance.random_range(3..9) {
                case.ledger().await;
                case.reads().await;
            }
            case.rows().await;
            seen.append(&mut case.seen);
        }
        let all = [
            "applied",
            "decided alone",
            "duplicate",
            "fallback",
            "may not start",
            "merged",
            "not ours",
            "overtaken",
            "parked",
            "refused",
            "started",
            "state by receipt",
        ];
        assert_eq!(seen, all.into_iter().collect(), "what came to be in these batches");
    });
}

/// One case: two tenants of its own, one of which is somebody else's, in both.
struct Case<'a> {
    seed: u64,
    database: &'a Database,
    session: Box<dyn Session>,
    tables: Tables,
    draw: Draw,
    held: Vec<(TenantId, i64)>,
    now: Timestamp,
    /// What came to be.
    seen: BTreeSet<&'static str>,
}

impl<'a> Case<'a> {
    async fn begin(database: &'a Database, seed: u64) -> Self {
        let now = database.start + SignedDuration::from_secs(i64::try_from(seed).unwrap() * 10);
        let draw = Draw::new(StdRng::seed_from_u64(seed), now);
        let mut tables = Tables::default();
        tables.alive.extend([database.instance, database.other]);
        let (ours, theirs) = (draw.tenants[0], draw.tenants[1]);
        let expires_at = now + SignedDuration::from_secs(60);
        let ttl = std::time::Duration::from_secs(60);
        for (book, owner, tenants) in [
            (&database.others, database.other, vec![theirs]),
            (&database.leases, database.instance, vec![ours, theirs]),
        ] {
            let there = LeaseBook::claim(book, &tenants, now, ttl).await.unwrap();
            assert_eq!(tables.claim(owner, &tenants, now, expires_at), there, "seed {seed}");
        }
        let session = database.placement.connect().await.unwrap();
        Self { seed, database, session, tables, draw, held: vec![(ours, 1), (theirs, 1)], now, seen: BTreeSet::new() }
    }

    async fn messages(&mut self) {
        for _ in 0..2 {
            let messages = self.draw.messages(self.now);
            let fates = self.tables.commit_messages(self.database.instance, &self.held, &messages, self.now);
            let lent: Vec<&NewMessage> = messages.iter().collect();
            let there =
                self.session.commit_messages(self.database.instance, &self.held, &lent, self.now).await.unwrap();
            assert_eq!(fates, there, "seed {}", self.seed);
            let stored = messages.iter().zip(&fates).filter(|(_, fate)| **fate == Ingested::Stored);
            self.draw.stored.extend(stored.map(|(message, _)| (message.tenant_id, message.message_id)));
            self.now += SignedDuration::from_millis(1_500);
        }
    }

    async fn ledger(&mut self) {
        self.now += SignedDuration::from_millis(self.draw.chance.random_range(1..40_000));
        let since = self.now - SignedDuration::from_hours(1);
        let parked = sorted_text(self.tables.list_parked_matches(since, 1_000));
        let theirs = self.session.list_parked_matches(since, 1_000).await.unwrap();
        let of_ours = theirs.into_iter().filter(|one| self.draw.tenants.contains(&one.tenant_id)).collect::<Vec<_>>();
        assert_eq!(parked, sorted_text(of_ours.clone()), "seed {}", self.seed);
        let mut batch = self.draw.batch(self.now, of_ours);
        batch.held.clone_from(&self.held);
        let here = self.tables.commit_ledger(self.database.instance, &batch, self.now);
        let there = self.session.commit_ledger(self.database.instance, &batch, self.now).await.unwrap();
        let (seed, told) = (self.seed, format!("{batch:#?}"));
        self.seen.extend(kinds(&here));
        assert_eq!(plain(here), plain(there), "seed {seed}: {told}");
        if self.draw.chance.random_range(0..4) == 0 {
            let held = self.held[0];
            let address = PutOff::For(self.draw.key().channel, Arc::new(BTreeSet::from([[7; 16]])));
            let put_off = [PutOff::ByConfiguration, PutOff::ByPolicy, address];
            let put_off = &put_off[self.draw.chance.random_range(0..put_off.len())];
            let us = self.database.instance;
            let mut here = self.tables.advance_deliveries(us, held, put_off, self.now, 100);
            let advanced = self.session.advance_deliveries(us, held, put_off, self.now, 100).await;
            let mut there = advanced.unwrap();
            here.sort_unstable();
            there.sort_unstable();
            assert_eq!(here, there, "seed {seed}");
        }
    }

    /// Every question that the actors ask.
    async fn reads(&mut self) {
        let (now, seed) = (self.now, self.seed);
        let due_from = now - SignedDuration::from_millis(self.draw.chance.random_range(0..60_000));
        for tenant_id in self.draw.tenants {
            let asked = [(tenant_id, self.draw.chance.random_range(1..4))];
            let there = self.session.count_waiting(&asked, due_from, now).await.unwrap();
            assert_eq!(self.tables.count_waiting(&asked, due_from, now), there, "seed {seed}");
            for (channel, priority) in [(Channel::Sms, Priority::Normal), (Channel::Email, Priority::Normal)] {
                let of = (tenant_id, channel, priority);
                let here = self.tables.list_due_deliveries(of, now, DuePlace::START, 2);
                let there = self.session.list_due_deliveries(of, now, DuePlace::START, 2).await.unwrap();
                assert_eq!(format!("{here:?}"), format!("{there:?}"), "seed {seed}");
                let after = here.last().map_or(DuePlace::START, carepost_delivery::store::DueRow::place);
                let here = self.tables.list_due_deliveries(of, now, after, 100);
                let there = self.session.list_due_deliveries(of, now, after, 100).await.unwrap();
                assert_eq!(format!("{here:?}"), format!("{there:?}"), "seed {seed}");
            }
        }
        let of_case = |found: Vec<DueChannel>| {
            let mut ours: Vec<_> = found.into_iter().filter(|of| self.draw.tenants.contains(&of.tenant_id)).collect();
            ours.sort_unstable();
            ours
        };
        for due_from in [Timestamp::MIN, due_from] {
            let there = self.session.list_due_channels(due_from, now).await.unwrap();
            assert_eq!(self.tables.list_due_channels(due_from, now), of_case(there), "seed {seed}");
        }
        let key = self.draw.key();
        let (here, there) = (self.tables.get_delivery(key), self.session.get_delivery(key).await.unwrap());
        assert_eq!(format!("{here:?}"), format!("{there:?}"), "seed {seed}");
        assert_eq!(self.tables.get_bad_news(key), self.session.get_bad_news(key).await.unwrap(), "seed {seed}");
        for attempt_no in 1..4 {
            let there = self.session.get_attempt_start(key, attempt_no).await.unwrap();
            assert_eq!(self.tables.get_attempt_start(key, attempt_no), there, "seed {seed}");
        }
    }

    /// All rows of the case's tenants, table by table.
    async fn rows(&self) {
        let mut there = BTreeMap::new();
        for tenant_id in self.draw.tenants {
            self.database.dump(tenant_id, &mut there).await;
        }
        let here = postgres::dump_model(&self.tables);
        for (table, rows) in &here {
            assert_eq!(Some(rows), there.get(table), "seed {}: {table}", self.seed);
        }
    }
}

/// What a report tells of, by name.
fn kinds(report: &LedgerReport) -> Vec<&'static str> {
    let started = report.started.iter().map(|is_started| if *is_started { "started" } else { "may not start" });
    let effects = report.effects.iter().flat_map(|effect| match effect {
        None => vec!["refused"],
        Some(effect) if effect.next_attempt_no.is_some() => vec!["applied", "fallback"],
        Some(effect) if effect.is_applied => vec!["applied", "decided alone"],
        Some(_) => vec!["overtaken"],
    });
    let fates = report.receipts.iter().map(|fate| match fate {
        ReceiptFate::Merged => "merged",
        ReceiptFate::Duplicate => "duplicate",
        ReceiptFate::Parked => "parked",
        ReceiptFate::NotOwner => "not ours",
    });
    let changes = report.changes.iter().map(|_| "state by receipt");
    started.chain(effects).chain(fates).chain(changes).collect()
}

fn sorted_text<T: std::fmt::Debug>(all: Vec<T>) -> Vec<String> {
    let mut texts: Vec<String> = all.iter().map(|one| format!("{one:?}")).collect();
    texts.sort_unstable();
    texts
}

/// The event's id is made by whoever writes it; all others are handed in.
fn is_made_in_passing(event: &DeliveryEvent) -> bool {
    matches!(event.kind, EventKind::ReceiptMerged | EventKind::FellBack)
}

/// A report without what may differ: the order of what has none, and ids that are made in passing. The ids of
/// decisions are handed in, so that they must be the same.
fn plain(mut report: LedgerReport) -> String {
    let anonymous = |event: &DeliveryEvent| {
        let nameless = carepost_kernel::EventId::from_uuid(uuid::Uuid::nil());
        DeliveryEvent { event_id: if is_made_in_passing(event) { nameless } else { event.event_id }, ..event.clone() }
    };
    let by_key = |change: &carepost_delivery::ledger::StateChange| -> DeliveryKey { change.key };
    report.changes.sort_by_key(by_key);
    report.refused.sort_unstable();
    let decided = sorted_text(report.decision_events.iter().map(anonymous).collect());
    let received = sorted_text(report.receipt_events.iter().map(anonymous).collect());
    let (started, effects, receipts) = (&report.started, &report.effects, &report.receipts);
    let (changes, refused) = (&report.changes, &report.refused);
    format!("{started:?}\n{effects:#?}\n{receipts:?}\n{changes:#?}\n{refused:?}\n{decided:#?}\n{received:#?}")
}

/// Messages by tenant.
type Stored = Vec<(TenantId, MessageId)>;
