//! Nothing leaves for an address that opted out, bounced for good or complained. No purpose passes.

use carepost_kernel::Verdict;

use super::{GateCode, GateQuestion};
use crate::types::{SuppressionFact, SuppressionReason};

/// Holds while any suppression of the address is alive; the gravest one is named.
#[must_use]
pub fn suppression(question: &GateQuestion<'_>) -> Verdict {
    let now = question.now;
    let is_alive = |fact: &&SuppressionFact| fact.since <= now && fact.until.is_none_or(|until| now < until);
    // The reasons are numbered in this order on purpose: an opt-out is named first.
    let held = question.facts.suppressions.iter().filter(is_alive).map(|fact| fact.reason).min();
    held.map_or(Verdict::Go, |reason| code(reason).other_channel())
}

const fn code(reason: SuppressionReason) -> GateCode {
    match reason {
        SuppressionReason::OptedOut => GateCode::OptedOut,
        SuppressionReason::HardBounce => GateCode::HardBounce,
        SuppressionReason::Complaint => GateCode::Complaint,
        SuppressionReason::ProviderBlock => GateCode::ProviderBlock,
        SuppressionReason::SoftBounce => GateCode::SoftBounce,
        SuppressionReason::Staff => GateCode::SuppressedByStaff,
        SuppressionReason::WrongNumber => GateCode::WrongNumber,
    }
}
