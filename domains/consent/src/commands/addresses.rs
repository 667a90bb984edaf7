//! What holds for a whole address, whoever reads there (decision C58): opting out and in, suppressions.

use jiff::Timestamp;

use carepost_kernel::{Channel, Cursor, Page, Phi, RecipientId, SuppressionId};

use super::consent::{WORDING_MAX, append};
use super::{Desk, SUPPRESSED};
use crate::ConsentError;
use crate::address::normalize_address;
use crate::evidence::derive;
use crate::store::evidence::{Deed, Spot, is_inbound_known, list_evidence, list_spots_at, lock_addresses};
use crate::store::points::{list_people_reached, list_points};
use crate::store::rows::NOBODY;
use crate::store::suppressions::{self, SuppressionFilter, SuppressionRow};
use crate::types::{AddressKey, ChangeKind, ConsentSource, ConsentState, Said, Suppression, SuppressionReason};

/// A word of somebody at an address, who wants nothing more, or wants to hear again.
#[derive(Debug, Clone)]
pub struct AddressWord {
    /// On which channel.
    pub channel: Channel,
    /// The address.
    pub address: Phi<String>,
    /// How it was said.
    pub said: Said,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opted {
    /// The address was not in this state before: one confirmation is due, and no more than this one.
    pub is_news: bool,
    /// Who reads at the address.
    pub people: Vec<RecipientId>,
    /// Addresses that the gate must look at again.
    pub keys: Vec<AddressKey>,
}

/// An address that shall get nothing.
#[derive(Debug, Clone)]
pub struct Suppress {
    /// On which channel.
    pub channel: Channel,
    /// The address.
    pub address: Phi<String>,
    /// Why.
    pub reason: SuppressionReason,
    /// How we know.
    pub source: ConsentSource,
    /// Until when; none: as the reason has it ([`SuppressionReason::default_until`]).
    pub until: Option<Timestamp>,
    /// When it was said, where that was before now: what was said since then stands.
    pub at: Option<Timestamp>,
}

/// STOP and what means it: the address gets nothing more, and everybody who reads there has taken all consent back.
///
/// A message from outside that was written down already changes nothing.
///
/// # Errors
/// `Invalid` where the address is none; where the database fails.
pub async fn opt_out_address(desk: &Desk<'_, '_>, opt: &AddressWord) -> Result<Opted, ConsentError> {
    let (key, address) = known_address(desk, opt.channel, &opt.address)?;
    say(desk, (key, Some(address)), &opt.said, ConsentState::Revoked).await
}

/// The same where only the hash of the address is known, as with the links that people are sent.
///
/// # Errors
/// Where the database fails.
pub async fn opt_out_key(desk: &Desk<'_, '_>, key: AddressKey, said: &Said) -> Result<Opted, ConsentError> {
    say(desk, (key, None), said, ConsentState::Revoked).await
}

/// START and what means it: lifts what the reader, or a provider for them, had put there, and gives consent again.
///
/// Where an opt-out bears the same second, the opt-out stands.
///
/// # Errors
/// As [`opt_out_address`].
pub async fn opt_in_address(desk: &Desk<'_, '_>, opt: &AddressWord) -> Result<Opted, ConsentError> {
    let (key, address) = known_address(desk, opt.channel, &opt.address)?;
    say(desk, (key, Some(address)), &opt.said, ConsentState::Granted).await
}

/// The same where only the hash of the address is known.
///
/// # Errors
/// Where the database fails.
pub async fn opt_in_key(desk: &Desk<'_, '_>, key: AddressKey, said: &Said) -> Result<Opted, ConsentError> {
    say(desk, (key, None), said, ConsentState::Granted).await
}

async fn say(
    desk: &Desk<'_, '_>,
    (key, address): (AddressKey, Option<Phi<String>>),
    said: &Said,
    state: ConsentState,
) -> Result<Opted, ConsentError> {
    let said = fitting(said, desk.now);
    lock_addresses(desk.tx, &[key]).await?;
    let people = list_people_reached(desk.tx, &key).await?;
    if let Some(inbound_id) = said.inbound_id
        && is_inbound_known(desk.tx, &key, inbound_id).await?
    {
        return Ok(Opted { is_news: false, people, keys: Vec::new() });
    }
    let at = said.at.unwrap_or(desk.now);
    let deed = Deed { state, said: &said, actor: desk.actor, at, expires_at: None };
    let spots: Vec<Spot> = std::iter::once(NOBODY).chain(people.iter().copied()).map(|id| (key, id)).collect();
    append(desk, &spots, &[], &deed).await?;
    // A word for the address is a word about everybody who ever spoke there, reached there now or not.
    let spoke = list_spots_at(desk.tx, &key).await?;
    desk.rederive(&[spots, spoke].concat()).await?;
    let address = match address {
        Some(address) => Some(address),
        None => address_of(desk, &key, &people).await?,
    };
    let is_news = settle(desk, (key, address.as_ref()), state, said.source).await?;
    let keys = desk.tell([key], ChangeKind::Consent).await?;
    Ok(Opted { is_news, people, keys })
}

/// What somebody wrote, made to fit: no length of a text and no vendor's clock may keep a STOP from being heard.
fn fitting(said: &Said, now: Timestamp) -> Said {
    let shorten = |words: &Phi<String>| words.clone().map(|words| words.chars().take(WORDING_MAX).collect());
    let is_language = |text: &String| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_lowercase());
    Said {
        wording: said.wording.as_ref().map(shorten),
        wording_version: said.wording_version.clone().filter(|version| (1..=100).contains(&version.len())),
        language: said.language.clone().filter(is_language),
        at: said.at.map(|at| at.min(now)),
        ..*said
    }
}

/// The address of a hash, as one of those who read there has it.
async fn address_of(
    desk: &Desk<'_, '_>,
    key: &AddressKey,
    people: &[RecipientId],
) -> Result<Option<Phi<String>>, ConsentError> {
    let points = list_points(desk.tx, people).await?;
    let found = points.into_iter().find(|point| point.keys().any(|of_point| of_point == *key));
    found.map(|point| Ok(desk.open_point(point)?.address)).transpose()
}

/// Brings the suppression of an address in line with what was said for it; whether that changed anything.
async fn settle(
    desk: &Desk<'_, '_>,
    (key, address): (AddressKey, Option<&Phi<String>>),
    word: ConsentState,
    source: ConsentSource,
) -> Result<bool, ConsentError> {
    let evidence = list_evidence(desk.tx, &[(key, NOBODY)]).await?;
    let present = evidence.first().map(|said| derive(said)).unwrap_or_default();
    let Some(for_all) = present.iter().find(|grant| grant.purpose.is_none()) else { return Ok(false) };
    let open = suppressions::list_open(desk.tx, &key).await?;
    let is_opted_out = |row: &SuppressionRow| row.reason == SuppressionReason::OptedOut;
    if for_all.state == ConsentState::Revoked {
        let known = open.iter().find(|row| is_opted_out(row));
        // What was said on a page may be taken back there; what the reader has texted since may not.
        let is_stronger = word == ConsentState::Revoked && source != ConsentSource::Portal;
        let is_weaker = |row: &&SuppressionRow| is_stronger && row.source == ConsentSource::Portal;
        let replaced: Vec<SuppressionId> = known.filter(is_weaker).map(|row| row.suppression_id).into_iter().collect();
        if known.is_none() || !replaced.is_empty() {
            suppressions::lift_suppressions(desk.tx, &replaced, desk.now, desk.actor).await?;
            let row = new_row(desk, (key, address), SuppressionReason::OptedOut, source, for_all.since)?;
            suppressions::insert_suppression(desk.tx, &row).await?;
        }
        return Ok(known.is_none());
    }
    if word == ConsentState::Revoked {
        // An old opt-out that came late: the address was opened again since.
        return Ok(false);
    }
    let lifted: Vec<&SuppressionRow> = open.iter().filter(|row| row.reason.ends_with_start()).collect();
    let ids: Vec<SuppressionId> = lifted.iter().map(|row| row.suppression_id).collect();
    suppressions::lift_suppressions(desk.tx, &ids, for_all.since, desk.actor).await?;
    Ok(lifted.iter().any(|row| row.is_live(desk.now)))
}

/// Keeps an address from getting anything. Opting out goes the way of [`opt_out_address`]. False where it was so
/// already; the longer time wins.
///
/// # Errors
/// `Invalid` names the wrong fields; where the database fails.
pub async fn suppress(desk: &Desk<'_, '_>, new: &Suppress) -> Result<(bool, Vec<AddressKey>), ConsentError> {
    if new.until.is_some_and(|until| until <= desk.now) {
        return Err(ConsentError::field("/until", "must lie in the future"));
    }
    if new.reason == SuppressionReason::OptedOut {
        let opt = AddressWord {
            channel: new.channel,
            address: new.address.clone(),
            said: Said { at: new.at, ..Said::by(new.source) },
        };
        let opted = opt_out_address(desk, &opt).await?;
        return Ok((opted.is_news, opted.keys));
    }
    let (key, address) = known_address(desk, new.channel, &new.address)?;
    lock_addresses(desk.tx, &[key]).await?;
    let open = suppressions::list_open(desk.tx, &key).await?;
    let said_at = new.at.map_or(desk.now, |at| at.min(desk.now));
    let until = new.until.or_else(|| new.reason.default_until(said_at));
    let known = open.iter().find(|row| row.reason == new.reason);
    let is_new = match known {
        Some(row) if row.is_live(desk.now) => {
            let longer = match (row.until, until) {
                (Some(known), Some(until)) => Some(known.max(until)),
                _ => None,
            };
            let sealed = desk.seal_text((SUPPRESSED, row.suppression_id.as_uuid()), address.expose())?;
            suppressions::update_suppression(desk.tx, row.suppression_id, longer, Some(&sealed)).await?;
            false
        }
        _ if until.is_some_and(|until| until <= desk.now) => return Ok((false, Vec::new())),
        _ if suppressions::find_lift(desk.tx, &key, new.reason)
            .await?
            .is_some_and(|lifted_at| said_at.as_second() < lifted_at.as_second()) =>
        {
            return Ok((false, Vec::new()));
        }
        _ => {
            // One that has run out makes room, and stays as history: it ended when it ran out.
            let over: Vec<SuppressionId> = known.map(|row| row.suppression_id).into_iter().collect();
            let ended_at = known.and_then(|row| row.until).unwrap_or(desk.now);
            suppressions::lift_suppressions(desk.tx, &over, ended_at, desk.actor).await?;
            let row =
                SuppressionRow { until, ..new_row(desk, (key, Some(&address)), new.reason, new.source, desk.now)? };
            suppressions::insert_suppression(desk.tx, &row).await?;
            true
        }
    };
    Ok((is_new, desk.tell([key], ChangeKind::Suppression).await?))
}

/// Lets an address get messages again, by hand. For one that has opted out this is their word that they want to hear
/// again, and goes the way of [`opt_in_address`]. False where it was lifted already.
///
/// # Errors
/// Of kind `NotFound` where it is none of this tenant; where the database fails.
pub async fn lift(
    desk: &Desk<'_, '_>,
    suppression_id: SuppressionId,
    said: &Said,
) -> Result<(bool, Vec<AddressKey>), ConsentError> {
    let found = suppressions::find_suppression(desk.tx, suppression_id).await?;
    let row = found.ok_or(ConsentError::SuppressionNotFound(suppression_id))?;
    if row.lifted_at.is_some() {
        return Ok((false, Vec::new()));
    }
    if row.reason == SuppressionReason::OptedOut {
        let opted = opt_in_key(desk, row.key, said).await?;
        return Ok((opted.is_news, opted.keys));
    }
    lock_addresses(desk.tx, &[row.key]).await?;
    suppressions::lift_suppressions(desk.tx, &[suppression_id], desk.now, desk.actor).await?;
    Ok((row.is_live(desk.now), desk.tell([row.key], ChangeKind::Suppression).await?))
}

/// One page of suppressions, the newest first.
///
/// # Errors
/// Where the database fails.
pub async fn list_suppressions(
    desk: &Desk<'_, '_>,
    filter: SuppressionFilter,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Page<Suppression>, ConsentError> {
    let Page { items, next } = suppressions::list_suppressions(desk.tx, filter, cursor, limit).await?;
    let items = items.into_iter().map(|row| open(desk, row)).collect::<Result<Vec<_>, _>>()?;
    Ok(Page { items, next })
}

/// One suppression.
///
/// # Errors
/// Of kind `NotFound` where it is none of this tenant; where the database fails.
pub async fn find_suppression(desk: &Desk<'_, '_>, suppression_id: SuppressionId) -> Result<Suppression, ConsentError> {
    let found = suppressions::find_suppression(desk.tx, suppression_id).await?;
    open(desk, found.ok_or(ConsentError::SuppressionNotFound(suppression_id))?)
}

fn known_address(
    desk: &Desk<'_, '_>,
    channel: Channel,
    address: &Phi<String>,
) -> Result<(AddressKey, Phi<String>), ConsentError> {
    let normal = normalize_address(channel, address.expose().trim());
    let normal = normal.ok_or_else(|| ConsentError::field("/address", "is not a valid address of this channel"))?;
    Ok((desk.key(channel, &normal), Phi::new(normal)))
}

fn new_row(
    desk: &Desk<'_, '_>,
    (key, address): (AddressKey, Option<&Phi<String>>),
    reason: SuppressionReason,
    source: ConsentSource,
    since: Timestamp,
) -> Result<SuppressionRow, ConsentError> {
    let suppression_id = SuppressionId::new(desk.now);
    Ok(SuppressionRow {
        suppression_id,
        key,
        address_sealed: address
            .map(|text| desk.seal_text((SUPPRESSED, suppression_id.as_uuid()), text.expose()))
            .transpose()?,
        reason,
        source,
        since,
        until: None,
        lifted_at: None,
        actor: desk.actor.clone(),
    })
}

fn open(desk: &Desk<'_, '_>, row: SuppressionRow) -> Result<Suppression, ConsentError> {
    let id = row.suppression_id.as_uuid();
    let address = row.address_sealed.map(|sealed| desk.open_text((SUPPRESSED, id), &sealed)).transpose()?;
    Ok(Suppression {
        suppression_id: row.suppression_id,
        key: row.key,
        address,
        reason: row.reason,
        source: row.source,
        since: row.since,
        until: row.until,
        lifted_at: row.lifted_at,
        actor: row.actor,
    })
}
