//! Recall and precision on the labelled set of `fixtures/guard/labelled.toml`: printed, and held to floors.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this crate is tests, and the table is their answer"
)]

use std::collections::{BTreeMap, BTreeSet};

use carepost_guard::{Allowed, FindingKind, Guard, PracticeIdentity};
use jiff::Timestamp;
use serde::Deserialize;

/// The present day of the labelled texts.
const NOW: &str = "2026-11-22T18:00:00Z";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labelled {
    practice: Practice,
    group: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Practice {
    names: Vec<String>,
    phones: Vec<String>,
    emails: Vec<String>,
    addresses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    about: String,
    #[serde(default)]
    held_out: bool,
    texts: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    language: carepost_kernel::Language,
    #[serde(default)]
    form: Form,
    kinds: BTreeSet<FindingKind>,
    text: String,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Form {
    #[default]
    Plain,
    Html,
}

/// Right, missed and wrong findings, counted once for each text and kind.
#[derive(Default, Clone, Copy)]
struct Score {
    right: u32,
    missed: u32,
    wrong: u32,
}

impl Score {
    fn recall(self) -> f64 {
        share(self.right, self.right + self.missed)
    }

    fn precision(self) -> f64 {
        share(self.right, self.right + self.wrong)
    }

    fn add(&mut self, other: Self) {
        self.right += other.right;
        self.missed += other.missed;
        self.wrong += other.wrong;
    }
}

fn share(part: u32, whole: u32) -> f64 {
    if whole == 0 { 1.0 } else { f64::from(part) / f64::from(whole) }
}

#[derive(Default)]
struct Report {
    by_kind: BTreeMap<FindingKind, Score>,
    clean: u32,
    clean_flagged: u32,
    dirty: u32,
    dirty_passed: u32,
}

impl Report {
    fn note(&mut self, expected: &BTreeSet<FindingKind>, found: &BTreeSet<FindingKind>) {
        for kind in expected | found {
            let score = self.by_kind.entry(kind).or_default();
            match (expected.contains(&kind), found.contains(&kind)) {
                (true, true) => score.right += 1,
                (true, false) => score.missed += 1,
                (false, _) => score.wrong += 1,
            }
        }
        if expected.is_empty() {
            self.clean += 1;
            self.clean_flagged += u32::from(!found.is_empty());
        } else {
            self.dirty += 1;
            self.dirty_passed += u32::from(found.is_empty());
        }
    }

    fn sum(&self, is_wanted: impl Fn(FindingKind) -> bool) -> Score {
        let mut sum = Score::default();
        self.by_kind.iter().filter(|(kind, _)| is_wanted(**kind)).for_each(|(_, score)| sum.add(*score));
        sum
    }

    fn print(&self, name: &str) {
        println!("\n{name}: {} with health information, {} clean", self.dirty, self.clean);
        println!("  {:<14} {:>5} {:>6} {:>5}  {:>6}  {:>9}", "kind", "right", "missed", "wrong", "recall", "precision");
        let row = |name: &str, score: Score| {
            let Score { right, missed, wrong } = score;
            let (recall, precision) = (score.recall(), score.precision());
            println!("  {name:<14} {right:>5} {missed:>6} {wrong:>5}  {recall:>6.3}  {precision:>9.3}");
        };
        self.by_kind.iter().for_each(|(kind, score)| row(kind.as_str(), *score));
        row("identifiers", self.sum(FindingKind::is_identifier));
        row("terms", self.sum(|kind| !kind.is_identifier()));
        row("all", self.sum(|_| true));
        println!("  clean texts held back: {}; texts that passed wrongly: {}", self.clean_flagged, self.dirty_passed);
    }

    #[track_caller]
    fn hold_floors(&self, name: &str) {
        let identifiers = self.sum(FindingKind::is_identifier);
        let terms = self.sum(|kind| !kind.is_identifier());
        assert!(identifiers.recall() >= 0.95, "{name}: recall of identifiers {}", identifiers.recall());
        assert!(terms.recall() >= 0.9, "{name}: recall of terms {}", terms.recall());
        assert!(self.sum(|_| true).precision() >= 0.95, "{name}: precision {}", self.sum(|_| true).precision());
    }
}

fn labelled() -> Labelled {
    toml::from_str(include_str!("../../../fixtures/guard/labelled.toml")).unwrap()
}

#[test]
fn con_016_recall_and_precision_on_the_labelled_set() {
    let Labelled { practice: Practice { names, phones, emails, addresses }, group } = labelled();
    let allowed = Allowed::of(&PracticeIdentity { names, phones, emails, addresses });
    let guard = Guard::shipped();
    let now: Timestamp = NOW.parse().unwrap();
    let (mut all, mut held_out) = (Report::default(), Report::default());
    for Group { about, held_out: is_held_out, texts } in group {
        for text in texts {
            let findings = match text.form {
                Form::Html => guard.find_in_html(&text.text, &allowed, now),
                Form::Plain => guard.find(&text.text, &allowed, now),
            };
            let found = findings.kinds();
            if found != text.kinds {
                println!("{about}: expected {:?}, found {found:?}: {}", text.kinds, text.text);
            }
            all.note(&text.kinds, &found);
            if is_held_out {
                held_out.note(&text.kinds, &found);
            }
        }
    }
    all.print("all labelled texts");
    held_out.print("held out");
    all.hold_floors("all");
    held_out.hold_floors("held out");
}

#[test]
fn con_016_the_labelled_set_is_large_enough() {
    let set = labelled();
    let texts = |is_wanted: fn(&Group, &Text) -> bool| {
        set.group.iter().flat_map(|group| group.texts.iter().filter(move |text| is_wanted(group, text))).count()
    };
    let all = texts(|_, _| true);
    let clean = texts(|_, text| text.kinds.is_empty());
    let held_out = texts(|group, _| group.held_out);
    let spanish = texts(|_, text| text.language == carepost_kernel::Language::Es);
    let html = texts(|_, text| text.form == Form::Html);
    println!("{all} texts: {clean} clean, {held_out} held out, {spanish} Spanish, {html} HTML");
    assert!(all >= 300 && clean >= 100 && 3 * held_out >= 300 && spanish >= 90 && html >= 20);
    let mut seen = BTreeSet::new();
    for text in set.group.iter().flat_map(|group| &group.texts) {
        assert!(seen.insert(&text.text), "twice: {}", text.text);
    }
    let kinds: BTreeSet<FindingKind> =
        set.group.iter().flat_map(|group| &group.texts).flat_map(|text| text.kinds.clone()).collect();
    // A tenant's own terms are no part of the shipped dictionary.
    assert_eq!(kinds.len(), FindingKind::ALL.len() - 1);
}
