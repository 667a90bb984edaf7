//! DEL-2: one idempotency key is one message, however often, wherever and whenever it is posted.

use std::collections::BTreeSet;

use carepost_providers::Vendor;
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Clinic, World, phone, sms, with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_2_a_thousand_posts_of_one_key_are_one_message_and_one_call() {
    let world = World::open().await;
    let clinic = Clinic::open(&world.server, "one-key", json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let body = sms(&phone(1));
    let posts = (0..1_000).map(|_| clinic.api.keyed("visit-1", &body));
    let answers = join_all(posts).await;
    let ids: BTreeSet<String> = answers.into_iter().map(|answer| answer.unwrap().expect(202).id()).collect();
    assert_eq!(ids.len(), 1);
    let id = ids.first().unwrap();
    clinic.until(id, "delivered").await;
    assert_eq!(world.simulator.accepted(Vendor::Twilio), 1);
    assert_eq!(world.database.count("SELECT count(*) FROM messages").await, 1);
    assert_eq!(world.database.count("SELECT count(*) FROM idempotency_keys").await, 1);

    let replay = clinic.api.keyed("visit-1", &body).await.unwrap().expect(202);
    assert_eq!(
        (replay.id(), &replay.body["status"], &replay.body["replayed"]),
        (id.clone(), &json!("delivered"), &json!(true))
    );
    assert_eq!(replay.header("idempotency-replayed"), Some("true"));
    let other = with(body, json!({ "metadata": { "note": "another body" } }));
    assert_eq!(clinic.api.keyed("visit-1", &other).await.unwrap().expect(422).code(), "idempotency_key_reused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_2_the_key_outlives_the_process_and_ends_with_its_window() {
    let mut world = World::open().await;
    let clinic = Clinic::open(&world.server, "long-key", json!({})).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    let (body, other) = (sms(&phone(1)), sms(&phone(2)));
    let id = clinic.api.keyed("visit-2", &body).await.unwrap().expect(202).id();
    clinic.until(&id, "delivered").await;

    world.server.kill9();
    world.server.run().await;
    let replay = clinic.api.keyed("visit-2", &body).await.unwrap().expect(202);
    assert_eq!((replay.id(), &replay.body["status"]), (id.clone(), &json!("delivered")));
    assert_eq!(clinic.api.keyed("visit-2", &other).await.unwrap().expect(422).code(), "idempotency_key_reused");

    // Another tenant's key of the same name is another key.
    let stranger = Clinic::open(&world.server, "stranger", json!({})).await;
    assert_ne!(stranger.api.keyed("visit-2", &other).await.unwrap().expect(202).id(), id);

    // The window has passed, as far as the row says; memory goes with the process.
    let sql = "UPDATE idempotency_keys SET expires_at = now() - interval '1 second'";
    world.database.owner.batch_execute(sql).await.unwrap();
    world.server.restart().await;
    let fresh = clinic.api.keyed("visit-2", &other).await.unwrap().expect(202);
    assert_ne!(fresh.id(), id);
    assert_eq!(fresh.body["replayed"], false);
}
