//! The exact paths of the design of secure messaging, with its exact fields (TPL-003 to TPL-007).

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use carepost_kernel::Page;
use carepost_tenancy::Scope;

use super::body::{CreateTemplateBody, UpdateTemplateBody};
use super::change::{create, update};
use super::read::{ListTemplatesQuery, get, list};
use super::render::{RenderQuery, RenderedView, render_by_get};
use super::view::TemplateView;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::query::PageView;
use crate::http::state::AppState;

/// List message templates
///
/// The practice's own, and those of the library that it has no copy of.
#[utoipa::path(
    get,
    path = "/api/message-templates",
    tag = "templates",
    security(("api_key" = ["templates:read"])),
    params(ListTemplatesQuery),
    responses((status = 200, body = PageView<TemplateView>)),
)]
pub(crate) async fn list_message_templates(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let Page { items, next } = list(&caller, &request, &state).await?;
    let tenant_id = caller.tenant_id();
    let show = |(template, content): (_, _)| TemplateView::new(tenant_id, &template, &content);
    Ok(HttpResponse::Ok().json(PageView::new(Page { items, next }, show)))
}

/// Make a message template
///
/// A draft: publish it under v1 before it is sent.
#[utoipa::path(
    post,
    path = "/api/message-templates",
    tag = "templates",
    security(("api_key" = ["templates:manage"])),
    request_body = CreateTemplateBody,
    responses((status = 201, body = TemplateView, headers(("Location" = String, description = "Path of the template.")))),
)]
pub(crate) async fn create_message_template(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::TemplatesManage)?;
    let (template, version) = create(&caller, &request, payload, &state).await?;
    let location = format!("/api/message-templates/{}", template.template_id);
    let view = TemplateView::new(caller.tenant_id(), &template, &version.content);
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(view))
}

/// Show a message template
#[utoipa::path(
    get,
    path = "/api/message-templates/{id}",
    tag = "templates",
    security(("api_key" = ["templates:read"])),
    params(("id" = Uuid, Path, description = "The template.")),
    responses((status = 200, body = TemplateView)),
)]
pub(crate) async fn get_message_template(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (template, version) = get(&caller, &request, &state).await?;
    Ok(HttpResponse::Ok().json(TemplateView::new(caller.tenant_id(), &template, &version.content)))
}

/// Change a message template
///
/// Other texts or variables are a new version; former ones can still be rendered.
#[utoipa::path(
    put,
    path = "/api/message-templates/{id}",
    tag = "templates",
    security(("api_key" = ["templates:manage"])),
    params(("id" = Uuid, Path, description = "The template.")),
    request_body = UpdateTemplateBody,
    responses((status = 200, body = TemplateView)),
)]
pub(crate) async fn update_message_template(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::TemplatesManage)?;
    let (template, version) = update(&caller, &request, payload, &state).await?;
    Ok(HttpResponse::Ok().json(TemplateView::new(caller.tenant_id(), &template, &version.content)))
}

/// Render a message template
///
/// Variables are query parameters by their dotted names. For invented values: what is a patient's goes by POST, under v1.
#[utoipa::path(
    get,
    path = "/api/message-templates/{id}/render",
    tag = "templates",
    security(("api_key" = ["templates:read"])),
    params(("id" = Uuid, Path, description = "The template."), RenderQuery),
    responses((status = 200, body = RenderedView)),
)]
pub(crate) async fn render_message_template(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    render_by_get(&caller, &request, &state).await
}
