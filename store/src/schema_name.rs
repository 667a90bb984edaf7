//! The name of a schema: the one thing that goes into statements as text, so it is checked where it comes in.

use crate::StoreError;

/// `[a-z][a-z0-9_]{0,40}`: needs no quotes, and leaves room for suffixes below PostgreSQL's 63 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SchemaName(String);

impl SchemaName {
    /// Checks a name.
    ///
    /// # Errors
    /// Where it is not of the shape above, or begins with `pg_`, which PostgreSQL keeps for itself.
    pub fn new(name: &str) -> Result<Self, StoreError> {
        let mut bytes = name.bytes();
        let starts_well = bytes.next().is_some_and(|first| first.is_ascii_lowercase());
        let goes_on_well = bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if starts_well && goes_on_well && name.len() <= 41 && !name.starts_with("pg_") {
            Ok(Self(name.to_owned()))
        } else {
            Err(StoreError::Config("the schema name is not of the shape [a-z][a-z0-9_]{0,40}".to_owned()))
        }
    }

    /// The name, fit to stand in a statement.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Stays in the schema. Identifiers cannot be parameters, hence text; see [`Self::new`].
    pub(crate) fn enter(&self) -> String {
        format!("SET search_path = {}", self.0)
    }

    /// Makes the schema and stays in it.
    pub(crate) fn create_and_enter(&self) -> String {
        format!("CREATE SCHEMA IF NOT EXISTS {}; {}", self.0, self.enter())
    }
}

impl std::fmt::Display for SchemaName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for SchemaName {
    type Err = StoreError;

    fn from_str(name: &str) -> Result<Self, StoreError> {
        Self::new(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_pass() {
        for good in ["carepost", "t_0190", "a", &"a".repeat(41)] {
            assert!(SchemaName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "1a", "A", "a-b", "a;b", "a b", "_a", "pg_toast", "a\"", "ä", &"a".repeat(42)] {
            assert!(SchemaName::new(bad).is_err(), "{bad}");
        }
    }
}
