//! The states of the United States: their time zones, and the hours that some of them set.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::StateHours;

/// A state, a district or a territory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Its name.
    pub name: String,
    /// The IANA names of all zones that it lies in.
    pub zones: Vec<String>,
    /// Hours of its own for solicitation.
    #[serde(default)]
    pub hours: Option<StateHours>,
    /// Where the hours stand.
    #[serde(default)]
    pub source: Option<String>,
    /// When they were last looked up.
    #[serde(default)]
    pub read_on: Option<jiff::civil::Date>,
}

/// A row of the table with its zones parsed.
struct Row {
    state: State,
    zones: Vec<TimeZone>,
}

static TABLE: LazyLock<BTreeMap<String, Row>> = LazyLock::new(|| {
    let rows: BTreeMap<String, State> = toml::from_str(include_str!("states.toml"))
        .expect("a test of this file reads the table, which is part of the program");
    let parsed = |zones: &[String]| zones.iter().filter_map(|zone| TimeZone::get(zone).ok()).collect();
    rows.into_iter().map(|(code, state)| (code, Row { zones: parsed(&state.zones), state })).collect()
});

static CONTINENTAL: LazyLock<Vec<TimeZone>> = LazyLock::new(|| {
    let names = ["America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles"];
    names.iter().filter_map(|zone| TimeZone::get(zone).ok()).collect()
});

/// All states, by their two letters.
pub fn states() -> impl Iterator<Item = (&'static str, &'static State)> {
    TABLE.iter().map(|(code, row)| (code.as_str(), &row.state))
}

/// The state of two capital letters.
pub(super) fn by_code(code: &str) -> Option<&'static State> {
    TABLE.get(code).map(|row| &row.state)
}

/// All zones that a state lies in.
pub(crate) fn zones_of_state(code: [u8; 2]) -> Option<&'static [TimeZone]> {
    let row = TABLE.get(std::str::from_utf8(&code).ok()?)?;
    Some(row.zones.as_slice()).filter(|zones| !zones.is_empty())
}

/// Zones of the continental United States, Alaska apart: whoever satisfies all satisfies each.
pub(crate) fn continental_zones() -> &'static [TimeZone] {
    &CONTINENTAL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_each_hour_has_its_source() {
        // 50 states, the district, and five territories that people live in.
        assert_eq!(TABLE.len(), 56);
        assert_eq!(CONTINENTAL.len(), 5);
        for (code, row) in TABLE.iter() {
            assert!(code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()), "{code}");
            assert_eq!(row.zones.len(), row.state.zones.len(), "{code} names a zone that is none");
            assert!(!row.zones.is_empty(), "{code}");
            let State { hours, source, read_on, .. } = &row.state;
            assert_eq!(hours.is_some(), source.is_some() && read_on.is_some(), "{code}");
        }
    }
}
