//! What a mail server's answers mean: one table of reply codes and one of enhanced codes (RFC 3463).
//!
//! The enhanced code wins where both speak, since it says why. A refusal of the sender is a fault of the account.

use std::time::Duration;

use carepost_kernel::{Failure, FailureClass};

use crate::email::EnhancedCode;
use crate::email::smtp::client::{Fault, Phase};

/// Enhanced codes that mean something of their own: class, subject, detail.
const ENHANCED: [((u8, u16, u16), FailureClass); 38] = [
    // Rates. Gmail says 4.2.1 and 4.7.28, Yahoo 4.7.0, SES 4.7.0 with 454.
    ((4, 2, 1), FailureClass::Throttled),
    ((4, 4, 5), FailureClass::Throttled),
    ((4, 7, 0), FailureClass::Throttled),
    ((4, 7, 28), FailureClass::Throttled),
    ((5, 7, 28), FailureClass::Throttled),
    // The recipient.
    ((5, 1, 0), FailureClass::Permanent),
    ((5, 1, 1), FailureClass::Permanent),
    ((5, 1, 2), FailureClass::Permanent),
    ((5, 1, 3), FailureClass::Permanent),
    ((5, 1, 4), FailureClass::Permanent),
    ((5, 1, 6), FailureClass::Permanent),
    ((5, 1, 10), FailureClass::Permanent),
    ((5, 2, 0), FailureClass::Permanent),
    ((5, 2, 1), FailureClass::Permanent),
    ((5, 2, 3), FailureClass::Permanent),
    // A full mailbox may be emptied.
    ((5, 2, 2), FailureClass::Transient),
    ((5, 3, 1), FailureClass::Transient),
    ((5, 3, 2), FailureClass::Transient),
    ((5, 3, 4), FailureClass::Permanent),
    ((5, 4, 1), FailureClass::Permanent),
    ((5, 4, 4), FailureClass::Permanent),
    ((5, 4, 6), FailureClass::Permanent),
    ((5, 4, 7), FailureClass::Permanent),
    // The sender's address or identity.
    ((5, 1, 7), FailureClass::ConfigFault),
    ((5, 1, 8), FailureClass::ConfigFault),
    ((5, 7, 0), FailureClass::ConfigFault),
    ((5, 7, 3), FailureClass::ConfigFault),
    ((5, 7, 8), FailureClass::ConfigFault),
    ((5, 7, 9), FailureClass::ConfigFault),
    ((5, 7, 11), FailureClass::ConfigFault),
    ((5, 7, 13), FailureClass::ConfigFault),
    ((5, 7, 20), FailureClass::ConfigFault),
    ((5, 7, 23), FailureClass::ConfigFault),
    ((5, 7, 25), FailureClass::ConfigFault),
    ((5, 7, 26), FailureClass::ConfigFault),
    ((5, 7, 27), FailureClass::ConfigFault),
    ((5, 7, 29), FailureClass::ConfigFault),
    ((5, 7, 30), FailureClass::ConfigFault),
];

/// Reply codes, where no enhanced code says more.
const REPLIES: [(u16, FailureClass); 19] = [
    (421, FailureClass::Transient),
    (450, FailureClass::Transient),
    (451, FailureClass::Transient),
    (452, FailureClass::Transient),
    (454, FailureClass::Transient),
    // The server does not know what it must know: a wrong host.
    (500, FailureClass::ConfigFault),
    (502, FailureClass::ConfigFault),
    (521, FailureClass::ConfigFault),
    (523, FailureClass::Permanent),
    (530, FailureClass::ConfigFault),
    (534, FailureClass::ConfigFault),
    (535, FailureClass::ConfigFault),
    (538, FailureClass::ConfigFault),
    (550, FailureClass::Permanent),
    (551, FailureClass::Permanent),
    (552, FailureClass::Permanent),
    (553, FailureClass::Permanent),
    (554, FailureClass::Permanent),
    (556, FailureClass::Permanent),
];

/// Greylisting servers want at least five minutes.
const GREYLIST_WAIT: Duration = Duration::from_secs(300);
/// Rates of mail servers are counted in minutes.
const RATE_WAIT: Duration = Duration::from_secs(60);

/// What a fault means.
pub(super) fn failure(phase: Phase, fault: &Fault) -> Failure {
    match fault {
        Fault::Refused { code, enhanced } => refused(phase, *code, *enhanced),
        Fault::Private => Failure::new(FailureClass::ConfigFault, "smtp_private_address"),
        Fault::Lost => broken(phase, "connection_lost"),
        Fault::Protocol => broken(phase, "not_smtp"),
        Fault::Certificate => Failure::new(FailureClass::ConfigFault, "smtp_certificate"),
        Fault::NoTls => Failure::new(FailureClass::ConfigFault, "smtp_starttls_not_offered"),
        Fault::NoLogin => Failure::new(FailureClass::ConfigFault, "smtp_auth_not_offered"),
        Fault::TooLarge => Failure::new(FailureClass::Permanent, "smtp_too_large"),
    }
}

/// What it means that the time ran out.
pub(super) fn timed_out(phase: Phase) -> Failure {
    broken(phase, "timeout")
}

/// The dialogue broke off: after the final dot nobody knows, before it nothing was taken (DEL-5).
fn broken(phase: Phase, what: &str) -> Failure {
    match phase {
        Phase::Final => Failure::new(FailureClass::Unknown, format!("smtp_{what}")),
        Phase::Connect if what == "connection_lost" => Failure::new(FailureClass::Transient, "smtp_connect"),
        _ => Failure::new(FailureClass::Transient, format!("smtp_{what}_early")),
    }
}

fn refused(phase: Phase, code: u16, enhanced: Option<EnhancedCode>) -> Failure {
    // An enhanced code of the other class than the reply's is a mistake of the server.
    let enhanced = enhanced.filter(|found| u16::from(found.class) == code / 100);
    let by_reply = || REPLIES.into_iter().find(|(known, _)| *known == code).map(|(_, class)| class);
    let by_first_digit = if code < 500 { FailureClass::Transient } else { FailureClass::Permanent };
    let class = enhanced.and_then(class_of).or_else(by_reply).unwrap_or(by_first_digit);
    let class = match (phase, class) {
        // Without a recipient there is nobody but ourselves to refuse, size apart.
        (Phase::Connect | Phase::Login, FailureClass::Permanent) => FailureClass::ConfigFault,
        (Phase::Sender, FailureClass::Permanent) if !is_about_size(code, enhanced) => FailureClass::ConfigFault,
        (_, class) => class,
    };
    let after = match (class, code) {
        (FailureClass::Throttled, _) => Some(RATE_WAIT),
        (FailureClass::Transient, 450 | 451) if is_greylist(enhanced) => Some(GREYLIST_WAIT),
        _ => None,
    };
    let code = match enhanced {
        Some(found) => format!("smtp_{code}_{}", found.underscored()),
        None => format!("smtp_{code}"),
    };
    Failure::new(class, code).with_after(after)
}

/// Greylisting says 4.7.1 or 4.2.0, or nothing more than 450 or 451.
fn is_greylist(enhanced: Option<EnhancedCode>) -> bool {
    enhanced.is_none_or(|found| matches!((found.subject, found.detail), (7, 1) | (2, 0)))
}

fn is_about_size(code: u16, enhanced: Option<EnhancedCode>) -> bool {
    match enhanced {
        Some(found) => matches!((found.subject, found.detail), (2, 3) | (3, 4)),
        None => code == 552,
    }
}

/// The class of an enhanced code, where the table has it.
pub(super) fn class_of(code: EnhancedCode) -> Option<FailureClass> {
    let wanted = (code.class, code.subject, code.detail);
    ENHANCED.into_iter().find(|(known, _)| *known == wanted).map(|(_, class)| class)
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
