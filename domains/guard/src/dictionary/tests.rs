//! The dictionary's form, and what is shipped in it.

use std::collections::BTreeMap;

use super::*;

#[test]
fn con_016_the_shipped_dictionary_has_hundreds_of_terms_of_each_kind() {
    let dictionary = Dictionary::shipped();
    for (kind, en, es) in
        [(FindingKind::Condition, 500, 400), (FindingKind::Drug, 600, 250), (FindingKind::Procedure, 400, 200)]
    {
        let counts = Language::ALL.map(|language| dictionary.count(kind, language));
        assert!(counts[0] >= en && counts[1] >= es, "{kind:?}: {counts:?}");
    }
}

#[test]
fn the_shipped_dictionary_says_nothing_twice() {
    let mut seen = BTreeMap::new();
    for term in &Dictionary::shipped().terms {
        let form = Words::of(&Folded::of(&term.text)).line().to_owned();
        let before = seen.insert((form, term.language, term.companions.is_empty()), term.kind);
        assert_eq!(before, None, "{}", term.text);
    }
}

#[track_caller]
fn refused(text: &str, line: usize, column: usize) {
    match Dictionary::parse(text) {
        Err(GuardError::Line { line: at, column: from, .. }) => assert_eq!((at, from), (line, column), "{text}"),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn a_dictionary_is_read_line_by_line() {
    let dictionary =
        Dictionary::parse("# head\n[drugs.es]\nácido fólico, hierro, -micina\n\ngota ~ ojo, oído\n! gota a gota\n")
            .unwrap();
    assert_eq!(dictionary.len(), 4);
    assert_eq!(dictionary.endings, [(FindingKind::Drug, "micina".to_owned())]);
    assert_eq!(dictionary.terms[2].companions, ["ojo", "oído"]);
    assert_eq!(dictionary.ignored, [(Language::Es, "gota a gota".to_owned())]);
    assert!(Dictionary::parse("").unwrap().is_empty());
}

#[test]
fn a_line_out_of_form_is_named() {
    refused("term", 1, 1);
    refused("[drugs.fr]", 1, 1);
    refused("  [weather.en]", 1, 3);
    refused("[drugs.en", 1, 1);
    refused("[drugs.en]\nok\n,", 3, 1);
    refused("[drugs.en]\nácido fólico, x, hierro", 2, 15);
    refused("[drugs.en]\nst. john's wort", 2, 1);
    refused("[drugs.en]\none two three four five six seven eight nine", 2, 1);
    refused("[drugs.en]\niron ~", 2, 7);
    refused("[drugs.en]\niron, -mab", 2, 7);
    refused("[drugs.en]\n-two words", 2, 1);
    refused("[drugs.en]\n-zumab ~ dose", 2, 1);
    refused(&format!("[drugs.en]\n{}", "a".repeat(101)), 2, 1);
}

#[test]
fn a_deployments_dictionary_has_terms() {
    assert_eq!(Dictionary::of_deployment("# nothing\n[drugs.en]\n! iron"), Err(GuardError::Empty));
    assert_eq!(Dictionary::of_deployment("[drugs.en]\nzorblaxin").map(|dictionary| dictionary.len()), Ok(1));
}

#[test]
fn a_dictionary_has_a_bound() {
    let text = format!("[drugs.en]\n{}", "term\n".repeat(MOST_TERMS + 1));
    assert_eq!(Dictionary::parse(&text), Err(GuardError::TooMany { most: MOST_TERMS }));
}
