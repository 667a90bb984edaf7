//! The preference page `/p/{token}` (CON-001, CON-003, CON-017): a recipient's own settings, without a sign-in and
//! without script. The token is the capability; the form bears a mark of its own.
//!
//! A GET changes nothing. Whatever is wrong with a token, the answer is the same page.

mod form;
mod nonce;
mod view;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use carepost_consent::ConsentError;
use carepost_consent::commands::{Desk, Reader, read_wishes, resume_all, said_on_page, save_wishes, stop_all};
use carepost_consent::tokens::{self, Link, LinkUse, Subject};
use carepost_consent::types::{Actor, ActorKind, AddressKey, Said};
use carepost_kernel::{Chain, ErrorKind, Language};
use carepost_tenancy::{TenantHandle, TenantStatus};

use super::auth::SeenTenant;
use super::error::ApiError;
use super::json;
use super::pages::{self, Page};
use super::state::AppState;
use super::visits::Visit;
use form::{Action, Wishes};
use view::{News, PreferencesView, channels_of};

/// Version of the words on the pages, as it stands in the evidence.
pub(super) const WORDING_VERSION: &str = "pages-2026-11";
/// Bytes of a form: the page's own is less than 2 KiB.
pub(super) const FORM_LIMIT_BYTES: usize = 16 << 10;

/// A link that opens something.
pub(super) struct Opened {
    pub(super) tenant: Arc<TenantHandle>,
    pub(super) subject: Subject,
    pub(super) link: Link,
    pub(super) token: String,
}

/// Opens the token of the path. `None` for all that opens nothing, alike.
///
/// # Errors
/// Where nobody can tell now.
pub(super) async fn open(
    request: &HttpRequest,
    state: &AppState,
    link_use: LinkUse,
) -> Result<Option<Opened>, ApiError> {
    let token = request.match_info().get("token").unwrap_or_default();
    let Some(tenant_id) = tokens::tenant_of(token) else { return Ok(None) };
    let tenant = match state.directory.tenant(tenant_id).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        found => found?,
    };
    if tenant.tenant.status == TenantStatus::Closed {
        return Ok(None);
    }
    let Some(link) = tokens::open(&tenant, link_use, token, state.clock.now()) else { return Ok(None) };
    request.extensions_mut().insert(SeenTenant(tenant_id));
    Ok(Some(Opened { token: token.to_owned(), tenant, subject: link.subject, link }))
}

/// The recipient, as they stand in the evidence of what they do on a page.
pub(super) fn actor(subject: &Subject) -> Actor {
    let id = subject.recipient_id.map_or_else(|| "link".to_owned(), |recipient_id| recipient_id.to_string());
    Actor { kind: ActorKind::Recipient, id }
}

/// Show a recipient's own settings
///
/// The token is the capability: it came in a message, and no key is needed. Changes nothing.
#[utoipa::path(
    get,
    path = "/p/{token}",
    tag = "pages",
    params(("token" = String, Path, description = "The token of the link.")),
    responses(
        (status = 200, description = "The page, in the recipient's language.", content_type = "text/html", body = String),
        (status = 404, description = "The link opens nothing, or not any more: a page.", content_type = "text/html", body = String),
        (status = 429, description = "More than 20 times in a minute: a page.", content_type = "text/html", body = String),
        (status = 500, description = "Something failed: a page.", content_type = "text/html", body = String),
        (status = 503, description = "Nobody can tell now; nothing was changed: a page.", content_type = "text/html", body = String),
    ),
)]
pub(crate) async fn show_preferences(
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    show(&request, &state).await.or_else(|error| pages::failed(&request, error))
}

async fn show(request: &HttpRequest, state: &AppState) -> Result<HttpResponse, ApiError> {
    let Some(opened) = open(request, state, LinkUse::Preferences).await? else {
        return Ok(pages::missing(request));
    };
    let asked_for = pages::asked_for(request);
    if !state.visits.may(Visit::Preferences, &opened.token, state.clock.now()) {
        return Ok(pages::too_often(asked_for));
    }
    let Some(reader) = read(&opened, state).await? else { return Ok(pages::missing(request)) };
    let wishes = wishes_of(&reader, asked_for);
    Ok(page(StatusCode::OK, &opened, &reader, &wishes, News::None, state))
}

/// Save a recipient's own settings
///
/// The form of the page, with the mark that the page gave it.
#[utoipa::path(
    post,
    path = "/p/{token}",
    tag = "pages",
    params(("token" = String, Path, description = "The token of the link.")),
    request_body(
        content = String,
        content_type = "application/x-www-form-urlencoded",
        description = "The form of the page, as a browser sends it.",
    ),
    responses(
        (status = 200, description = "Saved: the page, with what holds now.", content_type = "text/html", body = String),
        (status = 400, description = "Not the page's form: a page.", content_type = "text/html", body = String),
        (status = 404, description = "The link opens nothing, or not any more: a page.", content_type = "text/html", body = String),
        (status = 413, description = "More than such a form holds: a page.", content_type = "text/html", body = String),
        (status = 422, description = "Nothing was saved: the page, with what is wrong.", content_type = "text/html", body = String),
        (status = 429, description = "More than 20 times in a minute: a page.", content_type = "text/html", body = String),
        (status = 500, description = "Something failed: a page.", content_type = "text/html", body = String),
        (status = 503, description = "Nobody can tell now; nothing was changed: a page.", content_type = "text/html", body = String),
    ),
)]
pub(crate) async fn save_preferences(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    save(&request, payload, &state).await.or_else(|error| pages::failed(&request, error))
}

async fn save(request: &HttpRequest, payload: web::Payload, state: &AppState) -> Result<HttpResponse, ApiError> {
    let Some(opened) = open(request, state, LinkUse::Preferences).await? else {
        return Ok(pages::missing(request));
    };
    let asked_for = pages::asked_for(request);
    if !state.visits.may(Visit::Preferences, &opened.token, state.clock.now()) {
        return Ok(pages::too_often(asked_for));
    }
    let Some(reader) = read(&opened, state).await? else { return Ok(pages::missing(request)) };
    let body = json::read_raw(request, payload, FORM_LIMIT_BYTES).await?;
    let present = wishes_of(&reader, asked_for);
    let Some(form) = form::read(&body) else { return Ok(pages::unreadable(present.language)) };
    let Some(version) = nonce::read(&opened.tenant, &opened.token, &form.mark, state.clock.now()) else {
        // With what holds now: what was filled in may rest on what held long ago.
        return Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &opened, &reader, &present, News::Stale, state));
    };
    let (shown, news) = match do_it(&opened, &reader, (&form.action, version), present.language, state).await? {
        Ok(news) => (None, news),
        Err(fault) => (filled_in(form.action), News::Fault(fault)),
    };
    let Some(mut reader) = read(&opened, state).await? else { return Ok(pages::missing(request)) };
    if shown.is_some() {
        // What was filled in still rests on what the form showed.
        reader.version = version;
    }
    let wishes = shown.unwrap_or_else(|| wishes_of(&reader, asked_for));
    let status = if matches!(news, News::Done(_)) { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(page(status, &opened, &reader, &wishes, news, state))
}

fn filled_in(action: Action) -> Option<Wishes> {
    match action {
        Action::Save(wishes) => Some(wishes),
        Action::Stop | Action::Resume => None,
    }
}

/// Does what a form asks for, and tells the gate.
async fn do_it(
    opened: &Opened,
    reader: &Reader,
    (action, version): (&Action, i64),
    language: Language,
    state: &AppState,
) -> Result<Result<News, form::Fault>, ApiError> {
    let said = |word: &str| said(language, &["preferences", word]);
    let (deed, news) = match action {
        Action::Save(wishes) => {
            // Only a person has wishes; the page of a mere address has no such form.
            let Some(recipient_id) = reader.recipient_id else { return Ok(Ok(News::Stale)) };
            match wishes.apply(&reader.preferences) {
                Err(fault) => return Ok(Err(fault)),
                Ok(preferences) => {
                    let language = wishes.language.as_str();
                    (Deed::Save(recipient_id, Box::new((preferences, version)), language, said("intro")), "saved")
                }
            }
        }
        Action::Stop => (Deed::Stop(said("stop_text")), "saved_stop"),
        Action::Resume => (Deed::Resume(said("resume")), "saved_resume"),
    };
    let Some(keys) = commit(opened, state, deed).await? else { return Ok(Ok(News::Stale)) };
    state.engine.consent_changed(opened.tenant.tenant.tenant_id, &keys).await;
    Ok(Ok(News::Done(news)))
}

/// What is to be written.
pub(super) enum Deed {
    /// New wishes of a person, and the version that they were shown.
    Save(carepost_kernel::RecipientId, Box<(carepost_consent::types::Preferences, i64)>, &'static str, Said),
    /// Nothing more.
    Stop(Said),
    /// Everything again.
    Resume(Said),
    /// No more of this.
    Unsubscribe(Said),
}

/// Writes a deed down, in one transaction; gives the addresses that the gate must look at again. `None`: nothing was
/// written, for what holds is not what was shown.
///
/// # Errors
/// Where the database is away.
pub(super) async fn commit(opened: &Opened, state: &AppState, deed: Deed) -> Result<Option<Vec<AddressKey>>, ApiError> {
    let actor = actor(&opened.subject);
    let mut connection = state.connection(&opened.tenant).await?;
    let tx = connection.begin().await?;
    let desk = Desk { tx: &tx, tenant: &opened.tenant, actor: &actor, now: state.clock.now() };
    let keys = match deed {
        Deed::Save(recipient_id, preferences, language, said) => {
            save_wishes(&desk, recipient_id, *preferences, language, &said).await
        }
        Deed::Stop(said) => stop_all(&desk, &opened.subject, &said).await,
        Deed::Resume(said) => resume_all(&desk, &opened.subject, &said).await,
        Deed::Unsubscribe(said) => carepost_consent::commands::unsubscribe(&desk, &opened.subject, &said).await,
    };
    let keys = match keys {
        Err(ConsentError::Conflict { .. }) => return Ok(None),
        keys => keys.map_err(|error| failed(&error))?,
    };
    tx.commit().await?;
    Ok(Some(keys))
}

/// Whom a link speaks for.
///
/// # Errors
/// Where the database is away.
pub(super) async fn read(opened: &Opened, state: &AppState) -> Result<Option<Reader>, ApiError> {
    let actor = actor(&opened.subject);
    let mut connection = state.connection(&opened.tenant).await?;
    let tx = connection.begin().await?;
    let desk = Desk { tx: &tx, tenant: &opened.tenant, actor: &actor, now: state.clock.now() };
    read_wishes(&desk, &opened.subject).await.map_err(|error| failed(&error))
}

fn failed(error: &ConsentError) -> ApiError {
    tracing::warn!(error = %Chain(error), "serve a recipient's page");
    ApiError::unavailable("the recipient's settings could not be read or written")
}

/// How a deed is written down: with the words that were on the page.
pub(super) fn said(language: Language, words: &[&str]) -> Said {
    said_on_page(pages::word(language, words), language.as_str(), WORDING_VERSION)
}

fn wishes_of(reader: &Reader, asked_for: Language) -> Wishes {
    let language = reader.language.as_deref().and_then(Language::named).unwrap_or(asked_for);
    Wishes::of(&reader.preferences, language, channels_of(reader))
}

fn page(
    status: StatusCode,
    opened: &Opened,
    reader: &Reader,
    wishes: &Wishes,
    news: News,
    state: &AppState,
) -> HttpResponse {
    let mark = nonce::make(&opened.tenant, &opened.token, reader.version, state.clock.now());
    let view = PreferencesView::of(reader, &opened.tenant.tenant.display_name, wishes, mark, news);
    pages::respond(status, wishes.language, Page::Preferences, &view)
}
