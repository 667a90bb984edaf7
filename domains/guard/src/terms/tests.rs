//! Terms in lines of words.

use super::*;

const TEXT: &str = "
[conditions.en]
diabetes, type 2 diabetes, cancer
[procedures.en]
crown ~ tooth, porcelain
root canal
! cancer society
[procedures.es]
corona ~ muela
[drugs.en]
-pril, -statin
! grand april
";

#[track_caller]
fn check(text: &str, expected: &[(FindingKind, usize, usize)]) {
    let terms =
        Terms::compile(&Dictionary::parse(TEXT).unwrap(), &["lake plan".to_owned()], &["root canal club".to_owned()]);
    let words = Words::of(&Folded::of(text));
    let names = [Words::of(&Folded::of("Bright Root Canal")).line().to_owned()];
    let found = terms.unwrap().find(&words, &names);
    let found: Vec<_> = found.into_iter().map(|term| (term.kind, term.first, term.last)).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn con_016_terms_are_whole_words_in_any_case() {
    check("A ROOT CANAL", &[(FindingKind::Procedure, 1, 2)]);
    check("rootcanals", &[(FindingKind::Procedure, 0, 0)]);
    check("root. Canal", &[]);
    check("diabetesx cancers", &[(FindingKind::Condition, 1, 1)]);
    check("", &[]);
}

#[test]
fn con_016_endings_find_what_is_not_listed() {
    check("take trandolapril", &[(FindingKind::Drug, 1, 1)]);
    check("two newstatins", &[(FindingKind::Drug, 1, 1)]);
    check("april 3, xapril, trandolaprilx, 1234pril", &[]);
    check("root canal and Trandolapril", &[(FindingKind::Procedure, 0, 1), (FindingKind::Drug, 3, 3)]);
}

#[test]
fn con_016_the_longest_term_stands() {
    check("type 2 diabetes", &[(FindingKind::Condition, 0, 2)]);
    check("diabetes, type 2", &[(FindingKind::Condition, 0, 0)]);
}

#[test]
fn con_016_everyday_words_need_a_companion_near() {
    check("Crown Point", &[]);
    check("your crown for tooth 14", &[(FindingKind::Procedure, 1, 1)]);
    check("the tooth one two three four five six crown", &[(FindingKind::Procedure, 8, 8)]);
    check("the tooth one two three four five six seven crown", &[]);
    check("Crown Point. Bring your tooth brush", &[]);
    check("porcelain crowns", &[(FindingKind::Procedure, 1, 1)]);
    check("coronas para sus muelas", &[(FindingKind::Procedure, 0, 0)]);
}

#[test]
fn grd_3_names_and_ignored_phrases_are_no_findings() {
    check("the cancer society", &[]);
    check("the cancer society and cancer", &[(FindingKind::Condition, 4, 4)]);
    check("root canal club", &[]);
    check("Bright Root Canal calling", &[]);
    check("our lake plans", &[(FindingKind::OwnTerm, 1, 2)]);
}

#[test]
fn a_tenants_own_lists_are_checked() {
    let make = |extra: &[&str], ignored: &[&str]| {
        let list = |terms: &[&str]| terms.iter().map(|term| (*term).to_owned()).collect::<Vec<_>>();
        Terms::compile(Dictionary::shipped(), &list(extra), &list(ignored)).err()
    };
    assert_eq!(make(&["fine"], &["too"]), None);
    assert!(matches!(make(&["fine", "."], &[]), Some(GuardError::Term { position: 1, .. })));
    assert!(matches!(make(&[], &["a, b"]), Some(GuardError::Term { position: 0, .. })));
    assert_eq!(make(&vec!["term"; MOST_TERMS], &[]), Some(GuardError::TooMany { most: MOST_TERMS }));
}
