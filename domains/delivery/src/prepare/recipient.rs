//! Addresses: E.164 phone numbers, email addresses, the tenant's own recipient ids.

use carepost_kernel::Channel;

use crate::types::Recipient;

use super::Faults;

/// Where a channel's address stands in the request.
pub(super) fn pointer(channel: Channel) -> String {
    let field = match channel {
        Channel::Sms | Channel::Voice => "phone",
        Channel::Email => "email",
        Channel::InApp | Channel::Push => "in_app",
    };
    format!("/to/{field}")
}

/// Checks the addresses that are there and brings them into their one form.
pub(super) fn check(to: &Recipient, faults: &mut Faults) -> Recipient {
    let mut one = |channel, address: &Option<String>, problem| {
        let address = address.as_deref()?;
        let normal = normalize_address(channel, address);
        if normal.is_none() {
            faults.add(pointer(channel), problem);
        }
        normal
    };
    Recipient {
        phone: one(Channel::Sms, &to.phone, "must be a valid phone number in E.164 form, as in +15005550006"),
        email: one(Channel::Email, &to.email, "must be a valid email address"),
        in_app: one(Channel::InApp, &to.in_app, "must be 1 to 128 visible ASCII characters"),
    }
}

/// The one form of an address, or `None` where it is not one: `+` and digits, a lower-case mail domain, or the id.
#[must_use]
pub fn normalize_address(channel: Channel, address: &str) -> Option<String> {
    match channel {
        Channel::Sms | Channel::Voice => phone(address),
        Channel::Email => email(address),
        Channel::InApp | Channel::Push => recipient_id(address),
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
