//! From the evidence to the present state: the one place that knows how (CON-1).
//!
//! Entries are taken in the order in which they were said. Where a revocation and a grant bear the same second, the
//! revocation comes last: two clocks cannot be told apart so finely, and silence is the safe mistake. So the state does
//! not depend on the order in which entries were stored, nor on how often one of them was.

use std::collections::BTreeMap;

use jiff::Timestamp;

use carepost_kernel::{ConsentEventId, Purpose};

use crate::types::{ConsentState, Evidence, Grant};

/// The present state: one entry for each purpose that was spoken of, that for all purposes (`None`) first.
///
/// The entry of a purpose itself speaks for it; where there is none, that for all does. A revocation for all takes the
/// grants of single purposes back; a later grant for all does not bring back what was revoked by its name.
#[must_use]
pub fn derive(evidence: &[Evidence]) -> Vec<Grant> {
    let mut ordered: Vec<&Evidence> = evidence.iter().collect();
    ordered.sort_by_key(|one| order(one));
    let mut present: BTreeMap<Option<Purpose>, Grant> = BTreeMap::new();
    for one in ordered {
        if one.purpose.is_none() && one.state == ConsentState::Revoked {
            present.retain(|_, grant| grant.state == ConsentState::Revoked);
        }
        let Evidence { purpose, state, at, expires_at, .. } = *one;
        present.insert(purpose, Grant { purpose, state, since: at, expires_at });
    }
    present.into_values().collect()
}

/// What stands of an address that nobody is known at: what was said for the address, and whatever revocations were ever
/// said there, unless the address was opened again later.
#[must_use]
pub(crate) fn of_nobody(of_address: &[Grant], revocations: &[Grant]) -> Vec<Grant> {
    let nameless = |grant: &Grant| Evidence {
        event_id: ConsentEventId::from_uuid(uuid::Uuid::nil()),
        purpose: grant.purpose,
        state: grant.state,
        at: grant.since,
        expires_at: grant.expires_at,
    };
    let all: Vec<Evidence> = of_address.iter().chain(revocations).map(nameless).collect();
    derive(&all)
}

fn order(evidence: &Evidence) -> (i64, bool, Timestamp, ConsentEventId) {
    let is_revoked = evidence.state == ConsentState::Revoked;
    (evidence.at.as_second(), is_revoked, evidence.at, evidence.event_id)
}

#[cfg(test)]
mod tests;
