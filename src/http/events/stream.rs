//! Events as server-sent events (WHATWG HTML, "Server-sent events").
//!
//! The stream listens first and reads the gap from the history then, so that nothing falls in between; what comes both
//! ways is sent once. A listener that falls behind reads what it missed from the history. A stream holds one page of
//! events and the ids of the last few thousand (DEL-12). Delivery is at least once: after a reconnect the last seconds
//! before `Last-Event-ID` come again, because events are committed a little out of the order of their ids.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use carepost_actors::Seat;
use carepost_delivery::store::list_event_stream;
use carepost_delivery::types::DeliveryEvent;
use carepost_kernel::EventId;
use carepost_tenancy::{Scope, TenantHandle};
use futures_util::stream::{self, Stream, StreamExt as _};
use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Interval, MissedTickBehavior};

use super::history::SETTLED_AFTER;
use super::view::EventView;
use crate::http::auth::{Caller, authenticate};
use crate::http::error::{ApiError, Code, FaultView};
use crate::http::metrics::OpenStream;
use crate::http::query::Parameters;
use crate::http::relay::WRONG_FOR;
use crate::http::state::AppState;

/// A sign of life, and a look at whether the key is still good.
const HEARTBEAT: Duration = Duration::from_secs(15);
const PAGE: i64 = 200;
const REMEMBERED: usize = 4_096;

/// Follow events
///
/// Server-sent events, live; each has the id of its event. `Last-Event-ID` or `after` begins in the past. At least
/// once: the same id may come again after a reconnect.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/events",
    tag = "events",
    security(("api_key" = ["events:read"])),
    params(
        ("Last-Event-ID" = Option<Uuid>, Header, description = "The last event that was seen."),
        ("after" = Option<Uuid>, Query, description = "The same, for clients that cannot set the header."),
    ),
    responses((status = 200, content_type = "text/event-stream", body = String,
        description = "`event: delivery.<kind>`, `id: <event>`, `data: <EventView>`; comments in between.")),
)]
pub(crate) async fn stream_events(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::EventsRead)?;
    let after = resume_after(&request)?;
    let open = open_stream(&state)?;
    let live = state.engine.listen(caller.tenant_id());
    let mut follower = Follower::new(&state, request, caller.tenant, live, open);
    // An id by itself is no event: a client that has to come again before its first event knows from where on.
    let beginning = after.is_none().then(|| Ok(Bytes::from(format!("id: {}\n\n", follower.last))));
    if let Some(after) = after {
        follower.read_from(after);
    }
    Ok(respond(&state, stream::iter(beginning).chain(follow(follower))))
}

/// Where a stream begins: the header wins over the parameter, because a browser sends it on a reconnect.
///
/// # Errors
/// 400 where it is no id.
pub(crate) fn resume_after<Id: std::str::FromStr>(request: &HttpRequest) -> Result<Option<Id>, ApiError> {
    const NAME: &str = "Last-Event-ID";
    const FORM: &str = "must be an id of this stream";
    let mut parameters = Parameters::read(request, &["after"]);
    let after = parameters.get("after", FORM, |text| text.parse().ok());
    parameters.finish()?;
    let Some(header) = request.headers().get(NAME) else { return Ok(after) };
    let parsed = header.to_str().ok().and_then(|text| text.parse().ok());
    let fault = || ApiError::faults(Code::InvalidRequest, vec![FaultView::header(NAME, FORM)]);
    parsed.map(Some).ok_or_else(fault)
}

/// A place among the open streams.
///
/// # Errors
/// 503 where all are taken.
pub(crate) fn open_stream(state: &AppState) -> Result<(OwnedSemaphorePermit, OpenStream), ApiError> {
    let full = || ApiError::unavailable("as many streams are open as there may be").with_limit("streams");
    state.streams.place().map(|permit| (permit, OpenStream::new())).ok_or_else(full)
}

/// The answer around a stream of events. It ends, in good order, where the process stops.
pub(crate) fn respond(state: &AppState, events: impl Stream<Item = Result<Bytes, ApiError>> + 'static) -> HttpResponse {
    let events = events.take_until(Box::pin(state.streams.ended()));
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Proxies of the nginx family hold answers back otherwise.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(events)
}

/// A timer for [`HEARTBEAT`]; its first tick comes at once, and opens the stream.
pub(crate) fn heartbeat() -> Interval {
    let mut interval = tokio::time::interval(HEARTBEAT);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// A comment: keeps proxies from closing the connection.
pub(crate) const SIGN_OF_LIFE: Bytes = Bytes::from_static(b": alive\n\n");

/// One event in the stream's format; JSON has no bare line ends.
pub(crate) fn frame(id: &dyn std::fmt::Display, name: &str, data: &impl serde::Serialize) -> Vec<u8> {
    let mut text = format!("id: {id}\nevent: {name}\ndata: ").into_bytes();
    // A view is strings, numbers and names: nothing in it can fail to serialize.
    let _written = serde_json::to_writer(&mut text, data);
    text.extend_from_slice(b"\n\n");
    text
}

/// One open stream.
struct Follower {
    state: AppState,
    request: HttpRequest,
    tenant: Arc<TenantHandle>,
    live: Receiver<Arc<DeliveryEvent>>,
    heartbeat: Interval,
    /// Read the history after this event, before anything live.
    gap: Option<EventId>,
    /// The last id that was sent, or the beginning of the stream.
    last: EventId,
    sent: Remembered,
    _open: (OwnedSemaphorePermit, OpenStream),
}

impl Follower {
    fn new(
        state: &AppState,
        request: HttpRequest,
        tenant: Arc<TenantHandle>,
        live: Receiver<Arc<DeliveryEvent>>,
        open: (OwnedSemaphorePermit, OpenStream),
    ) -> Self {
        let last = EventId::first_at(state.clock.now());
        let (heartbeat, sent) = (heartbeat(), Remembered::default());
        Self { state: state.clone(), request, tenant, live, heartbeat, gap: None, last, sent, _open: open }
    }

    /// Goes back to the history, a little before an event.
    fn read_from(&mut self, after: EventId) {
        let made_at = carepost_kernel::MessageId::from_uuid(after.as_uuid()).made_at().unwrap_or(Timestamp::UNIX_EPOCH);
        let start = made_at.saturating_sub(SETTLED_AFTER).unwrap_or(Timestamp::MIN);
        self.gap = Some(EventId::first_at(start).min(after));
    }

    /// The next bytes; `None` ends the stream.
    async fn next(&mut self) -> Option<Result<Bytes, ApiError>> {
        loop {
            if let Some(after) = self.gap {
                match self.read_page(after).await {
                    Ok(bytes) if bytes.is_empty() => continue,
                    answer => return Some(answer),
                }
            }
            tokio::select! {
                _ = self.heartbeat.tick() => {
                    // A revoked key ends the stream; a database that is away does not.
                    match authenticate(&self.request).await {
                        Err(error) if error.code() == Code::Unauthenticated => return None,
                        // Its events are told where the tenant lives now: the client comes again and finds them there.
                        _ if has_moved(&self.state, &self.tenant).await => return None,
                        _ => return Some(Ok(SIGN_OF_LIFE)),
                    }
                }
                event = self.live.recv() => match event {
                    Ok(event) if self.sent.insert(event.event_id) => {
                        self.last = self.last.max(event.event_id);
                        return Some(Ok(event_frame(&event).into()));
                    }
                    Ok(_seen_in_the_history) => {}
                    Err(RecvError::Lagged(_)) => self.read_from(self.last),
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    async fn read_page(&mut self, after: EventId) -> Result<Bytes, ApiError> {
        let mut connection = self.state.connection(&self.tenant).await?;
        let tx = connection.begin().await?;
        // Clocks of other processes may be a little ahead.
        let until = self.state.clock.now().saturating_add(SETTLED_AFTER).unwrap_or(Timestamp::MAX);
        let events = list_event_stream(&tx, after, EventId::first_at(until), PAGE).await?;
        let is_last_page = i64::try_from(events.len()).unwrap_or(PAGE) < PAGE;
        self.gap = events.last().map(|event| event.event_id).filter(|_| !is_last_page);
        let mut bytes = Vec::new();
        for event in events.iter().filter(|event| self.sent.insert(event.event_id)) {
            self.last = self.last.max(event.event_id);
            bytes.extend_from_slice(&event_frame(event));
        }
        Ok(bytes.into())
    }
}

/// The tenant lives in another process by now.
pub(crate) async fn has_moved(state: &AppState, tenant: &TenantHandle) -> bool {
    let seat = state.engine.seat(tenant.tenant.tenant_id, WRONG_FOR).await;
    matches!(seat, Ok(Seat::At(_)))
}

fn follow(follower: Follower) -> impl Stream<Item = Result<Bytes, ApiError>> {
    stream::unfold(Some(follower), |follower| async move {
        let mut follower = follower?;
        let next = follower.next().await?;
        // An error breaks the connection off: the client comes again with the last id that it saw.
        let follower = next.is_ok().then_some(follower);
        Some((next, follower))
    })
}

fn event_frame(event: &DeliveryEvent) -> Vec<u8> {
    frame(&event.event_id, &EventView::name(event), &EventView::from(event))
}

/// The ids that were sent last.
#[derive(Default)]
struct Remembered {
    order: VecDeque<EventId>,
    ids: HashSet<EventId>,
}

impl Remembered {
    /// False where it is in there already.
    fn insert(&mut self, event_id: EventId) -> bool {
        if !self.ids.insert(event_id) {
            return false;
        }
        self.order.push_back(event_id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}
