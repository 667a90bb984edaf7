//! Taking messages back, and putting failed ones back to work.

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_actors::RedriveRequest;
use carepost_delivery::store::RedriveFilter;
use carepost_delivery::types::{DeliveryState, message_state};
use carepost_kernel::{Channel, MessageId};
use carepost_tenancy::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::read::find;
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Code, FaultView};
use crate::http::json;
use crate::http::names::{ChannelName, StatusName};
use crate::http::query::path_id;
use crate::http::state::AppState;

const MAX_REDRIVE: u32 = 10_000;
const DEFAULT_REDRIVE: u32 = 1_000;
const MAX_REDRIVE_RATE: u32 = 1_000;
/// The work is done while the caller waits: so many seconds, and no more than proxies and clients wait.
const MAX_REDRIVE_S: u32 = 30;
/// States that a redrive takes up: ended, and nobody was reached.
const REDRIVABLE: [DeliveryState; 5] = [
    DeliveryState::Failed,
    DeliveryState::Expired,
    DeliveryState::Refused,
    DeliveryState::Undelivered,
    DeliveryState::Bounced,
];

/// What taking a message back came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CancellationView {
    /// The message.
    #[schema(value_type = Uuid)]
    id: MessageId,
    /// What it has reached at best.
    #[schema(value_type = StatusName)]
    status: DeliveryState,
    /// Channels that will not be used any more; none where everything had left or ended already.
    #[schema(value_type = Vec<ChannelName>)]
    cancelled: Vec<Channel>,
}

/// Which failed deliveries, how many, how fast.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"filter": {"status": ["failed"], "channel": "sms"}, "dry_run": true}))]
pub(crate) struct RedriveBody {
    /// Which ones.
    #[serde(default, deserialize_with = "json::object")]
    filter: RedriveFilterBody,
    /// Only count.
    #[serde(default)]
    dry_run: bool,
    /// At most so many: 1 to 10,000 and no more than 30 seconds' worth at `per_second`; default 1,000, or those 30
    /// seconds' worth.
    #[schema(minimum = 1, maximum = 10000, default = 1000)]
    limit: Option<u32>,
    /// Put back at most so many a second: 1 to 1,000, default 50.
    #[serde(default = "default_per_second")]
    #[schema(minimum = 1, maximum = 1000, default = 50)]
    per_second: u32,
}

/// Which failed deliveries; what is left out does not narrow it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedriveFilterBody {
    /// How they ended: `failed`, `expired`, `refused`, `undelivered`, `bounced`; default `failed`, `expired` and
    /// `undelivered`.
    #[schema(value_type = Option<Vec<StatusName>>)]
    status: Option<Vec<DeliveryState>>,
    /// On this channel.
    #[schema(value_type = Option<ChannelName>)]
    channel: Option<Channel>,
    /// With this code.
    #[schema(example = "twilio_30003")]
    code: Option<String>,
    /// Of messages that came at or after this instant.
    created_from: Option<Timestamp>,
    /// Of messages that came before this instant.
    created_before: Option<Timestamp>,
    /// Of messages after this one: `last` of the answer before, to go on.
    #[schema(value_type = Option<Uuid>)]
    after: Option<MessageId>,
}

/// What a redrive came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RedriveView {
    /// Only counted.
    dry_run: bool,
    /// Deliveries that match (dry run), or that were put back.
    count: u32,
    /// The last message that was looked at: `filter.after` of the next call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    last: Option<MessageId>,
    /// There are more.
    more: bool,
}

/// Cancel a message
///
/// Takes back what has not left. May be repeated.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/messages/{id}/cancel",
    tag = "messages",
    security(("api_key" = ["messages:write"])),
    params(("id" = Uuid, Path, description = "The message.")),
    responses((status = 200, body = CancellationView)),
)]
pub(crate) async fn cancel_message(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::MessagesWrite)?;
    let message_id = path_id(&request, "id")?;
    let cancelled = state.engine.cancel(&caller.tenant, message_id).await?.cancelled;
    let message = find(&state, &caller, message_id).await?;
    let status = message_state(&message.deliveries);
    Ok(HttpResponse::Ok().json(CancellationView { id: message_id, status, cancelled }))
}

/// Redrive failed deliveries
///
/// Puts failed deliveries back to work, oldest first. `dry_run` counts; `more` and `last` tell how to go on.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/messages/redrive",
    tag = "messages",
    security(("api_key" = ["messages:write"])),
    request_body = RedriveBody,
    responses((status = 200, body = RedriveView)),
)]
pub(crate) async fn redrive_messages(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::MessagesWrite)?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let wanted = check(json::parse(&bytes)?)?;
    let dry_run = wanted.dry_run;
    let report = state.engine.redrive(&caller.tenant, wanted).await?;
    let view = RedriveView { dry_run, count: report.count, last: report.last, more: report.more };
    Ok(HttpResponse::Ok().json(view))
}

fn check(body: RedriveBody) -> Result<RedriveRequest, ApiError> {
    let RedriveBody { filter, dry_run, limit, per_second } = body;
    let most = if dry_run { MAX_REDRIVE } else { per_second.saturating_mul(MAX_REDRIVE_S) };
    let limit = limit.unwrap_or_else(|| DEFAULT_REDRIVE.min(most).max(1));
    let default = || vec![DeliveryState::Failed, DeliveryState::Expired, DeliveryState::Undelivered];
    let states = filter.status.unwrap_or_else(default);
    let mut faults = Vec::new();
    for (i, state) in states.iter().enumerate() {
        if !REDRIVABLE.contains(state) {
            faults.push(FaultView::field(format!("/filter/status/{i}"), "is not a state that can be redriven"));
        }
    }
    if states.is_empty() {
        faults.push(FaultView::field("/filter/status", "must name at least one state"));
    }
    if !(1..=MAX_REDRIVE).contains(&limit) {
        faults.push(FaultView::field("/limit", "must be between 1 and 10,000"));
    }
    if !(1..=MAX_REDRIVE_RATE).contains(&per_second) {
        faults.push(FaultView::field("/per_second", "must be between 1 and 1,000"));
    }
    if faults.is_empty() && limit > most {
        let problem = "must be at most 30 times per_second: go on with filter.after in further calls";
        faults.push(FaultView::field("/limit", problem));
    }
    if !faults.is_empty() {
        return Err(ApiError::faults(Code::ValidationFailed, faults));
    }
    let from = filter.created_from.map_or(MessageId::from_uuid(Uuid::nil()), MessageId::first_at);
    let after = filter.after.map_or(from, |after| after.max(from));
    let before = filter.created_before.map_or(MessageId::from_uuid(Uuid::max()), MessageId::first_at);
    let filter = RedriveFilter { states, channel: filter.channel, code: filter.code, after, before };
    Ok(RedriveRequest { filter, limit, per_second, dry_run })
}

const fn default_per_second() -> u32 {
    50
}
