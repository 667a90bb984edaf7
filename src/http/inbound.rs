//! Messages from outside, opened for callers who may read content.

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_delivery::store::{InboundRecord, list_inbound};
use carepost_delivery::{DeliveryError, DeliveryKey};
use carepost_kernel::{Channel, InboundId, MessageId, Page, ProviderAccountId, SealError};
use carepost_tenancy::{Scope, TenantHandle};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Caller;
use super::error::ApiError;
use super::names::ChannelName;
use super::query::{PageQuery, PageRequest, PageView};
use super::state::AppState;

/// A message from outside.
#[derive(Serialize, ToSchema)]
pub(crate) struct InboundView {
    /// Its id here.
    #[schema(value_type = Uuid)]
    id: InboundId,
    /// Through which account it came.
    #[schema(value_type = Uuid)]
    provider_account_id: ProviderAccountId,
    /// On which channel.
    #[schema(value_type = ChannelName)]
    channel: Channel,
    /// When it came.
    received_at: Timestamp,
    /// `stop`, `start` or `help`, where the vendor saw it in the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "stop")]
    keyword: Option<String>,
    /// What it was understood as: `stop`, `start`, `help`, `confirm`, `reschedule`, or `other` for people to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "confirm")]
    reply: Option<String>,
    /// What was written, and by whom.
    #[serde(flatten)]
    opened: InboundContentView,
}

/// What was sealed of a message from outside. Sealed as JSON, for (tenant, inbound id).
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct InboundContentView {
    /// Who wrote: E.164 phone number or email address.
    #[schema(example = "+15005550006")]
    from: String,
    /// Our number or address that it came to.
    #[schema(example = "+15005550001")]
    to: String,
    /// Subject of an email.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// The text.
    #[serde(default)]
    #[schema(example = "Thank you, see you tomorrow.")]
    text: String,
    /// HTML of an email.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    html: Option<String>,
    /// Pictures and files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    media: Vec<InboundMediaView>,
    /// When it was written, by the vendor's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
    /// `Message-ID`s that an email answers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    in_reply_to: Vec<String>,
}

/// A picture or file of a message from outside.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct InboundMediaView {
    /// Its media type.
    content_type: String,
    /// The vendor's address of it, where it must be fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filename: Option<String>,
    /// Its bytes in base64, where it came along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_base64: Option<String>,
}

/// List messages from outside
///
/// The newest first.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/inbound",
    tag = "inbound",
    security(("api_key" = ["messages:content"])),
    params(PageQuery),
    responses((status = 200, body = PageView<InboundView>)),
)]
pub(crate) async fn list_inbound_messages(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::MessagesContent)?;
    let page = PageRequest::read(&request)?;
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let Page { items, next } = list_inbound(&tx, page.cursor, page.limit).await?;
    let items = items.into_iter().map(|record| open(&caller.tenant, record)).collect::<Result<Vec<_>, _>>()?;
    Ok(HttpResponse::Ok().json(PageView::new(Page { items, next }, |view| view)))
}

fn open(tenant: &TenantHandle, record: InboundRecord) -> Result<InboundView, ApiError> {
    // Sealed values are bound to two ids; the error names the second.
    let bound = MessageId::from_uuid(record.inbound_id.as_uuid());
    let fault = |source| DeliveryError::Seal { message_id: bound, source };
    let owner = DeliveryKey::seal_owner(tenant.tenant.tenant_id, bound);
    let plain = tenant.open(&owner, &record.payload_sealed).map_err(fault)?;
    let opened = serde_json::from_slice(&plain).map_err(|_| fault(SealError::Malformed))?;
    Ok(InboundView {
        id: record.inbound_id,
        provider_account_id: record.account_id,
        channel: record.channel,
        received_at: record.received_at,
        keyword: record.keyword,
        reply: record.reply,
        opened,
    })
}
