//! CON-1: the state follows from the evidence, whatever the order in which it was stored.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

type States = [(Option<Purpose>, ConsentState)];

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
}

fn entry(number: u128, purpose: Option<Purpose>, state: ConsentState, milliseconds: i64) -> Evidence {
    let event_id = ConsentEventId::from_uuid(Uuid::from_u128(number));
    Evidence { event_id, purpose, state, at: at(milliseconds), expires_at: None }
}

fn states(evidence: &[Evidence]) -> Vec<(Option<Purpose>, ConsentState)> {
    derive(evidence).iter().map(|grant| (grant.purpose, grant.state)).collect()
}

use ConsentState::{Granted, GrantedInWriting, Revoked};

const CARE: Option<Purpose> = Some(Purpose::Treatment);
const OFFERS: Option<Purpose> = Some(Purpose::Marketing);

#[test]
fn con_001_the_latest_word_stands_for_each_purpose() {
    let table: [(&[Evidence], &States); 7] = [
        (&[], &[]),
        (
            &[entry(1, CARE, Granted, 0), entry(2, OFFERS, GrantedInWriting, 1)],
            &[(CARE, Granted), (OFFERS, GrantedInWriting)],
        ),
        (&[entry(1, CARE, Granted, 0), entry(2, CARE, Revoked, 5_000)], &[(CARE, Revoked)]),
        (&[entry(1, CARE, Revoked, 0), entry(2, CARE, Granted, 5_000)], &[(CARE, Granted)]),
        // All is taken back, whatever was given by name before.
        (
            &[entry(1, CARE, Granted, 0), entry(2, OFFERS, GrantedInWriting, 1), entry(3, None, Revoked, 5_000)],
            &[(None, Revoked)],
        ),
        (&[entry(1, None, Revoked, 0), entry(2, CARE, Granted, 5_000)], &[(None, Revoked), (CARE, Granted)]),
        // What was taken back by its name stays so when all the rest is given again.
        (
            &[entry(1, OFFERS, Revoked, 0), entry(2, None, Revoked, 5_000), entry(3, None, Granted, 9_000)],
            &[(None, Granted), (OFFERS, Revoked)],
        ),
    ];
    for (evidence, expected) in table {
        assert_eq!(states(evidence), expected);
    }
}

#[test]
fn con_003_two_opt_outs_and_an_opt_in_in_one_second_are_an_opt_out() {
    let (first, start, second) =
        (entry(1, None, Revoked, 100), entry(2, None, Granted, 900), entry(3, None, Revoked, 500));
    for order in [[first, start, second], [start, second, first], [second, first, start]] {
        assert_eq!(states(&order), [(None, Revoked)]);
    }
    let next_second = entry(4, None, Granted, 1_000);
    assert_eq!(states(&[first, start, second, next_second]), [(None, Granted)]);
}

#[test]
fn an_address_without_people_keeps_the_revocations_of_those_who_left() {
    let grant = |state, milliseconds| Grant { purpose: None, state, since: at(milliseconds), expires_at: None };
    let left = [grant(Revoked, 5_000)];
    assert_eq!(of_nobody(&[], &left)[0].state, Revoked);
    assert_eq!(of_nobody(&[grant(Granted, 0)], &left)[0].state, Revoked);
    assert_eq!(of_nobody(&[grant(Granted, 9_000)], &left)[0].state, Granted);
}

fn any_evidence() -> impl Strategy<Value = Vec<Evidence>> {
    let purpose = prop_oneof![Just(None), Just(CARE), Just(OFFERS), Just(Some(Purpose::Financial))];
    let state = prop_oneof![Just(Granted), Just(GrantedInWriting), Just(Revoked)];
    let one = (purpose, state, 0_i64..6_000, proptest::option::of(0_i64..9_000));
    proptest::collection::vec(one, 0..24).prop_map(|all| {
        let numbered = all.into_iter().zip(1_u128..);
        numbered
            .map(|((purpose, state, milliseconds, expires), number)| Evidence {
                expires_at: expires.map(at),
                ..entry(number, purpose, state, milliseconds)
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn con_001_any_order_and_any_replay_give_the_same_state(
        (evidence, shuffled) in any_evidence().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        again in 0_usize..24,
    ) {
        let expected = derive(&evidence);
        prop_assert_eq!(&derive(&shuffled), &expected);
        let mut replayed = shuffled.clone();
        replayed.extend(shuffled.iter().take(again).copied());
        prop_assert_eq!(&derive(&replayed), &expected);
    }

    #[test]
    fn con_011_after_a_revocation_of_all_nothing_older_is_given(evidence in any_evidence()) {
        let derived = derive(&evidence);
        let last = evidence.iter().filter(|one| one.purpose.is_none() && one.state == Revoked).map(|one| one.at.as_second()).max();
        for grant in derived.iter().filter(|grant| grant.state != Revoked) {
            prop_assert!(last.is_none_or(|last| grant.since.as_second() > last), "{:?}", grant);
        }
    }
}
