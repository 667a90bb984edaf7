//! Types of messages, as a practice has them.

use actix_web::{HttpResponse, web};
use carepost_consent::message_types::MessageType;
use carepost_kernel::{Channel, Purpose, Topic};
use carepost_tenancy::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::policies::rulebook_in_force;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::names::{ChannelName, PurposeName, TopicName};
use crate::http::state::AppState;

/// All types of messages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageTypesView {
    /// The version of the policy that they are of; 0 is the built-in one.
    policy_version: u32,
    /// The types, by their keys.
    items: Vec<MessageTypeView>,
}

/// A type of message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageTypeView {
    /// Its name: `type` of a message, and the key of its template in the library.
    #[schema(example = "appointment_reminder")]
    key: String,
    /// Why it is sent: decides which consent it needs.
    #[schema(value_type = PurposeName)]
    purpose: Purpose,
    /// What it is about: recipients' preferences go by it.
    #[schema(value_type = TopicName)]
    topic: Topic,
    /// Its channels, the first one first.
    #[schema(value_type = Vec<ChannelName>)]
    channels: Vec<Channel>,
    /// It goes at any hour.
    passes_quiet_hours: bool,
    /// It goes over the caps.
    passes_caps: bool,
    /// It is on the list of the health-care exemption.
    is_exempt_purpose: bool,
    /// Its links may be counted.
    is_trackable: bool,
}

/// List types of messages
///
/// As this practice has them: the shipped table with what the policy in force departs from it.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/gate/message-types",
    tag = "gate",
    security(("api_key" = ["gate:read"])),
    responses((status = 200, body = MessageTypesView)),
)]
pub(crate) async fn list_message_types(caller: Caller, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::GateRead)?;
    let rulebook = rulebook_in_force(&state, &caller.tenant, state.clock.now()).await?;
    let mut items: Vec<MessageTypeView> = rulebook.policy().message_types().map(MessageTypeView::from).collect();
    items.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    Ok(HttpResponse::Ok().json(MessageTypesView { policy_version: rulebook.version(), items }))
}

impl From<&MessageType> for MessageTypeView {
    fn from(found: &MessageType) -> Self {
        Self {
            key: found.key.clone(),
            purpose: found.purpose,
            topic: found.topic,
            channels: found.channels.clone(),
            passes_quiet_hours: found.passes_quiet_hours,
            passes_caps: found.passes_caps,
            is_exempt_purpose: found.is_exempt_purpose,
            is_trackable: found.is_trackable,
        }
    }
}
