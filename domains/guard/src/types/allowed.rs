//! What is the practice's own and may be said anywhere (GRD-3).

use crate::detect::places;
use crate::fold::Folded;
use crate::words::Words;

/// How a practice names itself in its messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PracticeIdentity {
    /// Names, for example `Bright Braces Studio`. A name of one word allows nothing: it would allow that word everywhere.
    pub names: Vec<String>,
    /// Phone numbers, in any form.
    pub phones: Vec<String>,
    /// Email addresses, or whole domains as `@practice.example`.
    pub emails: Vec<String>,
    /// Postal addresses; a text may have a part of one.
    pub addresses: Vec<String>,
}

/// A practice's identity, prepared for comparing. Make it once for each practice.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    pub(crate) names: Vec<String>,
    phones: Vec<String>,
    emails: Vec<String>,
    addresses: Vec<String>,
}

impl Allowed {
    /// Prepares an identity.
    #[must_use]
    pub fn of(identity: &PracticeIdentity) -> Self {
        let line = |text: &String| Words::of(&Folded::of(text));
        let names = identity.names.iter().map(line).filter(|words| words.len() > 1);
        let phones = identity.phones.iter().map(|phone| national(phone)).filter(|digits| digits.len() >= 7);
        Self {
            names: names.map(|words| words.line().to_owned()).collect(),
            phones: phones.collect(),
            emails: identity.emails.iter().map(|email| email.to_lowercase()).collect(),
            addresses: identity
                .addresses
                .iter()
                .map(line)
                .map(|words| places::canonical(&words, 0..words.len()))
                .collect(),
        }
    }

    /// Whether these digits are one of the phones, or its last seven digits.
    pub(crate) fn has_phone(&self, digits: &str) -> bool {
        let digits = national(digits);
        self.phones.iter().any(|phone| *phone == digits || (digits.len() == 7 && phone.ends_with(&digits)))
    }

    /// Whether this address, in small letters, is one of the emails or of their domains.
    pub(crate) fn has_email(&self, email: &str) -> bool {
        self.emails.iter().any(|own| own == email || (own.starts_with('@') && email.ends_with(own.as_str())))
    }

    /// Whether these words, in canonical form, stand in one of the addresses.
    pub(crate) fn has_address(&self, words: &str) -> bool {
        self.addresses.iter().any(|address| address.contains(words))
    }
}

/// The digits of a phone number, without the country code 1.
fn national(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    match digits.strip_prefix('1') {
        Some(national) if national.len() == 10 => national.to_owned(),
        _ => digits,
    }
}
