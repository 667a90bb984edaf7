//! Hours of days and weeks, and when a moment outside of them comes to its end.

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::types::QuietHours;

const DAY_S: i64 = 86_400;

/// A stretch of a day, which does not go over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayHours {
    /// The first moment of it.
    pub from: Time,
    /// The first moment after it.
    pub until: Time,
}

/// Hours of a state; none: nothing on these days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateHours {
    /// Monday to Friday.
    pub weekdays: Option<DayHours>,
    /// Saturday.
    pub saturday: Option<DayHours>,
    /// Sunday.
    pub sunday: Option<DayHours>,
}

/// Open hours of each day of a week, in seconds of the wall clock, Monday first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Week([Stretch; 7]);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Stretch {
    from_s: i64,
    until_s: i64,
}

impl From<DayHours> for Stretch {
    fn from(hours: DayHours) -> Self {
        Self { from_s: second_of_day(hours.from), until_s: second_of_day(hours.until) }
    }
}

impl From<DayHours> for Week {
    fn from(hours: DayHours) -> Self {
        Self([hours.into(); 7])
    }
}

impl From<StateHours> for Week {
    fn from(hours: StateHours) -> Self {
        let stretch = |hours: Option<DayHours>| hours.map(Stretch::from).unwrap_or_default();
        let mut days = [stretch(hours.weekdays); 7];
        days[5] = stretch(hours.saturday);
        days[6] = stretch(hours.sunday);
        Self(days)
    }
}

fn second_of_day(time: Time) -> i64 {
    i64::from(time.hour()) * 3_600 + i64::from(time.minute()) * 60 + i64::from(time.second())
}

/// When something is open on a wall clock.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OpenHours<'a> {
    /// Within these hours.
    Within(&'a Week),
    /// Outside of these.
    Outside(QuietHours),
}

impl OpenHours<'_> {
    /// Seconds of the wall clock until it opens; 0: it is open; none: it never does.
    fn opens_in_s(self, weekday: Weekday, second: i64) -> Option<i64> {
        match self {
            Self::Within(week) => week.opens_in_s(weekday, second),
            Self::Outside(quiet) => Some(closed_for_s(quiet, second)),
        }
    }

    /// The first moment, not before `at`, at which it is open in this zone; none: there is none.
    ///
    /// The wall clock decides. Where it jumps on the way, the moment of the jump is looked at as any other: hours that begin
    /// within a gap begin with the jump, and hours that come twice are open twice.
    pub(crate) fn next_open(self, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
        let mut at = at;
        loop {
            let local = zone.to_datetime(at);
            let wait_s = self.opens_in_s(local.weekday(), second_of_day(local.time()))?;
            if wait_s == 0 {
                return Some(at);
            }
            let opens_at = Timestamp::from_second(at.as_second().checked_add(wait_s)?).ok()?;
            match zone.following(at).next() {
                Some(jump) if jump.timestamp() <= opens_at => at = jump.timestamp(),
                _ => return Some(opens_at),
            }
        }
    }
}

impl Week {
    fn opens_in_s(&self, weekday: Weekday, second: i64) -> Option<i64> {
        let today = usize::from(weekday.to_monday_zero_offset().unsigned_abs());
        // The eighth day is today's weekday again, for what begins before the present time of day.
        (0..=7_i64).zip(self.0.iter().cycle().skip(today)).find_map(|(days, stretch)| {
            let from_s = days * DAY_S + stretch.from_s;
            let until_s = days * DAY_S + stretch.until_s;
            (stretch.from_s < stretch.until_s && second < until_s).then(|| (from_s - second).max(0))
        })
    }
}

fn closed_for_s(quiet: QuietHours, second: i64) -> i64 {
    let (from_s, until_s) = (second_of_day(quiet.from), second_of_day(quiet.until));
    let is_over_midnight = from_s > until_s;
    match () {
        () if from_s <= second && second < until_s => until_s - second,
        () if is_over_midnight && second >= from_s => DAY_S - second + until_s,
        () if is_over_midnight && second < until_s => until_s - second,
        () => 0,
    }
}
