//! What unit tests of the actors' own parts are made of.

use std::sync::Arc;

use jiff::Timestamp;

use carepost_delivery::Strategy;
use carepost_delivery::types::{Delivery, NewDelivery, NewMessage, Payload};
use carepost_kernel::{Channel, MessageId, Phi, Priority, Purpose, TenantId};

/// The instant at which tests begin.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A text message that expires in a minute.
pub(crate) fn message(payload: Payload) -> NewMessage {
    NewMessage {
        tenant_id: TenantId::new(at(0)),
        message_id: MessageId::new(at(0)),
        created_at: at(0),
        purpose: Purpose::Transactional,
        priority: Priority::Normal,
        strategy: Strategy::Fallback,
        channels: vec![Channel::Sms],
        scheduled_at: None,
        expires_at: at(60),
        payload: Arc::new(Phi::new(payload)),
        payload_sealed: Vec::new(),
        deliveries: vec![NewDelivery {
            channel: Channel::Sms,
            recipient_hash: [0; 16],
            priority: Priority::Normal,
            segments: None,
        }],
        idempotency: None,
        api_key_id: None,
        links: Vec::new(),
    }
}

/// Its delivery.
pub(crate) fn delivery(payload: Payload) -> Delivery {
    message(payload).live().remove(0)
}
