//! Bounds of the settings, and how they are read and patched. Faults are named by JSON pointer.

use serde_json::Value;
use serde_path_to_error::Segment;

use crate::TenancyError;
use crate::error::FieldProblem;
use crate::types::{RetrySettings, TenantSettings};

const THIRTY_DAYS_HOURS: u32 = 720;
const WEEK_MINUTES: u32 = 10_080;

/// Checks every bound; the first fault is named.
pub(crate) fn check(settings: &TenantSettings) -> Result<(), FieldProblem> {
    const RATE: &str = "must be between 1 and 1,000,000";
    const HOURS: &str = "must be between 1 and 720 hours";
    let ttl = settings.message_ttl_hours;
    let wait = settings.receipt_wait_hours;
    let rate = |value: u32| (1..=1_000_000).contains(&value);
    let hours = |value: u32| (1..=THIRTY_DAYS_HOURS).contains(&value);
    let table = [
        (rate(settings.admission.per_second), "/admission/per_second", RATE),
        (rate(settings.admission.burst), "/admission/burst", RATE),
        (settings.send_per_second.is_none_or(rate), "/send_per_second", RATE),
        ((1..=1_000).contains(&settings.weight), "/weight", "must be between 1 and 1,000"),
        // DEL-2: no longer than the deployment keeps messages at least (`CAREPOST_RETENTION_DAYS`), because a replayed key
        // answers with its message's status.
        (hours(settings.idempotency_window_hours), "/idempotency_window_hours", HOURS),
        ((1..=100_000_000).contains(&settings.max_waiting), "/max_waiting", "must be between 1 and 100,000,000"),
        (hours(ttl.emergency), "/message_ttl_hours/emergency", HOURS),
        (hours(ttl.urgent), "/message_ttl_hours/urgent", HOURS),
        (hours(ttl.normal), "/message_ttl_hours/normal", HOURS),
        (hours(ttl.bulk), "/message_ttl_hours/bulk", HOURS),
        (hours(wait.sms), "/receipt_wait_hours/sms", HOURS),
        (hours(wait.email), "/receipt_wait_hours/email", HOURS),
        (hours(wait.in_app), "/receipt_wait_hours/in_app", HOURS),
        (hours(wait.push), "/receipt_wait_hours/push", HOURS),
        (hours(wait.voice), "/receipt_wait_hours/voice", HOURS),
        ((1..=WEEK_MINUTES).contains(&settings.unknown.hold_minutes), "/unknown/hold_minutes", "must be 1 to 10,080"),
    ];
    match table.into_iter().find(|(holds, ..)| !holds) {
        Some((_, pointer, problem)) => Err(FieldProblem::new(pointer, problem)),
        None => check_retry(&settings.retry),
    }
}

fn check_retry(retry: &RetrySettings) -> Result<(), FieldProblem> {
    let cap_holds = retry.cap_ms >= retry.initial_ms && retry.cap_ms <= 86_400_000;
    let table = [
        ((10..=3_600_000).contains(&retry.initial_ms), "/retry/initial_ms", "must be between 10 and 3,600,000"),
        // A NaN is in no range.
        ((1.0..=10.0).contains(&retry.multiplier), "/retry/multiplier", "must be between 1 and 10"),
        (cap_holds, "/retry/cap_ms", "must be at least initial_ms and at most 86,400,000"),
        ((1..=100).contains(&retry.max_failures), "/retry/max_failures", "must be between 1 and 100"),
    ];
    match table.into_iter().find(|(holds, ..)| !holds) {
        Some((_, pointer, problem)) => Err(FieldProblem::new(pointer, problem)),
        None => Ok(()),
    }
}

/// Reads settings; absent fields take their defaults, unknown ones are refused.
pub(crate) fn parse(value: Value) -> Result<TenantSettings, FieldProblem> {
    refuse_lists(&value)?;
    let settings: TenantSettings = serde_path_to_error::deserialize(value)
        .map_err(|error| FieldProblem::new(pointer(error.path()), problem(error.inner())))?;
    check(&settings)?;
    Ok(settings)
}

/// Serde would read a list as an object without names: fields in the order in which we happen to declare them.
fn refuse_lists(value: &Value) -> Result<(), FieldProblem> {
    const PROBLEM: &str = "must be an object";
    let Value::Object(fields) = value else { return Err(FieldProblem::new("", PROBLEM)) };
    let is_list = |(name, field): &(&String, &Value)| field.is_array() && name.as_str() != "paused_channels";
    match fields.iter().find(is_list) {
        Some((name, _)) => Err(FieldProblem::new(format!("/{}", escaped(name)), PROBLEM)),
        None => Ok(()),
    }
}

impl TenantSettings {
    /// These settings with a merge patch (RFC 7396) applied; `null` brings a field back to its default.
    ///
    /// # Errors
    /// `Invalid` names the wrong field.
    pub fn patched(&self, changes: &Value) -> Result<Self, TenancyError> {
        Ok(patch(self, changes)?)
    }
}

/// Applies a merge patch (RFC 7396): `null` brings a field back to its default.
pub(crate) fn patch(settings: &TenantSettings, patch: &Value) -> Result<TenantSettings, FieldProblem> {
    if !patch.is_object() {
        return Err(FieldProblem::new("", "must be an object"));
    }
    let mut value = serde_json::to_value(settings).map_err(|_| FieldProblem::new("", "cannot be written as JSON"))?;
    merge(&mut value, patch);
    parse(value)
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(fields) = target else { return };
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        let name = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => escaped(key),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&name);
    }
    pointer
}

/// A name in a JSON pointer (RFC 6901).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Serde's own text repeats the value: only its kind is kept.
fn problem(error: &serde_json::Error) -> &'static str {
    let text = error.to_string();
    let kinds = [
        ("unknown field", "is not a field that is known here"),
        ("unknown variant", "is not one of the values that are known here"),
        ("invalid type", "has the wrong type"),
        ("invalid value", "is out of range for its type"),
    ];
    kinds.into_iter().find(|(start, _)| text.starts_with(start)).map_or("is not valid", |(_, problem)| problem)
}
