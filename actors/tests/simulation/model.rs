//! A model of the tables of a placement: what the SQL of the delivery room and of the leases does to rows, in memory.
//! Every function is one transaction. `differential.rs` proves that it is true to PostgreSQL.

mod due;
mod ingest;
mod leases;
mod ledger;
mod receipts;

use std::collections::{BTreeMap, BTreeSet};

use carepost_consent::types::{AddressKey, ConsentChange};
use carepost_delivery::types::NewDelivery;
use carepost_delivery::{DeliveryEvent, DeliveryKey, DeliveryState, NewMessage};
use carepost_kernel::{
    AttemptRef, Channel, EventId, Failure, InstanceId, MessageId, Priority, ProviderAccountId, ProviderRef,
    ReceiptStatus, TenantId, WaitReason,
};
use jiff::Timestamp;

/// The tables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tables {
    pub(crate) leases: BTreeMap<TenantId, LeaseRow>,
    /// Instances whose liveness lock is held.
    pub(crate) alive: BTreeSet<InstanceId>,
    pub(crate) instances: BTreeMap<InstanceId, InstanceRow>,
    pub(crate) keys: BTreeMap<(TenantId, [u8; 16]), KeyRow>,
    pub(crate) messages: BTreeMap<(TenantId, MessageId), NewMessage>,
    pub(crate) deliveries: BTreeMap<DeliveryKey, Row>,
    pub(crate) events: BTreeMap<(TenantId, MessageId, EventId), DeliveryEvent>,
    pub(crate) refs: BTreeMap<(TenantId, ProviderAccountId, ProviderRef), AttemptRef>,
    pub(crate) parked: BTreeMap<(TenantId, ProviderAccountId, ProviderRef, [u8; 16]), Parked>,
    /// Addresses whose readers want nothing more, and since when; and the news of it.
    pub(crate) opt_outs: BTreeMap<(TenantId, AddressKey), Timestamp>,
    pub(crate) consent_changes: Vec<ConsentChange>,
}

/// A row of `tenant_leases`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeaseRow {
    /// Nobody after a release.
    pub(crate) owner: Option<InstanceId>,
    pub(crate) epoch: i64,
    pub(crate) expires_at: Timestamp,
}

/// A row of `instances`.
#[derive(Debug, Clone)]
pub(crate) struct InstanceRow {
    pub(crate) address: String,
    pub(crate) is_leaving: bool,
    pub(crate) seen_at: Timestamp,
}

/// A row of `idempotency_keys`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyRow {
    pub(crate) fingerprint: [u8; 16],
    pub(crate) message_id: MessageId,
    pub(crate) expires_at: Timestamp,
}

/// A row of `deliveries`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) state: DeliveryState,
    pub(crate) reason: Option<WaitReason>,
    pub(crate) due_at: Timestamp,
    pub(crate) is_open: bool,
    pub(crate) is_failed: bool,
    pub(crate) attempt_no: i16,
    pub(crate) failures: i16,
    pub(crate) account_id: Option<ProviderAccountId>,
    pub(crate) code: Option<String>,
    pub(crate) recipient_hash: [u8; 16],
    pub(crate) priority: Priority,
    pub(crate) sent_at: Option<Timestamp>,
    pub(crate) finished_at: Option<Timestamp>,
}

/// A row of `parked_receipts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parked {
    pub(crate) status: ReceiptStatus,
    pub(crate) failure: Option<Failure>,
    pub(crate) occurred_at: Timestamp,
    pub(crate) received_at: Timestamp,
}

impl Row {
    /// As `insert_deliveries.sql` and `insert_fallbacks.sql` make it.
    fn new(delivery: &NewDelivery, reason: WaitReason, due_at: Timestamp) -> Self {
        Self {
            state: DeliveryState::Queued,
            reason: Some(reason),
            due_at,
            is_open: true,
            is_failed: false,
            attempt_no: 0,
            failures: 0,
            account_id: None,
            code: None,
            recipient_hash: delivery.recipient_hash,
            priority: delivery.priority,
            sent_at: None,
            finished_at: None,
        }
    }

    /// As `insert_fallbacks.sql` puts one that has failed back to work.
    fn reopen(&mut self, due_at: Timestamp) {
        self.state = DeliveryState::Queued;
        self.reason = Some(WaitReason::Dispatch);
        self.due_at = due_at;
        (self.is_open, self.is_failed) = (true, false);
        (self.failures, self.code, self.finished_at) = (0, None, None);
    }
}

impl Tables {
    /// The tenants of `held` that `owner` may not write any more (`list_refused_tenants.sql`).
    pub(crate) fn refused(&self, owner: InstanceId, held: &[(TenantId, i64)]) -> BTreeSet<TenantId> {
        let is_held = |tenant_id: &TenantId, epoch: i64| {
            self.leases.get(tenant_id).is_some_and(|lease| lease.epoch == epoch && lease.owner == Some(owner))
        };
        held.iter().filter(|(tenant_id, epoch)| !is_held(tenant_id, *epoch)).map(|(tenant_id, _)| *tenant_id).collect()
    }

    /// The history of a delivery, in the order of its ids.
    pub(crate) fn history(&self, key: DeliveryKey) -> impl Iterator<Item = &DeliveryEvent> {
        let first = (key.tenant_id, key.message_id, EventId::from_uuid(uuid::Uuid::nil()));
        let last = (key.tenant_id, key.message_id, EventId::from_uuid(uuid::Uuid::max()));
        self.events.range(first..=last).map(|(_, event)| event).filter(move |event| event.key.channel == key.channel)
    }

    fn insert_event(&mut self, event: DeliveryEvent) {
        let known = self.events.insert((event.key.tenant_id, event.key.message_id, event.event_id), event);
        assert!(known.is_none(), "an id of the history was given twice");
    }

    /// The deliveries of a message.
    pub(crate) fn deliveries_of(
        &self,
        tenant_id: TenantId,
        message_id: MessageId,
    ) -> impl Iterator<Item = (DeliveryKey, &Row)> {
        let key = move |channel| DeliveryKey { tenant_id, message_id, channel };
        self.deliveries.range(key(Channel::Sms)..=key(Channel::Voice)).map(|(key, row)| (*key, row))
    }
}
