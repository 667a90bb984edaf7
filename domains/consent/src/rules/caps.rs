//! How much one recipient gets: at an address that is theirs alone, on all of their addresses together.

use jiff::{SignedDuration, Timestamp};

use carepost_kernel::{Priority, Purpose, Verdict, WaitReason};

use super::{GateCode, GateQuestion, goes_by_exemption};
use crate::policy::WhenReached;
use crate::types::PastSend;

const DAY: SignedDuration = SignedDuration::from_hours(24);
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// One limit: so many of these sends in a sliding span.
struct Limit {
    most: u16,
    span: SignedDuration,
    counts: fn(&PastSend) -> bool,
    code: GateCode,
}

/// Waits until the span of each limit that is reached has slid on, or refuses where the policy says so.
///
/// The limits are the practice's by day and week, those for marketing, the recipient's own wish, and those of the health-care
/// exemption. The wish is for what is neither urgent nor treatment; to wish for none at all closes the channel.
#[must_use]
pub fn caps(question: &GateQuestion<'_>) -> Verdict {
    if question.is_emergency() {
        return Verdict::Go;
    }
    let passes = question.message_type.is_some_and(|found| found.passes_caps) && !question.is_marketing();
    if !passes && own_wish(question) == Some(0) {
        return GateCode::CapOwnWish.other_channel();
    }
    let mut wait: Option<Timestamp> = None;
    let mut reached = None;
    let mut ask = |limit: Limit| {
        if let Some(free_at) = free_at(question, &limit) {
            wait = wait.max(Some(free_at));
            reached = reached.or(Some(limit.code));
        }
    };
    if !passes {
        practice_limits(question, &mut ask);
        own_limit(question, &mut ask);
    }
    if goes_by_exemption(question) {
        exemption_limits(question, &mut ask);
    }
    match (wait, reached, question.policy.source().caps.when_reached) {
        (Some(_), Some(code), WhenReached::Refuse) => code.refuse(),
        (Some(until), _, _) => Verdict::Wait { until, reason: WaitReason::Caps },
        (None, ..) => Verdict::Go,
    }
}

fn practice_limits(question: &GateQuestion<'_>, ask: &mut impl FnMut(Limit)) {
    let caps = question.policy.source().caps;
    if let Some(most) = caps.per_day {
        ask(Limit { most, span: DAY, counts: is_no_emergency, code: GateCode::CapPerDay });
    }
    if let Some(most) = caps.per_week {
        ask(Limit { most, span: WEEK, counts: is_no_emergency, code: GateCode::CapPerWeek });
    }
    if let Some(most) = caps.marketing_per_week.filter(|_| question.is_marketing()) {
        let counts = |send: &PastSend| send.purpose == Purpose::Marketing;
        ask(Limit { most, span: WEEK, counts, code: GateCode::CapMarketing });
    }
}

fn own_limit(question: &GateQuestion<'_>, ask: &mut impl FnMut(Limit)) {
    if let Some(most) = own_wish(question) {
        let counts = |send: &PastSend| is_no_emergency(send) && send.purpose != Purpose::Treatment;
        ask(Limit { most, span: WEEK, counts, code: GateCode::CapOwnWish });
    }
}

/// The strictest wish of those that count, where it speaks of this message.
fn own_wish(question: &GateQuestion<'_>) -> Option<u16> {
    let is_spared = question.priority <= Priority::Urgent || question.purpose() == Purpose::Treatment;
    let wishes = question.addressed().iter().filter_map(|person| person.preferences.most_per_week);
    wishes.min().filter(|_| !is_spared)
}

fn exemption_limits(question: &GateQuestion<'_>, ask: &mut impl FnMut(Limit)) {
    let limits = question.policy.source().exemption;
    let counts = |send: &PastSend| send.is_exempt;
    ask(Limit { most: limits.per_day, span: DAY, counts, code: GateCode::CapExemption });
    ask(Limit { most: limits.per_week, span: WEEK, counts, code: GateCode::CapExemption });
}

fn is_no_emergency(send: &PastSend) -> bool {
    send.purpose != Purpose::Emergency
}

/// When there is room again, where there is none now: the oldest of the last `most` sends must leave the span.
fn free_at(question: &GateQuestion<'_>, limit: &Limit) -> Option<Timestamp> {
    let now = question.now;
    let counts = |send: &&PastSend| {
        let is_other = send.message_id != question.message_id;
        let is_within = send.at <= now && now < end(send.at, limit.span);
        is_other && is_within && (limit.counts)(send)
    };
    let mut recent = question.facts.sends.iter().rev().filter(counts);
    let last = usize::from(limit.most).saturating_sub(1);
    recent.nth(last).map(|send| end(send.at, limit.span))
}

fn end(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}
