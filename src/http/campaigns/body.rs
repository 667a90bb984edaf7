//! Bodies of bulk sends.

use carepost_campaigns::types::{FixedContent, NewBulkSend};
use carepost_delivery::prepare::EnqueueRequest;
use carepost_kernel::{ApiKeyId, Channel, Phi, Purpose, TemplateId, Topic};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::error::ApiError;
use crate::http::json::optional_object;
use crate::http::messages::body::ContentBody;
use crate::http::names::{ChannelName, PurposeName, TopicName};

/// A bulk send: exactly one of `template_id` and `content`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Closed on Friday", "content": {"subject": "Closed on Friday",
    "body": "We are closed on Friday."}, "channels": ["sms", "email"], "purpose": "transactional"}))]
pub(crate) struct CreateBulkSendBody {
    /// Its name for people, 1 to 200 characters.
    #[schema(example = "Closed on Friday")]
    name: String,
    /// A published template; its type, purpose and topic hold.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    template_id: Option<TemplateId>,
    /// The same words for everybody.
    #[serde(default, deserialize_with = "optional_object")]
    content: Option<ContentBody>,
    /// With `content`: the key of its type.
    #[serde(default, rename = "type")]
    message_type: Option<String>,
    /// With `content`: why it is sent.
    #[serde(default)]
    #[schema(value_type = Option<PurposeName>)]
    purpose: Option<Purpose>,
    /// With `content`: what it is about.
    #[serde(default)]
    #[schema(value_type = Option<TopicName>)]
    topic: Option<Topic>,
    /// Channels in the order of preference, one after the other until one arrives; left out: those that there is content
    /// for.
    #[serde(default)]
    #[schema(value_type = Vec<ChannelName>, required = false)]
    channels: Vec<Channel>,
    /// Not before this instant (RFC 3339).
    #[serde(default)]
    send_at: Option<Timestamp>,
    /// Not after this instant.
    #[serde(default)]
    expires_at: Option<Timestamp>,
    /// At most so many recipients a second: 1 to 1,000; never more than half of what the practice may hand in.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000)]
    per_second: Option<u32>,
    /// As of a message: whether links in the text message and the email lead over short ones of ours, so that following
    /// them is known. Not for emergencies and health care.
    #[serde(default)]
    #[schema(default = false)]
    track_links: bool,
    /// As of a message: whether the email's HTML part gets a picture of one point, by which its being opened is known. Off
    /// by default, because it says little and readers cannot see it. Not for emergencies and health care.
    #[serde(default)]
    #[schema(default = false)]
    track_opens: bool,
}

impl CreateBulkSendBody {
    pub(super) fn into_new(self, created_by: ApiKeyId) -> Result<NewBulkSend, ApiError> {
        let fixed = self.content.map(|content| {
            let EnqueueRequest { subject, body, sms, email, in_app, .. } = content.into();
            Phi::new(FixedContent { subject, body, sms, email, in_app })
        });
        Ok(NewBulkSend {
            name: Phi::new(self.name),
            template_id: self.template_id,
            fixed,
            message_type: self.message_type,
            purpose: self.purpose,
            topic: self.topic,
            channels: self.channels,
            send_at: self.send_at,
            expires_at: self.expires_at,
            per_second: self.per_second,
            track_links: self.track_links,
            track_opens: self.track_opens,
            created_by,
        })
    }
}

/// A list of recipients.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes to the OpenAPI document what the room reads entry by entry")]
pub(crate) struct UploadBody {
    /// 1 to 100,000 of them.
    #[schema(min_items = 1, max_items = 100000)]
    recipients: Vec<UploadRowBody>,
}

/// Somebody by one of the two ids, or addresses.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes to the OpenAPI document what the room reads entry by entry")]
pub(crate) struct UploadRowBody {
    /// Their id here.
    recipient_id: Option<Uuid>,
    /// Your own id of them.
    external_id: Option<String>,
    /// E.164 phone number.
    #[schema(example = "+15005550006")]
    phone: Option<String>,
    /// Email address.
    email: Option<String>,
    /// Account for the inbox here.
    in_app: Option<String>,
    /// The language of the content, `en` or `es`; else the recipient's own.
    language: Option<String>,
    /// Values for the template's variables, nested or by dotted name.
    variables: Option<serde_json::Map<String, serde_json::Value>>,
}
