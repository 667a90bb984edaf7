//! The parts of a policy.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Time, time};
use serde::{Deserialize, Serialize};

use carepost_kernel::{Channel, PhiHandling, Purpose, Topic};

use super::hours::DayHours;

/// Who speaks. All of it is public: it stands in every message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Practice {
    /// The name that a text message begins with.
    pub name: String,
    /// The postal address that the footer of an email shows (CAN-SPAM, 15 U.S.C. 7704(a)(5), read 2026-11).
    pub postal_address: String,
    /// The phone number that HELP names.
    pub phone: String,
    /// An email address for questions, where there is one.
    pub email: String,
    /// Where recipients read what does not leave on other channels: an `https` address.
    pub portal_url: String,
    /// Time zones of the practice's sites, by their IANA names: they stand in where a recipient's own is unknown.
    pub zones: Vec<String>,
    /// Two letters of the states of the sites: they stand in where a recipient's own is unknown.
    pub states: BTreeSet<String>,
    /// The language of people whose language is unknown: `en` or `es`.
    pub language: String,
}

/// The zone in which times are written where neither the recipient nor the practice says where they are.
pub const DEFAULT_ZONE: &str = "America/New_York";

impl Practice {
    /// The zone in which a text's times are written: the recipient's own, else that of the practice's first site, else
    /// [`DEFAULT_ZONE`]. One for all that is rendered: what is sent shows the hour that the preview showed.
    #[must_use]
    pub fn zone_of_texts<'zone>(&'zone self, of_recipient: Option<&'zone str>) -> &'zone str {
        of_recipient.or_else(|| self.zones.first().map(String::as_str)).unwrap_or(DEFAULT_ZONE)
    }
}

impl Default for Practice {
    fn default() -> Self {
        Self {
            name: String::new(),
            postal_address: String::new(),
            phone: String::new(),
            email: String::new(),
            portal_url: String::new(),
            zones: Vec::new(),
            states: BTreeSet::new(),
            language: "en".to_owned(),
        }
    }
}

/// The consent that must be on file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentNeed {
    /// None; a revocation holds nevertheless.
    None,
    /// The person is known here under this address.
    Implied,
    /// Given by word or deed. A number that was given to a provider is consent to messages about care (47 CFR
    /// 64.1200(a)(1), FCC 15-72 of 2015-07-10, read 2026-11): record that it was given.
    Express,
    /// Given in writing, for this purpose by name: what advertising by phone needs (47 CFR 64.1200(a)(2) and (f)(9), read
    /// 2026-11), and an authorisation under HIPAA (45 CFR 164.508(a)(3)).
    Written,
}

impl ConsentNeed {
    /// What holds where a policy says nothing.
    #[must_use]
    pub const fn by_default(purpose: Purpose, channel: Channel) -> Self {
        match (purpose, channel) {
            (Purpose::Emergency, _) => Self::None,
            (Purpose::Marketing, _) => Self::Written,
            (_, Channel::Sms | Channel::Email | Channel::Voice) => Self::Express,
            // Whoever has a device registered here has asked for it; the inbox here is read after signing in.
            (_, Channel::Push) => Self::Implied,
            (_, Channel::InApp) => Self::None,
        }
    }
}

/// What holds for an address that belongs to nobody here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownAddress {
    /// Whoever hands the message in answers for the consent.
    CallerAttests,
    /// Nothing is sent.
    Refuse,
}

impl UnknownAddress {
    /// What holds where a policy says nothing.
    #[must_use]
    pub const fn by_default(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Marketing => Self::Refuse,
            _ => Self::CallerAttests,
        }
    }
}

/// Hours in which a recipient may be contacted, by channel; none: always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContactHours {
    /// Text messages. Solicitations: 8:00 to 21:00 of the called party's own time (47 CFR 64.1200(c)(1), read 2026-11).
    pub sms: Option<DayHours>,
    /// Email: no law limits its hours.
    pub email: Option<DayHours>,
    /// The inbox here makes no noise.
    pub in_app: Option<DayHours>,
    /// Push.
    pub push: Option<DayHours>,
    /// Calls: as text messages.
    pub voice: Option<DayHours>,
}

impl Default for ContactHours {
    fn default() -> Self {
        let phone = Some(DayHours { from: time(8, 0, 0, 0), until: time(21, 0, 0, 0) });
        Self { sms: phone, email: None, in_app: None, push: None, voice: phone }
    }
}

impl ContactHours {
    /// The hours of one channel.
    #[must_use]
    pub const fn of(&self, channel: Channel) -> Option<DayHours> {
        match channel {
            Channel::Sms => self.sms,
            Channel::Email => self.email,
            Channel::InApp => self.in_app,
            Channel::Push => self.push,
            Channel::Voice => self.voice,
        }
    }
}

/// For which purposes the hours of a state hold: their laws speak of solicitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateHoursFor {
    /// For none.
    Nothing,
    /// For marketing.
    #[default]
    Marketing,
    /// For everything but emergencies.
    Everything,
}

/// How many messages one recipient gets at one address; none: as many as there are.
///
/// Spans slide: a day is 24 hours, a week 7 times 24. Emergencies and types that pass caps are never held, but all that was
/// sent counts, emergencies apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Caps {
    /// In a day.
    pub per_day: Option<u16>,
    /// In a week.
    pub per_week: Option<u16>,
    /// Of marketing, in a week.
    pub marketing_per_week: Option<u16>,
    /// What is done with a message that is one too many.
    pub when_reached: WhenReached,
}

/// What is done with a message that is one too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenReached {
    /// It waits until there is room.
    #[default]
    Wait,
    /// It is refused.
    Refuse,
}

/// The exemption for health care from the consent that texts and calls need (47 CFR 64.1200(a)(9)(iv), read 2026-11).
///
/// It holds only for messages that are free to the reader, which ordinary long codes are not: off, unless a practice has
/// such a sender. Where it is on, a message of a type that is on the rule's list may go without consent to a number that
/// the person gave, within these limits. What goes by consent is not limited by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exemption {
    /// Whether it is made use of.
    pub is_used: bool,
    /// Messages in 24 hours: one, by the rule.
    pub per_day: u16,
    /// Messages in 7 days: three, by the rule.
    pub per_week: u16,
    /// Characters of a text message: 160, by the rule.
    pub most_chars: u32,
}

impl Default for Exemption {
    fn default() -> Self {
        Self { is_used: false, per_day: 1, per_week: 3, most_chars: 160 }
    }
}

/// What is done about health information that the guard finds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhiRules {
    /// By channel; left out: nothing.
    pub by_channel: BTreeMap<Channel, PhiHandling>,
    /// Words that count as health information besides the dictionary.
    pub extra_terms: Vec<String>,
    /// Words of the dictionary that do not count here.
    pub ignored_terms: Vec<String>,
}

/// How a message says who is speaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Identification {
    /// Text messages that must begin with the practice's name.
    pub sms: SmsIdentification,
    /// An email carries the practice's name and postal address in its footer, which needs both.
    pub email_footer: bool,
}

/// Text messages that must begin with the practice's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmsIdentification {
    /// None.
    #[default]
    Off,
    /// The first one: nothing went to the address within the last eight days, which is as far as is remembered.
    First,
    /// Each.
    Every,
}

/// Whether the senders are registered where they must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Registrations {
    /// Brand and campaign of the numbers that send texts (10DLC): carriers in the United States block the traffic of
    /// unregistered ones (since 2023-08-31, read 2026-11).
    pub sms: Registration,
    /// SPF, DKIM and DMARC of the domain that sends email, which Gmail and Yahoo ask of bulk senders (since 2024-02-01, read
    /// 2026-11).
    pub email: Registration,
}

/// Whether a sender is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// It need not be.
    #[default]
    NotNeeded,
    /// It must be and is not: the channel is not used.
    Missing,
    /// It is.
    Registered,
}

/// Departures of one message type from the shipped table; left out: as shipped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TypeOverride {
    /// Why it may be sent. What ships as marketing stays marketing.
    pub purpose: Option<Purpose>,
    /// What it is about.
    pub topic: Option<Topic>,
    /// The channels that are tried, in this order.
    pub channels: Option<Vec<Channel>>,
    /// Whether it goes at any hour.
    pub passes_quiet_hours: Option<bool>,
    /// Whether it goes over the caps.
    pub passes_caps: Option<bool>,
    /// Whether its links may be counted.
    pub is_trackable: Option<bool>,
}

/// When appointments are recalled to mind (decision C08, CAM-013).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reminders {
    /// So many hours before.
    pub hours_before: BTreeSet<u16>,
    /// On the morning of the day, at this time of the practice.
    pub morning_of_at: Option<Time>,
}
