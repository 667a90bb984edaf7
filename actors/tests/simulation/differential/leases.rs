//! Leases and instances, in the model and in PostgreSQL: owners that live, fall silent, and die with their leases on.

use std::collections::BTreeSet;
use std::time::Duration;

use carepost_kernel::{InstanceId, TenantId};
use carepost_store::{Lease, Leases};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::postgres::Database;
use crate::model::{LeaseRow, Tables};

const STEPS: usize = 600;
const ADDRESS: &str = "http://127.0.0.1:9";
/// Whoever was not seen for longer is not listed.
const SEEN_WITHIN: Duration = Duration::from_hours(1);

#[test]
fn the_model_and_postgresql_say_the_same_of_leases() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let database = Database::new().await;
        let mut life = Life::begin(&database).await;
        for step in 0..STEPS {
            life.now += SignedDuration::from_millis(life.chance.random_range(1..4_000));
            life.step(step).await;
            life.compare(step).await;
        }
        let all = ["claim of a free one", "claim of a living owner's", "claim of a run out one", "claim of the dead's"];
        let all = all.into_iter().chain(["claim of our own", "lost", "never had", "renewed", "silent"]);
        assert_eq!(life.seen, all.collect(), "what came to be");
    });
}

/// Two processes at a time, in both worlds.
struct Life<'a> {
    database: &'a Database,
    books: [Leases; 2],
    tables: Tables,
    tenants: Vec<TenantId>,
    chance: StdRng,
    now: Timestamp,
    /// What came to be.
    seen: BTreeSet<&'static str>,
}

impl<'a> Life<'a> {
    async fn begin(database: &'a Database) -> Self {
        let (now, mut tables) = (database.start, Tables::default());
        let books = [born(database, &mut tables).await, born(database, &mut tables).await];
        let tenants = (0..4).map(|_| TenantId::new(now)).collect();
        Self { database, books, tables, tenants, chance: StdRng::seed_from_u64(7), now, seen: BTreeSet::new() }
    }

    async fn step(&mut self, step: usize) {
        let place = self.chance.random_range(0..self.books.len());
        let us = self.books[place].instance();
        let some: Vec<TenantId> = self.tenants.iter().copied().filter(|_| self.chance.random()).collect();
        let ttl_ms = self.chance.random_range(1_000..15_000_u32);
        let ttl = Duration::from_millis(ttl_ms.into());
        let (now, end) = (self.now, self.now + SignedDuration::from_millis(ttl_ms.into()));
        match self.chance.random_range(0..14) {
            0..5 => {
                self.look(us, &some);
                let mut there = self.books[place].claim(&some, now, ttl).await.unwrap();
                there.sort_unstable();
                assert_eq!(self.tables.claim(us, &some, now, end), there, "step {step}");
            }
            5..8 => {
                let believed = self.books[place].list();
                let mut lost = self.books[place].renew_all(now, ttl).await.unwrap();
                lost.sort_unstable();
                let named: Vec<TenantId> = believed.iter().map(|lease| lease.tenant_id).collect();
                let kept = self.tables.renew(us, &named, end);
                let gone = believed.iter().filter(|lease| !kept.contains(lease));
                let gone: Vec<TenantId> = gone.map(|lease| lease.tenant_id).collect();
                self.seen.extend((!kept.is_empty()).then_some("renewed"));
                self.seen.extend((!gone.is_empty()).then_some("lost"));
                assert_eq!(gone, lost, "step {step}");
                // What is left is what the rows say.
                assert_eq!(self.of(us), self.books[place].list(), "step {step}");
            }
            8 | 9 => {
                self.books[place].release(&some).await.unwrap();
                self.tables.release(us, &some);
            }
            10 | 11 => {
                let is_leaving = self.chance.random();
                self.books[place].announce(ADDRESS, is_leaving).await.unwrap();
                self.tables.announce(us, ADDRESS, is_leaving, now);
            }
            12 => {
                self.database.silence(us).await;
                if let Some(row) = self.tables.instances.get_mut(&us) {
                    row.seen_at = self.database.start - SignedDuration::from_hours(2);
                    self.seen.insert("silent");
                }
            }
            _ => {
                // It dies with its leases on, and another process takes its place.
                let heir = born(self.database, &mut self.tables).await;
                drop(std::mem::replace(&mut self.books[place], heir));
                self.tables.alive.remove(&us);
                self.database.sees_the_death_of(us).await;
            }
        }
    }

    /// What kinds of leases a claim is about to meet.
    fn look(&mut self, us: InstanceId, wanted: &[TenantId]) {
        for tenant_id in wanted {
            let kind = match self.tables.leases.get(tenant_id) {
                None => "never had",
                Some(LeaseRow { owner: None, .. }) => "claim of a free one",
                Some(LeaseRow { owner: Some(owner), .. }) if *owner == us => "claim of our own",
                Some(lease) if lease.expires_at <= self.now => "claim of a run out one",
                Some(LeaseRow { owner: Some(owner), .. }) if self.tables.alive.contains(owner) => {
                    "claim of a living owner's"
                }
                Some(_) => "claim of the dead's",
            };
            self.seen.insert(kind);
        }
    }

    /// A process's rows in the model.
    fn of(&self, instance: InstanceId) -> Vec<Lease> {
        let is_theirs = |(_, row): &(&TenantId, &LeaseRow)| row.owner == Some(instance);
        let lease = |(tenant_id, row): (&TenantId, &LeaseRow)| Lease { tenant_id: *tenant_id, epoch: row.epoch };
        self.tables.leases.iter().filter(is_theirs).map(lease).collect()
    }

    async fn compare(&self, step: usize) {
        let seen_after = self.database.start - SignedDuration::try_from(SEEN_WITHIN).unwrap();
        for book in &self.books {
            // PostgreSQL judges by its own clock who was seen of late: all but those who were silenced.
            let there = book.list_peers(SEEN_WITHIN).await.unwrap();
            assert_eq!(self.tables.list_peers(seen_after), there, "step {step}");
            // It may believe in more than there is until it renews, and never in less.
            let believed = book.list();
            assert!(self.of(book.instance()).iter().all(|lease| believed.contains(lease)), "step {step}: {believed:?}");
        }
        for tenant_id in &self.tenants {
            let there = self.books[0].find_owner(*tenant_id, self.now).await.unwrap();
            assert_eq!(self.tables.find_owner(*tenant_id, self.now), there, "step {step}");
        }
        assert_eq!(self.database.leases(&self.tenants).await, self.rows(), "step {step}");
    }

    /// The model's rows, as [`Database::leases`] gives them.
    fn rows(&self) -> Vec<(TenantId, InstanceId, i64, Timestamp)> {
        let nobody = InstanceId::from_uuid(uuid::Uuid::nil());
        let row = |(tenant_id, row): (&TenantId, &LeaseRow)| {
            (*tenant_id, row.owner.unwrap_or(nobody), row.epoch, row.expires_at)
        };
        self.tables.leases.iter().map(row).collect()
    }
}

async fn born(database: &Database, tables: &mut Tables) -> Leases {
    let instance = InstanceId::new(database.start);
    tables.alive.insert(instance);
    Leases::start(&database.placement, instance).await.unwrap()
}
