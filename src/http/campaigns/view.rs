//! Bulk sends as callers see them.

use std::collections::BTreeMap;

use carepost_campaigns::types::{
    BulkSend, BulkState, ChannelSaid, Counted, DeliveryCount, Progress, RowCount, RowRecord, RowState, RowVerdict,
};
use carepost_delivery::types::DeliveryState;
use carepost_kernel::{BulkSendId, Channel, MessageId, Purpose, RecipientId, TemplateId, Topic};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::names::{
    BulkStateName, ChannelName, PurposeName, RowStateName, RowVerdictName, StatusName, TopicName,
};

/// A bulk send.
#[derive(Serialize, ToSchema)]
pub(crate) struct BulkSendView {
    /// Which.
    #[schema(value_type = Uuid)]
    id: BulkSendId,
    /// Its name for people.
    name: String,
    /// Where it stands.
    #[schema(value_type = BulkStateName)]
    status: BulkState,
    /// The template that it was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    template_id: Option<TemplateId>,
    /// Which of its versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    template_version: Option<i32>,
    /// The key of its type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    message_type: Option<String>,
    /// Why it is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PurposeName>)]
    purpose: Option<Purpose>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<TopicName>)]
    topic: Option<Topic>,
    /// Channels in the order of preference.
    #[schema(value_type = Vec<ChannelName>)]
    channels: Vec<Channel>,
    /// Not before.
    #[serde(skip_serializing_if = "Option::is_none")]
    send_at: Option<Timestamp>,
    /// Not after.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// At most so many recipients a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    per_second: Option<u32>,
    /// Whether following links is known.
    track_links: bool,
    /// Whether emails' being opened is known.
    track_opens: bool,
    /// Rows of its list.
    row_count: i32,
    /// Lines that were left out because their recipient was in the list already.
    duplicate_count: i32,
    /// Grows by one with each change.
    version: i64,
    /// When it was made.
    created_at: Timestamp,
    /// When it changed last.
    updated_at: Timestamp,
    /// When it was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    counted_at: Option<Timestamp>,
    /// When it was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
}

/// A bulk send with its progress.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProgressView {
    /// The bulk send.
    #[serde(flatten)]
    send: BulkSendView,
    /// Rows by state; all states are there.
    #[schema(value_type = BTreeMap<String, i64>)]
    rows: BTreeMap<&'static str, i64>,
    /// What the gate said last, summed up.
    verdicts: VerdictsView,
    /// The same by code and channel.
    by_code: Vec<CodeCountView>,
    /// Deliveries of its messages by channel and state.
    deliveries: Vec<DeliveryCountView>,
}

/// What the gate said, summed up over rows.
#[derive(Serialize, ToSchema)]
pub(crate) struct VerdictsView {
    /// Go, on the first channel.
    go: i64,
    /// Wait.
    wait: i64,
    /// Go, on another channel.
    other_channel: i64,
    /// Do not go.
    refuse: i64,
}

/// Rows with one verdict, code and channel.
#[derive(Serialize, ToSchema)]
pub(crate) struct CodeCountView {
    /// Where the rows stand.
    #[schema(value_type = RowStateName)]
    state: RowState,
    /// What the gate said; none: it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RowVerdictName>)]
    verdict: Option<RowVerdict>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// The channel that they take.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ChannelName>)]
    channel: Option<Channel>,
    /// How many.
    rows: i64,
}

/// Deliveries of one channel and state.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryCountView {
    /// On which channel.
    #[schema(value_type = ChannelName)]
    channel: Channel,
    /// Where they stand.
    #[schema(value_type = StatusName)]
    status: DeliveryState,
    /// How many.
    deliveries: i64,
}

/// A row.
#[derive(Serialize, ToSchema)]
pub(crate) struct BulkRowView {
    /// Its number in the list.
    row: i32,
    /// Whom it is for, where that is somebody who is kept here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    recipient_id: Option<RecipientId>,
    /// Where it stands.
    #[schema(value_type = RowStateName)]
    state: RowState,
    /// What the gate said last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RowVerdictName>)]
    verdict: Option<RowVerdict>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// The channel that it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ChannelName>)]
    channel: Option<Channel>,
    /// Where it is held: until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// Channel by channel, as far as the gate was asked.
    channels: Vec<ChannelVerdictView>,
    /// The message that it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    message_id: Option<MessageId>,
    /// Why it failed: a code, and the name of a variable or field.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "missing_variable: visit.on")]
    error: Option<String>,
}

/// What the gate says of a row on one channel.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChannelVerdictView {
    /// On which channel.
    #[schema(value_type = ChannelName)]
    channel: Channel,
    /// What it wants there.
    #[schema(value_type = RowVerdictName)]
    verdict: RowVerdict,
    /// The rule that objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Until when, where it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

impl From<BulkSend> for BulkSendView {
    fn from(send: BulkSend) -> Self {
        let (template_id, template_version) = send.template.unzip();
        Self {
            id: send.bulk_send_id,
            name: send.name.into_exposed(),
            status: send.state,
            template_id,
            template_version,
            message_type: send.message_type,
            purpose: send.purpose,
            topic: send.topic,
            channels: send.channels,
            send_at: send.send_at,
            expires_at: send.expires_at,
            per_second: send.per_second,
            track_links: send.track_links,
            track_opens: send.track_opens,
            row_count: send.row_count,
            duplicate_count: send.duplicate_count,
            version: send.version,
            created_at: send.created_at,
            updated_at: send.updated_at,
            counted_at: send.counted_at,
            started_at: send.started_at,
            ended_at: send.ended_at,
        }
    }
}

impl From<Progress> for ProgressView {
    fn from(progress: Progress) -> Self {
        let Counted { go, wait, other_channel, refuse } = progress.counted();
        let rows = RowState::ALL.iter().map(|state| (state.as_str(), progress.rows_in(*state))).collect();
        let count =
            |RowCount { state, verdict, code, channel, rows }| CodeCountView { state, verdict, code, channel, rows };
        let delivery =
            |DeliveryCount { channel, state, deliveries }| DeliveryCountView { channel, status: state, deliveries };
        Self {
            rows,
            verdicts: VerdictsView { go, wait, other_channel, refuse },
            by_code: progress.rows.into_iter().map(count).collect(),
            deliveries: progress.deliveries.into_iter().map(delivery).collect(),
            send: progress.send.into(),
        }
    }
}

impl From<RowRecord> for BulkRowView {
    fn from(row: RowRecord) -> Self {
        let view = |ChannelSaid { channel, verdict, rule, code, until }| ChannelVerdictView {
            channel,
            verdict,
            rule,
            code,
            until,
        };
        Self {
            row: row.row_no,
            recipient_id: row.recipient_id,
            state: row.state,
            verdict: row.verdict,
            code: row.code,
            channel: row.channel,
            until: Some(row.due_at).filter(|_| row.state == RowState::Held),
            channels: row.channels.into_iter().map(view).collect(),
            message_id: row.message_id,
            error: row.error,
        }
    }
}
