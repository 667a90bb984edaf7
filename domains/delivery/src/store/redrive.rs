//! Failed deliveries, put back to work.

use jiff::Timestamp;
use uuid::Uuid;

use carepost_kernel::{Channel, EventId, InstanceId, MessageId, TenantId};
use carepost_store::lease::fence;
use carepost_store::{EngineConnection, EngineTx};

use crate::types::DeliveryState;

use super::rows::{self, Result, get};

pub(super) const LIST_FAILED: &str = include_str!("../sql/list_failed_deliveries.sql");
pub(super) const REOPEN: &str = include_str!("../sql/reopen_deliveries.sql");
pub(super) const EXTEND_MESSAGE: &str = include_str!("../sql/extend_message.sql");

/// Which failed deliveries are meant.
#[derive(Debug, Clone)]
pub struct RedriveFilter {
    /// In one of these states.
    pub states: Vec<DeliveryState>,
    /// On this channel.
    pub channel: Option<Channel>,
    /// With this code.
    pub code: Option<String>,
    /// Messages after this one, and
    pub after: MessageId,
    /// before this one.
    pub before: MessageId,
}

/// A failed delivery.
#[derive(Debug, Clone, Copy)]
pub struct FailedDelivery {
    /// The message.
    pub message_id: MessageId,
    /// On which channel.
    pub channel: Channel,
    /// How it ended.
    pub state: DeliveryState,
}

/// What a redrive's page found and put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redriven {
    /// Failed deliveries that match.
    pub looked_at: usize,
    /// The message of the last of them.
    pub last: Option<MessageId>,
    /// Those that were put back to work.
    pub reopened: Vec<(MessageId, Channel)>,
}

/// Puts a page of failed deliveries back to work, or only counts them where there is no time (`again`: the present, and
/// when they expire). One transaction behind the fence (DEL-10): `None` where the tenant is another's by now.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn redrive_deliveries(
    connection: &mut EngineConnection,
    owner: InstanceId,
    held: (TenantId, i64),
    filter: &RedriveFilter,
    page: u32,
    again: Option<(Timestamp, Timestamp)>,
) -> Result<Option<Redriven>> {
    let tx = connection.begin().await?;
    if !fence(&tx, owner, &[held]).await?.is_empty() {
        return Ok(None);
    }
    let failed = list_failed_deliveries(&tx, held.0, filter, i64::from(page)).await?;
    let last = failed.last().map(|one| one.message_id);
    let mut redriven = Redriven { looked_at: failed.len(), last, reopened: Vec::new() };
    if let Some((now, expires_at)) = again.filter(|_| !failed.is_empty()) {
        redriven.reopened = reopen_deliveries(&tx, held.0, &failed, now, expires_at).await?;
        tx.commit().await?;
    }
    Ok(Some(redriven))
}

/// A page of failed deliveries, the oldest first. It holds `limit` of them and the rest of its last message, so that the
/// next page begins after that message and nothing is left out. Where channels come one after the other, a message has
/// one delivery here, and none while another of its channels is at work or has reached the recipient.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_failed_deliveries(
    tx: &EngineTx<'_>,
    tenant_id: TenantId,
    filter: &RedriveFilter,
    limit: i64,
) -> Result<Vec<FailedDelivery>> {
    let states: Vec<i16> = filter.states.iter().map(|state| state.as_i16()).collect();
    let (after, before) = (filter.after.as_uuid(), filter.before.as_uuid());
    let channel = filter.channel.map(Channel::as_i16);
    let rows = tx
        .query(LIST_FAILED, &[&tenant_id.as_uuid(), &after, &before, &states, &channel, &filter.code, &limit])
        .await?;
    rows.iter()
        .map(|row| {
            let state = rows::state(row)?;
            Ok(FailedDelivery { message_id: rows::message_id(row)?, channel: rows::channel(row)?, state })
        })
        .collect()
}

/// Puts failed deliveries back to work, due at `now`, with a life until `expires_at`; gives those that it was true of.
///
/// # Errors
/// Where the database fails.
async fn reopen_deliveries(
    tx: &EngineTx<'_>,
    tenant_id: TenantId,
    wanted: &[FailedDelivery],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<Vec<(MessageId, Channel)>> {
    let tenant = tenant_id.as_uuid();
    let messages: Vec<Uuid> = wanted.iter().map(|one| one.message_id.as_uuid()).collect();
    let channels: Vec<i16> = wanted.iter().map(|one| one.channel.as_i16()).collect();
    let events: Vec<Uuid> = wanted.iter().map(|_| EventId::new(now).as_uuid()).collect();
    let rows = tx.query(REOPEN, &[&tenant, &messages, &channels, &now, &events]).await?;
    tx.execute(EXTEND_MESSAGE, &[&tenant, &messages, &expires_at]).await?;
    rows.iter().map(|row| Ok((MessageId::from_uuid(get(row, "message_id")?), rows::channel(row)?))).collect()
}
