//! Which field is named, and that no value is.

use serde_json::{Value, json};

use super::*;
use crate::http::messages::body::{BatchItemBody, CreateMessageBody};

fn fault<'a, T: Deserialize<'a>>(text: &'a str) -> Value {
    let error = parse::<T>(text.as_bytes()).err().unwrap_or_else(|| panic!("{text} was taken"));
    serde_json::to_value(error.view(None)).unwrap()
}

#[test]
fn a_wrong_shape_is_named_by_its_pointer() {
    let table = [
        (json!({"to": {"fone": "+15005550006"}}), "/to/fone", "is not a field that is known here"),
        (json!({"template": "t"}), "/template", "has the wrong type"),
        (json!({"idempotency_key": "k"}), "/idempotency_key", "is not a field that is known here"),
        (json!({"to": {"phone": 15_005_550_006_u64}}), "/to/phone", "has the wrong type"),
        (json!({"to": ["+15005550006"]}), "/to", "has the wrong type"),
        (json!({"to": null}), "/to", "has the wrong type"),
        (json!({"channels": ["sms", "fax"]}), "/channels/1", "is not one of the values that are known here"),
        (json!({"strategy": "some"}), "/strategy", "is not one of the values that are known here"),
        (json!({"content": {"email": ["a", "b"]}}), "/content/email", "has the wrong type"),
        (
            json!({"content": {"email": {"attachments": [["a", "b", "c"]]}}}),
            "/content/email/attachments/0",
            "has the wrong type",
        ),
        (
            json!({"content": {"email": {"attachments": [{"filename": "a", "content_type": "b"}]}}}),
            "/content/email/attachments/0/content_base64",
            "is needed",
        ),
        (json!({"content": {"sms": {"media_urls": "one"}}}), "/content/sms/media_urls", "has the wrong type"),
        (json!({"send_at": "tomorrow"}), "/send_at", "is not in its form"),
        (json!({"metadata": {"pat_canary": 5}}), "/metadata", "has the wrong type"),
        (json!([]), "", "must be an object"),
        (json!([{"phone": "+15005550006"}]), "", "must be an object"),
    ];
    for (body, pointer, detail) in table {
        let problem = fault::<CreateMessageBody>(&body.to_string());
        assert_eq!(problem["code"], "invalid_body", "{body}");
        assert_eq!(problem["errors"], json!([{"pointer": pointer, "detail": detail}]), "{body}");
    }
}

#[test]
fn a_field_that_stands_there_twice_is_refused() {
    let problem = fault::<CreateMessageBody>(r#"{"channels": [], "channels": []}"#);
    assert_eq!(problem["errors"], json!([{"pointer": "/channels", "detail": "stands there twice"}]));
}

#[test]
fn what_is_no_json_is_told_by_place() {
    for text in [
        "",
        "  ",
        "{",
        "{\"to\": {\"phone\": \"+1500",
        "nonsense",
        "{\"to\": {}} x",
        "{\"to\": {\"phone\": \"\u{1}\"}}",
    ] {
        let problem = fault::<CreateMessageBody>(text);
        assert_eq!((&problem["code"], &problem["status"]), (&json!("malformed_json"), &json!(400)), "{text}");
    }
    let problem = fault::<CreateMessageBody>("{\"to\": {\"phone\": \"+1500");
    assert_eq!(problem["errors"][0]["pointer"], "/to/phone");
    let not_utf8 = parse::<CreateMessageBody>(b"{\"to\": {\"phone\": \"\xff\"}}").err().unwrap();
    assert_eq!(not_utf8.code(), Code::MalformedJson);
}

#[test]
fn del_9_no_value_and_no_name_of_a_callers_own_is_repeated() {
    let bodies = [
        json!({"to": {"phone": 5, "email": "canary"}}),
        json!({"channels": ["canary"]}),
        json!({"purpose": "canary"}),
        json!({"send_at": "canary"}),
        json!({"metadata": {"canary": {}}}),
        json!({"metadata": {"canary": 1}}),
        json!({"content": {"body": {"canary": 1}}}),
        json!({"Pat Canary canary": 1}),
        json!({"content": "canary"}),
    ];
    for body in bodies {
        let problem = fault::<CreateMessageBody>(&body.to_string()).to_string();
        assert!(!problem.contains("canary"), "{problem}");
    }
}

#[test]
fn a_batch_item_brings_its_key() {
    let item: BatchItemBody = parse(br#"{"idempotency_key": "k-1", "to": {"in_app": "patient-1001"}}"#).unwrap();
    assert_eq!(item.idempotency_key.as_deref(), Some("k-1"));
}

#[test]
fn null_and_absence_are_two_things() {
    #[derive(serde::Deserialize)]
    struct Patch {
        #[serde(default, deserialize_with = "present")]
        rate: Option<Option<u32>>,
    }
    for (text, expected) in [("{}", None), (r#"{"rate": null}"#, Some(None)), (r#"{"rate": 5}"#, Some(Some(5)))] {
        assert_eq!(parse::<Patch>(text.as_bytes()).unwrap().rate, expected, "{text}");
    }
}
