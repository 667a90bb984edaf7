//! What the book believes, and for how long.

use carepost_consent::types::{PersonFacts, Preferences};
use carepost_kernel::{Channel, MessageId, Purpose};
use jiff::Timestamp;

use super::*;

fn key(number: u8) -> AddressKey {
    AddressKey { channel: Channel::Sms, address_hash: [number; 16] }
}

fn facts(number: u8) -> ContactFacts {
    ContactFacts { key: key(number), people: Vec::new(), suppressions: Vec::new(), sends: Vec::new() }
}

fn send(message_id: MessageId) -> PastSend {
    PastSend { message_id, at: Timestamp::UNIX_EPOCH, purpose: Purpose::Treatment, is_exempt: false, is_here: true }
}

#[test]
fn del_8_what_was_read_before_a_change_is_not_believed() {
    let book = FactsBook::new(10);
    let edition = book.begin();
    book.forget(key(1));
    book.learn(edition, vec![facts(1), facts(2)]);
    assert!(!book.knows(key(1)));
    assert!(book.knows(key(2)), "the change was somebody else's");
    book.learn(book.begin(), vec![facts(1)]);
    assert!(book.knows(key(1)));
}

#[test]
fn del_8_a_change_of_everything_outdates_every_reading() {
    let book = FactsBook::new(10);
    let edition = book.begin();
    book.forget_all();
    book.learn(edition, vec![facts(1)]);
    assert!(!book.knows(key(1)));
}

#[test]
fn del_8_a_reading_that_overlaps_more_changes_than_are_remembered_is_not_believed() {
    let book = FactsBook::new(10);
    let edition = book.begin();
    for _ in 0..=CHANGES_KEPT {
        book.forget(key(9));
    }
    book.learn(edition, vec![facts(1)]);
    assert!(!book.knows(key(1)));
}

#[test]
fn del_12_the_book_is_bounded() {
    let book = FactsBook::new(10);
    for number in 0..100 {
        book.learn(book.begin(), vec![facts(number)]);
        assert!(book.knows(key(number)));
    }
    assert_eq!(book.pages().known.len(), 10);
}

#[test]
fn a_message_counts_from_the_moment_it_is_let_go_and_however_often_the_address_is_read() {
    let book = FactsBook::new(10);
    let message_id = MessageId::new(Timestamp::UNIX_EPOCH);
    let sends = || book.facts(key(1)).unwrap().sends.len();
    book.learn(book.begin(), vec![facts(1)]);
    book.count(key(1), Vec::new(), send(message_id));
    assert_eq!(sends(), 1);
    // Read again before its start is durable.
    book.forget(key(1));
    book.learn(book.begin(), vec![facts(1)]);
    assert_eq!(sends(), 1);
    // And after it, whichever reading had begun before.
    book.forget(key(1));
    book.learn(book.begin(), vec![facts(1)]);
    assert_eq!(sends(), 1);
    // One that stays after all does not count.
    let stays = MessageId::new(Timestamp::UNIX_EPOCH);
    book.count(key(1), Vec::new(), send(stays));
    book.take_back(key(1), send(stays));
    assert_eq!(sends(), 1);
}

fn reader(number: u128) -> RecipientId {
    RecipientId::from_uuid(uuid::Uuid::from_u128(number))
}

/// An address at which these read.
fn read_by(number: u8, readers: &[RecipientId]) -> ContactFacts {
    let person = |recipient_id: &RecipientId| PersonFacts {
        recipient_id: *recipient_id,
        also: Vec::new(),
        zone: None,
        state: None,
        language: "en".to_owned(),
        grants: Vec::new(),
        preferences: Preferences::default(),
        wards: Vec::new(),
    };
    ContactFacts { people: readers.iter().map(person).collect(), ..facts(number) }
}

#[test]
fn con_005_what_leaves_for_one_address_counts_at_all_that_are_the_same_persons() {
    let (ana, ben) = (reader(1), reader(2));
    let book = FactsBook::new(10);
    // 1 and 2 are hers, 3 is the family's, 4 is his; of 5 only something was said.
    let of = |number| match number {
        1 | 2 => read_by(number, &[ana]),
        3 => read_by(number, &[ana, ben]),
        4 => read_by(number, &[ben]),
        _ => read_by(number, &[reader(0)]),
    };
    let learn = |number| book.learn(book.begin(), vec![of(number)]);
    (1..=5).for_each(learn);
    let sends = |number| book.facts(key(number)).unwrap().sends.clone();
    let counts = || [1, 2, 3, 4, 5].map(|number| sends(number).len());
    let count = |number, send: PastSend| book.count(key(number), of(number).readers().collect(), send);
    let first = send(MessageId::new(Timestamp::UNIX_EPOCH));
    count(1, first);
    assert_eq!(counts(), [1, 1, 0, 0, 0], "not at an address that others read as well");
    assert_eq!((sends(1)[0].is_here, sends(2)[0].is_here), (true, false));
    let second = send(MessageId::new(Timestamp::UNIX_EPOCH));
    count(3, second);
    assert_eq!(counts(), [2, 2, 1, 1, 0], "what the family gets counts for each of them");
    count(5, send(MessageId::new(Timestamp::UNIX_EPOCH)));
    assert_eq!(counts(), [2, 2, 1, 1, 1]);

    // The same message on another channel is the same message, and stays one where that one is not made.
    let again = PastSend { at: Timestamp::from_second(5).unwrap(), ..first };
    count(2, again);
    book.take_back(key(2), again);
    assert_eq!(counts(), [2, 2, 1, 1, 1]);
    // Read again, before what leaves is written down.
    book.forget(key(2));
    learn(2);
    assert_eq!(counts(), [2, 2, 1, 1, 1]);
    // What stays after all counts nowhere.
    book.take_back(key(3), second);
    book.take_back(key(1), first);
    assert_eq!(counts(), [0, 0, 0, 0, 1]);
    book.forget(key(2));
    learn(2);
    assert_eq!(counts(), [0, 0, 0, 0, 1]);
    // An address that others read from now on is nobody's own.
    book.forget(key(2));
    book.learn(book.begin(), vec![read_by(2, &[ana, ben])]);
    count(1, first);
    assert_eq!(counts(), [1, 0, 0, 0, 1]);
    book.forget_all();
    assert!(book.pages().homes.is_empty());
}
