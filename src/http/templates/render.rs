//! Templates, rendered: with given values, with samples, and as a message to oneself. Values are in no log (C14).

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_campaigns::rules::fill::{Speaker, addresses_of};
use carepost_consent::Desk;
use carepost_consent::commands::list_people;
use carepost_consent::policy::CompiledPolicy;
use carepost_consent::store::rules_in_force;
use carepost_consent::types::{Actor, Recipient as Person};
use carepost_delivery::prepare::EnqueueRequest;
use carepost_kernel::{Channel, Content, RecipientId, TemplateId};
use carepost_store::TenantTx;
use carepost_templates::rules::samples;
use carepost_templates::types::Language;
use carepost_templates::{Ready, RenderInput, Rendered, Values, get_version};
use carepost_tenancy::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

use super::read::{NUMBER, number};
use super::{at, viewer};
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Code, FaultView};
use crate::http::json;
use crate::http::messages::body::RecipientBody;
use crate::http::messages::create::prepare_message;
use crate::http::names::{ChannelName, LanguageName};
use crate::http::state::AppState;

/// How a template is rendered. Every other parameter is a variable by its dotted name.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes to the OpenAPI document what `read_query` reads")]
pub(crate) struct RenderQuery {
    /// For this channel; left out: the inbox here, else email, else text message.
    #[param(value_type = Option<ChannelName>)]
    channel: Option<String>,
    /// In this language; left out: the template's own.
    #[param(value_type = Option<LanguageName>)]
    language: Option<String>,
    /// In this time zone, by its IANA name; left out: as messages are, that of the practice's first site.
    #[param(example = "America/New_York")]
    zone: Option<String>,
    /// This version; left out: the one that is sent, else the newest.
    version: Option<i32>,
    /// For this recipient, also called `patient_id`: in their language and zone, with what a message to them is filled with
    /// (first name, practice, links of their own). Needs the scope `messages:content`.
    #[param(value_type = Option<Uuid>)]
    recipient_id: Option<String>,
}

/// How a template is rendered, and with what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"channel": "sms", "language": "es", "variables": {"patient": {"first_name": "Ana"}}}))]
pub(crate) struct RenderTemplateBody {
    /// For this channel; left out: the inbox here, else email, else text message.
    #[serde(default)]
    #[schema(value_type = Option<ChannelName>)]
    channel: Option<Channel>,
    /// In this language; left out: the template's own.
    #[serde(default)]
    #[schema(value_type = Option<LanguageName>)]
    language: Option<Language>,
    /// In this time zone, by its IANA name; left out: as messages are, that of the practice's first site.
    #[serde(default)]
    zone: Option<String>,
    /// This version; left out: the one that is sent, else the newest.
    #[serde(default)]
    version: Option<i32>,
    /// Values, nested or by dotted name.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Value>)]
    variables: Map<String, Value>,
}

/// To whom a test goes, and with what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to": {"email": "front-desk@example.com"}, "channel": "email"}))]
pub(crate) struct TestSendBody {
    /// To whom.
    #[serde(default, deserialize_with = "json::object")]
    to: RecipientBody,
    /// On this channel; left out: the inbox here, else email, else text message.
    #[serde(default)]
    #[schema(value_type = Option<ChannelName>)]
    channel: Option<Channel>,
    /// In this language; left out: the template's own.
    #[serde(default)]
    #[schema(value_type = Option<LanguageName>)]
    language: Option<Language>,
    /// In this time zone, by its IANA name; left out: as messages are, that of the practice's first site.
    #[serde(default)]
    zone: Option<String>,
    /// This version; left out: the one that is sent, else the newest.
    #[serde(default)]
    version: Option<i32>,
    /// Values that stand in for samples.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Value>)]
    variables: Map<String, Value>,
}

/// What came out.
#[derive(Serialize, ToSchema)]
pub(crate) struct RenderedView {
    /// The template.
    #[schema(value_type = Uuid)]
    template_id: TemplateId,
    /// Which version.
    version: i32,
    /// For which channel.
    #[schema(value_type = ChannelName)]
    channel: Channel,
    /// In which language.
    #[schema(value_type = LanguageName)]
    language: Language,
    /// The subject or heading.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// The text.
    body: String,
    /// The HTML of an email.
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<String>,
    /// What a text message takes on the air.
    #[serde(skip_serializing_if = "Option::is_none")]
    segments: Option<TextPartsView>,
}

/// What a text message takes on the air.
#[derive(Serialize, ToSchema)]
pub(crate) struct TextPartsView {
    /// `gsm-7` or `ucs-2`.
    #[schema(value_type = String, example = "gsm-7")]
    encoding: carepost_kernel::segments::Encoding,
    /// Septets or 16-bit units.
    units: usize,
    /// Parts that the carrier charges for.
    count: usize,
}

/// A test that was taken in.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestSentView {
    /// The message: its timeline tells what became of it.
    #[schema(value_type = Uuid)]
    message_id: carepost_kernel::MessageId,
    /// What was sent.
    rendered: RenderedView,
}

/// How something is rendered.
#[derive(Default)]
struct Wish {
    channel: Option<Channel>,
    language: Option<Language>,
    zone: Option<String>,
    version: Option<i32>,
    recipient_id: Option<RecipientId>,
    values: Values,
}

/// Renders the template of the path by its query.
pub(super) async fn render_by_get(
    caller: &Caller,
    request: &HttpRequest,
    state: &AppState,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::TemplatesRead)?;
    let wish = read_query(request)?;
    let (ready, rendered) = render(caller, request, state, wish, false).await?;
    Ok(HttpResponse::Ok().json(RenderedView::new(&ready, rendered)))
}

/// Splits a query into how and with what. No name and no value of a variable is repeated.
fn read_query(request: &HttpRequest) -> Result<Wish, ApiError> {
    let mut wish = Wish::default();
    let mut faults = Vec::new();
    for (name, value) in form_urlencoded::parse(request.query_string().as_bytes()) {
        let mut wrong = |name, problem| faults.push(FaultView::parameter(Some(name), problem));
        match &*name {
            "channel" => match value.parse() {
                Ok(channel) => wish.channel = Some(channel),
                Err(_) => wrong("channel", "must be a channel"),
            },
            "language" => match Language::of_tag(&value) {
                Some(language) => wish.language = Some(language),
                None => wrong("language", "must be a language, as in es"),
            },
            "version" => match number(&value) {
                Some(version) => wish.version = Some(version),
                None => wrong("version", NUMBER),
            },
            "zone" => wish.zone = Some(value.into_owned()),
            "recipient_id" | "patient_id" => match value.parse() {
                Ok(_) if wish.recipient_id.is_some() => wrong("recipient_id", "stands there twice"),
                Ok(recipient_id) => wish.recipient_id = Some(recipient_id),
                Err(_) => wrong("recipient_id", "must be the id of a recipient"),
            },
            name if wish.values.get(name).is_some() => {
                faults.push(FaultView::parameter(None, "a variable stands there twice"));
            }
            name => wish.values.set(name, value.into_owned()),
        }
    }
    if faults.is_empty() { Ok(wish) } else { Err(ApiError::faults(Code::InvalidRequest, faults)) }
}

/// Renders the template of the path; with samples for what is not given, or without.
async fn render(
    caller: &Caller,
    request: &HttpRequest,
    state: &AppState,
    wish: Wish,
    with_samples: bool,
) -> Result<(Ready, Rendered), ApiError> {
    let Wish { channel, language, zone, version, recipient_id, values: mut given } = wish;
    let (mut connection, template_id) = at(caller, request, state).await?;
    let tx = connection.begin().await?;
    let ready = state.renderer.ready(&tx, template_id, version, viewer(caller)).await?;
    let policy = rules_in_force(&tx, state.clock.now()).await?;
    let person = match recipient_id {
        Some(recipient_id) => Some(person(&tx, caller, recipient_id, state.clock.now()).await?),
        None => None,
    };
    let person = person.as_ref();
    let spoken = person.and_then(|person| Language::of_tag(&person.language));
    let language = language.or(spoken).unwrap_or_else(|| ready.compiled.default_language());
    // The order of the design: the practice's own inbox first.
    let preferred = [Channel::InApp, Channel::Email, Channel::Sms];
    let has = |channel: &Channel| ready.compiled.channels().any(|of| of == *channel);
    let channel = channel.or_else(|| preferred.into_iter().find(has)).unwrap_or(Channel::InApp);
    if let Some(person) = person {
        given = complete(given, &ready, (person, channel), &policy, (caller, state))?;
    }
    given.set_default("practice.name", caller.tenant.tenant.display_name.as_str());
    if with_samples {
        let (_, version) = get_version(&tx, template_id, ready.version, viewer(caller)).await?;
        given.fill(&samples(&version.content, language));
    }
    let zone = zone.as_deref().or_else(|| person.and_then(|person| person.zone.as_deref()));
    let zone = policy.source().practice.zone_of_texts(zone);
    let rendered = ready.render(&RenderInput { channel, language, zone, values: &given })?;
    Ok((ready, rendered))
}

/// Whom something is rendered for. What comes out is a message to them, and only those may see it who may see messages.
async fn person(
    tx: &TenantTx<'_>,
    caller: &Caller,
    recipient_id: RecipientId,
    now: Timestamp,
) -> Result<Person, ApiError> {
    caller.require(Scope::MessagesContent)?;
    let actor = Actor::api_key(caller.principal.api_key_id);
    let desk = Desk { tx, tenant: &caller.tenant, actor: &actor, now };
    let found = list_people(&desk, &[recipient_id]).await?.remove(&recipient_id);
    found.ok_or_else(|| ApiError::field(Code::ValidationFailed, "/recipient_id", "names no recipient"))
}

/// Puts in what a message of this template to this person is filled with.
fn complete(
    given: Values,
    ready: &Ready,
    (person, channel): (&Person, Channel),
    policy: &CompiledPolicy,
    (caller, state): (&Caller, &AppState),
) -> Result<Values, ApiError> {
    let meta = &ready.template.meta;
    let (_, topic) = policy.of_template(meta.type_key.as_deref(), (meta.purpose, meta.topic));
    let speaker = Speaker {
        practice: &policy.source().practice,
        public_url: &state.public_url,
        tenant: &caller.tenant,
        now: state.clock.now(),
    };
    let filled = speaker.complete(given, (&addresses_of(person), Some(topic)), Some(person), channel);
    filled.map_err(|_link| ApiError::new(Code::Internal, "a link could not be made"))
}

impl RenderedView {
    fn new(ready: &Ready, rendered: Rendered) -> Self {
        let channel = rendered.content.channel();
        let (subject, body, html) = match rendered.content {
            Content::Sms(sms) => (None, sms.text, None),
            Content::Email(email) => (Some(email.subject), email.text.unwrap_or_default(), email.html),
            Content::InApp(in_app) => (Some(in_app.title), in_app.body, None),
        };
        let segments = rendered.segments.map(|segments| TextPartsView {
            encoding: segments.encoding,
            units: segments.units,
            count: segments.count,
        });
        Self {
            template_id: ready.template.template_id,
            version: ready.version,
            channel,
            language: rendered.language,
            subject,
            body,
            html,
            segments,
        }
    }
}

impl From<RenderTemplateBody> for Wish {
    fn from(RenderTemplateBody { channel, language, zone, version, variables }: RenderTemplateBody) -> Self {
        Self { channel, language, zone, version, recipient_id: None, values: variables.into() }
    }
}

/// Render a template by GET
///
/// Variables are query parameters by their dotted names. For invented values: what is a patient's goes by POST, or is looked
/// up here by `recipient_id`.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/templates/{id}/render",
    tag = "templates",
    security(("api_key" = ["templates:read"])),
    params(("id" = Uuid, Path, description = "The template."), RenderQuery),
    responses((status = 200, body = RenderedView)),
)]
pub(crate) async fn render_template_by_get(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    render_by_get(&caller, &request, &state).await
}

/// Render a template
///
/// With the values of the body; nothing is stored.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/templates/{id}/render",
    tag = "templates",
    security(("api_key" = ["templates:read"])),
    params(("id" = Uuid, Path, description = "The template.")),
    request_body = RenderTemplateBody,
    responses((status = 200, body = RenderedView)),
)]
pub(crate) async fn render_template(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::TemplatesRead)?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let body: RenderTemplateBody = json::parse(&bytes)?;
    let (ready, rendered) = render(&caller, &request, &state, body.into(), false).await?;
    Ok(HttpResponse::Ok().json(RenderedView::new(&ready, rendered)))
}

/// Preview a template
///
/// With its samples; values of the body stand in for them.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/templates/{id}/preview",
    tag = "templates",
    security(("api_key" = ["templates:read"])),
    params(("id" = Uuid, Path, description = "The template.")),
    request_body = RenderTemplateBody,
    responses((status = 200, body = RenderedView)),
)]
pub(crate) async fn preview_template(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::TemplatesRead)?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let body: RenderTemplateBody = json::parse(&bytes)?;
    let (ready, rendered) = render(&caller, &request, &state, body.into(), true).await?;
    Ok(HttpResponse::Ok().json(RenderedView::new(&ready, rendered)))
}

/// Send a test of a template
///
/// With its samples, to one address, on the way of every message: the gate has its say as with any other.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/templates/{id}/test-send",
    tag = "templates",
    security(("api_key" = ["templates:manage", "messages:write"])),
    params(("id" = Uuid, Path, description = "The template.")),
    request_body = TestSendBody,
    responses((status = 202, body = TestSentView, description = "Durable.")),
)]
pub(crate) async fn test_send_template(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::TemplatesManage)?;
    caller.require(Scope::MessagesWrite)?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let TestSendBody { to, channel, language, zone, version, variables } = json::parse(&bytes)?;
    let wish = Wish { channel, language, zone, version, recipient_id: None, values: variables.into() };
    let (ready, rendered) = render(&caller, &request, &state, wish, true).await?;
    let mut enqueue = EnqueueRequest {
        to: to.into(),
        channels: vec![rendered.content.channel()],
        purpose: Some(ready.template.meta.purpose),
        metadata: BTreeMap::from([
            ("template_id".to_owned(), ready.template.template_id.to_string()),
            ("template_version".to_owned(), ready.version.to_string()),
            ("template_test".to_owned(), "true".to_owned()),
        ]),
        ..EnqueueRequest::default()
    };
    match rendered.content.clone() {
        Content::Sms(sms) => enqueue.sms = Some(sms),
        Content::Email(email) => enqueue.email = Some(email),
        Content::InApp(in_app) => enqueue.in_app = Some(in_app),
    }
    let message = prepare_message(enqueue, None, &caller, state.clock.now())?;
    let accepted = state.engine.enqueue(&caller.tenant, message).await?;
    let rendered = RenderedView::new(&ready, rendered);
    Ok(HttpResponse::Accepted().json(TestSentView { message_id: accepted.message_id, rendered }))
}
