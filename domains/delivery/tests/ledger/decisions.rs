//! The history tells what came to be: decisions that were overtaken, tried twice, or followed by the next channel.

use carepost_delivery::ledger::{Decision, LedgerBatch};
use carepost_delivery::rules;
use carepost_delivery::store::{get_attempt_start, get_bad_news};
use carepost_delivery::{DeliveryKey, DeliveryState, EventKind, Strategy};
use carepost_kernel::{Channel, EventId, Failure, FailureClass, ProviderRef, ReceiptStatus};
use jiff::SignedDuration;

use crate::support::{World, new_delivery, noon, outcome};

const PLAN: [Channel; 2] = [Channel::Sms, Channel::Email];

/// A message whose first call has started.
async fn sending(world: &World) -> (DeliveryKey, DeliveryKey) {
    let message_id = world.message(Strategy::Fallback, &PLAN).await;
    let (sms, email) = (world.key(message_id, Channel::Sms), world.key(message_id, Channel::Email));
    let report = world.commit(LedgerBatch { starts: vec![world.start(sms, 1)], ..LedgerBatch::default() }).await;
    assert_eq!(report.started, [true]);
    (sms, email)
}

fn failed(sms: DeliveryKey) -> Decision {
    Decision { fallback: Some(new_delivery(Channel::Email)), ..outcome(sms, 1, DeliveryState::Failed, false) }
}

/// The same decision, once more: nobody saw the end of the commit before.
fn again(mut decision: Decision) -> Decision {
    let ids = decision.events.iter().map(|event| event.event_id).collect();
    decision.tried.push(ids);
    let later = noon() + SignedDuration::from_secs(10);
    decision.events.iter_mut().for_each(|event| event.event_id = EventId::new(later));
    decision
}

fn cancelled(key: DeliveryKey) -> Decision {
    Decision::new(DeliveryState::Queued, rules::cancelled(key, 0, 0, noon()))
}

#[tokio::test]
async fn a_cancel_that_comes_too_late_is_not_told() {
    let world = World::new().await;
    let (sms, _) = sending(&world).await;
    let report = world.decide(&cancelled(sms)).await;
    assert!(report.effects.iter().flatten().all(|effect| !effect.is_applied), "{:?}", report.effects);
    assert_eq!(report.decision_events, []);
    assert_eq!(world.history(sms).await, [(EventKind::AttemptStarted, Some(DeliveryState::Sending))]);
    assert_eq!(world.row(sms).await, Some((1, DeliveryState::Sending, true)));
}

#[tokio::test]
async fn del_6_an_outcome_that_a_receipt_has_overtaken_is_told_without_its_state_and_starts_no_other_channel() {
    let world = World::new().await;
    let (sms, email) = sending(&world).await;
    let delivered = world.receipt(sms, 1, ReceiptStatus::Delivered, 0);
    world.commit(LedgerBatch { receipts: vec![delivered], ..LedgerBatch::default() }).await;
    let report = world.decide(&failed(sms)).await;
    let effect = report.effects[0].unwrap();
    assert_eq!((effect.state, effect.is_applied, effect.next_attempt_no), (DeliveryState::Delivered, false, None));
    assert_eq!(world.row(email).await, None, "it has arrived");
    let last = (EventKind::AttemptFinished, None);
    assert_eq!(world.history(sms).await.last(), Some(&last), "the call was made and answered; it ended nothing");
}

#[tokio::test]
async fn del_3_the_next_channel_is_put_to_work_and_told_at_once() {
    let world = World::new().await;
    let (sms, email) = sending(&world).await;
    let report = world.decide(&failed(sms)).await;
    assert_eq!(report.effects[0].unwrap().next_attempt_no, Some(0));
    assert_eq!(world.row(email).await, Some((0, DeliveryState::Queued, true)));
    assert_eq!(world.history(email).await, [(EventKind::FellBack, Some(DeliveryState::Queued))]);
    assert_eq!(report.decision_events.len(), 2, "listeners learn of both");
}

#[tokio::test]
async fn a_decision_whose_commit_was_not_seen_to_end_is_written_once() {
    let world = World::new().await;
    let (sms, email) = sending(&world).await;
    let refs = vec![ProviderRef::new("SM1").unwrap()];
    let first = Decision { provider_refs: refs, account_id: Some(world.account_id), ..failed(sms) };
    world.decide(&first).await;
    let (of_sms, of_email) = (world.history(sms).await, world.history(email).await);
    let ids = world.event_ids(sms).await;
    let report = world.decide(&again(first.clone())).await;
    let effect = report.effects[0].unwrap();
    assert_eq!((effect.state, effect.is_applied, effect.is_open), (DeliveryState::Failed, true, false));
    assert_eq!((world.history(sms).await, world.history(email).await), (of_sms, of_email));
    assert_eq!(world.event_ids(sms).await, ids);
    let told: Vec<EventId> = report.decision_events.iter().map(|event| event.event_id).collect();
    assert_eq!(told, [first.events[0].event_id], "listeners learn of it as the history has it");

    // A third try knows the first, whichever of them it was.
    world.decide(&again(again(first))).await;
    assert_eq!(world.event_ids(sms).await, ids);

    // And one whose first commit went nowhere is written by the second.
    let (sms, email) = sending(&world).await;
    let second = again(failed(sms));
    world.decide(&second).await;
    let last = world.event_ids(sms).await.pop();
    assert_eq!(last, Some(second.events[0].event_id), "readers may have passed the place of the first");
    assert_eq!(world.row(sms).await, Some((1, DeliveryState::Failed, false)));
    assert_eq!(world.row(email).await, Some((0, DeliveryState::Queued, true)));
}

#[tokio::test]
async fn a_later_channel_that_was_taken_back_is_not_put_to_work() {
    let world = World::new().await;
    let (sms, email) = sending(&world).await;
    let stop = Decision { creates: Some(new_delivery(Channel::Email)), ..cancelled(email) };
    let report = world.decide(&stop).await;
    assert_eq!(report.effects[0].unwrap().state, DeliveryState::Cancelled);
    let report = world.decide(&failed(sms)).await;
    assert_eq!(report.effects[0].unwrap().next_attempt_no, None);
    assert_eq!(world.row(email).await, Some((0, DeliveryState::Cancelled, false)));
    assert_eq!(world.history(email).await, [(EventKind::Cancelled, Some(DeliveryState::Cancelled))]);

    // Where it is at work already, it is taken back as it is.
    let (sms, email) = sending(&world).await;
    world.decide(&failed(sms)).await;
    world.decide(&Decision { creates: Some(new_delivery(Channel::Email)), ..cancelled(email) }).await;
    assert_eq!(world.row(email).await, Some((0, DeliveryState::Cancelled, false)));
}

#[tokio::test]
async fn bad_news_is_read_back_with_its_class() {
    let world = World::new().await;
    let (sms, _) = sending(&world).await;
    let connection = world.engine().await;
    assert_eq!(get_bad_news(&connection, sms).await.unwrap(), None);
    let blocked = Failure::new(FailureClass::Transient, "sendgrid_blocked");
    let mut receipt = world.receipt(sms, 1, ReceiptStatus::Undelivered, 0);
    receipt.failure = Some(blocked.clone());
    world.commit(LedgerBatch { receipts: vec![receipt], ..LedgerBatch::default() }).await;
    assert_eq!(get_bad_news(&connection, sms).await.unwrap(), Some(blocked));
}

#[tokio::test]
async fn del_5_the_start_of_an_attempt_is_read_back() {
    let world = World::new().await;
    let message_id = world.message(Strategy::Fallback, &PLAN).await;
    let sms = world.key(message_id, Channel::Sms);
    let start = world.start(sms, 1);
    let (event_id, at) = (start.event_id, start.at);
    world.commit(LedgerBatch { starts: vec![start], ..LedgerBatch::default() }).await;
    let connection = world.engine().await;
    let found = get_attempt_start(&connection, sms, 1).await.unwrap().unwrap();
    assert_eq!((found.event_id, found.at), (event_id, at));
    assert_eq!(get_attempt_start(&connection, sms, 2).await.unwrap(), None);
}

#[tokio::test]
async fn a_start_that_was_never_followed_by_a_call_goes_back_to_the_gate() {
    let world = World::new().await;
    let (sms, _) = sending(&world).await;
    world.decide(&Decision::new(DeliveryState::Sending, rules::not_called(sms, 1, 0, noon()))).await;
    assert_eq!(world.row(sms).await, Some((1, DeliveryState::Queued, true)));
    let report = world.commit(LedgerBatch { starts: vec![world.start(sms, 2)], ..LedgerBatch::default() }).await;
    assert_eq!(report.started, [true]);
}

#[tokio::test]
async fn del_5_of_two_equal_starts_in_one_batch_one_may_call() {
    let world = World::new().await;
    let message_id = world.message(Strategy::Fallback, &PLAN).await;
    let sms = world.key(message_id, Channel::Sms);
    let starts = vec![world.start(sms, 1), world.start(sms, 1)];
    let first = starts[0].event_id;
    let report = world.commit(LedgerBatch { starts, ..LedgerBatch::default() }).await;
    assert_eq!(report.started, [true, false]);
    assert_eq!(world.event_ids(sms).await, [first]);
}

#[tokio::test]
async fn del_6_late_news_of_an_attempt_does_not_undo_the_try_that_follows_its_bad_news() {
    let world = World::new().await;
    let (sms, _) = sending(&world).await;
    let receive = async |status| {
        let receipts = vec![world.receipt(sms, 1, status, 0)];
        world.commit(LedgerBatch { receipts, ..LedgerBatch::default() }).await
    };
    receive(ReceiptStatus::Undelivered).await;
    let tries_again = outcome(sms, 1, DeliveryState::Queued, true);
    world.decide(&Decision { from: DeliveryState::Undelivered, ..tries_again }).await;
    // The call's own answer, and a receipt that the bad news has passed on the way.
    let report = world.decide(&outcome(sms, 1, DeliveryState::Sent, true)).await;
    let effect = report.effects[0].unwrap();
    assert_eq!((effect.state, effect.is_applied), (DeliveryState::Queued, false));
    assert_eq!(receive(ReceiptStatus::Sent).await.changes, []);
    assert_eq!(world.row(sms).await, Some((1, DeliveryState::Queued, true)), "it waits for its next try");
    receive(ReceiptStatus::Delivered).await;
    assert_eq!(world.row(sms).await, Some((1, DeliveryState::Delivered, false)), "good news of any attempt counts");
}

#[tokio::test]
async fn rows_that_are_refused_are_told_from_a_database_that_is_away() {
    let world = World::new().await;
    let (sms, _) = sending(&world).await;
    let mut decision = failed(sms);
    decision.change.code = Some("\0".to_owned());
    let refused = world.try_decide(&decision).await.unwrap_err();
    assert!(refused.is_about_rows(), "{refused:?}");
    world.owner.batch_execute("ALTER TABLE delivery_events RENAME TO elsewhere").await.unwrap();
    let broken = world.try_decide(&failed(sms)).await.unwrap_err();
    assert!(!broken.is_about_rows(), "{broken:?}: nobody's rows are at fault");
}
