//! What scenarios stand on: a database of their own, the real program as a child, tenants, simulated vendors.

pub(crate) mod api;
pub(crate) mod bulk;
pub(crate) mod clinic;
pub(crate) mod database;
pub(crate) mod posters;
pub(crate) mod postgres;
pub(crate) mod server;
pub(crate) mod sign;
pub(crate) mod sse;

use std::time::Duration;

use carepost_providers::simulator::{Call, CallOutcome, Profile, ReceiptProfile, Simulator};
use serde_json::{Value, json};

pub(crate) use api::{Answer, Api};
pub(crate) use bulk::BulkSend;
pub(crate) use clinic::{Account, Clinic};
pub(crate) use database::TestDatabase;
pub(crate) use server::Server;

/// Nothing here takes that long; a test that waits for longer has found a bug.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Stands in every text, subject and note that a test sends: no log line may hold it (DEL-9).
pub(crate) const CANARY: &str = "canary";

/// A server on a database of its own, with simulated vendors in the test's process. Dropped in this order.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) simulator: Simulator,
    pub(crate) database: TestDatabase,
}

impl World {
    pub(crate) async fn open() -> Self {
        let (simulator, database) = (simulator().await, TestDatabase::create().await);
        Self { server: Server::start(&database.url, &[]).await, simulator, database }
    }
}

pub(crate) async fn simulator() -> Simulator {
    carepost::compose::install_crypto();
    Simulator::start(7).await.unwrap()
}

/// Asks again until the answer is yes.
pub(crate) async fn wait_until<F: Future<Output = bool>>(what: &str, asked: impl FnMut() -> F) {
    wait_for(PATIENCE, what, asked).await;
}

/// The same with a deadline of its own.
pub(crate) async fn wait_for<F: Future<Output = bool>>(deadline: Duration, what: &str, mut asked: impl FnMut() -> F) {
    let asking = async {
        while !asked().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(deadline, asking).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

/// An invented mobile that no simulator treats in a way of its own.
pub(crate) fn phone(number: usize) -> String {
    format!("+1500555{:04}", 2_000 + number % 7_000)
}

/// A text message.
pub(crate) fn sms(to: &str) -> Value {
    json!({ "to": { "phone": to }, "content": { "sms": { "text": "canary: your visit is tomorrow" } } })
}

/// An email.
pub(crate) fn email(to: &str) -> Value {
    let content = json!({ "email": { "subject": "canary visit", "text": "canary: your visit is tomorrow" } });
    json!({ "to": { "email": to }, "content": content })
}

/// An object with further fields.
pub(crate) fn with(mut value: Value, more: Value) -> Value {
    let (Value::Object(fields), Value::Object(more)) = (&mut value, more) else { panic!("both are objects") };
    fields.extend(more);
    value
}

/// A vendor that takes everything and never tells more.
pub(crate) fn silent() -> Profile {
    Profile { receipts: ReceiptProfile { silent: true, ..ReceiptProfile::default() }, ..Profile::default() }
}

/// The vendor's id of a message that it took, answered or not.
pub(crate) fn taken(call: &Call) -> Option<&str> {
    match &call.outcome {
        CallOutcome::Accepted { provider_ref } | CallOutcome::Dropped { provider_ref } => Some(provider_ref),
        CallOutcome::Refused { .. } | CallOutcome::Hung => None,
    }
}

/// The message that a call was for.
pub(crate) fn message_of(call: &Call) -> String {
    call.attempt.expect("each call names its attempt").message_id.to_string()
}
