//! Each person and each address is sent to once (CAM-5), also where two records became one since the list was filled.
//!
//! - A person is sent to once: the record that stands for them when the row's turn comes.
//! - An address on a channel is sent to once, whichever rows lead to it. All channels of a row's plan count, for any may
//!   become the one that it takes.
//! - A row holds what it reaches from before it is handed in. It holds nothing once it has ended without a message, or was
//!   put off: that is read off the row's own state, so that it holds from the commit that ends it (`store::list_claims`).
//! - Only a template goes to an address once for each of several people who share it, as children do their mother's phone:
//!   it speaks of each of them. A row that names an address alone speaks of nobody.

use std::collections::{BTreeMap, BTreeSet};

use carepost_tenancy::TenantHandle;
use jiff::Timestamp;

use super::compose::{Composed, target_hash};
use crate::types::{RowOutcome, RowState, RowVerdict, Said};

/// A keyed hash of a recipient, or of an address on a channel.
pub type ClaimHash = [u8; 16];

/// Whom and what a row would reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The row.
    pub row_no: i32,
    /// The person whom it names.
    pub person: Option<ClaimHash>,
    /// The addresses of its plan.
    pub addresses: BTreeSet<ClaimHash>,
}

/// A row that goes there, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The row.
    pub row_no: i32,
    /// It names somebody who is kept here.
    pub names_person: bool,
    /// It is a message. Else it was handed in, and nobody knows yet whether it becomes one.
    pub is_sent: bool,
}

/// Who goes where. What ended, or was put off, without a message goes nowhere and is not in here.
pub type Held = BTreeMap<ClaimHash, Vec<Holder>>;

impl Reach {
    /// Of a row as it was composed: by the record that stands for the person now.
    #[must_use]
    pub fn of(tenant: &TenantHandle, row: &Composed) -> Self {
        let person = row.message.payload.expose().about.recipient_id;
        Self {
            row_no: row.row_no,
            person: person.map(|recipient_id| target_hash(tenant, Ok(recipient_id))),
            addresses: row.keys().map(|key| key.address_hash).collect(),
        }
    }

    /// All that it would hold.
    pub fn hashes(&self) -> impl Iterator<Item = ClaimHash> + '_ {
        self.person.into_iter().chain(self.addresses.iter().copied())
    }

    /// Rows that are in this one's way.
    fn others(&self, held: &Held, speaks_of_each: bool) -> Vec<Holder> {
        let at = |hash: &ClaimHash| held.get(hash).into_iter().flatten().filter(|holder| holder.row_no != self.row_no);
        let may_share = |holder: &&Holder| speaks_of_each && holder.names_person && self.person.is_some();
        let at_addresses = self.addresses.iter().flat_map(at).filter(|holder| !may_share(holder));
        self.person.iter().flat_map(at).chain(at_addresses).copied().collect()
    }
}

/// The rows of a page that go where others go already, and which those are; what the rest reach is added to `held`. A row
/// that is asked about again holds what it reaches now, and nothing once it is left out.
#[must_use]
pub fn duplicates(page: &[Reach], held: &mut Held, speaks_of_each: bool) -> BTreeMap<i32, Vec<Holder>> {
    let mut doubled = BTreeMap::new();
    for reach in page {
        let others = reach.others(held, speaks_of_each);
        for holders in held.values_mut() {
            holders.retain(|holder| holder.row_no != reach.row_no);
        }
        if !others.is_empty() {
            doubled.insert(reach.row_no, others);
            continue;
        }
        let holder = Holder { row_no: reach.row_no, names_person: reach.person.is_some(), is_sent: false };
        for hash in reach.hashes() {
            held.entry(hash).or_default().push(holder);
        }
    }
    doubled
}

/// The code of such a row.
pub(super) const DUPLICATE: &str = "duplicate";

/// What becomes of such a row, once the page was handed in. It has ended where one of the others is a message, now or
/// before; while nobody knows, or where none became one, it is asked about again: else nobody might be sent anything.
#[must_use]
pub fn duplicate(row_no: i32, others: &[Holder], sent_now: &BTreeSet<i32>, recheck: Timestamp) -> RowOutcome {
    let is_final = others.iter().any(|other| other.is_sent || sent_now.contains(&other.row_no));
    let (state, verdict, until) = if is_final {
        (RowState::Refused, RowVerdict::Refuse, None)
    } else {
        (RowState::Held, RowVerdict::Wait, Some(recheck))
    };
    let said = Said { verdict, code: Some(DUPLICATE.to_owned()), channel: None, until, channels: Vec::new() };
    RowOutcome { row_no, state, due_at: until, said: Some(said), message_id: None, error: None }
}

#[cfg(test)]
mod tests;
