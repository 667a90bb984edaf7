//! Where on earth it is day or night at this moment: the demonstration shows the same at whatever hour it runs.

use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Zones all around the earth, so that none of the spans below is without one; those of the United States come first.
const ZONES: [&str; 10] = [
    "America/Chicago",
    "America/New_York",
    "America/Los_Angeles",
    "Pacific/Honolulu",
    "Pacific/Guam",
    "Europe/London",
    "Asia/Dubai",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Pacific/Auckland",
];

/// Contact hours are 8:00 to 21:00 where nothing else is set. Both spans keep away from their ends, so that nothing opens
/// or closes while the demonstration runs.
const DAY: Range<i8> = 10..18;
const WAKING: Range<i8> = 5..22;

/// A time zone by its name.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) name: &'static str,
    zone: TimeZone,
}

impl Place {
    /// An instant on the clocks there, as in `2026-11-22 08:00`.
    pub(super) fn clock(&self, at: Timestamp) -> String {
        self.zone.to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string()
    }
}

/// Where people may be written to now.
pub(super) fn by_day(now: Timestamp) -> Option<Place> {
    find(now, |hour| DAY.contains(&hour))
}

/// Where people are asleep now.
pub(super) fn by_night(now: Timestamp) -> Option<Place> {
    find(now, |hour| !WAKING.contains(&hour))
}

fn find(now: Timestamp, suits: impl Fn(i8) -> bool) -> Option<Place> {
    let places = ZONES.into_iter().filter_map(|name| Some(Place { name, zone: TimeZone::get(name).ok()? }));
    places.into_iter().find(|place| suits(place.zone.to_datetime(now).hour()))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn at_every_quarter_of_a_year_it_is_day_somewhere_and_night_somewhere_else() {
        let mut now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        for _ in 0..366 * 24 * 4 {
            let (day, night) = (by_day(now), by_night(now));
            assert!(day.is_some(), "day at {now}");
            assert!(night.is_some(), "night at {now}");
            now += SignedDuration::from_mins(15);
        }
    }

    #[test]
    fn clocks_are_those_of_the_place() {
        let noon: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let night = by_night(noon).unwrap();
        assert_eq!((night.name, night.clock(noon).as_str()), ("America/Los_Angeles", "2026-11-22 04:00"));
    }
}
