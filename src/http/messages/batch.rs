//! Taking many messages in with one request: each stands for itself, and what they name is read once for all of them.

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_actors::Accepted;
use carepost_delivery::NewMessage;
use carepost_delivery::prepare::{EnqueueRequest, KeyedBody, is_idempotency_key};
use carepost_tenancy::Scope;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::body::{BatchItemBody, CreateBatchBody};
use super::compose::{Records, Wanted};
use super::create::{KEY_FORM, no_answer, prepare_message};
use super::earlier::{self, Refused};
use super::view::{BatchResultView, BatchView};
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Code};
use crate::http::json;
use crate::http::observe::RequestId;
use crate::http::state::AppState;

/// Items that are filled before others on the thread have their turn.
const AT_A_TIME: usize = 32;

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
    let (mut messages, mut refused) = (Vec::new(), Vec::new());
    let fates: Vec<Fate> = {
        let body = json::read(&request, payload, state.limits.batch_body_bytes).await?;
        let items = json::parse::<RawBatch<'_>>(&body)?.messages;
        check_count(items.len(), state.limits.batch_messages)?;
        let prepared = prepare_items(&items, &caller, &state, now).await;
        prepared.into_iter().map(|one| Fate::of(one, &mut messages, &mut refused)).collect()
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

impl Fate {
    fn of(prepared: Result<NewMessage, Refused>, messages: &mut Vec<NewMessage>, refused: &mut Vec<Refused>) -> Self {
        match prepared {
            Ok(message) => {
                messages.push(message);
                Self::Prepared
            }
            Err(why) => {
                refused.push(why);
                Self::Refused
            }
        }
    }
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

/// An item that could be read.
struct Item<'raw> {
    bytes: &'raw [u8],
    key: Option<String>,
    wanted: Wanted,
}

impl Item<'_> {
    fn read<'raw>(raw: &'raw RawValue, state: &AppState) -> Result<Item<'raw>, ApiError> {
        let bytes = raw.get().as_bytes();
        let mut item: BatchItemBody = json::parse(bytes)?;
        let key = item.idempotency_key.take();
        if key.as_deref().is_some_and(|key| !is_idempotency_key(key)) {
            return Err(ApiError::field(Code::ValidationFailed, "/idempotency_key", KEY_FORM));
        }
        let template = item.template.take();
        Ok(Item { bytes, key, wanted: Wanted { request: item.into_request(&state.public_url), template } })
    }

    /// Makes it a message once it is whole.
    fn prepare(
        self,
        complete: impl FnOnce(Wanted) -> Result<EnqueueRequest, ApiError>,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<NewMessage, Refused> {
        let keyed = self.key.as_deref().map(|key| KeyedBody { key, body: self.bytes });
        let prepared = complete(self.wanted).and_then(|request| prepare_message(request, keyed, caller, now));
        prepared.map_err(|error| Refused::new(error, keyed, caller, now))
    }
}

/// What comes of each item, in order. Those that bring all that they need read nothing; what the others name is read at
/// once.
async fn prepare_items(
    items: &[&RawValue],
    caller: &Caller,
    state: &AppState,
    now: Timestamp,
) -> Vec<Result<NewMessage, Refused>> {
    let (mut prepared, mut incomplete) = (Vec::with_capacity(items.len()), Vec::new());
    for (i, raw) in items.iter().enumerate() {
        match Item::read(raw, state) {
            Ok(item) if item.wanted.is_whole() => {
                prepared.push((i, item.prepare(|wanted| Ok(wanted.request), caller, now)));
            }
            Ok(item) => incomplete.push((i, item)),
            Err(error) => prepared.push((i, Err(error.into()))),
        }
    }
    if !incomplete.is_empty() {
        let records = Records::read(incomplete.iter().map(|(_, item)| &item.wanted), caller, state, now).await;
        for (i, item) in incomplete {
            let complete = |wanted| match &records {
                Ok(records) => records.complete(wanted, caller, state),
                Err(error) => Err(error.clone()),
            };
            prepared.push((i, item.prepare(complete, caller, now)));
            if prepared.len() % AT_A_TIME == 0 {
                tokio::task::yield_now().await;
            }
        }
        prepared.sort_by_key(|(i, _)| *i);
    }
    prepared.into_iter().map(|(_, one)| one).collect()
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
