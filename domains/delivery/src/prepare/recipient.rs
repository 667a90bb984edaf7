//! The addresses of a request; their forms are the consent room's.

use carepost_consent::address::normalize_address;
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
