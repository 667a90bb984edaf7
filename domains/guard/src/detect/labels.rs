//! Values that only their label gives away: medical record, insurance, social security numbers without hyphens.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex::Regex;

use crate::detect::numbers::is_ssn;
use crate::detect::{Scene, Span, is_after};
use crate::types::FindingKind;

/// What a label announces, in words of a line.
const LABELS: [(&str, FindingKind); 77] = {
    use FindingKind::{InsuranceId, Mrn, Ssn};
    [
        ("ssn", Ssn),
        ("social security", Ssn),
        ("social", Ssn),
        ("seguro social", Ssn),
        ("nss", Ssn),
        ("itin", Ssn),
        ("tax id", Ssn),
        ("mrn", Mrn),
        ("medical record", Mrn),
        ("medical record number", Mrn),
        ("medical record no", Mrn),
        ("medical record num", Mrn),
        ("record number", Mrn),
        ("record no", Mrn),
        ("health record", Mrn),
        ("chart number", Mrn),
        ("chart no", Mrn),
        ("chart num", Mrn),
        ("chart id", Mrn),
        ("patient id", Mrn),
        ("patient number", Mrn),
        ("patient no", Mrn),
        ("patient num", Mrn),
        ("patient identifier", Mrn),
        ("patient account", Mrn),
        ("expediente", Mrn),
        ("numero de expediente", Mrn),
        ("historia clinica", Mrn),
        ("historial clinico", Mrn),
        ("historial medico", Mrn),
        ("expediente medico", Mrn),
        ("numero de historia", Mrn),
        ("numero de paciente", Mrn),
        ("no de paciente", Mrn),
        ("id de paciente", Mrn),
        ("id del paciente", Mrn),
        ("paciente no", Mrn),
        ("nhc", Mrn),
        ("member id", InsuranceId),
        ("member number", InsuranceId),
        ("member no", InsuranceId),
        ("membership number", InsuranceId),
        ("membership id", InsuranceId),
        ("subscriber id", InsuranceId),
        ("subscriber number", InsuranceId),
        ("subscriber no", InsuranceId),
        ("policy number", InsuranceId),
        ("policy no", InsuranceId),
        ("policy id", InsuranceId),
        ("insurance id", InsuranceId),
        ("insurance number", InsuranceId),
        ("insurance no", InsuranceId),
        ("insurance policy", InsuranceId),
        ("group number", InsuranceId),
        ("group no", InsuranceId),
        ("group id", InsuranceId),
        ("health plan id", InsuranceId),
        ("beneficiary number", InsuranceId),
        ("beneficiary id", InsuranceId),
        ("medicaid", InsuranceId),
        ("medicare", InsuranceId),
        ("medicare number", InsuranceId),
        ("medicaid number", InsuranceId),
        ("mbi", InsuranceId),
        ("poliza", InsuranceId),
        ("numero de poliza", InsuranceId),
        ("numero de afiliado", InsuranceId),
        ("no de afiliado", InsuranceId),
        ("afiliado no", InsuranceId),
        ("numero de afiliacion", InsuranceId),
        ("numero de asegurado", InsuranceId),
        ("id de miembro", InsuranceId),
        ("numero de miembro", InsuranceId),
        ("id de asegurado", InsuranceId),
        ("numero de grupo", InsuranceId),
        ("id de seguro", InsuranceId),
        ("numero de seguro", InsuranceId),
    ]
};
/// Words that may stand between a label and its value.
const FILLERS: [&str; 28] = [
    "is", "es", "no", "num", "numero", "number", "n", "nr", "id", "o", "as", "on", "file", "the", "was", "de", "del",
    "paciente", "patient", "your", "su", "card", "with", "ends", "ending", "in", "termina", "en",
];
const MOST_FILLERS: usize = 5;
/// Words that make four digits the end of a number.
const END_WORDS: [&str; 10] =
    ["last", "ends", "ending", "end", "ultimos", "ultimas", "termina", "terminado", "terminada", "four"];
const LEAST_DIGITS: usize = 4;
const MOST_BYTES: usize = 24;

static AUTOMATON: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::new(LABELS.map(|(label, _)| format!(" {label} "))).expect("the labels are few and fixed")
});

pub(super) fn find(scene: &Scene<'_>, spans: &mut Vec<Span>) {
    for found in AUTOMATON.find_overlapping_iter(scene.words.line()) {
        let place = scene.words.of_line(&(found.start()..found.end()));
        let kind = LABELS.get(found.pattern().as_usize()).map(|(_, kind)| *kind);
        let (Some((first, last)), Some(kind)) = (place, kind) else { continue };
        let value = if kind == FindingKind::Ssn {
            social(scene, first, last)
        } else {
            value_from(scene, after_fillers(scene, last))
        };
        spans.extend(value.map(|folded| Span { kind, folded }));
    }
    // The number of a Medicare beneficiary has a shape of its own (Centers for Medicare and Medicaid Services).
    static MEDICARE: LazyLock<Regex> = LazyLock::new(|| {
        let (letter, either) = ("[ac-hjkmnp-rt-y]", "[ac-hjkmnp-rt-y0-9]");
        let shape = format!("{letter}{either}[0-9]");
        Regex::new(&format!(r"(?-u:\b)[1-9]{shape}-?{shape}-?{letter}{{2}}[0-9]{{2}}(?-u:\b)"))
            .expect("the pattern is fixed")
    });
    let medicare = MEDICARE.find_iter(scene.folded.text()).map(|found| found.range());
    spans.extend(medicare.map(|folded| Span { kind: FindingKind::InsuranceId, folded }));
}

/// The first word after a label that is no filler.
fn after_fillers(scene: &Scene<'_>, last: usize) -> usize {
    let from = last + 1;
    (from..from + MOST_FILLERS).find(|i| !FILLERS.contains(&scene.words.text(*i))).unwrap_or(from + MOST_FILLERS)
}

/// A value that begins with this word: letters, digits and hyphens with enough digits, in a few pieces.
fn value_from(scene: &Scene<'_>, word: usize) -> Option<Range<usize>> {
    let text = scene.folded.text();
    let start = scene.words.get(word)?.folded.start;
    let mut end = start;
    loop {
        let rest = text.get(end..)?;
        let piece = rest.trim_start_matches([' ', '-']);
        let gap = rest.len() - piece.len();
        let length = piece.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'-').count();
        let letters: &str = piece.get(..length)?.trim_end_matches('-');
        let is_prefix = end == start && letters.len() <= 5;
        let has_digits = letters.bytes().any(|byte| byte.is_ascii_digit());
        if letters.is_empty() || gap > 1 || !(is_prefix || has_digits) || end + gap + letters.len() - start > MOST_BYTES
        {
            break;
        }
        end += gap + letters.len();
    }
    let digits = text.get(start..end)?.bytes().filter(u8::is_ascii_digit).count();
    (digits >= LEAST_DIGITS).then_some(start..end)
}

/// Nine digits after or before a label of social security, or the last four of them.
fn social(scene: &Scene<'_>, first: usize, last: usize) -> Option<Range<usize>> {
    let words = scene.words;
    let is_number = |i: &usize| is_ssn(words.text(*i)) && words.text(*i).bytes().all(|byte| byte.is_ascii_digit());
    let is_end = |i: &usize| words.text(*i).len() == 4 && words.text(*i).bytes().all(|byte| byte.is_ascii_digit());
    let after = last + 1..last + 2 + MOST_FILLERS;
    let before = first.saturating_sub(MOST_FILLERS)..first;
    let has_end_word = is_after(words, last + 1 + MOST_FILLERS, 2 * MOST_FILLERS, &END_WORDS);
    let nine = after.clone().chain(before).find(is_number);
    let four = || after.clone().find(is_end).filter(|_| has_end_word);
    nine.or_else(four).and_then(|i| words.get(i)).map(|word| word.folded.clone())
}
