//! Nobody twice, and nobody left out for a row that never went.

use proptest::prelude::*;

use super::*;

/// What comes of handing a row in, or of asking the gate about it once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is a message.
    Sent,
    /// It ends without one.
    Fails,
    /// It was handed in and comes back; then it is a message.
    BackThenSent,
    /// It was handed in and comes back; then the gate refuses it.
    BackThenRefused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Waiting,
    /// Handed in once, and put back.
    Back,
    PutOff,
    Sent,
    Failed,
    Duplicate,
}

/// The rows of a send with what is written down of them, as the store has it.
struct Sending {
    rows: Vec<(Reach, Fate)>,
    at: BTreeMap<i32, At>,
    claims: Held,
    speaks_of_each: bool,
}

impl Sending {
    fn new(rows: Vec<(Reach, Fate)>, speaks_of_each: bool) -> Self {
        let at = rows.iter().map(|(reach, _)| (reach.row_no, At::Waiting)).collect();
        Self { rows, at, claims: Held::new(), speaks_of_each }
    }

    /// As `list_bulk_claims.sql` reads them.
    fn held(&self) -> Held {
        let read = |holder: &Holder| match self.at[&holder.row_no] {
            At::Sent => Some(Holder { is_sent: true, ..*holder }),
            At::Waiting | At::Back => Some(*holder),
            At::PutOff | At::Failed | At::Duplicate => None,
        };
        self.claims.iter().map(|(hash, holders)| (*hash, holders.iter().filter_map(read).collect())).collect()
    }

    /// One page, as `actors/src/campaigns/feed.rs` has it.
    fn turn(&mut self, page: &[(Reach, Fate)]) {
        let mut going = Vec::new();
        for (reach, fate) in page {
            match self.at[&reach.row_no] {
                At::Back if *fate == Fate::BackThenRefused => {
                    self.at.insert(reach.row_no, At::Failed);
                }
                At::Waiting | At::Back | At::PutOff => going.push((reach.clone(), *fate)),
                At::Sent | At::Failed | At::Duplicate => {}
            }
        }
        let reaches: Vec<Reach> = going.iter().map(|(reach, _)| reach.clone()).collect();
        let mut held = self.held();
        let doubled = duplicates(&reaches, &mut held, self.speaks_of_each);
        for (hash, holders) in held {
            let known = self.claims.entry(hash).or_default();
            for holder in holders {
                if known.iter().all(|one| one.row_no != holder.row_no) {
                    known.push(Holder { is_sent: false, ..holder });
                }
            }
        }
        let mut sent = BTreeSet::new();
        for (reach, fate) in going.iter().filter(|(reach, _)| !doubled.contains_key(&reach.row_no)) {
            let was = self.at[&reach.row_no];
            let now = match fate {
                Fate::Sent => At::Sent,
                Fate::Fails => At::Failed,
                Fate::BackThenSent | Fate::BackThenRefused if was == At::Waiting => At::Back,
                Fate::BackThenSent => At::Sent,
                // Put back again: the gate has not been asked since.
                Fate::BackThenRefused => At::Back,
            };
            if now == At::Sent {
                sent.insert(reach.row_no);
            }
            self.at.insert(reach.row_no, now);
        }
        for (row_no, others) in &doubled {
            let outcome = duplicate(*row_no, others, &sent, Timestamp::UNIX_EPOCH);
            let now = if outcome.state == RowState::Held { At::PutOff } else { At::Duplicate };
            self.at.insert(*row_no, now);
        }
    }

    fn collide(&self, one: &Reach, other: &Reach) -> bool {
        let is_same = one.person.is_some() && one.person == other.person;
        let may_share = self.speaks_of_each && one.person.is_some() && other.person.is_some();
        is_same || (!may_share && !one.addresses.is_disjoint(&other.addresses))
    }

    fn all_at(&self, at: At) -> Vec<&Reach> {
        self.rows.iter().map(|(reach, _)| reach).filter(|reach| self.at[&reach.row_no] == at).collect()
    }
}

fn rows() -> impl Strategy<Value = Vec<(Reach, Fate)>> {
    let fate = prop_oneof![
        3 => Just(Fate::Sent),
        1 => Just(Fate::Fails),
        1 => Just(Fate::BackThenSent),
        1 => Just(Fate::BackThenRefused)
    ];
    let row = (proptest::option::of(0_u8..6), proptest::collection::btree_set(0_u8..8, 1..3), fate);
    let number = |(i, (person, addresses, fate)): (usize, (Option<u8>, BTreeSet<u8>, Fate))| {
        (reach(i32::try_from(i).unwrap(), person, &addresses.into_iter().collect::<Vec<_>>()), fate)
    };
    proptest::collection::vec(row, 0..40).prop_map(move |rows| rows.into_iter().enumerate().map(number).collect())
}

proptest! {
    /// Whatever the list, wherever its pages end, and whichever rows fail or come back: what is sent has no person twice
    /// and no address twice, each row gets its fate, and what is left out shares one with something that was sent.
    #[test]
    fn cam_5_no_list_reaches_anybody_twice_and_none_is_left_out_for_nothing(
        rows in rows(),
        page in 1_usize..10,
        speaks_of_each: bool,
    ) {
        let mut sending = Sending::new(rows.clone(), speaks_of_each);
        // In each round a row is sent, ends, comes back for the only time, or is put off behind one of those.
        for _ in 0..=3 * rows.len() {
            for page in rows.chunks(page) {
                sending.turn(page);
            }
        }
        let sent = sending.all_at(At::Sent);
        for (i, one) in sent.iter().enumerate() {
            prop_assert!(sent[i + 1..].iter().all(|other| !sending.collide(one, other)));
        }
        for one in sending.all_at(At::Duplicate) {
            prop_assert!(sent.iter().any(|other| sending.collide(one, other)));
        }
        for at in [At::Waiting, At::Back, At::PutOff] {
            prop_assert!(sending.all_at(at).is_empty(), "a row without a fate");
        }
        for (reach, fate) in &rows {
            prop_assert!(*fate != Fate::Sent || sending.at[&reach.row_no] != At::Failed);
        }
    }
}

fn reach(row_no: i32, person: Option<u8>, addresses: &[u8]) -> Reach {
    let hash = |number: u8| [number; 16];
    let addresses = addresses.iter().copied().map(hash).collect();
    Reach { row_no, person: person.map(|number| hash(number + 128)), addresses }
}

fn check(page: &[Reach], speaks_of_each: bool, expected: &[i32]) {
    let doubled = duplicates(page, &mut Held::new(), speaks_of_each);
    assert_eq!(doubled.into_keys().collect::<Vec<_>>(), expected, "{page:?} {speaks_of_each}");
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
fn cam_5_a_row_that_is_asked_about_again_holds_what_it_reaches_now() {
    let mut held = Held::new();
    let row = [reach(1, Some(1), &[1])];
    for _ in 0..2 {
        assert!(duplicates(&row, &mut held, false).is_empty());
    }
    let doubled = duplicates(&[reach(2, None, &[1])], &mut held, false);
    assert_eq!(doubled.into_keys().collect::<Vec<_>>(), [2]);
    assert!(duplicates(&[reach(1, Some(1), &[3])], &mut held, false).is_empty());
    assert!(duplicates(&[reach(2, None, &[1])], &mut held, false).is_empty());
}

#[test]
fn cam_5_a_duplicate_is_final_only_where_another_row_is_a_message() {
    let other = |is_sent| Holder { row_no: 1, names_person: false, is_sent };
    let recheck = Timestamp::from_second(30).unwrap();
    for (is_sent, sent_now, state, verdict) in [
        (false, vec![], RowState::Held, RowVerdict::Wait),
        (false, vec![3], RowState::Held, RowVerdict::Wait),
        (false, vec![1], RowState::Refused, RowVerdict::Refuse),
        (true, vec![], RowState::Refused, RowVerdict::Refuse),
    ] {
        let outcome = duplicate(2, &[other(is_sent)], &BTreeSet::from_iter(sent_now), recheck);
        assert_eq!((outcome.row_no, outcome.state), (2, state));
        assert_eq!(outcome.due_at, (state == RowState::Held).then_some(recheck));
        let said = outcome.said.unwrap();
        assert_eq!((said.verdict, said.code.as_deref()), (verdict, Some("duplicate")));
    }
}
