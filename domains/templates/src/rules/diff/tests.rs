//! Differences.

use super::*;
use crate::types::{SmsVariant, Variable, VariableKind};

#[test]
fn only_texts_that_differ_are_told() {
    let mut from = TemplateContent::default();
    from.sms.insert(Language::En, SmsVariant { body: "one\ntwo\n".to_owned() });
    let mut to = from.clone();
    assert!(diff(&from, &to).is_empty());
    to.sms.insert(Language::En, SmsVariant { body: "one\nthree\n".to_owned() });
    to.sms.insert(Language::Es, SmsVariant { body: "uno\n".to_owned() });
    let name = "a".to_owned();
    to.variables.push(Variable { name, kind: VariableKind::Text, required: true, sample: Default::default() });
    let parts = diff(&from, &to);
    let pointers: Vec<&str> = parts.iter().map(|part| part.pointer.as_str()).collect();
    assert_eq!(pointers, ["/sms/en/body", "/sms/es/body", "/variables"]);
    assert!(parts[0].diff.contains("-two\n+three\n"), "{}", parts[0].diff);
    assert_eq!((parts[1].channel, parts[1].language), (Some(Channel::Sms), Some(Language::Es)));
}
