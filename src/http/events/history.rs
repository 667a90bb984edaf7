//! Events as pages, for callers who would rather ask than be told.

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_delivery::store::list_event_stream;
use carepost_kernel::EventId;
use carepost_tenancy::Scope;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::view::EventView;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::query::{Parameters, page_limit};
use crate::http::state::AppState;

/// Ids are made before they are committed, so that the very latest may still get neighbours below them. What is older
/// than this is settled.
pub(super) const SETTLED_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// Which events.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes to the OpenAPI document what the handler reads")]
pub(crate) struct ListEventsQuery {
    /// Events after this one; left out: from the beginning.
    after: Option<Uuid>,
    /// How many at most: 1 to 200, default 50.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// Events, the oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventPageView {
    /// The events.
    items: Vec<EventView>,
    /// `after` of the next call, whether or not there is more now: a place in the stream, not always an event's id.
    #[schema(value_type = Uuid)]
    next: EventId,
}

/// List events
///
/// The oldest first, up to a few seconds ago: an event is shown once none can come before it any more. Ask again with
/// `after` = `next`.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/events/history",
    tag = "events",
    security(("api_key" = ["events:read"])),
    params(ListEventsQuery),
    responses((status = 200, body = EventPageView)),
)]
pub(crate) async fn list_events(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::EventsRead)?;
    let mut parameters = Parameters::read(&request, &["after", "limit"]);
    let after: Option<EventId> = parameters.get("after", "must be the id of an event", |text| text.parse().ok());
    let limit = parameters.get("limit", "must be between 1 and 200", |text| page_limit(text.parse().ok()?));
    parameters.finish()?;
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let settled = state.clock.now().saturating_sub(SETTLED_AFTER).unwrap_or(Timestamp::MIN);
    let from = after.unwrap_or(EventId::from_uuid(Uuid::nil()));
    let until = EventId::first_at(settled);
    let limit = i64::try_from(limit.unwrap_or(50)).unwrap_or(50);
    let events = list_event_stream(&tx, from, until, limit).await?;
    let is_whole = i64::try_from(events.len()).unwrap_or(limit) == limit;
    // After a page that is not full everything that is settled was looked at, and need not be again.
    let last = events.last().filter(|_| is_whole);
    let next = last.map_or(until.max(from), |event| event.event_id);
    Ok(HttpResponse::Ok().json(EventPageView { items: events.iter().map(EventView::from).collect(), next }))
}
