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

use super::body::CreateMessageBody;
use super::compose::{Wanted, complete};
use super::earlier::{self, Refused};
use super::view::AcceptedView;
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Code, FaultView};
use crate::http::json;
use crate::http::state::AppState;

const KEY_HEADER: &str = "Idempotency-Key";
pub(super) const KEY_FORM: &str = "must be 1 to 255 visible ASCII characters";

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
        let wanted = Wanted { request: parsed.into_request(&state.public_url), template };
        let completed = complete(wanted, &caller, &state, now).await;
        let prepared = completed.and_then(|request| prepare_message(request, keyed, &caller, now));
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

pub(super) fn no_answer() -> Result<Accepted, ApiError> {
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
