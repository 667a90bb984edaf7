//! Writing consent and its revocation down, for one person.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use carepost_kernel::{Channel, ConsentEventId, Cursor, Page, Phi, Purpose, RecipientId};

use super::people::survivor;
use super::{Desk, WORDING};
use crate::ConsentError;
use crate::address::normalize_address;
use crate::error::FieldFault;
use crate::store::evidence::{self, Deed, NewEvent, Spot, StoredEvent, lock_addresses};
use crate::store::list_consent_states;
use crate::store::points::{PointRow, list_points};
use crate::types::{AddressKey, ChangeKind, ConsentEvent, ConsentState, Grant, Said};

/// How far ahead of ours a clock may be.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);
/// The longest wording, in characters.
pub(super) const WORDING_MAX: usize = 4_000;

/// Consent that somebody gives.
#[derive(Debug, Clone)]
pub struct GiveConsent {
    /// Who.
    pub recipient_id: RecipientId,
    /// On which channel.
    pub channel: Channel,
    /// At which of their addresses; none: the first that is used.
    pub address: Option<Phi<String>>,
    /// For which purposes; none: for all.
    pub purposes: Vec<Purpose>,
    /// In writing: what marketing needs. The wording must be there.
    pub is_in_writing: bool,
    /// In writing, and for health information on a channel that others can read, of which the person was told. The wording
    /// must be there.
    pub is_unsecured: bool,
    /// How it was said.
    pub said: Said,
    /// Until when it holds.
    pub expires_at: Option<Timestamp>,
}

/// Consent that somebody takes back.
#[derive(Debug, Clone)]
pub struct RevokeConsent {
    /// Who.
    pub recipient_id: RecipientId,
    /// On which channel; none: on all.
    pub channel: Option<Channel>,
    /// At which of their addresses; none: at all.
    pub address: Option<Phi<String>>,
    /// For which purposes; none: for all.
    pub purposes: Vec<Purpose>,
    /// How it was said.
    pub said: Said,
}

/// What somebody said about consent, and what follows from it now.
#[derive(Debug, Clone, PartialEq)]
pub struct Consents {
    /// Present consent, by address.
    pub states: Vec<(AddressKey, Grant)>,
    /// One page of the evidence, the newest first.
    pub events: Page<ConsentEvent>,
    /// The addresses themselves, where they are still the person's.
    pub addresses: BTreeMap<AddressKey, Phi<String>>,
}

/// Writes consent down.
///
/// # Errors
/// `Invalid` names the wrong fields; of kind `NotFound` where it is nobody of this tenant; where the database fails.
pub async fn record_consent(
    desk: &Desk<'_, '_>,
    give: &GiveConsent,
) -> Result<(Vec<ConsentEventId>, Vec<AddressKey>), ConsentError> {
    let state = match (give.is_unsecured, give.is_in_writing) {
        (true, _) => ConsentState::GrantedUnsecured,
        (false, true) => ConsentState::GrantedInWriting,
        (false, false) => ConsentState::Granted,
    };
    let mut faults = faults_of(&give.said, desk.now);
    let at = said_at(&give.said, desk.now);
    if state.needs_wording() && (give.said.wording.is_none() || give.said.wording_version.is_none()) {
        faults.push(FieldFault::new("/wording", "consent in writing needs the wording and its version"));
    }
    if give.expires_at.is_some_and(|expires_at| expires_at <= at) {
        faults.push(FieldFault::new("/expires_at", "must lie after the time at which it was said"));
    }
    if !faults.is_empty() {
        return Err(ConsentError::Invalid(faults));
    }
    let recipient_id = survivor(desk, give.recipient_id).await?;
    let points = list_points(desk.tx, &[recipient_id]).await?;
    let wanted = wanted_keys(desk, &points, Some(give.channel), give.address.as_ref())?;
    let first = points.iter().filter(|point| point.is_active).flat_map(PointRow::keys).find(|key| wanted.contains(key));
    let key = match give.address {
        Some(_) => wanted.first().copied(),
        None => first,
    };
    let key = key.ok_or_else(|| ConsentError::field("/channel", "the person has no address on this channel"))?;
    let deed = Deed { state, said: &give.said, actor: desk.actor, at, expires_at: give.expires_at };
    write(desk, &[(key, recipient_id)], &give.purposes, &deed).await
}

/// Takes consent back.
///
/// # Errors
/// As [`record_consent`].
pub async fn revoke_consent(
    desk: &Desk<'_, '_>,
    revoke: &RevokeConsent,
) -> Result<(Vec<ConsentEventId>, Vec<AddressKey>), ConsentError> {
    let faults = faults_of(&revoke.said, desk.now);
    if !faults.is_empty() {
        return Err(ConsentError::Invalid(faults));
    }
    let recipient_id = survivor(desk, revoke.recipient_id).await?;
    let points = list_points(desk.tx, &[recipient_id]).await?;
    let wanted = wanted_keys(desk, &points, revoke.channel, revoke.address.as_ref())?;
    if wanted.is_empty() {
        return Err(ConsentError::field("/channel", "the person has no such address"));
    }
    let spots: Vec<Spot> = wanted.into_iter().map(|key| (key, recipient_id)).collect();
    let at = said_at(&revoke.said, desk.now);
    let deed = Deed { state: ConsentState::Revoked, said: &revoke.said, actor: desk.actor, at, expires_at: None };
    write(desk, &spots, &revoke.purposes, &deed).await
}

/// What somebody said about consent, and what follows from it now.
///
/// # Errors
/// Of kind `NotFound` where it is nobody of this tenant; where the database fails.
pub async fn list_consents(
    desk: &Desk<'_, '_>,
    recipient_id: RecipientId,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Consents, ConsentError> {
    let recipient_id = survivor(desk, recipient_id).await?;
    let states = list_consent_states(desk.tx, recipient_id).await?;
    let Page { items, next } = evidence::list_events(desk.tx, recipient_id, cursor, limit).await?;
    let items = items.into_iter().map(|event| open(desk, event)).collect::<Result<Vec<_>, _>>()?;
    let mut addresses = BTreeMap::new();
    for point in list_points(desk.tx, &[recipient_id]).await? {
        let keys: Vec<AddressKey> = point.keys().collect();
        let address = desk.open_point(point)?.address;
        addresses.extend(keys.into_iter().map(|key| (key, address.clone())));
    }
    Ok(Consents { states, events: Page { items, next }, addresses })
}

/// Writes one deed for many spots, with what follows from it. No purposes: all of them.
pub(super) async fn write(
    desk: &Desk<'_, '_>,
    spots: &[Spot],
    purposes: &[Purpose],
    deed: &Deed<'_>,
) -> Result<(Vec<ConsentEventId>, Vec<AddressKey>), ConsentError> {
    let keys: Vec<AddressKey> = spots.iter().map(|(key, _)| *key).collect();
    lock_addresses(desk.tx, &keys).await?;
    let ids = append(desk, spots, purposes, deed).await?;
    desk.rederive(spots).await?;
    Ok((ids, desk.tell(keys, ChangeKind::Consent).await?))
}

/// Adds entries to the evidence. The addresses must be locked.
pub(super) async fn append(
    desk: &Desk<'_, '_>,
    spots: &[Spot],
    purposes: &[Purpose],
    deed: &Deed<'_>,
) -> Result<Vec<ConsentEventId>, ConsentError> {
    let purposes: Vec<Option<Purpose>> =
        if purposes.is_empty() { vec![None] } else { purposes.iter().copied().map(Some).collect() };
    let mut events = Vec::with_capacity(spots.len() * purposes.len());
    for (key, recipient_id) in spots {
        for purpose in &purposes {
            let event_id = ConsentEventId::new(desk.now);
            let wording = deed.said.wording.as_ref();
            let sealed =
                wording.map(|words| desk.seal_text((WORDING, event_id.as_uuid()), words.expose())).transpose()?;
            events.push(NewEvent {
                event_id,
                recipient_id: Some(*recipient_id).filter(|id| *id != crate::store::rows::NOBODY),
                key: *key,
                purpose: *purpose,
                wording_sealed: sealed,
            });
        }
    }
    evidence::insert_events(desk.tx, &events, deed).await?;
    Ok(events.iter().map(|event| event.event_id).collect())
}

/// The addresses of a person that are meant.
fn wanted_keys(
    desk: &Desk<'_, '_>,
    points: &[PointRow],
    channel: Option<Channel>,
    address: Option<&Phi<String>>,
) -> Result<Vec<AddressKey>, ConsentError> {
    let hashed = match address {
        None => None,
        Some(address) => {
            let forms = |on: Channel| {
                let normal = normalize_address(on, address.expose().trim())?;
                Some(desk.key(on, &normal))
            };
            let all: Vec<AddressKey> = Channel::ALL.into_iter().filter_map(forms).collect();
            Some(all)
        }
    };
    let is_wanted = |key: &AddressKey| {
        channel.is_none_or(|channel| channel == key.channel) && hashed.as_ref().is_none_or(|all| all.contains(key))
    };
    let wanted: Vec<AddressKey> = points.iter().flat_map(PointRow::keys).filter(is_wanted).collect();
    if hashed.is_some() && wanted.is_empty() {
        return Err(ConsentError::field("/address", "is not an address of the person on this channel"));
    }
    Ok(wanted)
}

/// When it was said. A clock that runs ahead of ours gives no word an instant to come: what is said within those minutes
/// against it would be the older word.
fn said_at(said: &Said, now: Timestamp) -> Timestamp {
    said.at.map_or(now, |at| at.min(now))
}

/// What is wrong with the way in which something was said.
fn faults_of(said: &Said, now: Timestamp) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    let is_ahead = |at: Timestamp| at > now.saturating_add(CLOCK_SKEW).unwrap_or(Timestamp::MAX);
    if said.at.is_some_and(is_ahead) {
        faults.push(FieldFault::new("/at", "must not lie in the future"));
    }
    if said.wording.as_ref().is_some_and(|words| words.expose().chars().count() > WORDING_MAX) {
        faults.push(FieldFault::new("/wording", "is longer than 4,000 characters"));
    }
    if said.wording_version.as_ref().is_some_and(|version| version.is_empty() || version.len() > 100) {
        faults.push(FieldFault::new("/wording_version", "must be 1 to 100 bytes"));
    }
    let is_language = |text: &String| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_lowercase());
    if said.language.as_ref().is_some_and(|language| !is_language(language)) {
        faults.push(FieldFault::new("/language", "must be two letters of a language, as in en"));
    }
    faults
}

fn open(desk: &Desk<'_, '_>, stored: StoredEvent) -> Result<ConsentEvent, ConsentError> {
    let id = stored.evidence.event_id.as_uuid();
    let wording = stored.wording_sealed.map(|sealed| desk.open_text((WORDING, id), &sealed)).transpose()?;
    Ok(ConsentEvent {
        evidence: stored.evidence,
        recipient_id: stored.recipient_id,
        key: stored.key,
        source: stored.source,
        wording,
        wording_version: stored.wording_version,
        language: stored.language,
        actor: stored.actor,
        inbound_id: stored.inbound_id,
    })
}
