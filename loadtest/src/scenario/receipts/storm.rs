//! Receipts by number, as a load of their own.

use std::sync::Arc;

use crate::client::Answer;
use crate::load::Traffic;
use crate::tally::{Ending, Tally};
use crate::twilio::Post;

/// Posts by number; those that were not taken are noted as unknown.
#[derive(Debug)]
pub(super) struct Storm {
    pub(super) posts: Arc<Vec<Post>>,
    /// Places of the posts that are to go, in order.
    pub(super) numbers: Vec<usize>,
}

impl Storm {
    /// The place of the post that a request carries.
    pub(super) fn place(&self, number: u64) -> Option<usize> {
        self.numbers.get(usize::try_from(number).ok()?).copied()
    }
}

impl Traffic for Storm {
    fn write(&self, number: u64, _: &mut Vec<u8>, out: &mut Vec<u8>) {
        if let Some(place) = self.place(number) {
            out.extend_from_slice(&self.posts[place]);
        }
    }

    fn read(&self, number: u64, answer: &Answer<'_>, _: i64, tally: &mut Tally) -> Option<u64> {
        let ending = Ending::Status(answer.status);
        if ending.is_success() {
            tally.count(ending, 1);
            return Some(1);
        }
        self.lose(number, ending, tally);
        None
    }

    fn lose(&self, number: u64, ending: Ending, tally: &mut Tally) {
        tally.count(ending, 1);
        tally.unknown.push(number);
    }
}
