//! Messages found by their recipient, in days that are over and in this one.

use std::collections::BTreeMap;

use carepost_delivery::store::{MessageFilter, SQL_FILES, list_messages};
use carepost_delivery::types::DeliveryState;
use carepost_kernel::{MessageId, TenantId};
use carepost_store::{ensure_partitions, index_past_days, list_partitions};
use jiff::SignedDuration;
use jiff::civil::date;
use uuid::Uuid;

use crate::support::{World, noon};

const FILL: &str = include_str!("sql/fill_search.sql");
const EXPLAIN: &str = include_str!("sql/explain_search.sql");
const ENTER_APP: &str = include_str!("sql/enter_app.sql");
/// MD5 of `0`: the recipient of every fortieth message.
const RECIPIENT: u128 = 0xcfcd_2084_95d5_65ef_66e7_dff9_f987_64da;

async fn world() -> World {
    let world = World::new().await;
    ensure_partitions(&world.placement, noon() - SignedDuration::from_hours(24 * 90), 95).await.unwrap();
    world.owner.batch_execute(FILL).await.unwrap();
    world
}

/// All pages of a search.
async fn search(world: &World, filter: &MessageFilter) -> Vec<MessageId> {
    let mut connection = world.placement.tenant(TenantId::from_uuid(Uuid::from_u128(10))).await.unwrap();
    let tx = connection.begin().await.unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = list_messages(&tx, filter, after, 30).await.unwrap();
        found.extend(page.items.iter().map(|message| message.message_id));
        match page.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

#[tokio::test]
async fn a_search_by_recipient_finds_the_same_with_and_without_the_index() {
    let world = world().await;
    let to = MessageFilter { recipient_hash: Some(RECIPIENT.to_be_bytes()), ..MessageFilter::default() };
    let failed = MessageFilter { states: Some(vec![DeliveryState::Failed]), ..to.clone() };
    let morning = "2026-11-22T09:10:00Z".parse().unwrap();
    let late = MessageFilter { created_from: Some(morning), ..to.clone() };
    let early = MessageFilter { created_before: Some(morning), ..to.clone() };
    let before = (search(&world, &to).await, search(&world, &failed).await.len());
    assert_eq!((before.0.len(), before.1), (100, 32));
    assert!(before.0.is_sorted_by(|newer, older| newer > older), "the newest first, each once");
    index_past_days(&world.placement, date(2026, 11, 21)).await.unwrap();
    assert_eq!((search(&world, &to).await, search(&world, &failed).await.len()), before);
    let (late, early) = (search(&world, &late).await, search(&world, &early).await);
    assert_eq!([late, early].concat(), before.0, "times cut the list in two");
}

#[tokio::test]
async fn days_that_are_over_are_indexed_once_and_searches_use_it() {
    let world = world().await;
    let indexed = index_past_days(&world.placement, date(2026, 11, 21)).await.unwrap();
    assert_eq!(indexed.len(), 90, "all but yesterday, today and the days to come");
    assert!(index_past_days(&world.placement, date(2026, 11, 21)).await.unwrap().is_empty());
    assert_eq!(index_past_days(&world.placement, date(2026, 11, 22)).await.unwrap(), ["deliveries_20261121"]);
    assert_eq!(list_partitions(&world.placement).await.unwrap().len(), 3 * 97);
    let files: BTreeMap<&str, &str> = SQL_FILES.iter().copied().collect();
    let prepare = format!("{ENTER_APP}; PREPARE searched AS {}", files["list_messages_to"]);
    world.owner.batch_execute(&prepare).await.unwrap();
    let plan: serde_json::Value = world.owner.query_one(EXPLAIN, &[]).await.unwrap().get(0);
    assert_eq!(plan[0]["Plan"]["Actual Rows"], 100);
    let text = plan.to_string();
    assert!(text.contains("\"deliveries_20261001_recipient\""), "{text}");
}
