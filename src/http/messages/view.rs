//! Messages and deliveries as callers see them: no address and no content, unless asked for.

use std::collections::BTreeMap;

use carepost_delivery::types::{DeliveryRecord, DeliveryState, MessageRecord, NewMessage, Strategy, message_state};
use carepost_kernel::segments::{self, Encoding, Segments};
use carepost_kernel::{Channel, MessageId, Priority, ProviderAccountId, Purpose, WaitReason};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::{ContentBody, OpenedView, RecipientBody, UsedTemplateView};
use crate::http::error::ProblemView;
use crate::http::names::{ChannelName, PriorityName, PurposeName, ReasonName, StatusName, StrategyName};

/// The status of a channel that is tried only where the ones before it fail.
const PLANNED: &str = "planned";

/// A message that is durable.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AcceptedView {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub(crate) id: MessageId,
    /// Where it stands.
    #[schema(value_type = StatusName)]
    pub(crate) status: DeliveryState,
    /// When it came.
    pub(crate) created_at: Timestamp,
    /// The idempotency key was used before, with the same body: this is the message of then as it stands now.
    pub(crate) replayed: bool,
    /// Its plan.
    pub(crate) channels: Vec<AcceptedChannelView>,
}

/// One channel of an accepted message's plan.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AcceptedChannelView {
    /// Which one.
    #[schema(value_type = ChannelName)]
    channel: Channel,
    /// Where its delivery stands; `planned` where the channels before it come first.
    #[schema(example = "queued")]
    status: &'static str,
    /// What the text takes on the air.
    #[serde(skip_serializing_if = "Option::is_none")]
    segments: Option<SegmentsView>,
}

/// Parts of a text message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SegmentsView {
    /// `gsm-7` or `ucs-2`; not told of a replayed message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "gsm-7")]
    encoding: Option<Encoding>,
    /// Parts that the carrier charges for.
    #[schema(example = 1)]
    count: usize,
}

impl AcceptedView {
    /// A new message, before it is handed over.
    pub(crate) fn of_new(message: &NewMessage) -> Self {
        let show = |channel: &Channel| {
            let is_first = message.deliveries.iter().any(|delivery| delivery.channel == *channel);
            let text = message.payload.expose().sms.as_ref().filter(|_| *channel == Channel::Sms);
            let segments = text.map(|sms| {
                let Segments { encoding, count, .. } = segments::count(&sms.text);
                SegmentsView { encoding: Some(encoding), count }
            });
            let status = if is_first { DeliveryState::Queued.as_str() } else { PLANNED };
            AcceptedChannelView { channel: *channel, status, segments }
        };
        Self {
            id: message.message_id,
            status: DeliveryState::Queued,
            created_at: message.created_at,
            replayed: false,
            channels: message.channels.iter().map(show).collect(),
        }
    }

    /// A stored message that an idempotency key belongs to.
    pub(crate) fn of_stored(message: &MessageRecord) -> Self {
        let show = |channel: &Channel| {
            let delivery = message.deliveries.iter().find(|delivery| delivery.channel == *channel);
            let count = delivery.and_then(|delivery| usize::try_from(delivery.segments?).ok());
            AcceptedChannelView {
                channel: *channel,
                status: delivery.map_or(PLANNED, |delivery| delivery.state.as_str()),
                segments: count.map(|count| SegmentsView { encoding: None, count }),
            }
        };
        Self {
            id: message.message_id,
            status: message_state(&message.deliveries),
            created_at: message.created_at,
            replayed: true,
            channels: message.channels.iter().map(show).collect(),
        }
    }
}

/// What became of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchView {
    /// One for each message, in order.
    pub(crate) results: Vec<BatchResultView>,
    /// Messages that are durable.
    pub(crate) accepted: usize,
    /// Messages of which nothing was stored.
    pub(crate) rejected: usize,
}

/// What became of one message of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchResultView {
    /// Its place in the batch, from 0.
    pub(crate) index: usize,
    /// `accepted` or `rejected`.
    #[schema(example = "accepted")]
    pub(crate) status: &'static str,
    /// The message's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub(crate) id: Option<MessageId>,
    /// The idempotency key was used before, with the same body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replayed: Option<bool>,
    /// Why it was rejected; pointers begin with `/messages/<index>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<ProblemView>,
}

/// A message.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessageView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: MessageId,
    /// What it has reached at best.
    #[schema(value_type = StatusName)]
    status: DeliveryState,
    /// When it came.
    created_at: Timestamp,
    /// Why it is sent.
    #[schema(value_type = PurposeName)]
    purpose: Purpose,
    /// How much it hurries.
    #[schema(value_type = PriorityName)]
    priority: Priority,
    /// How its channels are used.
    #[schema(value_type = StrategyName)]
    strategy: Strategy,
    /// Its plan.
    #[schema(value_type = Vec<ChannelName>)]
    channels: Vec<Channel>,
    /// Not before.
    #[serde(skip_serializing_if = "Option::is_none")]
    send_at: Option<Timestamp>,
    /// Not after.
    expires_at: Timestamp,
    /// Its deliveries so far, in the order of the plan.
    deliveries: Vec<DeliveryView>,
    /// To whom, where content was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<RecipientBody>,
    /// What is said, channel by channel, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<ContentBody>,
    /// The caller's own notes, where content was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<BTreeMap<String, String>>,
    /// The template that it was made from, where content was asked for: it says what the message is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<UsedTemplateView>,
}

/// A message on one channel.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryView {
    /// Which one.
    #[schema(value_type = ChannelName)]
    channel: Channel,
    /// Where it stands.
    #[schema(value_type = StatusName)]
    status: DeliveryState,
    /// Why it waits; absent once it is finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ReasonName>)]
    reason: Option<WaitReason>,
    /// When it is looked at again; absent once it is finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_look_at: Option<Timestamp>,
    /// Calls made so far.
    attempts: i16,
    /// The account of the last call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    provider_account_id: Option<ProviderAccountId>,
    /// Code of the last failure or refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "twilio_30003")]
    code: Option<String>,
    /// Parts of a text message.
    #[serde(skip_serializing_if = "Option::is_none")]
    segments: Option<i16>,
    /// When the provider took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<Timestamp>,
}

impl MessageView {
    /// Shows a message, with what was sealed where it was opened for the caller.
    pub(crate) fn new(message: MessageRecord, opened: Option<OpenedView>) -> Self {
        let (to, content, metadata, template) = match opened {
            Some(OpenedView { to, content, metadata, template }) => (Some(to), Some(content), Some(metadata), template),
            None => (None, None, None, None),
        };
        Self {
            id: message.message_id,
            status: message_state(&message.deliveries),
            created_at: message.created_at,
            purpose: message.purpose,
            priority: message.priority,
            strategy: message.strategy,
            channels: message.channels,
            send_at: message.scheduled_at,
            expires_at: message.expires_at,
            deliveries: message.deliveries.into_iter().map(DeliveryView::from).collect(),
            to,
            content,
            metadata,
            template,
        }
    }
}

impl From<DeliveryRecord> for DeliveryView {
    fn from(delivery: DeliveryRecord) -> Self {
        Self {
            channel: delivery.channel,
            status: delivery.state,
            reason: delivery.reason,
            next_look_at: delivery.due_at,
            attempts: delivery.attempts,
            provider_account_id: delivery.account_id,
            code: delivery.code,
            segments: delivery.segments,
            sent_at: delivery.sent_at,
            finished_at: delivery.finished_at,
        }
    }
}
