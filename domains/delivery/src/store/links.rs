//! Short links, the moments at which they were followed, and open pixels.

use jiff::Timestamp;
use uuid::Uuid;

use carepost_kernel::{AttemptRef, LinkId, ProviderAccountId};
use carepost_store::{TenantTx, ToSql};

use super::rows::{self, Result, get};
use crate::types::NewMessage;

pub(super) const DELETE_OLD_LINKS: &str = include_str!("../sql/delete_old_links.sql");
pub(super) const DELETE_OLD_LINK_CLICKS: &str = include_str!("../sql/delete_old_link_clicks.sql");
pub(super) const GET_LINK: &str = include_str!("../sql/get_link.sql");
pub(super) const INSERT_LINK_CLICK: &str = include_str!("../sql/insert_link_click.sql");
pub(crate) const INSERT_LINKS: &str = include_str!("../sql/insert_links.sql");

/// A link that leads somewhere, or a pixel that still counts.
#[derive(Debug, Clone)]
pub struct LinkRecord {
    /// Its id.
    pub link_id: LinkId,
    /// Where it leads, sealed: see [`crate::links::seal_owner`]; `None`: it is a pixel.
    pub target_sealed: Option<Vec<u8>>,
    /// The attempt that brought it and the account that made it; none where its delivery is past retention, or has not
    /// left at all.
    pub attempt: Option<(AttemptRef, ProviderAccountId)>,
}

/// One link or pixel of the transaction's tenant; `None` where there is none that has not ended.
///
/// # Errors
/// Where the database fails or the row cannot be read.
pub async fn get_link(tx: &TenantTx<'_>, token_hash: &[u8; 16], now: Timestamp) -> Result<Option<LinkRecord>> {
    let row = tx.query_opt(GET_LINK, &[&tx.tenant_id().as_uuid(), &token_hash.as_slice(), &now]).await?;
    row.as_ref().map(read).transpose()
}

/// Keeps the moment at which a link of the transaction's tenant was followed.
///
/// # Errors
/// Where the database fails.
pub async fn insert_link_click(tx: &TenantTx<'_>, link_id: LinkId, now: Timestamp) -> Result<()> {
    // An id of the same registry: it grows with time, so that clicks of one moment have a place each.
    let click_id = LinkId::new(now).as_uuid();
    tx.execute(INSERT_LINK_CLICK, &[&tx.tenant_id().as_uuid(), &link_id.as_uuid(), &click_id, &now]).await?;
    Ok(())
}

fn read(row: &carepost_store::Row) -> Result<LinkRecord> {
    let attempt_no: Option<i16> = get(row, "attempt_no")?;
    let account_id: Option<Uuid> = get(row, "provider_account_id")?;
    let (message_id, channel) = (rows::message_id(row)?, rows::channel(row)?);
    let attempt = attempt_no.filter(|attempt_no| *attempt_no > 0).zip(account_id).map(|(attempt_no, account_id)| {
        (AttemptRef { message_id, channel, attempt_no }, ProviderAccountId::from_uuid(account_id))
    });
    Ok(LinkRecord {
        link_id: LinkId::from_uuid(get(row, "link_id")?),
        target_sealed: get(row, "target_sealed")?,
        attempt,
    })
}

/// The parameters of `insert_links.sql`: the links and pixels of a batch of messages.
pub(crate) struct LinkColumns<'a> {
    tenant_ids: Vec<Uuid>,
    token_hashes: Vec<&'a [u8]>,
    link_ids: Vec<Uuid>,
    message_ids: Vec<Uuid>,
    channels: Vec<i16>,
    recipient_hashes: Vec<&'a [u8]>,
    targets_sealed: Vec<Option<&'a [u8]>>,
    created_at: Vec<Timestamp>,
    expires_at: Vec<Timestamp>,
}

impl<'a> LinkColumns<'a> {
    /// `None` where there is no link, as with nearly all messages: then there is no statement either.
    pub(crate) fn of(messages: &[&'a NewMessage]) -> Option<Self> {
        use super::batch::column;
        let rows: Vec<_> =
            messages.iter().flat_map(|message| message.links.iter().map(move |link| (*message, link))).collect();
        if rows.is_empty() {
            return None;
        }
        Some(Self {
            tenant_ids: column!(rows, |row| row.0.tenant_id.as_uuid()),
            token_hashes: column!(rows, |row| row.1.token_hash.as_slice()),
            link_ids: column!(rows, |row| row.1.link_id.as_uuid()),
            message_ids: column!(rows, |row| row.0.message_id.as_uuid()),
            channels: column!(rows, |row| row.1.channel.as_i16()),
            recipient_hashes: column!(rows, |row| row.1.recipient_hash.as_slice()),
            targets_sealed: column!(rows, |row| row.1.target_sealed.as_deref()),
            created_at: column!(rows, |row| row.0.created_at),
            expires_at: column!(rows, |row| row.1.expires_at),
        })
    }

    pub(crate) fn params(&self) -> [&(dyn ToSql + Sync); 9] {
        [
            &self.tenant_ids,
            &self.token_hashes,
            &self.link_ids,
            &self.message_ids,
            &self.channels,
            &self.recipient_hashes,
            &self.targets_sealed,
            &self.created_at,
            &self.expires_at,
        ]
    }
}
