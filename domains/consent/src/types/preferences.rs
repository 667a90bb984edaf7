//! What a recipient wishes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use serde::{Deserialize, Serialize};

use carepost_kernel::{Channel, Topic};

use super::{Actor, ConsentSource};

/// What a recipient wishes, as the preference page and the API show it. Left out: as the practice has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Preferences {
    /// Channels that are not wanted, by topic.
    pub off: BTreeMap<Topic, BTreeSet<Channel>>,
    /// The channel that is tried first, where the plan has it.
    pub first_channel: Option<Channel>,
    /// Nothing between these times of the recipient's own day, beside the practice's hours.
    pub quiet: Option<QuietHours>,
    /// At most so many messages a week that are not urgent, over all topics but care.
    pub most_per_week: Option<u16>,
    /// Messages of these topics come gathered, at a set time.
    pub digest: Option<Digest>,
}

/// What a recipient wishes now, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PreferencesRecord {
    /// The wishes.
    pub preferences: Preferences,
    /// Grows by one with each change; 0 where nothing was ever said.
    pub version: i64,
    /// When they changed last.
    pub updated_at: Option<Timestamp>,
}

/// What a recipient wished once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreferenceVersion {
    /// The wishes.
    pub preferences: Preferences,
    /// Which version.
    pub version: i64,
    /// How they came to us.
    pub source: ConsentSource,
    /// Who wrote them down.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
}

/// Terms of messaging that a recipient has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedTerms {
    /// Which version of the terms.
    pub terms_version: String,
    /// In which language.
    pub language: Option<String>,
    /// How we know.
    pub source: ConsentSource,
    /// Who wrote it down.
    pub actor: Actor,
    /// When.
    pub accepted_at: Timestamp,
}

/// A stretch of every day; it may go over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// Local time at which it begins.
    pub from: Time,
    /// Local time at which it ends.
    pub until: Time,
}

/// Messages are held until a time of day, on set days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    /// Of which topics.
    pub topics: BTreeSet<Topic>,
    /// The time of the recipient's day.
    pub at: Time,
    /// On this day of the week; none: daily.
    #[serde(with = "weekday")]
    pub on: Option<Weekday>,
}

/// A day of the week by its English name in small letters.
mod weekday {
    use jiff::civil::Weekday;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    const NAMES: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

    pub(super) fn serialize<S: Serializer>(day: &Option<Weekday>, serializer: S) -> Result<S::Ok, S::Error> {
        let name = day.and_then(|day| NAMES.get(usize::from(day.to_monday_zero_offset().unsigned_abs())));
        name.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Weekday>, D::Error> {
        let Some(name) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let at = NAMES.iter().position(|known| *known == name);
        let day = at.and_then(|at| i8::try_from(at).ok()).and_then(|at| Weekday::from_monday_zero_offset(at).ok());
        day.map(Some).ok_or_else(|| serde::de::Error::custom("must be a day of the week, as in monday"))
    }
}
