//! Messages as readers see them.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use carepost_kernel::{Channel, Cursor, MessageId, Page, Purpose};
use carepost_store::{TenantTx, ToSql};

use crate::types::{DeliveryRecord, DeliveryState, MessageRecord};

use super::rows::{self, Result};

pub(super) const GET_MESSAGE: &str = include_str!("../sql/get_message.sql");
pub(super) const LIST_MESSAGES: &str = include_str!("../sql/list_messages.sql");
pub(super) const LIST_MESSAGES_TO: &str = include_str!("../sql/list_messages_to.sql");
pub(super) const LIST_DELIVERIES: &str = include_str!("../sql/list_deliveries.sql");

/// Which messages a list holds; what is `None` does not narrow it.
#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    /// Came at or after this instant.
    pub created_from: Option<Timestamp>,
    /// Came before this instant.
    pub created_before: Option<Timestamp>,
    /// With this purpose.
    pub purpose: Option<Purpose>,
    /// With a delivery in one of these states.
    pub states: Option<Vec<DeliveryState>>,
    /// With a delivery on this channel.
    pub channel: Option<Channel>,
    /// With a delivery to this address (keyed hash).
    pub recipient_hash: Option<[u8; 16]>,
}

/// One message of the transaction's tenant with its deliveries.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn get_message(tx: &TenantTx<'_>, message_id: MessageId) -> Result<Option<MessageRecord>> {
    let tenant_id = tx.tenant_id().as_uuid();
    let Some(row) = tx.query_opt(GET_MESSAGE, &[&tenant_id, &message_id.as_uuid()]).await? else {
        return Ok(None);
    };
    let mut messages = vec![rows::message(&row)?];
    fill_deliveries(tx, &mut messages).await?;
    Ok(messages.pop())
}

/// A page of messages of the transaction's tenant, the newest first.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_messages(
    tx: &TenantTx<'_>,
    filter: &MessageFilter,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page<MessageRecord>> {
    let before = after.map_or(Uuid::max(), Cursor::last).min(filter.created_before.map_or(Uuid::max(), slack_after));
    let from = filter.created_from.map_or(Uuid::nil(), |instant| MessageId::first_at(instant).as_uuid());
    let states: Option<Vec<i16>> =
        filter.states.as_ref().map(|states| states.iter().map(|state| state.as_i16()).collect());
    let (purpose, channel) = (filter.purpose.map(Purpose::as_i16), filter.channel.map(Channel::as_i16));
    let recipient = filter.recipient_hash.as_ref().map(<[u8; 16]>::as_slice);
    let one_more = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let tenant_id = tx.tenant_id().as_uuid();
    let mut params: Vec<&(dyn ToSql + Sync)> = vec![
        &tenant_id,
        &before,
        &filter.created_from,
        &filter.created_before,
        &purpose,
        &states,
        &channel,
        &one_more,
        &from,
    ];
    let rows = match &recipient {
        None => tx.query(LIST_MESSAGES, &params).await?,
        Some(recipient) => {
            params.push(recipient);
            tx.query(LIST_MESSAGES_TO, &params).await?
        }
    };
    let messages = rows.iter().map(rows::message).collect::<Result<Vec<_>>>()?;
    let mut page = Page::from_rows(messages, limit, |message| message.message_id.as_uuid());
    fill_deliveries(tx, &mut page.items).await?;
    Ok(page)
}

/// Above the ids of messages that came before an instant. A clock that was set back may have made ids that are a little
/// ahead of it.
fn slack_after(instant: Timestamp) -> Uuid {
    MessageId::first_at(instant.saturating_add(SignedDuration::from_mins(1)).unwrap_or(Timestamp::MAX)).as_uuid()
}

async fn fill_deliveries(tx: &TenantTx<'_>, messages: &mut [MessageRecord]) -> Result<()> {
    let ids: Vec<Uuid> = messages.iter().map(|message| message.message_id.as_uuid()).collect();
    let mut by_message: HashMap<MessageId, Vec<DeliveryRecord>> = HashMap::new();
    for row in tx.query(LIST_DELIVERIES, &[&tx.tenant_id().as_uuid(), &ids]).await? {
        by_message.entry(rows::message_id(&row)?).or_default().push(rows::delivery_record(&row)?);
    }
    for message in messages {
        let mut deliveries = by_message.remove(&message.message_id).unwrap_or_default();
        let place = |channel| message.channels.iter().position(|planned| *planned == channel);
        deliveries.sort_by_key(|delivery| place(delivery.channel));
        message.deliveries = deliveries;
    }
    Ok(())
}
