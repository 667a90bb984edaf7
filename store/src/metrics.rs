//! The store's metrics: names, helps, units. Labels: `pool` is `app` or `engine`; `outcome` is `ok` or `failed`.

use std::time::Duration;

use ::metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::{Placement, PoolCounts};

/// Open connections, by pool.
pub const POOL_OPEN: &str = "carepost_store_pool_open_connections";
/// Open connections that nobody uses, by pool.
pub const POOL_IDLE: &str = "carepost_store_pool_idle_connections";
/// Callers that wait for a connection, by pool.
pub const POOL_WAITING: &str = "carepost_store_pool_waiting_callers";
/// The most connections a pool may open.
pub const POOL_MAX: &str = "carepost_store_pool_max_connections";
/// Seconds until a connection was had, by pool.
pub const ACQUIRE_SECONDS: &str = "carepost_store_acquire_seconds";
/// Connections asked for, by pool and outcome.
pub const ACQUIRES: &str = "carepost_store_acquires_total";
/// Tenants whose lease this process holds.
pub const LEASES_HELD: &str = "carepost_store_leases_held";
/// Leases that were taken away or ran out (DEL-10).
pub const LEASES_LOST: &str = "carepost_store_leases_lost_total";
/// Tenants whose write was refused by the fence (DEL-10).
pub const FENCE_REFUSALS: &str = "carepost_store_fence_refusals_total";
/// Unix time, in seconds, up to which days have their partitions; the worst placement's.
pub const PARTITIONS_UNTIL: &str = "carepost_store_partitions_until_seconds";

/// All names, for the inventory.
pub const NAMES: [&str; 10] = [
    POOL_OPEN,
    POOL_IDLE,
    POOL_WAITING,
    POOL_MAX,
    ACQUIRE_SECONDS,
    ACQUIRES,
    LEASES_HELD,
    LEASES_LOST,
    FENCE_REFUSALS,
    PARTITIONS_UNTIL,
];

pub(crate) const POOL_APP: &str = "app";
pub(crate) const POOL_ENGINE: &str = "engine";

/// Tells the recorder what each metric means.
pub fn describe() {
    describe_gauge!(POOL_OPEN, Unit::Count, "Open database connections by pool");
    describe_gauge!(POOL_IDLE, Unit::Count, "Open database connections that nobody uses, by pool");
    describe_gauge!(POOL_WAITING, Unit::Count, "Callers that wait for a database connection, by pool");
    describe_gauge!(POOL_MAX, Unit::Count, "The most connections that a pool may open");
    describe_histogram!(ACQUIRE_SECONDS, Unit::Seconds, "Time until a database connection was had, by pool");
    describe_counter!(ACQUIRES, Unit::Count, "Database connections asked for, by pool and outcome");
    describe_gauge!(LEASES_HELD, Unit::Count, "Tenants whose lease this process holds");
    describe_counter!(LEASES_LOST, Unit::Count, "Leases that were taken away or ran out");
    describe_counter!(FENCE_REFUSALS, Unit::Count, "Tenants whose write was refused by the fence");
    describe_gauge!(PARTITIONS_UNTIL, Unit::Seconds, "Unix time up to which days have their partitions");
}

pub(crate) fn record_acquire(pool: &'static str, waited: Duration, succeeded: bool) {
    histogram!(ACQUIRE_SECONDS, "pool" => pool).record(waited.as_secs_f64());
    counter!(ACQUIRES, "pool" => pool, "outcome" => if succeeded { "ok" } else { "failed" }).increment(1);
}

/// Writes the pools' fill, summed over placements, and how far the worst of them has its partitions; called on a timer
/// by whoever owns them.
#[expect(clippy::cast_precision_loss, reason = "the seconds of some million years are whole in it")]
pub fn report_pools<'a>(placements: impl IntoIterator<Item = &'a Placement>) {
    let none = PoolCounts { max: 0, open: 0, idle: 0, waiting: 0 };
    let (mut app, mut engine, mut until) = (none, none, None);
    for placement in placements {
        let status = placement.pool_status();
        (app, engine) = (app.plus(status.app), engine.plus(status.engine));
        until = match (until, placement.partitions_until()) {
            (Some(worst), Some(own)) => Some(own.min(worst)),
            (known, own) => known.or(own),
        };
    }
    if let Some(until) = until {
        gauge!(PARTITIONS_UNTIL).set(until as f64);
    }
    for (pool, counts) in [(POOL_APP, app), (POOL_ENGINE, engine)] {
        gauge!(POOL_OPEN, "pool" => pool).set(as_float(counts.open));
        gauge!(POOL_IDLE, "pool" => pool).set(as_float(counts.idle));
        gauge!(POOL_WAITING, "pool" => pool).set(as_float(counts.waiting));
        gauge!(POOL_MAX, "pool" => pool).set(as_float(counts.max));
    }
}

/// Moves the gauge, which all placements share, by what changed in one of them.
pub(crate) fn record_leases_held(before: usize, after: usize) {
    gauge!(LEASES_HELD).increment(as_float(after) - as_float(before));
}

pub(crate) fn record_leases_lost(lost: usize) {
    counter!(LEASES_LOST).increment(u64::try_from(lost).unwrap_or(u64::MAX));
}

pub(crate) fn record_fence_refusals(tenants: usize) {
    counter!(FENCE_REFUSALS).increment(u64::try_from(tenants).unwrap_or(u64::MAX));
}

fn as_float(count: usize) -> f64 {
    // Beyond four thousand million of anything counted here the number is wrong anyway.
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// Measures one span of time.
pub(crate) struct Stopwatch(tokio::time::Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "a measurement, not a decision")]
    pub(crate) fn start() -> Self {
        Self(tokio::time::Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
