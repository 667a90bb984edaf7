//! The pages of the codes, as they are served under `/docs/errors/<code>`.

/// The page of a code.
pub(crate) fn page(code: &str) -> Option<&'static str> {
    PAGES.iter().find(|(name, _)| *name == code).map(|(_, text)| *text)
}

macro_rules! pages {
    ($($code:literal),+ $(,)?) => {
        &[$(($code, include_str!(concat!("../../../docs/errors/", $code, ".md")))),+]
    };
}

const PAGES: &[(&str, &str)] = pages![
    "body_too_large",
    "conflict",
    "forbidden",
    "idempotency_key_reused",
    "internal",
    "invalid_body",
    "invalid_request",
    "malformed_json",
    "malformed_webhook",
    "method_not_allowed",
    "not_found",
    "route_not_found",
    "throttled",
    "unauthenticated",
    "unavailable",
    "unsupported_media_type",
    "validation_failed",
    "webhook_refused",
];
