//! Taking messages in. The hot path: one parse, no database but the engine's own.

use actix_web::http::header::{HeaderName, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use carepost_actors::Accepted;
use carepost_delivery::NewMessage;
use carepost_delivery::prepare::{EnqueueRequest, KeyedBody, PrepareContext, is_idempotency_key, prepare};
use carepost_delivery::store::get_message;
use carepost_kernel::MessageId;
use carepost_tenancy::Scope;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::body::{BatchItemBody, CreateBatchBody, CreateMessageBody, TemplateUseBody};
use super::compose::complete;
use super::earlier::{self, Refused};
use super::view::{AcceptedView, BatchResultView, BatchView};
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Code, FaultView};
use crate::http::json;
use crate::http::observe::RequestId;
use crate::http::state::AppState;

const KEY_HEADER: &str = "Idempotency-Key";
const KEY_FORM: &str = "must be 1 to 255 visible ASCII characters";

/// Take a message in
///
/// The answer comes when the message is durable. With an `Idempotency-Key`, the same body makes one message however
/// often it is posted: a repetition is answered with the same id and the live status.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/messages",
    tag = "messages",
    security(("api_key" = ["messages:write"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it one message however often it is \
        posted: 1 to 255 visible ASCII characters, remembered for the tenant's window (default 7 days). Recommended.")),
    request_body = CreateMessageBody,
    responses((status = 202, body = AcceptedView, description = "Durable.", headers(
        ("Location" = String, description = "Path of the message."),
        ("Idempotency-Replayed" = Option<String>, description = "`true` where the key was used before."),
    ))),
)]
pub(crate) async fn create_message(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::MessagesWrite)?;
    let key = idempotency_key(&request)?;
    let now = state.clock.now();
    let prepared = {
        let body = json::read(&request, payload, state.limits.message_body_bytes).await?;
        let mut parsed: CreateMessageBody = json::parse(&body)?;
        let keyed = key.map(|key| KeyedBody { key, body: &body });
        let template = parsed.template.take();
        let wanted = parsed.into_request(&state.public_url);
        let prepared = prepare_wanted(wanted, template, keyed, &caller, &state, now).await;
        prepared.map_err(|error| Refused::new(error, keyed, &caller, now))
    };
    let message = match prepared {
        Ok(message) => message,
        Err(refused) => {
            let answer = earlier::answers(vec![refused], &caller, &state, now).await.pop();
            let Accepted { message_id, .. } = answer.unwrap_or_else(no_answer)?;
            return show_replayed(&state, &caller, message_id).await;
        }
    };
    let view = AcceptedView::of_new(&message);
    let Accepted { message_id, replayed } = state.engine.enqueue(&caller.tenant, message).await?;
    if replayed {
        return show_replayed(&state, &caller, message_id).await;
    }
    Ok(HttpResponse::Accepted().insert_header(location(message_id)).json(AcceptedView { id: message_id, ..view }))
}

/// Take many messages in
///
/// Each message stands for itself: a faulty one is rejected with its own problem and does not stop the others. Where
/// all of them meet a limit, the whole batch is answered 429 or 503.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/messages/batch",
    tag = "messages",
    security(("api_key" = ["messages:write"])),
    request_body = CreateBatchBody,
    responses((status = 202, body = BatchView, description = "One result for each message, in order.")),
)]
pub(crate) async fn create_batch(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::MessagesWrite)?;
    let now = state.clock.now();
    let mut messages = Vec::new();
    let mut refused = Vec::new();
    let fates: Vec<Fate> = {
        let body = json::read(&request, payload, state.limits.batch_body_bytes).await?;
        let items = json::parse::<RawBatch<'_>>(&body)?.messages;
        check_count(items.len(), state.limits.batch_messages)?;
        let mut fates = Vec::with_capacity(items.len());
        for item in &items {
            fates.push(match prepare_item(item, &caller, &state, now).await {
                Ok(message) => {
                    messages.push(message);
                    Fate::Prepared
                }
                Err(why) => {
                    refused.push(why);
                    Fate::Refused
                }
            });
        }
        fates
    };
    let mut answers = state.engine.enqueue_many(&caller.tenant, messages).await.into_iter();
    let mut earlier = earlier::answers(refused, &caller, &state, now).await.into_iter();
    // One answer for each of them, in order: the contract of both.
    let answer = |fate| match fate {
        Fate::Prepared => answers.next().map(|answer| answer.map_err(Into::into)),
        Fate::Refused => earlier.next(),
    };
    let results: Vec<_> = fates.into_iter().map(answer).map(|answer| answer.unwrap_or_else(no_answer)).collect();
    if let Some(error) = passing_for_all(&results) {
        return Err(error);
    }
    Ok(HttpResponse::Accepted().json(show_batch(results, &request)))
}

/// Whether an item became a message.
enum Fate {
    Prepared,
    Refused,
}

/// A batch whose items are still raw: a faulty one must not take the others with it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBatch<'a> {
    #[serde(borrow)]
    messages: Vec<&'a RawValue>,
}

fn check_count(count: usize, limit: usize) -> Result<(), ApiError> {
    if (1..=limit).contains(&count) {
        return Ok(());
    }
    Err(ApiError::field(Code::ValidationFailed, "/messages", format!("must hold 1 to {limit} messages")))
}

async fn prepare_wanted(
    mut wanted: EnqueueRequest,
    template: Option<TemplateUseBody>,
    keyed: Option<KeyedBody<'_>>,
    caller: &Caller,
    state: &AppState,
    now: Timestamp,
) -> Result<NewMessage, ApiError> {
    // Most messages bring all that they need: for them nothing is read.
    if template.is_some() || wanted.about.recipient_id.is_some() {
        complete(&mut wanted, template, caller, state).await?;
    }
    prepare_message(wanted, keyed, caller, now)
}

async fn prepare_item(
    raw: &RawValue,
    caller: &Caller,
    state: &AppState,
    now: Timestamp,
) -> Result<NewMessage, Refused> {
    let bytes = raw.get().as_bytes();
    let mut item: BatchItemBody = json::parse(bytes)?;
    let key = item.idempotency_key.take();
    if key.as_deref().is_some_and(|key| !is_idempotency_key(key)) {
        return Err(ApiError::field(Code::ValidationFailed, "/idempotency_key", KEY_FORM).into());
    }
    let keyed = key.as_deref().map(|key| KeyedBody { key, body: bytes });
    let template = item.template.take();
    let wanted = item.into_request(&state.public_url);
    let prepared = prepare_wanted(wanted, template, keyed, caller, state, now).await;
    prepared.map_err(|error| Refused::new(error, keyed, caller, now))
}

fn no_answer() -> Result<Accepted, ApiError> {
    Err(ApiError::new(Code::Internal, "the engine gave no answer"))
}

pub(crate) fn prepare_message(
    request: EnqueueRequest,
    keyed: Option<KeyedBody<'_>>,
    caller: &Caller,
    now: Timestamp,
) -> Result<NewMessage, ApiError> {
    Ok(prepare(request, keyed, context(caller, now))?)
}

pub(super) fn context(caller: &Caller, now: Timestamp) -> PrepareContext<'_> {
    PrepareContext {
        tenant_id: caller.tenant_id(),
        api_key_id: Some(caller.principal.api_key_id),
        settings: &caller.tenant.tenant.settings,
        data_key: &caller.tenant.data_key,
        hash_key: caller.tenant.hash_key(),
        now,
    }
}

/// The key that makes a post one, if there is one.
///
/// # Errors
/// 400 where it has not its form, or stands there twice.
pub(in crate::http) fn idempotency_key(request: &HttpRequest) -> Result<Option<&str>, ApiError> {
    let fault = || ApiError::faults(Code::InvalidRequest, vec![FaultView::header(KEY_HEADER, KEY_FORM)]);
    let mut values = request.headers().get_all(KEY_HEADER);
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| is_idempotency_key(key));
    if values.next().is_some() { Err(fault()) } else { key.map(Some).ok_or_else(fault) }
}

fn location(message_id: MessageId) -> (HeaderName, String) {
    (LOCATION, format!("/api/v1/messaging/messages/{message_id}"))
}

/// The answer to a repetition: the message of its key, as it is by now.
async fn show_replayed(state: &AppState, caller: &Caller, message_id: MessageId) -> Result<HttpResponse, ApiError> {
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let message = get_message(&tx, message_id).await?;
    let message = message.ok_or_else(|| ApiError::not_found("the message of this key is past its retention"))?;
    let mut response = HttpResponse::Accepted();
    response.insert_header(location(message_id)).insert_header(("Idempotency-Replayed", "true"));
    Ok(response.json(AcceptedView::of_stored(&message)))
}

/// Where nothing was stored and all of it may pass later, the caller is told so by the status.
fn passing_for_all(results: &[Result<Accepted, ApiError>]) -> Option<ApiError> {
    let all = results.iter().all(|result| result.as_ref().is_err_and(ApiError::is_passing));
    let errors = || results.iter().filter_map(|result| result.as_ref().err());
    // Said of the whole batch only where it holds for each of it.
    let worst = errors().find(|error| !error.is_moving()).or_else(|| errors().next());
    worst.filter(|_| all).cloned()
}

fn show_batch(results: Vec<Result<Accepted, ApiError>>, request: &HttpRequest) -> BatchView {
    let instance = RequestId::of(request);
    let accepted = results.iter().filter(|result| result.is_ok()).count();
    let rejected = results.len() - accepted;
    let show = |(index, result): (usize, Result<Accepted, ApiError>)| match result {
        Ok(Accepted { message_id, replayed }) => {
            BatchResultView { index, status: "accepted", id: Some(message_id), replayed: Some(replayed), error: None }
        }
        Err(error) => {
            let problem = error.below(&format!("/messages/{index}")).view(instance);
            BatchResultView { index, status: "rejected", id: None, replayed: None, error: Some(problem) }
        }
    };
    BatchView { results: results.into_iter().enumerate().map(show).collect(), accepted, rejected }
}
