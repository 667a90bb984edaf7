//! Pure decisions of the room: what follows from findings, under which policy, and what leaves instead.

use carepost_kernel::{Channel, PhiHandling};

use crate::types::{Findings, GuardVerdict};

mod replacement;

pub use replacement::{Replacement, replacement};

/// The code of a refusal by the guard, in stored verdicts.
pub const PHI_FOUND: &str = "phi_found";
/// The code of a refusal because the text was too long to be judged.
pub const PHI_TOO_LONG: &str = "phi_text_too_long";

/// What to do about findings on a channel.
///
/// In-app messages stay inside and are read behind a sign-in: nothing is done about them. Whoever was told that email and
/// text messages are not secure and still wants them gets them (HIPAA, 45 CFR 164.522(b) and the Omnibus Rule's
/// commentary, 78 FR 5634; decision C35).
#[must_use]
pub const fn action_for(wanted: PhiHandling, channel: Channel, wants_unsecured: bool) -> PhiHandling {
    match channel {
        Channel::InApp => PhiHandling::Off,
        _ if wants_unsecured => PhiHandling::Off,
        _ => wanted,
    }
}

/// What follows from findings. A text that was too long to be judged is treated as one with findings (GRD-2).
#[must_use]
pub fn judge(findings: &Findings, action: PhiHandling) -> GuardVerdict {
    match action {
        _ if findings.is_clean() => GuardVerdict::Pass,
        PhiHandling::Off => GuardVerdict::Pass,
        PhiHandling::Block => GuardVerdict::Block { kinds: findings.kinds() },
        PhiHandling::Replace => GuardVerdict::Replace { kinds: findings.kinds() },
    }
}

/// The code of a refusal because of these findings.
#[must_use]
pub const fn refusal_code(findings: &Findings) -> &'static str {
    if findings.is_too_long() { PHI_TOO_LONG } else { PHI_FOUND }
}

#[cfg(test)]
mod tests;
