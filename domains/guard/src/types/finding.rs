//! What was found in a text: kinds and places, never the words themselves (GRD-1).

use std::collections::BTreeSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A kind of health information.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Number of a payment card: a known issuer's length and prefix, and the check digit of ISO/IEC 7812 (Luhn).
    Card,
    /// Social security number or individual taxpayer number, or the last four digits of one.
    Ssn,
    /// Number of a member, subscriber, policy, group, Medicaid or Medicare beneficiary.
    InsuranceId,
    /// Number of a medical record, chart or patient.
    Mrn,
    /// Birth date.
    BirthDate,
    /// Phone number that is not the practice's own and not free of charge.
    Phone,
    /// Email address that is not the practice's own.
    Email,
    /// Postal address, or state and ZIP code, that is not the practice's own.
    Address,
    /// Diagnosis, or symptom that names one.
    Condition,
    /// Drug by generic name, brand or class.
    Drug,
    /// Treatment, test, vaccine or device.
    Procedure,
    /// A term that the tenant added to the dictionary.
    OwnTerm,
}

impl FindingKind {
    /// All kinds. Where two identifiers overlap, the earlier one in this order stands.
    pub const ALL: [Self; 12] = [
        Self::Card,
        Self::Ssn,
        Self::InsuranceId,
        Self::Mrn,
        Self::BirthDate,
        Self::Phone,
        Self::Email,
        Self::Address,
        Self::Condition,
        Self::Drug,
        Self::Procedure,
        Self::OwnTerm,
    ];

    /// The name on the wire and in metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Ssn => "ssn",
            Self::InsuranceId => "insurance_id",
            Self::Mrn => "mrn",
            Self::BirthDate => "birth_date",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Address => "address",
            Self::Condition => "condition",
            Self::Drug => "drug",
            Self::Procedure => "procedure",
            Self::OwnTerm => "own_term",
        }
    }

    /// Whether it says who somebody is, rather than what ails them.
    #[must_use]
    pub const fn is_identifier(self) -> bool {
        !matches!(self, Self::Condition | Self::Drug | Self::Procedure | Self::OwnTerm)
    }
}

carepost_kernel::parse_by_name!(FindingKind = "kind of finding");

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Of which kind.
    pub kind: FindingKind,
    /// Where, in bytes of the text that was judged.
    pub range: Range<usize>,
}

/// What was found in one text, in the order of places.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    found: Vec<Finding>,
    is_too_long: bool,
}

impl Findings {
    pub(crate) fn new(mut found: Vec<Finding>) -> Self {
        found.sort_by_key(|finding| (finding.range.start, finding.range.end, finding.kind));
        found.dedup();
        Self { found, is_too_long: false }
    }

    /// The text was longer than the guard reads, so that nothing is known of it (GRD-2).
    pub(crate) const fn too_long() -> Self {
        Self { found: Vec::new(), is_too_long: true }
    }

    /// Each finding.
    #[must_use]
    pub fn all(&self) -> &[Finding] {
        &self.found
    }

    /// The kinds that were found.
    #[must_use]
    pub fn kinds(&self) -> BTreeSet<FindingKind> {
        self.found.iter().map(|finding| finding.kind).collect()
    }

    /// Whether the text was judged as a whole and nothing was found.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.found.is_empty() && !self.is_too_long
    }

    /// Whether the text was longer than the guard reads.
    #[must_use]
    pub const fn is_too_long(&self) -> bool {
        self.is_too_long
    }

    /// Both together, of one text that was read in two ways: what both have found counts once.
    pub(crate) fn or(mut self, other: Self) -> Self {
        for finding in other.found {
            let is_known = |known: &Finding| {
                known.kind == finding.kind
                    && known.range.start < finding.range.end
                    && finding.range.start < known.range.end
            };
            if !self.found.iter().any(is_known) {
                self.found.push(finding);
            }
        }
        Self { is_too_long: self.is_too_long | other.is_too_long, ..Self::new(self.found) }
    }

    /// Both together, for a message of several texts (subject, text part, HTML part). Ranges stay those of their texts.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.found.extend(other.found);
        self.is_too_long |= other.is_too_long;
        self
    }
}
