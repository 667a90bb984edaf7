//! The document against the route table, and against itself.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::http::messages::body::CreateMessageBody;
use crate::http::{json, operations as routes};

fn rendered() -> Value {
    serde_json::from_slice(&render()).unwrap()
}

fn documented(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .iter()
                .map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
        })
        .collect()
}

#[test]
fn every_route_is_in_the_document_and_the_other_way_round() {
    let document = rendered();
    let documented: BTreeSet<_> = documented(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    let routed = routes().into_iter().map(|(method, path)| (method.to_owned(), path.to_owned())).collect();
    assert_eq!(documented, routed);
}

#[test]
fn it_is_openapi_3_1_and_every_reference_leads_somewhere() {
    let document = rendered();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    fn walk(value: &Value, document: &Value, count: &mut usize) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
                    *count += 1;
                }
                fields.values().for_each(|field| walk(field, document, count));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, document, count)),
            _ => {}
        }
    }
    let mut count = 0;
    walk(&document, &document, &mut count);
    assert!(count > 100, "only {count} references");
}

#[test]
fn every_operation_says_who_may_and_what_may_go_wrong() {
    let document = rendered();
    for (method, path, operation) in documented(&document) {
        // People get pages, and health says how it is: neither is a problem.
        let has_no_problems = path.starts_with("/health/") || is_page(&path);
        let is_open = has_no_problems || path.starts_with("/webhooks/");
        assert_eq!(operation.get("security").is_none(), is_open, "{method} {path}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with(['2', '3'])), "{method} {path}");
        if has_no_problems {
            continue;
        }
        for status in if is_open { ["403", "500", "503"] } else { ["401", "403", "500"] } {
            let schema = &responses[status]["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/ProblemView", "{method} {path} {status}");
        }
        for (described, expected) in [(operation.get("summary"), true), (operation.get("operationId"), true)] {
            assert_eq!(described.is_some(), expected, "{method} {path}");
        }
    }
}

#[test]
fn what_recipients_open_is_in_the_document_with_its_types() {
    let document = rendered();
    let types = |path: &str, method: &str| {
        let responses = document["paths"][path][method]["responses"].as_object().unwrap();
        let types = |(status, response): (&String, &Value)| {
            let types = response["content"].as_object().map(|content| content.keys().cloned().collect::<Vec<_>>());
            (status.clone(), types.unwrap_or_default().join(", "))
        };
        responses.iter().map(types).collect::<Vec<_>>()
    };
    let pages = |statuses: &[&str]| {
        statuses.iter().map(|status| ((*status).to_owned(), "text/html".to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(types("/p/{token}", "get"), pages(&["200", "404", "429", "500", "503"]));
    assert_eq!(types("/p/{token}", "post"), pages(&["200", "400", "404", "413", "422", "429", "500", "503"]));
    assert_eq!(types("/u/{token}", "get"), pages(&["200", "404", "429", "500", "503"]));
    assert_eq!(types("/u/{token}", "post"), pages(&["200", "400", "404", "413", "429", "500", "503"]));
    let link = types("/l/{token}", "get");
    assert_eq!((link[0].0.as_str(), link[0].1.as_str(), &link[1..]), ("302", "", &pages(&["404", "500", "503"])[..]));
    assert_eq!(types("/o/{token}", "get"), [("200".to_owned(), "image/gif".to_owned())]);
}

#[test]
fn the_example_of_a_message_is_taken() {
    let document = rendered();
    let example = document.pointer("/components/schemas/CreateMessageBody/example").unwrap().to_string();
    assert!(json::parse::<CreateMessageBody>(example.as_bytes()).is_ok(), "{example}");
}

#[test]
fn a_message_may_name_a_recipient_and_a_template() {
    let document = rendered();
    for field in ["recipient_id", "template", "type", "topic", "language"] {
        let pointer = format!("/components/schemas/CreateMessageBody/properties/{field}");
        assert!(document.pointer(&pointer).is_some(), "{field}");
    }
}

#[test]
fn hub_022_opens_are_off_by_default_and_the_document_says_why() {
    let document = rendered();
    for body in ["CreateMessageBody", "BatchItemBody", "SimulateMessageBody"] {
        let field = &document["components"]["schemas"][body]["properties"]["track_opens"];
        assert_eq!(field["default"], Value::Bool(false), "{body}");
        let words: Vec<&str> = field["description"].as_str().unwrap().split_whitespace().collect();
        assert!(words.join(" ").contains("Off by default, because it says little"), "{body}");
        let required = document["components"]["schemas"][body]["required"].as_array();
        assert!(required.is_none_or(|names| !names.contains(&Value::from("track_opens"))), "{body}");
    }
}
