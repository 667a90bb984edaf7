//! Webhooks as vendors send them: later, twice, out of order, and again where they were not taken.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use super::core::Core;
use crate::contract::Vendor;

/// As many posts may be under way at once.
const POSTS_AT_ONCE: usize = 512;
/// Tries of one webhook; the wait doubles from [`FIRST_WAIT`], 25 seconds in all.
const TRIES: u32 = 9;
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// Receipts that come before the answer hold it up for no longer than this.
const EARLY_LIMIT: Duration = Duration::from_secs(5);

/// One signed request, ready to go.
#[derive(Clone)]
pub(crate) struct Webhook {
    pub(crate) method: reqwest::Method,
    /// Exactly what is signed and called.
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl Webhook {
    /// A `POST` of this body.
    pub(crate) fn post(url: impl Into<String>, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            method: reqwest::Method::POST,
            url: url.into(),
            headers: vec![("content-type", content_type.to_owned())],
            body: body.into(),
        }
    }

    /// The same with one more header.
    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Makes the webhook at the moment when it is sent, so that its signed time is fresh.
pub(crate) type Stage = Box<dyn Fn(Timestamp) -> Webhook + Send + Sync>;

/// Sends webhooks from the simulator's own runtime.
pub(crate) struct Poster {
    http: reqwest::Client,
    runtime: Handle,
    slots: Arc<Semaphore>,
    /// Webhooks scheduled and neither taken nor given up.
    outstanding: watch::Sender<usize>,
}

impl Poster {
    pub(crate) fn new(http: reqwest::Client, runtime: Handle) -> Self {
        Self { http, runtime, slots: Arc::new(Semaphore::new(POSTS_AT_ONCE)), outstanding: watch::Sender::new(0) }
    }

    /// Waits until nothing is outstanding.
    pub(crate) async fn settled(&self) {
        // The sender lives as long as `self`, so that waiting cannot fail.
        let _ = self.outstanding.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Sends one webhook once; its HTTP status.
    pub(crate) async fn post_once(&self, webhook: Webhook) -> io::Result<u16> {
        let (http, slots) = (self.http.clone(), Arc::clone(&self.slots));
        // On the simulator's own runtime, so that a pooled connection outlives the caller's.
        self.runtime.spawn(async move { post(&http, &slots, &webhook).await }).await.map_err(io::Error::other)?
    }
}

async fn post(http: &reqwest::Client, slots: &Semaphore, webhook: &Webhook) -> io::Result<u16> {
    let _slot = slots.acquire().await.map_err(io::Error::other)?;
    let mut request = http.request(webhook.method.clone(), &webhook.url).body(webhook.body.clone());
    for (name, value) in &webhook.headers {
        request = request.header(*name, value);
    }
    let response = request.send().await.map_err(io::Error::other)?;
    Ok(response.status().as_u16())
}

/// Schedules one message's receipts by the vendor's profile; with `early` it returns once they were sent.
pub(crate) async fn schedule_receipts(core: &Arc<Core>, vendor: Vendor, stages: Vec<Stage>) {
    let (table, early) = core.timetable(vendor, stages.len());
    if table.is_empty() {
        return;
    }
    core.poster.outstanding.send_modify(|count| *count += table.len());
    let task = core.poster.runtime.spawn(play(Arc::clone(core), table, stages));
    if early {
        let _ = tokio::time::timeout(EARLY_LIMIT, task).await;
    }
}

async fn play(core: Arc<Core>, table: Vec<(Duration, usize)>, stages: Vec<Stage>) {
    let mut elapsed = Duration::ZERO;
    for (at, stage) in table {
        if at > elapsed {
            tokio::time::sleep(at - elapsed).await;
            elapsed = at;
        }
        let webhook = stages[stage](core.clock.now());
        if taken(&core, &webhook).await {
            core.poster.outstanding.send_modify(|count| *count -= 1);
        } else {
            // The next receipt does not wait for the tries of this one.
            tokio::spawn(try_again(Arc::clone(&core), webhook));
        }
    }
}

async fn try_again(core: Arc<Core>, webhook: Webhook) {
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        tokio::time::sleep(wait).await;
        if taken(&core, &webhook).await {
            break;
        }
        wait *= 2;
    }
    core.poster.outstanding.send_modify(|count| *count -= 1);
}

async fn taken(core: &Core, webhook: &Webhook) -> bool {
    matches!(post(&core.poster.http, &core.poster.slots, webhook).await, Ok(200..=299))
}
