//! A tenant's policy as the gate uses it: with its version, and with a guard that knows the practice.

use std::sync::Arc;

use carepost_consent::policy::{CompiledPolicy, PhiHandling, SmsIdentification};
use carepost_guard::{Allowed, Dictionary, Guard, GuardError, PracticeIdentity};
use carepost_kernel::Channel;

/// A tenant's policy, ready to be asked.
#[derive(Debug)]
pub struct Rulebook {
    version: u32,
    policy: CompiledPolicy,
    guard: Arc<Guard>,
    allowed: Allowed,
}

impl Rulebook {
    /// A version of a tenant's own policy. Costs some milliseconds where the practice has words of its own.
    ///
    /// # Errors
    /// Where those words cannot be made a dictionary.
    pub fn new(version: u32, policy: CompiledPolicy) -> Result<Self, GuardError> {
        let source = policy.source();
        let phi = &source.phi;
        let guard = if phi.extra_terms.is_empty() && phi.ignored_terms.is_empty() {
            Guard::shipped()
        } else {
            Arc::new(Guard::with(Dictionary::shipped(), &phi.extra_terms, &phi.ignored_terms)?)
        };
        let practice = &source.practice;
        let allowed = Allowed::of(&PracticeIdentity {
            names: vec![practice.name.clone()],
            phones: vec![practice.phone.clone()],
            emails: vec![practice.email.clone()],
            addresses: vec![practice.postal_address.clone()],
        });
        Ok(Self { version, policy, guard, allowed })
    }

    /// The rules of tenants that have set nothing: version 0.
    #[must_use]
    pub fn built_in() -> Self {
        let policy = CompiledPolicy::built_in();
        Self { version: 0, policy, guard: Guard::shipped(), allowed: Allowed::default() }
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

    /// Who finds health information.
    #[must_use]
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// What is the practice's own.
    #[must_use]
    pub const fn allowed(&self) -> &Allowed {
        &self.allowed
    }

    /// What is done about health information on a channel.
    #[must_use]
    pub fn phi_handling(&self, channel: Channel) -> PhiHandling {
        self.policy.source().phi.by_channel.get(&channel).copied().unwrap_or_default()
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
