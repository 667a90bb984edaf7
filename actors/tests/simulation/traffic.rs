//! The callers: messages of all kinds, some of them posted again and again under one key, some taken back.

use std::sync::Arc;
use std::time::Duration;

use carepost_actors::{EngineApi as _, EngineError};
use carepost_delivery::prepare::{EnqueueRequest, KeyedBody, PrepareContext, prepare};
use carepost_delivery::{DeliveryKey, NewMessage, Recipient, Strategy};
use carepost_kernel::{Channel, MessageId, Priority, Purpose, TenantId};
use carepost_tenancy::TenantHandle;
use jiff::SignedDuration;

use crate::world::{CALM_AFTER_MS, World};

/// A message that somebody wants to be said.
#[derive(Debug, Clone)]
struct Wish {
    tenant_id: TenantId,
    key: Option<String>,
    body: String,
    purpose: Purpose,
    priority: Priority,
    strategy: Strategy,
    channels: Vec<Channel>,
    recipient: u64,
    put_off_ms: Option<u64>,
    life_ms: u64,
    at_ms: u64,
    cancel_after_ms: Option<u64>,
}

/// Sends the callers on their way.
pub(crate) fn begin(world: &Arc<World>) {
    for number in 0..world.draw(4..16) {
        let wish = draw(world, number);
        let copies = if wish.key.is_some() { world.draw(1..4) } else { 1 };
        for copy in 0..copies {
            let mut wish = wish.clone();
            wish.at_ms += if copy == 0 { 0 } else { world.draw(0..6_000) };
            if copy == 2 && world.is_heads() {
                wish.body += " and more";
            }
            world.begin();
            actix::spawn(post(Arc::clone(world), wish));
        }
    }
}

fn draw(world: &World, number: u64) -> Wish {
    let purposes = [Purpose::Emergency, Purpose::Transactional, Purpose::Treatment, Purpose::Financial];
    let plans: [&[Channel]; 4] =
        [&[Channel::Sms], &[Channel::Email], &[Channel::Sms, Channel::Email], &[Channel::Email, Channel::Sms]];
    Wish {
        tenant_id: world.pick(&world.clinics()).tenant_id,
        key: world.is_heads().then(|| format!("key-{number}")),
        body: format!("Invented text {number}"),
        purpose: *world.pick(&purposes),
        priority: *world.pick(&Priority::ALL),
        strategy: if world.draw(0..5) == 0 { Strategy::All } else { Strategy::Fallback },
        channels: world.pick(&plans).to_vec(),
        recipient: world.draw(0..5),
        put_off_ms: (world.draw(0..6) == 0).then(|| world.draw(1_000..10_000)),
        life_ms: if world.draw(0..6) == 0 { world.draw(3_000..20_000) } else { 300_000 },
        at_ms: world.draw(0..CALM_AFTER_MS - 2_000),
        cancel_after_ms: (world.draw(0..8) == 0).then(|| world.draw(0..4_000)),
    }
}

fn message(world: &World, wish: &Wish, tenant: &TenantHandle) -> Option<NewMessage> {
    let now = world.clock.now();
    let after = |ms: u64| SignedDuration::from_millis(i64::try_from(ms).unwrap());
    let send_at = wish.put_off_ms.map(|put_off_ms| now + after(put_off_ms));
    let request = EnqueueRequest {
        to: Recipient {
            phone: Some(format!("+1500555{:04}", 100 + wish.recipient)),
            email: Some(format!("person{}@example.com", wish.recipient)),
            ..Recipient::default()
        },
        channels: wish.channels.clone(),
        strategy: wish.strategy,
        purpose: Some(wish.purpose),
        priority: wish.priority,
        subject: Some("Invented".to_owned()),
        body: Some(wish.body.clone()),
        send_at,
        expires_at: Some(send_at.unwrap_or(now) + after(wish.life_ms)),
        ..EnqueueRequest::default()
    };
    let keyed = wish.key.as_ref().map(|key| KeyedBody { key, body: wish.body.as_bytes() });
    let context = PrepareContext {
        tenant_id: wish.tenant_id,
        api_key_id: None,
        settings: &tenant.tenant.settings,
        data_key: &tenant.data_key,
        hash_key: tenant.hash_key(),
        now,
    };
    prepare(request, keyed, context).ok()
}

/// Posts a message until an answer comes; without a key only once.
async fn post(world: Arc<World>, wish: Wish) {
    tokio::time::sleep(Duration::from_millis(wish.at_ms)).await;
    loop {
        match try_post(&world, &wish).await {
            Some(Ok(message_id)) => {
                acknowledged(&world, &wish, message_id);
                if let Some(wait_ms) = wish.cancel_after_ms {
                    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
                    cancel(&world, &wish, message_id).await;
                }
                break;
            }
            Some(Err(EngineError::KeyReused)) => {
                world.saw("key reused");
                break;
            }
            Some(Err(_)) | None if wish.key.is_none() => break,
            Some(Err(_)) | None => {
                tokio::time::sleep(Duration::from_millis(world.draw(100..2_000))).await;
            }
        }
    }
    world.end();
}

async fn try_post(world: &World, wish: &Wish) -> Option<Result<MessageId, EngineError>> {
    let running = world.someone()?;
    let tenant = running.process.directory.cached_tenant(wish.tenant_id)?;
    let message = message(world, wish, &tenant)?;
    world.book().names.add_message(message.message_id);
    let posted = running.engine.enqueue(&tenant, message);
    let answer = tokio::time::timeout(Duration::from_secs(6), posted).await.ok()?;
    Some(answer.map(|accepted| accepted.message_id))
}

fn acknowledged(world: &World, wish: &Wish, message_id: MessageId) {
    world.note(|names| format!("{} is acknowledged", names.message(message_id)));
    let is_kept = world.tables().messages.contains_key(&(wish.tenant_id, message_id));
    let key = DeliveryKey { tenant_id: wish.tenant_id, message_id, channel: wish.channels[0] };
    world.require(is_kept, "DEL-1: acknowledged and not kept", key);
    let mut book = world.book();
    book.acked.insert((wish.tenant_id, message_id));
    if let Some(key) = &wish.key {
        book.keyed.entry((wish.tenant_id, key.clone())).or_default().acked.insert((message_id, wish.body.clone()));
    }
}

async fn cancel(world: &World, wish: &Wish, message_id: MessageId) {
    let Some(running) = world.someone() else { return };
    let Some(tenant) = running.process.directory.cached_tenant(wish.tenant_id) else { return };
    let cancelling = running.engine.cancel(&tenant, message_id);
    let Ok(Ok(cancellation)) = tokio::time::timeout(Duration::from_secs(6), cancelling).await else { return };
    let now_ms = world.now_ms();
    world.saw("cancel");
    for channel in cancellation.cancelled {
        world.saw("cancelled");
        let key = DeliveryKey { tenant_id: wish.tenant_id, message_id, channel };
        world.book().cancelled.insert(key, now_ms);
    }
}
