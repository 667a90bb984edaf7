//! Whether the history of one delivery can have been. Pure.

use super::rows::Entry;

/// `carepost_delivery::EventKind`, as it stands in rows.
pub(crate) const STARTED: i16 = 2;
pub(crate) const FINISHED: i16 = 3;
const RECEIPT: i16 = 4;
const CLOSED: i16 = 10;
pub(crate) const LOOKED_UP: i16 = 11;

/// What is impossible about it, if anything. `entries` are in the order of their ids.
///
/// Attempts count from 1 without a gap, each starts once and is answered at most once; a receipt with bad news may end it
/// once more. With one clock for all, an answer follows its start, and a further attempt follows what ended the one before.
pub(crate) fn fault(entries: &[&Entry], attempts: i16, is_one_clock: bool) -> Option<String> {
    let numbers = |kind: i16| -> Vec<i16> {
        entries.iter().filter(|entry| entry.kind == kind).map(|entry| entry.attempt_no).collect()
    };
    let mut starts = numbers(STARTED);
    if !is_one_clock {
        starts.sort_unstable();
    }
    if !starts.iter().copied().eq(1..=attempts) {
        return Some(format!("counts {attempts} attempts and starts {starts:?}"));
    }
    let answers = numbers(FINISHED);
    let receipts = numbers(RECEIPT);
    for attempt_no in &starts {
        let count = |numbers: &[i16]| numbers.iter().filter(|number| *number == attempt_no).count();
        let (answered, told) = (count(&answers), count(&receipts));
        if answered > 1 + usize::from(told > 0) {
            return Some(format!("answers attempt {attempt_no} {answered} times"));
        }
    }
    if answers.iter().any(|answer| !starts.contains(answer)) {
        return Some(format!("answers {answers:?} and starts {starts:?}"));
    }
    if is_one_clock { out_of_order(entries) } else { None }
}

fn out_of_order(entries: &[&Entry]) -> Option<String> {
    let (mut started, mut is_over) = (0, true);
    for entry in entries {
        let of_present = entry.attempt_no == started;
        match entry.kind {
            STARTED if !is_over => return Some(format!("starts attempt {} during another", entry.attempt_no)),
            STARTED => (started, is_over) = (entry.attempt_no, false),
            FINISHED if !of_present => return Some(format!("answers attempt {} during {started}", entry.attempt_no)),
            FINISHED | CLOSED | LOOKED_UP | RECEIPT if of_present => is_over = true,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn check(history: &[(i16, i16)], attempts: i16, is_sound: bool) {
        let at = jiff::Timestamp::UNIX_EPOCH;
        let entry = |(kind, attempt_no): &(i16, i16)| Entry {
            message_id: Uuid::nil(),
            event_id: Uuid::nil(),
            kind: *kind,
            at,
            attempt_no: *attempt_no,
            code: None,
            digest: 0,
        };
        let entries: Vec<Entry> = history.iter().map(entry).collect();
        let found = fault(&entries.iter().collect::<Vec<_>>(), attempts, true);
        assert_eq!(found.is_none(), is_sound, "{history:?}: {found:?}");
    }

    #[test]
    fn an_impossible_history_is_found() {
        check(&[], 0, true);
        check(&[(2, 1), (3, 1), (4, 1)], 1, true);
        check(&[(2, 1), (3, 1), (2, 2), (3, 2), (4, 1), (4, 2)], 2, true);
        // A receipt may come before the answer.
        check(&[(2, 1), (4, 1), (3, 1)], 1, true);
        // Bad news ends it once more.
        check(&[(2, 1), (3, 1), (4, 1), (3, 1)], 1, true);
        check(&[(3, 1)], 0, false);
        check(&[(2, 1), (2, 1)], 1, false);
        check(&[(2, 2)], 2, false);
        check(&[(2, 1), (2, 2)], 2, false);
        check(&[(2, 1), (3, 1), (3, 1)], 1, false);
        check(&[(2, 1), (3, 1)], 2, false);
        check(&[(3, 1), (2, 1)], 1, false);
    }
}
