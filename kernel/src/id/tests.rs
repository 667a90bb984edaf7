//! Ids sort by time and parse once.

use super::*;

#[test]
fn ids_of_one_instant_do_not_sort_backwards() {
    let now = Timestamp::UNIX_EPOCH;
    let ids: Vec<MessageId> = (0..1_000).map(|_| MessageId::new(now)).collect();
    assert!(ids.is_sorted());
}

#[test]
fn a_message_id_tells_when_it_was_made() {
    let now = Timestamp::from_millisecond(1_790_000_000_123).expect("in range");
    assert_eq!(MessageId::new(now).made_at(), Some(now));
}

#[test]
fn the_first_id_of_an_instant_lies_below_every_id_that_is_made_then() {
    let now = Timestamp::from_millisecond(1_790_000_000_123).expect("in range");
    let before = Timestamp::from_millisecond(1_790_000_000_122).expect("in range");
    assert!(EventId::new(before) < EventId::first_at(now) && EventId::first_at(now) < EventId::new(now));
    assert_eq!(EventId::first_at(Timestamp::MIN), EventId::from_uuid(Uuid::nil()));
}

#[test]
fn a_wrong_text_names_the_kind_and_not_the_text() {
    let error = "maria@example.com".parse::<TenantId>().expect_err("no UUID");
    assert_eq!(error.to_string(), "parse id of kind tenant: not a UUID");
}
