//! Metrics of this room: names, units and helps. Labels are enums, never ids.

use metrics::{Unit, describe_counter};

/// Rows of bulk sends that got their fate, by state: `held`, `enqueued`, `refused`, `failed`.
pub const BULK_ROWS_TOTAL: &str = "carepost_bulk_rows_total";
/// Rows that were taken in by uploads, by result: `stored`, `duplicate`, `bad`.
pub const BULK_LINES_TOTAL: &str = "carepost_bulk_lines_total";

/// Names, units and helps, for the exporter and the inventory.
pub fn describe() {
    describe_counter!(BULK_ROWS_TOTAL, Unit::Count, "Rows of bulk sends that got their fate, by state");
    describe_counter!(BULK_LINES_TOTAL, Unit::Count, "Lines of uploaded lists, by result");
}
