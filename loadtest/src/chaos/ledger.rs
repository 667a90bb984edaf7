//! The proof: what was acked, against what is in the database and what the provider saw. Pure.

use std::collections::{BTreeMap, HashMap, HashSet};

use carepost_kernel::{AttemptRef, Purpose};
use carepost_providers::simulator::{Call, CallOutcome};
use uuid::Uuid;

use super::callers::written;
use super::courier::{Told, rank};
use super::history;
use super::rows::{End, Entry};
use crate::tally::Ack;
use crate::verdict::offences;

/// From this rank on, news of any attempt counts (DEL-6).
const ANY_ATTEMPT: i16 = 60;
const UNKNOWN: i16 = 20;
/// Evidence that is kept for each fault.
const SHOWN: usize = 5;

/// What may never be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    Lost,
    Doubled,
    Unanswered,
    Refused,
    Unfinished,
    Untraced,
    UnmarkedResend,
    Altered,
    Diverged,
    Groundless,
    Unheard,
    BadHistory,
    Rewritten,
    Panicked,
}

impl Fault {
    pub(crate) const ALL: [Self; 14] = [
        Self::Lost,
        Self::Doubled,
        Self::Unanswered,
        Self::Refused,
        Self::Unfinished,
        Self::Untraced,
        Self::UnmarkedResend,
        Self::Altered,
        Self::Diverged,
        Self::Groundless,
        Self::Unheard,
        Self::BadHistory,
        Self::Rewritten,
        Self::Panicked,
    ];

    /// What is counted.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Lost => "acked but absent (DEL-1)",
            Self::Doubled => "keys with two messages (DEL-2)",
            Self::Unanswered => "keys never answered",
            Self::Refused => "keys refused for good",
            Self::Unfinished => "not final (DEL-1)",
            Self::Untraced => "calls without a start (DEL-4)",
            Self::UnmarkedResend => "unmarked doubles (DEL-5)",
            Self::Altered => "not what the caller wrote",
            Self::Diverged => "not what the provider said (DEL-6)",
            Self::Groundless => "unknown without a ground (DEL-5)",
            Self::Unheard => "receipts never taken",
            Self::BadHistory => "impossible histories",
            Self::Rewritten => "history changed or gone",
            Self::Panicked => "panics in the log",
        }
    }
}

/// How often each fault was found, with the first few.
#[derive(Debug, Default)]
pub(crate) struct Findings(BTreeMap<Fault, (u64, Vec<String>)>);

impl Findings {
    pub(crate) fn add(&mut self, fault: Fault, evidence: String) {
        let (count, shown) = self.0.entry(fault).or_default();
        *count += 1;
        if shown.len() < SHOWN {
            shown.push(evidence);
        }
    }

    pub(crate) fn count(&self, fault: Fault) -> u64 {
        self.0.get(&fault).map_or(0, |(count, _)| *count)
    }

    /// All evidence that is kept, a line each.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().flat_map(|(fault, (_, shown))| shown.iter().map(|line| format!("{}: {line}", fault.text())))
    }
}

/// Everything that is held against each other.
pub(crate) struct Books<'a> {
    pub(crate) acks: &'a [Ack],
    /// Keys whose message may or may not be there.
    pub(crate) unanswered: &'a [u64],
    /// One entry for each row.
    pub(crate) stored: &'a [Uuid],
    pub(crate) ends: &'a [End],
    /// In the order of ids.
    pub(crate) entries: &'a [Entry],
    pub(crate) told: &'a Told,
    /// One clock for all: times and orders can be held against each other.
    pub(crate) is_one_clock: bool,
}

/// What came of a step, where nothing was wrong.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) messages: u64,
    pub(crate) calls: u64,
    pub(crate) acceptances: u64,
    /// Taken by the provider once more, and marked so.
    pub(crate) marked_resends: u64,
    /// Ended as unknown, by their purpose's policy.
    pub(crate) unknown: u64,
    pub(crate) receipts: u64,
    /// Different receipts of them.
    pub(crate) statuses: u64,
    /// Calls by what the provider did to them, where it was not well.
    pub(crate) refused: u64,
    pub(crate) dropped: u64,
    pub(crate) hung: u64,
}

/// All of one message.
struct Life<'a> {
    end: Option<&'a End>,
    entries: Vec<&'a Entry>,
    calls: Vec<(AttemptRef, &'a Call)>,
}

impl Life<'_> {
    /// The entries of this kind and attempt.
    fn of(&self, kind: i16, attempt_no: i16) -> impl Iterator<Item = &Entry> {
        self.entries.iter().copied().filter(move |entry| entry.kind == kind && entry.attempt_no == attempt_no)
    }
}

pub(crate) fn audit(books: &Books<'_>) -> (Findings, Counts) {
    let mut findings = Findings::default();
    promises(books, &mut findings);
    let mut lives: HashMap<Uuid, Life<'_>> = HashMap::with_capacity(books.stored.len());
    let empty = || Life { end: None, entries: Vec::new(), calls: Vec::new() };
    for message_id in books.stored {
        lives.insert(*message_id, empty());
    }
    for end in books.ends {
        lives.entry(end.message_id).or_insert_with(empty).end = Some(end);
    }
    for entry in books.entries {
        lives.entry(entry.message_id).or_insert_with(empty).entries.push(entry);
    }
    for call in &books.told.calls {
        match call.attempt {
            Some(attempt) => {
                lives.entry(attempt.message_id.as_uuid()).or_insert_with(empty).calls.push((attempt, call));
            }
            None => findings.add(Fault::Untraced, "a call that names no attempt".to_owned()),
        }
    }
    let keys: HashMap<Uuid, u64> = books.acks.iter().map(|ack| (ack.message_id, ack.key)).collect();
    let mut counts = first_counts(books);
    for (message_id, life) in &lives {
        trace(books, *message_id, life, &mut findings);
        resends(*message_id, life, &mut findings, &mut counts);
        if let Some(key) = keys.get(message_id) {
            content(*message_id, life, *key, &mut findings);
        }
        match life.end {
            Some(end) => ending(books, end, life, &mut findings, &mut counts),
            None => findings.add(Fault::Unfinished, format!("{message_id} has no delivery")),
        }
        let attempts = life.end.map_or(0, |end| end.attempt_no);
        if let Some(what) = history::fault(&life.entries, attempts, books.is_one_clock) {
            findings.add(Fault::BadHistory, format!("{message_id} {what}"));
        }
    }
    (findings, counts)
}

/// What can be counted without a look at single messages.
fn first_counts(books: &Books<'_>) -> Counts {
    let calls = &books.told.calls;
    let count =
        |is_wanted: fn(&CallOutcome) -> bool| calls.iter().filter(|call| is_wanted(&call.outcome)).count() as u64;
    Counts {
        messages: books.stored.len() as u64,
        calls: calls.len() as u64,
        receipts: books.told.posts,
        statuses: books.told.said.values().map(|said| said.len() as u64).sum(),
        refused: count(|outcome| matches!(outcome, CallOutcome::Refused { .. })),
        dropped: count(|outcome| matches!(outcome, CallOutcome::Dropped { .. })),
        hung: count(|outcome| matches!(outcome, CallOutcome::Hung)),
        ..Counts::default()
    }
}

/// DEL-1 and DEL-2.
fn promises(books: &Books<'_>, findings: &mut Findings) {
    let offences = offences(books.acks, books.unanswered, books.stored);
    for evidence in offences.lost {
        findings.add(Fault::Lost, evidence);
    }
    for evidence in offences.duplicate {
        findings.add(Fault::Doubled, evidence);
    }
    for key in books.unanswered {
        findings.add(Fault::Unanswered, format!("key {key}"));
    }
}

/// DEL-4: each call has a start of its own, which came first.
fn trace(books: &Books<'_>, message_id: Uuid, life: &Life<'_>, findings: &mut Findings) {
    let mut called: HashSet<i16> = HashSet::with_capacity(life.calls.len());
    for (attempt, call) in &life.calls {
        if !called.insert(attempt.attempt_no) {
            findings.add(Fault::Untraced, format!("{message_id} attempt {} is called again", attempt.attempt_no));
        }
        match life.of(history::STARTED, attempt.attempt_no).next() {
            None => findings.add(Fault::Untraced, format!("{message_id} attempt {}", attempt.attempt_no)),
            Some(start) if books.is_one_clock && start.at > call.at => {
                let late = format!("{message_id} attempt {} starts after its call", attempt.attempt_no);
                findings.add(Fault::Untraced, late);
            }
            Some(_) => {}
        }
    }
}

fn is_accepted(call: &Call) -> bool {
    matches!(call.outcome, CallOutcome::Accepted { .. } | CallOutcome::Dropped { .. })
}

/// DEL-5: taken twice only where the policy says so and the history shows it, of each attempt that was not the last.
fn resends(message_id: Uuid, life: &Life<'_>, findings: &mut Findings, counts: &mut Counts) {
    let calls = life.calls.iter().filter(|(_, call)| is_accepted(call));
    let mut accepted: Vec<i16> = calls.map(|(attempt, _)| attempt.attempt_no).collect();
    counts.acceptances += accepted.len() as u64;
    accepted.sort_unstable();
    // The last one is the message; each one before it was doubled by those after it.
    if accepted.pop().is_none() || accepted.is_empty() {
        return;
    }
    let may_resend = life.end.is_some_and(|end| may_resend(end.purpose));
    let is_marked = |attempt_no: &&i16| {
        life.of(history::FINISHED, **attempt_no)
            .any(|entry| entry.code.as_ref().is_some_and(|code| code.ends_with("_may_duplicate")))
    };
    let marked = accepted.iter().filter(is_marked).count();
    if may_resend && marked == accepted.len() {
        counts.marked_resends += marked as u64;
    } else {
        let text = format!(
            "{message_id} was taken {} times, {marked} of the attempts {accepted:?} are marked, allowed: {may_resend}",
            accepted.len() + 1
        );
        findings.add(Fault::UnmarkedResend, text);
    }
}

/// Each call says what the caller wrote, to whom the caller named. The evidence does not repeat it (DEL-9).
fn content(message_id: Uuid, life: &Life<'_>, key: u64, findings: &mut Findings) {
    let written = written(key);
    for (attempt, call) in &life.calls {
        if call.to != written.phone || call.text != written.text {
            let text = format!("{message_id} attempt {} is not what key {key} asked for", attempt.attempt_no);
            findings.add(Fault::Altered, text);
        }
    }
}

/// The tenants' policies: only an emergency is sent again after an unknown outcome.
fn may_resend(purpose: i16) -> bool {
    purpose == Purpose::Emergency.as_i16()
}

/// It has ended, and as the provider said (DEL-1, DEL-6).
fn ending(books: &Books<'_>, end: &End, life: &Life<'_>, findings: &mut Findings, counts: &mut Counts) {
    let End { message_id, state, attempt_no, .. } = *end;
    let stays_unknown = state == UNKNOWN && !may_resend(end.purpose);
    if end.is_open && !stays_unknown {
        findings.add(Fault::Unfinished, format!("{message_id} is in state {state} after attempt {attempt_no}"));
        return;
    }
    let attempts = life.calls.iter().filter(|(_, call)| is_accepted(call)).map(|(attempt, _)| *attempt);
    let news = attempts.flat_map(|attempt| {
        let said = books.told.said.get(&attempt).map(Vec::as_slice).unwrap_or_default();
        said.iter().map(move |word| (attempt.attempt_no, rank(word)))
    });
    let counting = news.filter(|(no, rank)| *rank >= ANY_ATTEMPT || *no == attempt_no).map(|(_, rank)| rank).max();
    match counting {
        Some(rank) if rank == state => {}
        None if stays_unknown => match groundless(end, life) {
            None => counts.unknown += 1,
            Some(why) => findings.add(Fault::Groundless, format!("{message_id} stays unknown, {why}")),
        },
        said => {
            let said = said.map_or_else(|| "nothing".to_owned(), |rank| rank.to_string());
            findings.add(Fault::Diverged, format!("{message_id} ended in state {state}, the provider said {said}"));
        }
    }
}

/// Why the outcome cannot be unknown, if so: nobody was called, the refusal was heard, or the provider was not asked.
///
/// A refusal whose answer was lost on its way leaves the outcome unknown, too: what the engine wrote down decides.
fn groundless(end: &End, life: &Life<'_>) -> Option<String> {
    let attempt_no = end.attempt_no;
    if life.of(history::STARTED, attempt_no).next().is_none() {
        return Some(format!("and attempt {attempt_no} has no start"));
    }
    for (_, call) in life.calls.iter().filter(|(attempt, _)| attempt.attempt_no == attempt_no) {
        let CallOutcome::Refused { code } = &call.outcome else { continue };
        let is_heard = |entry: &Entry| entry.code.as_ref().is_some_and(|written| written.ends_with(code.as_str()));
        if life.of(history::FINISHED, attempt_no).any(is_heard) {
            return Some(format!("and attempt {attempt_no} was refused"));
        }
    }
    let is_asked_after = end.purpose == Purpose::Treatment.as_i16();
    if is_asked_after && life.of(history::LOOKED_UP, attempt_no).next().is_none() {
        return Some(format!("and the provider was not asked after attempt {attempt_no}"));
    }
    None
}

#[cfg(test)]
mod tests;
