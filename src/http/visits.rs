//! How often one token is used: whoever holds it can do no more than its holder, and not without end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use jiff::{SignedDuration, Timestamp};

/// Tokens that are remembered (DEL-12). Only those that open something are counted, so that strangers cannot fill it.
const MOST: usize = 50_000;
const WINDOW: SignedDuration = SignedDuration::from_mins(1);

/// What is done with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Visit {
    /// A short link is followed.
    Link,
    /// An email with a pixel is looked at.
    Pixel,
    /// The preference page is seen or saved.
    Preferences,
    /// Somebody unsubscribes.
    Unsubscribe,
}

impl Visit {
    /// How often in a minute.
    const fn most(self) -> u32 {
        match self {
            Self::Link | Self::Pixel => 60,
            Self::Preferences => 60,
            Self::Unsubscribe => 20,
        }
    }
}

type Key = (Visit, [u8; 16]);

/// The visits of the last minute, by token. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Visits(Arc<Mutex<HashMap<Key, (Timestamp, u32)>>>);

impl Visits {
    /// Counts a visit; false where there were too many within the minute.
    pub(super) fn may(&self, visit: Visit, token: &str, now: Timestamp) -> bool {
        let mut key = [0; 16];
        key.copy_from_slice(&digest(&SHA256, token.as_bytes()).as_ref()[..16]);
        // A poisoned lock still holds a usable map: nothing between lock and unlock can panic half-way.
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST {
            seen.retain(|_, (since, _)| now.duration_since(*since) < WINDOW);
            if seen.len() >= MOST {
                seen.clear();
            }
        }
        let (since, count) = seen.entry((visit, key)).or_insert((now, 0));
        if now.duration_since(*since) >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= visit.most()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn con_017_one_token_is_used_so_often_in_a_minute() {
        let (visits, now) = (Visits::default(), Timestamp::UNIX_EPOCH);
        let allowed = (0..100).filter(|_| visits.may(Visit::Unsubscribe, "one", now)).count();
        assert_eq!(allowed, 20);
        assert!(visits.may(Visit::Unsubscribe, "two", now) && visits.may(Visit::Preferences, "one", now));
        assert!(!visits.may(Visit::Unsubscribe, "one", now + SignedDuration::from_secs(59)));
        assert!(visits.may(Visit::Unsubscribe, "one", now + SignedDuration::from_secs(60)));
    }

    #[test]
    fn del_12_what_is_remembered_is_bounded() {
        let visits = Visits::default();
        for i in 0..MOST + 10 {
            assert!(visits.may(Visit::Link, &i.to_string(), Timestamp::UNIX_EPOCH));
        }
        assert!(visits.0.lock().unwrap().len() <= MOST);
    }
}
