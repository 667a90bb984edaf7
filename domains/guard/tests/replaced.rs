//! A deployment's own dictionary, which stands in for the shipped one. A process of its own: it is installed once.

use carepost_guard::{Allowed, Dictionary, FindingKind, Guard, GuardError};

#[test]
fn con_016_a_deployment_replaces_the_dictionary_once_and_for_all_that_is_made_afterwards() {
    let now = "2026-11-22T12:00:00Z".parse().expect("an instant");
    let dictionary = Dictionary::of_deployment("[drugs.en]\nzorblaxin\n").expect("in form");
    let kinds = |guard: &Guard, text: &str| guard.find(text, &Allowed::default(), now).kinds();
    let drug = std::iter::once(FindingKind::Drug).collect();
    assert!(kinds(&Guard::in_use(), "Your zorblaxin is ready").is_empty(), "not a word of the shipped one");
    assert_eq!(kinds(&Guard::in_use(), "Your metformin is ready"), drug);

    Guard::install(dictionary.clone()).expect("the first");
    let own = ["smile club".to_owned()];
    for guard in [Guard::in_use(), Guard::in_use_with(&own, &[]).expect("in form")] {
        assert_eq!(kinds(&guard, "Your zorblaxins are ready"), drug);
        assert!(kinds(&guard, "Your metformin is ready").is_empty(), "only what the deployment has in it");
        assert!(!kinds(&guard, "SSN 123-45-6789").is_empty(), "identifiers are not the dictionary's business");
    }
    assert!(!kinds(&Guard::in_use_with(&own, &[]).expect("in form"), "See you at the smile club").is_empty());

    assert_eq!(Guard::install(dictionary), Ok(()), "the same again");
    let another = Dictionary::of_deployment("[drugs.en]\nquuxapril\n").expect("in form");
    assert_eq!(Guard::install(another), Err(GuardError::InUse));
}
