//! A placement in its fourth month: 97 days of partitions.

use std::sync::Arc;
use std::time::Duration;

use carepost_delivery::ingest::{Ingested, commit_messages};
use carepost_delivery::ledger::{AttemptStart, LedgerBatch, commit_ledger};
use carepost_delivery::store::{
    DueChannel, DuePlace, SQL_FILES, list_due_channels, list_due_deliveries, list_event_stream,
};
use carepost_delivery::types::{DeliveryKey, NewDelivery, NewMessage, Payload, Strategy};
use carepost_kernel::{Channel, EventId, InstanceId, MessageId, Phi, Priority, ProviderAccountId, Purpose, TenantId};
use carepost_store::{Leases, ensure_partitions};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::support::{ENGINE, World, noon};

const FILL_DAYS: &str = include_str!("sql/fill_days.sql");
const FILL_STREAM: &str = include_str!("sql/fill_stream.sql");
const EXPLAIN_DUE: &str = include_str!("sql/explain_due.sql");
const DAYS: u16 = 97;

async fn world() -> World {
    let world = World::new().await;
    let first = noon() - SignedDuration::from_hours(24 * 90);
    assert_eq!(ensure_partitions(&world.placement, first, DAYS - 2).await.unwrap(), 3 * i32::from(DAYS));
    world
}

fn message(tenant_id: TenantId) -> NewMessage {
    NewMessage {
        tenant_id,
        message_id: MessageId::new(noon()),
        created_at: noon(),
        purpose: Purpose::Treatment,
        priority: Priority::Normal,
        strategy: Strategy::Fallback,
        channels: vec![Channel::Sms],
        scheduled_at: None,
        expires_at: noon() + SignedDuration::from_hours(72),
        payload: Arc::new(Phi::new(Payload::default())),
        payload_sealed: vec![0; 64],
        deliveries: vec![NewDelivery {
            channel: Channel::Sms,
            recipient_hash: [7; 16],
            priority: Priority::Normal,
            segments: Some(1),
        }],
        idempotency: None,
        api_key_id: None,
        links: Vec::new(),
    }
}

#[tokio::test]
async fn a_message_is_taken_in_woken_paged_and_started_over_97_days() {
    let world = world().await;
    let owner = InstanceId::new(noon());
    let leases = Leases::start(&world.placement, owner).await.unwrap();
    let tenant_id = TenantId::new(noon());
    leases.claim(&[tenant_id], noon(), Duration::from_secs(60)).await.unwrap();
    let held = [(tenant_id, leases.epoch(tenant_id).unwrap())];
    let mut connection = world.placement.engine().await.unwrap();
    let new = message(tenant_id);
    let stored = commit_messages(&mut connection, owner, &held, &[&new], noon()).await.unwrap();
    assert_eq!(stored, [Ingested::Stored]);
    let due = DueChannel { tenant_id, channel: Channel::Sms, first_due_at: noon() };
    assert_eq!(list_due_channels(&connection, Timestamp::MIN, noon()).await.unwrap(), [due]);
    assert_eq!(list_due_channels(&connection, noon(), noon()).await.unwrap(), [due]);
    let later = noon() + SignedDuration::from_micros(1);
    assert_eq!(list_due_channels(&connection, later, later).await.unwrap(), []);
    let lane = (tenant_id, Channel::Sms, Priority::Normal);
    let page = list_due_deliveries(&connection, lane, noon(), DuePlace::START, 10).await.unwrap();
    let key = DeliveryKey { tenant_id, message_id: new.message_id, channel: Channel::Sms };
    assert_eq!(page.iter().map(carepost_delivery::store::DueRow::key).collect::<Vec<_>>(), [key]);
    let start = AttemptStart {
        key,
        attempt_no: 1,
        account_id: ProviderAccountId::new(noon()),
        event_id: EventId::new(noon()),
        at: noon(),
        waits: Vec::new(),
        gate: None,
        counts: None,
    };
    let batch = LedgerBatch { held: held.to_vec(), starts: vec![start], ..LedgerBatch::default() };
    let report = commit_ledger(&mut connection, owner, &batch, noon()).await.unwrap();
    assert_eq!(report.started, [true]);
}

#[tokio::test]
async fn the_look_for_due_channels_asks_each_day_for_what_it_has_and_no_more() {
    let world = world().await;
    world.owner.batch_execute(FILL_DAYS).await.unwrap();
    let due = list_due_channels(&world.placement.engine().await.unwrap(), Timestamp::MIN, noon()).await.unwrap();
    assert_eq!(due.iter().map(|due| due.channel).collect::<Vec<_>>(), [Channel::Email], "the one that is due");
    world.owner.batch_execute(ENGINE).await.unwrap();
    let files: std::collections::BTreeMap<&str, &str> = SQL_FILES.iter().copied().collect();
    let prepare = format!("PREPARE looked_at AS {}", files["list_due_channels"]);
    world.owner.batch_execute(&prepare).await.unwrap();
    let plan: serde_json::Value = world.owner.query_one(EXPLAIN_DUE, &[]).await.unwrap().get(0);
    let read = |name: &str| plan[0]["Plan"][name].as_u64().unwrap();
    let blocks = read("Shared Hit Blocks") + read("Shared Read Blocks");
    // 646 first rows and 97 days, two or three blocks each; merged over all days it was 38,394.
    assert!(blocks < 4_000, "{blocks} blocks");
    let text = plan.to_string();
    assert!(text.contains("Index Only Scan") && !text.contains("Seq Scan"), "{text}");
}

#[tokio::test]
async fn del_6_the_stream_of_events_has_late_receipts_of_old_days_and_every_page_of_a_backlog() {
    let world = world().await;
    world.owner.batch_execute(FILL_STREAM).await.unwrap();
    let tenant_id = TenantId::from_uuid(Uuid::from_u128(10));
    let mut connection = world.placement.tenant(tenant_id).await.unwrap();
    let tx = connection.begin().await.unwrap();
    let at = |text: &str| EventId::first_at(text.parse::<Timestamp>().unwrap());
    let until = EventId::first_at(noon());
    for from in [EventId::from_uuid(Uuid::nil()), at("2026-11-21T10:59:59Z")] {
        let (mut after, mut seen) = (from, Vec::new());
        loop {
            let page = list_event_stream(&tx, after, until, 40).await.unwrap();
            seen.extend(page.iter().map(|event| event.event_id));
            if page.len() < 40 {
                break;
            }
            after = page.last().unwrap().event_id;
        }
        assert_eq!(seen.len(), 146, "145 of the day and the late receipt");
        assert!(seen.is_sorted() && seen[144] == at("2026-11-22T10:59:30Z"));
    }
    let last = list_event_stream(&tx, at("2026-11-22T10:59:00Z"), until, 40).await.unwrap();
    assert_eq!(last.len(), 2);
}
