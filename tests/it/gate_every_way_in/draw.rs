//! What a world is drawn from: its dice, policies, people, and what is said to them.

use std::collections::BTreeMap;

use carepost_consent::policy::{
    Caps, GatePolicy, Practice, Preset, Registration, SmsIdentification, UnknownAddress, WhenReached,
};
use carepost_kernel::{Channel, Clock, PhiHandling, Purpose};
use carepost_providers::Vendor;
use jiff::ToSpan as _;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::support::{Clinic, World, phone};

/// Every vendor fails it at once; the number is not to blame.
pub(super) const UNROUTABLE: &str = "+15005550002";
/// Every vendor takes it and cannot deliver it.
const UNDELIVERED: &str = "+15005550010";
/// Every vendor is away for it twice, then takes it.
const STUTTERS: &str = "+15005550011";
/// A word of health that stands in no text but those that speak of it.
pub(super) const HEALTH: &str = "melanoma";
pub(super) const PLAIN_TEXT: &str = "canary: your visit is tomorrow";
pub(super) const HEALTH_TEXT: &str = "canary: your biopsy showed a melanoma";

/// Everything random of a world.
pub(super) struct Dice(StdRng);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    pub(super) fn one_of<T: Clone>(&mut self, many: &[T]) -> T {
        many.choose(&mut self.0).expect("there is something to choose from").clone()
    }

    pub(super) fn is_in(&mut self, percent: u32) -> bool {
        self.0.random_range(0..100) < percent
    }

    pub(super) fn shuffle<T>(&mut self, many: &mut [T]) {
        many.shuffle(&mut self.0);
    }
}

/// A tenant with an account for each channel; which vendor texts go by is drawn as well.
pub(super) async fn clinic(world: &World, seed: u64) -> Clinic {
    let settings = json!({
        "admission": { "per_second": 4_000, "burst": 8_000 },
        "retry": { "initial_ms": 50, "cap_ms": 200, "max_failures": 4 },
    });
    Clinic::open(&world.server, &format!("way-in-{seed}"), settings).await
}

/// The vendor of a world's text messages.
pub(super) fn sms_vendor(dice: &mut Dice) -> Vendor {
    dice.one_of(&[Vendor::Twilio, Vendor::VonageSms, Vendor::VonageMessages])
}

/// A policy: a preset or what holds without one, with registration, hours, caps and the guard as drawn.
pub(super) fn policy(dice: &mut Dice, is_open: bool) -> GatePolicy {
    let start = [Some(Preset::Medical), Some(Preset::Orthodontics), None];
    let mut policy = dice.one_of(&start).map_or_else(GatePolicy::default, GatePolicy::preset);
    policy.practice = Practice {
        name: "Maple Dental".to_owned(),
        postal_address: "1 Example Street, Springfield, IL 62701".to_owned(),
        phone: "+12025550143".to_owned(),
        portal_url: "https://portal.example".to_owned(),
        zones: vec!["UTC".to_owned()],
        ..Practice::default()
    };
    let is_approved = is_open || dice.is_in(50);
    policy.registration.sms = if is_approved { Registration::Registered } else { Registration::Missing };
    policy.contact_hours.sms = None;
    if !is_open && is_approved {
        // An hour that is far from now, on anybody's clock.
        let hour = (Clock::system().now() + 6.hours()).to_zoned(jiff::tz::TimeZone::UTC).hour();
        let hours = json!({ "from": format!("{hour:02}:00:00"), "until": format!("{hour:02}:59:00") });
        policy.contact_hours.sms = serde_json::from_value(hours).expect("hours of a day");
    }
    let handling = [PhiHandling::Off, PhiHandling::Block, PhiHandling::Replace];
    policy.phi.by_channel =
        BTreeMap::from([Channel::Sms, Channel::Email].map(|channel| (channel, dice.one_of(&handling))));
    policy.identification.sms = dice.one_of(&[SmsIdentification::Off, SmsIdentification::Every]);
    let few = Caps { per_day: Some(3), ..Caps::default() };
    let refusing = Caps { when_reached: WhenReached::Refuse, ..few };
    policy.caps = dice.one_of(&[Caps::default(), Caps::default(), few, refusing]);
    if dice.is_in(60) {
        policy.unknown_address.insert(Purpose::Transactional, UnknownAddress::CallerAttests);
    }
    policy
}

/// Somebody whom the tenant keeps.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) id: String,
    pub(super) phone: String,
    pub(super) email: String,
    pub(super) inbox: Option<String>,
}

/// How somebody is recorded; nobody's id yet.
pub(super) fn person(dice: &mut Dice, seed: u64, number: usize) -> (Value, Person) {
    let own = phone(usize::try_from(seed).expect("a small number") * 20 + number);
    let phone = match number {
        // Two people read there.
        1 => phone(usize::try_from(seed).expect("a small number") * 20),
        2 => UNROUTABLE.to_owned(),
        3 => UNDELIVERED.to_owned(),
        4 => STUTTERS.to_owned(),
        _ => own,
    };
    let email = format!("pat.{number}.{seed}@example.com");
    let inbox = dice.is_in(60).then(|| format!("patient-{number}"));
    let mut points =
        vec![json!({ "channel": "sms", "address": phone }), json!({ "channel": "email", "address": email })];
    points.extend(inbox.iter().map(|inbox| json!({ "channel": "in_app", "address": inbox })));
    let mut body = json!({ "external_id": format!("p-{number}"), "given_name": "Canary", "contact_points": points });
    if let Some(zone) = dice.one_of(&[None, Some("UTC"), Some("America/Chicago"), Some("Pacific/Honolulu")]) {
        body["zone"] = json!(zone);
    }
    (body, Person { id: String::new(), phone, email, inbox })
}

/// Consents of somebody: by channel, purposes (none: all), and whether in writing.
pub(super) fn consents(dice: &mut Dice, number: usize) -> Vec<(Channel, Vec<Purpose>)> {
    // Those whose numbers fail must be called for that.
    if (2..=4).contains(&number) {
        return vec![(Channel::Sms, Vec::new()), (Channel::Email, Vec::new())];
    }
    let mut given = Vec::new();
    for channel in [Channel::Sms, Channel::Email] {
        let care = vec![Purpose::Transactional, Purpose::Treatment];
        match dice.one_of(&[0, 0, 0, 1, 1, 2, 3]) {
            0 => given.extend([(channel, Vec::new()), (channel, vec![Purpose::Marketing])]),
            1 => given.push((channel, Vec::new())),
            2 => given.push((channel, care)),
            _ => {}
        }
    }
    given
}

/// Why it is sent: purposes, and types that bring theirs along.
pub(super) fn reason(dice: &mut Dice) -> Value {
    let purposes = Purpose::ALL.map(|purpose| json!({ "purpose": purpose.as_str() }));
    let types = ["appointment_reminder", "medication_reminder", "payment_overdue", "running_late", "birthday"];
    let types = types.map(|key| json!({ "type": key }));
    let all: Vec<Value> = purposes.into_iter().chain(types).chain([json!({})]).collect();
    dice.one_of(&all)
}

/// Words for every channel, and whether they speak of health.
pub(super) fn content(dice: &mut Dice) -> Value {
    if dice.is_in(30) {
        json!({ "subject": "canary melanoma", "body": HEALTH_TEXT })
    } else {
        json!({ "subject": "canary visit", "body": PLAIN_TEXT })
    }
}

/// A plan for somebody who has these addresses.
pub(super) fn plan(dice: &mut Dice, has_inbox: bool) -> Value {
    let mut channels = dice.one_of(&[
        vec!["sms"],
        vec!["sms"],
        vec!["email"],
        vec!["sms", "email"],
        vec!["sms", "email"],
        vec!["email", "sms"],
    ]);
    if has_inbox && dice.is_in(30) {
        channels.push("in_app");
    }
    let strategy = if dice.is_in(30) { "all" } else { "fallback" };
    json!({ "channels": channels, "strategy": strategy })
}
