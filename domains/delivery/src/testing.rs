//! Invented records for the tests of this room.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use carepost_kernel::{Channel, MessageId, Phi, Priority, Purpose, TenantId, WaitReason};

use crate::types::{Delivery, DeliveryKey, DeliveryState, Payload, Strategy};

/// A delivery that came at `now` and may leave.
pub(crate) fn delivery(now: Timestamp) -> Delivery {
    Delivery {
        key: DeliveryKey { tenant_id: TenantId::new(now), message_id: MessageId::new(now), channel: Channel::Sms },
        state: DeliveryState::Queued,
        reason: Some(WaitReason::Dispatch),
        due_at: now,
        attempt_no: 1,
        failures: 0,
        account_id: None,
        recipient_hash: [0; 16],
        purpose: Purpose::Transactional,
        priority: Priority::Normal,
        strategy: Strategy::Fallback,
        channels: vec![Channel::Sms, Channel::Email],
        created_at: now,
        scheduled_at: None,
        expires_at: now + SignedDuration::from_hours(72),
        payload: Arc::new(Phi::new(Payload::default())),
        payload_bytes: 0,
    }
}
