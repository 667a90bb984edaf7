//! Starting points for kinds of practices (decisions C08 and C09).

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::time;
use serde::{Deserialize, Serialize};

use carepost_kernel::{Channel, PhiHandling, Purpose};

use super::{
    Caps, GatePolicy, Identification, PhiRules, Registration, Registrations, Reminders, SmsIdentification,
    UnknownAddress, WhenReached,
};

/// A kind of practice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// A general medical practice.
    Medical,
    /// An orthodontist.
    Orthodontics,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Medical, Self::Orthodontics];
}

/// The policy of a preset: everything that the law and the carriers ask for, and reminders as such practices send them.
pub(super) fn policy(preset: Preset) -> GatePolicy {
    let reminders = match preset {
        Preset::Medical => Reminders { hours_before: BTreeSet::from([24, 2]), morning_of_at: None },
        Preset::Orthodontics => Reminders { hours_before: BTreeSet::from([48]), morning_of_at: Some(time(8, 0, 0, 0)) },
    };
    // Who is not known here has given no consent that could be shown.
    let known_only = Purpose::ALL.into_iter().filter(|purpose| *purpose != Purpose::Emergency);
    let open = [Channel::Sms, Channel::Email, Channel::Push, Channel::Voice];
    GatePolicy {
        unknown_address: known_only.map(|purpose| (purpose, UnknownAddress::Refuse)).collect(),
        caps: Caps {
            per_day: Some(4),
            per_week: Some(12),
            marketing_per_week: Some(2),
            when_reached: WhenReached::Wait,
        },
        phi: PhiRules {
            by_channel: open.into_iter().map(|channel| (channel, PhiHandling::Replace)).collect::<BTreeMap<_, _>>(),
            ..PhiRules::default()
        },
        identification: Identification { sms: SmsIdentification::First, email_footer: true },
        registration: Registrations { sms: Registration::Missing, email: Registration::NotNeeded },
        reminders,
        ..GatePolicy::default()
    }
}
