//! Metrics of the living parts: names, units and helps. Labels are enums, never ids.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::engine::{Accepted, EngineError};

/// Deaths of actors that were rebuilt, by kind.
pub const RESTARTS_TOTAL: &str = "carepost_actor_restarts_total";
/// Messages that found a full mailbox, by kind.
pub const MAILBOX_FULL_TOTAL: &str = "carepost_actor_mailbox_full_total";
/// Kept actors, by state.
pub const ACTORS: &str = "carepost_actors";
/// Rows of one group commit, by writer.
pub const BATCH_ROWS: &str = "carepost_batch_rows";
/// Seconds of one group commit, by writer.
pub const BATCH_SECONDS: &str = "carepost_batch_seconds";
/// Rows that wait for their group commit, by writer.
pub const BATCH_WAITING: &str = "carepost_batch_waiting_rows";
/// Group commits that failed, by writer.
pub const BATCH_FAILURES_TOTAL: &str = "carepost_batch_failures_total";
/// Deliveries in memory.
pub const WINDOW: &str = "carepost_window_deliveries";
/// Calls to providers that are under way.
pub const IN_FLIGHT: &str = "carepost_calls_in_flight";
/// Breakers that opened, by vendor.
pub const BREAKER_OPENED_TOTAL: &str = "carepost_breaker_opened_total";
/// Lanes that were halted by a configuration fault, by vendor.
pub const LANE_HALTED_TOTAL: &str = "carepost_lane_halted_total";
/// Events to tenants' webhook endpoints, by result.
pub const NOTIFICATIONS_TOTAL: &str = "carepost_notifications_total";

/// Replies of people, by what they were understood as.
pub const REPLIES_TOTAL: &str = "carepost_replies_total";
/// Addresses that a provider's word keeps from getting anything, by reason.
pub const SUPPRESSIONS_TOTAL: &str = "carepost_suppressions_total";

/// Every name, for the inventory.
pub const NAMES: &[&str] = &[
    RESTARTS_TOTAL,
    MAILBOX_FULL_TOTAL,
    ACTORS,
    BATCH_ROWS,
    BATCH_SECONDS,
    BATCH_WAITING,
    BATCH_FAILURES_TOTAL,
    WINDOW,
    IN_FLIGHT,
    BREAKER_OPENED_TOTAL,
    LANE_HALTED_TOTAL,
    NOTIFICATIONS_TOTAL,
    REPLIES_TOTAL,
    SUPPRESSIONS_TOTAL,
];

/// Names, units and helps, for the exporter and the inventory.
pub fn describe() {
    describe_counter!(RESTARTS_TOTAL, Unit::Count, "Actors that died and were rebuilt, by kind");
    describe_counter!(MAILBOX_FULL_TOTAL, Unit::Count, "Messages that found a full mailbox, by kind");
    describe_gauge!(ACTORS, Unit::Count, "Kept actors, by state");
    describe_histogram!(BATCH_ROWS, Unit::Count, "Rows of one group commit, by writer");
    describe_histogram!(BATCH_SECONDS, Unit::Seconds, "Length of one group commit, by writer");
    describe_gauge!(BATCH_WAITING, Unit::Count, "Rows that wait for their group commit, by writer");
    describe_counter!(BATCH_FAILURES_TOTAL, Unit::Count, "Group commits that failed, by writer");
    describe_gauge!(WINDOW, Unit::Count, "Deliveries in memory");
    describe_gauge!(IN_FLIGHT, Unit::Count, "Calls to providers that are under way");
    describe_counter!(BREAKER_OPENED_TOTAL, Unit::Count, "Breakers that opened, by vendor");
    describe_counter!(REPLIES_TOTAL, Unit::Count, "Replies of people, by what they were understood as");
    describe_counter!(SUPPRESSIONS_TOTAL, Unit::Count, "Addresses suppressed by a provider's word, by reason");
    describe_counter!(LANE_HALTED_TOTAL, Unit::Count, "Lanes halted by a configuration fault, by vendor");
    describe_counter!(NOTIFICATIONS_TOTAL, Unit::Count, "Events to tenants' webhook endpoints, by result");
}

pub(crate) fn count_restart(kind: &'static str) {
    counter!(RESTARTS_TOTAL, "kind" => kind).increment(1);
}

pub(crate) fn count_mailbox_full(kind: &'static str) {
    counter!(MAILBOX_FULL_TOTAL, "kind" => kind).increment(1);
}

/// Counts what came of messages that were handed in.
pub(crate) fn count_enqueued(results: &[Result<Accepted, EngineError>]) {
    for result in results {
        let result = match result {
            Ok(Accepted { replayed: false, .. }) => "stored",
            Ok(Accepted { replayed: true, .. }) => "replayed",
            Err(EngineError::KeyReused) => "key_reused",
            Err(_) => "refused",
        };
        counter!(carepost_delivery::metrics::ENQUEUED_TOTAL, "result" => result).increment(1);
    }
}

/// Which of the two batch writers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Writer {
    Ingest,
    Ledger,
}

impl Writer {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Ledger => "ledger",
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^52")]
pub(crate) fn record_batch(writer: Writer, rows: usize, seconds: f64) {
    histogram!(BATCH_ROWS, "writer" => writer.as_str()).record(rows as f64);
    histogram!(BATCH_SECONDS, "writer" => writer.as_str()).record(seconds);
}

/// What one writer has in its queue, as its part of the gauge: the gauge is the sum over all placements, which have no
/// label. It goes with its owner.
#[derive(Debug)]
pub(crate) struct WaitingRows {
    writer: Writer,
    shown: usize,
}

impl WaitingRows {
    pub(crate) fn new(writer: Writer) -> Self {
        // There from the start: nothing waits.
        gauge!(BATCH_WAITING, "writer" => writer.as_str()).increment(0.0);
        Self { writer, shown: 0 }
    }

    /// Shows so many from now on.
    #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^52")]
    pub(crate) fn show(&mut self, waiting: usize) {
        if waiting != self.shown {
            gauge!(BATCH_WAITING, "writer" => self.writer.as_str()).increment(waiting as f64 - self.shown as f64);
            self.shown = waiting;
        }
    }
}

impl Drop for WaitingRows {
    fn drop(&mut self) {
        self.show(0);
    }
}

pub(crate) fn count_batch_failure(writer: Writer) {
    counter!(BATCH_FAILURES_TOTAL, "writer" => writer.as_str()).increment(1);
}

/// What came of telling a webhook endpoint of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notification {
    /// It took the event.
    Taken,
    /// It wants no more.
    Gone,
    /// It answered, and did not take it.
    Refused,
    /// It did not answer, or not in time.
    Unreachable,
    /// Its address is not on the public internet.
    Blocked,
    /// Its secret signs nothing.
    Unsigned,
    /// Its task panicked.
    Panicked,
}

impl Notification {
    /// The name in logs and labels.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Gone => "gone",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Blocked => "blocked",
            Self::Unsigned => "unsigned",
            Self::Panicked => "panicked",
        }
    }
}

pub(crate) fn count_notification(result: Notification) {
    counter!(NOTIFICATIONS_TOTAL, "result" => result.as_str()).increment(1);
}

pub(crate) fn count_state(channel: carepost_kernel::Channel, state: carepost_delivery::DeliveryState, is_open: bool) {
    if !is_open {
        counter!(carepost_delivery::metrics::FINISHED_TOTAL, "channel" => channel.as_str(), "state" => state.as_str())
            .increment(1);
    }
}

pub(crate) fn count_receipt(status: carepost_kernel::ReceiptStatus, fate: carepost_delivery::ledger::ReceiptFate) {
    use carepost_delivery::ledger::ReceiptFate;
    let fate = match fate {
        ReceiptFate::Merged => "merged",
        ReceiptFate::Duplicate => "duplicate",
        ReceiptFate::Parked => "parked",
        ReceiptFate::NotOwner => "not_owner",
    };
    counter!(carepost_delivery::metrics::RECEIPTS_TOTAL, "status" => status.as_str(), "fate" => fate).increment(1);
}
