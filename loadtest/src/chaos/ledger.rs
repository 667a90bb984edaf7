//! The proof: what was acked, against what is in the database and what the provider saw. Pure.

use std::collections::{BTreeMap, HashMap, HashSet};

use carepost_kernel::{AttemptRef, Purpose};
use carepost_providers::simulator::{Call, CallOutcome};
use uuid::Uuid;

use super::courier::{Told, rank};
use super::history;
use super::rows::{End, Entry};
use crate::tally::Ack;
use crate::verdict::compare;

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
    Diverged,
    Unheard,
    BadHistory,
    Rewritten,
    Panicked,
}

impl Fault {
    pub(crate) const ALL: [Self; 12] = [
        Self::Lost,
        Self::Doubled,
        Self::Unanswered,
        Self::Refused,
        Self::Unfinished,
        Self::Untraced,
        Self::UnmarkedResend,
        Self::Diverged,
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
            Self::Diverged => "not what the provider said (DEL-6)",
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
}

/// All of one message.
struct Life<'a> {
    end: Option<&'a End>,
    entries: Vec<&'a Entry>,
    calls: Vec<(AttemptRef, &'a Call)>,
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
        if let Some(attempt) = call.attempt {
            lives.entry(attempt.message_id.as_uuid()).or_insert_with(empty).calls.push((attempt, call));
        }
    }
    let mut counts = Counts {
        messages: books.stored.len() as u64,
        calls: books.told.calls.len() as u64,
        receipts: books.told.posts,
        ..Counts::default()
    };
    for (message_id, life) in &lives {
        trace(books, *message_id, life, &mut findings);
        resends(*message_id, life, &mut findings, &mut counts);
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

/// DEL-1 and DEL-2.
fn promises(books: &Books<'_>, findings: &mut Findings) {
    let verdict = compare(books.acks, books.unanswered, books.stored);
    let rows: HashSet<Uuid> = books.stored.iter().copied().collect();
    let mut absent = books.acks.iter().filter(|ack| !rows.contains(&ack.message_id));
    for _ in 0..verdict.lost {
        let named = absent.next().map_or_else(String::new, |ack| format!("{} of key {}", ack.message_id, ack.key));
        findings.add(Fault::Lost, named);
    }
    for _ in 0..verdict.duplicate {
        findings.add(Fault::Doubled, "see the acks".to_owned());
    }
    for key in books.unanswered {
        findings.add(Fault::Unanswered, format!("key {key}"));
    }
}

/// DEL-4: each call has a start, which came first.
fn trace(books: &Books<'_>, message_id: Uuid, life: &Life<'_>, findings: &mut Findings) {
    for (attempt, call) in &life.calls {
        let start =
            life.entries.iter().find(|entry| entry.kind == history::STARTED && entry.attempt_no == attempt.attempt_no);
        match start {
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

/// DEL-5: taken twice only where the policy says so and the history shows it.
fn resends(message_id: Uuid, life: &Life<'_>, findings: &mut Findings, counts: &mut Counts) {
    let accepted = life.calls.iter().filter(|(_, call)| is_accepted(call)).count();
    counts.acceptances += accepted as u64;
    let doubles = accepted.saturating_sub(1);
    if doubles == 0 {
        return;
    }
    let is_mark = |entry: &&&Entry| entry.code.as_ref().is_some_and(|code| code.ends_with("_may_duplicate"));
    let marks = life.entries.iter().filter(is_mark).count();
    let may_resend = life.end.is_some_and(|end| may_resend(end.purpose));
    if may_resend && marks >= doubles {
        counts.marked_resends += doubles as u64;
    } else {
        let text = format!("{message_id} was taken {accepted} times, marked {marks} times, allowed: {may_resend}");
        findings.add(Fault::UnmarkedResend, text);
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
        None if stays_unknown => counts.unknown += 1,
        said => {
            let said = said.map_or_else(|| "nothing".to_owned(), |rank| rank.to_string());
            findings.add(Fault::Diverged, format!("{message_id} ended in state {state}, the provider said {said}"));
        }
    }
}

#[cfg(test)]
mod tests;
