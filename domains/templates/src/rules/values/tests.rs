//! Values: each of its kind, bounded, cleaned.

use serde_json::json;

use super::*;

fn variable(name: &str, kind: VariableKind) -> Variable {
    Variable { name: name.to_owned(), kind, required: true, sample: Default::default() }
}

fn values(value: Value) -> Values {
    Values::from(value.as_object().unwrap().clone())
}

fn take_all(variables: &[Variable], given: Value) -> Result<Value, RenderError> {
    take(variables, ["practice.name"].into_iter(), &values(given), (Language::En, "UTC", false))
}

#[test]
fn values_are_read_by_their_kind() {
    use VariableKind::*;
    for (kind, given, read) in [
        (Text, json!("a\u{0}\u{202E}b\nc"), Some(json!("ab\nc"))),
        (Text, json!(5), Some(json!("5"))),
        (Text, json!({}), None),
        (Date, json!("2026-12-03"), Some(json!("2026-12-03"))),
        (Date, json!("3 December"), None),
        (Time, json!("09:30"), Some(json!("09:30:00"))),
        (Time, json!("25:00"), None),
        (DateTime, json!("2026-12-03T09:30:00-05:00"), Some(json!("2026-12-03T14:30:00Z"))),
        (DateTime, json!("2026-12-03"), None),
        (Money, json!("1250"), Some(json!(1250))),
        (Money, json!(12.5), None),
        (Number, json!("2.5"), Some(json!(2.5))),
        (Number, json!("NaN"), None),
        (Bool, json!("true"), Some(json!(true))),
        (Bool, json!(1), None),
        (Url, json!("https://x.example/a?b=c"), Some(json!("https://x.example/a?b=c"))),
        (Url, json!("javascript:x"), None),
        (Url, json!("https://x.example/\"onclick"), None),
        (Url, json!("http://x.example"), None),
        (List, json!(["a", 2]), Some(json!(["a", "2"]))),
        (List, json!("a"), None),
        (List, json!([{}]), None),
    ] {
        let taken = take_all(&[variable("x", kind)], json!({"x": given, "practice.name": "P"}));
        match read {
            Some(read) => assert_eq!(taken.unwrap()["x"], read, "{kind:?} {given}"),
            None => assert!(matches!(taken, Err(RenderError::Variable { .. })), "{kind:?} {given}"),
        }
    }
}

#[test]
fn names_are_nested_or_dotted_and_nothing_else_is_taken() {
    let variables = [variable("a.b", VariableKind::Text), variable("a.c", VariableKind::Text)];
    let given = json!({"a": {"b": "1", "secret": "canary"}, "a.c": "2", "practice": {"name": "P"}, "other": "canary"});
    let taken = take_all(&variables, given).unwrap();
    assert_eq!((&taken["a"], &taken["practice"]["name"]), (&json!({"b": "1", "c": "2"}), &json!("P")));
    assert!(!taken.to_string().contains("canary"));
    let missing = take_all(&variables, json!({"a.b": "1", "a.c": null, "practice.name": "P"})).unwrap_err();
    assert_eq!(missing, RenderError::Missing("a.c".to_owned()));
    let missing = take_all(&variables, json!({"a.b": "1", "a.c": "2"})).unwrap_err();
    assert_eq!(missing, RenderError::Missing("practice.name".to_owned()));
    let optional = [Variable { required: false, ..variable("a", VariableKind::Money) }];
    assert_eq!(take_all(&optional, json!({"practice.name": "P"})).unwrap()["a"], Value::Null);
}

#[test]
fn lists_hold_records_by_declaration_and_are_bounded() {
    let variables = [
        variable("items", VariableKind::List),
        variable("items.name", VariableKind::Text),
        Variable { required: false, ..variable("items.price", VariableKind::Money) },
    ];
    let given = json!({"items": [{"name": "a", "price": "5", "x": "canary"}, {"name": "b"}], "practice.name": "P"});
    let taken = take_all(&variables, given).unwrap();
    assert_eq!(taken["items"], json!([{"name": "a", "price": 5}, {"name": "b", "price": null}]));
    let missing = take_all(&variables, json!({"items": [{}], "practice.name": "P"})).unwrap_err();
    assert_eq!(missing, RenderError::Missing("items.name".to_owned()));
    let long = take_all(&variables[..1], json!({"items": vec!["x"; 1_001], "practice.name": "P"}));
    assert!(matches!(long, Err(RenderError::Variable { .. })));
    let large = take_all(&variables[..1], json!({"items": vec!["x".repeat(1_000); 200], "practice.name": "P"}));
    assert!(matches!(large, Err(RenderError::Bound(_))));
}

#[test]
fn del_9_values_are_in_no_debug_and_no_error() {
    let given = values(json!({"x": "canary"}));
    assert_eq!(format!("{given:?}"), "Values");
    let error =
        take_all(&[variable("x", VariableKind::Date)], json!({"x": "canary", "practice.name": "P"})).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"));
}
