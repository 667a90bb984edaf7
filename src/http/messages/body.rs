//! Bodies of messages, in and out: recipient and content.

use std::collections::BTreeMap;

use carepost_delivery::prepare::EnqueueRequest;
use carepost_delivery::types::About;
use carepost_delivery::{Payload, Recipient, Strategy};
use carepost_kernel::{
    Attachment, Channel, EmailContent, InAppContent, Priority, Purpose, RecipientId, SmsContent, TemplateId, Topic,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;
use utoipa::ToSchema;

use crate::http::json::{object, objects, optional_object};
use crate::http::names::{ChannelName, PriorityName, PurposeName, StrategyName, TopicName};

/// Where somebody is reached.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecipientBody {
    /// E.164, for text messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "+15005550006")]
    phone: Option<String>,
    /// For email.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "pat@example.com")]
    email: Option<String>,
    /// The tenant's own id of the recipient, for the inbox here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "patient-1001")]
    in_app: Option<String>,
}

/// A text message.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SmsBody {
    /// The text, up to 1,600 characters; may be empty where there is media.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(example = "Your visit is tomorrow at 9:30.")]
    text: String,
    /// Public `https` addresses of pictures (MMS), at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    media_urls: Vec<String>,
}

/// An email.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailBody {
    /// The subject line.
    #[serde(default)]
    #[schema(example = "Your visit tomorrow")]
    subject: String,
    /// The plain text part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The HTML part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    html: Option<String>,
    /// Where answers go, if not to the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply_to: Option<String>,
    /// Files that go along: at most 20, together at most 10 MiB.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "objects")]
    attachments: Vec<AttachmentBody>,
}

/// A file in an email.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttachmentBody {
    /// The name that the reader sees.
    #[schema(example = "directions.pdf")]
    filename: String,
    /// Its media type.
    #[schema(example = "application/pdf")]
    content_type: String,
    /// The bytes, in standard base64.
    content_base64: String,
}

/// A message in the recipient's own inbox here.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InAppBody {
    /// A heading, up to 200 characters.
    #[serde(default)]
    #[schema(example = "Your visit tomorrow")]
    title: String,
    /// The text, up to 20,000 characters.
    #[serde(default)]
    #[schema(example = "We expect you at 9:30.")]
    body: String,
}

/// What is said: a subject and a body for all channels, or content of a channel's own, which wins.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContentBody {
    /// Subject or heading for channels without content of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Your visit tomorrow")]
    subject: Option<String>,
    /// Text for channels without content of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "We expect you at 9:30.")]
    body: Option<String>,
    /// For text messages.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_object")]
    sms: Option<SmsBody>,
    /// For email.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_object")]
    email: Option<EmailBody>,
    /// For the inbox here.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_object")]
    in_app: Option<InAppBody>,
}

/// A template with what is put into it.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TemplateUseBody {
    /// Which: the version that is published.
    #[schema(value_type = Uuid)]
    pub(crate) id: TemplateId,
    /// Its variables. What every template may name (the recipient's first name, the practice, links) is put in anyway.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub(crate) variables: Map<String, Value>,
}

/// One message as a single request and as an item of a batch: the item brings its idempotency key along.
macro_rules! message_body {
    ($(#[$meta:meta])* $name:ident { $($(#[$extra_meta:meta])* $extra:ident: $extra_type:ty),* }) => {
        #[derive(Deserialize, ToSchema)]
        $(#[$meta])*
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            $($(#[$extra_meta])* pub(crate) $extra: $extra_type,)*
            /// To whom: somebody the tenant keeps here. Addresses that `to` leaves out are the recipient's own.
            #[serde(default)]
            #[schema(value_type = Option<Uuid>)]
            pub(crate) recipient_id: Option<RecipientId>,
            /// To whom; an address for each channel of the plan.
            #[serde(default, deserialize_with = "object")]
            to: RecipientBody,
            /// Channels in the order of preference; left out: those that `to` has an address for, for a `recipient_id` their own:
            /// the channel that they prefer, those of the type, the others that there is content for.
            #[serde(default)]
            #[schema(value_type = Vec<ChannelName>, required = false)]
            channels: Vec<Channel>,
            /// `fallback` (default): one channel after the other, until one arrives. `all`: all at once.
            #[serde(default)]
            #[schema(value_type = StrategyName, required = false)]
            strategy: Strategy,
            /// The key of its type, as in `appointment_reminder`: tells its purpose and topic, and which rules of the gate
            /// it may pass.
            #[serde(default, rename = "type")]
            #[schema(example = "appointment_reminder")]
            message_type: Option<String>,
            /// What it is about, where its type does not say so: the recipient's preferences go by it.
            #[serde(default)]
            #[schema(value_type = Option<TopicName>)]
            topic: Option<Topic>,
            /// The language of its content, `en` or `es`; default the recipient's.
            #[serde(default)]
            #[schema(example = "en")]
            language: Option<String>,
            /// Why it is sent; default that of its type, or else `transactional`.
            #[serde(default)]
            #[schema(value_type = Option<PurposeName>)]
            purpose: Option<Purpose>,
            /// How much it hurries; default `normal`.
            #[serde(default)]
            #[schema(value_type = PriorityName, required = false)]
            priority: Priority,
            /// A template that says it, in place of `content`.
            #[serde(default, deserialize_with = "optional_object")]
            pub(crate) template: Option<TemplateUseBody>,
            /// What is said.
            #[serde(default, deserialize_with = "object")]
            content: ContentBody,
            /// Not before this instant (RFC 3339), at most a year ahead.
            #[serde(default)]
            send_at: Option<Timestamp>,
            /// Not after this instant; default by priority, see the tenant's settings.
            #[serde(default)]
            expires_at: Option<Timestamp>,
            /// The caller's own notes, at most 20; sealed like the content and given back with it.
            #[serde(default)]
            metadata: BTreeMap<String, String>,
            /// Whether links in the text message and the email lead over short ones of ours, so that following them is
            /// known; at most 20 of a message. Not for emergencies and health care.
            #[serde(default)]
            track_links: bool,
            /// Whether the email's HTML part gets a picture of one point, by which its being opened is known. Off by default,
            /// because it says little and readers cannot see it: many mail programs load pictures by themselves or not at
            /// all, and nobody asked the reader. Following a link (`track_links`) says more. An email without HTML gets
            /// none. Not for emergencies and health care, and only where the tenant's settings allow it
            /// (`allow_open_tracking`).
            #[serde(default)]
            #[schema(default = false)]
            track_opens: bool,
        }

        impl $name {
            /// What is asked for; `public_url` is where short links and pixels begin.
            pub(crate) fn into_request(self, public_url: &Url) -> EnqueueRequest {
                let track_links = self.track_links.then(|| public_url.clone());
                let track_opens = self.track_opens.then(|| public_url.clone());
                EnqueueRequest { track_links, track_opens, ..self.into() }
            }
        }

        impl From<$name> for EnqueueRequest {
            fn from(body: $name) -> Self {
                let $name { to, channels, strategy, purpose, priority, content, send_at, expires_at, .. } = body;
                let $name { recipient_id, message_type, topic, language, .. } = body;
                let about = About { recipient_id, message_type, topic, language, ..About::default() };
                let ContentBody { subject, body: text, sms, email, in_app } = content;
                Self {
                    to: to.into(),
                    channels,
                    strategy,
                    purpose,
                    priority,
                    subject,
                    body: text,
                    sms: sms.map(Into::into),
                    email: email.map(Into::into),
                    in_app: in_app.map(Into::into),
                    send_at,
                    expires_at,
                    metadata: body.metadata,
                    about,
                    message_type: None,
                    track_links: None,
                    track_opens: None,
                }
            }
        }
    };
}

message_body! {
    /// A message to one recipient.
    #[schema(example = json!({
        "to": {"phone": "+15005550006", "email": "pat@example.com"},
        "channels": ["sms", "email"],
        "purpose": "treatment",
        "content": {"subject": "Your visit tomorrow", "body": "We expect you at 9:30."},
        "metadata": {"visit": "v-1001"}
    }))]
    CreateMessageBody {}
}

message_body! {
    /// A message of a batch.
    BatchItemBody {
        /// Makes it one message however often it is posted: 1 to 255 visible ASCII characters.
        #[serde(default)]
        #[schema(example = "visit-v-1001-reminder")]
        idempotency_key: Option<String>
    }
}

impl From<ContentBody> for EnqueueRequest {
    fn from(ContentBody { subject, body, sms, email, in_app }: ContentBody) -> Self {
        Self {
            subject,
            body,
            sms: sms.map(Into::into),
            email: email.map(Into::into),
            in_app: in_app.map(Into::into),
            ..Self::default()
        }
    }
}

message_body! {
    /// A message that is only asked about; its content may be left out.
    #[schema(example = json!({
        "to": {"phone": "+15005550006"}, "type": "appointment_reminder", "at": "2026-11-23T03:00:00Z"
    }))]
    SimulateMessageBody {
        /// The instant that is asked about; left out: now.
        #[serde(default)]
        at: Option<Timestamp>
    }
}

/// Many messages; each stands for itself.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes to the OpenAPI document what `RawBatch` reads item by item")]
pub(crate) struct CreateBatchBody {
    /// 1 to 1,000 of them.
    #[schema(min_items = 1, max_items = 1000)]
    messages: Vec<BatchItemBody>,
}

impl From<RecipientBody> for Recipient {
    fn from(RecipientBody { phone, email, in_app }: RecipientBody) -> Self {
        Self { phone, email, in_app }
    }
}

impl From<Recipient> for RecipientBody {
    fn from(Recipient { phone, email, in_app }: Recipient) -> Self {
        Self { phone, email, in_app }
    }
}

impl From<SmsBody> for SmsContent {
    fn from(SmsBody { text, media_urls }: SmsBody) -> Self {
        Self { text, media_urls }
    }
}

impl From<SmsContent> for SmsBody {
    fn from(SmsContent { text, media_urls }: SmsContent) -> Self {
        Self { text, media_urls }
    }
}

impl From<EmailBody> for EmailContent {
    fn from(EmailBody { subject, text, html, reply_to, attachments }: EmailBody) -> Self {
        let attachments = attachments.into_iter().map(Into::into).collect();
        Self { subject, text, html, reply_to, attachments, unsubscribe_url: None }
    }
}

impl From<EmailContent> for EmailBody {
    fn from(EmailContent { subject, text, html, reply_to, attachments, .. }: EmailContent) -> Self {
        Self { subject, text, html, reply_to, attachments: attachments.into_iter().map(Into::into).collect() }
    }
}

impl From<AttachmentBody> for Attachment {
    fn from(AttachmentBody { filename, content_type, content_base64 }: AttachmentBody) -> Self {
        Self { filename, content_type, content_base64 }
    }
}

impl From<Attachment> for AttachmentBody {
    fn from(Attachment { filename, content_type, content_base64 }: Attachment) -> Self {
        Self { filename, content_type, content_base64 }
    }
}

impl From<InAppBody> for InAppContent {
    fn from(InAppBody { title, body }: InAppBody) -> Self {
        Self { title, body }
    }
}

impl From<InAppContent> for InAppBody {
    fn from(InAppContent { title, body }: InAppContent) -> Self {
        Self { title, body }
    }
}

/// What was sealed, opened for a caller who may see it.
pub(crate) struct OpenedView {
    /// To whom.
    pub(crate) to: RecipientBody,
    /// What is said, channel by channel.
    pub(crate) content: ContentBody,
    /// The caller's own notes.
    pub(crate) metadata: BTreeMap<String, String>,
    /// The template that it was made from.
    pub(crate) template: Option<UsedTemplateView>,
}

/// The template that a message was made from, and which of its versions.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsedTemplateView {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: TemplateId,
    /// The version.
    #[schema(example = 1)]
    version: i32,
}

impl From<Payload> for OpenedView {
    fn from(Payload { to, sms, email, in_app, metadata, about }: Payload) -> Self {
        let content = ContentBody {
            sms: sms.map(Into::into),
            email: email.map(Into::into),
            in_app: in_app.map(Into::into),
            ..ContentBody::default()
        };
        let template = about.template.map(|(id, version)| UsedTemplateView { id, version });
        Self { to: to.into(), content, metadata, template }
    }
}
