//! Addresses: E.164 phone numbers, email addresses, the tenant's own recipient ids; each has one normal form, and one
//! keyed hash for each channel, wherever it is looked up. Case makes no second mailbox.

use std::borrow::Cow;

use carepost_kernel::{Channel, DataKey};

/// The one form of an address, or `None` where it is not one: `+` and digits, a lower-case mail domain, or the id.
#[must_use]
pub fn normalize_address(channel: Channel, address: &str) -> Option<String> {
    match channel {
        Channel::Sms | Channel::Voice => phone(address),
        Channel::Email => email(address),
        Channel::InApp | Channel::Push => recipient_id(address),
    }
}

/// Keyed hash of a normal address, the same wherever the address is looked up.
#[must_use]
pub fn address_hash(hash_key: &DataKey, channel: Channel, address: &str) -> [u8; 16] {
    hash_key.hash(channel.as_str(), looked_up_form(channel, address).as_bytes())
}

/// The form that an address is looked up by. Only the receiving host may tell mailboxes apart by case (RFC 5321, 2.4), and
/// hardly one does: an opt-out written with small letters must hold for the same mailbox written with great ones. What is
/// sent to keeps its written form.
pub(crate) fn looked_up_form(channel: Channel, address: &str) -> Cow<'_, str> {
    match channel {
        Channel::Email => address.to_lowercase().into(),
        Channel::Sms | Channel::Voice | Channel::InApp | Channel::Push => address.into(),
    }
}

fn phone(text: &str) -> Option<String> {
    let digits = text.strip_prefix('+')?;
    // E.164: at most 15 digits, the first not zero. Checked before the costlier rules of the countries.
    let well_formed = (7..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0');
    if !well_formed {
        return None;
    }
    plausible(text, digits).then(|| text.to_owned())
}

/// The country code exists and the length is one of that country's. North America has one length, and needs no look
/// into the other countries' rules. Ranges there that are merely unassigned today pass: numbering plans grow faster
/// than metadata, and the carrier has the last word.
fn plausible(text: &str, digits: &str) -> bool {
    match digits.strip_prefix('1') {
        Some(national) => national.len() == 10 && !national.starts_with('0'),
        None => phonenumber::parse(None, text).is_ok_and(|number| phonenumber::is_valid(&number)),
    }
}

fn email(text: &str) -> Option<String> {
    if text.len() > 254 || text.bytes().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    let address: lettre::Address = text.parse().ok()?;
    let domain = address.domain();
    let has_dot = domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.');
    (has_dot && address.user().len() <= 64).then(|| format!("{}@{}", address.user(), domain.to_ascii_lowercase()))
}

fn recipient_id(text: &str) -> Option<String> {
    ((1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn con_008_case_makes_no_second_mailbox() {
        let key = DataKey::new(1, &[7; 32]);
        let hash = |channel, address| address_hash(&key, channel, &normalize_address(channel, address).unwrap());
        let ana = hash(Channel::Email, "ana.lark@example.com");
        assert_eq!(hash(Channel::Email, "Ana.Lark@Example.COM"), ana);
        assert_eq!(hash(Channel::Email, "ANA.LARK@EXAMPLE.COM"), ana);
        assert_ne!(hash(Channel::Email, "ana@example.com"), ana);
        let written = normalize_address(Channel::Email, "Ana.Lark@Example.COM");
        assert_eq!(written.as_deref(), Some("Ana.Lark@example.com"), "what is sent to stays as it was written");
        // The practice's own ids are its own affair.
        assert_ne!(hash(Channel::InApp, "P-1"), hash(Channel::InApp, "p-1"));
    }
}
