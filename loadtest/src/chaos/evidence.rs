//! Whether a step's fault took place at all: a run without faults proves nothing. Pure.

use jiff::{SignedDuration, Timestamp};

use super::ledger::Counts;
use super::plan::Step;
use super::rows::Entry;

/// The clock jumps by an hour, and no step takes half of one.
const OFF: SignedDuration = SignedDuration::from_mins(30);
/// How often a storm tells each receipt at least.
const LEAST_COPIES: u64 = 5;

/// What the books of a step say of its fault. Kills, and faults of the database, are seen by the step itself: 0 here.
pub(crate) fn count(step: Step, counts: &Counts, entries: &[Entry], [opened_at, closed_at]: [Timestamp; 2]) -> u64 {
    match step {
        Step::BrownOut => counts.refused,
        Step::Hang => counts.hung,
        Step::DropAfterAccept => counts.dropped,
        Step::ReceiptStorm if counts.receipts >= LEAST_COPIES * counts.statuses => counts.statuses,
        Step::ClockJump => {
            let is_off =
                |entry: &&Entry| entry.at.duration_since(closed_at) > OFF || opened_at.duration_since(entry.at) > OFF;
            entries.iter().filter(is_off).count() as u64
        }
        Step::ReceiptStorm | Step::Kills | Step::Refused | Step::Swallowed | Step::DiskFull => 0,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_fault_that_did_not_take_place_counts_nothing() {
        let calm = Counts { messages: 9, calls: 9, acceptances: 9, receipts: 18, statuses: 18, ..Counts::default() };
        for step in Step::ALL {
            assert_eq!(count(step, &calm, &[], [Timestamp::UNIX_EPOCH; 2]), 0, "{step:?}");
        }
    }

    #[test]
    fn faults_of_the_provider_are_counted() {
        let counts = Counts { refused: 1, dropped: 2, hung: 3, receipts: 20, statuses: 4, ..Counts::default() };
        let of = |step| count(step, &counts, &[], [Timestamp::UNIX_EPOCH; 2]);
        let expected = [1, 2, 3, 4];
        assert_eq!([Step::BrownOut, Step::DropAfterAccept, Step::Hang, Step::ReceiptStorm].map(of), expected);
    }

    #[test]
    fn entries_of_a_wrong_clock_are_counted() {
        let entry = |minutes| Entry {
            message_id: Uuid::nil(),
            event_id: Uuid::nil(),
            kind: 2,
            at: Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes),
            attempt_no: 1,
            code: None,
            digest: 0,
        };
        let span = [Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH + SignedDuration::from_mins(3)];
        let entries = [-60, -10, 0, 3, 20, 63].map(entry);
        assert_eq!(count(Step::ClockJump, &Counts::default(), &entries, span), 2);
    }
}
