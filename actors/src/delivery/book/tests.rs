//! What the book believes, and for how long.

use carepost_kernel::{Channel, Purpose};
use jiff::Timestamp;

use super::*;

fn key(number: u8) -> AddressKey {
    AddressKey { channel: Channel::Sms, address_hash: [number; 16] }
}

fn facts(number: u8) -> ContactFacts {
    ContactFacts { key: key(number), people: Vec::new(), suppressions: Vec::new(), sends: Vec::new() }
}

fn send(message_id: MessageId) -> PastSend {
    PastSend { message_id, at: Timestamp::UNIX_EPOCH, purpose: Purpose::Treatment, is_exempt: false }
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
    book.count(key(1), send(message_id));
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
    book.count(key(1), send(stays));
    book.take_back(key(1), stays);
    assert_eq!(sends(), 1);
}
