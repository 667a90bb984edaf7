//! Making, changing and finding people. One way writes them all, one or five hundred at a time: [`write`].

mod book;

use carepost_kernel::{Channel, Cursor, Page, RecipientId};

use super::Desk;
use super::check::{Checked, check};
use crate::ConsentError;
use crate::address::normalize_address;
use crate::store::people::{self, RecipientRow};
use crate::types::{AddressKey, Recipient, RecipientInput};

pub(super) use book::write;

/// The domain of the keyed hash of callers' own ids.
const EXTERNAL_ID: &str = "external-id";

/// What became of a person who was told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upserted {
    /// Who.
    pub recipient_id: RecipientId,
    /// Nobody of this id was known.
    pub is_new: bool,
    /// Something is other than before.
    pub is_changed: bool,
}

/// By what somebody is searched.
#[derive(Clone)]
pub enum RecipientSearch {
    /// The caller's own id.
    ExternalId(String),
    /// An address: `Sms` for a phone.
    Address {
        /// On which channel.
        channel: Channel,
        /// The address.
        address: String,
    },
}

/// One person to be written: known by an id of ours, or by their own id, or new.
pub(super) struct Item {
    pub(super) target: Option<RecipientId>,
    pub(super) checked: Checked,
}

/// Makes somebody, or changes the one who has the same external id. The addresses are those that the gate must look at
/// again.
///
/// # Errors
/// `Invalid` names the wrong fields; where the database fails.
pub async fn create_recipient(
    desk: &Desk<'_, '_>,
    input: RecipientInput,
) -> Result<(Upserted, Vec<AddressKey>), ConsentError> {
    one(desk, None, input).await
}

/// Changes somebody.
///
/// # Errors
/// `Invalid` names the wrong fields; of kind `NotFound` where it is nobody of this tenant; where the database fails.
pub async fn update_recipient(
    desk: &Desk<'_, '_>,
    recipient_id: RecipientId,
    input: RecipientInput,
) -> Result<(Upserted, Vec<AddressKey>), ConsentError> {
    one(desk, Some(recipient_id), input).await
}

async fn one(
    desk: &Desk<'_, '_>,
    target: Option<RecipientId>,
    input: RecipientInput,
) -> Result<(Upserted, Vec<AddressKey>), ConsentError> {
    let checked = check(input, desk.now).map_err(ConsentError::Invalid)?;
    let (mut written, keys) = write(desk, vec![Item { target, checked }]).await?;
    let upserted = written.pop().ok_or(ConsentError::Row { column: "recipient_id" })?;
    Ok((upserted.map_err(ConsentError::Invalid)?, keys))
}

/// One person, merged or not.
///
/// # Errors
/// Of kind `NotFound` where it is nobody of this tenant; where the database fails.
pub async fn get_recipient(desk: &Desk<'_, '_>, recipient_id: RecipientId) -> Result<Recipient, ConsentError> {
    let rows = people::list_by_id(desk.tx, &[recipient_id]).await?;
    let found = desk.open_people(rows).await?.pop();
    found.ok_or(ConsentError::RecipientNotFound(recipient_id))
}

/// One page of people, merged records left out, the newest first.
///
/// # Errors
/// Where the database fails.
pub async fn list_recipients(
    desk: &Desk<'_, '_>,
    is_active: Option<bool>,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Page<Recipient>, ConsentError> {
    let Page { items, next } = people::list_recipients(desk.tx, is_active, cursor, limit).await?;
    Ok(Page { items: desk.open_people(items).await?, next })
}

/// People with an external id or an address; an address may be shared (decision C58). The newest 200.
///
/// # Errors
/// `Invalid` where the address is none; where the database fails.
pub async fn search_recipients(desk: &Desk<'_, '_>, search: &RecipientSearch) -> Result<Vec<Recipient>, ConsentError> {
    let rows = match search {
        RecipientSearch::ExternalId(id) => {
            people::list_by_external_id(desk.tx, &[external_id_hash(desk, id.trim())]).await?
        }
        RecipientSearch::Address { channel, address } => {
            let normal = normalize_address(*channel, address.trim());
            let normal = normal.ok_or_else(|| ConsentError::field("", "is not a valid address"))?;
            people::list_at(desk.tx, &desk.key(*channel, &normal)).await?
        }
    };
    desk.open_people(rows).await
}

/// The record that stands for somebody.
pub(super) async fn survivor(desk: &Desk<'_, '_>, recipient_id: RecipientId) -> Result<RecipientId, ConsentError> {
    let survivors = people::list_survivors(desk.tx, &[recipient_id]).await?;
    survivors.get(&recipient_id).copied().ok_or(ConsentError::RecipientNotFound(recipient_id))
}

pub(super) fn external_id_hash(desk: &Desk<'_, '_>, external_id: &str) -> [u8; 16] {
    desk.tenant.hash(EXTERNAL_ID, external_id.as_bytes())
}

/// A record of nobody yet.
fn blank(desk: &Desk<'_, '_>) -> RecipientRow {
    RecipientRow {
        recipient_id: RecipientId::new(desk.now),
        external_id_hash: None,
        profile_sealed: Vec::new(),
        kind: crate::types::RecipientKind::Patient,
        language: "en".to_owned(),
        zone: None,
        state: None,
        is_active: true,
        merged_into: None,
        version: 1,
        created_at: desk.now,
        updated_at: desk.now,
    }
}
