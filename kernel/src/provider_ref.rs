//! Providers' own ids. They come from outside and go into keys of the database, so that their size and their bytes are
//! bounded here, once, by type.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};

use crate::AttemptRef;

/// A provider's own id of a message: 1 to 255 visible ASCII characters.
///
/// Whatever else a provider calls an id is replaced by its digest, so that an answer and the receipts that name the
/// same id still find each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderRef(String);

/// Longer than any id that a vendor documents, and far below what a key of an index may hold.
const MAX_BYTES: usize = 255;

impl ProviderRef {
    /// The id, or its digest where it is too long or not visible ASCII; `None` where there is none.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        if text.is_empty() {
            return None;
        }
        let is_usable = text.len() <= MAX_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
        Some(if is_usable { Self(text) } else { Self::digest_of(text.as_bytes()) })
    }

    /// A name for what has no id of its own.
    #[must_use]
    pub fn digest_of(bytes: &[u8]) -> Self {
        Self(format!("sha256:{}", hex::encode(digest(&SHA256, bytes))))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<AttemptRef> for ProviderRef {
    /// Our own name of an attempt stands in where a provider gives none. It always fits.
    fn from(attempt: AttemptRef) -> Self {
        Self(attempt.to_string())
    }
}

impl fmt::Display for ProviderRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<str> for ProviderRef {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for ProviderRef {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_of_a_vendor_stays_as_it_is() {
        for id in ["SM0123", "LRzXl_NHStOGhQ4kofSm_A.filter", "<a@b.example>", &"x".repeat(255)] {
            assert_eq!(ProviderRef::new(id).unwrap(), id);
        }
        assert_eq!(ProviderRef::new(""), None);
    }

    proptest! {
        #[test]
        fn whatever_comes_can_be_stored_and_is_told_apart(one in ".*", other in ".*") {
            for text in [&one, &other] {
                let Some(id) = ProviderRef::new(text.as_str()) else { continue };
                prop_assert!((1..=255).contains(&id.as_str().len()));
                prop_assert!(id.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert_eq!(ProviderRef::new(id.as_str()), Some(id));
            }
            prop_assert_eq!(ProviderRef::new(one.as_str()) == ProviderRef::new(other.as_str()), one == other);
        }
    }

    #[test]
    fn an_id_that_no_key_can_hold_is_known_by_its_digest() {
        for id in ["\0", "a b", "grüße", &"x".repeat(256), &"x".repeat(3_000)] {
            let known = ProviderRef::new(id).unwrap();
            assert!(known.as_str().starts_with("sha256:"), "{known}");
            assert_eq!(ProviderRef::new(id), Some(known), "the same id has the same name");
        }
    }
}
