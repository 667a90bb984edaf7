//! Posts the messages as an upstream system would: with idempotency keys, and again where it was told to come later.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use carepost_kernel::MessageId;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use super::plan::{self, Planned};
use super::setup::DemoTenant;
use crate::cli::api::Api;

/// Posts under way at a time.
const AT_ONCE: usize = 16;
/// Every so many messages the same post is made a second time.
const REPEAT_EVERY: usize = 20;
const TRIES: u32 = 20;
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Everything that was sent.
pub(super) struct Sent {
    pub(super) messages: Vec<SentMessage>,
    /// Posts that were made twice.
    pub(super) repeated: usize,
    /// Those whose second answer named the first one's message.
    pub(super) same: usize,
}

/// One durable message.
pub(super) struct SentMessage {
    pub(super) number: usize,
    pub(super) tenant: usize,
    pub(super) message_id: MessageId,
    pub(super) planned: Planned,
}

/// Posts so many messages, evenly over the tenants.
pub(super) async fn send_all(tenants: &[DemoTenant], count: usize) -> anyhow::Result<Sent> {
    let (repeated, same) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let one = async |number: usize| {
        let tenant = number / 10 % tenants.len();
        let planned = plan::message(number);
        let (api, key) = (&tenants[tenant].api, format!("demo-{number}"));
        let message_id = post(api, &planned.body, &key).await?;
        if number.is_multiple_of(REPEAT_EVERY) {
            repeated.fetch_add(1, Ordering::Relaxed);
            let again = post(api, &planned.body, &key).await?;
            same.fetch_add(usize::from(again == message_id), Ordering::Relaxed);
        }
        anyhow::Ok(SentMessage { number, tenant, message_id, planned })
    };
    let mut messages: Vec<SentMessage> =
        stream::iter(0..count).map(one).buffer_unordered(AT_ONCE).try_collect().await?;
    messages.sort_by_key(|message| message.number);
    Ok(Sent { messages, repeated: repeated.into_inner(), same: same.into_inner() })
}

/// Posts one message under an idempotency key, and comes again where the server is busy.
pub(super) async fn post(api: &Api, body: &Value, key: &str) -> anyhow::Result<MessageId> {
    let mut tries = 0;
    loop {
        tries += 1;
        match api.post_once("/api/v1/messaging/messages", body, key).await? {
            Some(accepted) => {
                let id = accepted["id"].as_str().and_then(|id| id.parse().ok());
                return id.context("read the id of an accepted message");
            }
            None if tries < TRIES => tokio::time::sleep(TRY_AGAIN_AFTER).await,
            None => anyhow::bail!("post message {key}: the server was busy for {TRIES} tries"),
        }
    }
}
