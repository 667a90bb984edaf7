//! What the engine writes of bulk sends, behind the fence of the tenant's lease.

use jiff::Timestamp;
use uuid::Uuid;

use carepost_kernel::{BulkSendId, Channel, InstanceId, MessageId, TenantId};
use carepost_store::{EngineConnection, EngineTx, Json, ToSql, lease};

use super::{Result, get};
use crate::error::Tried as _;
use crate::types::{BulkState, ChannelSaid, RowOutcome, RowState, RowVerdict, Said};

const LIST_TENANTS_WITH_BULK_SENDS: &str = include_str!("../sql/list_tenants_with_bulk_sends.sql");
const RECORD_ROWS: &str = include_str!("../sql/record_rows.sql");
const NOTE_COUNT: &str = include_str!("../sql/note_count.sql");
const NOTE_POLICY: &str = include_str!("../sql/note_policy.sql");
const RELEASE_HELD_ROWS: &str = include_str!("../sql/release_held_rows.sql");
const END_BULK_SEND: &str = include_str!("../sql/end_bulk_send.sql");

/// Tenants that there are bulk sends to work on for at this instant.
///
/// # Errors
/// Where the database fails.
pub async fn list_tenants(connection: &EngineConnection, now: Timestamp) -> Result<Vec<TenantId>> {
    let found = connection.query(LIST_TENANTS_WITH_BULK_SENDS, &[&now]).await.tried("list tenants with bulk sends")?;
    found.iter().map(|row| Ok(TenantId::from_uuid(get(row, "tenant_id")?))).collect()
}

/// A transaction that writes only while the tenant is this process's; none where it is another's by now (DEL-10).
///
/// # Errors
/// Where the database fails.
pub async fn fenced(
    connection: &mut EngineConnection,
    owner: InstanceId,
    held: (TenantId, i64),
) -> Result<Option<EngineTx<'_>>> {
    const TRIED: &str = "begin to write a bulk send";
    let tx = connection.begin().await.tried(TRIED)?;
    let refused = lease::fence(&tx, owner, &[held]).await.tried(TRIED)?;
    Ok(refused.is_empty().then_some(tx))
}

/// Writes what became of rows that stand in one of these states.
///
/// # Errors
/// Where the database fails.
pub async fn record_rows(
    tx: &EngineTx<'_>,
    (tenant_id, bulk_send_id): (TenantId, BulkSendId),
    outcomes: &[RowOutcome],
    from: &[RowState],
) -> Result<()> {
    if outcomes.is_empty() {
        return Ok(());
    }
    let said = |outcome: &RowOutcome| outcome.said.clone();
    let numbers: Vec<i32> = outcomes.iter().map(|outcome| outcome.row_no).collect();
    let states: Vec<i16> = outcomes.iter().map(|outcome| outcome.state.as_i16()).collect();
    let due: Vec<Option<Timestamp>> = outcomes.iter().map(|outcome| outcome.due_at).collect();
    let verdicts: Vec<Option<i16>> =
        outcomes.iter().map(|outcome| said(outcome).map(|said| RowVerdict::as_i16(said.verdict))).collect();
    let codes: Vec<Option<String>> = outcomes.iter().map(|outcome| said(outcome).and_then(|said| said.code)).collect();
    let channels: Vec<Option<i16>> =
        outcomes.iter().map(|outcome| said(outcome).and_then(|said| said.channel).map(Channel::as_i16)).collect();
    let by_channel: Vec<Option<Json<Vec<ChannelSaid>>>> =
        outcomes.iter().map(|outcome| said(outcome).map(|Said { channels, .. }| Json(channels))).collect();
    let messages: Vec<Option<Uuid>> =
        outcomes.iter().map(|outcome| outcome.message_id.map(MessageId::as_uuid)).collect();
    let errors: Vec<Option<&str>> = outcomes.iter().map(|outcome| outcome.error.as_deref()).collect();
    let from: Vec<i16> = from.iter().map(|state| state.as_i16()).collect();
    let params: [&(dyn ToSql + Sync); 12] = [
        &tenant_id.as_uuid(),
        &bulk_send_id.as_uuid(),
        &numbers,
        &states,
        &due,
        &verdicts,
        &codes,
        &channels,
        &by_channel,
        &messages,
        &errors,
        &from,
    ];
    tx.execute(RECORD_ROWS, &params).await.tried("record rows of a bulk send")?;
    Ok(())
}

/// The count has come to a row; at the end the send is ready.
///
/// # Errors
/// Where the database fails.
pub async fn note_count(
    tx: &EngineTx<'_>,
    (tenant_id, bulk_send_id): (TenantId, BulkSendId),
    (counted_to, is_over): (i32, bool),
    policy_version: i32,
    now: Timestamp,
) -> Result<()> {
    let params: [&(dyn ToSql + Sync); 7] = [
        &tenant_id.as_uuid(),
        &bulk_send_id.as_uuid(),
        &counted_to,
        &policy_version,
        &is_over,
        &BulkState::Ready.as_i16(),
        &now,
    ];
    tx.execute(NOTE_COUNT, &params).await.tried("note how far a count has come")?;
    Ok(())
}

/// The policy under which a running send's rows are asked about from now on.
///
/// # Errors
/// Where the database fails.
pub async fn note_policy(
    tx: &EngineTx<'_>,
    (tenant_id, bulk_send_id): (TenantId, BulkSendId),
    policy_version: i32,
) -> Result<()> {
    let params: [&(dyn ToSql + Sync); 3] = [&tenant_id.as_uuid(), &bulk_send_id.as_uuid(), &policy_version];
    tx.execute(NOTE_POLICY, &params).await.tried("note policy of a bulk send")?;
    Ok(())
}

/// Makes due what the gate held, some rows at a time; how many.
///
/// # Errors
/// Where the database fails.
pub async fn release_held(
    tx: &EngineTx<'_>,
    (tenant_id, bulk_send_id): (TenantId, BulkSendId),
    now: Timestamp,
    limit: i64,
) -> Result<u64> {
    let params: [&(dyn ToSql + Sync); 4] = [&tenant_id.as_uuid(), &bulk_send_id.as_uuid(), &now, &limit];
    tx.execute(RELEASE_HELD_ROWS, &params).await.tried("release held rows")
}

/// A send has come to its end, unless a caller has changed its state meanwhile.
///
/// # Errors
/// Where the database fails.
pub async fn end_send(
    tx: &EngineTx<'_>,
    (tenant_id, bulk_send_id): (TenantId, BulkSendId),
    (from, to): (BulkState, BulkState),
    now: Timestamp,
) -> Result<()> {
    let params: [&(dyn ToSql + Sync); 5] =
        [&tenant_id.as_uuid(), &bulk_send_id.as_uuid(), &from.as_i16(), &to.as_i16(), &now];
    tx.execute(END_BULK_SEND, &params).await.tried("end bulk send")?;
    Ok(())
}
