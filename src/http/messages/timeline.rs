//! DEL-3 in one call: everything that happened to a message, and where its time went.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_delivery::explain::{Span, explain};
use carepost_delivery::store::{get_message, list_events};
use carepost_delivery::types::{DeliveryEvent, DeliveryRecord, DeliveryState, EventKind, MessageRecord, message_state};
use carepost_kernel::{Channel, MessageId, WaitReason};
use carepost_tenancy::Scope;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::events::view::EventView;
use crate::http::gate::view::GateView;
use crate::http::names::{ChannelName, ReasonName, StatusName};
use crate::http::query::path_id;
use crate::http::state::AppState;

/// A message's life.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TimelineView {
    /// The message.
    #[schema(value_type = Uuid)]
    id: MessageId,
    /// What it has reached at best.
    #[schema(value_type = StatusName)]
    status: DeliveryState,
    /// When it came.
    created_at: Timestamp,
    /// The instant up to which open deliveries are explained.
    explained_until: Timestamp,
    /// Its deliveries, in the order of the plan.
    deliveries: Vec<ExplainedDeliveryView>,
    /// Its history, the oldest first.
    events: Vec<TimelineEventView>,
}

/// An entry of the history, with what the gate said. The stream of events and outbound webhooks tell the code that counted
/// and leave the rules out: whoever wants to know them asks for the timeline.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TimelineEventView {
    #[serde(flatten)]
    event: EventView,
    /// What each rule of the gate said, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<GateView>,
}

impl From<&DeliveryEvent> for TimelineEventView {
    fn from(event: &DeliveryEvent) -> Self {
        Self { event: event.into(), gate: event.gate.as_ref().and_then(GateView::of) }
    }
}

/// A delivery's life, cut by reason.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExplainedDeliveryView {
    /// On which channel.
    #[schema(value_type = ChannelName)]
    channel: Channel,
    /// Where it stands.
    #[schema(value_type = StatusName)]
    status: DeliveryState,
    /// Stretches with one reason each, in order, without gaps.
    spans: Vec<SpanView>,
    /// Milliseconds by reason.
    #[schema(value_type = BTreeMap<String, i64>, example = json!({"dispatch": 3, "provider_call": 41}))]
    totals_ms: BTreeMap<&'static str, i64>,
    /// How long it lived, in milliseconds.
    life_ms: i64,
    /// The share of its life that has a reason, from 0 to 1.
    #[schema(example = 1.0)]
    explained_share: f64,
}

/// A stretch of a delivery's life with one reason.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SpanView {
    /// Why it waited.
    #[schema(value_type = ReasonName)]
    reason: WaitReason,
    /// From when.
    from: Timestamp,
    /// Until when.
    to: Timestamp,
    /// How long, in milliseconds.
    ms: i64,
}

/// Explain a message
///
/// All events in order, and for each delivery where its time went, in milliseconds by reason.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/messages/{id}/timeline",
    tag = "messages",
    security(("api_key" = ["messages:read"])),
    params(("id" = Uuid, Path, description = "The message.")),
    responses((status = 200, body = TimelineView)),
)]
pub(crate) async fn get_timeline(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::MessagesRead)?;
    let message_id = path_id(&request, "id")?;
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let message = get_message(&tx, message_id).await?.ok_or_else(|| ApiError::not_found("no such message"))?;
    let events = list_events(&tx, message_id).await?;
    Ok(HttpResponse::Ok().json(show(&message, &events, state.clock.now())))
}

fn show(message: &MessageRecord, events: &[DeliveryEvent], now: Timestamp) -> TimelineView {
    TimelineView {
        id: message.message_id,
        status: message_state(&message.deliveries),
        created_at: message.created_at,
        explained_until: now,
        deliveries: message.deliveries.iter().map(|delivery| show_delivery(message, delivery, events, now)).collect(),
        events: events.iter().map(TimelineEventView::from).collect(),
    }
}

fn show_delivery(
    message: &MessageRecord,
    delivery: &DeliveryRecord,
    events: &[DeliveryEvent],
    now: Timestamp,
) -> ExplainedDeliveryView {
    let own: Vec<DeliveryEvent> =
        events.iter().filter(|event| event.key.channel == delivery.channel).cloned().collect();
    let born = born(message, delivery.channel, events, &own);
    let is_first = born == message.created_at;
    let first_reason =
        if is_first && message.scheduled_at.is_some() { WaitReason::Scheduled } else { WaitReason::Dispatch };
    let spans = explain(born, first_reason, &own, delivery.finished_at, now);
    let mut totals_ms = BTreeMap::new();
    for span in &spans {
        *totals_ms.entry(span.reason.as_str()).or_insert(0) += span.ms;
    }
    let end = delivery.finished_at.unwrap_or(now).max(born);
    let life_ms = i64::try_from(end.duration_since(born).as_millis()).unwrap_or(i64::MAX);
    let explained_ms: i64 = totals_ms.values().sum();
    ExplainedDeliveryView {
        channel: delivery.channel,
        status: delivery.state,
        spans: spans.into_iter().map(SpanView::from).collect(),
        totals_ms,
        life_ms,
        explained_share: share(explained_ms, life_ms),
    }
}

/// A fallback delivery is born when the channel before it gave up; all others are born with the message.
fn born(message: &MessageRecord, channel: Channel, events: &[DeliveryEvent], own: &[DeliveryEvent]) -> Timestamp {
    let place = message.channels.iter().position(|planned| *planned == channel);
    let before = place.and_then(|place| message.channels.get(place.checked_sub(1)?));
    let is_fall_back = |event: &&DeliveryEvent| {
        event.kind == EventKind::FellBack && (event.key.channel == channel || Some(&event.key.channel) == before)
    };
    match events.iter().find(is_fall_back) {
        Some(event) if before.is_some() => own.first().map_or(event.at, |first| first.at.min(event.at)),
        _ => message.created_at,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits of milliseconds")]
fn share(explained_ms: i64, life_ms: i64) -> f64 {
    if life_ms == 0 { 1.0 } else { (explained_ms as f64 / life_ms as f64).min(1.0) }
}

impl From<Span> for SpanView {
    fn from(Span { reason, from, to, ms }: Span) -> Self {
        Self { reason, from, to, ms }
    }
}

#[cfg(test)]
mod tests;
