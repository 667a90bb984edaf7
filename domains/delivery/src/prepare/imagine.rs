//! A message that somebody only asks about: checked as one that is sent, and then neither sealed nor stored.

use std::sync::Arc;

use carepost_kernel::{Channel, MessageId, Phi, WaitReason};

use super::{
    EnqueueRequest, Faults, PrepareContext, PrepareError, address_hash, check_tracking, content, plan, purpose,
    recipient, times,
};
use crate::types::{Delivery, DeliveryKey, DeliveryState, Payload};

/// A delivery for each channel of the plan, in its order, as it would be before its first call. Content may be missing
/// altogether: then only what is known of the recipient is asked about.
///
/// # Errors
/// As [`super::prepare`].
pub fn imagine(request: EnqueueRequest, context: PrepareContext<'_>) -> Result<Vec<Delivery>, PrepareError> {
    let mut faults = Faults::default();
    let to = recipient::check(&request.to, &mut faults);
    let channels = plan(&request, &to, &mut faults);
    let (scheduled_at, expires_at) = times(&request, context, &mut faults);
    let purpose = purpose(&request, &mut faults);
    check_tracking(&request, purpose, context.settings, &mut faults);
    let (strategy, priority) = (request.strategy, request.priority);
    let is_said =
        request.sms.is_some() || request.email.is_some() || request.in_app.is_some() || request.body.is_some();
    let payload = if is_said {
        content::complete(request, to, &channels, &mut faults)
    } else {
        Payload { to, about: request.about, ..Payload::default() }
    };
    if !faults.0.is_empty() {
        return Err(PrepareError::Invalid(faults.0));
    }
    let hash =
        |channel: Channel| address_hash(context.hash_key, channel, payload.to.address(channel).unwrap_or_default());
    let hashes: Vec<[u8; 16]> = channels.iter().copied().map(hash).collect();
    let (message_id, payload) = (MessageId::new(context.now), Arc::new(Phi::new(payload)));
    let delivery = |(channel, recipient_hash): (&Channel, [u8; 16])| Delivery {
        key: DeliveryKey { tenant_id: context.tenant_id, message_id, channel: *channel },
        state: DeliveryState::Queued,
        reason: Some(WaitReason::Dispatch),
        due_at: scheduled_at.unwrap_or(context.now),
        attempt_no: 0,
        failures: 0,
        account_id: None,
        recipient_hash,
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
    Ok(channels.iter().zip(hashes).map(delivery).collect())
}
