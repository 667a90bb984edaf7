//! The recipients' own inboxes: what a portal or an app shows. The recipient's id comes in a header, never in a URL.

use std::collections::HashSet;
use std::time::Duration;

use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use carepost_delivery::prepare::{address_hash, normalize_address};
use carepost_delivery::store::{InAppRecord, get_message, list_in_app, mark_in_app_read};
use carepost_delivery::types::{DeliveryEvent, DeliveryState};
use carepost_delivery::{DeliveryError, DeliveryKey};
use carepost_kernel::{Channel, InAppContent, MessageId, Page, ReceiptStatus, SealError};
use carepost_providers::ReceiptEvent;
use carepost_tenancy::{Scope, TenantHandle};
use futures_util::stream::{self, Stream};
use jiff::Timestamp;
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Interval;
use utoipa::ToSchema;

use super::auth::{Caller, authenticate};
use super::error::{ApiError, Code, FaultView};
use super::events::stream::{SIGN_OF_LIFE, frame, has_moved, heartbeat, open_stream, respond, resume_after};
use super::metrics::OpenStream;
use super::query::{PageQuery, PageRequest, PageView, path_id};
use super::state::AppState;

const RECIPIENT: &str = "X-Carepost-Recipient";
/// The newest messages that a stream looks through for new ones.
const WATCHED: usize = 100;
/// News of one tenant that come together are one look at the inbox.
const GATHER: Duration = Duration::from_millis(200);

/// A message in an inbox.
#[derive(Serialize, ToSchema)]
pub(crate) struct InAppMessageView {
    /// The message.
    #[schema(value_type = Uuid)]
    id: MessageId,
    /// When it was put there.
    delivered_at: Timestamp,
    /// When it was read first.
    #[serde(skip_serializing_if = "Option::is_none")]
    read_at: Option<Timestamp>,
    /// The heading.
    #[schema(example = "Your visit tomorrow")]
    title: String,
    /// The text.
    #[schema(example = "We expect you at 9:30.")]
    body: String,
}

/// When a message was read first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReadView {
    /// The message.
    #[schema(value_type = Uuid)]
    id: MessageId,
    /// When.
    read_at: Timestamp,
}

/// List an inbox
///
/// The newest first.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/in-app/messages",
    tag = "in-app",
    security(("api_key" = ["messages:read", "messages:content"])),
    params(("X-Carepost-Recipient" = String, Header, description = "The tenant's own id of the recipient."), PageQuery),
    responses((status = 200, body = PageView<InAppMessageView>)),
)]
pub(crate) async fn list_in_app_messages(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let recipient_hash = recipient(&caller, &request)?;
    let page = PageRequest::read(&request)?;
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let Page { items, next } = list_in_app(&tx, &recipient_hash, page.cursor, page.limit).await?;
    let items = items.iter().map(|record| open(&caller.tenant, record)).collect::<Result<Vec<_>, _>>()?;
    Ok(HttpResponse::Ok().json(PageView::new(Page { items, next }, |view| view)))
}

/// Mark an inbox message as read
///
/// The first time counts; the message's delivery becomes `read`.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/in-app/messages/{id}/read",
    tag = "in-app",
    security(("api_key" = ["messages:read", "messages:content"])),
    params(
        ("id" = Uuid, Path, description = "The message."),
        ("X-Carepost-Recipient" = String, Header, description = "The tenant's own id of the recipient."),
    ),
    responses((status = 200, body = ReadView)),
)]
pub(crate) async fn read_in_app_message(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let recipient_hash = recipient(&caller, &request)?;
    let message_id: MessageId = path_id(&request, "id")?;
    let (read_at, delivery) = {
        let mut connection = state.connection(&caller.tenant).await?;
        let tx = connection.begin().await?;
        let read_at = mark_in_app_read(&tx, message_id, &recipient_hash, state.clock.now()).await?;
        let read_at = read_at.ok_or_else(|| ApiError::not_found("no such message in this inbox"))?;
        let message = get_message(&tx, message_id).await?;
        tx.commit().await?;
        let deliveries = message.map(|message| message.deliveries).unwrap_or_default();
        (read_at, deliveries.into_iter().find(|delivery| delivery.channel == Channel::InApp))
    };
    // The row is marked; the receipt tells the engine. A repetition of the call repeats the receipt, to no effect.
    if let Some((account_id, attempts)) = delivery.and_then(|found| Some((found.account_id?, found.attempts))) {
        let account = state.directory.account(caller.tenant_id(), account_id).await?;
        let key = DeliveryKey { tenant_id: caller.tenant_id(), message_id, channel: Channel::InApp };
        state.engine.receive(&account, vec![read_receipt(key, attempts, read_at)]).await?;
    }
    Ok(HttpResponse::Ok().json(ReadView { id: message_id, read_at }))
}

/// Follow an inbox
///
/// Server-sent events `message`, live; each has the id of its message and the message as data. The list is the truth:
/// the stream looks through the newest hundred.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/in-app/stream",
    tag = "in-app",
    security(("api_key" = ["messages:read", "messages:content"])),
    params(
        ("X-Carepost-Recipient" = String, Header, description = "The tenant's own id of the recipient."),
        ("Last-Event-ID" = Option<Uuid>, Header, description = "The last message that was seen."),
        ("after" = Option<Uuid>, Query, description = "The same, for clients that cannot set the header."),
    ),
    responses((status = 200, content_type = "text/event-stream", body = String,
        description = "`event: message`, `id: <message>`, `data: <InAppMessageView>`; comments in between.")),
)]
pub(crate) async fn stream_in_app(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let recipient_hash = recipient(&caller, &request)?;
    let after: Option<MessageId> = resume_after(&request)?;
    let open = open_stream(&state)?;
    let mut watcher = Watcher {
        live: state.engine.listen(caller.tenant_id()),
        state: state.get_ref().clone(),
        request,
        tenant: caller.tenant,
        recipient_hash,
        known: HashSet::new(),
        heartbeat: heartbeat(),
        is_dirty: after.is_some(),
        _open: open,
    };
    watcher.learn(after).await?;
    Ok(respond(&state, watch(watcher)))
}

/// Both scopes, and whose inbox.
fn recipient(caller: &Caller, request: &HttpRequest) -> Result<[u8; 16], ApiError> {
    caller.require(Scope::MessagesRead)?;
    caller.require(Scope::MessagesContent)?;
    let header = request.headers().get(RECIPIENT).and_then(|value| value.to_str().ok());
    let recipient = header.and_then(|text| normalize_address(Channel::InApp, text));
    let fault = || FaultView::header(RECIPIENT, "must be the recipient's id: 1 to 128 visible ASCII characters");
    let recipient = recipient.ok_or_else(|| ApiError::faults(Code::InvalidRequest, vec![fault()]))?;
    Ok(address_hash(caller.tenant.hash_key(), Channel::InApp, &recipient))
}

fn open(tenant: &TenantHandle, record: &InAppRecord) -> Result<InAppMessageView, ApiError> {
    let message_id = record.message_id;
    let fault = |source| DeliveryError::Seal { message_id, source };
    let owner = DeliveryKey::seal_owner(tenant.tenant.tenant_id, message_id);
    let plain = tenant.open(&owner, &record.payload_sealed).map_err(fault)?;
    let content: InAppContent = serde_json::from_slice(&plain).map_err(|_| fault(SealError::Malformed))?;
    let InAppRecord { delivered_at, read_at, .. } = *record;
    Ok(InAppMessageView { id: message_id, delivered_at, read_at, title: content.title, body: content.body })
}

fn read_receipt(key: DeliveryKey, attempts: i16, read_at: Timestamp) -> ReceiptEvent {
    let attempt = key.attempt(attempts);
    ReceiptEvent {
        // The in-app provider names its messages by their attempts.
        provider_ref: attempt.into(),
        attempt: Some(attempt),
        status: ReceiptStatus::Read,
        failure: None,
        occurred_at: Some(read_at),
        dedup_key: format!("{attempt}.read"),
    }
}

/// One open stream of an inbox.
struct Watcher {
    live: Receiver<Arc<DeliveryEvent>>,
    state: AppState,
    request: HttpRequest,
    tenant: Arc<TenantHandle>,
    recipient_hash: [u8; 16],
    /// Messages among the newest that the client has, or had before the stream began.
    known: HashSet<MessageId>,
    heartbeat: Interval,
    /// Something was delivered to some inbox of the tenant: look at this one.
    is_dirty: bool,
    _open: (OwnedSemaphorePermit, OpenStream),
}

impl Watcher {
    /// What is there already is known, but for what came after the last message that the client saw.
    async fn learn(&mut self, after: Option<MessageId>) -> Result<(), ApiError> {
        let newest = self.newest().await?;
        let is_known = |id: &MessageId| after.is_none_or(|after| *id <= after);
        self.known = newest.iter().map(|record| record.message_id).filter(is_known).collect();
        Ok(())
    }

    async fn newest(&self) -> Result<Vec<InAppRecord>, ApiError> {
        let mut connection = self.state.connection(&self.tenant).await?;
        let tx = connection.begin().await?;
        Ok(list_in_app(&tx, &self.recipient_hash, None, WATCHED).await?.items)
    }

    /// The next bytes; `None` ends the stream.
    async fn next(&mut self) -> Option<Result<Bytes, ApiError>> {
        loop {
            if std::mem::take(&mut self.is_dirty) {
                match self.look().await {
                    Ok(bytes) if bytes.is_empty() => {}
                    answer => return Some(answer),
                }
            }
            tokio::select! {
                _ = self.heartbeat.tick() => {
                    match authenticate(&self.request).await {
                        Err(error) if error.code() == Code::Unauthenticated => return None,
                        _ if has_moved(&self.state, &self.tenant).await => return None,
                        _ => return Some(Ok(SIGN_OF_LIFE)),
                    }
                }
                event = self.live.recv() => match event {
                    Ok(event) if is_delivered_in_app(&event) => {
                        tokio::time::sleep(GATHER).await;
                        self.is_dirty = true;
                    }
                    Ok(_other) => {}
                    Err(RecvError::Lagged(_)) => self.is_dirty = true,
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    async fn look(&mut self) -> Result<Bytes, ApiError> {
        while self.live.try_recv().is_ok() {
            // What came while we gathered is seen by this very look.
        }
        let newest = self.newest().await?;
        let mut bytes = Vec::new();
        for record in newest.iter().rev().filter(|record| !self.known.contains(&record.message_id)) {
            bytes.extend_from_slice(&frame(&record.message_id, "message", &open(&self.tenant, record)?));
        }
        self.known = newest.iter().map(|record| record.message_id).collect();
        Ok(bytes.into())
    }
}

fn is_delivered_in_app(event: &DeliveryEvent) -> bool {
    event.key.channel == Channel::InApp && event.state == Some(DeliveryState::Delivered)
}

fn watch(watcher: Watcher) -> impl Stream<Item = Result<Bytes, ApiError>> {
    stream::unfold(Some(watcher), |watcher| async move {
        let mut watcher = watcher?;
        let next = watcher.next().await?;
        let watcher = next.is_ok().then_some(watcher);
        Some((next, watcher))
    })
}
