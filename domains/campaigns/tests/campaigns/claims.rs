//! Who goes where is read off the rows' own states (CAM-5).

use carepost_campaigns::rules::once::{ClaimHash, Holder};
use carepost_campaigns::store;
use carepost_campaigns::types::{RowOutcome, RowState};
use carepost_kernel::MessageId;
use jiff::SignedDuration;

use crate::support::{World, noon};
use crate::upload::upload;

const HASH: ClaimHash = [7; 16];

#[tokio::test]
async fn cam_5_a_row_that_ends_or_is_put_off_without_a_message_holds_nothing() {
    let world = World::new().await;
    let send = world.send().await;
    upload(&world, &send, "phone\n+15005550001\n+15005550002\n", None).await.unwrap();
    let named = (world.tenant.tenant.tenant_id, send.bulk_send_id);
    let holder = |row_no, is_sent| Holder { row_no, names_person: row_no == 1, is_sent };
    let mut engine = world.placement.engine().await.unwrap();
    let tx = engine.begin().await.unwrap();
    let both = [(HASH, holder(1, false)), (HASH, holder(2, false))];
    store::insert_claims(&tx, named, &both).await.unwrap();
    // Whoever is asked about again writes it once more.
    store::insert_claims(&tx, named, &both).await.unwrap();
    tx.commit().await.unwrap();

    let outcome = |state, due_at| RowOutcome { row_no: 1, state, due_at, said: None, message_id: None, error: None };
    let (past, later) = (noon() - SignedDuration::from_secs(1), noon() + SignedDuration::from_secs(30));
    let sent = RowOutcome::enqueued(1, None, MessageId::new(noon()));
    for (outcome, expected) in [
        (outcome(RowState::Waiting, None), vec![holder(1, false), holder(2, false)]),
        // It was held, its turn has come, and it may have been handed in.
        (outcome(RowState::Held, Some(past)), vec![holder(1, false), holder(2, false)]),
        (sent, vec![holder(1, true), holder(2, false)]),
        (outcome(RowState::Held, Some(later)), vec![holder(2, false)]),
        (outcome(RowState::Refused, None), vec![holder(2, false)]),
        (outcome(RowState::Failed, None), vec![holder(2, false)]),
        (outcome(RowState::Cancelled, None), vec![holder(2, false)]),
    ] {
        let tx = engine.begin().await.unwrap();
        store::record_rows(&tx, named, std::slice::from_ref(&outcome), RowState::ALL).await.unwrap();
        let mut held = store::list_claims(&tx, named, &[HASH, [8; 16]], noon()).await.unwrap();
        tx.commit().await.unwrap();
        let mut found = held.remove(&HASH).unwrap();
        found.sort_by_key(|holder| holder.row_no);
        assert_eq!((found, held.len()), (expected, 0), "{:?}", outcome.state);
    }
}
