//! What people wish, and the terms that they accept.

use carepost_kernel::{Phi, RecipientId};

use super::people::survivor;
use super::{Desk, TERMS, keys_of};
use crate::ConsentError;
use crate::error::FieldFault;
use crate::store::people::lock_recipient;
use crate::store::points::list_points;
use crate::store::preferences;
use crate::types::{
    AcceptedTerms, AddressKey, ChangeKind, ConsentSource, PreferenceVersion, Preferences, PreferencesRecord,
};

/// Terms of messaging that somebody accepts (CON-010).
#[derive(Debug, Clone)]
pub struct Terms {
    /// Which version of them.
    pub terms_version: String,
    /// The exact words that were shown.
    pub wording: Option<Phi<String>>,
    /// In which language.
    pub language: Option<String>,
    /// How we know.
    pub source: ConsentSource,
}

/// What somebody wishes.
///
/// # Errors
/// Of kind `NotFound` where it is nobody of this tenant; where the database fails.
pub async fn get_preferences(
    desk: &Desk<'_, '_>,
    recipient_id: RecipientId,
) -> Result<PreferencesRecord, ConsentError> {
    let recipient_id = survivor(desk, recipient_id).await?;
    preferences::find_preferences(desk.tx, recipient_id).await
}

/// Writes down what somebody wishes, in the place of what they wished before; the history keeps that. With a version:
/// only where that one is still the present one.
///
/// # Errors
/// `Invalid` names the wrong fields; of kind `Conflict` where the version is another; of kind `NotFound` where it is
/// nobody of this tenant; where the database fails.
pub async fn put_preferences(
    desk: &Desk<'_, '_>,
    recipient_id: RecipientId,
    wishes: Preferences,
    source: ConsentSource,
    expected_version: Option<i64>,
) -> Result<(PreferencesRecord, Vec<AddressKey>), ConsentError> {
    let faults = faults_of(&wishes);
    if !faults.is_empty() {
        return Err(ConsentError::Invalid(faults));
    }
    let recipient_id = survivor(desk, recipient_id).await?;
    lock_recipient(desk.tx, recipient_id).await?;
    let before = preferences::find_preferences(desk.tx, recipient_id).await?;
    if expected_version.is_some_and(|version| version != before.version) {
        let problem = "the preferences have changed since";
        return Err(ConsentError::Conflict { tried: "write preferences", problem });
    }
    if before.version > 0 && before.preferences == wishes {
        return Ok((before, Vec::new()));
    }
    let record = PreferencesRecord { preferences: wishes, version: before.version + 1, updated_at: Some(desk.now) };
    preferences::put_preferences(desk.tx, recipient_id, &record, (source, desk.actor, desk.now)).await?;
    let points = list_points(desk.tx, &[recipient_id]).await?;
    let keys = desk.tell(keys_of(&points), ChangeKind::Preferences).await?;
    Ok((record, keys))
}

/// What somebody wished over time, the newest first; the last 200.
///
/// # Errors
/// Of kind `NotFound` where it is nobody of this tenant; where the database fails.
pub async fn list_preference_history(
    desk: &Desk<'_, '_>,
    recipient_id: RecipientId,
) -> Result<Vec<PreferenceVersion>, ConsentError> {
    let recipient_id = survivor(desk, recipient_id).await?;
    preferences::list_history(desk.tx, recipient_id).await
}

/// Somebody accepts the terms of messaging. The first time stands: false where this version was accepted before.
///
/// # Errors
/// `Invalid` names the wrong fields; of kind `NotFound` where it is nobody of this tenant; where the database fails.
pub async fn accept_terms(desk: &Desk<'_, '_>, recipient_id: RecipientId, terms: &Terms) -> Result<bool, ConsentError> {
    if terms.terms_version.is_empty() || terms.terms_version.len() > 100 {
        return Err(ConsentError::field("/terms_version", "must be 1 to 100 bytes"));
    }
    let recipient_id = survivor(desk, recipient_id).await?;
    let accepted = AcceptedTerms {
        terms_version: terms.terms_version.clone(),
        language: terms.language.clone(),
        source: terms.source,
        actor: desk.actor.clone(),
        accepted_at: desk.now,
    };
    let sealed = terms.wording.as_ref().map(|words| desk.seal_text((TERMS, recipient_id.as_uuid()), words.expose()));
    preferences::insert_terms(desk.tx, recipient_id, &accepted, sealed.transpose()?.as_deref()).await
}

fn faults_of(wishes: &Preferences) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    if wishes.quiet.is_some_and(|quiet| quiet.from == quiet.until) {
        faults.push(FieldFault::new("/quiet/until", "must be another time than from"));
    }
    if wishes.most_per_week == Some(0) {
        faults.push(FieldFault::new("/most_per_week", "must be at least 1: take channels off to get nothing"));
    }
    if wishes.digest.as_ref().is_some_and(|digest| digest.topics.is_empty()) {
        faults.push(FieldFault::new("/digest/topics", "must name at least one topic"));
    }
    faults
}
