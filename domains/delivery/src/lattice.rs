//! DEL-6: the lattice of a delivery's states, and the merge of receipts into it.
//!
//! States are ranked by number ([`DeliveryState`]); merging takes the higher rank, so that duplicates and order do not
//! matter. Good news and hard bounces (rank 60 and above) count whichever attempt they speak of. Lesser news counts for
//! the present attempt only: a late `undelivered` of an attempt that was given up does not end its successor. What ranks
//! below `undelivered` counts no more once that has put the delivery back to its queue.
//!
//! `src/sql/merge_receipts.sql` does the same in the database; a test holds the two together.

use carepost_kernel::ReceiptStatus;

use crate::types::DeliveryState;

/// From this rank on, news of any attempt counts.
pub const ANY_ATTEMPT: DeliveryState = DeliveryState::Delivered;

/// The state that a receipt speaks for; `None` where it changes none.
#[must_use]
pub const fn state_of(status: ReceiptStatus) -> Option<DeliveryState> {
    match status {
        ReceiptStatus::Accepted | ReceiptStatus::Sent | ReceiptStatus::Deferred => Some(DeliveryState::Sent),
        ReceiptStatus::Delivered | ReceiptStatus::Unsubscribed => Some(DeliveryState::Delivered),
        ReceiptStatus::Opened => Some(DeliveryState::Opened),
        ReceiptStatus::Clicked => Some(DeliveryState::Clicked),
        ReceiptStatus::Read => Some(DeliveryState::Read),
        ReceiptStatus::Undelivered => Some(DeliveryState::Undelivered),
        ReceiptStatus::Bounced => Some(DeliveryState::Bounced),
        ReceiptStatus::Complained => Some(DeliveryState::Complained),
        ReceiptStatus::Resubscribed => None,
    }
}

/// Where a delivery stands: its present attempt and its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The last attempt that was started; 0 before the first.
    pub attempt_no: i16,
    /// Its state.
    pub state: DeliveryState,
}

impl Standing {
    /// Before the first attempt.
    pub const START: Self = Self { attempt_no: 0, state: DeliveryState::Queued };

    /// A further attempt starts: what lesser news said of the one before is void.
    #[must_use]
    pub fn start(self, attempt_no: i16) -> Self {
        if attempt_no <= self.attempt_no {
            return self;
        }
        let state = if self.state >= ANY_ATTEMPT { self.state } else { DeliveryState::Sending };
        Self { attempt_no, state }
    }

    /// The send answer of an attempt: `Sent` or `Unknown`.
    #[must_use]
    pub fn answer(self, attempt_no: i16, state: DeliveryState) -> Self {
        self.join(attempt_no, state)
    }

    /// News from the provider.
    #[must_use]
    pub fn receive(self, attempt_no: i16, status: ReceiptStatus) -> Self {
        state_of(status).map_or(self, |state| self.join(attempt_no, state))
    }

    fn join(self, attempt_no: i16, state: DeliveryState) -> Self {
        if state >= ANY_ATTEMPT || attempt_no == self.attempt_no {
            Self { state: self.state.max(state), ..self }
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests;
