//! Variable envelope return path: the address that bounces go to names the attempt.
//!
//! `bounces@clinic.example` becomes `bounces+<32 hex digits of the message>-<attempt>@clinic.example`. It survives
//! servers that fold upper and lower case and those that send bounces without the original.

use carepost_kernel::{AttemptRef, Channel};
use uuid::Uuid;

/// A local part has at most 64 characters; `+`, the digits, `-` and the number take 39.
pub(super) const MAX_USER_BYTES: usize = 25;

/// The address for one attempt.
pub(super) fn address(user: &str, domain: &str, attempt: AttemptRef) -> String {
    let digits: String = attempt.message_id.to_string().chars().filter(|digit| *digit != '-').collect();
    format!("{user}+{digits}-{}@{domain}", attempt.attempt_no)
}

/// The attempt that an address names.
pub(super) fn attempt(address: &str) -> Option<AttemptRef> {
    let (local_part, _) = address.split_once('@')?;
    let (_, reference) = local_part.rsplit_once('+')?;
    let (digits, number) = reference.split_once('-')?;
    let id: Uuid = (digits.len() == 32).then(|| digits.parse().ok()).flatten()?;
    Some(AttemptRef {
        message_id: id.to_string().parse().ok()?,
        channel: Channel::Email,
        attempt_no: number.parse().ok().filter(|number| *number > 0)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_attempt_comes_back() {
        let sent = AttemptRef {
            message_id: "01900000-0000-7000-8000-0000000000ab".parse().unwrap(),
            channel: Channel::Email,
            attempt_no: 12,
        };
        let written = address("bounces", "clinic.example", sent);
        assert!(written.split('@').next().unwrap().len() <= 64);
        assert_eq!(attempt(&written), Some(sent));
        assert_eq!(attempt(&written.to_ascii_uppercase()), Some(sent));
        for text in ["bounces@clinic.example", "a+b@c", "a+b-1@c", "", "+-@"] {
            assert_eq!(attempt(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = attempt(&text);
        }
    }
}
