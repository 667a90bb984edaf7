//! What callers do: decide, write the change with its evidence and its news in one transaction (CON-2), tell which
//! addresses are concerned.
//!
//! Each command works in the transaction of a [`Desk`], which its caller commits. What it returns names the addresses of
//! which the gate must forget what it knew.

mod addresses;
mod check;
mod consent;
mod import;
mod lists;
mod merge;
mod people;
mod policies;
mod preferences;
mod self_service;
mod view;

use std::collections::BTreeSet;

use jiff::Timestamp;
use uuid::Uuid;

use carepost_kernel::{Channel, RecipientId, TenantId};
use carepost_store::TenantTx;
use carepost_tenancy::TenantHandle;

use crate::ConsentError;
use crate::address::address_hash;
use crate::evidence::derive;
use crate::store;
use crate::store::evidence::{Spot, list_evidence, replace_states};
use crate::store::points::PointRow;
use crate::types::{Actor, AddressKey, ChangeKind};

pub use addresses::{
    AddressWord, Opted, Suppress, find_suppression, lift, list_suppressions, opt_in_address, opt_in_key,
    opt_out_address, opt_out_key, suppress,
};
pub use consent::{Consents, GiveConsent, RevokeConsent, list_consents, record_consent, revoke_consent};
pub use import::{BadLine, Imported, LINES_MAX, Lines, import, read_csv};
pub use lists::{find_by_external_ids, list_people, list_standing_for};
pub use merge::{merge, unmerge};
pub use people::{
    RecipientSearch, Upserted, create_recipient, get_recipient, list_recipients, search_recipients, update_recipient,
};
pub use policies::{activate_policy, create_policy, install_policy, settle_policies};
pub use preferences::{Terms, accept_terms, get_preferences, list_preference_history, put_preferences};
pub use self_service::{Point, Reader, read_wishes, resume_all, said_on_page, save_wishes, stop_all, unsubscribe};

/// A tenant's transaction, with who works in it and when.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a, 'tx> {
    /// Whose rows it sees.
    pub tx: &'a TenantTx<'tx>,
    /// The keys to them.
    pub tenant: &'a TenantHandle,
    /// Who works.
    pub actor: &'a Actor,
    /// The present instant.
    pub now: Timestamp,
}

impl Desk<'_, '_> {
    fn tenant_id(&self) -> TenantId {
        self.tx.tenant_id()
    }

    /// The key of a normal address.
    fn key(&self, channel: Channel, address: &str) -> AddressKey {
        AddressKey { channel, address_hash: address_hash(self.tenant.hash_key(), channel, address) }
    }

    /// What a sealed value of a row is bound to.
    fn owner(&self, what: &'static str, id: Uuid) -> Vec<u8> {
        [what.as_bytes(), &[0], self.tenant_id().as_uuid().as_bytes(), id.as_bytes()].concat()
    }

    /// Tells the gate of every process; returns the addresses once each.
    async fn tell(
        &self,
        keys: impl IntoIterator<Item = AddressKey>,
        what: ChangeKind,
    ) -> Result<Vec<AddressKey>, ConsentError> {
        let keys: BTreeSet<AddressKey> = keys.into_iter().collect();
        let told: Vec<Option<AddressKey>> = keys.iter().copied().map(Some).collect();
        store::insert_consent_changes(self.tx, &told, what, self.now).await?;
        Ok(keys.into_iter().collect())
    }

    /// Derives the states of these spots anew (CON-1). The addresses must be locked.
    async fn rederive(&self, spots: &[Spot]) -> Result<(), ConsentError> {
        let spots: Vec<Spot> = spots.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        if spots.is_empty() {
            return Ok(());
        }
        let evidence = list_evidence(self.tx, &spots).await?;
        let states: Vec<_> = evidence.iter().map(|of_spot| derive(of_spot)).collect();
        replace_states(self.tx, &spots, &states).await
    }
}

/// What sealed values are bound to, besides tenant and row.
const PROFILE: &str = "recipient profile";
const ADDRESS: &str = "contact point address";
const WORDING: &str = "consent wording";
const TERMS: &str = "terms wording";
const SUPPRESSED: &str = "suppressed address";

/// Every address of these contact points, on every channel that uses it.
fn keys_of(points: &[PointRow]) -> impl Iterator<Item = AddressKey> + '_ {
    points.iter().flat_map(PointRow::keys)
}

/// A person at each of their addresses.
fn spots_of(points: &[PointRow], recipient_id: RecipientId) -> impl Iterator<Item = Spot> + '_ {
    keys_of(points).map(move |key| (key, recipient_id))
}
