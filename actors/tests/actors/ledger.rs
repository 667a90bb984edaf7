//! What the ledger makes of refused rows, of calls that hung, and of bad news that nobody was awake for.

use std::time::Duration;

use carepost_delivery::DeliveryState;
use carepost_kernel::MessageId;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio_postgres::{Client, NoTls};

use crate::support::{World, by, server_url, until};
use crate::vendor::Mode;

/// The owner of the tables, who sees every row.
async fn owner(world: &World) -> Client {
    let connection = world.placement.engine().await.unwrap();
    let name: String = connection.query_one("SELECT current_database()::text", &[]).await.unwrap().get(0);
    let (client, connection) =
        tokio_postgres::connect(&format!("{} dbname={name}", server_url()), NoTls).await.unwrap();
    tokio::spawn(async move {
        // Ends with the server; the client shows it.
        let _ended = connection.await;
    });
    client.batch_execute("SET search_path = carepost_pooled").await.unwrap();
    client
}

/// Whether the database of the first test refuses what a vendor says of a message.
fn is_refused(message_id: &MessageId) -> bool {
    message_id.as_uuid().as_bytes()[15].is_multiple_of(4)
}

#[actix::test]
async fn del_1_rows_that_postgresql_refuses_stop_nobody_else() {
    let world = World::new().await;
    let owner = owner(&world).await;
    let check = "ALTER TABLE provider_refs ADD CONSTRAINT poison CHECK (get_byte(uuid_send(message_id), 15) % 4 <> 0)";
    owner.batch_execute(check).await.unwrap();
    let mut messages = world.enqueue_many(&world.first, 60).await;
    messages.extend(world.enqueue_many(&world.first, 20).await);
    let (refused, taken): (Vec<MessageId>, Vec<MessageId>) = messages.into_iter().partition(is_refused);
    assert!(!refused.is_empty() && !taken.is_empty());
    world.delivered(&world.first, &taken).await;
    for message_id in &refused {
        // The call was made, and its outcome cannot be written down as it is: nobody knows, and nobody calls again.
        until("what cannot be stored is held as unknown", async || {
            world.state(&world.first, *message_id).await == DeliveryState::Unknown
        })
        .await;
        assert_eq!(world.vendor.calls(*message_id), 1);
    }
    world.stop().await;
}

#[actix::test]
async fn del_5_a_look_up_asks_from_the_start_of_a_call_that_hung() {
    let mut world = World::new().await;
    let owner = owner(&world).await;
    let patch = json!({ "unknown": { "transactional": "look_up_then_hold" } });
    world.directory.patch_settings(&by(), world.first.id(), &patch, None).await.unwrap();
    world.vendor.behave(Mode::HangsUp(Duration::from_millis(700)));
    let message_id = world.enqueue(&world.first).await;
    until("its outcome is unknown", async || world.state(&world.first, message_id).await == DeliveryState::Unknown)
        .await;
    world.stop().await;
    // The process is away for a while, and comes back when the look-up is long due.
    let sql = "UPDATE deliveries SET due_at = now() - interval '1 minute' WHERE state = 20";
    assert_eq!(owner.execute(sql, &[]).await.unwrap(), 1);
    let directory = world.directory.clone();
    world.restart(directory).await;
    until("the vendor is asked", async || world.vendor.looked_up(message_id).is_some()).await;
    let sql = "SELECT at FROM delivery_events WHERE message_id = $1 AND kind = 2";
    let started: Timestamp = owner.query_one(sql, &[&message_id.as_uuid()]).await.unwrap().get(0);
    assert_eq!(world.vendor.looked_up(message_id), Some(started));
    until("it is found", async || world.state(&world.first, message_id).await == DeliveryState::Sent).await;
    assert_eq!(world.vendor.calls(message_id), 0, "the new engine has not called again");
    world.stop().await;
}

#[actix::test]
async fn passing_bad_news_is_tried_again_though_nobody_was_awake_for_it() {
    let mut world = World::new().await;
    let owner = owner(&world).await;
    let retry = json!({ "retry": { "initial_ms": 50 } });
    world.directory.patch_settings(&by(), world.first.id(), &retry, None).await.unwrap();
    world.vendor.behave(Mode::Silent);
    let message_id = world.enqueue(&world.first).await;
    until("it is sent", async || world.state(&world.first, message_id).await == DeliveryState::Sent).await;
    world.stop().await;
    // A receipt that was merged at the last moment: `undelivered`, and it passes.
    let at = world.clock.now() - SignedDuration::from_secs(5);
    let merge = "UPDATE deliveries SET state = 50, is_open = true, reason = 1, due_at = $2 WHERE message_id = $1";
    let tell = "INSERT INTO delivery_events (tenant_id, message_id, event_id, channel, kind, at, attempt_no, state,
                                             failure_class, code, receipt_status)
        SELECT tenant_id, message_id, gen_random_uuid(), channel, 4, $2, attempt_no, 50, 1, 'sendgrid_blocked', 8
        FROM deliveries WHERE message_id = $1";
    for sql in [merge, tell] {
        assert_eq!(owner.execute(sql, &[&message_id.as_uuid(), &at]).await.unwrap(), 1);
    }
    let directory = world.directory.clone();
    world.restart(directory).await;
    world.delivered(&world.first, &[message_id]).await;
    assert_eq!(world.vendor.calls(message_id), 1, "tried again, by the new engine");
    world.stop().await;
}
