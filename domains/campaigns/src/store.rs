//! Typed functions over this room's SQL: one for each file in `sql/`.
//!
//! What callers ask for, and what the engine reads of one tenant, takes the tenant's transaction. What the engine writes
//! takes its own, behind the fence of the tenant's lease (DEL-10).

mod claims;
mod cleanup;
mod engine;
mod rows;
mod sends;
mod uploads;

pub use claims::{insert_claims, list_claims};
pub use cleanup::delete_old;
pub use engine::{end_send, fenced, list_tenants, note_count, note_policy, record_rows, release_held};
pub use rows::{
    RowFilter, WaitingDelivery, count_deliveries, count_rows, list_due_rows, list_row_messages, list_rows,
    list_uncounted_rows, list_unsent_rows, list_waiting_deliveries, next_due,
};
pub(crate) use rows::{SealedRow, insert_rows};
pub use sends::{SealedContent, find_content, find_send, list_active, list_sends};
pub(crate) use sends::{SealedSend, add_to_send, insert_send, lock_send, set_state};
pub(crate) use uploads::{find_upload, insert_upload};

use tokio_postgres::types::FromSql;

use carepost_store::Row;

use crate::CampaignError;

type Result<T> = std::result::Result<T, CampaignError>;

/// A column as it is stored.
fn get<'row, T: FromSql<'row>>(row: &'row Row, column: &'static str) -> Result<T> {
    row.try_get(column).map_err(|_| CampaignError::Row { column })
}

/// A numbered column as its enum.
fn number<T>(row: &Row, column: &'static str, from: impl Fn(i16) -> Option<T>) -> Result<T> {
    from(get(row, column)?).ok_or(CampaignError::Row { column })
}

fn optional_number<T>(row: &Row, column: &'static str, from: impl Fn(i16) -> Option<T>) -> Result<Option<T>> {
    let stored: Option<i16> = get(row, column)?;
    stored.map(|stored| from(stored).ok_or(CampaignError::Row { column })).transpose()
}
