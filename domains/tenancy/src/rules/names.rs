//! Names: of tenants, keys, accounts, schemas and event types.

use carepost_kernel::TenantId;

use crate::error::FieldProblem;

/// A slug: 2 to 63 lower case letters, digits and inner hyphens, so that it can stand in a host name.
pub(crate) fn check_slug(slug: &str) -> Result<(), FieldProblem> {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let bytes = slug.as_bytes();
    let has_edges = bytes.first() != Some(&b'-') && bytes.last() != Some(&b'-');
    if (2..=63).contains(&bytes.len()) && bytes.iter().copied().all(is_inner) && has_edges {
        Ok(())
    } else {
        Err(FieldProblem::new("/slug", "must be 2 to 63 lower case letters, digits and inner hyphens"))
    }
}

/// A name for people: not blank, no control characters, at most 200 characters.
pub(crate) fn check_name(pointer: &'static str, name: &str) -> Result<(), FieldProblem> {
    let is_blank = name.trim().is_empty();
    if is_blank || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(FieldProblem::new(pointer, "must be 1 to 200 characters without control characters"));
    }
    Ok(())
}

/// The types of events that an endpoint wants: `message.delivered`, at most 50 of them.
pub(crate) fn check_event_types(event_types: &[String]) -> Result<(), FieldProblem> {
    if event_types.len() > 50 {
        return Err(FieldProblem::new("/event_types", "must be at most 50"));
    }
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    for (i, event_type) in event_types.iter().enumerate() {
        if event_type.len() > 64 || !event_type.split('.').all(is_word) {
            return Err(FieldProblem::new(format!("/event_types/{i}"), "must be lower case words joined by dots"));
        }
    }
    Ok(())
}

/// The schema of a tenant that has its own: a name that no slug can collide with.
pub(crate) fn schema_name(tenant_id: TenantId) -> String {
    format!("carepost_{}", tenant_id.as_uuid().simple())
}
