//! The task of one endpoint: reads the tenant's events in order, posts those that it wants, and writes down how far it
//! has come after each page. What it had taken of a page that was not written down comes again, under the same id.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::RequestBuilder;
use tokio::sync::Semaphore;
use tokio::sync::broadcast::Receiver;

use carepost_audit::Actor as AuditActor;
use carepost_delivery::types::DeliveryEvent;
use carepost_delivery::{DeliveryError, webhook};
use carepost_kernel::{Chain, ErrorKind, EventId, MessageId, Secret, WebhookEndpointId};
use carepost_providers::network;
use carepost_tenancy::{EndpointChange, EndpointProgress, EndpointStatus, TenancyError, WebhookEndpoint};

use crate::delivery::shared::{LiveTenant, Shared};
use crate::journal::Journal;
use crate::metrics::{self, Notification};

const PAGE: i64 = 100;
/// Calls at a time.
const CALLS: usize = 16;
/// A call that takes longer gives its place to others, and goes on as one of the late ones.
const LATE_AFTER: Duration = Duration::from_secs(1);
/// Late calls at a time. One that finds no place among them is given up.
const LATE_CALLS: usize = 256;
/// How often an endpoint without news writes down how far it has looked.
const NOTE_EVERY: SignedDuration = SignedDuration::from_mins(10);
/// So much of an answer is read, so that the connection can be used again.
const ANSWER_BYTES: usize = 16 << 10;

/// What all endpoints share.
#[derive(Clone)]
pub(super) struct Tools {
    pub(super) shared: Arc<Shared>,
    http: reqwest::Client,
    calls: Arc<Semaphore>,
    late_calls: Arc<Semaphore>,
}

impl Tools {
    pub(super) fn new(shared: Arc<Shared>, http: reqwest::Client) -> Self {
        let (calls, late_calls) = (Arc::new(Semaphore::new(CALLS)), Arc::new(Semaphore::new(LATE_CALLS)));
        Self { shared, http, calls, late_calls }
    }

    /// Makes a call when it has a turn. However many endpoints are slow, a turn comes within moments.
    async fn call(&self, request: RequestBuilder) -> Notification {
        // Neither is ever closed.
        let Ok(turn) = self.calls.acquire().await else { return Notification::Unreachable };
        let mut calling = std::pin::pin!(call(request));
        if let Ok(result) = tokio::time::timeout(LATE_AFTER, &mut calling).await {
            return result;
        }
        drop(turn);
        let Ok(_late) = self.late_calls.try_acquire() else { return Notification::Unreachable };
        calling.await
    }
}

/// Why a turn fails: something that we lean on is away.
#[derive(Debug, thiserror::Error)]
enum TurnError {
    #[error("read or write a webhook endpoint: {0}")]
    Tenancy(#[from] TenancyError),
    #[error("read events: {0}")]
    Delivery(#[from] DeliveryError),
}

impl From<carepost_store::StoreError> for TurnError {
    fn from(error: carepost_store::StoreError) -> Self {
        Self::Delivery(error.into())
    }
}

/// What comes after a turn.
enum Next {
    /// There may be more at once.
    More,
    /// Everything that is settled was told.
    Idle,
    /// Removed, paused, or somebody else's.
    Over,
}

/// One endpoint's task.
pub(super) struct Pusher {
    tools: Tools,
    live: Arc<LiveTenant>,
    webhook_endpoint_id: WebhookEndpointId,
}

/// An endpoint and how far it has come.
struct Course {
    endpoint: WebhookEndpoint,
    secret: Secret<String>,
    after: EventId,
    /// How far its row says that it has come.
    noted: EventId,
    failures: u32,
    next_try_at: Option<Timestamp>,
    is_failing: bool,
}

impl Pusher {
    pub(super) const fn new(tools: Tools, live: Arc<LiveTenant>, webhook_endpoint_id: WebhookEndpointId) -> Self {
        Self { tools, live, webhook_endpoint_id }
    }

    /// Tells events until the endpoint is not ours to tell any more.
    pub(super) async fn run(self) {
        let mut news = self.tools.shared.hub.listen(self.live.tenant_id);
        let mut course = None;
        while self.is_ours() {
            match self.turn(&mut course).await {
                Ok(Next::More) => {}
                Ok(Next::Idle) => self.wait_for_news(&mut news).await,
                Ok(Next::Over) => return,
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), endpoint.id = %self.webhook_endpoint_id, "tell events");
                    // Read again from the row: it says what is durable.
                    course = None;
                    tokio::time::sleep(self.tools.shared.tuning.notify_poll).await;
                }
            }
        }
    }

    fn is_ours(&self) -> bool {
        self.live.epoch().is_some() && !self.tools.shared.is_draining()
    }

    async fn turn(&self, known: &mut Option<Course>) -> Result<Next, TurnError> {
        #[cfg(feature = "fault-injection")]
        assert!(self.tools.shared.doomed.remove(&self.webhook_endpoint_id).is_none(), "broken on purpose");
        let course = match known {
            Some(course) => course,
            None => match self.load().await? {
                Some(loaded) => known.insert(loaded),
                None => return Ok(Next::Over),
            },
        };
        let now = self.tools.shared.now();
        if course.next_try_at.is_some_and(|next_try_at| next_try_at > now) {
            return Ok(Next::Idle);
        }
        let until = settled(&self.tools.shared);
        let page = read(self.live.writers.journal.as_ref(), &course.endpoint, course.after, until, PAGE).await?;
        if page.is_empty() {
            return self.pass_over(course, until).await;
        }
        let is_gone = self.tell(course, &page).await;
        if is_gone {
            return self.pause(course).await.map(|()| Next::Over);
        }
        if !self.record(course).await? {
            return Ok(Next::Over);
        }
        let is_whole = i64::try_from(page.len()).unwrap_or(PAGE) == PAGE;
        Ok(if is_whole && course.failures == 0 { Next::More } else { Next::Idle })
    }

    /// Nothing was there up to a place: it is not looked through again, after a while not even by a successor.
    async fn pass_over(&self, course: &mut Course, until: EventId) -> Result<Next, TurnError> {
        course.after = course.after.max(until);
        let stale = self.tools.shared.now().saturating_sub(NOTE_EVERY).unwrap_or(Timestamp::MIN);
        if course.noted < EventId::first_at(stale) && !self.record(course).await? {
            return Ok(Next::Over);
        }
        Ok(Next::Idle)
    }

    /// The endpoint as its row says; `None` where it is not to be told any more.
    async fn load(&self) -> Result<Option<Course>, TurnError> {
        let directory = &self.tools.shared.directory;
        let endpoint = match directory.endpoint(self.live.tenant_id, self.webhook_endpoint_id).await {
            Ok(endpoint) if endpoint.status == EndpointStatus::Paused => return Ok(None),
            Ok(endpoint) => endpoint,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let secret = directory.open_endpoint_secret(&endpoint).await?;
        Ok(Some(Course {
            after: begin(&endpoint),
            noted: begin(&endpoint),
            secret,
            failures: endpoint.failures,
            next_try_at: endpoint.next_try_at,
            is_failing: endpoint.status == EndpointStatus::Failing,
            endpoint,
        }))
    }

    /// Posts a page, up to the first event that is not taken. True where the endpoint wants no more.
    async fn tell(&self, course: &mut Course, page: &[DeliveryEvent]) -> bool {
        for event in page {
            if !self.is_ours() {
                break;
            }
            if !webhook::wants(&course.endpoint.event_types, event) {
                course.after = event.event_id;
                continue;
            }
            let result = self.post(course, event).await;
            metrics::count_notification(result);
            match result {
                Notification::Taken => {
                    course.after = event.event_id;
                    (course.failures, course.next_try_at, course.is_failing) = (0, None, false);
                }
                Notification::Gone => return true,
                Notification::Refused
                | Notification::Unreachable
                | Notification::Blocked
                | Notification::Unsigned
                | Notification::Panicked => {
                    self.note_failure(course, event, result);
                    break;
                }
            }
        }
        false
    }

    fn note_failure(&self, course: &mut Course, event: &DeliveryEvent, result: Notification) {
        let now = self.tools.shared.now();
        course.failures = course.failures.saturating_add(1);
        let wait = webhook::wait_after(course.failures, self.tools.shared.dice.unit());
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        course.next_try_at = Some(now.saturating_add(wait).unwrap_or(Timestamp::MAX));
        let is_failing = webhook::is_failing(course.failures, made_at(event.event_id), now);
        if is_failing && !course.is_failing {
            tracing::warn!(
                tenant.id = %self.live.tenant_id, endpoint.id = %self.webhook_endpoint_id,
                failures = course.failures, result = result.as_str(), "webhook endpoint fails for days: tried seldom"
            );
        }
        course.is_failing |= is_failing;
    }

    async fn post(&self, course: &Course, event: &DeliveryEvent) -> Notification {
        let Ok(url) = course.endpoint.url.parse() else { return Notification::Blocked };
        if network::check_url(&url, self.tools.shared.directory.reach()).is_err() {
            return Notification::Blocked;
        }
        let (id, body) = (event.event_id.to_string(), webhook::body(event));
        let timestamp_s = self.tools.shared.now().as_second();
        let Ok(signature) = webhook::sign(&course.secret, &id, timestamp_s, &body) else {
            return Notification::Unsigned;
        };
        let request = (self.tools.http.post(url))
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp_s)
            .header("webhook-signature", signature)
            .body(body);
        self.tools.call(request).await
    }

    async fn record(&self, course: &mut Course) -> Result<bool, TurnError> {
        let progress = EndpointProgress {
            last_event_id: Some(course.after),
            failures: course.failures,
            next_try_at: course.next_try_at,
            failing: course.is_failing,
        };
        let (tenant_id, id) = (self.live.tenant_id, self.webhook_endpoint_id);
        course.noted = course.after;
        Ok(self.tools.shared.directory.record_endpoint_progress(tenant_id, id, &progress).await?)
    }

    /// 410: it wants no more. The pause stands in the trail, and can be undone by hand.
    async fn pause(&self, course: &mut Course) -> Result<(), TurnError> {
        self.record(course).await?;
        let (tenant_id, id) = (self.live.tenant_id, self.webhook_endpoint_id);
        let change = EndpointChange { status: Some(EndpointStatus::Paused), ..EndpointChange::default() };
        self.tools.shared.directory.update_endpoint(&AuditActor::System, tenant_id, id, change).await?;
        tracing::warn!(tenant.id = %tenant_id, endpoint.id = %id, "webhook endpoint answered 410: paused");
        Ok(())
    }

    /// Waits for an event and until it is settled, or for the next look all the same.
    async fn wait_for_news(&self, news: &mut Receiver<Arc<DeliveryEvent>>) {
        let tuning = &self.tools.shared.tuning;
        let heard = tokio::time::timeout(tuning.notify_poll, news.recv()).await;
        if heard.is_ok() {
            // Falling behind is news as well; what came until here is read from the rows together.
            *news = news.resubscribe();
            tokio::time::sleep(tuning.notify_settle).await;
        }
    }
}

/// The last event that was taken; a new endpoint hears of what came after it was made.
fn begin(endpoint: &WebhookEndpoint) -> EventId {
    endpoint.last_event_id.unwrap_or_else(|| EventId::first_at(endpoint.created_at))
}

fn made_at(event_id: EventId) -> Timestamp {
    MessageId::from_uuid(event_id.as_uuid()).made_at().unwrap_or(Timestamp::MAX)
}

/// Events below this are settled: ids are made a little before they are committed.
fn settled(shared: &Shared) -> EventId {
    let settle = SignedDuration::try_from(shared.tuning.notify_settle).unwrap_or(SignedDuration::MAX);
    EventId::first_at(shared.now().saturating_sub(settle).unwrap_or(Timestamp::MIN))
}

async fn read(
    journal: &dyn Journal,
    endpoint: &WebhookEndpoint,
    after: EventId,
    until: EventId,
    limit: i64,
) -> Result<Vec<DeliveryEvent>, TurnError> {
    if until <= after {
        return Ok(Vec::new());
    }
    Ok(journal.list_event_stream(endpoint.tenant_id, after, until, limit).await?)
}

/// Whether events wait for an endpoint, and have waited for so long that nobody can be at work on it.
pub(super) async fn is_abandoned(shared: &Shared, endpoint: &WebhookEndpoint) -> bool {
    let oldest = async {
        let placement_id = shared.directory.placement_of(endpoint.tenant_id).await?;
        let Some(writers) = shared.writers.get(&placement_id).map(|found| Arc::clone(&found)) else {
            return Ok(Vec::new());
        };
        read(writers.journal.as_ref(), endpoint, begin(endpoint), settled(shared), 1).await
    };
    match oldest.await {
        Ok(events) => events.first().is_some_and(|event| {
            let since = made_at(event.event_id).max(endpoint.next_try_at.unwrap_or(Timestamp::MIN));
            let waited = shared.now().duration_since(since);
            Duration::try_from(waited).is_ok_and(|waited| waited >= shared.tuning.notify_abandoned)
        }),
        Err(error) => {
            tracing::debug!(error = %Chain(&error), tenant.id = %endpoint.tenant_id, "look for events that wait");
            false
        }
    }
}

/// One call, within the client's own time.
async fn call(request: RequestBuilder) -> Notification {
    match request.send().await {
        Ok(response) => {
            let status = response.status().as_u16();
            swallow(response).await;
            match webhook::answer(status) {
                webhook::Answer::Taken => Notification::Taken,
                webhook::Answer::Gone => Notification::Gone,
                webhook::Answer::Refused => Notification::Refused,
            }
        }
        Err(error) if network::is_private(&error) => Notification::Blocked,
        Err(_) => Notification::Unreachable,
    }
}

/// Reads a little of the answer; nothing in it matters.
async fn swallow(mut response: reqwest::Response) {
    let mut left = ANSWER_BYTES;
    while let Ok(Some(chunk)) = response.chunk().await {
        match left.checked_sub(chunk.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
