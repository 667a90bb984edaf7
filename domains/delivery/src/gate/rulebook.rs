//! A tenant's policy as the gate uses it, with its version.

use carepost_consent::policy::{CompiledPolicy, SmsIdentification};

/// A tenant's policy, ready to be asked.
#[derive(Debug)]
pub struct Rulebook {
    version: u32,
    policy: CompiledPolicy,
}

impl Rulebook {
    /// A version of a tenant's own policy.
    #[must_use]
    pub const fn new(version: u32, policy: CompiledPolicy) -> Self {
        Self { version, policy }
    }

    /// The rules of tenants that have set nothing: version 0.
    #[must_use]
    pub fn built_in() -> Self {
        Self::new(0, CompiledPolicy::built_in())
    }

    /// The version, which stands beside each decision.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &CompiledPolicy {
        &self.policy
    }

    /// Somebody's caps may depend on what left before: then it is written down.
    #[must_use]
    pub fn counts(&self) -> bool {
        let source = self.policy.source();
        let caps = source.caps;
        let has_caps = caps.per_day.or(caps.per_week).or(caps.marketing_per_week).is_some();
        has_caps || source.exemption.is_used || source.identification.sms == SmsIdentification::First
    }
}
