//! Pages of lists: a cursor is opaque to clients and names the last row they saw.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// Where a list goes on. On the wire: URL-safe base64 of one version byte and the last id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(Uuid);

/// A cursor that this server did not make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("parse cursor: not one that this server gave out")]
pub struct ParseCursorError;

const VERSION: u8 = 1;

impl Cursor {
    /// Goes on after the row with this id.
    #[must_use]
    pub const fn after(last: Uuid) -> Self {
        Self(last)
    }

    /// The id of the last row seen.
    #[must_use]
    pub const fn last(self) -> Uuid {
        self.0
    }

    /// The text for clients.
    #[must_use]
    pub fn encode(self) -> String {
        let mut bytes = [VERSION; 17];
        bytes[1..].copy_from_slice(self.0.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// Where the text is not one of ours.
    pub fn decode(text: &str) -> Result<Self, ParseCursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| ParseCursorError)?;
        match bytes.split_first() {
            Some((&VERSION, id)) => Uuid::from_slice(id).map(Self).map_err(|_| ParseCursorError),
            _ => Err(ParseCursorError),
        }
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, in the order of the list.
    pub items: Vec<T>,
    /// Where the next page starts; `None` on the last one.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page out of up to `limit + 1` rows: the one row too many tells that there is more.
    #[must_use]
    pub fn from_rows(mut rows: Vec<T>, limit: usize, id_of: impl Fn(&T) -> Uuid) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(|row| Cursor::after(id_of(row))) } else { None };
        Self { items: rows, next }
    }
}

#[cfg(test)]
mod tests;
