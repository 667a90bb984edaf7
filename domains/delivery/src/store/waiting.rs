//! What waits: how much of it there is, and what a changed configuration sets free.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use carepost_kernel::{Channel, InstanceId, Priority, TenantId, WaitReason};
use carepost_store::EngineConnection;
use carepost_store::lease::fence;

use crate::gate::BY_CONFIGURATION;

use super::due::FIRST;
use super::rows::{self, Result, get};

pub(super) const COUNT_WAITING: &str = include_str!("../sql/count_waiting.sql");
pub(super) const ADVANCE_DELIVERIES: &str = include_str!("../sql/advance_deliveries.sql");

/// What is due later than this from now was put off for its own sake, or is for receipts to end.
const SOON: SignedDuration = SignedDuration::from_secs(70);
/// What the configuration puts off is looked at again sooner than this.
const FAR: SignedDuration = SignedDuration::from_secs(600);

/// How many deliveries of each tenant wait for their turn: open, due no earlier than `due_from`, and due by now or about
/// to be. Each count goes up to the bound that stands beside the tenant.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn count_waiting(
    connection: &EngineConnection,
    tenants: &[(TenantId, i64)],
    due_from: Timestamp,
    now: Timestamp,
) -> Result<Vec<(TenantId, i64)>> {
    let (ids, bounds): (Vec<Uuid>, Vec<i64>) = tenants.iter().map(|(id, most)| (id.as_uuid(), *most)).unzip();
    let soon = now.saturating_add(SOON).unwrap_or(Timestamp::MAX);
    let rows = connection
        .query(COUNT_WAITING, &[&ids, &bounds, &channels(), &soon, &priorities(), &due_from.max(FIRST)])
        .await?;
    rows.iter().map(|row| Ok((rows::tenant_id(row)?, get(row, "waiting")?))).collect()
}

/// Makes due now what waits for a reason of the configuration, at most `limit` rows; the channel of each. Rows that
/// somebody else is changing are left to them. One transaction behind the fence (DEL-10): nothing where the tenant is
/// another's by now.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn advance_deliveries(
    connection: &mut EngineConnection,
    owner: InstanceId,
    held: (TenantId, i64),
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Channel>> {
    let tx = connection.begin().await?;
    if !fence(&tx, owner, &[held]).await?.is_empty() {
        return Ok(Vec::new());
    }
    let far = now.saturating_add(FAR).unwrap_or(Timestamp::MAX);
    let reasons: Vec<i16> = BY_CONFIGURATION.into_iter().map(WaitReason::as_i16).collect();
    let tenant = held.0.as_uuid();
    let asked =
        tx.query(ADVANCE_DELIVERIES, &[&tenant, &channels(), &now, &far, &reasons, &limit, &priorities()]).await?;
    let page = asked.iter().map(rows::channel).collect::<Result<Vec<_>>>()?;
    tx.commit().await?;
    Ok(page)
}

fn channels() -> Vec<i16> {
    Channel::ALL.into_iter().map(Channel::as_i16).collect()
}

fn priorities() -> Vec<i16> {
    Priority::ALL.into_iter().map(Priority::as_i16).collect()
}
