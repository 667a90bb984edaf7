//! What has run out goes, whatever has come together; what is kept stays.

use carepost_delivery::store::{
    InAppRecord, SweepBounds, Swept, insert_in_app, list_parked_matches, list_stretches, sweep_stretch,
};
use carepost_kernel::{MessageId, TenantId};
use jiff::SignedDuration;
use jiff::civil::date;

use crate::support::{World, noon};

const FILL: &str = include_str!("sql/fill_upkeep.sql");
const FILL_PARKED: &str = include_str!("sql/fill_parked.sql");

#[tokio::test]
async fn a_pass_forgets_all_that_has_run_out_and_nothing_else() {
    let world = World::new().await;
    world.owner.batch_execute(FILL).await.unwrap();
    let bounds = SweepBounds {
        now: noon(),
        keep_from: noon() - SignedDuration::from_hours(90 * 24),
        // Its messages are still there, because one of them is open.
        held_days: vec![date(2026, 8, 22)],
        parked_from: noon() - SignedDuration::from_hours(7 * 24),
    };
    let connection = world.placement.engine().await.unwrap();
    let mut went = Vec::new();
    for swept in Swept::ALL {
        let mut rows = 0;
        // The keys take two turns and a little; every small table is done in each.
        for turn in 0..3 {
            for stretch in list_stretches(&connection, swept, turn).await.unwrap() {
                rows += sweep_stretch(&connection, swept, &stretch, &bounds).await.unwrap();
            }
        }
        went.push((swept, rows));
    }
    let expected = [
        (Swept::Keys, 39_990),
        (Swept::Refs, 3),
        (Swept::Parked, 1),
        (Swept::InApp, 2),
        (Swept::Inbound, 1),
        (Swept::Links, 1),
        (Swept::LinkClicks, 1),
    ];
    assert_eq!(went, expected);
    assert_eq!(world.count("SELECT count(*) FROM idempotency_keys").await, 10);
    let left = "SELECT count(*) FROM provider_refs WHERE message_id >= first_message_id('2026-08-22')";
    assert_eq!(world.count(left).await, 6, "those of the held day and the new ones");
}

#[tokio::test]
async fn del_10_what_is_written_without_the_fence_is_written_once_whoever_comes() {
    let world = World::new().await;
    let connection = world.placement.engine().await.unwrap();
    let (tenant_id, message_id) = (TenantId::new(noon()), MessageId::new(noon()));
    let put = async |payload: u8| {
        let record = InAppRecord { message_id, delivered_at: noon(), read_at: None, payload_sealed: vec![payload] };
        insert_in_app(&connection, tenant_id, &[1; 16], &record).await.unwrap()
    };
    assert_eq!((put(1).await, put(2).await), (true, false));
    assert_eq!(world.count("SELECT count(*) FROM in_app_messages WHERE payload_sealed = '\\x01'").await, 1);
}

#[tokio::test]
async fn receipts_of_other_software_do_not_make_the_look_for_crossed_ones_dear() {
    let world = World::new().await;
    world.owner.batch_execute(FILL_PARKED).await.unwrap();
    let connection = world.placement.engine().await.unwrap();
    let since = noon() - SignedDuration::from_mins(10);
    let found = list_parked_matches(&connection, since, 100).await.unwrap();
    let refs: Vec<String> = found.iter().map(|one| format!("{} {}", one.provider_ref, one.attempt_no)).collect();
    assert_eq!(refs, ["ours 2"], "the old one is past being crossed");
    assert!(list_parked_matches(&connection, since, 30).await.unwrap().is_empty(), "so many are looked at, no more");
}
