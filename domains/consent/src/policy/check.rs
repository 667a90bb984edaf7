//! What can be wrong with a policy.

use jiff::tz::TimeZone;

use carepost_kernel::{Channel, PhiHandling, Purpose};

use super::{ConsentNeed, DayHours, GatePolicy, continental_zones, states};
use crate::message_types;

/// One fault of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    /// JSON pointer of the field (RFC 6901).
    pub pointer: String,
    /// What it must be.
    pub problem: &'static str,
}

const MOST_NAME_CHARS: usize = 60;
const MOST_TEXT_CHARS: usize = 300;
const MOST_TERMS: usize = 1_000;

struct Faults(Vec<PolicyFault>);

impl Faults {
    fn unless(&mut self, holds: bool, pointer: impl Into<String>, problem: &'static str) {
        if !holds {
            self.0.push(PolicyFault { pointer: pointer.into(), problem });
        }
    }
}

/// All faults of a policy.
pub(super) fn faults(policy: &GatePolicy) -> Vec<PolicyFault> {
    let mut faults = Faults(Vec::new());
    // Without zones there would be no quiet hours, and nobody would notice.
    faults.unless(!continental_zones().is_empty(), "", "cannot be judged: this machine knows no time zones");
    check_practice(policy, &mut faults);
    check_identification(policy, &mut faults);
    check_consent(policy, &mut faults);
    check_hours(policy, &mut faults);
    check_limits(policy, &mut faults);
    check_types(policy, &mut faults);
    faults.0
}

fn check_practice(policy: &GatePolicy, faults: &mut Faults) {
    let practice = &policy.practice;
    let is_short = |text: &str, most: usize| text.chars().count() <= most && !text.chars().any(is_unprintable);
    faults.unless(
        is_short(&practice.name, MOST_NAME_CHARS),
        "/practice/name",
        "must be a line of at most 60 characters",
    );
    let is_address = practice.postal_address.chars().count() <= MOST_TEXT_CHARS;
    faults.unless(is_address, "/practice/postal_address", "must have at most 300 characters");
    faults.unless(is_short(&practice.phone, 30), "/practice/phone", "must be a line of at most 30 characters");
    faults.unless(is_short(&practice.email, 254), "/practice/email", "must be a line of at most 254 characters");
    let replaces = policy.phi.by_channel.values().any(|handling| *handling == PhiHandling::Replace);
    let is_link = practice.portal_url.starts_with("https://") && is_short(&practice.portal_url, 100);
    faults.unless(
        is_link || (practice.portal_url.is_empty() && !replaces),
        "/practice/portal_url",
        "must be an https address of at most 100 characters; it is needed where notices leave in place of messages",
    );
    let is_language = GatePolicy::LANGUAGES.contains(&practice.language.as_str());
    faults.unless(is_language, "/practice/language", "must be en or es");
    faults.unless(practice.zones.len() <= 16, "/practice/zones", "must be at most 16");
    for (i, zone) in practice.zones.iter().enumerate() {
        faults.unless(
            TimeZone::get(zone).is_ok(),
            format!("/practice/zones/{i}"),
            "must be the IANA name of a time zone",
        );
    }
    let are_states = practice.states.iter().all(|code| states::by_code(code).is_some());
    faults.unless(are_states, "/practice/states", "must be two letters of states of the United States");
}

fn is_unprintable(character: char) -> bool {
    character.is_control()
}

fn check_identification(policy: &GatePolicy, faults: &mut Faults) {
    let practice = &policy.practice;
    let needs_name = policy.identification.sms != super::SmsIdentification::Off || policy.identification.email_footer;
    let has_name = !practice.name.trim().is_empty();
    faults.unless(has_name || !needs_name, "/practice/name", "must be there, because messages have to say who speaks");
    let has_address = !practice.postal_address.trim().is_empty();
    let needs_address = policy.identification.email_footer;
    faults.unless(has_address || !needs_address, "/practice/postal_address", "must be there for the footer of emails");
}

fn check_consent(policy: &GatePolicy, faults: &mut Faults) {
    for channel in [Channel::Sms, Channel::Voice] {
        let is_written = policy.consent_need(Purpose::Marketing, channel) == ConsentNeed::Written;
        let pointer = format!("/consent/marketing/{}", channel.as_str());
        faults.unless(is_written, pointer, "must be written: advertising by phone needs it by law");
    }
}

fn check_hours(policy: &GatePolicy, faults: &mut Faults) {
    for channel in Channel::ALL {
        check_day(policy.hours_of(channel), format!("/contact_hours/{}", channel.as_str()), faults);
    }
    for (code, hours) in &policy.state_hours {
        let pointer = format!("/state_hours/{}", escaped(code));
        for (hours, days) in [(hours.weekdays, "weekdays"), (hours.saturday, "saturday"), (hours.sunday, "sunday")] {
            check_day(hours, format!("{pointer}/{days}"), faults);
        }
        let is_known = states::by_code(code).is_some();
        faults.unless(is_known, pointer, "must be two letters of a state of the United States");
    }
}

fn check_day(hours: Option<DayHours>, pointer: String, faults: &mut Faults) {
    let is_forward = hours.is_none_or(|hours| hours.from < hours.until);
    faults.unless(is_forward, pointer, "must end later on the same day than it begins");
}

fn check_limits(policy: &GatePolicy, faults: &mut Faults) {
    let caps = [
        (policy.caps.per_day, "/caps/per_day"),
        (policy.caps.per_week, "/caps/per_week"),
        (policy.caps.marketing_per_week, "/caps/marketing_per_week"),
    ];
    for (cap, pointer) in caps {
        faults.unless(cap.is_none_or(|cap| (1..=1_000).contains(&cap)), pointer, "must be between 1 and 1,000");
    }
    let exemption = policy.exemption;
    faults.unless(exemption.per_day == 1, "/exemption/per_day", "must be 1, by the rule");
    faults.unless((1..=3).contains(&exemption.per_week), "/exemption/per_week", "must be between 1 and 3, by the rule");
    let is_short = (1..=160).contains(&exemption.most_chars);
    faults.unless(is_short, "/exemption/most_chars", "must be between 1 and 160, by the rule");
    let terms = [(&policy.phi.extra_terms, "/phi/extra_terms"), (&policy.phi.ignored_terms, "/phi/ignored_terms")];
    for (terms, pointer) in terms {
        let are_terms = terms.len() <= MOST_TERMS && terms.iter().all(|term| (2..=100).contains(&term.chars().count()));
        faults.unless(are_terms, pointer, "must be at most 1,000 terms of 2 to 100 characters");
    }
    let hours_before = &policy.reminders.hours_before;
    let are_hours = hours_before.len() <= 8 && hours_before.iter().all(|hours| (1..=720).contains(hours));
    faults.unless(are_hours, "/reminders/hours_before", "must be at most 8 numbers between 1 and 720");
}

fn check_types(policy: &GatePolicy, faults: &mut Faults) {
    for (key, change) in &policy.types {
        let pointer = format!("/types/{}", escaped(key));
        let Some(shipped) = message_types::shipped(key) else {
            faults.unless(false, pointer, "must be the key of a message type");
            continue;
        };
        let is_marketing = change.purpose.unwrap_or(shipped.purpose) == Purpose::Marketing;
        let keeps_marketing = is_marketing || shipped.purpose != Purpose::Marketing;
        faults.unless(keeps_marketing, format!("{pointer}/purpose"), "must stay marketing");
        let is_emergency = change.purpose == Some(Purpose::Emergency) && shipped.purpose != Purpose::Emergency;
        faults.unless(!is_emergency, format!("{pointer}/purpose"), "must not become an emergency");
        let passes = [
            (change.passes_quiet_hours, format!("{pointer}/passes_quiet_hours")),
            (change.passes_caps, format!("{pointer}/passes_caps")),
        ];
        for (passes, pointer) in passes {
            faults.unless(!is_marketing || passes != Some(true), pointer, "must be false for marketing");
        }
        let has_channels = change.channels.as_ref().is_none_or(|channels| !channels.is_empty());
        faults.unless(has_channels, format!("{pointer}/channels"), "must not be empty");
        let keeps_private = shipped.is_trackable || change.is_trackable != Some(true);
        faults.unless(keeps_private, format!("{pointer}/is_trackable"), "must stay false: it is about health");
    }
}

/// A name in a JSON pointer (RFC 6901).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
