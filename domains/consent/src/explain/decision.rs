//! What every rule said of one message at one moment.

use carepost_kernel::Verdict;

use super::{GateCode, Rule};

const RULES: usize = Rule::ALL.len();

/// What every rule said of one message at one moment (CON-015).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// By the rules' numbers, less one; none: the rule was not asked, or not known when this was written.
    codes: [Option<GateCode>; RULES],
}

/// Bytes that are no decision of this version or of an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The end is missing.
    #[error("decode a decision of the gate: it is cut short")]
    Short,
    /// Written by a later version.
    #[error("decode a decision of the gate: there is no rule or code of this number")]
    Unknown,
}

impl Decision {
    /// Takes the rules that were asked.
    pub fn of<'a>(asked: impl IntoIterator<Item = (Rule, &'a Verdict)>) -> Self {
        let mut decision = Self { codes: [None; RULES] };
        for (rule, verdict) in asked {
            decision.set(rule, GateCode::of(verdict));
        }
        decision
    }

    /// Puts down what one rule says, in place of what it said before.
    pub fn set(&mut self, rule: Rule, code: GateCode) {
        if let Some(place) = self.codes.get_mut(place(rule)) {
            *place = Some(code);
        }
    }

    /// What one rule said; none: it was not asked.
    #[must_use]
    pub fn code(&self, rule: Rule) -> Option<GateCode> {
        self.codes.get(place(rule)).copied().flatten()
    }

    /// Each rule that was asked, and what it said.
    pub fn iter(&self) -> impl Iterator<Item = (Rule, GateCode)> {
        Rule::ALL.iter().filter_map(|rule| Some((*rule, self.code(*rule)?)))
    }

    /// Whether every rule that was asked let it go.
    #[must_use]
    pub fn is_go(&self) -> bool {
        self.iter().all(|(_, code)| code == GateCode::Go)
    }

    /// One byte for each rule that did not let it go and one for what it said, after a bit for each rule that was asked: a
    /// message that every rule let go takes two bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let asked = self.iter().fold(0_u16, |mask, (rule, _)| mask | bit(rule));
        let mut bytes = asked.to_be_bytes().to_vec();
        let objections = self.iter().filter(|(_, code)| *code != GateCode::Go);
        bytes.extend(objections.flat_map(|(rule, code)| [rule.as_u8(), code.as_u8()]));
        bytes
    }

    /// Reads what [`Decision::to_bytes`] wrote.
    ///
    /// # Errors
    /// Bytes that a later version wrote, or that were cut.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (mask, objections) = bytes.split_first_chunk::<2>().ok_or(DecodeError::Short)?;
        let mask = u16::from_be_bytes(*mask);
        let known = Rule::ALL.iter().fold(0_u16, |all, rule| all | bit(*rule));
        if mask & !known != 0 {
            return Err(DecodeError::Unknown);
        }
        let mut decision = Self { codes: [None; RULES] };
        for rule in Rule::ALL.iter().filter(|rule| mask & bit(**rule) != 0) {
            decision.set(*rule, GateCode::Go);
        }
        for pair in objections.chunks(2) {
            let [rule, code] = pair else { return Err(DecodeError::Short) };
            let rule = Rule::from_u8(*rule).filter(|rule| mask & bit(*rule) != 0).ok_or(DecodeError::Unknown)?;
            decision.set(rule, GateCode::from_u8(*code).ok_or(DecodeError::Unknown)?);
        }
        Ok(decision)
    }
}

/// Rules are numbered from one, without gaps.
fn place(rule: Rule) -> usize {
    usize::from(rule.as_u8()) - 1
}

/// The sixteenth bit is kept free: a seventeenth rule needs a longer mask, which it can announce.
fn bit(rule: Rule) -> u16 {
    1 << place(rule)
}
