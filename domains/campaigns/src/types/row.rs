//! The rows of a bulk send: one for each recipient.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use carepost_delivery::types::Recipient;
use carepost_kernel::{Channel, MessageId, Phi, RecipientId};

use super::numbered::numbered;

numbered! {
    /// Where a row stands.
    RowState = "state of a row" {
        /// Its turn has not come.
        Waiting = 1 "waiting",
        /// The gate lets it go later.
        Held = 2 "held",
        /// It is a message of the engine's now.
        Enqueued = 3 "enqueued",
        /// The gate refused it.
        Refused = 4 "refused",
        /// It could not be made a message: a variable is missing, for example.
        Failed = 5 "failed",
        /// The send was cancelled before its turn.
        Cancelled = 6 "cancelled",
    }

    /// What the gate says of a row.
    RowVerdict = "verdict on a row" {
        /// It goes.
        Go = 1 "go",
        /// Later.
        Wait = 2 "wait",
        /// It goes on another channel than the first one.
        OtherChannel = 3 "other_channel",
        /// It does not go.
        Refuse = 4 "refuse",
    }
}

/// What is sealed of a row.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RowTarget {
    /// Addresses, where it names nobody who is kept here.
    #[serde(skip_serializing_if = "is_nowhere")]
    pub to: Recipient,
    /// The language of its content, where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Values for the template's variables.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub variables: Map<String, Value>,
}

fn is_nowhere(to: &Recipient) -> bool {
    *to == Recipient::default()
}

/// A row whose turn has come, opened.
#[derive(Clone)]
pub struct FedRow {
    /// Its number in the list.
    pub row_no: i32,
    /// Whom it is for, where it names somebody who is kept here.
    pub recipient_id: Option<RecipientId>,
    /// Addresses, language and variables.
    pub target: Phi<RowTarget>,
}

/// A row whose turn has come, with how it stands.
#[derive(Clone)]
pub struct DueRow {
    /// The row.
    pub row: FedRow,
    /// Since when it has been its turn.
    pub due_at: Timestamp,
    /// What the gate said when it was held; none: it was not.
    pub held: Option<Said>,
}

impl DueRow {
    /// Its place in the order in which rows have their turns.
    #[must_use]
    pub const fn place(&self) -> DuePlace {
        DuePlace { due_at: self.due_at, row_no: self.row.row_no }
    }
}

/// A place in the order in which rows have their turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DuePlace {
    /// Since when.
    pub due_at: Timestamp,
    /// Which of those.
    pub row_no: i32,
}

impl DuePlace {
    /// Before all rows.
    pub const FIRST: Self = Self { due_at: Timestamp::UNIX_EPOCH, row_no: 0 };
}

/// What the gate says of a row on one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelSaid {
    /// On which channel.
    pub channel: Channel,
    /// What it wants there: `go`, `wait`, `other_channel`, `refuse`.
    pub verdict: RowVerdict,
    /// The rule that objects first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Why: a reason of waiting or a stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// When it is looked at again, where it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What the gate says of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// All in all.
    pub verdict: RowVerdict,
    /// Why not at once, or not on the first channel.
    pub code: Option<String>,
    /// The channel that it takes.
    pub channel: Option<Channel>,
    /// When it is looked at again, where it waits.
    pub until: Option<Timestamp>,
    /// Channel by channel, as far as it was asked.
    pub channels: Vec<ChannelSaid>,
}

/// What became of a row in one turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowOutcome {
    /// Its number in the list.
    pub row_no: i32,
    /// Where it stands now.
    pub state: RowState,
    /// When it is looked at again; none: as before.
    pub due_at: Option<Timestamp>,
    /// What the gate said; none: it was not asked.
    pub said: Option<Said>,
    /// The message that it became.
    pub message_id: Option<MessageId>,
    /// Why it failed.
    pub error: Option<String>,
}

impl RowOutcome {
    /// It is this message. What the gate said, where it was asked just now.
    #[must_use]
    pub const fn enqueued(row_no: i32, said: Option<Said>, message_id: MessageId) -> Self {
        Self { row_no, state: RowState::Enqueued, due_at: None, said, message_id: Some(message_id), error: None }
    }

    /// Its send was cancelled. A row that is a message already, though its mark was lost, is none that can be left out:
    /// the message has to be taken back.
    #[must_use]
    pub const fn taken_back(row_no: i32, message_id: Option<MessageId>) -> Self {
        match message_id {
            Some(message_id) => Self::enqueued(row_no, None, message_id),
            None => {
                Self { row_no, state: RowState::Cancelled, due_at: None, said: None, message_id: None, error: None }
            }
        }
    }

    /// It cannot be made a message.
    pub(crate) const fn failed(row_no: i32, error: String) -> Self {
        Self { row_no, state: RowState::Failed, due_at: None, said: None, message_id: None, error: Some(error) }
    }
}

/// A row as lists show it: ids and codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowRecord {
    /// Its number in the list.
    pub row_no: i32,
    /// Whom it is for, where it names somebody who is kept here.
    pub recipient_id: Option<RecipientId>,
    /// Where it stands.
    pub state: RowState,
    /// When it is looked at again.
    pub due_at: Timestamp,
    /// What the gate said last.
    pub verdict: Option<RowVerdict>,
    /// Why.
    pub code: Option<String>,
    /// The channel that it takes.
    pub channel: Option<Channel>,
    /// Channel by channel.
    pub channels: Vec<ChannelSaid>,
    /// The message that it became.
    pub message_id: Option<MessageId>,
    /// Why it failed: a code, and the name of a variable or field.
    pub error: Option<String>,
}
