//! What the engine asks for and writes: which sends, in which order, and how many rows at a time.

use carepost_campaigns::CampaignError;
use carepost_campaigns::rules::compose::claim;
use carepost_campaigns::rules::fill::addresses_of;
use carepost_campaigns::store;
use carepost_campaigns::types::{BulkSend, BulkState, DuePlace, DueRow, NewBulkSend, RowOutcome, RowState};
use carepost_consent::commands::{Desk, get_recipient};
use carepost_kernel::{BulkSendId, MessageId};
use jiff::SignedDuration;

use crate::support::{World, new_send, noon};
use crate::upload::upload;

const THREE: &str = "phone\n+15005550001\n+15005550002\n+15005550003\n";

async fn listed(world: &World, now: jiff::Timestamp, limit: i64) -> Vec<(BulkSendId, Result<BulkSend, CampaignError>)> {
    beside(world, now, &[], limit).await
}

/// The same beside sends that rest.
async fn beside(
    world: &World,
    now: jiff::Timestamp,
    resting: &[(BulkSendId, Option<BulkState>)],
    limit: i64,
) -> Vec<(BulkSendId, Result<BulkSend, CampaignError>)> {
    let mut connection = world.connection().await;
    let tx = connection.begin().await.unwrap();
    store::list_active(&tx, &world.tenant, now, resting, limit).await.unwrap()
}

async fn put(world: &World, send: &BulkSend, state: BulkState) {
    let change = "UPDATE bulk_sends SET state = $1 WHERE bulk_send_id = $2";
    world.owner.execute(change, &[&state.as_i16(), &send.bulk_send_id.as_uuid()]).await.unwrap();
}

#[tokio::test]
async fn hub_014_what_is_scheduled_takes_no_place_and_what_is_cancelled_comes_first() {
    let world = World::new().await;
    let send_at = noon() + SignedDuration::from_hours(1);
    let later = world.create(NewBulkSend { send_at: Some(send_at), ..new_send() }).await.unwrap();
    put(&world, &later, BulkState::Running).await;
    let engine = world.placement.engine().await.unwrap();
    assert_eq!(store::list_tenants(&engine, noon()).await.unwrap(), []);
    let mut sends = Vec::new();
    for state in [BulkState::Running, BulkState::Counting, BulkState::Cancelling] {
        let send = world.send().await;
        put(&world, &send, state).await;
        sends.push(send.bulk_send_id);
    }
    let ids = |found: Vec<(BulkSendId, Result<BulkSend, CampaignError>)>| {
        found.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(ids(listed(&world, noon(), 16).await), [sends[2], sends[1], sends[0]]);
    assert_eq!(ids(listed(&world, noon(), 1).await), [sends[2]]);
    // Ids of one instant are in no order that is known.
    let mut running = [later.bulk_send_id, sends[0]];
    running.sort();
    assert_eq!(ids(listed(&world, send_at, 16).await), [sends[2], sends[1], running[0], running[1]]);
    assert_eq!(store::list_tenants(&engine, noon()).await.unwrap(), [world.tenant.tenant.tenant_id]);
}

#[tokio::test]
async fn hub_014_sixteen_sends_that_rest_hide_no_seventeenth() {
    let world = World::new().await;
    let mut sends = Vec::new();
    for _ in 0..17 {
        let send = world.send().await;
        put(&world, &send, BulkState::Running).await;
        sends.push(send);
    }
    let first: Vec<BulkSendId> = listed(&world, noon(), 16).await.into_iter().map(|(id, _)| id).collect();
    let rests = |state| first.iter().map(|id| (*id, state)).collect::<Vec<_>>();
    for state in [Some(BulkState::Running), None] {
        let rest = beside(&world, noon(), &rests(state), 16).await;
        assert!(rest.len() == 1 && !first.contains(&rest[0].0), "{state:?}");
    }
    // A deed ends a rest: what is cancelled rests in another state.
    let cancelled = sends.iter().find(|send| send.bulk_send_id == first[3]).unwrap();
    put(&world, cancelled, BulkState::Cancelling).await;
    let rest = beside(&world, noon(), &rests(Some(BulkState::Running)), 16).await;
    assert_eq!((rest.len(), rest[0].0), (2, first[3]));
}

#[tokio::test]
async fn hub_014_rows_are_passed_over_in_the_order_of_their_turns() {
    let world = World::new().await;
    let send = world.send().await;
    upload(&world, &send, THREE, None).await.unwrap();
    let put_off = "UPDATE bulk_send_rows SET due_at = due_at + '1 second' WHERE row_no = 1";
    world.owner.execute(put_off, &[]).await.unwrap();
    let held = "UPDATE bulk_send_rows SET state = 2, verdict = 2, verdict_code = 'paused' WHERE row_no = 3";
    world.owner.execute(held, &[]).await.unwrap();
    let later = noon() + SignedDuration::from_secs(1);
    let mut connection = world.connection().await;
    let tx = connection.begin().await.unwrap();
    let due = async |after| {
        let of_send = (send.bulk_send_id, later);
        store::list_due_rows(&tx, &world.tenant, of_send, after, 10).await.unwrap()
    };
    let numbers = |rows: &[DueRow]| rows.iter().map(|due| due.row.row_no).collect::<Vec<_>>();
    let all = due(DuePlace::FIRST).await;
    assert_eq!(numbers(&all), [2, 3, 1]);
    let code = |due: &DueRow| due.held.as_ref().and_then(|said| said.code.clone());
    assert_eq!(all.iter().map(code).collect::<Vec<_>>(), [None, Some("paused".to_owned()), None]);
    assert_eq!(numbers(&due(all[0].place()).await), [3, 1]);
    assert_eq!(due(all[2].place()).await.len(), 0);
    let next = async |after| store::next_due(&tx, send.bulk_send_id, after).await.unwrap();
    assert_eq!(next(DuePlace::FIRST).await, Some(noon()));
    assert_eq!((next(all[1].place()).await, next(all[2].place()).await), (Some(later), None));
}

#[tokio::test]
async fn hub_014_a_send_that_cannot_be_read_hides_no_other() {
    let world = World::new().await;
    let (broken, sound) = (world.send().await, world.send().await);
    put(&world, &broken, BulkState::Running).await;
    put(&world, &sound, BulkState::Running).await;
    let spoil = "UPDATE bulk_sends SET name_sealed = 'x' WHERE bulk_send_id = $1";
    world.owner.execute(spoil, &[&broken.bulk_send_id.as_uuid()]).await.unwrap();
    let mut found: Vec<_> = listed(&world, noon(), 16).await.into_iter().map(|(id, read)| (id, read.is_ok())).collect();
    found.sort();
    let mut expected = [(broken.bulk_send_id, false), (sound.bulk_send_id, true)];
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn hub_014_what_was_held_is_released_some_rows_at_a_time() {
    let world = World::new().await;
    let send = world.send().await;
    upload(&world, &send, THREE, None).await.unwrap();
    world.owner.execute("UPDATE bulk_send_rows SET state = 2, due_at = due_at + '1 day'", &[]).await.unwrap();
    let named = (world.tenant.tenant.tenant_id, send.bulk_send_id);
    let mut engine = world.placement.engine().await.unwrap();
    let tx = engine.begin().await.unwrap();
    for expected in [2, 1, 0] {
        assert_eq!(store::release_held(&tx, named, noon(), 2).await.unwrap(), expected);
    }
    tx.commit().await.unwrap();
    let due = "SELECT count(*) FROM bulk_send_rows WHERE state = 2 AND due_at = '2026-11-22T12:00:00Z'";
    assert_eq!(world.count(due).await, 3);
}

#[tokio::test]
async fn hub_014_cancelling_finds_messages_whose_rows_do_not_know_of_them() {
    let world = World::new().await;
    let send = world.send().await;
    upload(&world, &send, THREE, None).await.unwrap();
    let key = claim(&world.tenant, send.bulk_send_id, 2, noon());
    let message_id = MessageId::new(noon());
    let store_key = "INSERT INTO idempotency_keys (tenant_id, key_hash, fingerprint, message_id, expires_at) \
                     VALUES ($1, $2, $3, $4, '2026-12-22T12:00:00Z')";
    let (tenant_id, hash, print) = (world.tenant.tenant.tenant_id, key.key_hash, key.fingerprint);
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
        [&tenant_id.as_uuid(), &hash.as_slice(), &print.as_slice(), &message_id.as_uuid()];
    world.owner.execute(store_key, &params).await.unwrap();

    let mut connection = world.connection().await;
    let tx = connection.begin().await.unwrap();
    let rows = store::list_unsent_rows(&tx, send.bulk_send_id, 10).await.unwrap();
    assert_eq!(rows, [1, 2, 3]);
    let keys: Vec<[u8; 16]> =
        rows.iter().map(|row_no| claim(&world.tenant, send.bulk_send_id, *row_no, noon()).key_hash).collect();
    let known = store::list_row_messages(&tx, &keys).await.unwrap();
    assert_eq!(known, [None, Some(message_id), None]);
    let outcomes: Vec<RowOutcome> =
        rows.into_iter().zip(known).map(|(row_no, message_id)| RowOutcome::taken_back(row_no, message_id)).collect();
    let mut engine = world.placement.engine().await.unwrap();
    let writing = engine.begin().await.unwrap();
    let from = [RowState::Waiting, RowState::Held];
    store::record_rows(&writing, (tenant_id, send.bulk_send_id), &outcomes, &from).await.unwrap();
    writing.commit().await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM bulk_send_rows WHERE state = 6 AND message_id IS NULL").await, 2);
    let marked = "SELECT count(*) FROM bulk_send_rows WHERE state = 3 AND row_no = 2 AND message_id IS NOT NULL";
    assert_eq!(world.count(marked).await, 1);
}

#[tokio::test]
async fn hub_003_whoever_has_no_inbox_of_their_own_is_known_there_by_their_id() {
    let world = World::new().await;
    let recipient_id = world.person("p-1", "+15005550011").await;
    let mut connection = world.connection().await;
    let tx = connection.begin().await.unwrap();
    let desk = Desk { tx: &tx, tenant: &world.tenant, actor: &world.actor, now: noon() };
    let to = addresses_of(&get_recipient(&desk, recipient_id).await.unwrap());
    assert_eq!(to.in_app, Some(recipient_id.to_string()));
    assert_eq!((to.phone.as_deref(), to.email), (Some("+15005550011"), None));
}
