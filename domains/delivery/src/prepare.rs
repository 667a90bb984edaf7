//! From what a caller asks to a message that is valid, sealed and ready to be stored.
//!
//! Every fault is reported at once, each with the JSON pointer of its field; nothing of a field's value stands in an
//! error (DEL-9).

mod content;
mod imagine;
mod recipient;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use url::Url;
use zeroize::Zeroizing;

use carepost_consent::message_types::{self, MessageType};
use carepost_consent::policy::GatePolicy;
use carepost_kernel::{
    ApiKeyId, Channel, DataKey, EmailContent, InAppContent, MessageId, Phi, Priority, Purpose, SealError, SmsContent,
    TenantId, segments,
};
use carepost_tenancy::types::TenantSettings;

use crate::links::{self, LinkContext, NewLink};
use crate::types::{About, DeliveryKey, IdempotencyClaim, NewDelivery, NewMessage, Payload, Recipient, Strategy};

pub use carepost_consent::address::{address_hash, normalize_address};
pub use imagine::imagine;

/// What a caller asks to be said.
#[derive(Clone, Default)]
pub struct EnqueueRequest {
    /// To whom.
    pub to: Recipient,
    /// Channels in the order of preference; empty: those that `to` has an address for.
    pub channels: Vec<Channel>,
    /// How the channels are used.
    pub strategy: Strategy,
    /// Why it is sent; transactional where it is not said.
    pub purpose: Option<Purpose>,
    /// How much it hurries.
    pub priority: Priority,
    /// Subject and text for channels without content of their own.
    pub subject: Option<String>,
    /// See `subject`.
    pub body: Option<String>,
    /// For text messages.
    pub sms: Option<SmsContent>,
    /// For email.
    pub email: Option<EmailContent>,
    /// For the inbox here.
    pub in_app: Option<InAppContent>,
    /// Not before.
    pub send_at: Option<Timestamp>,
    /// Not after.
    pub expires_at: Option<Timestamp>,
    /// The caller's own notes.
    pub metadata: BTreeMap<String, String>,
    /// Whom and what it is about.
    pub about: About,
    /// The type that `about` names, as the practice has it; `None`: as it is shipped.
    pub message_type: Option<MessageType>,
    /// Links lead over short ones below this address of ours, and following them is known; `None`: they stay as they are.
    pub track_links: Option<Url>,
    /// The email's HTML gets a pixel below this address of ours, and looking at it is known; `None`: it gets none.
    pub track_opens: Option<Url>,
}

/// A fault of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// JSON pointer (RFC 6901) to the field in the request.
    pub pointer: String,
    /// What is wrong with it; never its value.
    pub problem: &'static str,
}

/// Collects faults.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<FieldFault>);

impl Faults {
    pub(crate) fn add(&mut self, pointer: impl Into<String>, problem: &'static str) {
        self.0.push(FieldFault { pointer: pointer.into(), problem });
    }
}

/// Why a request does not become a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrepareError {
    /// Fields that are wrong.
    Invalid(Vec<FieldFault>),
    /// It could not be sealed.
    Seal(SealError),
}

/// For whom and under which rules a request is prepared.
#[derive(Debug, Clone, Copy)]
pub struct PrepareContext<'a> {
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Who brought it.
    pub api_key_id: Option<ApiKeyId>,
    /// The tenant's limits.
    pub settings: &'a TenantSettings,
    /// The key that seals it.
    pub data_key: &'a DataKey,
    /// The key of look-up hashes, which outlives the sealing key's rotation.
    pub hash_key: &'a DataKey,
    /// The present instant.
    pub now: Timestamp,
}

/// An idempotency key with the bytes that it stands for.
#[derive(Debug, Clone, Copy)]
pub struct KeyedBody<'a> {
    /// The caller's key.
    pub key: &'a str,
    /// The body as it came.
    pub body: &'a [u8],
}

/// The longest idempotency key, in bytes.
pub const KEY_LIMIT_BYTES: usize = 255;
/// The farthest that a message may be put off.
const SCHEDULE_LIMIT: SignedDuration = SignedDuration::from_hours(24 * 365);

/// Checks, completes and seals a request.
///
/// # Errors
/// All faulty fields, or the cipher's refusal.
pub fn prepare(
    request: EnqueueRequest,
    keyed: Option<KeyedBody<'_>>,
    context: PrepareContext<'_>,
) -> Result<NewMessage, PrepareError> {
    let mut faults = Faults::default();
    let to = recipient::check(&request.to, &mut faults);
    let channels = plan(&request, &to, &mut faults);
    let (scheduled_at, expires_at) = times(&request, context, &mut faults);
    check_metadata(&request.metadata, &mut faults);
    let purpose = purpose(&request, &mut faults);
    let (strategy, priority) = (request.strategy, request.priority);
    check_tracking(&request, purpose, context.settings, &mut faults);
    let (track_links, track_opens) = (request.track_links.clone(), request.track_opens.clone());
    let mut payload = content::complete(request, to, &channels, &mut faults);
    if let Some(recipient_id) = payload.about.recipient_id {
        // Their inbox here is known by the same name.
        payload.to.in_app.get_or_insert_with(|| recipient_id.to_string());
    }
    if !faults.0.is_empty() {
        return Err(PrepareError::Invalid(faults.0));
    }
    let due_at = scheduled_at.unwrap_or(context.now);
    let mut links =
        track_links.map_or(Ok(Vec::new()), |public_url| shorten(&mut payload, &public_url, due_at, context))?;
    if let Some(public_url) = track_opens {
        let pixel = links::add_pixel(&mut payload, link_context(&public_url, due_at, context));
        links.extend(pixel.map_err(PrepareError::Seal)?);
    }
    let message_id = MessageId::new(context.now);
    let payload_sealed = seal(&payload, message_id, context).map_err(PrepareError::Seal)?;
    Ok(NewMessage {
        tenant_id: context.tenant_id,
        message_id,
        created_at: context.now,
        purpose,
        priority,
        strategy,
        deliveries: first_deliveries(&payload, &channels, (strategy, priority), context.hash_key),
        channels,
        scheduled_at,
        expires_at,
        payload: Arc::new(Phi::new(payload)),
        payload_sealed,
        idempotency: keyed.map(|keyed| claim(keyed, context)),
        api_key_id: context.api_key_id,
        links,
    })
}

/// Puts short links into the payload. An address that was shorter than ours may have made the text too long.
fn shorten(
    payload: &mut Payload,
    public_url: &Url,
    due_at: Timestamp,
    context: PrepareContext<'_>,
) -> Result<Vec<NewLink>, PrepareError> {
    let made = links::shorten(payload, link_context(public_url, due_at, context)).map_err(PrepareError::Seal)?;
    let mut faults = Faults::default();
    payload.sms.iter().for_each(|sms| content::check_sms(sms, &mut faults));
    if faults.0.is_empty() { Ok(made) } else { Err(PrepareError::Invalid(faults.0)) }
}

const fn link_context<'a>(public_url: &'a Url, due_at: Timestamp, context: PrepareContext<'a>) -> LinkContext<'a> {
    let PrepareContext { tenant_id, data_key, hash_key, now, .. } = context;
    LinkContext { public_url, tenant_id, data_key, hash_key, due_at, now }
}

/// The claim of an idempotency key: both hashes are keyed, so that rows tell nothing of key or body.
#[must_use]
pub fn claim(keyed: KeyedBody<'_>, context: PrepareContext<'_>) -> IdempotencyClaim {
    let window = SignedDuration::try_from(context.settings.idempotency_window()).unwrap_or(SignedDuration::MAX);
    IdempotencyClaim {
        key_hash: context.hash_key.hash("idempotency-key", keyed.key.as_bytes()),
        fingerprint: context.hash_key.hash("message-body", keyed.body),
        expires_at: context.now.saturating_add(window).unwrap_or(Timestamp::MAX),
    }
}

/// Checks an idempotency key's form: 1 to 255 visible ASCII characters.
#[must_use]
pub fn is_idempotency_key(key: &str) -> bool {
    (1..=KEY_LIMIT_BYTES).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The delivery row of one channel.
#[must_use]
pub fn new_delivery(payload: &Payload, channel: Channel, priority: Priority, hash_key: &DataKey) -> NewDelivery {
    let segments = match (channel, &payload.sms) {
        (Channel::Sms, Some(sms)) => i16::try_from(segments::count(&sms.text).count).ok(),
        _ => None,
    };
    let address = payload.to.address(channel).unwrap_or_default();
    NewDelivery { channel, recipient_hash: address_hash(hash_key, channel, address), priority, segments }
}

fn first_deliveries(
    payload: &Payload,
    plan: &[Channel],
    (strategy, priority): (Strategy, Priority),
    hash_key: &DataKey,
) -> Vec<NewDelivery> {
    let count = match strategy {
        Strategy::Fallback => 1,
        Strategy::All => plan.len(),
    };
    plan.iter().take(count).map(|channel| new_delivery(payload, *channel, priority, hash_key)).collect()
}

fn seal(payload: &Payload, message_id: MessageId, context: PrepareContext<'_>) -> Result<Vec<u8>, SealError> {
    // A payload is strings, maps and lists of strings: nothing in it can fail to serialize.
    let plain = Zeroizing::new(serde_json::to_vec(payload).map_err(|_| SealError::Refused)?);
    context.data_key.seal(&DeliveryKey::seal_owner(context.tenant_id, message_id), &plain)
}

fn plan(request: &EnqueueRequest, to: &Recipient, faults: &mut Faults) -> Vec<Channel> {
    const OFFERED: [Channel; 3] = [Channel::Sms, Channel::Email, Channel::InApp];
    if request.channels.is_empty() {
        let plan: Vec<Channel> = OFFERED.into_iter().filter(|channel| to.address(*channel).is_some()).collect();
        let names_none = OFFERED.into_iter().all(|channel| request.to.address(channel).is_none());
        if names_none {
            faults.add("/to", "name at least one of phone, email and in_app");
        }
        return plan;
    }
    let mut seen = BTreeSet::new();
    for (i, channel) in request.channels.iter().enumerate() {
        if !OFFERED.contains(channel) {
            faults.add(format!("/channels/{i}"), "no provider serves this channel yet: use sms, email or in_app");
        } else if !seen.insert(*channel) {
            faults.add(format!("/channels/{i}"), "stands in the list twice");
        } else if request.to.address(*channel).is_none() {
            faults.add(recipient::pointer(*channel), "is needed for a channel of the plan");
        }
    }
    request.channels.clone()
}

fn times(request: &EnqueueRequest, context: PrepareContext<'_>, faults: &mut Faults) -> (Option<Timestamp>, Timestamp) {
    let scheduled_at = request.send_at.filter(|send_at| *send_at > context.now);
    let start = scheduled_at.unwrap_or(context.now);
    if start.duration_since(context.now) > SCHEDULE_LIMIT {
        faults.add("/send_at", "lies more than a year ahead");
    }
    let lifetime =
        SignedDuration::try_from(context.settings.message_ttl(request.priority)).unwrap_or(SignedDuration::MAX);
    let default = start.saturating_add(lifetime).unwrap_or(Timestamp::MAX);
    let expires_at = request.expires_at.unwrap_or(default);
    if expires_at <= start {
        faults.add("/expires_at", "must lie in the future and after send_at");
    }
    (scheduled_at, expires_at)
}

/// The type that a request names, if it is one.
fn type_of(request: &EnqueueRequest) -> Option<&MessageType> {
    let key = request.about.message_type.as_deref()?;
    request.message_type.as_ref().filter(|known| known.key == key).or_else(|| message_types::shipped(key))
}

/// The purpose that the message is sent for: by its type, where the caller does not say. What a type calls marketing is
/// marketing, whatever the caller says (decision C32).
fn purpose(request: &EnqueueRequest, faults: &mut Faults) -> Purpose {
    let known = type_of(request);
    if request.about.message_type.is_some() && known.is_none() {
        faults.add("/type", "must be the key of a message type");
    }
    if request.about.language.as_deref().is_some_and(|language| !GatePolicy::LANGUAGES.contains(&language)) {
        faults.add("/language", "must be en or es");
    }
    let of_type = known.map(|known| known.purpose);
    if of_type == Some(Purpose::Marketing) && request.purpose.is_some_and(|purpose| purpose != Purpose::Marketing) {
        faults.add("/purpose", "must be marketing, as the type is");
    }
    request.purpose.or(of_type).unwrap_or(Purpose::Transactional)
}

/// LNK-3: what must not be tracked is refused, and not silently left alone.
fn check_tracking(request: &EnqueueRequest, purpose: Purpose, settings: &TenantSettings, faults: &mut Faults) {
    let wished = (request.track_links.is_some(), request.track_opens.is_some());
    faults.0.extend(tracking_faults(wished, type_of(request), purpose, settings));
}

/// What is wrong with the wish to track links and opens (LNK-3), for a type and a purpose.
#[must_use]
pub fn tracking_faults(
    (links, opens): (bool, bool),
    of_type: Option<&MessageType>,
    purpose: Purpose,
    settings: &TenantSettings,
) -> Vec<FieldFault> {
    let mut faults = Faults::default();
    if links::may_track(purpose) && of_type.is_none_or(|known| known.is_trackable) {
        if opens && !settings.allow_open_tracking {
            faults.add("/track_opens", "is not allowed by the tenant's settings (allow_open_tracking)");
        }
        return faults.0;
    }
    if links {
        faults.add("/track_links", "is not for emergencies and health care: their links are never tracked");
    }
    if opens {
        faults.add("/track_opens", "is not for emergencies and health care: nobody watches whether they are opened");
    }
    faults.0
}

fn check_metadata(metadata: &BTreeMap<String, String>, faults: &mut Faults) {
    if metadata.len() > 20 {
        faults.add("/metadata", "holds more than 20 entries");
    }
    if metadata.iter().any(|(name, value)| name.is_empty() || name.len() > 64 || value.len() > 500) {
        faults.add("/metadata", "takes names of 1 to 64 bytes and values of up to 500 bytes");
    }
}

#[cfg(test)]
mod tests;
