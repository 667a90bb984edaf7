//! A redrive puts back what failed, and nothing that would tell a recipient twice.

use std::collections::BTreeSet;

use carepost_delivery::store::{FailedDelivery, RedriveFilter, Redriven, list_failed_deliveries, redrive_deliveries};
use carepost_delivery::{DeliveryState, Strategy};
use carepost_kernel::{Channel, MessageId};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::support::{World, noon};

const SMS: Channel = Channel::Sms;
const EMAIL: Channel = Channel::Email;

/// A delivery: its channel, its state, whether it is open.
type Standing = (Channel, DeliveryState, bool);

fn filter() -> RedriveFilter {
    RedriveFilter {
        states: vec![DeliveryState::Failed, DeliveryState::Undelivered, DeliveryState::Bounced],
        channel: None,
        code: None,
        after: MessageId::from_uuid(Uuid::nil()),
        before: MessageId::from_uuid(Uuid::max()),
    }
}

async fn list(world: &World, filter: &RedriveFilter, limit: i64) -> Vec<FailedDelivery> {
    let mut connection = world.engine().await;
    let tx = connection.begin().await.unwrap();
    list_failed_deliveries(&tx, world.tenant_id, filter, limit).await.unwrap()
}

/// A message whose deliveries stand as told.
async fn standing(world: &World, strategy: Strategy, channels: &[Standing]) -> MessageId {
    let plan: Vec<Channel> = channels.iter().map(|one| one.0).collect();
    let message_id = world.message(strategy, &plan).await;
    let sql = "INSERT INTO deliveries (tenant_id, message_id, channel, state, due_at, is_open, is_failed, attempt_no,
                                       failures, priority, recipient_hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 1, 1, 3, '\\x00')
        ON CONFLICT (tenant_id, message_id, channel) DO UPDATE
            SET state = excluded.state, is_open = excluded.is_open, is_failed = excluded.is_failed, attempt_no = 1";
    for (channel, state, is_open) in channels {
        let is_failed = !is_open && state.is_failure() && *state != DeliveryState::Cancelled;
        let (tenant, message) = (world.tenant_id.as_uuid(), message_id.as_uuid());
        let (channel, state) = (channel.as_i16(), state.as_i16());
        world.owner.execute(sql, &[&tenant, &message, &channel, &state, &noon(), is_open, &is_failed]).await.unwrap();
    }
    message_id
}

async fn redriven(world: &World, strategy: Strategy, channels: &[Standing]) -> Vec<Channel> {
    let message_id = standing(world, strategy, channels).await;
    let all = list(world, &filter(), 1_000).await;
    all.iter().filter(|one| one.message_id == message_id).map(|one| one.channel).collect()
}

#[tokio::test]
async fn a_redrive_leaves_messages_alone_that_are_under_way_or_have_arrived() {
    use DeliveryState::{Bounced, Cancelled, Delivered, Failed, Queued, Read, Undelivered};
    use Strategy::{All, Fallback};
    let world = World::new().await;
    let cases: [(Strategy, &[Standing], &[Channel]); 8] = [
        (Fallback, &[(SMS, Failed, false)], &[SMS]),
        (Fallback, &[(SMS, Undelivered, false), (EMAIL, Queued, true)], &[]),
        (Fallback, &[(SMS, Undelivered, false), (EMAIL, Delivered, false)], &[]),
        (Fallback, &[(SMS, Failed, false), (EMAIL, Read, false)], &[]),
        // The first of the plan begins; the other follows where it fails again.
        (Fallback, &[(SMS, Failed, false), (EMAIL, Failed, false)], &[SMS]),
        (Fallback, &[(EMAIL, Bounced, false), (SMS, Failed, false)], &[EMAIL]),
        (Fallback, &[(SMS, Failed, false), (EMAIL, Cancelled, false)], &[SMS]),
        // All at once: each for itself.
        (All, &[(SMS, Failed, false), (EMAIL, Delivered, false)], &[SMS]),
    ];
    for (strategy, channels, wanted) in cases {
        assert_eq!(redriven(&world, strategy, channels).await, wanted, "{channels:?}");
    }
}

#[tokio::test]
async fn a_filter_of_one_channel_finds_it_behind_another_that_failed() {
    let world = World::new().await;
    let failed = DeliveryState::Failed;
    standing(&world, Strategy::Fallback, &[(SMS, failed, false), (EMAIL, failed, false)]).await;
    let only = RedriveFilter { channel: Some(EMAIL), ..filter() };
    assert_eq!(list(&world, &only, 10).await.iter().map(|one| one.channel).collect::<Vec<_>>(), [EMAIL]);
}

#[tokio::test]
async fn pages_of_any_size_lose_nothing_at_their_edges() {
    let world = World::new().await;
    let failed = DeliveryState::Failed;
    let mut wanted = BTreeSet::new();
    for _ in 0..5 {
        let message_id = standing(&world, Strategy::All, &[(SMS, failed, false), (EMAIL, failed, false)]).await;
        wanted.extend([(message_id, SMS), (message_id, EMAIL)]);
    }
    for limit in 1..=4 {
        let mut filter = filter();
        let mut found = BTreeSet::new();
        loop {
            let page = list(&world, &filter, limit).await;
            let Some(last) = page.last() else { break };
            filter.after = last.message_id;
            for one in &page {
                assert!(found.insert((one.message_id, one.channel)), "nothing comes twice");
            }
        }
        assert_eq!(found, wanted, "pages of {limit}");
    }
}

async fn redrive(world: &World, epoch: i64, again: Option<(Timestamp, Timestamp)>) -> Option<Redriven> {
    let mut connection = world.engine().await;
    let held = (world.tenant_id, epoch);
    redrive_deliveries(&mut connection, world.instance, held, &filter(), 10, again).await.unwrap()
}

#[tokio::test]
async fn del_10_a_former_owner_puts_nothing_back_and_a_count_changes_nothing() {
    let world = World::new().await;
    let failed = DeliveryState::Failed;
    let message_id = standing(&world, Strategy::Fallback, &[(SMS, failed, false)]).await;
    let again = Some((noon(), noon() + SignedDuration::from_hours(1)));
    assert_eq!(redrive(&world, world.epoch - 1, again).await, None);
    let counted = Redriven { looked_at: 1, last: Some(message_id), reopened: Vec::new() };
    assert_eq!(redrive(&world, world.epoch, None).await, Some(counted));
    assert_eq!(world.row(world.key(message_id, SMS)).await, Some((1, failed, false)));
}

#[tokio::test]
async fn what_failed_before_a_redrive_follows_again() {
    use crate::support::{new_delivery, outcome};
    use carepost_delivery::ledger::{Decision, LedgerBatch};
    let world = World::new().await;
    let failed = DeliveryState::Failed;
    let message_id = standing(&world, Strategy::Fallback, &[(SMS, failed, false), (EMAIL, failed, false)]).await;
    let again = Some((noon(), noon() + SignedDuration::from_hours(1)));
    let redriven = redrive(&world, world.epoch, again).await.unwrap();
    assert_eq!(redriven.reopened, [(message_id, SMS)]);
    let sms = world.key(message_id, SMS);
    world.commit(LedgerBatch { starts: vec![world.start(sms, 2)], ..LedgerBatch::default() }).await;
    let fallback = Some(new_delivery(EMAIL));
    let report = world.decide(&Decision { fallback, ..outcome(sms, 2, failed, false) }).await;
    assert_eq!(report.effects[0].unwrap().next_attempt_no, Some(1), "it goes on counting its calls");
    assert_eq!(world.row(world.key(message_id, EMAIL)).await, Some((1, DeliveryState::Queued, true)));
}
