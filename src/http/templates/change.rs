//! Changes of templates: each is a version or a step of the life of one.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use carepost_templates::rules::{check, publish_faults};
use carepost_templates::types::{Seen, Template, TemplateVersion};
use carepost_templates::{
    TemplateError, archive_template as archive, copy_template as copy, create_template as make, get_template as load,
    publish_template as publish, restore_version, take_template, update_template as save,
};
use carepost_tenancy::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{CreateTemplateBody, UpdateTemplateBody, ValidateTemplateBody, show_fault};
use super::view::TemplateDetailView;
use super::{BODY_BYTES, at, author};
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Code, FaultView};
use crate::http::json;
use crate::http::state::AppState;

/// Which version is meant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"version": 1}))]
pub(crate) struct PublishTemplateBody {
    /// Its number; left out: the newest.
    #[serde(default)]
    version: Option<i32>,
    /// The latest version that you saw: where there is a newer one, nothing is published (409).
    #[serde(default)]
    expected_version: Option<i32>,
    /// The published version that you saw, 0 where there was none: where it is another by now, nothing is published (409).
    #[serde(default)]
    expected_published_version: Option<i32>,
}

/// Which version comes back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"version": 1}))]
pub(crate) struct RestoreTemplateBody {
    /// Its number; left out: the one before `expected_version`, which must be there then.
    #[serde(default)]
    version: Option<i32>,
    /// The latest version that you saw: where there is a newer one, nothing is brought back (409).
    #[serde(default)]
    expected_version: Option<i32>,
}

/// What was seen of a template that goes out of use.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"expected_version": 2}))]
pub(crate) struct ArchiveTemplateBody {
    /// The latest version that you saw: where there is a newer one, nothing is archived (409).
    #[serde(default)]
    expected_version: Option<i32>,
}

/// How the copy is called.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Our own reminder"}))]
pub(crate) struct CopyTemplateBody {
    /// Its name; left out: that of the original.
    #[serde(default)]
    name: Option<String>,
}

/// What is wrong with a content.
#[derive(Serialize, ToSchema)]
pub(crate) struct ValidationView {
    /// Whether it can be saved.
    is_valid: bool,
    /// Whether it can be published as it is.
    is_publishable: bool,
    /// What keeps it from being saved, each with its place.
    faults: Vec<FaultView>,
    /// What keeps it from being published.
    publish_faults: Vec<FaultView>,
}

/// Makes a template from the body of a request.
pub(super) async fn create(
    caller: &Caller,
    request: &HttpRequest,
    payload: web::Payload,
    state: &AppState,
) -> Result<(Template, TemplateVersion), ApiError> {
    let bytes = json::read(request, payload, BODY_BYTES).await?;
    let (new, is_simple) = json::parse::<CreateTemplateBody>(&bytes)?.into_new()?;
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let made = make(&tx, author(caller, state), new).await.map_err(|error| told(error, is_simple))?;
    tx.commit().await?;
    Ok(made)
}

/// Changes the template of the path by the body of a request.
pub(super) async fn update(
    caller: &Caller,
    request: &HttpRequest,
    payload: web::Payload,
    state: &AppState,
) -> Result<(Template, TemplateVersion), ApiError> {
    let bytes = json::read(request, payload, BODY_BYTES).await?;
    let body: UpdateTemplateBody = json::parse(&bytes)?;
    let (mut connection, template_id) = at(caller, request, state).await?;
    let tx = connection.begin().await?;
    // Locked before it is looked at: what is left out of the body stays as whoever was faster has left it.
    let (_, newest) = take_template(&tx, author(caller, state), template_id).await?;
    let (change, is_simple) = body.into_change(newest.content)?;
    let saved = save(&tx, author(caller, state), template_id, change).await.map_err(|error| told(error, is_simple))?;
    tx.commit().await?;
    Ok(saved)
}

/// A failure in the terms of the caller's own body.
fn told(error: TemplateError, is_simple: bool) -> ApiError {
    match error {
        TemplateError::Invalid(faults) => {
            let faults = faults.into_iter().map(|fault| show_fault(fault, is_simple)).collect();
            ApiError::faults(Code::ValidationFailed, faults)
        }
        other => other.into(),
    }
}

fn show(caller: &Caller, (template, version): (Template, TemplateVersion)) -> TemplateDetailView {
    TemplateDetailView::new(caller.tenant_id(), template, version.version, version.content)
}

/// Make a template
///
/// A draft with its first version: publish it before it is sent.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/templates",
    tag = "templates",
    security(("api_key" = ["templates:manage"])),
    request_body = CreateTemplateBody,
    responses((status = 201, body = TemplateDetailView, headers(
        ("Location" = String, description = "Path of the template."),
    ))),
)]
pub(crate) async fn create_template(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::TemplatesManage)?;
    let made = create(&caller, &request, payload, &state).await?;
    let location = format!("/api/v1/messaging/templates/{}", made.0.template_id);
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(show(&caller, made)))
}

/// Check a template
///
/// Nothing is stored.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/templates/validate",
    tag = "templates",
    security(("api_key" = ["templates:read"])),
    request_body = ValidateTemplateBody,
    responses((status = 200, body = ValidationView)),
)]
pub(crate) async fn validate_template(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::TemplatesRead)?;
    let bytes = json::read(&request, payload, BODY_BYTES.min(state.limits.batch_body_bytes)).await?;
    let (content, purpose, is_simple) = json::parse::<ValidateTemplateBody>(&bytes)?.into_content()?;
    let (faults, unpublishable) = match check(&content) {
        Ok(compiled) => (Vec::new(), publish_faults(&content, &compiled, purpose)),
        Err(faults) => (faults, Vec::new()),
    };
    let views = |faults: Vec<_>| faults.into_iter().map(|fault| show_fault(fault, is_simple)).collect::<Vec<_>>();
    Ok(HttpResponse::Ok().json(ValidationView {
        is_valid: faults.is_empty(),
        is_publishable: faults.is_empty() && unpublishable.is_empty(),
        faults: views(faults),
        publish_faults: views(unpublishable),
    }))
}

/// Change a template
///
/// Any part of its content makes a new version, a draft. A template of the library becomes the practice's own.
#[utoipa::path(
    put,
    path = "/api/v1/messaging/templates/{id}",
    tag = "templates",
    security(("api_key" = ["templates:manage"])),
    params(("id" = Uuid, Path, description = "The template.")),
    request_body = UpdateTemplateBody,
    responses((status = 200, body = TemplateDetailView)),
)]
pub(crate) async fn update_template(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::TemplatesManage)?;
    let saved = update(&caller, &request, payload, &state).await?;
    Ok(HttpResponse::Ok().json(show(&caller, saved)))
}

/// Publish a version of a template
///
/// It is the one that is sent from now on. An archived template comes back into use.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/templates/{id}/publish",
    tag = "templates",
    security(("api_key" = ["templates:manage"])),
    params(("id" = Uuid, Path, description = "The template.")),
    request_body = PublishTemplateBody,
    responses((status = 200, body = TemplateDetailView)),
)]
pub(crate) async fn publish_template(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::TemplatesManage)?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let body: PublishTemplateBody = json::parse(&bytes)?;
    let (mut connection, template_id) = at(&caller, &request, &state).await?;
    let tx = connection.begin().await?;
    let seen = Seen { latest_version: body.expected_version, published_version: body.expected_published_version };
    let published = publish(&tx, author(&caller, &state), template_id, body.version, seen).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(show(&caller, published)))
}

/// Bring a former version back
///
/// As a new version with the same content, a draft.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/templates/{id}/restore",
    tag = "templates",
    security(("api_key" = ["templates:manage"])),
    params(("id" = Uuid, Path, description = "The template.")),
    request_body = RestoreTemplateBody,
    responses((status = 200, body = TemplateDetailView)),
)]
pub(crate) async fn restore_template(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::TemplatesManage)?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let body: RestoreTemplateBody = json::parse(&bytes)?;
    // The version before the newest is another one as soon as somebody has been faster.
    let before = body.expected_version.map(|seen| seen.saturating_sub(1));
    let (mut connection, template_id) = at(&caller, &request, &state).await?;
    let tx = connection.begin().await?;
    let Some(version) = body.version.or(before) else {
        take_template(&tx, author(&caller, &state), template_id).await?;
        let problem = "must be there, or expected_version must";
        return Err(ApiError::field(Code::ValidationFailed, "/version", problem));
    };
    let seen = Seen { latest_version: body.expected_version, ..Seen::default() };
    let restored = restore_version(&tx, author(&caller, &state), template_id, version, seen).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(show(&caller, restored)))
}

/// Take a template out of use
#[utoipa::path(
    post,
    path = "/api/v1/messaging/templates/{id}/archive",
    tag = "templates",
    security(("api_key" = ["templates:manage"])),
    params(("id" = Uuid, Path, description = "The template.")),
    request_body(content = Option<ArchiveTemplateBody>, description = "May be left out."),
    responses((status = 200, body = TemplateDetailView)),
)]
pub(crate) async fn archive_template(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::TemplatesManage)?;
    let body: ArchiveTemplateBody = match json::read_some(&request, payload, state.limits.admin_body_bytes).await? {
        Some(bytes) => json::parse(&bytes)?,
        None => ArchiveTemplateBody::default(),
    };
    let (mut connection, template_id) = at(&caller, &request, &state).await?;
    let tx = connection.begin().await?;
    let seen = Seen { latest_version: body.expected_version, ..Seen::default() };
    archive(&tx, author(&caller, &state), template_id, seen).await?;
    let archived = load(&tx, template_id, None).await?;
    tx.commit().await?;
    Ok(HttpResponse::Ok().json(show(&caller, archived)))
}

/// Copy a template
///
/// Of the library or of the practice's own, under another id: a draft.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/templates/{id}/copy",
    tag = "templates",
    security(("api_key" = ["templates:manage"])),
    params(("id" = Uuid, Path, description = "The original.")),
    request_body = CopyTemplateBody,
    responses((status = 201, body = TemplateDetailView, headers(
        ("Location" = String, description = "Path of the copy."),
    ))),
)]
pub(crate) async fn copy_template(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::TemplatesManage)?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let body: CopyTemplateBody = json::parse(&bytes)?;
    let (mut connection, template_id) = at(&caller, &request, &state).await?;
    let tx = connection.begin().await?;
    let made = copy(&tx, author(&caller, &state), template_id, body.name).await?;
    tx.commit().await?;
    let location = format!("/api/v1/messaging/templates/{}", made.0.template_id);
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(show(&caller, made)))
}
