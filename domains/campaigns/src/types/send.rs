//! A bulk send, and how far it has come.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use carepost_delivery::types::DeliveryState;
use carepost_kernel::{
    ApiKeyId, BulkSendId, Channel, EmailContent, InAppContent, Phi, Purpose, SmsContent, TemplateId, Topic,
};
use carepost_templates::types::TemplateContent;

use super::numbered::numbered;
use super::{RowState, RowVerdict};

numbered! {
    /// Where a bulk send stands.
    BulkState = "state of a bulk send" {
        /// Its list is being put together, or has changed since the count.
        Draft = 1 "draft",
        /// The gate is asked about each row; nothing leaves.
        Counting = 2 "counting",
        /// Counted, and waits for somebody to start it.
        Ready = 3 "ready",
        /// Its rows go to the engine.
        Running = 4 "running",
        /// Held by hand: no more rows go.
        Paused = 5 "paused",
        /// Ended by hand; what waits is being taken back.
        Cancelling = 6 "cancelling",
        /// Ended by hand.
        Cancelled = 7 "cancelled",
        /// Each row has its fate, and no message of it waits to leave.
        Finished = 8 "finished",
    }
}

impl BulkState {
    /// The engine works on it.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Counting | Self::Running | Self::Cancelling)
    }
}

/// What is said to everybody, word for word.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FixedContent {
    /// Subject for channels without content of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Text for channels without content of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// For text messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sms: Option<SmsContent>,
    /// For email.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailContent>,
    /// For the inbox here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_app: Option<InAppContent>,
}

/// What a bulk send says. It is kept as it was when the send was made: what was counted is what leaves.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkContent {
    /// A version of a template, filled for each recipient.
    Template(Box<TemplateContent>),
    /// The same for everybody.
    Fixed(Box<FixedContent>),
}

/// A bulk send to be made; its content is known to be sound.
pub struct NewBulkSend {
    /// Its name for people, 1 to 200 characters.
    pub name: Phi<String>,
    /// A published template.
    pub template_id: Option<TemplateId>,
    /// Or the same words for everybody.
    pub fixed: Option<Phi<FixedContent>>,
    /// The key of its type; a template's is the template's own.
    pub message_type: Option<String>,
    /// Why it is sent; a template's is the template's own.
    pub purpose: Option<Purpose>,
    /// What it is about; a template's is the template's own.
    pub topic: Option<Topic>,
    /// Channels in the order of preference; empty: those that there is content for.
    pub channels: Vec<Channel>,
    /// Not before.
    pub send_at: Option<Timestamp>,
    /// Not after.
    pub expires_at: Option<Timestamp>,
    /// Rows that go to the engine in a second at most.
    pub per_second: Option<u32>,
    /// Links lead over short ones of ours, and following them is known.
    pub track_links: bool,
    /// The email's HTML gets a pixel, and looking at it is known.
    pub track_opens: bool,
    /// Who makes it.
    pub created_by: ApiKeyId,
}

/// A bulk send without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkSend {
    /// Which.
    pub bulk_send_id: BulkSendId,
    /// Its name for people.
    pub name: Phi<String>,
    /// The template and its version.
    pub template: Option<(TemplateId, i32)>,
    /// The key of its type.
    pub message_type: Option<String>,
    /// Why it is sent.
    pub purpose: Option<Purpose>,
    /// What it is about.
    pub topic: Option<Topic>,
    /// Channels in the order of preference.
    pub channels: Vec<Channel>,
    /// Not before.
    pub send_at: Option<Timestamp>,
    /// Not after.
    pub expires_at: Option<Timestamp>,
    /// Rows that go to the engine in a second at most.
    pub per_second: Option<u32>,
    /// Links lead over short ones of ours, and following them is known.
    pub track_links: bool,
    /// The email's HTML gets a pixel, and looking at it is known.
    pub track_opens: bool,
    /// Where it stands.
    pub state: BulkState,
    /// Rows of its list.
    pub row_count: i32,
    /// Lines that were left out because their recipient was in the list already.
    pub duplicate_count: i32,
    /// The highest number of a row; numbers of lines that were left out are gaps.
    pub last_row_no: i32,
    /// The last row that the count has looked at.
    pub counted_to: i32,
    /// The version of the gate's policy under which the rows were last asked about.
    pub policy_version: i32,
    /// Who made it.
    pub created_by: ApiKeyId,
    /// Grows by one with each change by a caller.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// When it was counted.
    pub counted_at: Option<Timestamp>,
    /// When it was started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Rows of one state and verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowCount {
    /// Where they stand.
    pub state: RowState,
    /// What the gate said last.
    pub verdict: Option<RowVerdict>,
    /// Why.
    pub code: Option<String>,
    /// The channel that they take.
    pub channel: Option<Channel>,
    /// How many.
    pub rows: i64,
}

/// Deliveries of one channel and state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryCount {
    /// On which channel.
    pub channel: Channel,
    /// Where they stand.
    pub state: DeliveryState,
    /// How many.
    pub deliveries: i64,
}

/// How far a bulk send has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The send.
    pub send: BulkSend,
    /// Its rows.
    pub rows: Vec<RowCount>,
    /// The deliveries of its messages.
    pub deliveries: Vec<DeliveryCount>,
}

/// What a count came to, summed up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Would go at once.
    pub go: i64,
    /// Would wait.
    pub wait: i64,
    /// Would go on another channel than the first one.
    pub other_channel: i64,
    /// Would not go.
    pub refuse: i64,
}

impl Progress {
    /// Rows in a state.
    #[must_use]
    pub fn rows_in(&self, state: RowState) -> i64 {
        self.rows.iter().filter(|count| count.state == state).map(|count| count.rows).sum()
    }

    /// What the gate said last, summed up.
    #[must_use]
    pub fn counted(&self) -> Counted {
        let of =
            |verdict| self.rows.iter().filter(|count| count.verdict == Some(verdict)).map(|count| count.rows).sum();
        Counted {
            go: of(RowVerdict::Go),
            wait: of(RowVerdict::Wait),
            other_channel: of(RowVerdict::OtherChannel),
            refuse: of(RowVerdict::Refuse),
        }
    }
}
