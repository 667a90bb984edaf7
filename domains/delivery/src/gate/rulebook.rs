//! A tenant's policy as the gate uses it, with its version.

use carepost_consent::policy::{CompiledPolicy, SmsIdentification};
use carepost_consent::types::PolicyVersion;
use carepost_kernel::TenantId;

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

    /// The version that is in force; none: the built-in rules. One that this program cannot use as it is does not open the
    /// gate: something stricter stands in for it ([`CompiledPolicy::of_stored`]), and the log says so each time.
    #[must_use]
    pub fn of_stored(tenant_id: TenantId, in_force: Option<&PolicyVersion>) -> Self {
        let Some(stored) = in_force else { return Self::built_in() };
        let (policy, faults) = CompiledPolicy::of_stored(&stored.body);
        for fault in faults {
            tracing::error!(
                tenant.id = %tenant_id,
                policy.version = stored.version,
                policy.pointer = %fault.pointer,
                problem = fault.problem,
                "the gate's policy cannot be used as it is: stricter rules stand in for it until it is mended"
            );
        }
        Self::new(stored.version, policy)
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
