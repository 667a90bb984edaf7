//! Bulk sends.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

use carepost_kernel::{ApiKeyId, BulkSendId, Channel, Cursor, Page, Phi, Purpose, SealError, TemplateId, Topic};
use carepost_store::{Row, TenantTx, ToSql};
use carepost_tenancy::TenantHandle;

use super::{Result, get, number, optional_number};
use crate::CampaignError;
use crate::error::Tried as _;
use crate::types::{BulkContent, BulkSend, BulkState};

const INSERT_BULK_SEND: &str = include_str!("../sql/insert_bulk_send.sql");
const FIND_BULK_SEND: &str = include_str!("../sql/find_bulk_send.sql");
const LOCK_BULK_SEND: &str = include_str!("../sql/lock_bulk_send.sql");
const LIST_BULK_SENDS: &str = include_str!("../sql/list_bulk_sends.sql");
const LIST_ACTIVE_BULK_SENDS: &str = include_str!("../sql/list_active_bulk_sends.sql");
const FIND_BULK_CONTENT: &str = include_str!("../sql/find_bulk_content.sql");
const SET_BULK_STATE: &str = include_str!("../sql/set_bulk_state.sql");
const ADD_TO_BULK_SEND: &str = include_str!("../sql/add_to_bulk_send.sql");

/// What is sealed of a send's content.
#[derive(Clone, Serialize, Deserialize)]
pub struct SealedContent {
    /// What it says.
    pub content: BulkContent,
    /// Where its links lead: our address as it was when the send was made.
    pub public_url: String,
    /// Nobody named channels: each recipient's own come first (HUB-003).
    #[serde(default)]
    pub is_plan_open: bool,
}

impl SealedContent {
    /// [`Self::public_url`], ready to be added to.
    ///
    /// # Errors
    /// Where it is none: it was when the send was made.
    pub fn url(&self) -> Result<Url> {
        Url::parse(&self.public_url).map_err(|_| CampaignError::Row { column: "content_sealed" })
    }
}

/// A send as it is stored, sealed.
pub(crate) struct SealedSend {
    pub(crate) send: BulkSend,
    pub(crate) name_sealed: Vec<u8>,
    pub(crate) content_sealed: Vec<u8>,
}

impl SealedSend {
    /// Seals name and content.
    pub(crate) fn new(send: BulkSend, content: &SealedContent, tenant: &TenantHandle) -> Result<Self> {
        const TRIED: &str = "seal bulk send";
        let plain = Zeroizing::new(serde_json::to_vec(content).map_err(|_| SealError::Refused).tried(TRIED)?);
        Ok(Self {
            name_sealed: tenant
                .seal(&owner(NAME, tenant, send.bulk_send_id), send.name.expose().as_bytes())
                .tried(TRIED)?,
            content_sealed: tenant.seal(&owner(CONTENT, tenant, send.bulk_send_id), &plain).tried(TRIED)?,
            send,
        })
    }
}

const NAME: &str = "bulk send name";
const CONTENT: &str = "bulk send content";

/// What a sealed value of a send is bound to.
fn owner(what: &'static str, tenant: &TenantHandle, bulk_send_id: BulkSendId) -> Vec<u8> {
    let (tenant_id, send_id) = (tenant.tenant.tenant_id.as_uuid(), bulk_send_id.as_uuid());
    [what.as_bytes(), &[0], tenant_id.as_bytes(), send_id.as_bytes()].concat()
}

pub(crate) async fn insert_send(tx: &TenantTx<'_>, new: &SealedSend) -> Result<()> {
    let send = &new.send;
    let (template_id, template_version) =
        send.template.map(|(template_id, version)| (template_id.as_uuid(), version)).unzip();
    let channels: Vec<i16> = send.channels.iter().map(|channel| channel.as_i16()).collect();
    let params: [&(dyn ToSql + Sync); 18] = [
        &tx.tenant_id().as_uuid(),
        &send.bulk_send_id.as_uuid(),
        &new.name_sealed,
        &new.content_sealed,
        &template_id,
        &template_version,
        &send.message_type,
        &send.purpose.map(Purpose::as_i16),
        &send.topic.map(Topic::as_i16),
        &channels,
        &send.send_at,
        &send.expires_at,
        &send.per_second.and_then(|rate| i32::try_from(rate).ok()),
        &send.state.as_i16(),
        &send.created_by.as_uuid(),
        &send.created_at,
        &send.track_links,
        &send.track_opens,
    ];
    tx.execute(INSERT_BULK_SEND, &params).await.tried("insert bulk send")?;
    Ok(())
}

/// One send.
///
/// # Errors
/// `NotFound`; where the database fails or a row cannot be read.
pub async fn find_send(tx: &TenantTx<'_>, tenant: &TenantHandle, bulk_send_id: BulkSendId) -> Result<BulkSend> {
    one(tx, tenant, bulk_send_id, FIND_BULK_SEND).await
}

pub(crate) async fn lock_send(tx: &TenantTx<'_>, tenant: &TenantHandle, bulk_send_id: BulkSendId) -> Result<BulkSend> {
    one(tx, tenant, bulk_send_id, LOCK_BULK_SEND).await
}

async fn one(
    tx: &TenantTx<'_>,
    tenant: &TenantHandle,
    bulk_send_id: BulkSendId,
    sql: &'static str,
) -> Result<BulkSend> {
    let found =
        tx.query_opt(sql, &[&tx.tenant_id().as_uuid(), &bulk_send_id.as_uuid()]).await.tried("find bulk send")?;
    found.as_ref().map(|row| read(row, tenant)).transpose()?.ok_or(CampaignError::NotFound(bulk_send_id))
}

/// A page of sends, the newest first.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_sends(
    tx: &TenantTx<'_>,
    tenant: &TenantHandle,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Page<BulkSend>> {
    let (before, fetch) = (cursor.map(Cursor::last), i64::try_from(limit + 1).unwrap_or(i64::MAX));
    let found =
        tx.query(LIST_BULK_SENDS, &[&tx.tenant_id().as_uuid(), &before, &fetch]).await.tried("list bulk sends")?;
    let sends = found.iter().map(|row| read(row, tenant)).collect::<Result<Vec<_>>>()?;
    Ok(Page::from_rows(sends, limit, |send| send.bulk_send_id.as_uuid()))
}

/// What the engine has to work on at this instant: what is cancelled, what is counted, what runs; the oldest first. One
/// that cannot be read is no reason to leave the others. What rests, in the state that it is in, takes no place; without a
/// state it rests in any.
///
/// # Errors
/// Where the database fails.
pub async fn list_active(
    tx: &TenantTx<'_>,
    tenant: &TenantHandle,
    now: Timestamp,
    resting: &[(BulkSendId, Option<BulkState>)],
    limit: i64,
) -> Result<Vec<(BulkSendId, Result<BulkSend>)>> {
    let ids: Vec<Uuid> = resting.iter().map(|(bulk_send_id, _)| bulk_send_id.as_uuid()).collect();
    let states: Vec<Option<i16>> = resting.iter().map(|(_, state)| state.map(BulkState::as_i16)).collect();
    let params: [&(dyn ToSql + Sync); 5] = [&tx.tenant_id().as_uuid(), &now, &limit, &ids, &states];
    let found = tx.query(LIST_ACTIVE_BULK_SENDS, &params).await.tried("list active bulk sends")?;
    found.iter().map(|row| Ok((BulkSendId::from_uuid(get(row, "bulk_send_id")?), read(row, tenant)))).collect()
}

/// What a send says.
///
/// # Errors
/// `NotFound`; where the database fails, or the content does not open.
pub async fn find_content(tx: &TenantTx<'_>, tenant: &TenantHandle, bulk_send_id: BulkSendId) -> Result<SealedContent> {
    const TRIED: &str = "open content of a bulk send";
    let params: [&(dyn ToSql + Sync); 2] = [&tx.tenant_id().as_uuid(), &bulk_send_id.as_uuid()];
    let found = tx.query_opt(FIND_BULK_CONTENT, &params).await.tried("find content of a bulk send")?;
    let row = found.ok_or(CampaignError::NotFound(bulk_send_id))?;
    let plain = tenant.open(&owner(CONTENT, tenant, bulk_send_id), get(&row, "content_sealed")?).tried(TRIED)?;
    serde_json::from_slice(&plain).map_err(|_| SealError::Malformed).tried(TRIED)
}

/// What a caller's deed makes of a send.
pub(crate) async fn set_state(
    tx: &TenantTx<'_>,
    bulk_send_id: BulkSendId,
    state: BulkState,
    now: Timestamp,
    (counts_anew, starts): (bool, bool),
) -> Result<()> {
    let params: [&(dyn ToSql + Sync); 6] =
        [&tx.tenant_id().as_uuid(), &bulk_send_id.as_uuid(), &state.as_i16(), &now, &counts_anew, &starts];
    tx.execute(SET_BULK_STATE, &params).await.tried("change bulk send")?;
    Ok(())
}

/// A list has grown by so many rows and duplicates, up to a row.
pub(crate) async fn add_to_send(
    tx: &TenantTx<'_>,
    bulk_send_id: BulkSendId,
    (new_rows, new_duplicates, last_row_no): (i32, i32, i32),
    now: Timestamp,
) -> Result<()> {
    let params: [&(dyn ToSql + Sync); 7] = [
        &tx.tenant_id().as_uuid(),
        &bulk_send_id.as_uuid(),
        &new_rows,
        &new_duplicates,
        &BulkState::Draft.as_i16(),
        &now,
        &last_row_no,
    ];
    tx.execute(ADD_TO_BULK_SEND, &params).await.tried("add to bulk send")?;
    Ok(())
}

fn read(row: &Row, tenant: &TenantHandle) -> Result<BulkSend> {
    const TRIED: &str = "open name of a bulk send";
    let bulk_send_id = BulkSendId::from_uuid(get(row, "bulk_send_id")?);
    let name = tenant.open(&owner(NAME, tenant, bulk_send_id), get(row, "name_sealed")?).tried(TRIED)?;
    let name = std::str::from_utf8(&name).map_err(|_| SealError::Malformed).tried(TRIED)?;
    let template: Option<Uuid> = get(row, "template_id")?;
    let template_version: Option<i32> = get(row, "template_version")?;
    let channels: Vec<i16> = get(row, "channels")?;
    let channels = channels.into_iter().map(Channel::from_i16).collect::<Option<_>>();
    Ok(BulkSend {
        bulk_send_id,
        name: Phi::from(name),
        template: template.map(TemplateId::from_uuid).zip(template_version),
        message_type: get(row, "message_type")?,
        purpose: optional_number(row, "purpose", Purpose::from_i16)?,
        topic: optional_number(row, "topic", Topic::from_i16)?,
        channels: channels.ok_or(CampaignError::Row { column: "channels" })?,
        send_at: get(row, "send_at")?,
        expires_at: get(row, "expires_at")?,
        per_second: get::<Option<i32>>(row, "per_second")?.and_then(|rate| u32::try_from(rate).ok()),
        track_links: get(row, "track_links")?,
        track_opens: get(row, "track_opens")?,
        state: number(row, "state", BulkState::from_i16)?,
        row_count: get(row, "row_count")?,
        duplicate_count: get(row, "duplicate_count")?,
        last_row_no: get(row, "last_row_no")?,
        counted_to: get(row, "counted_to")?,
        policy_version: get(row, "policy_version")?,
        created_by: ApiKeyId::from_uuid(get(row, "created_by")?),
        version: get(row, "version")?,
        created_at: get(row, "created_at")?,
        updated_at: get(row, "updated_at")?,
        counted_at: get(row, "counted_at")?,
        started_at: get(row, "started_at")?,
        ended_at: get(row, "ended_at")?,
    })
}
