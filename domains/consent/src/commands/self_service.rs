//! What people do themselves over the links that they were sent: see and change their wishes, stop, resume, unsubscribe
//! (CON-003, CON-008, CON-017). Each deed is the recipient's own: the evidence says so.

use std::collections::BTreeSet;

use carepost_kernel::{Channel, Purpose, RecipientId, Topic};

use super::consent::{GiveConsent, RevokeConsent, record_consent, revoke_consent};
use super::people::{get_recipient, survivor, update_recipient};
use super::preferences::{get_preferences, put_preferences};
use super::{Desk, opt_in_key, opt_out_key};
use crate::ConsentError;
use crate::mask::mask;
use crate::store::evidence::lock_addresses;
use crate::store::people::{lock_people, lock_recipient};
use crate::store::suppressions::{self, SuppressionRow};
use crate::tokens::Subject;
use crate::types::{
    AddressKey, ConsentSource, ContactPoint, Preferences, PreferencesRecord, RecipientInput, Said, SuppressionReason,
};

/// Whom a link speaks for, as the page shows it: no name, and addresses masked.
#[derive(Debug, Clone, PartialEq)]
pub struct Reader {
    /// The person; none: whoever reads at the address.
    pub recipient_id: Option<RecipientId>,
    /// The language of their messages, where it is known.
    pub language: Option<String>,
    /// Where they are reached.
    pub points: Vec<Point>,
    /// What they wish.
    pub preferences: Preferences,
    /// Which version of that this is: 0 where nothing was ever written.
    pub version: i64,
    /// Addresses that want nothing more.
    pub stopped: Vec<AddressKey>,
    /// Those of them that were stopped elsewhere, as by a text with STOP: this link does not resume them.
    pub elsewhere: Vec<AddressKey>,
}

/// An address of a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// Which.
    pub key: AddressKey,
    /// As its owner may recognise it.
    pub masked: String,
}

/// Whom a link speaks for; `None` where nobody is left: the person is gone, and the link names no address.
///
/// # Errors
/// Where the database fails or something sealed does not open.
pub async fn read_wishes(desk: &Desk<'_, '_>, subject: &Subject) -> Result<Option<Reader>, ConsentError> {
    let mut reader = Reader {
        recipient_id: known(desk, subject).await?,
        language: None,
        points: Vec::new(),
        preferences: Preferences::default(),
        version: 0,
        stopped: Vec::new(),
        elsewhere: Vec::new(),
    };
    if let Some(recipient_id) = reader.recipient_id {
        let person = get_recipient(desk, recipient_id).await?;
        reader.points = person.contact_points.iter().filter(|point| point.is_active).map(show).collect();
        reader.language = Some(person.language);
        let record = get_preferences(desk, recipient_id).await?;
        (reader.preferences, reader.version) = (record.preferences, record.version);
    }
    if reader.recipient_id.is_none() && subject.address.is_none() {
        return Ok(None);
    }
    let keys: BTreeSet<AddressKey> = reader.points.iter().map(|point| point.key).chain(subject.address).collect();
    for key in keys {
        if is_stopped(desk, &key).await? {
            reader.stopped.push(key);
            if !may_resume(desk, subject, &key).await? {
                reader.elsewhere.push(key);
            }
        }
    }
    Ok(Some(reader))
}

/// New wishes of a person, chosen on sight of a version of them, with the language of their messages; returns the addresses that the gate must look at again.
///
/// Switching offers off takes the consent to marketing back; switching them on again is consent by deed, and no consent
/// in writing.
///
/// # Errors
/// `Invalid` names the wrong fields; of kind `Conflict` where the wishes have another version by now, and these would
/// change them; where the database fails.
pub async fn save_wishes(
    desk: &Desk<'_, '_>,
    recipient_id: RecipientId,
    (preferences, seen_version): (Preferences, i64),
    language: &str,
    said: &Said,
) -> Result<Vec<AddressKey>, ConsentError> {
    let recipient_id = lock(desk, recipient_id).await?;
    let person = get_recipient(desk, recipient_id).await?;
    // Together: the deeds below are of one channel after the other.
    let all: Vec<AddressKey> = person.contact_points.iter().flat_map(keys_of_point).collect();
    lock_addresses(desk.tx, &all).await?;
    let PreferencesRecord { preferences: before, version, .. } = get_preferences(desk, recipient_id).await?;
    // Sent twice, a form changes nothing the second time.
    if version != seen_version && (before != preferences || person.language != language) {
        let problem = "the preferences have changed since they were shown";
        return Err(ConsentError::Conflict { tried: "save wishes", problem });
    }
    let mut keys = BTreeSet::new();
    if person.language != language {
        let input = RecipientInput { language: Some(language.to_owned()), ..RecipientInput::default() };
        keys.extend(update_recipient(desk, recipient_id, input).await?.1);
    }
    if before != preferences {
        let expected = Some(seen_version);
        keys.extend(put_preferences(desk, recipient_id, preferences.clone(), said.source, expected).await?.1);
        let is_off =
            |of: &Preferences, channel| of.off.get(&Topic::Marketing).is_some_and(|off| off.contains(&channel));
        let used: BTreeSet<Channel> =
            person.contact_points.iter().filter(|point| point.is_active).map(|point| point.channel).collect();
        for channel in used {
            match (is_off(&before, channel), is_off(&preferences, channel)) {
                (false, true) => keys.extend(revoke_marketing(desk, recipient_id, channel, said).await?),
                (true, false) => keys.extend(grant_marketing(desk, recipient_id, channel, said).await?),
                _ => {}
            }
        }
    }
    Ok(keys.into_iter().collect())
}

/// Nothing more to any address of a reader by text message, call or email.
///
/// # Errors
/// Where the database fails.
pub async fn stop_all(desk: &Desk<'_, '_>, subject: &Subject, said: &Said) -> Result<Vec<AddressKey>, ConsentError> {
    let mut told = BTreeSet::new();
    for key in locked(desk, subject).await? {
        told.extend(opt_out_key(desk, key, said).await?.keys);
    }
    Ok(told.into_iter().collect())
}

/// Messages again to the addresses that a reader had stopped: the one that the link was sent to, and those that were
/// stopped on our own pages. A STOP that was texted is the word of whoever holds that phone, and START takes it back.
///
/// # Errors
/// Where the database fails.
pub async fn resume_all(desk: &Desk<'_, '_>, subject: &Subject, said: &Said) -> Result<Vec<AddressKey>, ConsentError> {
    let mut told = BTreeSet::new();
    for key in locked(desk, subject).await? {
        if is_stopped(desk, &key).await? && may_resume(desk, subject, &key).await? {
            told.extend(opt_in_key(desk, key, said).await?.keys);
        }
    }
    Ok(told.into_iter().collect())
}

/// No more of what a link came with: its topic on its channel where the person is known, else everything at the address.
/// Doing it twice changes nothing.
///
/// # Errors
/// Where the database fails.
pub async fn unsubscribe(desk: &Desk<'_, '_>, subject: &Subject, said: &Said) -> Result<Vec<AddressKey>, ConsentError> {
    let (Some(recipient_id), Some(topic)) = (known(desk, subject).await?, subject.topic) else {
        return match subject.address {
            Some(key) if is_stopped(desk, &key).await? => Ok(Vec::new()),
            Some(key) => Ok(opt_out_key(desk, key, said).await?.keys),
            None => stop_all(desk, subject, said).await,
        };
    };
    let channel = subject.address.map_or(Channel::Email, |address| address.channel);
    let recipient_id = lock(desk, recipient_id).await?;
    let mut preferences = get_preferences(desk, recipient_id).await?.preferences;
    if !preferences.off.entry(topic).or_default().insert(channel) {
        return Ok(Vec::new());
    }
    let told = put_preferences(desk, recipient_id, preferences, said.source, None).await?.1;
    let mut keys: BTreeSet<AddressKey> = told.into_iter().collect();
    let person = get_recipient(desk, recipient_id).await?;
    if topic == Topic::Marketing && person.contact_points.iter().any(|point| point.channel == channel) {
        keys.extend(revoke_marketing(desk, recipient_id, channel, said).await?);
    }
    Ok(keys.into_iter().collect())
}

/// How a deed on a page of ours is written down: in the words that were shown, and their version.
#[must_use]
pub fn said_on_page(wording: &str, language: &str, version: &str) -> Said {
    Said {
        wording: Some(wording.into()),
        wording_version: Some(version.to_owned()),
        language: Some(language.to_owned()),
        ..Said::by(ConsentSource::Portal)
    }
}

/// Waits for whoever else changes people: then nobody holds what this deed waits for while they wait for this one. Gives
/// the record that stands for the person.
async fn lock(desk: &Desk<'_, '_>, recipient_id: RecipientId) -> Result<RecipientId, ConsentError> {
    lock_people(desk.tx).await?;
    let recipient_id = survivor(desk, recipient_id).await?;
    lock_recipient(desk.tx, recipient_id).await?;
    Ok(recipient_id)
}

/// The person whom a link names, under the id that they have now.
async fn known(desk: &Desk<'_, '_>, subject: &Subject) -> Result<Option<RecipientId>, ConsentError> {
    let Some(named) = subject.recipient_id else { return Ok(None) };
    match survivor(desk, named).await {
        Err(ConsentError::RecipientNotFound(_)) => Ok(None),
        found => found.map(Some),
    }
}

/// An address on every channel that uses it.
fn keys_of_point(point: &ContactPoint) -> impl Iterator<Item = AddressKey> {
    let own = AddressKey { channel: point.channel, address_hash: point.address_hash };
    let calls = point.voice_hash.map(|address_hash| AddressKey { channel: Channel::Voice, address_hash });
    std::iter::once(own).chain(calls)
}

fn show(point: &ContactPoint) -> Point {
    let key = AddressKey { channel: point.channel, address_hash: point.address_hash };
    Point { key, masked: mask(point.channel, point.address.expose()) }
}

async fn is_stopped(desk: &Desk<'_, '_>, key: &AddressKey) -> Result<bool, ConsentError> {
    let open = suppressions::list_open(desk.tx, key).await?;
    Ok(open.iter().any(|row| row.reason == SuppressionReason::OptedOut && row.is_live(desk.now)))
}

/// Whether a link resumes an address that is stopped.
async fn may_resume(desk: &Desk<'_, '_>, subject: &Subject, key: &AddressKey) -> Result<bool, ConsentError> {
    if subject.address == Some(*key) {
        return Ok(true);
    }
    let open = suppressions::list_open(desk.tx, key).await?;
    // A provider that blocks a number has heard a STOP there, whatever we heard first.
    let is_of_elsewhere = |row: &SuppressionRow| match row.reason {
        SuppressionReason::OptedOut => row.source != ConsentSource::Portal,
        reason => reason == SuppressionReason::ProviderBlock,
    };
    Ok(!open.iter().any(|row| row.is_live(desk.now) && is_of_elsewhere(row)))
}

/// Those of [`stoppable`], locked together: their order is the room's own.
async fn locked(desk: &Desk<'_, '_>, subject: &Subject) -> Result<BTreeSet<AddressKey>, ConsentError> {
    let keys = stoppable(desk, subject).await?;
    lock_addresses(desk.tx, &keys.iter().copied().collect::<Vec<_>>()).await?;
    Ok(keys)
}

/// The addresses that stopping and resuming are about: the page says texts and email, and a call is worse than a text.
async fn stoppable(desk: &Desk<'_, '_>, subject: &Subject) -> Result<BTreeSet<AddressKey>, ConsentError> {
    let mut keys: BTreeSet<AddressKey> = subject.address.into_iter().collect();
    if let Some(recipient_id) = known(desk, subject).await? {
        let person = get_recipient(desk, recipient_id).await?;
        keys.extend(person.contact_points.iter().filter(|point| point.is_active).flat_map(keys_of_point));
    }
    keys.retain(|key| matches!(key.channel, Channel::Sms | Channel::Email | Channel::Voice));
    Ok(keys)
}

async fn revoke_marketing(
    desk: &Desk<'_, '_>,
    recipient_id: RecipientId,
    channel: Channel,
    said: &Said,
) -> Result<Vec<AddressKey>, ConsentError> {
    let revoke = RevokeConsent {
        recipient_id,
        channel: Some(channel),
        address: None,
        purposes: vec![Purpose::Marketing],
        said: said.clone(),
    };
    Ok(revoke_consent(desk, &revoke).await?.1)
}

async fn grant_marketing(
    desk: &Desk<'_, '_>,
    recipient_id: RecipientId,
    channel: Channel,
    said: &Said,
) -> Result<Vec<AddressKey>, ConsentError> {
    let give = GiveConsent {
        recipient_id,
        channel,
        address: None,
        purposes: vec![Purpose::Marketing],
        is_in_writing: false,
        is_unsecured: false,
        said: said.clone(),
        expires_at: None,
    };
    Ok(record_consent(desk, &give).await?.1)
}
