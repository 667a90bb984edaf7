//! Requests to the engine: one message each, or many.

use serde::Deserialize;
use uuid::Uuid;

use crate::client::Answer;
use crate::load::Traffic;
use crate::number;
use crate::payloads::Payloads;
use crate::tally::{Ack, Ending, Tally};

const SINGLE: &str = "/api/v1/messaging/messages";
const BATCH: &str = "/api/v1/messaging/messages/batch";
/// How far back a repeated request lies at most.
const REPEAT_WITHIN: u64 = 256;

/// Everything that a request carries besides its body, once for each tenant.
#[derive(Debug)]
pub(crate) struct Heads(Vec<String>);

impl Heads {
    /// `keys` are the tenants' API keys.
    pub(crate) fn new<'a>(host: &str, keys: impl IntoIterator<Item = &'a str>) -> Self {
        let head = |key| format!("Host: {host}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n");
        Self(keys.into_iter().map(head).collect())
    }

    /// The tenant of a number: all in turn.
    pub(crate) fn tenant_of(&self, number: u64) -> usize {
        usize::try_from(number % self.0.len().max(1) as u64).unwrap_or(0)
    }

    /// Writes the request for one message, by the number of its key.
    pub(crate) fn write_single(&self, key: u64, body: &[u8], out: &mut Vec<u8>) {
        self.write(SINGLE, key, Some(key), body, out);
    }

    fn write(&self, path: &str, number: u64, key: Option<u64>, body: &[u8], out: &mut Vec<u8>) {
        let head = &self.0[self.tenant_of(number)];
        let key = key.map(|key| format!("Idempotency-Key: {}\r\n", key_text(key))).unwrap_or_default();
        out.extend_from_slice(
            format!("POST {path} HTTP/1.1\r\n{head}{key}Content-Length: {}\r\n\r\n", body.len()).as_bytes(),
        );
        out.extend_from_slice(body);
    }
}

fn key_text(key: u64) -> String {
    format!("load-{key}")
}

/// One message for each request. A share of the requests repeats an earlier one: same key, same body, same tenant.
#[derive(Debug)]
pub(crate) struct Singles {
    pub(crate) heads: Heads,
    pub(crate) payloads: Payloads,
    /// The share of repetitions, 0 to 1.
    pub(crate) replay: f64,
    /// The key of request 0: loads for the same tenants have keys of their own.
    pub(crate) first_key: u64,
}

impl Singles {
    /// The key of a request: its own number, or that of the one that it repeats.
    fn key_of(&self, number: u64) -> u64 {
        let mut key = number;
        while key > 0 && number::share(key) < self.replay {
            key -= 1 + number::spread(key) % REPEAT_WITHIN.min(key);
        }
        self.first_key + key
    }
}

#[derive(Deserialize)]
struct Accepted {
    id: Uuid,
}

impl Traffic for Singles {
    fn write(&self, number: u64, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
        let key = self.key_of(number);
        scratch.clear();
        self.payloads.write(key, scratch);
        self.heads.write_single(key, scratch, out);
    }

    fn read(&self, number: u64, answer: &Answer<'_>, at_us: i64, tally: &mut Tally) -> Option<u64> {
        let key = self.key_of(number);
        let ending = Ending::Status(answer.status);
        if !ending.is_success() {
            tally.unexplained += u64::from(ending.is_refusal() && !answer.has_retry_after);
            self.lose(number, ending, tally);
            return None;
        }
        match serde_json::from_slice::<Accepted>(answer.body) {
            Ok(Accepted { id }) => {
                tally.count(ending, 1);
                tally.acks.push(Ack { key, message_id: id, at_us, is_measured: false });
                // A repetition is answered and stores nothing: whichever of the two came first, one message is new.
                Some(u64::from(key == self.first_key + number))
            }
            Err(_) => {
                self.lose(number, Ending::Unreadable, tally);
                None
            }
        }
    }

    fn lose(&self, number: u64, ending: Ending, tally: &mut Tally) {
        tally.count(ending, 1);
        if ending.is_unknown() {
            tally.unknown.push(self.key_of(number));
        }
    }
}

/// Many messages for each request; item `i` of request `number` has the key `first_key + number * size + i`.
#[derive(Debug)]
pub(crate) struct Batches {
    pub(crate) heads: Heads,
    pub(crate) payloads: Payloads,
    pub(crate) size: u64,
    /// The key of the first item.
    pub(crate) first_key: u64,
}

impl Batches {
    fn keys(&self, number: u64) -> std::ops::Range<u64> {
        self.first_key + number * self.size..self.first_key + (number + 1) * self.size
    }
}

#[derive(Deserialize)]
struct BatchAnswer {
    results: Vec<BatchResult>,
}

#[derive(Deserialize)]
struct BatchResult {
    id: Option<Uuid>,
    error: Option<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    status: u16,
    retry_after_seconds: Option<u64>,
}

impl Traffic for Batches {
    fn write(&self, number: u64, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
        scratch.clear();
        scratch.extend_from_slice(b"{\"messages\":[");
        for key in self.keys(number) {
            if !scratch.ends_with(b"[") {
                scratch.push(b',');
            }
            scratch.extend_from_slice(format!("{{\"idempotency_key\":\"{}\",", key_text(key)).as_bytes());
            // The sample's own opening brace goes.
            let brace = scratch.len();
            self.payloads.write(key, scratch);
            scratch.remove(brace);
        }
        scratch.extend_from_slice(b"]}");
        self.heads.write(BATCH, number, None, scratch, out);
    }

    fn read(&self, number: u64, answer: &Answer<'_>, at_us: i64, tally: &mut Tally) -> Option<u64> {
        let ending = Ending::Status(answer.status);
        if !ending.is_success() {
            tally.unexplained += if ending.is_refusal() && !answer.has_retry_after { self.size } else { 0 };
            self.lose(number, ending, tally);
            return None;
        }
        let results = serde_json::from_slice::<BatchAnswer>(answer.body).map(|answer| answer.results);
        let Some(results) = results.ok().filter(|results| results.len() as u64 == self.size) else {
            self.lose(number, Ending::Unreadable, tally);
            return None;
        };
        let mut acked = 0;
        for (key, result) in self.keys(number).zip(results) {
            if let Some(message_id) = result.id {
                tally.count(ending, 1);
                tally.acks.push(Ack { key, message_id, at_us, is_measured: false });
                acked += 1;
                continue;
            }
            let is_explained = result.error.as_ref().is_some_and(|problem| problem.retry_after_seconds.is_some());
            let ending = result.error.map_or(Ending::Unreadable, |problem| Ending::Status(problem.status));
            tally.count(ending, 1);
            tally.unexplained += u64::from(ending.is_refusal() && !is_explained);
            if ending.is_unknown() {
                tally.unknown.push(key);
            }
        }
        (acked > 0).then_some(acked)
    }

    fn lose(&self, number: u64, ending: Ending, tally: &mut Tally) {
        tally.count(ending, self.size);
        if ending.is_unknown() {
            tally.unknown.extend(self.keys(number));
        }
    }
}

#[cfg(test)]
mod tests;
