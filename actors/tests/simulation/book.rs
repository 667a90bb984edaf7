//! What the world remembers of a run beside the tables: who was called, what was promised, what broke, and the trace.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use carepost_delivery::DeliveryKey;
use carepost_kernel::{FailureClass, InstanceId, MessageId, TenantId};
use carepost_store::Lease;
use jiff::Timestamp;

/// What became of a call at the vendor, whatever the engine has learned of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    /// The vendor took it.
    Taken,
    /// It refused it, and the answer was under way.
    Refused(FailureClass),
    /// It never took it, and never answered.
    Lost,
}

/// A call that a vendor got.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) truth: Truth,
    pub(crate) at_ms: u64,
}

/// What the caller of an idempotency key was told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keyed {
    /// Which message, for which body.
    pub(crate) acked: BTreeSet<(MessageId, String)>,
}

/// A span in which nothing of a tenant may leave; open until it is ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pause {
    pub(crate) tenant_id: TenantId,
    pub(crate) from: Timestamp,
    pub(crate) to: Option<Timestamp>,
}

#[derive(Default)]
pub(crate) struct Book {
    pub(crate) names: Names,
    pub(crate) lines: Vec<String>,
    pub(crate) broken: Vec<String>,
    pub(crate) calls: BTreeMap<(DeliveryKey, i16), Call>,
    pub(crate) acked: BTreeSet<(TenantId, MessageId)>,
    pub(crate) keyed: BTreeMap<(TenantId, String), Keyed>,
    /// Taken back, and told so, at a moment.
    pub(crate) cancelled: BTreeMap<DeliveryKey, u64>,
    /// Receipts that the vendor was told to be kept.
    pub(crate) receipts: BTreeSet<(TenantId, [u8; 16])>,
    pub(crate) pauses: Vec<Pause>,
    /// Submissions and receipts that are still under way.
    pub(crate) underway: usize,
    /// What faults have really happened, by name: a simulation of nothing proves nothing.
    pub(crate) seen: BTreeMap<&'static str, u64>,
}

impl Book {
    pub(crate) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.lines.hash(&mut hasher);
        hasher.finish()
    }
}

/// Short names of ids, the same in each run of a seed.
#[derive(Debug, Default)]
pub(crate) struct Names {
    processes: BTreeMap<InstanceId, usize>,
    tenants: BTreeMap<TenantId, usize>,
    messages: BTreeMap<MessageId, usize>,
}

impl Names {
    pub(crate) fn add_process(&mut self, instance: InstanceId) {
        let number = self.processes.len();
        self.processes.insert(instance, number);
    }

    pub(crate) fn add_tenant(&mut self, tenant_id: TenantId) {
        let number = self.tenants.len();
        self.tenants.insert(tenant_id, number);
    }

    pub(crate) fn add_message(&mut self, message_id: MessageId) {
        let number = self.messages.len();
        self.messages.insert(message_id, number);
    }

    pub(crate) fn process(&self, instance: InstanceId) -> String {
        self.processes.get(&instance).map_or_else(|| "p?".to_owned(), |number| format!("p{number}"))
    }

    pub(crate) fn tenant(&self, tenant_id: TenantId) -> String {
        self.tenants.get(&tenant_id).map_or_else(|| "t?".to_owned(), |number| format!("t{number}"))
    }

    pub(crate) fn message(&self, message_id: MessageId) -> String {
        self.messages.get(&message_id).map_or_else(|| "m?".to_owned(), |number| format!("m{number}"))
    }

    pub(crate) fn key(&self, key: DeliveryKey) -> String {
        format!("{}/{}.{}", self.tenant(key.tenant_id), self.message(key.message_id), key.channel.as_str())
    }

    pub(crate) fn leases(&self, leases: &[Lease]) -> String {
        let named: Vec<String> =
            leases.iter().map(|lease| format!("{}#{}", self.tenant(lease.tenant_id), lease.epoch)).collect();
        named.join(" ")
    }
}
