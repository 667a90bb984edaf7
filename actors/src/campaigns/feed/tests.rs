//! What of a page is written, and what is passed over.

use carepost_campaigns::rules::judge::held_back;
use carepost_campaigns::types::{ChannelSaid, RowVerdict};
use carepost_kernel::{Channel, Phi};

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn paused(until: Timestamp) -> Said {
    let (verdict, code) = (RowVerdict::Wait, Some("paused".to_owned()));
    let one = ChannelSaid { channel: Channel::Sms, verdict, rule: None, code: code.clone(), until: Some(until) };
    Said { verdict, code, channel: Some(Channel::Sms), until: Some(until), channels: vec![one] }
}

/// Rows that were held as paused, one after the other.
fn page(rows: i32) -> Page {
    let row = |row_no| DueRow {
        row: FedRow { row_no, recipient_id: None, target: Phi::default() },
        due_at: at(0),
        held: Some(paused(at(0))),
    };
    Page::of(&(1..=rows).map(row).collect::<Vec<_>>())
}

/// Settles a page, and tells what is written and up to where it is passed.
fn settle(rows: i32, mut outcomes: Vec<RowOutcome>, soon: Timestamp) -> (Vec<i32>, Option<i32>) {
    let passed = page(rows).settle(&mut outcomes, soon).map(|place| place.row_no);
    (outcomes.iter().map(|outcome| outcome.row_no).collect(), passed)
}

fn still_paused(row_no: i32, now: Timestamp) -> RowOutcome {
    held_back(row_no, &paused(recheck(now))).unwrap()
}

#[test]
fn hub_014_what_a_page_finds_as_it_was_is_not_written() {
    let now = at(100);
    let stands = |row_no| still_paused(row_no, now);
    assert_eq!(settle(3, vec![stands(1), stands(2), stands(3)], recheck(now)), (vec![], Some(3)));
    // By a clock that has moved between the question and the look, each of them would be a row that was put off.
    let later = at(101);
    let moved = vec![still_paused(1, later), still_paused(2, later)];
    assert_eq!(settle(2, moved, recheck(now)), (vec![1, 2], None));
}

#[test]
fn hub_014_rows_are_passed_up_to_the_first_that_has_to_come_again() {
    let now = at(100);
    let stands = |row_no| still_paused(row_no, now);
    let gone = |row_no| RowOutcome::enqueued(row_no, None, MessageId::new(now));
    // The third was cut off by the pace of the send, or came back; what lies behind it does not count.
    assert_eq!(settle(4, vec![stands(1), gone(2), stands(4)], recheck(now)), (vec![2], Some(2)));
    assert_eq!(settle(2, vec![stands(2)], recheck(now)), (vec![], None));
    assert_eq!(settle(2, vec![gone(1), gone(2)], recheck(now)), (vec![1, 2], None), "nothing stands in the way");
}
