//! When an appointment is recalled to mind (decision C08, CAM-013).

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::policy::Reminders;

/// The times of the reminders of a visit, in order. Those that lie before the booking are left out, and so is a morning that
/// comes after the visit.
#[must_use]
pub fn reminder_times(
    reminders: &Reminders,
    visit_at: Timestamp,
    booked_at: Timestamp,
    zone: &TimeZone,
) -> Vec<Timestamp> {
    let before = reminders.hours_before.iter();
    let before = before.filter_map(|hours| visit_at.checked_sub(SignedDuration::from_hours(i64::from(*hours))).ok());
    let day = zone.to_datetime(visit_at).date();
    let morning = reminders.morning_of_at.map(|time| day.to_datetime(time));
    let morning = morning.and_then(|local| zone.to_ambiguous_timestamp(local).compatible().ok());
    let mut times: Vec<Timestamp> = before.chain(morning).filter(|at| booked_at < *at && *at < visit_at).collect();
    times.sort_unstable();
    times.dedup();
    times
}
