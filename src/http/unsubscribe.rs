//! One-click unsubscribing `/u/{token}` (RFC 8058, CON-008): a POST opts out at once, a GET shows one button, since
//! scanners follow every address in a mail.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use carepost_consent::tokens::{self, LinkUse};
use carepost_kernel::Language;
use serde::Serialize;

use super::error::ApiError;
use super::json;
use super::pages::{self, Page};
use super::preferences::{Deed, FORM_LIMIT_BYTES, Opened, WORDING_VERSION, commit, open, read};
use super::state::AppState;
use super::visits::Visit;

/// The body of RFC 8058, section 3.2: the one pair of a form, plain or in parts.
const NAME: &str = "List-Unsubscribe";
const VALUE: &str = "One-Click";

#[derive(Serialize)]
struct UnsubscribeView {
    heading: &'static str,
    practice: String,
    text: &'static str,
    topic: Option<&'static str>,
    is_done: bool,
    preferences_path: Option<String>,
}

/// Show the button that unsubscribes
///
/// Changes nothing: scanners follow every address in a mail.
#[utoipa::path(
    get,
    path = "/u/{token}",
    tag = "pages",
    params(("token" = String, Path, description = "The token of the link.")),
    responses(
        (status = 200, description = "A page with one button.", content_type = "text/html", body = String),
        (status = 404, description = "The link opens nothing, or not any more: a page.", content_type = "text/html", body = String),
        (status = 429, description = "More than 20 times in a minute: a page.", content_type = "text/html", body = String),
        (status = 500, description = "Something failed: a page.", content_type = "text/html", body = String),
        (status = 503, description = "Nobody can tell now; nothing was changed: a page.", content_type = "text/html", body = String),
    ),
)]
pub(crate) async fn show_unsubscribe(
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    show(&request, &state).await.or_else(|error| pages::failed(&request, error))
}

async fn show(request: &HttpRequest, state: &AppState) -> Result<HttpResponse, ApiError> {
    let Some(opened) = open(request, state, LinkUse::Unsubscribe).await? else {
        return Ok(pages::missing(request));
    };
    if !state.visits.may(Visit::Preferences, &opened.token, state.clock.now()) {
        return Ok(pages::too_often(pages::asked_for(request)));
    }
    answer(request, &opened, StatusCode::OK, false, state).await
}

/// Unsubscribe with one click
///
/// What a mail program calls that shows the header `List-Unsubscribe` (RFC 8058), and the button of the page behind the
/// same address. Opts out at once: of the topic that the message was about, or of everything at the address where the
/// message had none. Doing it twice changes nothing. The token comes in each email; no key is needed.
#[utoipa::path(
    post,
    path = "/u/{token}",
    tag = "pages",
    params(("token" = String, Path, description = "The token of the address in `List-Unsubscribe`.")),
    request_body(
        content = String,
        content_type = "application/x-www-form-urlencoded",
        description = "`List-Unsubscribe=One-Click`; `multipart/form-data` with the same field is taken as well.",
    ),
    responses(
        (status = 200, description = "Opted out: a page that says so.", content_type = "text/html", body = String),
        (status = 400, description = "Not the body of RFC 8058: a page.", content_type = "text/html", body = String),
        (status = 404, description = "The link opens nothing, or not any more: a page.", content_type = "text/html", body = String),
        (status = 413, description = "More than such a body holds: a page.", content_type = "text/html", body = String),
        (status = 429, description = "More than 20 times in a minute: a page.", content_type = "text/html", body = String),
        (status = 500, description = "Something failed: a page.", content_type = "text/html", body = String),
        (status = 503, description = "Nobody can tell now; nothing was changed: a page.", content_type = "text/html", body = String),
    ),
)]
pub(crate) async fn unsubscribe(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    opt_out(&request, payload, &state).await.or_else(|error| pages::failed(&request, error))
}

async fn opt_out(request: &HttpRequest, payload: web::Payload, state: &AppState) -> Result<HttpResponse, ApiError> {
    let Some(opened) = open(request, state, LinkUse::Unsubscribe).await? else {
        return Ok(pages::missing(request));
    };
    if !state.visits.may(Visit::Unsubscribe, &opened.token, state.clock.now()) {
        return Ok(pages::too_often(pages::asked_for(request)));
    }
    let body = json::read_raw(request, payload, FORM_LIMIT_BYTES).await?;
    if !is_one_click(&body) {
        return Ok(pages::unreadable(pages::asked_for(request)));
    }
    let wording = format!("{NAME}={VALUE}");
    let language = pages::asked_for(request);
    let said = carepost_consent::commands::said_on_page(&wording, language.as_str(), WORDING_VERSION);
    let keys = commit(&opened, state, Deed::Unsubscribe(said)).await?;
    let keys = keys.ok_or_else(|| ApiError::unavailable("the recipient's settings have just changed"))?;
    state.engine.consent_changed(opened.tenant.tenant.tenant_id, &keys).await;
    answer(request, &opened, StatusCode::OK, true, state).await
}

/// Whether a body is the one of RFC 8058. Mail programs send it as a form or in parts; it has nothing else in it.
fn is_one_click(body: &[u8]) -> bool {
    if url::form_urlencoded::parse(body).any(|(name, value)| name == NAME && value == VALUE) {
        return true;
    }
    let text = String::from_utf8_lossy(body);
    let in_parts = text.split_once(&format!("name=\"{NAME}\"")).and_then(|(_, rest)| rest.split_once("\r\n\r\n"));
    in_parts.is_some_and(|(_, value)| value.lines().next() == Some(VALUE))
}

async fn answer(
    request: &HttpRequest,
    opened: &Opened,
    status: StatusCode,
    is_done: bool,
    state: &AppState,
) -> Result<HttpResponse, ApiError> {
    let reader = read(opened, state).await?;
    let known = reader.as_ref().and_then(|reader| Language::named(reader.language.as_deref()?));
    let language = known.unwrap_or_else(|| pages::asked_for(request));
    let is_person = reader.is_some_and(|reader| reader.recipient_id.is_some());
    let topic = opened.subject.topic.filter(|_| is_person);
    let word = |name| pages::word(language, &["unsubscribe", name]);
    let view = UnsubscribeView {
        heading: if is_done { word("done_heading") } else { word("heading") },
        practice: opened.tenant.tenant.display_name.clone(),
        text: match (is_done, topic.is_some()) {
            (false, true) => word("text_topic"),
            (false, false) => word("text_all"),
            (true, true) => word("done_topic"),
            (true, false) => word("done_all"),
        },
        topic: topic.map(|topic| pages::word(language, &["topics", topic.as_str(), "name"])),
        is_done,
        preferences_path: preferences_path(opened, state),
    };
    Ok(pages::respond(status, language, Page::Unsubscribe, &view))
}

/// The way to all settings, as long as the message's own link to them is good: the token of this page outlives it, and
/// shall open no more than it says, however often the page is seen.
fn preferences_path(opened: &Opened, state: &AppState) -> Option<String> {
    let now = state.clock.now();
    let token = tokens::issue_beside(&opened.tenant, LinkUse::Preferences, &opened.link, now).ok()??;
    Some(format!("../p/{token}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn con_008_the_body_of_rfc_8058_is_known_in_both_forms() {
        let parts = "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
        for body in ["List-Unsubscribe=One-Click", "a=b&List-Unsubscribe=One%2DClick", parts] {
            assert!(is_one_click(body.as_bytes()), "{body}");
        }
        let other = "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nTwo-Clicks\r\n--b--\r\n";
        for body in ["", "List-Unsubscribe", "List-Unsubscribe=", "list=One-Click", "One-Click", other, "\u{0}\u{ff}"] {
            assert!(!is_one_click(body.as_bytes()), "{body}");
        }
    }
}
