//! Each person and each address is sent to once (CAM-5), also where two records became one since the list was filled.
//!
//! - A person is sent to once: the record that stands for them when the row's turn comes.
//! - An address on a channel is sent to once, whichever rows lead to it. All channels of a row's plan count, for any may
//!   become the one that it takes.
//! - Only a template goes to an address once for each of several people who share it, as children do their mother's phone:
//!   it speaks of each of them. A row that names an address alone speaks of nobody.

use std::collections::{BTreeMap, BTreeSet};

use carepost_tenancy::TenantHandle;

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

/// Who goes there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The row.
    pub row_no: i32,
    /// It names somebody who is kept here.
    pub names_person: bool,
}

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

    fn is_doubled(&self, held: &BTreeMap<ClaimHash, Holder>, speaks_of_each: bool) -> bool {
        let by_another = |hash: &ClaimHash| held.get(hash).filter(|holder| holder.row_no != self.row_no);
        let may_share = |holder: &Holder| speaks_of_each && holder.names_person && self.person.is_some();
        self.person.as_ref().is_some_and(|person| by_another(person).is_some())
            || self.addresses.iter().filter_map(by_another).any(|holder| !may_share(holder))
    }
}

/// The rows of a page that go where another row goes already; what the others hold is added to `held`. A row that is asked
/// about again holds what it held.
#[must_use]
pub fn duplicates(page: &[Reach], held: &mut BTreeMap<ClaimHash, Holder>, speaks_of_each: bool) -> BTreeSet<i32> {
    let mut doubled = BTreeSet::new();
    for reach in page {
        if reach.is_doubled(held, speaks_of_each) {
            doubled.insert(reach.row_no);
            continue;
        }
        let holder = Holder { row_no: reach.row_no, names_person: reach.person.is_some() };
        for hash in reach.hashes() {
            held.entry(hash).or_insert(holder);
        }
    }
    doubled
}

/// What becomes of such a row: its reason is stored.
#[must_use]
pub fn duplicate(row_no: i32) -> RowOutcome {
    let said = Said {
        verdict: RowVerdict::Refuse,
        code: Some("duplicate".to_owned()),
        channel: None,
        until: None,
        channels: Vec::new(),
    };
    RowOutcome { row_no, state: RowState::Refused, due_at: None, said: Some(said), message_id: None, error: None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows() -> impl Strategy<Value = Vec<Reach>> {
        let row = (proptest::option::of(0_u8..6), proptest::collection::btree_set(0_u8..8, 1..3));
        let number = |(i, (person, addresses)): (usize, (Option<u8>, BTreeSet<u8>))| {
            reach(i32::try_from(i).unwrap(), person, &addresses.into_iter().collect::<Vec<_>>())
        };
        proptest::collection::vec(row, 0..40).prop_map(move |rows| rows.into_iter().enumerate().map(number).collect())
    }

    proptest! {
        /// Whatever the list, and wherever its pages end: what goes has no person twice and no address twice, and what does
        /// not go shares one with something that does.
        #[test]
        fn cam_5_no_list_reaches_anybody_twice(rows in rows(), page in 1_usize..10, speaks_of_each: bool) {
            let (mut held, mut doubled) = (BTreeMap::new(), BTreeSet::new());
            for page in rows.chunks(page) {
                doubled.extend(duplicates(page, &mut held, speaks_of_each));
            }
            let (left_out, going): (Vec<&Reach>, Vec<&Reach>) =
                rows.iter().partition(|row| doubled.contains(&row.row_no));
            let collide = |one: &Reach, other: &Reach| {
                let is_same = one.person.is_some() && one.person == other.person;
                let may_share = speaks_of_each && one.person.is_some() && other.person.is_some();
                is_same || (!may_share && !one.addresses.is_disjoint(&other.addresses))
            };
            for (i, one) in going.iter().enumerate() {
                prop_assert!(going[i + 1..].iter().all(|other| !collide(one, other)));
            }
            for one in left_out {
                prop_assert!(going.iter().any(|other| collide(one, other)));
            }
        }
    }

    fn reach(row_no: i32, person: Option<u8>, addresses: &[u8]) -> Reach {
        let hash = |number: u8| [number; 16];
        let addresses = addresses.iter().copied().map(hash).collect();
        Reach { row_no, person: person.map(|number| hash(number + 128)), addresses }
    }

    fn check(page: &[Reach], speaks_of_each: bool, expected: &[i32]) {
        let doubled = duplicates(page, &mut BTreeMap::new(), speaks_of_each);
        assert_eq!(doubled.into_iter().collect::<Vec<_>>(), expected, "{page:?} {speaks_of_each}");
    }

    #[test]
    fn cam_5_each_person_and_each_address_is_sent_to_once() {
        for speaks_of_each in [false, true] {
            check(&[reach(1, None, &[1]), reach(2, None, &[2])], speaks_of_each, &[]);
            // By address and by name, in either order, also where it is the second address of one of them.
            check(&[reach(1, None, &[1]), reach(2, Some(1), &[1, 2])], speaks_of_each, &[2]);
            check(&[reach(1, Some(1), &[1, 2]), reach(2, None, &[2])], speaks_of_each, &[2]);
            // Two records that became one, whose address is another one by now.
            check(&[reach(1, Some(1), &[1]), reach(2, Some(1), &[2])], speaks_of_each, &[2]);
            // What is left out holds nothing.
            check(&[reach(1, None, &[1]), reach(2, Some(1), &[1, 2]), reach(3, None, &[2])], speaks_of_each, &[2]);
        }
    }

    #[test]
    fn cam_5_only_what_speaks_of_each_goes_twice_to_an_address_that_people_share() {
        let page = [reach(1, Some(1), &[1]), reach(2, Some(2), &[1]), reach(3, None, &[1])];
        check(&page, false, &[2, 3]);
        check(&page, true, &[3]);
    }

    #[test]
    fn cam_5_a_row_that_is_asked_about_again_holds_what_it_held() {
        let mut held = BTreeMap::new();
        let row = [reach(1, Some(1), &[1])];
        for _ in 0..2 {
            assert!(duplicates(&row, &mut held, false).is_empty());
        }
        assert_eq!(duplicates(&[reach(2, None, &[1])], &mut held, false), BTreeSet::from([2]));
        assert_eq!(duplicate(2).said.and_then(|said| said.code).as_deref(), Some("duplicate"));
    }
}
