//! A tenant's policy as the gate uses it: with its version, and with a guard that knows the practice.

use std::sync::Arc;

use carepost_consent::policy::{CompiledPolicy, SmsIdentification};
use carepost_consent::types::PolicyVersion;
use carepost_guard::{Allowed, Guard, GuardError, PracticeIdentity};
use carepost_kernel::{Chain, Channel, PhiHandling, TenantId};

/// What the log says where something stands in for a policy.
const UNUSABLE: &str = "the gate's policy cannot be used as it is: stricter rules stand in for it until it is mended";

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
        let guard = Guard::in_use_with(&phi.extra_terms, &phi.ignored_terms)?;
        Ok(Self::with_guard(version, policy, guard))
    }

    fn with_guard(version: u32, policy: CompiledPolicy, guard: Arc<Guard>) -> Self {
        let practice = &policy.source().practice;
        let allowed = Allowed::of(&PracticeIdentity {
            names: vec![practice.name.clone()],
            phones: vec![practice.phone.clone()],
            emails: vec![practice.email.clone()],
            addresses: vec![practice.postal_address.clone()],
        });
        Self { version, policy, guard, allowed }
    }

    /// The rules of tenants that have set nothing: version 0.
    #[must_use]
    pub fn built_in() -> Self {
        let policy = CompiledPolicy::built_in();
        Self { version: 0, policy, guard: Guard::in_use(), allowed: Allowed::default() }
    }

    /// The version that is in force; none: the built-in rules. One that this program cannot use as it is does not open the
    /// gate: something stricter stands in for it ([`CompiledPolicy::of_stored`]), and the log says so each time.
    #[must_use]
    pub fn of_stored(tenant_id: TenantId, in_force: Option<&PolicyVersion>) -> Self {
        let Some(stored) = in_force else { return Self::built_in() };
        let version = stored.version;
        let (policy, faults) = CompiledPolicy::of_stored(&stored.body);
        for fault in faults {
            tracing::error!(
                tenant.id = %tenant_id,
                policy.version = version,
                policy.pointer = %fault.pointer,
                problem = fault.problem,
                "{UNUSABLE}"
            );
        }
        Self::new(version, policy).unwrap_or_else(|error| {
            tracing::error!(tenant.id = %tenant_id, policy.version = version, error = %Chain(&error), "{UNUSABLE}");
            let strictest = CompiledPolicy::strictest();
            Self { version, policy: strictest, guard: Guard::in_use(), allowed: Allowed::default() }
        })
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
