//! Addresses as their owner may recognise them, and nobody else: for pages that open without a sign-in.

use carepost_kernel::Channel;

const DOTS: &str = "\u{2022}\u{2022}\u{2022}";

/// A phone by its last two digits, an email address by the first letters of its parts; nothing of an account's id.
#[must_use]
pub fn mask(channel: Channel, address: &str) -> String {
    match channel {
        Channel::Sms | Channel::Voice => phone(address),
        Channel::Email => email(address),
        Channel::InApp | Channel::Push => DOTS.to_owned(),
    }
}

fn phone(address: &str) -> String {
    let digits: String = address.chars().filter(char::is_ascii_digit).collect();
    // Of a short number two digits would be much.
    let end = if digits.len() >= 7 { &digits[digits.len() - 2..] } else { "" };
    format!("{DOTS}\u{2022}{end}")
}

fn email(address: &str) -> String {
    let (user, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let (name, ending) = domain.rsplit_once('.').map_or((domain, ""), |(name, ending)| (name, ending));
    let first = |text: &str| text.chars().next().map(String::from).unwrap_or_default();
    let ending = if ending.is_empty() { String::new() } else { format!(".{ending}") };
    format!("{}{DOTS}@{}{DOTS}{ending}", first(user), first(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn del_9_a_masked_address_names_nobody() {
        for (channel, address, masked) in [
            (Channel::Email, "pat@example.com", "p•••@e•••.com"),
            (Channel::Email, "maria.canary@mail.example.co.uk", "m•••@m•••.uk"),
            (Channel::Email, "é@ü.example", "é•••@ü•••.example"),
            (Channel::Email, "nonsense", "n•••@•••"),
            (Channel::Email, "", "•••@•••"),
            (Channel::Sms, "+15005550006", "••••06"),
            (Channel::Voice, "+12025550142", "••••42"),
            (Channel::Sms, "12345", "••••"),
            (Channel::InApp, "patient-1001", "•••"),
        ] {
            assert_eq!(mask(channel, address), masked);
        }
    }
}
