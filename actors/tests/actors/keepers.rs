//! A real panic inside each kind of actor: what was acked still arrives, once; the death is counted; the others live on.

use carepost_actors::faults::Place;
use carepost_kernel::Channel;

use crate::support::{World, until};

const MESSAGES: usize = 20;

/// Breaks one actor in the middle of traffic, twice, and looks at everything afterwards.
async fn survives(kind: &str, place: impl Fn(&World) -> Place) {
    let world = World::new().await;
    let place = place(&world);
    let mut of_first = world.enqueue_many(&world.first, MESSAGES).await;
    let mut of_second = world.enqueue_many(&world.second, MESSAGES).await;
    // Every actor is there once something has arrived.
    world.delivered(&world.first, &of_first[..1]).await;
    for death in 1..=2 {
        of_first.extend(world.enqueue_many(&world.first, MESSAGES).await);
        until("the actor lives", async || world.engine.break_actor(place)).await;
        of_first.extend(world.enqueue_many(&world.first, MESSAGES).await);
        of_second.extend(world.enqueue_many(&world.second, MESSAGES).await);
        until("the death is counted", async || {
            world.restarts().await.values().any(|(found, restarts)| *found == kind && *restarts == death)
        })
        .await;
    }
    world.delivered(&world.first, &of_first).await;
    world.delivered(&world.second, &of_second).await;
    let twice: Vec<_> =
        of_first.iter().chain(&of_second).filter(|message_id| world.vendor.calls(**message_id) != 1).collect();
    assert!(twice.is_empty(), "DEL-5: called once for each message: {twice:?}");
    let restarts = world.restarts().await;
    let died: Vec<_> = restarts.iter().filter(|(_, (_, restarts))| *restarts > 0).collect();
    assert_eq!(died.len(), 1, "the others were left alone: {died:?}");
    assert_eq!(died[0].1, &(restarts[died[0].0].0, 2), "{died:?}");
    assert_eq!(died[0].1.0, kind);
    world.stop().await;
}

#[actix::test]
async fn del_1_a_panic_in_the_ingest_actor_loses_nothing_that_was_acked() {
    survives("IngestActor", |world| Place::Ingest(world.placement.id())).await;
}

#[actix::test]
async fn del_5_a_panic_in_the_ledger_actor_calls_nobody_twice() {
    survives("LedgerActor", |world| Place::Ledger(world.placement.id())).await;
}

#[actix::test]
async fn a_panic_in_a_tenant_actor_is_contained() {
    survives("TenantActor", |world| Place::Tenant(world.first.id())).await;
}

#[actix::test]
async fn a_panic_in_a_channel_actor_is_contained() {
    survives("ChannelActor", |world| Place::Channel(world.first.id(), Channel::Sms)).await;
}

#[actix::test]
async fn a_panic_in_a_provider_actor_is_contained() {
    survives("ProviderActor", |world| Place::Provider(world.first.account_id)).await;
}

#[actix::test]
async fn del_6_a_panic_in_the_receipts_actor_loses_no_receipt() {
    survives("ReceiptsActor", |_| Place::Receipts).await;
}

#[actix::test]
async fn a_panic_in_the_scheduler_is_contained() {
    survives("Scheduler", |_| Place::Scheduler).await;
}

#[actix::test]
async fn a_panic_in_the_notifier_is_contained() {
    survives("NotifierActor", |_| Place::Notifier).await;
}
