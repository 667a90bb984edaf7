//! Pages for people who are no callers of the API: server-rendered, without script, in English and Spanish.
//!
//! The templates are Handlebars in strict mode with HTML escaping, the words stand in a file for each language. Nothing
//! on a page names a person: addresses are masked. No cookies, nothing from elsewhere, nothing kept by browsers.

use std::sync::LazyLock;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderValue, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carepost_kernel::Language;
use handlebars::Handlebars;
use serde::Serialize;
use serde_json::{Value, json};

use super::error::{ApiError, Code};

const STYLE: &str = include_str!("pages/page.css");
const LAYOUT: &str = "layout";

/// A template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// The preference centre.
    Preferences,
    /// One button to unsubscribe.
    Unsubscribe,
    /// A heading and a sentence or two.
    Notice,
}

impl Page {
    const ALL: [Self; 3] = [Self::Preferences, Self::Unsubscribe, Self::Notice];

    const fn name(self) -> &'static str {
        match self {
            Self::Preferences => "preferences",
            Self::Unsubscribe => "unsubscribe",
            Self::Notice => "notice",
        }
    }

    const fn source(self) -> &'static str {
        match self {
            Self::Preferences => include_str!("pages/preferences.html"),
            Self::Unsubscribe => include_str!("pages/unsubscribe.html"),
            Self::Notice => include_str!("pages/notice.html"),
        }
    }
}

/// The language of ours that a browser asks for first (RFC 9110, section 12.5.4).
pub(super) fn asked_for(request: &HttpRequest) -> Language {
    let header = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let wish = |part: &str| {
        let (name, rest) = part.split_once(';').unwrap_or((part, ""));
        let weight = rest.trim().strip_prefix("q=").map_or(Some(1.0), |text| text.parse::<f32>().ok())?;
        Some((Language::named(name)?, weight)).filter(|(_, weight)| *weight > 0.0)
    };
    // The first of equals wins.
    let best = header.split(',').filter_map(wish).reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map_or(Language::En, |(language, _)| language)
}

/// The words of the pages.
pub(super) fn words(language: Language) -> &'static Value {
    match language {
        Language::En => &WORDS[0],
        Language::Es => &WORDS[1],
    }
}

/// One of the words, by the names on the way to it.
pub(super) fn word(language: Language, path: &[&str]) -> &'static str {
    let found = path.iter().try_fold(words(language), |words, name| words.get(name));
    found.and_then(Value::as_str).unwrap_or_default()
}

static WORDS: LazyLock<[Value; 2]> = LazyLock::new(|| {
    let read = |text| serde_json::from_str(text).expect("a test reads both files");
    [read(include_str!("pages/words.en.json")), read(include_str!("pages/words.es.json"))]
});

static TEMPLATES: LazyLock<Handlebars<'static>> = LazyLock::new(|| {
    let mut templates = Handlebars::new();
    templates.set_strict_mode(true);
    let mut add = |name, source| {
        templates.register_template_string(name, source).expect("a test renders each template");
    };
    add(LAYOUT, include_str!("pages/layout.html"));
    Page::ALL.into_iter().for_each(|page| add(page.name(), page.source()));
    templates
});

/// What a browser may do with a page: show it in our style and send its forms back to us.
pub(super) static CSP: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("base64 and words are a header's value")
});

/// A page as it is sent.
pub(super) fn respond(status: StatusCode, language: Language, page: Page, view: &impl Serialize) -> HttpResponse {
    match render(language, page, view) {
        Ok(html) => HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html),
        Err(error) => {
            // The error names a template and a line; it never holds a value of ours in strict mode.
            tracing::error!(page = page.name(), line = error.line_no, "render page");
            HttpResponse::InternalServerError().finish()
        }
    }
}

fn render(language: Language, page: Page, view: &impl Serialize) -> Result<String, handlebars::RenderError> {
    let context = json!({
        "language": language.as_str(),
        "words": words(language),
        "style": STYLE,
        "view": view,
    });
    TEMPLATES.render(page.name(), &context)
}

/// A short notice, by the name of its words.
fn notice(status: StatusCode, language: Language, name: &str) -> HttpResponse {
    let view = json!({
        "heading": word(language, &[name, "heading"]),
        "text": word(language, &[name, "text"]),
        "practice": "",
    });
    respond(status, language, Page::Notice, &view)
}

/// The one page for whatever leads nowhere: forged, cut, expired, or somebody else's.
pub(super) fn missing(request: &HttpRequest) -> HttpResponse {
    notice(StatusCode::NOT_FOUND, asked_for(request), "missing")
}

/// What a person is told where a handler failed. A tenant that is on its way is no such thing: the request is held until
/// it is there (see `relay.rs`).
///
/// # Errors
/// Exactly then.
pub(super) fn failed(request: &HttpRequest, error: ApiError) -> Result<HttpResponse, ApiError> {
    if error.is_moving() {
        return Err(error);
    }
    let language = asked_for(request);
    let (status, name) = match error.code() {
        Code::Unavailable | Code::Throttled => (StatusCode::SERVICE_UNAVAILABLE, "away"),
        Code::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "away"),
        code => (code.status(), "unreadable"),
    };
    let mut response = notice(status, language, name);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"));
    }
    Ok(response)
}

/// The form came in pieces, or was none of ours.
pub(super) fn unreadable(language: Language) -> HttpResponse {
    notice(StatusCode::BAD_REQUEST, language, "unreadable")
}

/// Come again in a minute.
pub(super) fn too_often(language: Language) -> HttpResponse {
    let mut response = notice(StatusCode::TOO_MANY_REQUESTS, language, "too_often");
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"));
    response
}

#[cfg(test)]
mod tests;
