//! Rulebooks are made with the dictionary of the deployment. A process of its own: it is installed once.

use carepost_consent::policy::GatePolicy;
use carepost_delivery::gate::Rulebook;
use carepost_guard::{Allowed, Dictionary, Guard};

#[test]
fn con_016_every_rulebook_looks_for_the_deployments_own_words() {
    let dictionary = Dictionary::of_deployment("[drugs.en]\nzorblaxin\n").unwrap();
    Guard::install(dictionary).unwrap();
    let mut policy = GatePolicy::default();
    policy.phi.extra_terms = vec!["smile club".to_owned()];
    let own = Rulebook::new(1, policy.compile().unwrap()).unwrap();
    let now = "2026-11-22T12:00:00Z".parse().unwrap();
    for rulebook in [Rulebook::built_in(), own] {
        let is_clean = |text: &str| rulebook.guard().find(text, &Allowed::default(), now).is_clean();
        assert!(!is_clean("Your zorblaxin is ready"), "version {}", rulebook.version());
        assert!(is_clean("Your metformin is ready"), "version {}", rulebook.version());
    }
}
