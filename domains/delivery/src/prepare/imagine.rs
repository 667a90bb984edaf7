//! A message that somebody only asks about: checked as one that is sent, and then neither sealed nor stored.

use std::sync::Arc;

use carepost_consent::types::AddressKey;
use carepost_kernel::{Channel, MessageId, Phi, WaitReason};

use super::{
    EnqueueRequest, Faults, PrepareContext, PrepareError, address_hash, content, plan, purpose, recipient, times,
};
use crate::types::{Delivery, DeliveryKey, DeliveryState, Payload, Recipient};

/// Stands for an address of which only the hash is known.
const KNOWN: &str = "known";

/// A delivery for each channel of the plan, in its order, as it would be before its first call. `reached` are addresses of
/// the recipient, the first of each channel counts; those that the request names go before them. Content may be
/// missing altogether: then only what is known of the recipient is asked about.
///
/// # Errors
/// As [`super::prepare`].
pub fn imagine(
    request: EnqueueRequest,
    reached: &[AddressKey],
    context: PrepareContext<'_>,
) -> Result<Vec<Delivery>, PrepareError> {
    let mut faults = Faults::default();
    let named = recipient::check(&request.to, &mut faults);
    let known = |channel: Channel| reached.iter().find(|key| key.channel == channel);
    let to = completed(&named, |channel| known(channel).is_some());
    let request = EnqueueRequest { to: completed(&request.to, |channel| known(channel).is_some()), ..request };
    let channels = plan(&request, &to, &mut faults);
    let (scheduled_at, expires_at) = times(&request, context, &mut faults);
    let purpose = purpose(&request, &mut faults);
    let (strategy, priority) = (request.strategy, request.priority);
    let is_said =
        request.sms.is_some() || request.email.is_some() || request.in_app.is_some() || request.body.is_some();
    let payload = if is_said {
        content::complete(request, named.clone(), &channels, &mut faults)
    } else {
        Payload { to: named.clone(), about: request.about, ..Payload::default() }
    };
    if !faults.0.is_empty() {
        return Err(PrepareError::Invalid(faults.0));
    }
    let hash = |channel: Channel| match (named.address(channel), known(channel)) {
        (None, Some(key)) => key.address_hash,
        (address, _) => address_hash(context.hash_key, channel, address.unwrap_or_default()),
    };
    let (message_id, payload) = (MessageId::new(context.now), Arc::new(Phi::new(payload)));
    let delivery = |channel: &Channel| Delivery {
        key: DeliveryKey { tenant_id: context.tenant_id, message_id, channel: *channel },
        state: DeliveryState::Queued,
        reason: Some(WaitReason::Dispatch),
        due_at: scheduled_at.unwrap_or(context.now),
        attempt_no: 0,
        failures: 0,
        account_id: None,
        recipient_hash: hash(*channel),
        purpose,
        priority,
        strategy,
        channels: channels.clone(),
        created_at: context.now,
        scheduled_at,
        expires_at,
        payload: Arc::clone(&payload),
        payload_bytes: 0,
    };
    Ok(channels.iter().map(delivery).collect())
}

/// The addresses that are named, with a mark for each that is known without.
fn completed(named: &Recipient, is_known: impl Fn(Channel) -> bool) -> Recipient {
    let one =
        |channel, address: &Option<String>| address.clone().or_else(|| is_known(channel).then(|| KNOWN.to_owned()));
    Recipient {
        phone: one(Channel::Sms, &named.phone),
        email: one(Channel::Email, &named.email),
        in_app: one(Channel::InApp, &named.in_app),
    }
}
