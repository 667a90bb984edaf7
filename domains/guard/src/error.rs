//! Why something of the room failed. No text holds a value, a name or an address.

use carepost_kernel::ErrorKind;

/// A failure of the room. Judging itself cannot fail; making a guard can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// A line of a dictionary is not in its form.
    #[error("read dictionary: line {line}, column {column}: {problem}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// The character of the line at which what is wrong begins, from 1.
        column: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A term of the tenant's own lists cannot be looked for.
    #[error("read list of terms: entry {position}: {problem}")]
    Term {
        /// Its place in the list, from 0.
        position: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A dictionary has no term: nothing would ever be found.
    #[error("read dictionary: there is no term in it")]
    Empty,
    /// Another dictionary is in use already, and texts may have been judged by it.
    #[error("install dictionary: another one is in use")]
    InUse,
    /// There are more terms than one guard holds.
    #[error("compile dictionary: more than {most} terms")]
    TooMany {
        /// How many there may be.
        most: usize,
    },
    /// The terms are too large to be compiled.
    #[error("compile dictionary: the terms are too large")]
    TooLarge,
}

impl GuardError {
    /// What a caller can do about it.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Line { .. } | Self::Term { .. } | Self::Empty => ErrorKind::Invalid,
            Self::InUse => ErrorKind::Conflict,
            Self::TooMany { .. } | Self::TooLarge => ErrorKind::TooLarge,
        }
    }
}
