//! Metrics of this room: names, units and helps. Labels are enums, never ids.

use metrics::{Unit, describe_counter, describe_histogram};

/// Messages handed to the engine, by result: `stored`, `replayed`, `key_reused`, `refused` (a limit, or not now).
pub const ENQUEUED_TOTAL: &str = "carepost_messages_enqueued_total";
/// Attempts that ended, by channel, vendor and outcome.
pub const ATTEMPTS_TOTAL: &str = "carepost_attempts_total";
/// Seconds from asking a provider to its answer, by channel and vendor.
pub const ATTEMPT_SECONDS: &str = "carepost_attempt_seconds";
/// Seconds from the message's coming to its first call, by priority.
pub const WAIT_SECONDS: &str = "carepost_first_call_wait_seconds";
/// Receipts that came, by channel, status and fate.
pub const RECEIPTS_TOTAL: &str = "carepost_receipts_total";
/// Deliveries that ended, by channel and state.
pub const FINISHED_TOTAL: &str = "carepost_deliveries_finished_total";
/// Times that the gate held something back, by verdict and reason.
pub const GATE_HELD_TOTAL: &str = "carepost_gate_held_total";

/// Names, units and helps, for the exporter and the inventory.
pub fn describe() {
    describe_counter!(ENQUEUED_TOTAL, Unit::Count, "Messages handed to the engine, by result");
    describe_counter!(ATTEMPTS_TOTAL, Unit::Count, "Calls to providers, by channel, vendor and outcome");
    describe_histogram!(ATTEMPT_SECONDS, Unit::Seconds, "From asking a provider to its answer");
    describe_histogram!(WAIT_SECONDS, Unit::Seconds, "From the message's coming to its first call");
    describe_counter!(RECEIPTS_TOTAL, Unit::Count, "Receipts of providers, by channel, status and fate");
    describe_counter!(FINISHED_TOTAL, Unit::Count, "Deliveries that ended, by channel and state");
    describe_counter!(GATE_HELD_TOTAL, Unit::Count, "Deliveries that the gate held back, by verdict and reason");
}
