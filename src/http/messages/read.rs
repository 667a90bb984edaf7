//! Messages, listed, searched and shown. Addresses are looked for by POST, so that none stands in a URL (DEL-9).

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_delivery::prepare::{address_hash, normalize_address};
use carepost_delivery::store::{MessageFilter, get_message, list_messages as load_messages};
use carepost_delivery::types::{DeliveryState, MessageRecord};
use carepost_delivery::{DeliveryError, DeliveryKey, Payload, Recipient};
use carepost_kernel::{Channel, Cursor, MessageId, Purpose, SealError};
use carepost_tenancy::{Scope, TenantHandle};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::body::{OpenedView, RecipientBody};
use super::view::MessageView;
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Code};
use crate::http::json;
use crate::http::names::{ChannelName, PurposeName, StatusName};
use crate::http::query::{PageRequest, PageView, Parameters, page_limit, path_id};
use crate::http::state::AppState;

/// Which messages, and which page of them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes to the OpenAPI document what `read_filter` reads")]
pub(crate) struct ListMessagesQuery {
    /// `next` of the page before, as it came.
    cursor: Option<String>,
    /// How many at most: 1 to 200, default 50.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// With a delivery in one of these states, separated by commas.
    #[param(example = "failed,undelivered")]
    status: Option<String>,
    /// With a delivery on this channel.
    #[param(value_type = Option<ChannelName>)]
    channel: Option<String>,
    /// With this purpose.
    #[param(value_type = Option<PurposeName>)]
    purpose: Option<String>,
    /// Came at or after this instant (RFC 3339).
    created_from: Option<Timestamp>,
    /// Came before this instant.
    created_before: Option<Timestamp>,
}

/// Which messages, by recipient too.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"recipient": {"phone": "+15005550006"}, "status": ["delivered"], "limit": 20}))]
pub(crate) struct SearchMessagesBody {
    /// To this address: exactly one of phone, email and in_app.
    #[serde(default, deserialize_with = "json::optional_object")]
    recipient: Option<RecipientBody>,
    /// With a delivery in one of these states.
    #[schema(value_type = Option<Vec<StatusName>>)]
    status: Option<Vec<DeliveryState>>,
    /// With a delivery on this channel.
    #[schema(value_type = Option<ChannelName>)]
    channel: Option<Channel>,
    /// With this purpose.
    #[schema(value_type = Option<PurposeName>)]
    purpose: Option<Purpose>,
    /// Came at or after this instant.
    created_from: Option<Timestamp>,
    /// Came before this instant.
    created_before: Option<Timestamp>,
    /// `next` of the page before, as it came.
    cursor: Option<String>,
    /// How many at most: 1 to 200, default 50.
    #[schema(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// List messages
///
/// The newest first.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/messages",
    tag = "messages",
    security(("api_key" = ["messages:read"])),
    params(ListMessagesQuery),
    responses((status = 200, body = PageView<MessageView>)),
)]
pub(crate) async fn list_messages(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::MessagesRead)?;
    let (filter, page) = read_filter(&request)?;
    respond(&state, &caller, &filter, page).await
}

/// Search messages
///
/// As the list, and by recipient: an address belongs into a body, never into a URL.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/messages/search",
    tag = "messages",
    security(("api_key" = ["messages:read"])),
    request_body = SearchMessagesBody,
    responses((status = 200, body = PageView<MessageView>)),
)]
pub(crate) async fn search_messages(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::MessagesRead)?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let body: SearchMessagesBody = json::parse(&bytes)?;
    let invalid = |pointer, problem| ApiError::field(Code::ValidationFailed, pointer, problem);
    let decode =
        |text: &String| Cursor::decode(text).map_err(|_| invalid("/cursor", "must be a cursor of this server"));
    let cursor = body.cursor.as_ref().map(decode).transpose()?;
    let limit = body.limit.map_or(Some(PageRequest::default().limit), page_limit);
    let limit = limit.ok_or_else(|| invalid("/limit", "must be between 1 and 200"))?;
    let recipient_hash = body.recipient.map(|to| hash_recipient(&to.into(), &caller.tenant)).transpose()?;
    let filter = MessageFilter {
        created_from: body.created_from,
        created_before: body.created_before,
        purpose: body.purpose,
        states: body.status,
        channel: body.channel,
        recipient_hash,
    };
    respond(&state, &caller, &filter, PageRequest { cursor, limit }).await
}

/// Show a message
///
/// `include=content` adds recipient, content, metadata and the template it was made from, for keys with the scope `messages:content`.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/messages/{id}",
    tag = "messages",
    security(("api_key" = ["messages:read"])),
    params(
        ("id" = Uuid, Path, description = "The message."),
        ("include" = Option<String>, Query, description = "`content`."),
    ),
    responses((status = 200, body = MessageView)),
)]
pub(crate) async fn get_message_by_id(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::MessagesRead)?;
    let mut parameters = Parameters::read(&request, &["include"]);
    let with_content = parameters.get("include", "must be content", |text| (text == "content").then_some(()));
    parameters.finish()?;
    if with_content.is_some() {
        caller.require(Scope::MessagesContent)?;
    }
    let message = find(&state, &caller, path_id(&request, "id")?).await?;
    let opened = with_content.map(|()| open(&caller.tenant, &message)).transpose()?;
    Ok(HttpResponse::Ok().json(MessageView::new(message, opened)))
}

/// One message of the caller's.
///
/// # Errors
/// 404 where it is none.
pub(super) async fn find(state: &AppState, caller: &Caller, message_id: MessageId) -> Result<MessageRecord, ApiError> {
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let message = get_message(&tx, message_id).await?;
    message.ok_or_else(|| ApiError::not_found("no such message"))
}

fn open(tenant: &TenantHandle, message: &MessageRecord) -> Result<OpenedView, ApiError> {
    let message_id = message.message_id;
    let fault = |source| DeliveryError::Seal { message_id, source };
    let owner = DeliveryKey::seal_owner(tenant.tenant.tenant_id, message_id);
    let plain = tenant.open(&owner, &message.payload_sealed).map_err(fault)?;
    let payload: Payload = serde_json::from_slice(&plain).map_err(|_| fault(SealError::Malformed))?;
    Ok(payload.into())
}

async fn respond(
    state: &AppState,
    caller: &Caller,
    filter: &MessageFilter,
    page: PageRequest,
) -> Result<HttpResponse, ApiError> {
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let found = load_messages(&tx, filter, page.cursor, page.limit).await?;
    Ok(HttpResponse::Ok().json(PageView::new(found, |message| MessageView::new(message, None))))
}

fn read_filter(request: &HttpRequest) -> Result<(MessageFilter, PageRequest), ApiError> {
    const KNOWN: &[&str] = &["cursor", "limit", "status", "channel", "purpose", "created_from", "created_before"];
    const INSTANT: &str = "must be an instant (RFC 3339), as in 2026-11-22T09:30:00Z";
    let mut parameters = Parameters::read(request, KNOWN);
    let page = parameters.page();
    let filter = MessageFilter {
        created_from: parameters.get("created_from", INSTANT, |text| text.parse().ok()),
        created_before: parameters.get("created_before", INSTANT, |text| text.parse().ok()),
        purpose: parameters.get("purpose", "must be a purpose", |text| text.parse().ok()),
        states: parameters.get("status", "must be states, separated by commas", states),
        channel: parameters.get("channel", "must be a channel", |text| text.parse().ok()),
        recipient_hash: None,
    };
    parameters.finish().map(|()| (filter, page))
}

fn states(text: &str) -> Option<Vec<DeliveryState>> {
    text.split(',').map(|name| name.parse().ok()).collect()
}

fn hash_recipient(to: &Recipient, tenant: &TenantHandle) -> Result<[u8; 16], ApiError> {
    let places = [
        (Channel::Sms, "/recipient/phone"),
        (Channel::Email, "/recipient/email"),
        (Channel::InApp, "/recipient/in_app"),
    ];
    let mut given = places.into_iter().filter_map(|(channel, pointer)| Some((channel, pointer, to.address(channel)?)));
    let (Some((channel, pointer, address)), None) = (given.next(), given.next()) else {
        return Err(ApiError::field(
            Code::ValidationFailed,
            "/recipient",
            "takes exactly one of phone, email and in_app",
        ));
    };
    let normal = normalize_address(channel, address);
    let normal = normal.ok_or_else(|| ApiError::field(Code::ValidationFailed, pointer, "is not a valid address"))?;
    Ok(address_hash(tenant.hash_key(), channel, &normal))
}
