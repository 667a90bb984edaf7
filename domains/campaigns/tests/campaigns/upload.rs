//! Lists: what is stored, what comes back, what is there once.

use carepost_campaigns::CampaignError;
use carepost_campaigns::commands::{change_life, upload_key, upload_rows};
use carepost_campaigns::rules::life::Deed;
use carepost_campaigns::rules::lines::Lines;
use carepost_campaigns::store::{self, RowFilter};
use carepost_campaigns::types::{BulkSend, BulkState, UploadKey, UploadReport};
use carepost_consent::commands::Desk;
use carepost_kernel::BulkSendId;

use crate::support::{World, new_send, noon};

pub(crate) async fn upload(
    world: &World,
    send: &BulkSend,
    csv: &str,
    key: Option<UploadKey>,
) -> Result<(UploadReport, bool), CampaignError> {
    let mut connection = world.connection().await;
    let tx = connection.begin().await.unwrap();
    let desk = Desk { tx: &tx, tenant: &world.tenant, actor: &world.actor, now: noon() };
    let report = upload_rows(&desk, send.bulk_send_id, |content| Lines::csv(csv.as_bytes(), content), key).await?;
    tx.commit().await.unwrap();
    Ok(report)
}

async fn deed(world: &World, send: &BulkSend, deed: Deed) -> Result<BulkSend, CampaignError> {
    let mut connection = world.connection().await;
    let tx = connection.begin().await.unwrap();
    let changed = change_life(&tx, &world.tenant, send.bulk_send_id, deed, noon()).await?;
    tx.commit().await.unwrap();
    Ok(changed)
}

#[tokio::test]
async fn hub_014_bad_lines_come_back_and_nobody_stands_in_a_list_twice() {
    let world = World::new().await;
    let patient = world.person("p-1", "+15005550011").await;
    let send = world.send().await;
    let csv =
        format!("phone,external_id,recipient_id\n+15005550001,,\n+1500,,\n,p-1,\n,p-2,\n,,{patient}\n+15005550001,,\n");
    let (report, replayed) = upload(&world, &send, &csv, None).await.unwrap();
    assert!(!replayed);
    let named: Vec<(u64, &str)> = report.bad_lines.iter().map(|bad| (bad.line, bad.field.as_str())).collect();
    assert_eq!(named, [(3, "/phone"), (5, "/external_id")]);
    assert_eq!((report.stored, report.bad, report.duplicates), (2, 2, 2));
    assert_eq!(report.duplicate_lines, [6, 7], "the recipient by another id, and the address once more");
    // The same list again adds nobody.
    let (again, _) = upload(&world, &send, &csv, None).await.unwrap();
    assert_eq!((again.stored, again.duplicates), (0, 4));
    assert_eq!(world.count("SELECT count(*) FROM bulk_send_rows").await, 2);
    let mut connection = world.connection().await;
    let tx = connection.begin().await.unwrap();
    let stored = store::find_send(&tx, &world.tenant, send.bulk_send_id).await.unwrap();
    assert_eq!((stored.row_count, stored.duplicate_count, stored.state), (2, 6, BulkState::Draft));
    let first = store::list_rows(&tx, send.bulk_send_id, RowFilter::default(), None, 1).await.unwrap();
    let rest = store::list_rows(&tx, send.bulk_send_id, RowFilter::default(), first.next, 5).await.unwrap();
    assert_eq!(first.items[0].recipient_id, None);
    assert_eq!((rest.items[0].recipient_id, rest.next), (Some(patient), None));
}

#[tokio::test]
async fn hub_014_an_upload_with_a_key_is_taken_once() {
    let world = World::new().await;
    let send = world.send().await;
    let csv = "phone\n+15005550001\n+1\n";
    let key = upload_key(&world.tenant, "list-1", csv.as_bytes());
    let (first, _) = upload(&world, &send, csv, Some(key)).await.unwrap();
    let (second, replayed) = upload(&world, &send, csv, Some(key)).await.unwrap();
    assert_eq!((second, replayed), (first, true));
    let other = upload_key(&world.tenant, "list-1", b"phone\n+15005550002\n");
    assert!(matches!(upload(&world, &send, csv, Some(other)).await, Err(CampaignError::KeyReused)));
    assert_eq!(world.count("SELECT count(*) FROM bulk_send_rows").await, 1);
}

#[tokio::test]
async fn hub_014_a_list_is_closed_while_it_is_counted_and_after_the_end() {
    let world = World::new().await;
    let send = world.send().await;
    let empty = deed(&world, &send, Deed::Count).await.unwrap_err();
    assert!(matches!(empty, CampaignError::Conflict { problem: "its list is empty", .. }));
    upload(&world, &send, "phone\n+15005550001\n", None).await.unwrap();
    assert!(matches!(deed(&world, &send, Deed::Start).await, Err(CampaignError::Conflict { .. })));
    let counting = deed(&world, &send, Deed::Count).await.unwrap();
    assert_eq!((counting.state, counting.version), (BulkState::Counting, 3));
    assert!(matches!(upload(&world, &send, "phone\n", None).await, Err(CampaignError::Conflict { .. })));
    let cancelling = deed(&world, &send, Deed::Cancel).await.unwrap();
    assert_eq!(deed(&world, &send, Deed::Cancel).await.unwrap(), cancelling, "once more changes nothing");
    assert!(matches!(deed(&world, &send, Deed::Count).await, Err(CampaignError::Conflict { .. })));
    let nobody = BulkSend { bulk_send_id: BulkSendId::new(noon()), ..send };
    assert!(matches!(deed(&world, &nobody, Deed::Count).await, Err(CampaignError::NotFound(_))));
}

#[tokio::test]
async fn a_send_is_checked_before_it_is_made() {
    let world = World::new().await;
    let mut new = new_send();
    (new.name, new.per_second, new.expires_at) = (" ".into(), Some(0), Some(noon()));
    let Err(CampaignError::Invalid(faults)) = world.create(new).await else { panic!("it was made") };
    let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/name", "/per_second", "/expires_at"]);
    let mut new = new_send();
    new.message_type = Some("no_such_type".to_owned());
    assert!(matches!(world.create(new).await, Err(CampaignError::Invalid(_))));
    let mut new = new_send();
    new.fixed = None;
    assert!(matches!(world.create(new).await, Err(CampaignError::Invalid(_))));
}

#[tokio::test]
async fn del_9_nothing_of_a_list_can_be_read_in_its_rows_and_no_other_tenant_sees_them() {
    let world = World::new().await;
    let send = world.send().await;
    upload(&world, &send, "phone,email\n+15005550001,canary@example.com\n", None).await.unwrap();
    for table in ["bulk_sends", "bulk_send_rows", "bulk_send_uploads"] {
        for text in ["canary", "15005550001"] {
            let sql =
                format!("SELECT count(*) FROM {table} AS t WHERE encode(t::text::bytea, 'escape') LIKE '%{text}%'");
            assert_eq!(world.count(&sql).await, 0, "{table}");
        }
    }
    let other = world.other_tenant().await;
    let mut connection = world.placement.tenant(other.tenant.tenant_id).await.unwrap();
    let tx = connection.begin().await.unwrap();
    assert!(matches!(store::find_send(&tx, &other, send.bulk_send_id).await, Err(CampaignError::NotFound(_))));
    let rows = store::list_rows(&tx, send.bulk_send_id, RowFilter::default(), None, 10).await.unwrap();
    assert!(rows.items.is_empty());
}

#[tokio::test]
async fn what_is_past_retention_goes_with_its_rows() {
    let world = World::new().await;
    let send = world.send().await;
    upload(&world, &send, "phone\n+15005550001\n+15005550002\n", None).await.unwrap();
    let connection = world.placement.engine().await.unwrap();
    assert!(!store::delete_old(&connection, noon()).await.unwrap(), "not yet");
    let later = noon() + jiff::SignedDuration::from_secs(1);
    let mut steps = 0;
    while store::delete_old(&connection, later).await.unwrap() {
        steps += 1;
    }
    assert_eq!(steps, 2, "rows first, then the send");
    for table in ["bulk_sends", "bulk_send_rows", "bulk_send_uploads"] {
        assert_eq!(world.count(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
}
