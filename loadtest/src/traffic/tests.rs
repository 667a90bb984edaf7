//! Requests are whole, keys are unique but for repetitions, and answers are read item by item.

use serde_json::{Value, json};

use super::*;

const ID: &str = "019a0000-0000-7000-8000-000000000001";

fn payloads() -> Payloads {
    Payloads::new(&"sms=1".parse().unwrap()).unwrap()
}

fn heads() -> Heads {
    Heads::new("127.0.0.1:8080", ["first", "second"])
}

fn singles(replay: f64) -> Singles {
    Singles { heads: heads(), payloads: payloads(), replay, first_key: 0 }
}

fn written(traffic: &impl Traffic, number: u64) -> (String, Value) {
    let (mut scratch, mut out) = (Vec::new(), Vec::new());
    traffic.write(number, &mut scratch, &mut out);
    let text = String::from_utf8(out).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
    (head.to_owned(), serde_json::from_str(body).unwrap())
}

#[test]
fn a_single_request_names_key_and_tenant() {
    let (head, body) = written(&singles(0.0), 3);
    assert!(head.starts_with("POST /api/v1/messaging/messages HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"));
    assert!(head.contains("Idempotency-Key: load-3") && head.contains("Bearer second"), "{head}");
    assert!(body["content"]["sms"]["text"].is_string());
}

#[test]
fn del_2_a_share_of_requests_repeats_earlier_ones_byte_by_byte() {
    let traffic = singles(0.1);
    let repeated: Vec<u64> = (0..10_000).filter(|number| traffic.key_of(*number) != *number).collect();
    assert!((900..1_100).contains(&repeated.len()), "{}", repeated.len());
    for number in repeated {
        let key = traffic.key_of(number);
        assert_eq!(traffic.key_of(key), key, "a repetition leads to the original");
        assert_eq!(written(&traffic, number), written(&traffic, key));
    }
    let body = json!({"id": ID}).to_string();
    let answer = Answer { status: 200, has_retry_after: false, body: body.as_bytes() };
    let new: Vec<u64> =
        (0..1_000).filter_map(|number| traffic.read(number, &answer, 0, &mut Tally::default())).collect();
    assert_eq!(new.len(), 1_000, "a repetition is no failure");
    let originals = (0..1_000).filter(|number| traffic.key_of(*number) == *number).count() as u64;
    assert_eq!(new.iter().sum::<u64>(), originals, "and no new message");
    let plain = singles(0.0);
    assert!((0..10_000).all(|number| plain.key_of(number) == number));
}

#[test]
fn an_answer_to_a_single_request_is_a_promise_a_refusal_or_unknown() {
    let traffic = singles(0.0);
    let mut tally = Tally::default();
    let accepted = json!({"id": ID, "status": "queued"}).to_string();
    let mut read = |status, body: &str| {
        traffic.read(7, &Answer { status, has_retry_after: false, body: body.as_bytes() }, 5, &mut tally)
    };
    assert_eq!([read(202, &accepted), read(202, "{}"), read(429, ""), read(503, "")], [Some(1), None, None, None]);
    assert_eq!(tally.acks, [Ack { key: 7, message_id: ID.parse().unwrap(), at_us: 5, is_measured: false }]);
    assert_eq!((tally.unknown.as_slice(), tally.failed()), ([7, 7].as_slice(), 3));
}

#[test]
fn a_batch_holds_its_keys_and_its_results_are_counted_one_by_one() {
    let traffic = Batches { heads: heads(), payloads: payloads(), size: 3, first_key: 0 };
    let (head, body) = written(&traffic, 1);
    assert!(head.contains("Bearer second") && !head.contains("Idempotency-Key"));
    let keys: Vec<&Value> = body["messages"].as_array().unwrap().iter().map(|item| &item["idempotency_key"]).collect();
    assert_eq!(keys, ["load-3", "load-4", "load-5"]);

    let answer = json!({"results": [
        {"index": 0, "status": "accepted", "id": ID, "replayed": false},
        {"index": 1, "status": "rejected", "error": {"status": 429}},
        {"index": 2, "status": "rejected", "error": {"status": 503, "retry_after_seconds": 1}},
    ]});
    let mut tally = Tally::default();
    let body = answer.to_string();
    assert_eq!(
        traffic.read(1, &Answer { status: 202, has_retry_after: false, body: body.as_bytes() }, 0, &mut tally),
        Some(1)
    );
    assert_eq!((tally.acks[0].key, tally.unknown.as_slice(), tally.failed()), (3, [5].as_slice(), 2));
    assert_eq!(tally.unexplained, 1, "the 429 does not say when to come again");
    assert_eq!(
        traffic.read(1, &Answer { status: 202, has_retry_after: false, body: b"{\"results\":[]}" }, 0, &mut tally),
        None
    );
    assert_eq!(tally.unknown, [5, 3, 4, 5]);
}
