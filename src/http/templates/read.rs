//! Templates, listed and shown: versions, history, differences.

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_kernel::{Cursor, Page};
use carepost_templates::rules::diff;
use carepost_templates::types::{Category, Template, TemplateContent, TemplateFilter, TemplateState, TemplateVersion};
use carepost_templates::{get_template as load, get_version, list_history, list_templates as load_all, list_versions};
use carepost_tenancy::Scope;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::view::{DiffPartView, TemplateDetailView, TemplateEventView, VersionView};
use super::{at, viewer};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::names::TemplateStateName;
use crate::http::query::{PageView, Parameters};
use crate::http::state::AppState;

/// Which templates, and which page of them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes to the OpenAPI document what `list` reads")]
pub(crate) struct ListTemplatesQuery {
    /// `next` of the page before, as it came.
    cursor: Option<String>,
    /// How many at most: 1 to 200, default 50.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Filed under this category.
    #[param(example = "Billing")]
    category: Option<String>,
    /// Of this type of message.
    #[param(example = "appointment_reminder")]
    r#type: Option<String>,
    /// In this state; archived ones are left out otherwise.
    #[param(value_type = Option<TemplateStateName>)]
    state: Option<String>,
    /// Canned responses whose shortcut starts so; `*` finds all of them.
    #[param(example = "hours")]
    shortcut: Option<String>,
}

/// Which version.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes to the OpenAPI document what `get` reads")]
pub(crate) struct GetTemplateQuery {
    /// Its number; left out: the one that is sent, else the newest.
    version: Option<i32>,
}

/// Between which versions.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes to the OpenAPI document what `diff_template` reads")]
pub(crate) struct DiffTemplateQuery {
    /// The former one; left out: the one before `to`.
    from: Option<i32>,
    /// The later one; left out: the newest.
    to: Option<i32>,
}

/// Which page of versions.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes to the OpenAPI document what `list_template_versions` reads")]
pub(crate) struct ListVersionsQuery {
    /// Versions below this number.
    before: Option<i32>,
    /// How many at most: 1 to 200, default 50.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// The versions of a template.
#[derive(Serialize, ToSchema)]
pub(crate) struct VersionsView {
    /// The newest first.
    items: Vec<VersionView>,
}

/// What was done with a template.
#[derive(Serialize, ToSchema)]
pub(crate) struct TemplateHistoryView {
    /// The latest first, 200 at most.
    items: Vec<TemplateEventView>,
}

/// How two versions differ.
#[derive(Serialize, ToSchema)]
pub(crate) struct DiffView {
    /// The former one.
    from: i32,
    /// The later one.
    to: i32,
    /// The texts that differ.
    parts: Vec<DiffPartView>,
}

/// One page of what the caller may see.
pub(super) async fn list(
    caller: &Caller,
    request: &HttpRequest,
    state: &AppState,
) -> Result<Page<(Template, TemplateContent)>, ApiError> {
    caller.require(Scope::TemplatesRead)?;
    let mut parameters = Parameters::read(request, &["cursor", "limit", "category", "type", "state", "shortcut"]);
    let page = parameters.page();
    let filter = TemplateFilter {
        category: parameters.get("category", "must be a category", |text| text.parse::<Category>().ok()),
        type_key: parameters.get("type", "must be a type of message", |text| Some(text.to_owned())),
        state: parameters
            .get("state", "must be draft, published or archived", |text| text.parse::<TemplateState>().ok()),
        shortcut: parameters.get("shortcut", "must be text", |text| {
            Some(if text == "*" { String::new() } else { text.trim_start_matches('/').to_owned() })
        }),
        viewer: viewer(caller),
    };
    parameters.finish()?;
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    Ok(load_all(&tx, &filter, page.cursor.map(Cursor::last), page.limit).await?)
}

/// A template that the caller may see, with the version that is asked for.
pub(super) async fn get(
    caller: &Caller,
    request: &HttpRequest,
    state: &AppState,
) -> Result<(Template, TemplateVersion), ApiError> {
    caller.require(Scope::TemplatesRead)?;
    let mut parameters = Parameters::read(request, &["version"]);
    let version = parameters.get("version", NUMBER, number);
    parameters.finish()?;
    let (mut connection, template_id) = at(caller, request, state).await?;
    let tx = connection.begin().await?;
    Ok(match version {
        Some(version) => get_version(&tx, template_id, version, viewer(caller)).await?,
        None => load(&tx, template_id, viewer(caller)).await?,
    })
}

/// What a version's number must be.
pub(super) const NUMBER: &str = "must be the number of a version, from 1";

/// A version's number.
pub(super) fn number(text: &str) -> Option<i32> {
    text.parse().ok().filter(|number| *number >= 1)
}

/// List templates
///
/// The practice's own, and those of the library that it has no copy of, each with the version that counts.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/templates",
    tag = "templates",
    security(("api_key" = ["templates:read"])),
    params(ListTemplatesQuery),
    responses((status = 200, body = PageView<TemplateDetailView>)),
)]
pub(crate) async fn list_templates(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let Page { items, next } = list(&caller, &request, &state).await?;
    let tenant_id = caller.tenant_id();
    let show = |(template, content): (Template, TemplateContent)| {
        let version = template.current_version();
        TemplateDetailView::new(tenant_id, template, version, content)
    };
    Ok(HttpResponse::Ok().json(PageView::new(Page { items, next }, show)))
}

/// Show a template
#[utoipa::path(
    get,
    path = "/api/v1/messaging/templates/{id}",
    tag = "templates",
    security(("api_key" = ["templates:read"])),
    params(("id" = Uuid, Path, description = "The template."), GetTemplateQuery),
    responses((status = 200, body = TemplateDetailView)),
)]
pub(crate) async fn get_template(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (template, version) = get(&caller, &request, &state).await?;
    let view = TemplateDetailView::new(caller.tenant_id(), template, version.version, version.content);
    Ok(HttpResponse::Ok().json(view))
}

/// List the versions of a template
#[utoipa::path(
    get,
    path = "/api/v1/messaging/templates/{id}/versions",
    tag = "templates",
    security(("api_key" = ["templates:read"])),
    params(("id" = Uuid, Path, description = "The template."), ListVersionsQuery),
    responses((status = 200, body = VersionsView)),
)]
pub(crate) async fn list_template_versions(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::TemplatesRead)?;
    let mut parameters = Parameters::read(&request, &["before", "limit"]);
    let before = parameters.get("before", NUMBER, number);
    let limit = parameters.page().limit;
    parameters.finish()?;
    let (mut connection, template_id) = at(&caller, &request, &state).await?;
    let tx = connection.begin().await?;
    let (template, versions) = list_versions(&tx, template_id, viewer(&caller), before, limit).await?;
    let items = versions.iter().map(|version| VersionView::new(&template, version)).collect();
    Ok(HttpResponse::Ok().json(VersionsView { items }))
}

/// Show what was done with a template
#[utoipa::path(
    get,
    path = "/api/v1/messaging/templates/{id}/history",
    tag = "templates",
    security(("api_key" = ["templates:read"])),
    params(("id" = Uuid, Path, description = "The template.")),
    responses((status = 200, body = TemplateHistoryView)),
)]
pub(crate) async fn list_template_history(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::TemplatesRead)?;
    let (mut connection, template_id) = at(&caller, &request, &state).await?;
    let tx = connection.begin().await?;
    let events = list_history(&tx, template_id, viewer(&caller)).await?;
    let items = events.into_iter().map(TemplateEventView::from).collect();
    Ok(HttpResponse::Ok().json(TemplateHistoryView { items }))
}

/// Show how two versions differ
#[utoipa::path(
    get,
    path = "/api/v1/messaging/templates/{id}/diff",
    tag = "templates",
    security(("api_key" = ["templates:read"])),
    params(("id" = Uuid, Path, description = "The template."), DiffTemplateQuery),
    responses((status = 200, body = DiffView)),
)]
pub(crate) async fn diff_template(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::TemplatesRead)?;
    let mut parameters = Parameters::read(&request, &["from", "to"]);
    let from = parameters.get("from", NUMBER, number);
    let to = parameters.get("to", NUMBER, number);
    parameters.finish()?;
    let (mut connection, template_id) = at(&caller, &request, &state).await?;
    let tx = connection.begin().await?;
    let (template, _) = load(&tx, template_id, viewer(&caller)).await?;
    let to = to.unwrap_or(template.latest_version);
    let from = from.unwrap_or((to - 1).max(1));
    let (_, former) = get_version(&tx, template_id, from, viewer(&caller)).await?;
    let (_, later) = get_version(&tx, template_id, to, viewer(&caller)).await?;
    let parts = diff(&former.content, &later.content).into_iter().map(DiffPartView::from).collect();
    Ok(HttpResponse::Ok().json(DiffView { from, to, parts }))
}
