//! What a changed configuration sets free, a page at a time and beside the ledger.

use carepost_delivery::store::{PutOff, advance_deliveries};
use carepost_delivery::{DeliveryKey, Strategy};
use carepost_kernel::{Channel, WaitReason};
use jiff::{SignedDuration, Timestamp};

use crate::support::{World, noon};

const SMS: Channel = Channel::Sms;

/// A delivery that waits.
async fn waiting(world: &World, reason: WaitReason, due_at: Timestamp) -> DeliveryKey {
    let message_id = world.message(Strategy::Fallback, &[SMS]).await;
    let sql = "UPDATE deliveries SET reason = $2, due_at = $3 WHERE message_id = $1";
    let changed = world.owner.execute(sql, &[&message_id.as_uuid(), &reason.as_i16(), &due_at]).await.unwrap();
    assert_eq!(changed, 1);
    world.key(message_id, SMS)
}

/// How many rows each page has made due, up to the empty one.
async fn advance(world: &World, limit: i64) -> Vec<usize> {
    let mut connection = world.engine().await;
    let mut pages = Vec::new();
    loop {
        let held = (world.tenant_id, world.epoch);
        let page = advance_deliveries(&mut connection, world.instance, held, &PutOff::ByConfiguration, noon(), limit)
            .await
            .unwrap();
        assert!(page.iter().all(|channel| *channel == SMS));
        pages.push(page.len());
        if page.is_empty() {
            return pages;
        }
    }
}

async fn due_at(world: &World, key: DeliveryKey) -> Timestamp {
    let sql = "SELECT due_at FROM deliveries WHERE message_id = $1";
    world.owner.query_one(sql, &[&key.message_id.as_uuid()]).await.unwrap().get(0)
}

#[tokio::test]
async fn what_the_configuration_put_off_is_made_due_page_by_page_and_never_waits_for_a_row() {
    let world = World::new().await;
    let soon = noon() + SignedDuration::from_secs(60);
    let mut put_off = Vec::new();
    for _ in 0..5 {
        put_off.push(waiting(&world, WaitReason::Paused, soon).await);
    }
    let for_its_own_sake = waiting(&world, WaitReason::AwaitingReceipt, soon).await;
    let held = put_off[2];

    // The ledger has one of them in its hands.
    world.owner.batch_execute("BEGIN").await.unwrap();
    let take = "UPDATE deliveries SET attempt_no = attempt_no WHERE message_id = $1";
    assert_eq!(world.owner.execute(take, &[&held.message_id.as_uuid()]).await.unwrap(), 1);
    assert_eq!(advance(&world, 2).await, [2, 2, 0]);
    world.owner.batch_execute("ROLLBACK").await.unwrap();
    for key in &put_off {
        assert_eq!(due_at(&world, *key).await, if *key == held { soon } else { noon() });
    }

    assert_eq!(advance(&world, 2).await, [1, 0]);
    assert_eq!(due_at(&world, held).await, noon());
    assert_eq!(due_at(&world, for_its_own_sake).await, soon);
}

#[tokio::test]
async fn del_10_a_former_owner_makes_nothing_due() {
    let world = World::new().await;
    let soon = noon() + SignedDuration::from_secs(60);
    let key = waiting(&world, WaitReason::Paused, soon).await;
    let mut connection = world.engine().await;
    let held = (world.tenant_id, world.epoch - 1);
    let page =
        advance_deliveries(&mut connection, world.instance, held, &PutOff::ByConfiguration, noon(), 10).await.unwrap();
    assert_eq!((page, due_at(&world, key).await), (Vec::new(), soon));
}
