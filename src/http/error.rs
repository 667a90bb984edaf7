//! Failures as RFC 9457 problems: the one place that turns a kind into a status and a stable code.
//!
//! No text in here holds anything of a request (DEL-9): details are our own words, faults name a field and never its
//! value. Each code has a page, `docs/errors/<code>.md`.

mod pages;
mod rooms;

use std::borrow::Cow;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use carepost_kernel::{Chain, ErrorKind};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) use pages::page;

/// Marks a 503 that is over as soon as somebody else has the tenant: nothing was done.
pub(super) const MOVING: HeaderName = HeaderName::from_static("carepost-moving");
/// When to come again where nobody knows better.
const LATER: Duration = Duration::from_secs(2);

macro_rules! codes {
    ($($(#[$meta:meta])* $variant:ident = $text:literal, $status:ident, $title:literal;)+) => {
        /// The stable name of a failure.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code {
            $($(#[$meta])* $variant),+
        }

        impl Code {
            /// All codes.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in problems and of the page.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The status that it is answered with.
            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),+ }
            }

            const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }
        }
    };
}

codes! {
    /// Not JSON at all.
    MalformedJson = "malformed_json", BAD_REQUEST, "The body is not JSON";
    /// JSON of another shape.
    InvalidBody = "invalid_body", BAD_REQUEST, "The body has a wrong shape";
    /// A header or query parameter is wrong.
    InvalidRequest = "invalid_request", BAD_REQUEST, "A header or query parameter is wrong";
    /// Signed by the vendor, and not in its format.
    MalformedWebhook = "malformed_webhook", BAD_REQUEST, "The webhook is not in the vendor's format";
    /// No valid key.
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "A valid key is needed";
    /// The key may not do this.
    Forbidden = "forbidden", FORBIDDEN, "The key may not do this";
    /// Not signed by the vendor.
    WebhookRefused = "webhook_refused", FORBIDDEN, "The webhook's signature does not hold";
    /// No such thing for this caller.
    NotFound = "not_found", NOT_FOUND, "There is no such thing";
    /// No such path.
    RouteNotFound = "route_not_found", NOT_FOUND, "There is no such path";
    /// The path has other methods.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The path does not have this method";
    /// The present state does not allow it.
    Conflict = "conflict", CONFLICT, "The present state does not allow it";
    /// Over the limit of bytes.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    /// Not `application/json`.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body must be plain JSON";
    /// The right shape, and wrong values.
    ValidationFailed = "validation_failed", UNPROCESSABLE_ENTITY, "Some fields are not valid";
    /// DEL-2: one key, one message.
    IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The idempotency key was used before";
    /// Over a quota of the tenant.
    Throttled = "throttled", TOO_MANY_REQUESTS, "Over a limit";
    /// Our fault.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Something is wrong on our side";
    /// Something that we lean on is away.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Not possible right now";
}

/// What is wrong with one part of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FaultView {
    /// JSON pointer (RFC 6901) to the field of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/to/phone")]
    pub(crate) pointer: Option<String>,
    /// Name of the query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parameter: Option<&'static str>,
    /// Name of the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) header: Option<&'static str>,
    /// What is wrong with it; never its value.
    #[schema(value_type = String, example = "must be a valid phone number in E.164 form, as in +15005550006")]
    pub(crate) detail: Cow<'static, str>,
    /// The line in the text of the field, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<usize>,
    /// The character in the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<usize>,
}

impl FaultView {
    /// A fault of a field.
    pub(crate) fn field(pointer: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { pointer: Some(pointer.into()), ..Self::told(detail) }
    }

    /// A fault of a query parameter; without a name where it is none that is known.
    pub(crate) fn parameter(parameter: Option<&'static str>, detail: &'static str) -> Self {
        Self { parameter, ..Self::told(detail) }
    }

    /// A fault of a header.
    pub(crate) fn header(header: &'static str, detail: &'static str) -> Self {
        Self { header: Some(header), ..Self::told(detail) }
    }

    /// The same at a place in the text of the field.
    pub(crate) fn at(self, line: Option<usize>, column: Option<usize>) -> Self {
        Self { line, column, ..self }
    }

    fn told(detail: impl Into<Cow<'static, str>>) -> Self {
        Self { pointer: None, parameter: None, header: None, detail: detail.into(), line: None, column: None }
    }
}

/// An RFC 9457 problem.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ProblemView {
    /// Where the code is explained, relative to this server.
    #[serde(rename = "type")]
    #[schema(example = "/docs/errors/validation_failed")]
    kind: String,
    /// The code in words.
    #[schema(example = "Some fields are not valid")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 422)]
    status: u16,
    /// What happened this time.
    #[schema(value_type = String, example = "see errors")]
    detail: Cow<'static, str>,
    /// The stable name of the failure.
    #[schema(example = "validation_failed")]
    code: &'static str,
    /// The id of the request, as in the header `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<Uuid>,
    /// What is wrong, field by field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FaultView>,
    /// The limit that was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'static str>,
    /// When to come again, in whole seconds, as in the header `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
}

/// A failure on its way to the caller.
#[derive(Debug, Clone)]
pub(crate) struct ApiError(Box<Problem>);

#[derive(Debug, Clone)]
struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    faults: Vec<FaultView>,
    limit: Option<&'static str>,
    retry_after: Option<Duration>,
    allow: Option<String>,
    is_moving: bool,
}

impl ApiError {
    /// A failure in words of our own.
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let retry_after = matches!(code, Code::Unavailable | Code::Throttled).then_some(LATER);
        let problem = Problem {
            code,
            detail: detail.into(),
            faults: Vec::new(),
            limit: None,
            retry_after,
            allow: None,
            is_moving: false,
        };
        Self(Box::new(problem))
    }

    /// A failure that is told field by field.
    pub(crate) fn faults(code: Code, faults: Vec<FaultView>) -> Self {
        Self::new(code, "see errors").with_faults(faults)
    }

    /// A failure of one field.
    pub(crate) fn field(code: Code, pointer: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::faults(code, vec![FaultView::field(pointer, detail)])
    }

    /// No such thing.
    pub(crate) fn not_found(what: &'static str) -> Self {
        Self::new(Code::NotFound, what)
    }

    /// Something is away; nothing was stored.
    pub(crate) fn unavailable(reason: &'static str) -> Self {
        Self::new(Code::Unavailable, reason)
    }

    /// The path has other methods, `allow` as the header wants them.
    pub(crate) fn method_not_allowed(allow: String) -> Self {
        let mut error = Self::new(Code::MethodNotAllowed, "the header Allow lists the methods of this path");
        error.0.allow = Some(allow);
        error
    }

    /// The same with the name of the limit that was reached.
    pub(crate) fn with_limit(mut self, limit: &'static str) -> Self {
        self.0.limit = Some(limit);
        self
    }

    /// The name of the limit that was reached, if it was one.
    pub(crate) const fn limit(&self) -> Option<&'static str> {
        self.0.limit
    }

    /// The same with what is wrong, part by part.
    pub(crate) fn with_faults(mut self, faults: Vec<FaultView>) -> Self {
        self.0.faults = faults;
        self
    }

    /// The same with every pointer moved below `prefix`.
    pub(crate) fn below(mut self, prefix: &str) -> Self {
        for pointer in self.0.faults.iter_mut().filter_map(|fault| fault.pointer.as_mut()) {
            pointer.insert_str(0, prefix);
        }
        self
    }

    /// What is wrong, part by part.
    pub(crate) fn field_faults(&self) -> &[FaultView] {
        &self.0.faults
    }

    /// The same input may well succeed later.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.0.code, Code::Throttled | Code::Unavailable)
    }

    /// The tenant is on its way: nothing was done, and it is soon over.
    pub(crate) fn is_moving(&self) -> bool {
        self.0.is_moving
    }

    /// The code.
    pub(crate) const fn code(&self) -> Code {
        self.0.code
    }

    /// The problem as it is sent.
    pub(crate) fn view(&self, instance: Option<Uuid>) -> ProblemView {
        let Problem { code, detail, faults, limit, retry_after, .. } = &*self.0;
        ProblemView {
            kind: format!("/docs/errors/{}", code.as_str()),
            title: code.title(),
            status: code.status().as_u16(),
            detail: detail.clone(),
            code: code.as_str(),
            instance,
            errors: faults.clone(),
            limit: *limit,
            retry_after_seconds: retry_after.map(whole_seconds),
        }
    }

    /// The whole answer.
    pub(crate) fn respond(&self, instance: Option<Uuid>) -> HttpResponse {
        let mut response = HttpResponse::build(self.0.code.status());
        if self.0.code == Code::Unauthenticated {
            response.insert_header((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        if let Some(retry_after) = self.0.retry_after {
            response.insert_header((RETRY_AFTER, whole_seconds(retry_after).to_string()));
        }
        if let Some(allow) = &self.0.allow {
            response.insert_header((ALLOW, allow.as_str()));
        }
        if self.0.is_moving {
            response.insert_header((MOVING, HeaderValue::from_static("1")));
        }
        response.content_type("application/problem+json").json(self.view(instance))
    }
}

/// Rounded up, so that nobody comes too early; at least one.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.0.code.as_str(), self.0.detail)
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.0.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        self.respond(None)
    }
}

/// The one map from kinds to codes.
const fn code_of(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::Invalid => Code::ValidationFailed,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::Forbidden => Code::Forbidden,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::Conflict => Code::Conflict,
        ErrorKind::KeyReused => Code::IdempotencyKeyReused,
        ErrorKind::TooLarge => Code::BodyTooLarge,
        ErrorKind::Throttled => Code::Throttled,
        ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::Internal => Code::Internal,
    }
}

/// From a kind alone, with a log entry where the operator must know. Texts of our rooms are safe to print.
fn from_kind(kind: ErrorKind, error: &dyn std::error::Error) -> ApiError {
    let code = code_of(kind);
    match code {
        Code::Internal => tracing::error!(error = %Chain(error), "a request failed by our fault"),
        Code::Unavailable => tracing::warn!(error = %Chain(error), "a request could not be served now"),
        _ => {}
    }
    ApiError::new(code, default_detail(code))
}

const fn default_detail(code: Code) -> &'static str {
    match code {
        Code::Unauthenticated => "the key is missing, unknown, revoked or expired",
        Code::NotFound => "nothing of this id belongs to the caller",
        Code::Unavailable => "a part that this request needs is away; nothing was stored",
        Code::Internal => "it is written down under this instance; the same request may fail again",
        Code::IdempotencyKeyReused => "the key belongs to a message with another body",
        _ => "see the page of this code",
    }
}

#[cfg(test)]
mod tests;
