//! Simulated vendors in this process.

use super::Reader;

/// Simulated vendors in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SandboxSettings {
    /// `CAREPOST_SANDBOX`: on runs the simulated vendors, for sandbox accounts. Default: on with our own PostgreSQL,
    /// off with `DATABASE_URL`.
    pub is_enabled: bool,
    /// `CAREPOST_SANDBOX_SEED`: what the simulators' chance begins with, a number. Default 1.
    pub seed: u64,
}

impl SandboxSettings {
    pub(super) fn read(reader: &mut Reader<'_>, is_own_database: bool) -> Self {
        Self {
            is_enabled: reader.flag("CAREPOST_SANDBOX", is_own_database),
            seed: reader.number("CAREPOST_SANDBOX_SEED", 1, 0..=u64::MAX),
        }
    }
}
