//! Rows that cannot go stand in nobody's way and are written once; links of a bulk send are those of a message.

use carepost_providers::Vendor;
use serde_json::json;

use crate::support::{BulkSend, Clinic, World, phone};

async fn clinic(world: &World, slug: &str) -> Clinic {
    let settings = json!({ "admission": { "per_second": 4000, "burst": 8000 } });
    let clinic = Clinic::open(&world.server, slug, settings).await;
    clinic.account(&world.simulator, Vendor::Twilio, json!({})).await;
    clinic.account(&world.simulator, Vendor::Sendgrid, json!({})).await;
    clinic
}

fn list(rows: usize) -> String {
    (0..rows).fold("phone,email\n".to_owned(), |csv, number| csv + &phone(number) + ",\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hub_014_rows_that_stand_are_asked_again_and_not_written_again() {
    const ROWS: usize = 300;
    let world = World::open().await;
    let clinic = clinic(&world, "standing").await;
    clinic.settings(json!({ "paused_channels": ["sms"] })).await;
    let bulk = BulkSend::with_list(&clinic, json!({}), list(ROWS)).await;
    bulk.count().await;
    bulk.order("start").await.expect(202);
    bulk.until_holds("all are held", |progress| progress["rows"]["held"] == ROWS).await;
    // The half minute is over for all of them; of the last one another thing was said then.
    let due = "UPDATE bulk_send_rows
               SET due_at = '2001-01-01', verdict_code = CASE row_no WHEN 300 THEN 'canary' ELSE verdict_code END";
    assert_eq!(world.database.owner.execute(due, &[]).await.unwrap(), ROWS as u64);
    bulk.until_holds("the last one is written again", |progress| {
        progress["by_code"].as_array().is_some_and(|codes| codes.iter().all(|one| one["code"] == "paused"))
    })
    .await;
    let standing = "SELECT count(*) FROM bulk_send_rows WHERE due_at = '2001-01-01'";
    assert_eq!(world.database.count(standing).await, ROWS as i64 - 1, "asked before it, and left as they are");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hub_014_a_slow_send_gets_past_thousands_of_rows_that_stand() {
    const STANDING: usize = 5_000;
    let world = World::open().await;
    let clinic = clinic(&world, "behind").await;
    clinic.settings(json!({ "paused_channels": ["sms", "email"] })).await;
    let list = list(STANDING) + ",one@example.com\n,two@example.com\n,three@example.com\n";
    let of_both = json!({ "name": "canary list", "per_second": 1, "channels": ["sms", "email"],
                          "content": { "subject": "canary", "body": "canary: we are closed on Friday" } });
    let bulk = BulkSend::make(&clinic, &of_both).await;
    bulk.upload(list).await.expect(200);
    bulk.count().await;
    bulk.order("start").await.expect(202);
    bulk.until_holds("all are held", |progress| progress["rows"]["held"] == STANDING + 3).await;
    clinic.settings(json!({ "paused_channels": ["sms"] })).await;
    let due = "UPDATE bulk_send_rows SET due_at = CASE WHEN row_no <= 5000 THEN '2001-01-01' ELSE '2001-01-02' END::timestamptz";
    assert_eq!(world.database.owner.execute(due, &[]).await.unwrap(), STANDING as u64 + 3);
    bulk.until_holds("those behind have gone", |progress| progress["rows"]["enqueued"] == 3).await;
    let standing = "SELECT count(*) FROM bulk_send_rows WHERE state = 2 AND due_at = '2001-01-01'";
    assert_eq!(world.database.count(standing).await, STANDING as i64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hub_022_links_of_a_bulk_send_are_tracked_where_it_says_so() {
    const ROWS: usize = 3;
    let world = World::open().await;
    let clinic = clinic(&world, "tracked").await;
    let words = json!({ "body": "canary: see https://offers.example.com/june" });
    for (is_tracked, links) in [(false, 0), (true, ROWS)] {
        let new = json!({ "name": "canary", "content": words, "channels": ["sms"], "track_links": is_tracked });
        let bulk = BulkSend::make(&clinic, &new).await;
        bulk.upload(list(ROWS)).await.expect(200);
        bulk.count().await;
        bulk.order("start").await.expect(202);
        let ended = bulk.until("finished").await;
        assert_eq!((&ended["rows"]["enqueued"], &ended["track_links"]), (&json!(ROWS), &json!(is_tracked)));
        assert_eq!(world.database.count("SELECT count(*) FROM links").await, links as i64);
        for row in bulk.list("state=enqueued").await {
            let id = row["message_id"].as_str().unwrap();
            let content = format!("/api/v1/messaging/messages/{id}?include=content");
            let text = clinic.api.get(&content).await.expect(200).text;
            assert_eq!(
                (text.contains("/l/"), text.contains("offers.example.com")),
                (is_tracked, !is_tracked),
                "{text}"
            );
        }
    }
}
