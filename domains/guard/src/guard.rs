//! The guard: a compiled dictionary and the detectors, asked with one text at a time.

use std::sync::{Arc, LazyLock, OnceLock};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::detect::{self, Scene};
use crate::dictionary::Dictionary;
use crate::error::GuardError;
use crate::fold::Folded;
use crate::html;
use crate::name;
use crate::terms::Terms;
use crate::types::{Allowed, Finding, Findings};
use crate::words::Words;

/// Longer texts are not judged, and do not pass (GRD-2). Twice what a rendered template may have.
pub const MAX_TEXT_BYTES: usize = 512 * 1024;

/// The dictionary that a deployment has put in the place of the shipped one, and its guard.
static INSTALLED: OnceLock<(Dictionary, Arc<Guard>)> = OnceLock::new();

/// Finds health information in texts. Compile it once for each dictionary and share it.
pub struct Guard {
    terms: Terms,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guard")
    }
}

impl Guard {
    /// The guard of the shipped dictionary, compiled at its first use.
    #[must_use]
    pub fn shipped() -> Arc<Self> {
        static GUARD: LazyLock<Arc<Guard>> = LazyLock::new(|| {
            Arc::new(Guard::with(Dictionary::shipped(), &[], &[]).expect("a test compiles the shipped dictionary"))
        });
        Arc::clone(&GUARD)
    }

    /// Puts a dictionary in the place of the shipped one, for the whole process: once, at its start, before any text is judged.
    /// Whatever makes guards afterwards builds on it.
    ///
    /// # Errors
    /// Terms that cannot be compiled; `InUse` where another dictionary was installed before.
    pub fn install(dictionary: Dictionary) -> Result<(), GuardError> {
        let guard = Arc::new(Self::with(&dictionary, &[], &[])?);
        let (installed, _) = INSTALLED.get_or_init(|| (dictionary.clone(), guard));
        // The same again changes nothing.
        if *installed == dictionary { Ok(()) } else { Err(GuardError::InUse) }
    }

    /// The guard of the dictionary that is in use: the deployment's own, or else the shipped one.
    #[must_use]
    pub fn in_use() -> Arc<Self> {
        INSTALLED.get().map_or_else(Self::shipped, |(_, guard)| Arc::clone(guard))
    }

    /// The guard of the dictionary that is in use, with a tenant's own terms, and phrases that are no finding there.
    ///
    /// # Errors
    /// As [`Guard::with`].
    pub fn in_use_with(extra: &[String], ignored: &[String]) -> Result<Arc<Self>, GuardError> {
        if extra.is_empty() && ignored.is_empty() {
            return Ok(Self::in_use());
        }
        let dictionary = INSTALLED.get().map_or_else(Dictionary::shipped, |(dictionary, _)| dictionary);
        Self::with(dictionary, extra, ignored).map(Arc::new)
    }

    /// Compiles a dictionary with a tenant's own terms, and phrases that are no finding there (GRD-3): a term that lies
    /// within such a phrase does not count.
    ///
    /// # Errors
    /// A term that cannot be looked for, or too many of them.
    pub fn with(dictionary: &Dictionary, extra: &[String], ignored: &[String]) -> Result<Self, GuardError> {
        Ok(Self { terms: Terms::compile(dictionary, extra, ignored)? })
    }

    /// Judges a plain text: an SMS, a subject, the text part of an email.
    #[must_use]
    pub fn find(&self, text: &str, allowed: &Allowed, now: Timestamp) -> Findings {
        self.judge(text, Folded::of, allowed, now)
    }

    /// Judges what a reader would see of an HTML body. Ranges are those of the HTML itself.
    #[must_use]
    pub fn find_in_html(&self, html: &str, allowed: &Allowed, now: Timestamp) -> Findings {
        self.judge(html, html::visible, allowed, now)
    }

    /// Judges the name of an attachment, or the address of a picture, by what can be read off it. Ranges are those of the name.
    #[must_use]
    pub fn find_in_name(&self, name: &str, allowed: &Allowed, now: Timestamp) -> Findings {
        let written = self.judge(name, name::as_written, allowed, now);
        written.or(self.judge(name, name::in_words, allowed, now))
    }

    fn judge(&self, text: &str, fold: fn(&str) -> Folded, allowed: &Allowed, now: Timestamp) -> Findings {
        if text.len() > MAX_TEXT_BYTES {
            return Findings::too_long();
        }
        let folded = fold(text);
        let words = Words::of(&folded);
        let today = now.to_zoned(TimeZone::UTC).date();
        let scene = Scene { folded: &folded, words: &words, allowed, today };
        let mut found: Vec<Finding> = Vec::new();
        for span in detect::identifiers(&scene) {
            found.push(Finding { kind: span.kind, range: folded.source(&span.folded) });
        }
        let mut emails = detect::emails(&scene).map(|(span, _)| span.folded).peekable();
        for term in self.terms.find(&words, &allowed.names) {
            let place = words.folded(term.first, term.last);
            // A word of somebody's email address is not a word about somebody.
            while emails.next_if(|email| email.end <= place.start).is_some() {}
            if emails.peek().is_none_or(|email| email.start >= place.end) {
                found.push(Finding { kind: term.kind, range: folded.source(&place) });
            }
        }
        Findings::new(found)
    }
}

#[cfg(test)]
mod tests;
