//! A bulk send, made and followed through the API.

use serde_json::{Value, json};

use super::{Answer, Clinic, PATIENCE};

const PATH: &str = "/api/v1/messaging/bulk-sends";

/// A bulk send of a clinic's.
pub(crate) struct BulkSend<'a> {
    clinic: &'a Clinic,
    pub(crate) id: String,
}

impl<'a> BulkSend<'a> {
    pub(crate) async fn make(clinic: &'a Clinic, body: &Value) -> Self {
        Self { clinic, id: clinic.api.post(PATH, body).await.expect(201).id() }
    }

    /// The same words to everybody by text message, with this list.
    pub(crate) async fn with_list(clinic: &'a Clinic, more: Value, csv: String) -> Self {
        let body = json!({ "name": "canary list", "content": { "body": "canary: we are closed on Friday" },
                           "channels": ["sms"] });
        let bulk = Self::make(clinic, &super::with(body, more)).await;
        bulk.upload(csv).await.expect(200);
        bulk
    }

    pub(crate) fn path(&self, rest: &str) -> String {
        format!("{PATH}/{}{rest}", self.id)
    }

    pub(crate) async fn upload(&self, csv: String) -> Answer {
        let request = self.clinic.api.request("POST", &self.path("/recipients"));
        Answer::of(request.header("Content-Type", "text/csv").body(csv)).await.unwrap()
    }

    /// `count`, `start`, `pause`, `resume` or `cancel`.
    pub(crate) async fn order(&self, deed: &str) -> Answer {
        Answer::of(self.clinic.api.request("POST", &self.path(&format!("/{deed}")))).await.unwrap()
    }

    pub(crate) async fn progress(&self) -> Value {
        self.clinic.api.get(&self.path("")).await.expect(200).body
    }

    /// A page of rows.
    pub(crate) async fn list(&self, query: &str) -> Vec<Value> {
        let answer = self.clinic.api.get(&self.path(&format!("/rows?limit=200&{query}"))).await.expect(200);
        answer.body["items"].as_array().unwrap().clone()
    }

    /// Waits until its progress is as wished.
    pub(crate) async fn until_holds(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let asking = async {
            loop {
                last = self.progress().await;
                if holds(&last) {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE * 2, asking).await.is_ok();
        assert!(in_time, "waited in vain until {what}: {last:#}");
        last
    }

    pub(crate) async fn until(&self, status: &str) -> Value {
        self.until_holds(status, |progress| progress["status"] == *status).await
    }

    /// Counts it, and waits for the end of that.
    pub(crate) async fn count(&self) -> Value {
        self.order("count").await.expect(202);
        self.until("ready").await
    }
}
