//! From rows to people: what is sealed is opened here and nowhere else.

use std::collections::BTreeMap;

use carepost_kernel::{Phi, RecipientId, SealError};
use zeroize::Zeroizing;

use super::{ADDRESS, Desk, PROFILE};
use crate::ConsentError;
use crate::error::Tried as _;
use crate::store::people::{RecipientRow, list_guardians};
use crate::store::points::{PointRow, list_points};
use crate::types::{ContactPoint, Guardian, Profile, Recipient};

impl Desk<'_, '_> {
    pub(super) fn open_profile(&self, row: &RecipientRow) -> Result<Profile, ConsentError> {
        const TRIED: &str = "open profile of recipient";
        let owner = self.owner(PROFILE, row.recipient_id.as_uuid());
        let plain = self.tenant.open(&owner, &row.profile_sealed).tried(TRIED)?;
        serde_json::from_slice(&plain).map_err(|_| SealError::Malformed).tried(TRIED)
    }

    pub(super) fn seal_profile(&self, recipient_id: RecipientId, profile: &Profile) -> Result<Vec<u8>, ConsentError> {
        const TRIED: &str = "seal profile of recipient";
        let plain = Zeroizing::new(serde_json::to_vec(profile).map_err(|_| SealError::Refused).tried(TRIED)?);
        self.tenant.seal(&self.owner(PROFILE, recipient_id.as_uuid()), &plain).tried(TRIED)
    }

    pub(super) fn open_text(
        &self,
        (what, id): (&'static str, uuid::Uuid),
        sealed: &[u8],
    ) -> Result<Phi<String>, ConsentError> {
        let plain = self.tenant.open(&self.owner(what, id), sealed).tried("open sealed text")?;
        let text = std::str::from_utf8(&plain).map_err(|_| SealError::Malformed).tried("open sealed text")?;
        Ok(Phi::new(text.to_owned()))
    }

    pub(super) fn seal_text(
        &self,
        (what, id): (&'static str, uuid::Uuid),
        text: &str,
    ) -> Result<Vec<u8>, ConsentError> {
        self.tenant.seal(&self.owner(what, id), text.as_bytes()).tried("seal text")
    }

    pub(super) fn open_point(&self, row: PointRow) -> Result<ContactPoint, ConsentError> {
        Ok(ContactPoint {
            address: self.open_text((ADDRESS, row.contact_point_id.as_uuid()), &row.address_sealed)?,
            contact_point_id: row.contact_point_id,
            recipient_id: row.recipient_id,
            channel: row.channel,
            address_hash: row.address_hash,
            voice_hash: row.voice_hash,
            verified_at: row.verified_at,
            rank: row.rank,
            is_active: row.is_active,
        })
    }

    /// People with all that belongs to them, in the order of the rows.
    pub(super) async fn open_people(&self, rows: Vec<RecipientRow>) -> Result<Vec<Recipient>, ConsentError> {
        let ids: Vec<RecipientId> = rows.iter().map(|row| row.recipient_id).collect();
        let mut points: BTreeMap<RecipientId, Vec<ContactPoint>> = BTreeMap::new();
        for row in list_points(self.tx, &ids).await? {
            points.entry(row.recipient_id).or_default().push(self.open_point(row)?);
        }
        let mut guardians: BTreeMap<RecipientId, Vec<Guardian>> = BTreeMap::new();
        for (recipient_id, guardian) in list_guardians(self.tx, &ids).await? {
            guardians.entry(recipient_id).or_default().push(guardian);
        }
        let open = |row: RecipientRow| {
            Ok(Recipient {
                profile: Phi::new(self.open_profile(&row)?),
                contact_points: points.remove(&row.recipient_id).unwrap_or_default(),
                guardians: guardians.remove(&row.recipient_id).unwrap_or_default(),
                recipient_id: row.recipient_id,
                kind: row.kind,
                language: row.language,
                zone: row.zone,
                state: row.state,
                is_active: row.is_active,
                merged_into: row.merged_into,
                version: row.version,
                created_at: row.created_at,
                updated_at: row.updated_at,
            })
        };
        rows.into_iter().map(open).collect()
    }
}
