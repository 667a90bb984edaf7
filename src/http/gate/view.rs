//! What the gate's rules said, as callers see it.

use carepost_delivery::types::{GateReading, GateRecord, RuleSaid, Ruling};
use carepost_kernel::Verdict;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::names::{GateRuleName, RulingName};

/// What the gate said of a delivery at one instant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GateView {
    /// The version of the policy; 0 is the built-in one.
    policy_version: u32,
    /// Each rule, in the order in which they are asked.
    rules: Vec<RuleView>,
}

/// What one rule said.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleView {
    /// Which rule.
    #[schema(value_type = GateRuleName)]
    rule: &'static str,
    /// What it wants.
    #[schema(value_type = RulingName)]
    verdict: &'static str,
    /// Why, where it objects: a reason of waiting, or a stable code. Where the PHI guard lets pass what it
    /// has found: `replaced_by_link`, `unsecured_by_wish`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "no_consent")]
    code: Option<String>,
    /// Until when it wants to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

impl GateView {
    /// A stored record; none of what this program cannot read.
    pub(crate) fn of(record: &GateRecord) -> Option<Self> {
        let GateReading { policy_version, rules } = record.read()?;
        Some(Self { policy_version, rules: rules.into_iter().map(RuleView::of_stored).collect() })
    }
}

impl RuleView {
    fn of_stored(RuleSaid { rule, ruling, code }: RuleSaid) -> Self {
        Self { rule, verdict: ruling.as_str(), code, until: None }
    }

    /// What a rule says now; `note` is of the rule that lets pass and does something.
    pub(super) fn new(rule: &'static str, verdict: &Verdict, note: Option<(&str, &'static str)>) -> Self {
        let (ruling, code, until) = parts(verdict);
        let noted = note.filter(|(of, _)| *of == rule && ruling == Ruling::Go).map(|(_, code)| code);
        let code = code.or(noted);
        Self { rule, verdict: ruling.as_str(), code: code.map(str::to_owned), until }
    }
}

/// What a verdict wants, why, and until when.
pub(super) const fn parts(verdict: &Verdict) -> (Ruling, Option<&'static str>, Option<Timestamp>) {
    match verdict {
        Verdict::Go => (Ruling::Go, None, None),
        Verdict::Wait { until, reason } => (Ruling::Wait, Some(reason.as_str()), Some(*until)),
        Verdict::OtherChannel { code } => (Ruling::OtherChannel, Some(*code), None),
        Verdict::Refuse { code } => (Ruling::Refuse, Some(*code), None),
    }
}
