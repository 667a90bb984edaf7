//! DEL-10 against a real server: owners, take-over and the fence.

use std::time::Duration;

use carepost_kernel::{InstanceId, TenantId};
use carepost_store::lease::fence;
use carepost_store::{Lease, Leases, Placement};
use jiff::{SignedDuration, Timestamp};

use crate::support::{PATIENCE, TestDatabase, count, noon, until};

const CREATE_NOTES: &str = include_str!("sql/create_notes.sql");
const INSERT_WRITE: &str = include_str!("sql/insert_write.sql");
const COUNT_WAITING: &str = include_str!("sql/count_waiting_locks.sql");
const COUNT_LATE: &str = include_str!("sql/count_late_writes.sql");
const TTL: Duration = Duration::from_secs(10);

async fn instance(placement: &Placement) -> Leases {
    Leases::start(placement, InstanceId::new(noon())).await.unwrap()
}

fn after_the_ttl() -> Timestamp {
    noon() + SignedDuration::from_secs(11)
}

fn lease(tenant_id: TenantId, epoch: i64) -> Lease {
    Lease { tenant_id, epoch }
}

/// Writes one row under the fence; says whether it was let through.
async fn write(placement: &Placement, owner: InstanceId, tenant: TenantId, epoch: i64) -> bool {
    let mut connection = placement.engine().await.unwrap();
    let tx = connection.begin().await.unwrap();
    if !fence(&tx, owner, &[(tenant, epoch)]).await.unwrap().is_empty() {
        return false;
    }
    tx.execute(INSERT_WRITE, &[&tenant.as_uuid(), &epoch]).await.unwrap();
    tx.commit().await.unwrap();
    true
}

#[tokio::test]
async fn del_10_a_tenant_has_one_owner_until_it_is_released() {
    let placement = TestDatabase::create().await.placement().await;
    let (first, second) = (instance(&placement).await, instance(&placement).await);
    let (one, two) = (TenantId::new(noon()), TenantId::new(noon()));
    let both = [lease(one, 1), lease(two, 1)];
    assert_eq!(first.claim(&[two, one, one], noon(), TTL).await.unwrap(), both);
    // A second time changes nothing, and nobody else gets them.
    assert_eq!(first.claim(&[one, two], noon(), TTL).await.unwrap(), both);
    assert_eq!(second.claim(&[one, two], noon(), TTL).await.unwrap(), []);
    assert_eq!(first.renew_all(noon(), TTL).await.unwrap(), []);
    first.release(&[one]).await.unwrap();
    assert_eq!(first.list(), [lease(two, 1)]);
    assert_eq!(second.claim(&[one, two], noon(), TTL).await.unwrap(), [lease(one, 2)]);
    assert_eq!(first.renew_all(noon(), TTL).await.unwrap(), []);
    assert_eq!((first.epoch(one), second.epoch(one)), (None, Some(2)));
    first.release_all().await.unwrap();
    assert_eq!(second.claim(&[two], noon(), TTL).await.unwrap(), [lease(two, 2)]);
}

#[tokio::test]
async fn del_10_a_lease_that_ran_out_can_be_taken_and_its_owner_is_told() {
    let placement = TestDatabase::create().await.placement().await;
    let (first, second) = (instance(&placement).await, instance(&placement).await);
    let (taken, kept) = (TenantId::new(noon()), TenantId::new(noon()));
    first.claim(&[taken, kept], noon(), TTL).await.unwrap();
    assert_eq!(second.claim(&[taken], after_the_ttl(), TTL).await.unwrap(), [lease(taken, 2)]);
    assert_eq!(first.renew_all(after_the_ttl(), TTL).await.unwrap(), [taken]);
    assert_eq!(first.list(), [lease(kept, 1)]);
    // Told once.
    assert_eq!(first.renew_all(after_the_ttl(), TTL).await.unwrap(), []);
}

#[tokio::test]
async fn del_10_a_dead_owner_is_replaced_before_its_lease_runs_out() {
    let placement = TestDatabase::create().await.placement().await;
    let (dying, heir) = (instance(&placement).await, instance(&placement).await);
    let tenant = TenantId::new(noon());
    dying.claim(&[tenant], noon(), Duration::from_secs(3600)).await.unwrap();
    assert_eq!(heir.claim(&[tenant], noon(), TTL).await.unwrap(), []);
    // No release: the connection goes as it goes when the process is killed.
    drop(dying);
    until("the tenant is taken over", || async {
        heir.claim(&[tenant], noon(), TTL).await.unwrap() == [lease(tenant, 2)]
    })
    .await;
}

#[tokio::test]
async fn del_10_the_fence_refuses_a_former_owner_an_old_epoch_and_a_stranger() {
    let database = TestDatabase::create().await;
    let placement = database.placement().await;
    database.owner.batch_execute(CREATE_NOTES).await.unwrap();
    let (first, second) = (instance(&placement).await, instance(&placement).await);
    let tenant = TenantId::new(noon());
    first.claim(&[tenant], noon(), TTL).await.unwrap();
    assert!(write(&placement, first.instance(), tenant, 1).await);
    second.claim(&[tenant], after_the_ttl(), TTL).await.unwrap();
    assert!(!write(&placement, first.instance(), tenant, 1).await);
    assert!(!write(&placement, first.instance(), tenant, 2).await);
    assert!(!write(&placement, second.instance(), tenant, 1).await);
    assert!(write(&placement, second.instance(), tenant, 2).await);
    second.release(&[tenant]).await.unwrap();
    assert!(!write(&placement, second.instance(), tenant, 2).await);
    assert!(!write(&placement, first.instance(), TenantId::new(noon()), 1).await);
}

#[tokio::test]
async fn del_10_a_claim_waits_for_the_batch_that_was_let_through() {
    let database = TestDatabase::create().await;
    let placement = database.placement().await;
    database.owner.batch_execute(CREATE_NOTES).await.unwrap();
    let (first, second) = (instance(&placement).await, instance(&placement).await);
    let tenant = TenantId::new(noon());
    first.claim(&[tenant], noon(), TTL).await.unwrap();

    let mut connection = placement.engine().await.unwrap();
    let batch = connection.begin().await.unwrap();
    assert_eq!(fence(&batch, first.instance(), &[(tenant, 1)]).await.unwrap(), []);
    let claim = tokio::spawn(async move { second.claim(&[tenant], after_the_ttl(), TTL).await.unwrap() });
    until("the claim waits", || async { count(&database.owner, COUNT_WAITING).await == 1 }).await;
    batch.execute(INSERT_WRITE, &[&tenant.as_uuid(), &1_i64]).await.unwrap();
    batch.commit().await.unwrap();
    let claimed = tokio::time::timeout(PATIENCE, claim).await.unwrap().unwrap();
    assert_eq!(claimed, [lease(tenant, 2)]);
    assert!(!write(&placement, first.instance(), tenant, 1).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_10_no_write_of_an_old_tenure_follows_one_of_a_new() {
    let database = TestDatabase::create().await;
    let placement = database.placement().await;
    database.owner.batch_execute(CREATE_NOTES).await.unwrap();
    let tenant = TenantId::new(noon());
    let mut rivals = Vec::new();
    for _ in 0..4 {
        let (placement, leases) = (placement.clone(), instance(&placement).await);
        rivals.push(tokio::spawn(async move {
            let mut written = 0_u32;
            for _ in 0..40 {
                // Every lease has run out at once: each claim is a robbery.
                let claimed = leases.claim(&[tenant], noon(), Duration::ZERO).await.unwrap();
                for lease in claimed {
                    for _ in 0..3 {
                        written += u32::from(write(&placement, leases.instance(), tenant, lease.epoch).await);
                    }
                }
            }
            written
        }));
    }
    let mut written = 0;
    for rival in rivals {
        written += tokio::time::timeout(PATIENCE, rival).await.unwrap().unwrap();
    }
    assert!(written > 0);
    assert_eq!(count(&database.owner, "TABLE care.number_of_writes").await, i64::from(written));
    assert_eq!(count(&database.owner, COUNT_LATE).await, 0);
}
