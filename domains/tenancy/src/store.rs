//! The room's statements, one typed function for each file in `sql/`.
//!
//! What an API caller asks for takes a [`TenantTx`](carepost_store::TenantTx): row-level security holds even if a
//! statement forgets its tenant. The directory's own reads take an engine's connection.

pub(crate) mod accounts;
pub(crate) mod api_keys;
pub(crate) mod changes;
pub(crate) mod endpoints;
pub(crate) mod tenants;

use std::str::FromStr;

use carepost_kernel::Cursor;
use carepost_store::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

use crate::TenancyError;

/// A page holds no more rows.
const MAX_PAGE: usize = 500;

/// Reads the columns of a row, and says which one is malformed.
struct Reader<'row> {
    table: &'static str,
    row: &'row Row,
}

impl<'row> Reader<'row> {
    const fn new(table: &'static str, row: &'row Row) -> Self {
        Self { table, row }
    }

    fn get<T: FromSql<'row>>(&self, column: &'static str) -> Result<T, TenancyError> {
        self.row.try_get(column).map_err(|_| self.fault(column))
    }

    /// A column whose text is one of an enum's names.
    fn named<T: FromStr>(&self, column: &'static str) -> Result<T, TenancyError> {
        self.get::<&str>(column)?.parse().map_err(|_| self.fault(column))
    }

    /// A whole number that is never negative.
    fn count(&self, column: &'static str) -> Result<u32, TenancyError> {
        u32::try_from(self.get::<i32>(column)?).map_err(|_| self.fault(column))
    }

    /// A SHA-256.
    fn hash(&self, column: &'static str) -> Result<[u8; 32], TenancyError> {
        self.get::<&[u8]>(column)?.try_into().map_err(|_| self.fault(column))
    }

    const fn fault(&self, column: &'static str) -> TenancyError {
        TenancyError::Row { table: self.table, column }
    }
}

/// Where a page starts, its size, and how many rows to ask for: one more tells that there is a next page.
fn page_bounds(cursor: Option<Cursor>, limit: usize) -> (Option<Uuid>, usize, i64) {
    let limit = limit.clamp(1, MAX_PAGE);
    (cursor.map(Cursor::last), limit, i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1))
}

/// A number that rules keep far below PostgreSQL's bounds, as PostgreSQL's type.
fn as_i32(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
