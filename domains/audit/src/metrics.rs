//! Metrics of the trail.

/// Entries written, by actor kind (count).
pub const AUDIT_EVENTS_TOTAL: &str = "audit_events_total";
