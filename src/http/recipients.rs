//! People and where they are reached: made, changed, found, merged, imported. Names and addresses stand in bodies and
//! answers, never in a URL (DEL-9).

pub(super) mod body;
pub(super) mod import;
pub(super) mod merge;
pub(super) mod view;

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_consent::Desk;
use carepost_consent::commands::{
    RecipientSearch, create_recipient as create, get_recipient, list_recipients as load, search_recipients as search,
    update_recipient as update,
};
use carepost_consent::types::{Actor, RecipientInput};
use carepost_kernel::{Channel, RecipientId};
use carepost_tenancy::Scope;
use utoipa::IntoParams;

use body::{RecipientInputBody, SearchRecipientsBody};
use view::{RecipientView, RecipientsView, UpsertedView};

use super::auth::Caller;
use super::consent::announce;
use super::error::{ApiError, Code};
use super::json;
use super::query::{PageView, Parameters, path_id};
use super::state::AppState;

/// Which people, and which page of them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes to the OpenAPI document what `list_recipients` reads")]
pub(crate) struct ListRecipientsQuery {
    /// `next` of the page before, as it came.
    cursor: Option<String>,
    /// How many at most: 1 to 200, default 50.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `true` or `false`: only those who are active, or who are not.
    active: Option<bool>,
}

/// List recipients
///
/// The newest first, merged records left out.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/recipients",
    tag = "recipients",
    security(("api_key" = ["recipients:read"])),
    params(ListRecipientsQuery),
    responses((status = 200, body = PageView<RecipientView>)),
)]
pub(crate) async fn list_recipients(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::RecipientsRead)?;
    let mut parameters = Parameters::read(&request, &["cursor", "limit", "active"]);
    let page = parameters.page();
    let is_active = parameters.get("active", "must be true or false", |text| text.parse().ok());
    parameters.finish()?;
    let actor = Actor::api_key(caller.principal.api_key_id);
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now: state.clock.now() };
    let found = load(&desk, is_active, page.cursor, page.limit).await?;
    Ok(HttpResponse::Ok().json(PageView::new(found, RecipientView::from)))
}

/// Make or change a recipient
///
/// Somebody with the same `external_id` is changed: what is left out stays, an empty text takes away what was there,
/// addresses that are not named stay. 201 where somebody new was made.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/recipients",
    tag = "recipients",
    security(("api_key" = ["recipients:write"])),
    request_body = RecipientInputBody,
    responses((status = 201, body = UpsertedView), (status = 200, body = UpsertedView)),
)]
pub(crate) async fn create_recipient(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::RecipientsWrite)?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let input: RecipientInput = json::parse::<RecipientInputBody>(&bytes)?.into();
    let actor = Actor::api_key(caller.principal.api_key_id);
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now: state.clock.now() };
    let (upserted, keys) = create(&desk, input).await?;
    tx.commit().await?;
    announce(&state, &caller.tenant, &keys).await;
    let mut response = if upserted.is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.json(UpsertedView::from(upserted)))
}

/// Find recipients
///
/// By external id or by one address, which a family may share. The newest 200.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/recipients/search",
    tag = "recipients",
    security(("api_key" = ["recipients:read"])),
    request_body = SearchRecipientsBody,
    responses((status = 200, body = RecipientsView)),
)]
pub(crate) async fn search_recipients(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::RecipientsRead)?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let (wanted, pointer) = one_of(json::parse(&bytes)?)?;
    let actor = Actor::api_key(caller.principal.api_key_id);
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now: state.clock.now() };
    let found = search(&desk, &wanted).await.map_err(|error| ApiError::from(error).below(pointer))?;
    Ok(HttpResponse::Ok().json(RecipientsView { items: found.into_iter().map(RecipientView::from).collect() }))
}

fn one_of(body: SearchRecipientsBody) -> Result<(RecipientSearch, &'static str), ApiError> {
    let SearchRecipientsBody { external_id, phone, email, in_app } = body;
    let address = |channel, address: Option<String>, pointer| {
        address.map(|address| (RecipientSearch::Address { channel, address }, pointer))
    };
    let given = [
        external_id.map(|id| (RecipientSearch::ExternalId(id), "/external_id")),
        address(Channel::Sms, phone, "/phone"),
        address(Channel::Email, email, "/email"),
        address(Channel::InApp, in_app, "/in_app"),
    ];
    let mut given = given.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(one), None) => Ok(one),
        _ => {
            let problem = "takes exactly one of external_id, phone, email and in_app";
            Err(ApiError::field(Code::ValidationFailed, "", problem))
        }
    }
}

/// Show a recipient
#[utoipa::path(
    get,
    path = "/api/v1/messaging/recipients/{id}",
    tag = "recipients",
    security(("api_key" = ["recipients:read"])),
    params(("id" = Uuid, Path, description = "The recipient.")),
    responses((status = 200, body = RecipientView)),
)]
pub(crate) async fn get_recipient_by_id(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::RecipientsRead)?;
    let recipient_id: RecipientId = path_id(&request, "id")?;
    let actor = Actor::api_key(caller.principal.api_key_id);
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now: state.clock.now() };
    Ok(HttpResponse::Ok().json(RecipientView::from(get_recipient(&desk, recipient_id).await?)))
}

/// Change a recipient
///
/// What is left out stays, an empty text takes away what was there, addresses that are not named stay.
#[utoipa::path(
    patch,
    path = "/api/v1/messaging/recipients/{id}",
    tag = "recipients",
    security(("api_key" = ["recipients:write"])),
    params(("id" = Uuid, Path, description = "The recipient.")),
    request_body = RecipientInputBody,
    responses((status = 200, body = RecipientView)),
)]
pub(crate) async fn update_recipient(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::RecipientsWrite)?;
    let recipient_id = path_id(&request, "id")?;
    let bytes = json::read(&request, payload, state.limits.admin_body_bytes).await?;
    let input: RecipientInput = json::parse::<RecipientInputBody>(&bytes)?.into();
    change(&state, &caller, recipient_id, input).await
}

/// Deactivate a recipient
///
/// Nothing is sent to them any more; record and evidence stay. `PATCH` with `active: true` takes it back.
#[utoipa::path(
    delete,
    path = "/api/v1/messaging/recipients/{id}",
    tag = "recipients",
    security(("api_key" = ["recipients:write"])),
    params(("id" = Uuid, Path, description = "The recipient.")),
    responses((status = 200, body = RecipientView)),
)]
pub(crate) async fn deactivate_recipient(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::RecipientsWrite)?;
    let recipient_id = path_id(&request, "id")?;
    let input = RecipientInput { is_active: Some(false), ..RecipientInput::default() };
    change(&state, &caller, recipient_id, input).await
}

async fn change(
    state: &AppState,
    caller: &Caller,
    recipient_id: RecipientId,
    input: RecipientInput,
) -> Result<HttpResponse, ApiError> {
    let actor = Actor::api_key(caller.principal.api_key_id);
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    let desk = Desk { tx: &tx, tenant: &caller.tenant, actor: &actor, now: state.clock.now() };
    let (_, keys) = update(&desk, recipient_id, input).await?;
    let changed = get_recipient(&desk, recipient_id).await?;
    tx.commit().await?;
    announce(state, &caller.tenant, &keys).await;
    Ok(HttpResponse::Ok().json(RecipientView::from(changed)))
}
