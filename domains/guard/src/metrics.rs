//! Metrics of the room. Labels are enums, never ids.

use crate::types::{FindingKind, Findings, GuardVerdict};

/// Texts that the guard judged, by `verdict`: `pass`, `block`, `replace` (count).
pub const CAREPOST_GUARD_TEXTS_TOTAL: &str = "carepost_guard_texts_total";
/// Judged texts in which a kind of health information was found, by `kind` (count).
pub const CAREPOST_GUARD_FINDINGS_TOTAL: &str = "carepost_guard_findings_total";

/// Counts one judged text. Apart from the rules, which are pure.
pub fn count(findings: &Findings, verdict: &GuardVerdict) {
    metrics::counter!(CAREPOST_GUARD_TEXTS_TOTAL, "verdict" => verdict.as_str()).increment(1);
    for kind in findings.kinds().into_iter().map(FindingKind::as_str) {
        metrics::counter!(CAREPOST_GUARD_FINDINGS_TOTAL, "kind" => kind).increment(1);
    }
}
