//! Outbound webhooks: in order, at least once, signed, and never in the way of others.

use carepost_delivery::webhook;
use carepost_kernel::Secret;
use carepost_tenancy::{EndpointStatus, NewEndpoint, WebhookEndpoint};
use serde_json::Value;

use crate::receiver::{Hook, Receiver};
use crate::support::{CANARY, PHONE, Tenant, World, by, until};

async fn endpoint(world: &World, tenant: &Tenant, url: &str, types: &[&str]) -> (WebhookEndpoint, Secret<String>) {
    let event_types = types.iter().map(|name| (*name).to_owned()).collect();
    let new = NewEndpoint { url: url.to_owned(), event_types, start_after: None };
    world.directory.create_endpoint(&by(), tenant.id(), new).await.unwrap()
}

async fn row(world: &World, endpoint: &WebhookEndpoint) -> WebhookEndpoint {
    world.directory.endpoint(endpoint.tenant_id, endpoint.webhook_endpoint_id).await.unwrap()
}

fn ids(hooks: &[Hook]) -> Vec<&str> {
    hooks.iter().map(|hook| hook.id.as_str()).collect()
}

/// The ids of a tenant's whole history, once it is at its end.
async fn history(world: &World, tenant: &Tenant) -> Vec<String> {
    world.events(tenant).await.iter().map(|event| event.event_id.to_string()).collect()
}

#[actix::test]
async fn del_9_events_come_in_order_signed_and_without_health_information() {
    let world = World::new().await;
    let receiver = Receiver::start(&[], 204).await;
    let (made, secret) = endpoint(&world, &world.first, &receiver.url, &[]).await;
    let messages = world.enqueue_many(&world.first, 10).await;
    let _others = world.enqueue_many(&world.second, 3).await;
    world.delivered(&world.first, &messages).await;
    let expected = history(&world, &world.first).await;
    until("all events are told", async || receiver.received().len() >= expected.len()).await;
    let received = receiver.received();
    assert_eq!(ids(&received), expected, "each once, in order, and none of another tenant");
    for hook in &received {
        assert_eq!(webhook::sign(&secret, &hook.id, hook.timestamp_s, &hook.body).as_ref(), Ok(&hook.signature));
        assert_eq!(hook.content_type, "application/json");
        let text = String::from_utf8(hook.body.clone()).unwrap();
        assert!(!text.contains(CANARY) && !text.contains(PHONE), "{text}");
        let body: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&body["data"]["id"], &body["data"]["type"]), (&Value::from(hook.id.as_str()), &body["type"]));
    }
    let last = world.events(&world.first).await.last().map(|event| event.event_id);
    until("the progress is written down", async || row(&world, &made).await.last_event_id == last).await;
    world.stop().await;
}

#[actix::test]
async fn an_endpoint_is_told_what_it_asked_for() {
    let world = World::new().await;
    let receiver = Receiver::start(&[], 200).await;
    endpoint(&world, &world.first, &receiver.url, &["delivery.receipt_merged"]).await;
    let messages = world.enqueue_many(&world.first, 5).await;
    world.delivered(&world.first, &messages).await;
    until("the receipts are told", async || receiver.received().len() >= 5).await;
    for hook in receiver.received() {
        let body: Value = serde_json::from_slice(&hook.body).unwrap();
        assert_eq!((&body["type"], &body["data"]["status"]), (&"delivery.receipt_merged".into(), &"delivered".into()));
    }
    world.stop().await;
}

#[actix::test]
async fn a_refusal_is_tried_again_before_anything_later_is_told() {
    let world = World::new().await;
    // A redirect is not followed: it is one more refusal.
    let receiver = Receiver::start(&[200, 503, 302], 200).await;
    let (made, _) = endpoint(&world, &world.first, &receiver.url, &[]).await;
    let messages = world.enqueue_many(&world.first, 3).await;
    world.delivered(&world.first, &messages).await;
    let expected = history(&world, &world.first).await;
    until("all events are told", async || receiver.received().len() >= expected.len() + 2).await;
    let received = receiver.received();
    let mut tries = expected.clone();
    tries.splice(1..1, [expected[1].clone(), expected[1].clone()]);
    assert_eq!(ids(&received), tries);
    until("the failures are forgotten", async || {
        let row = row(&world, &made).await;
        (row.failures, row.next_try_at, row.status) == (0, None, EndpointStatus::Active)
    })
    .await;
    world.stop().await;
}

#[actix::test]
async fn a_new_engine_goes_on_where_the_former_ended() {
    let mut world = World::new().await;
    let receiver = Receiver::start(&[200, 200], 503).await;
    let (made, _) = endpoint(&world, &world.first, &receiver.url, &[]).await;
    let messages = world.enqueue_many(&world.first, 3).await;
    world.delivered(&world.first, &messages).await;
    until("a failure is written down", async || row(&world, &made).await.failures > 0).await;
    world.stop().await;
    let (expected, before) = (history(&world, &world.first).await, receiver.received().len());
    receiver.answer(200);
    // Nothing is sent any more: the events that wait are reason enough to take the tenant up.
    world.restart(world.directory.clone()).await;
    until("the rest is told", async || receiver.received().len() >= before + expected.len() - 2).await;
    let received = receiver.received();
    assert_eq!(ids(&received[before..]), expected[2..], "two were taken and written down before");
    world.stop().await;
}

#[actix::test]
async fn an_endpoint_that_is_gone_is_paused() {
    let world = World::new().await;
    let receiver = Receiver::start(&[], 410).await;
    let (made, _) = endpoint(&world, &world.first, &receiver.url, &[]).await;
    let messages = world.enqueue_many(&world.first, 3).await;
    world.delivered(&world.first, &messages).await;
    until("it is paused", async || row(&world, &made).await.status == EndpointStatus::Paused).await;
    assert_eq!(receiver.received().len(), 1);
    world.stop().await;
}

#[actix::test]
async fn endpoints_that_never_answer_hold_nobody_up() {
    let world = World::new().await;
    let (silent, quick) = (Receiver::start(&[], 0).await, Receiver::start(&[], 200).await);
    // More of them than calls may be under way.
    for _ in 0..40 {
        endpoint(&world, &world.first, &silent.url, &[]).await;
    }
    endpoint(&world, &world.second, &quick.url, &[]).await;
    let _waiting = world.enqueue_many(&world.first, 1).await;
    until("all silent ones are called", async || silent.received().len() >= 40).await;
    let messages = world.enqueue_many(&world.second, 3).await;
    world.delivered(&world.second, &messages).await;
    let expected = history(&world, &world.second).await;
    until("the other tenant is told", async || quick.received().len() >= expected.len()).await;
    assert_eq!(ids(&quick.received()), expected);
    world.stop().await;
}

#[actix::test]
async fn private_addresses_are_not_called() {
    let mut world = World::new().await;
    let receiver = Receiver::start(&[], 200).await;
    let (made, _) = endpoint(&world, &world.first, &receiver.url, &[]).await;
    world.stop().await;
    let strict = world.directory.clone().with_reach(carepost_kernel::Reach::Public);
    world.restart(strict).await;
    let messages = world.enqueue_many(&world.first, 1).await;
    world.delivered(&world.first, &messages).await;
    until("the refusal counts as a failure", async || row(&world, &made).await.failures > 0).await;
    assert!(receiver.received().is_empty());
    world.stop().await;
}

#[actix::test]
async fn a_panic_in_the_task_of_an_endpoint_is_contained() {
    let world = World::new().await;
    let (broken, sound) = (Receiver::start(&[], 200).await, Receiver::start(&[], 200).await);
    let (made, _) = endpoint(&world, &world.first, &broken.url, &[]).await;
    endpoint(&world, &world.first, &sound.url, &[]).await;
    let messages = world.enqueue_many(&world.first, 3).await;
    world.delivered(&world.first, &messages).await;
    until("some are told", async || !broken.received().is_empty()).await;
    for _ in 0..2 {
        world.engine.break_endpoint(made.webhook_endpoint_id);
        let messages = world.enqueue_many(&world.first, 3).await;
        world.delivered(&world.first, &messages).await;
    }
    let expected = history(&world, &world.first).await;
    let told = |receiver: &Receiver| {
        let mut seen = std::collections::HashSet::new();
        let hooks = receiver.received().into_iter().map(|hook| hook.id);
        hooks.filter(|id| seen.insert(id.clone())).collect::<Vec<String>>()
    };
    until("the broken one is told the rest", async || told(&broken).len() == expected.len()).await;
    until("the other is told everything", async || sound.received().len() == expected.len()).await;
    assert_eq!(told(&broken), expected, "in order; what was not written down comes again under its id");
    assert_eq!(ids(&sound.received()), expected, "each once");
    assert!(world.restarts().await.values().all(|(_, restarts)| *restarts == 0), "no actor died of it");
    world.stop().await;
}
