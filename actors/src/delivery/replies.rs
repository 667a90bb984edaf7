//! What people write back: understood, made to hold, and answered once.
//!
//! A message from outside is stored first; what follows from it is written in one transaction, then made to hold in memory,
//! then answered. A process that dies in between leaves the row open, and whoever works for the tenant next goes on from
//! it: each step may be done again.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use metrics::counter;
use serde::Deserialize;
use tokio::sync::oneshot;

use carepost_consent::address::{address_hash, normalize_address};
use carepost_consent::keywords::{Confirmation, Reading, Reply, ReplyContext, confirmation, read_reply};
use carepost_consent::policy::Practice;
use carepost_consent::types::{AddressKey, ContactFacts, SuppressionReason};
use carepost_delivery::gate::Rulebook;
use carepost_delivery::prepare::{EnqueueRequest, KeyedBody, PrepareContext, prepare};
use carepost_delivery::store::InboundRecord;
use carepost_delivery::types::{About, DeliveryKey};
use carepost_delivery::{DeliveryError, Recipient};
use carepost_kernel::{
    AttemptRef, Chain, Channel, InboundId, Language, MessageId, Phi, Priority, Purpose, SealError, SmsContent, TenantId,
};
use carepost_tenancy::TenantHandle;

use crate::engine::EngineError;
use crate::journal::{HeardWord, Session};
use crate::metrics::REPLIES_TOTAL;

use super::news::{self, GateNews};
use super::shared::{LiveTenant, Shared, Writers};
use super::tenant::{self, EnqueueMessages};

/// A text message from outside, stored.
pub(crate) struct Inbound {
    pub(crate) inbound_id: InboundId,
    pub(crate) channel: Channel,
    pub(crate) received_at: Timestamp,
    /// The keyword that the vendor has seen in it: then it has done what that says on its side, and answers by itself.
    pub(crate) keyword: Option<Reply>,
    pub(crate) from: Phi<String>,
    pub(crate) text: Phi<String>,
}

/// HELP is answered to an address so often at most: two robots would go on for ever.
const HELP_EVERY: SignedDuration = SignedDuration::from_mins(10);
/// What is older than this and not followed to its end was left by a process that died.
const LEFT_ALONE: SignedDuration = SignedDuration::from_secs(3);
/// Messages of one tenant that one look takes up.
const PAGE: i64 = 20;
/// An answer that comes later is none: 47 CFR 64.1200(a)(12) allows five minutes.
const ANSWER_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// Does all that follows from a message.
pub(crate) async fn follow(
    shared: &Arc<Shared>,
    live: &Arc<LiveTenant>,
    tenant: &Arc<TenantHandle>,
    inbound: &Inbound,
) -> Result<(), EngineError> {
    let away = |error: DeliveryError| {
        tracing::warn!(error = %Chain(&error), tenant.id = %live.tenant_id, "follow a message from outside");
        EngineError::away()
    };
    // Whoever has no address, a short code for example, cannot opt out; what other channels bring is for people to read.
    let mut reply = Reply::Other;
    if inbound.channel == Channel::Sms && normalize_address(Channel::Sms, inbound.from.expose()).is_some() {
        reply = hear(shared, live, tenant, inbound).await?;
    }
    let session = live.writers.journal.connect().await.map_err(|error| away(error.into()))?;
    // What is no answer to anything that we have asked needs no look.
    let answers = match reply {
        Reply::Confirm | Reply::Reschedule => answered(session.as_ref(), tenant, inbound).await.map_err(away)?,
        Reply::Stop | Reply::Start | Reply::Help | Reply::Other => None,
    };
    let inbound = (live.tenant_id, inbound.inbound_id);
    if let Some(event) = session.finish_inbound(inbound, answers.as_ref(), shared.now()).await.map_err(away)?
        && shared.hub.has_listeners(live.tenant_id)
    {
        shared.hub.publish(event);
    }
    Ok(())
}

/// What left last for the writer, where that is remembered.
async fn answered(
    session: &dyn Session,
    tenant: &TenantHandle,
    inbound: &Inbound,
) -> Result<Option<AttemptRef>, DeliveryError> {
    let (tenant_id, channel) = (tenant.tenant.tenant_id, inbound.channel);
    let address_hash = address_hash(tenant.hash_key(), channel, inbound.from.expose());
    let address = AddressKey { channel, address_hash };
    let Some(message_id) = session.find_last_send(tenant_id, address, inbound.received_at).await? else {
        return Ok(None);
    };
    let row = session.get_delivery(DeliveryKey { tenant_id, message_id, channel }).await?;
    Ok(row.and_then(|row| row.last_attempt()))
}

async fn hear(
    shared: &Arc<Shared>,
    live: &Arc<LiveTenant>,
    tenant: &Arc<TenantHandle>,
    inbound: &Inbound,
) -> Result<Reply, EngineError> {
    let away = |error: DeliveryError| {
        tracing::warn!(error = %Chain(&error), tenant.id = %live.tenant_id, "hear what somebody outside says");
        EngineError::away()
    };
    let now = shared.now();
    let address_hash = address_hash(tenant.hash_key(), inbound.channel, inbound.from.expose());
    let key = AddressKey { channel: inbound.channel, address_hash };
    let (facts, rulebook) = live.read_known(key, now).await.map_err(away)?;
    let language = language_of(&facts, &rulebook);
    let read = read_reply(inbound.text.expose(), ReplyContext { is_opted_out: is_opted_out(&facts, now), language });
    // What the vendor has acted on holds here as well, in whatever words it came.
    let read = Reading { reply: inbound.keyword.unwrap_or(read.reply), ..read };
    counter!(REPLIES_TOTAL, "reply" => read.reply.as_str()).increment(1);
    let word = HeardWord {
        inbound_id: inbound.inbound_id,
        reply: read.reply,
        channel: inbound.channel,
        from: inbound.from.clone(),
        text: inbound.text.clone(),
        at: inbound.received_at,
        is_question: read.reply == Reply::Help,
        is_wrong_number: read.is_wrong_number,
    };
    let heard = live.writers.journal.hear(tenant, &word, now).await.map_err(away)?;
    if !heard.keys.is_empty() {
        news::changed(shared, live.tenant_id, GateNews::Of(heard.keys)).await;
    }
    // A message that is followed once more is answered as it was understood first.
    let kind = match heard.reply {
        Reply::Stop => Confirmation::Stop,
        Reply::Start => Confirmation::Start,
        Reply::Help => Confirmation::Help,
        Reply::Confirm | Reply::Reschedule | Reply::Other => return Ok(heard.reply),
    };
    if heard.is_answered && inbound.keyword.is_none() {
        let text = confirmation(kind, &who_speaks(&rulebook, tenant), read.language);
        answer(shared, live, tenant, inbound, (kind, address_hash), text).await?;
    }
    Ok(heard.reply)
}

/// The practice, by the tenant's own name where its policy has none.
fn who_speaks(rulebook: &Rulebook, tenant: &TenantHandle) -> Practice {
    let practice = rulebook.policy().source().practice.clone();
    let name = if practice.name.trim().is_empty() { tenant.tenant.display_name.clone() } else { practice.name };
    Practice { name, ..practice }
}

fn is_opted_out(facts: &ContactFacts, now: Timestamp) -> bool {
    let ends_with_start = |reason| matches!(reason, SuppressionReason::OptedOut | SuppressionReason::ProviderBlock);
    facts.suppressions.iter().any(|fact| ends_with_start(fact.reason) && fact.until.is_none_or(|until| now < until))
}

/// Where the words do not tell: that of the only person there, or the practice's.
fn language_of(facts: &ContactFacts, rulebook: &Rulebook) -> Language {
    match facts.people.as_slice() {
        [person] => Language::of_tag(&person.language),
        _ => Language::of_tag(&rulebook.policy().source().practice.language),
    }
}

/// Answers, through the engine as any other message: with a key, so that it is one answer however often this is done.
async fn answer(
    shared: &Arc<Shared>,
    live: &Arc<LiveTenant>,
    tenant: &Arc<TenantHandle>,
    inbound: &Inbound,
    (kind, address_hash): (Confirmation, [u8; 16]),
    text: String,
) -> Result<(), EngineError> {
    let now = shared.now();
    let key = match kind {
        Confirmation::Help => {
            let turn = inbound.received_at.as_second() / HELP_EVERY.as_secs();
            format!("help:{}:{turn}", uuid::Uuid::from_bytes(address_hash))
        }
        Confirmation::Stop | Confirmation::Start => format!("reply:{}", inbound.inbound_id),
    };
    let request = EnqueueRequest {
        to: Recipient { phone: Some(inbound.from.expose().clone()), ..Recipient::default() },
        channels: vec![inbound.channel],
        purpose: Some(Purpose::Transactional),
        priority: Priority::Urgent,
        sms: Some(SmsContent { text, ..SmsContent::default() }),
        expires_at: inbound.received_at.checked_add(ANSWER_WITHIN).ok(),
        about: About { confirms_opt_out: true, ..About::default() },
        ..EnqueueRequest::default()
    };
    let context = PrepareContext {
        tenant_id: live.tenant_id,
        api_key_id: None,
        settings: &tenant.tenant.settings,
        data_key: &tenant.data_key,
        hash_key: tenant.hash_key(),
        now,
    };
    if now >= inbound.received_at.saturating_add(ANSWER_WITHIN).unwrap_or(Timestamp::MAX) {
        return Ok(());
    }
    // The same words each time: an answer that a new version words otherwise is still the same answer.
    let keyed = KeyedBody { key: &key, body: key.as_bytes() };
    let message = prepare(request, Some(keyed), context).map_err(|_faults| {
        tracing::error!(tenant.id = %live.tenant_id, "an answer of our own is not valid");
        EngineError::Internal
    })?;
    let (to, told) = oneshot::channel();
    tenant::hand_in(live, EnqueueMessages { tenant: Arc::clone(tenant), messages: vec![(message, to)] }).await;
    told.await.map_err(|_| EngineError::restarting())?.map(|_accepted| ())
}

/// Takes up what processes that died have left.
pub(crate) async fn take_up(shared: &Arc<Shared>, writers: &Arc<Writers>) -> Result<(), DeliveryError> {
    let tenants: Vec<TenantId> = shared.live_in(writers).iter().map(|live| live.tenant_id).collect();
    let before = shared.now().saturating_sub(LEFT_ALONE).unwrap_or(Timestamp::MIN);
    take_up_of(shared, writers, &tenants, before).await
}

/// The same for some tenants, of messages that were stored before an instant: a tenant that comes to life hears first what
/// was said to it while it slept.
pub(crate) async fn take_up_of(
    shared: &Arc<Shared>,
    writers: &Arc<Writers>,
    tenants: &[TenantId],
    before: Timestamp,
) -> Result<(), DeliveryError> {
    if tenants.is_empty() {
        return Ok(());
    }
    let session = writers.journal.connect().await?;
    let left = session.list_open_inbound(tenants, before, PAGE).await?;
    drop(session);
    for (tenant_id, record) in left {
        let Some(live) = shared.live(tenant_id) else { continue };
        let Ok(tenant) = live.handle(shared).await else { continue };
        match open(&tenant, &record) {
            // Told already; it is tried again at the next look.
            Ok(inbound) => _ = follow(shared, &live, &tenant, &inbound).await,
            // One that does not open must not stand in the way of all others.
            Err(error) => {
                tracing::error!(error = %Chain(&error), tenant.id = %tenant_id, "open a message from outside");
            }
        }
    }
    Ok(())
}

/// A vendor's keyword, by the name that is stored.
pub(crate) fn keyword_of(name: &str) -> Option<Reply> {
    [Reply::Stop, Reply::Start, Reply::Help].into_iter().find(|reply| reply.as_str() == name)
}

/// What of a stored message is needed here.
#[derive(Deserialize)]
struct Payload {
    from: String,
    #[serde(default)]
    text: String,
}

fn open(tenant: &TenantHandle, record: &InboundRecord) -> Result<Inbound, DeliveryError> {
    // Sealed values are bound to two ids; the error names the second.
    let bound = MessageId::from_uuid(record.inbound_id.as_uuid());
    let fault = |source| DeliveryError::Seal { message_id: bound, source };
    let owner = DeliveryKey::seal_owner(tenant.tenant.tenant_id, bound);
    let plain = tenant.open(&owner, &record.payload_sealed).map_err(fault)?;
    let Payload { from, text } = serde_json::from_slice(&plain).map_err(|_| fault(SealError::Malformed))?;
    Ok(Inbound {
        inbound_id: record.inbound_id,
        channel: record.channel,
        received_at: record.received_at,
        keyword: record.keyword.as_deref().and_then(keyword_of),
        from: Phi::new(from),
        text: Phi::new(text),
    })
}
