//! Versions of a tenant's policy. A version's rules never change; what changes is whether it holds.

use jiff::Timestamp;

use super::numbered::numbered;
use crate::policy::{GatePolicy, PolicyFault};

numbered! {
    /// Whether a version of a policy holds.
    PolicyState = "state of a policy" {
        /// Not yet; where it has an instant, from then on.
        Draft = 1 "draft",
        /// Now: one at a time.
        Active = 2 "active",
        /// Not any more. A new version can be made of it.
        Retired = 3 "retired",
    }
}

/// One version of a tenant's policy.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyVersion {
    /// Its number; the first is 1.
    pub version: u32,
    /// Whether it holds, as far as it is written down: see [`Self::holds`].
    pub state: PolicyState,
    /// The rules as they are stored: a [`GatePolicy`] of this program or of an earlier one.
    pub body: serde_json::Value,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it: kind and id.
    pub created_by: String,
    /// From when on it holds, or held; none: a mere draft.
    pub activates_at: Option<Timestamp>,
}

impl PolicyVersion {
    /// Whether it holds at an instant, where no other draft's time has come: a draft holds from its instant on, even before
    /// somebody has written that down.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        match self.state {
            PolicyState::Active => true,
            PolicyState::Draft => self.activates_at.is_some_and(|at| at <= now),
            PolicyState::Retired => false,
        }
    }

    /// The rules.
    ///
    /// # Errors
    /// What is wrong with them for this program, by JSON pointer.
    pub fn policy(&self) -> Result<GatePolicy, Vec<PolicyFault>> {
        let policy = GatePolicy::read(&self.body)?;
        let faults = policy.validate();
        if faults.is_empty() { Ok(policy) } else { Err(faults) }
    }
}

/// What an activation came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Activation {
    /// The version, as it stands now.
    pub version: PolicyVersion,
    /// The version that held before; none: the built-in one, or nothing changes now.
    pub former: Option<u32>,
    /// The gate must forget what it knew: another version holds from now on.
    pub is_news: bool,
}
