//! Metrics of the room. Labels are enums, never ids.

/// Templates rendered, by `channel` and `result`: `rendered`, `refused` (count).
pub const CAREPOST_TEMPLATES_RENDERS_TOTAL: &str = "carepost_templates_renders_total";
/// Versions made ready to render, because no process's cache of them had it (count).
pub const CAREPOST_TEMPLATES_COMPILATIONS_TOTAL: &str = "carepost_templates_compilations_total";
