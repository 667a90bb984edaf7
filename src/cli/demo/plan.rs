//! What is sent, and what shall become of it. Everybody in it is invented.

use std::collections::BTreeSet;

use carepost_kernel::Channel;
use serde_json::{Value, json};

/// One message and its expected end.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) body: Value,
    /// Channels on which it shall arrive; none where it cannot.
    pub(super) arrives_on: BTreeSet<Channel>,
    /// What it shows.
    pub(super) story: &'static str,
}

/// The message of a number.
pub(super) fn message(number: usize) -> Planned {
    let phone = format!("+1500555{:04}", 1_000 + number % 9_000);
    let email = format!("pat{number}@example.com");
    let inbox = format!("patient-{number}");
    let visit = json!({ "subject": "Your visit tomorrow", "body": format!("We expect you at 9:30 (note {number}).") });
    let plan = |to: Value, arrives_on: &[Channel], story| Planned {
        body: json!({ "to": to, "content": visit }),
        arrives_on: arrives_on.iter().copied().collect(),
        story,
    };
    match number % 10 {
        0..=2 => plan(json!({ "phone": phone }), &[Channel::Sms], "text message"),
        3..=5 => plan(json!({ "email": email }), &[Channel::Email], "email"),
        6 => plan(json!({ "in_app": inbox }), &[Channel::InApp], "inbox here"),
        7 => plan(json!({ "phone": phone, "email": email }), &[Channel::Sms], "text first, email as a fallback"),
        8 => special(number, &plan),
        _ => {
            let to = json!({ "phone": phone, "email": email, "in_app": inbox });
            let mut all = plan(to, &[Channel::Sms, Channel::Email, Channel::InApp], "all channels at once");
            all.body["strategy"] = json!("all");
            all
        }
    }
}

/// Recipients at whom the simulated vendors misbehave (see the simulator's own table).
fn special(number: usize, plan: &dyn Fn(Value, &[Channel], &'static str) -> Planned) -> Planned {
    let email = format!("pat{number}@example.com");
    let inbox = format!("patient-{number}");
    match number / 10 % 8 {
        0 => plan(
            json!({ "phone": "+15005550010", "email": email }),
            &[Channel::Email],
            "text is not delivered: falls back to email",
        ),
        1 => plan(
            json!({ "phone": "+15005550001", "in_app": inbox }),
            &[Channel::InApp],
            "number does not exist: falls back to the inbox",
        ),
        2 => plan(json!({ "email": "bounce@simulator.example" }), &[], "mailbox unknown: bounces"),
        3 => plan(json!({ "phone": "+15005550011" }), &[Channel::Sms], "vendor is down twice: tried again"),
        4 => plan(json!({ "phone": "+15005550012" }), &[Channel::Sms], "answer is lost: the receipt tells"),
        5 => plan(json!({ "email": "blocked@simulator.example" }), &[], "taken by the vendor, refused by the mailbox"),
        6 => plan(json!({ "email": "reject@simulator.example" }), &[], "refused by the vendor: ends at once"),
        _ => plan(json!({ "phone": "+15005550004" }), &[], "number has opted out at the vendor: ends at once"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forty_messages_show_every_way_and_some_that_cannot_arrive() {
        let stories: BTreeSet<&str> = (0..80).map(|number| message(number).story).collect();
        assert_eq!(stories.len(), 13);
        assert!((0..80).any(|number| message(number).arrives_on.is_empty()));
    }
}
