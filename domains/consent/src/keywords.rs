//! What a reply to a text message says: opt out, opt in, help, confirm, reschedule (CON-008, CAM-014).
//!
//! A keyword alone always counts; free text counts by rules (`keywords/words.toml`), which are tested on a labelled set
//! (`fixtures/consent/replies.toml`). Doubt goes to staff as [`Reply::Other`], except over an opt-out: revocation holds by any
//! reasonable means (47 CFR 64.1200(a)(10), in force since 2025-04-11, read 2026-11).

mod confirmation;
mod lexicon;
mod plain;

use carepost_kernel::Language;
use serde::{Deserialize, Serialize};

pub use confirmation::{Confirmation, confirmation};

use lexicon::{LEXICON, Lexicon, Topic};
use plain::Plain;

/// What a reply asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// No more messages.
    Stop,
    /// Messages again.
    Start,
    /// Who speaks, and how to reach them.
    Help,
    /// The appointment stands.
    Confirm,
    /// Another time for the appointment, or none.
    Reschedule,
    /// Something for staff to read.
    Other,
}

impl Reply {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Stop, Self::Start, Self::Help, Self::Confirm, Self::Reschedule, Self::Other];

    /// The name in events and metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Help => "help",
            Self::Confirm => "confirm",
            Self::Reschedule => "reschedule",
            Self::Other => "other",
        }
    }
}

/// What is known of whoever replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReplyContext {
    /// The address is opted out at present: a YES opts in again.
    pub is_opted_out: bool,
    /// The language of the person, for replies that have none, such as STOP.
    pub language: Language,
}

/// What a reply was read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// What it asks for.
    pub reply: Reply,
    /// The language to answer in.
    pub language: Language,
    /// It says that the number is somebody else's.
    pub is_wrong_number: bool,
}

/// No text message is longer: ten parts of 153 characters.
const MOST_CHARS: usize = 1_530;

/// Reads a reply. The text is health information: nothing of it is kept.
#[must_use]
pub fn read_reply(text: &str, context: ReplyContext) -> Reading {
    let lexicon = &*LEXICON;
    let plain = Plain::of(text.chars().take(MOST_CHARS), lexicon);
    let (reply, spoken) =
        keyword(&plain, lexicon, context).unwrap_or_else(|| (free_text(&plain, lexicon, context), None));
    let is_wrong_number = reply == Reply::Stop && lexicon.is_wrong_number(&plain.whole);
    let language = spoken.or_else(|| lexicon.language_of(&plain)).unwrap_or(context.language);
    Reading { reply, language, is_wrong_number }
}

/// A keyword alone, and its language where it is of one.
fn keyword(plain: &Plain, lexicon: &Lexicon, context: ReplyContext) -> Option<(Reply, Option<Language>)> {
    let text = plain.core.as_str();
    if let Some(language) = lexicon.opts_in(text).filter(|_| context.is_opted_out) {
        return Some((Reply::Start, language));
    }
    let topics = [
        (Topic::Stop, Reply::Stop),
        (Topic::Start, Reply::Start),
        (Topic::Help, Reply::Help),
        (Topic::Confirm, Reply::Confirm),
        (Topic::Reschedule, Reply::Reschedule),
    ];
    topics.into_iter().find_map(|(topic, reply)| Some((reply, lexicon.exact(topic, text)?)))
}

/// An opt-out weighs most: it is looked for first.
fn free_text(plain: &Plain, lexicon: &Lexicon, context: ReplyContext) -> Reply {
    let text = plain.whole.as_str();
    if lexicon.opts_out(plain) || plain.ends.iter().any(|sentence| lexicon.is_strong(sentence)) {
        return Reply::Stop;
    }
    if context.is_opted_out && lexicon.says(Topic::Start, text) {
        return Reply::Start;
    }
    if lexicon.says(Topic::Reschedule, text) {
        return Reply::Reschedule;
    }
    // With all that is polite taken away, nothing may be left but the confirmation.
    if !plain.is_question && lexicon.says(Topic::Confirm, &plain.core) {
        return Reply::Confirm;
    }
    Reply::Other
}

#[cfg(test)]
mod tests;
