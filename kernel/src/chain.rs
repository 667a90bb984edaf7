//! An error with everything under it, for logs: the one way to print a chain.
//!
//! Texts of our errors do not repeat their sources (style.md), so printing only the first one loses why it happened.
//! Chains are safe to print (DEL-9): no error of ours keeps a value, and `StoreError` and `ProviderError` keep code,
//! constraint and table of what they stand on, never its text.

use std::error::Error;
use std::fmt;

/// Prints an error and its sources, outermost first: `commit messages: connection lost`.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a>(pub &'a (dyn Error + 'a));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(inner) = source {
            write!(f, ": {inner}")?;
            source = inner.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("commit messages")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("write rows")]
    struct Middle(#[source] fmt::Error);

    #[test]
    fn every_cause_is_printed_once_outermost_first() {
        let error = Outer(Middle(fmt::Error));
        assert_eq!(Chain(&error).to_string(), format!("commit messages: write rows: {}", fmt::Error));
        assert_eq!(Chain(&fmt::Error).to_string(), fmt::Error.to_string());
    }
}
