//! Calls that overtook each other: nobody promises that there are none (docs/actors.md), so they are only counted.

use std::collections::HashMap;
use std::hash::Hash;

use crate::sink::Seen;
use crate::tally::Ack;
use uuid::Uuid;

/// Messages that were called before an older one of the same recipient, which had been promised before they came.
pub(crate) fn out_of_order<R: Hash + Eq>(
    acks: &[Ack],
    book: &HashMap<Uuid, Seen>,
    recipient: impl Fn(u64) -> R,
) -> u64 {
    let mut lives: HashMap<R, Vec<Life>> = HashMap::new();
    for ack in acks {
        let Some(seen) = book.get(&ack.message_id) else { continue };
        let life = Life { came_us: born_us(ack.message_id), promised_us: ack.at_us, called_us: seen.first_us };
        lives.entry(recipient(ack.key)).or_default().push(life);
    }
    lives.into_values().map(overtakers).sum()
}

#[derive(Debug, Clone, Copy)]
struct Life {
    came_us: i64,
    promised_us: i64,
    called_us: i64,
}

/// Two that were under way at once have no order.
fn overtakers(mut lives: Vec<Life>) -> u64 {
    let mut by_promise = lives.clone();
    by_promise.sort_unstable_by_key(|life| life.promised_us);
    lives.sort_unstable_by_key(|life| life.came_us);
    let mut older = by_promise.into_iter().peekable();
    let (mut latest_us, mut count) = (i64::MIN, 0);
    for life in lives {
        while let Some(done) = older.next_if(|older| older.promised_us < life.came_us) {
            latest_us = latest_us.max(done.called_us);
        }
        count += u64::from(life.called_us < latest_us);
    }
    count
}

/// When a message came: its id is a UUIDv7, whose first 48 bits are milliseconds.
fn born_us(message_id: Uuid) -> i64 {
    i64::try_from(message_id.as_u128() >> 80).unwrap_or(0) * 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(came_us: i64, promised_us: i64, called_us: i64) -> Life {
        Life { came_us, promised_us, called_us }
    }

    #[test]
    fn who_is_called_before_an_older_promise_has_overtaken_it() {
        assert_eq!(overtakers(vec![life(0, 5, 10), life(6, 8, 20)]), 0);
        assert_eq!(overtakers(vec![life(6, 8, 9), life(0, 5, 10)]), 1);
        // The second came before the first was promised: they have no order.
        assert_eq!(overtakers(vec![life(0, 7, 10), life(6, 8, 9)]), 0);
        assert_eq!(overtakers(vec![life(0, 5, 50), life(6, 8, 9), life(10, 12, 14)]), 2);
    }

    #[test]
    fn an_id_tells_when_its_message_came() {
        assert_eq!(born_us(Uuid::from_u128(1_700_000_000_123 << 80)), 1_700_000_000_123_000);
    }
}
