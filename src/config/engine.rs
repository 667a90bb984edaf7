//! The actors.

use std::time::Duration;

use super::Reader;

/// The actors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineSettings {
    /// `CAREPOST_DRAIN_S`: how long calls under way may take to end at a stop, in seconds. Default 20.
    pub drain: Duration,
    /// `CAREPOST_PARTITION_DAYS_AHEAD`: days for which partitions are made ahead of time. Default 7.
    pub partition_days_ahead: u16,
    /// `CAREPOST_RETENTION_DAYS`: days that messages, their history, inboxes and messages from outside are kept.
    /// Default 90. No less than 31: a replayed idempotency key, which a tenant may keep for 30 days, answers with the
    /// message's status (DEL-2).
    pub retention_days: u32,
}

impl EngineSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let days = reader.number("CAREPOST_PARTITION_DAYS_AHEAD", 7, 1..=366);
        let retention_days = reader.number("CAREPOST_RETENTION_DAYS", 90, 31..=3_650);
        Self {
            drain: reader.seconds("CAREPOST_DRAIN_S", 20, 0..=3_600),
            partition_days_ahead: u16::try_from(days).unwrap_or(u16::MAX),
            retention_days: u32::try_from(retention_days).unwrap_or(u32::MAX),
        }
    }
}
