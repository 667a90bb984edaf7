//! Leases and instances, in the model and in PostgreSQL.

use std::time::Duration;

use carepost_kernel::{InstanceId, TenantId};
use carepost_store::Leases;
use jiff::SignedDuration;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::postgres::Database;
use crate::model::Tables;

const STEPS: usize = 400;

#[test]
fn the_model_and_postgresql_say_the_same_of_leases() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let database = Database::new().await;
        let (mut tables, mut chance) = (Tables::default(), StdRng::seed_from_u64(7));
        tables.alive.extend([database.instance, database.other]);
        let tenants: Vec<TenantId> = (0..4).map(|_| TenantId::new(database.start)).collect();
        let mut now = database.start;
        for step in 0..STEPS {
            now += SignedDuration::from_millis(chance.random_range(1..4_000));
            let (us, book): (InstanceId, &Leases) = match chance.random() {
                true => (database.instance, &database.leases),
                false => (database.other, &database.others),
            };
            let some: Vec<TenantId> = tenants.iter().copied().filter(|_| chance.random()).collect();
            let ttl_ms = chance.random_range(1_000..15_000_u32);
            let (ttl, end) = (Duration::from_millis(ttl_ms.into()), now + SignedDuration::from_millis(ttl_ms.into()));
            match chance.random_range(0..5) {
                0 | 1 => {
                    let mut there = book.claim(&some, now, ttl).await.unwrap();
                    there.sort_unstable();
                    assert_eq!(tables.claim(us, &some, now, end), there, "step {step}");
                }
                2 => {
                    let believed: Vec<TenantId> = book.list().iter().map(|lease| lease.tenant_id).collect();
                    let lost = book.renew_all(now, ttl).await.unwrap();
                    let kept = tables.renew(us, &believed, end);
                    assert_eq!(believed.len() - lost.len(), kept.len(), "step {step}");
                }
                3 => {
                    book.release(&some).await.unwrap();
                    tables.release(us, &some);
                }
                _ => {
                    let is_leaving = chance.random();
                    book.announce("http://127.0.0.1:9", is_leaving).await.unwrap();
                    tables.announce(us, "http://127.0.0.1:9", is_leaving, now);
                }
            }
            // PostgreSQL judges by its own clock who was seen of late: here everybody was.
            let there = book.list_peers(Duration::from_hours(1)).await.unwrap();
            assert_eq!(tables.list_peers(database.start - SignedDuration::from_hours(1)), there, "step {step}");
            for tenant_id in &tenants {
                let there = book.find_owner(*tenant_id, now).await.unwrap();
                assert_eq!(tables.find_owner(*tenant_id, now), there, "step {step}");
            }
        }
    });
}
