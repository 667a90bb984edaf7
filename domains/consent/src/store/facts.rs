//! What the gate asks before a message leaves: everything that is known of its address, for many addresses at once.

use std::collections::BTreeMap;

use futures_util::future::try_join5;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use carepost_kernel::{MessageId, Purpose, RecipientId, TenantId};
use carepost_store::{EngineConnection, Row};

use super::rows::{self, NOBODY, Result, get, number};
use crate::ConsentError;
use crate::error::Tried as _;
use crate::evidence::of_nobody;
use crate::types::{
    AddressKey, ConsentState, ContactFacts, Grant, GuardianScope, PastSend, PersonFacts, Preferences, SuppressionFact,
    SuppressionReason, WardFact,
};

pub(super) const LIST_PEOPLE_AT: &str = include_str!("../sql/list_people_at.sql");
pub(super) const LIST_WARDS_AT: &str = include_str!("../sql/list_wards_at.sql");
pub(super) const LIST_STATES_AT: &str = include_str!("../sql/list_states_at.sql");
pub(super) const LIST_SUPPRESSIONS_AT: &str = include_str!("../sql/list_suppressions_at.sql");
pub(super) const LIST_SENDS_AT: &str = include_str!("../sql/list_sends_at.sql");

/// How far back sends are told of: a week by any zone's calendar.
pub const SENDS_KEPT: SignedDuration = SignedDuration::from_hours(8 * 24);
/// Of each kind of send so many are told of, the newest: as many as the greatest cap of a policy counts.
pub const MOST_SENDS: i64 = 1_000;
/// Addresses of one look.
pub const MOST_ADDRESSES: usize = 512;

type StatesByPerson = BTreeMap<RecipientId, Vec<Grant>>;

/// Everything that the gate's rules know of these addresses, one entry for each in their order; one round trip.
///
/// Where nobody is known at an address that something was said for, [`PersonFacts::recipient_id`] is the nil id: what
/// was said for the address itself counts, and so do revocations of people who are gone.
///
/// # Errors
/// Where the database fails or a row cannot be read.
///
/// # Panics
/// In tests, over [`MOST_ADDRESSES`].
pub async fn load_facts(
    connection: &EngineConnection,
    tenant_id: TenantId,
    keys: &[AddressKey],
    now: Timestamp,
) -> Result<Vec<ContactFacts>> {
    debug_assert!(keys.len() <= MOST_ADDRESSES, "{} addresses at once", keys.len());
    let tenant_id = tenant_id.as_uuid();
    let (channels, hashes) = rows::columns(keys);
    let since = now.saturating_sub(SENDS_KEPT).unwrap_or(Timestamp::MIN);
    // In flight together: PostgreSQL answers all of them in one round trip.
    let (people, wards, states, suppressions, sends) = try_join5(
        connection.query(LIST_PEOPLE_AT, &[&tenant_id, &channels, &hashes]),
        connection.query(LIST_WARDS_AT, &[&tenant_id, &channels, &hashes]),
        connection.query(LIST_STATES_AT, &[&tenant_id, &channels, &hashes]),
        connection.query(LIST_SUPPRESSIONS_AT, &[&tenant_id, &channels, &hashes, &now]),
        connection.query(LIST_SENDS_AT, &[&tenant_id, &channels, &hashes, &since, &MOST_SENDS]),
    )
    .await
    .tried("load facts of addresses")?;
    let mut facts: Vec<ContactFacts> = keys.iter().map(|key| empty(*key)).collect();
    for row in &people {
        let person = person(row)?;
        at(&mut facts, row)?.people.push(person);
    }
    for row in &wards {
        let guardian_id = RecipientId::from_uuid(get(row, "guardian_id")?);
        let ward = ward(row)?;
        // Those who are not reached there themselves have nothing to hear.
        let people = at(&mut facts, row)?.people.iter_mut();
        people.filter(|person| person.recipient_id == guardian_id).for_each(|person| person.wards.push(ward.clone()));
    }
    let mut by_address: Vec<StatesByPerson> = vec![BTreeMap::new(); keys.len()];
    for row in &states {
        at(&mut by_address, row)?.entry(rows::recipient_id(row)?).or_default().push(grant(row)?);
    }
    for (one, states) in facts.iter_mut().zip(by_address) {
        spread(one, states);
    }
    for row in &suppressions {
        let fact = suppression(row)?;
        at(&mut facts, row)?.suppressions.push(fact);
    }
    for row in &sends {
        let sent = past_send(row)?;
        at(&mut facts, row)?.sends.push(sent);
    }
    Ok(facts)
}

fn at<'all, T>(all: &'all mut [T], row: &Row) -> Result<&'all mut T> {
    all.get_mut(rows::place(row)?).ok_or(ConsentError::Row { column: "place" })
}

const fn empty(key: AddressKey) -> ContactFacts {
    ContactFacts { key, people: Vec::new(), suppressions: Vec::new(), sends: Vec::new() }
}

/// Gives each person what they said; what was said by others counts only where nobody is known.
fn spread(facts: &mut ContactFacts, mut states: StatesByPerson) {
    for person in &mut facts.people {
        person.grants = states.remove(&person.recipient_id).unwrap_or_default();
    }
    if facts.people.is_empty() && !states.is_empty() {
        let of_address = states.remove(&NOBODY).unwrap_or_default();
        let left = states.into_values().flatten();
        let revocations: Vec<Grant> = left.filter(|grant| grant.state == ConsentState::Revoked).collect();
        let grants = of_nobody(&of_address, &revocations);
        if !grants.is_empty() {
            facts.people.push(nameless(grants));
        }
    }
}

fn nameless(grants: Vec<Grant>) -> PersonFacts {
    PersonFacts {
        recipient_id: NOBODY,
        also: Vec::new(),
        zone: None,
        state: None,
        language: "en".to_owned(),
        grants,
        preferences: Preferences::default(),
        wards: Vec::new(),
    }
}

fn person(row: &Row) -> Result<PersonFacts> {
    let zone: Option<&str> = get(row, "zone")?;
    let state: Option<&str> = get(row, "state")?;
    let wishes: Option<serde_json::Value> = get(row, "body")?;
    let preferences =
        wishes.map(serde_json::from_value).transpose().map_err(|_| ConsentError::Row { column: "body" })?;
    let also: Vec<Uuid> = get(row, "also")?;
    Ok(PersonFacts {
        recipient_id: rows::recipient_id(row)?,
        also: also.into_iter().map(RecipientId::from_uuid).collect(),
        // A zone that this system's tables do not know any more is an unknown one: the strictest rule holds.
        zone: zone.and_then(|name| TimeZone::get(name).ok()),
        state: state.and_then(|state| state.as_bytes().try_into().ok()),
        language: get(row, "language")?,
        grants: Vec::new(),
        preferences: preferences.unwrap_or_default(),
        wards: Vec::new(),
    })
}

fn ward(row: &Row) -> Result<WardFact> {
    let also: Vec<Uuid> = get(row, "also")?;
    Ok(WardFact {
        ward_id: RecipientId::from_uuid(get(row, "ward_id")?),
        also: also.into_iter().map(RecipientId::from_uuid).collect(),
        scope: number(row, "scope", GuardianScope::from_i16)?,
        ends_on: get::<Option<Date>>(row, "ends_on")?,
    })
}

pub(super) fn grant(row: &Row) -> Result<Grant> {
    Ok(Grant {
        purpose: rows::purpose(row)?,
        state: rows::state(row)?,
        since: get(row, "since")?,
        expires_at: get(row, "expires_at")?,
    })
}

fn suppression(row: &Row) -> Result<SuppressionFact> {
    let reason = number(row, "reason", SuppressionReason::from_i16)?;
    Ok(SuppressionFact { reason, since: get(row, "since")?, until: get(row, "until")? })
}

fn past_send(row: &Row) -> Result<PastSend> {
    Ok(PastSend {
        message_id: MessageId::from_uuid(get(row, "message_id")?),
        at: get(row, "at")?,
        purpose: number(row, "purpose", Purpose::from_i16)?,
        is_exempt: get(row, "is_exempt")?,
        is_here: get(row, "is_here")?,
    })
}
