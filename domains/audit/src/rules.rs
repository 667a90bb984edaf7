//! Pure decisions: what an entry must look like, and how long a page may be.

use crate::AuditError;
use crate::types::AuditEvent;

/// A page holds no more entries.
pub(crate) const MAX_PAGE: usize = 500;

/// An entry names its action as `noun.verb` and carries an object.
pub(crate) fn check(event: &AuditEvent) -> Result<(), AuditError> {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let is_action = event.action.split_once('.').is_some_and(|(noun, verb)| is_word(noun) && is_word(verb));
    if is_action && event.detail.is_object() { Ok(()) } else { Err(AuditError::Malformed { action: event.action }) }
}

#[cfg(test)]
mod tests;
