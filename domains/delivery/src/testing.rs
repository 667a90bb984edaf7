//! Invented records for the tests of this room.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use carepost_kernel::{Channel, Clock, DataKey, MessageId, Phi, PlacementId, Priority, Purpose, TenantId, WaitReason};
use carepost_tenancy::{Directory, MasterKeys, Tenant, TenantHandle, TenantSettings, TenantStatus};

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

/// A practice with a key of its own.
pub(crate) fn tenant() -> Arc<TenantHandle> {
    let keys = MasterKeys::parse("test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let tenant = Tenant {
        tenant_id: TenantId::from_uuid(uuid::Uuid::from_u128(7)),
        slug: "bright".to_owned(),
        display_name: "Bright".to_owned(),
        placement_id: PlacementId::from_uuid(uuid::Uuid::from_u128(8)),
        status: TenantStatus::Active,
        settings: TenantSettings::default(),
        version: 1,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    };
    let directory = Directory::given(keys, Clock::system());
    directory.give(tenant, DataKey::new(1, &[7; 32]).into(), Vec::new()).unwrap()
}
