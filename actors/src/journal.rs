//! What the actors need of storage, as a seam: PostgreSQL stands behind it ([`postgres`]), and in the simulation a model
//! of its tables.
//!
//! A [`Journal`] is one placement's; its [`Session`]s are connections: what is asked of one is done one after the other.
//! A [`LeaseBook`] is one process's leases there (DEL-10). The seam costs one boxed future for each batch or page.

mod postgres;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;

use carepost_consent::ConsentError;
use carepost_consent::commands::Suppress;
use carepost_consent::keywords::Reply;
use carepost_consent::types::{AddressKey, ConsentChange, ContactFacts};
use carepost_delivery::gate::Rulebook;
use carepost_delivery::gate::dress::SecureCopy;
use carepost_delivery::ingest::Ingested;
use carepost_delivery::ledger::{LedgerBatch, LedgerReport};
use carepost_delivery::store::{
    AttemptStarted, DueChannel, DuePlace, DueRow, InboundRecord, NewInbound, ParkedMatch, PutOff, RedriveFilter,
    Redriven, StoredInbound, Stretch, SweepBounds, Swept,
};
use carepost_delivery::types::{DeliveryKey, NewMessage};
use carepost_delivery::{DeliveryError, DeliveryEvent};
use carepost_kernel::{
    AttemptRef, Channel, EventId, Failure, InboundId, InstanceId, MessageId, Phi, PlacementId, Priority,
    ProviderAccountId, ProviderRef, TenantId,
};
use carepost_store::{DroppedPartitions, Lease, Partition, Peer, Placement, StoreError};
use carepost_tenancy::TenantHandle;

/// Where journals come from: the placements that this process may work on.
#[async_trait]
pub trait JournalSource: Send + Sync {
    /// The placements that are known now; more may come.
    fn list(&self) -> Vec<PlacementId>;

    /// Opens a placement for a process, which is seen as alive from then on; `None` where it is not known.
    async fn open(&self, placement_id: PlacementId, instance: InstanceId) -> Option<Result<OpenJournal, StoreError>>;

    /// Writes into the metrics how busy the ways to storage are.
    fn report(&self);
}

/// A placement that a process works on.
#[derive(Clone)]
pub struct OpenJournal {
    /// Its rows.
    pub journal: Arc<dyn Journal>,
    /// The process's leases there.
    pub leases: Arc<dyn LeaseBook>,
}

/// The rows of one placement.
#[async_trait]
pub trait Journal: Send + Sync {
    /// A connection of the engine.
    ///
    /// # Errors
    /// Where none can be had in time, or storage is away.
    async fn connect(&self) -> Result<Box<dyn Session>, StoreError>;

    /// The placement itself, for the rooms whose rows only PostgreSQL has; none in a simulation.
    fn placement(&self) -> Option<&Placement> {
        None
    }

    /// A tenant's events after `after` and up to `until`, the oldest first, at most `limit`.
    ///
    /// # Errors
    /// Where storage is away or a row cannot be read.
    async fn list_event_stream(
        &self,
        tenant_id: TenantId,
        after: EventId,
        until: EventId,
        limit: i64,
    ) -> Result<Vec<DeliveryEvent>, DeliveryError>;

    /// Writes down that another version of tenants' policies holds since a moment ago, where nobody has done so yet, with the
    /// news of it; for how many tenants.
    ///
    /// # Errors
    /// Where storage is away or a row cannot be read.
    async fn settle_policies(&self, now: Timestamp) -> Result<usize, DeliveryError>;

    /// Writes down what somebody outside has said, and makes it hold, in one transaction.
    ///
    /// # Errors
    /// Where storage is away.
    async fn hear(&self, tenant: &TenantHandle, word: &HeardWord, now: Timestamp) -> Result<Heard, DeliveryError>;

    /// Keeps an address from getting anything, because a provider says so; the addresses that the gate must look at again.
    ///
    /// # Errors
    /// Where storage is away.
    async fn suppress(
        &self,
        tenant: &TenantHandle,
        suppress: &Suppress,
        now: Timestamp,
    ) -> Result<Vec<AddressKey>, DeliveryError>;

    /// A provider says that the reader at an address wants to hear again, since an instant; the addresses that the gate must
    /// look at again.
    ///
    /// # Errors
    /// Where storage is away.
    async fn reopen(
        &self,
        tenant: &TenantHandle,
        channel: Channel,
        address: &Phi<String>,
        at: Timestamp,
    ) -> Result<Vec<AddressKey>, DeliveryError>;

    /// Forgets news of consent and counts of messages that nobody asks for any more; how many rows went.
    ///
    /// # Errors
    /// Where storage is away.
    async fn sweep_consent(&self, now: Timestamp) -> Result<u64, DeliveryError>;

    /// Makes room for the days to come.
    ///
    /// # Errors
    /// Where storage is away.
    async fn ensure_partitions(&self, now: Timestamp, days_ahead: u16) -> Result<(), StoreError>;

    /// Drops the days before `day`, unless something of theirs is open (DEL-1).
    ///
    /// # Errors
    /// Where storage is away.
    async fn drop_partitions_before(&self, day: Date) -> Result<DroppedPartitions, StoreError>;

    /// Indexes the days before `day`; the names of what is new.
    ///
    /// # Errors
    /// Where storage is away.
    async fn index_past_days(&self, day: Date) -> Result<Vec<String>, StoreError>;

    /// The days that there are.
    ///
    /// # Errors
    /// Where storage is away.
    async fn list_partitions(&self) -> Result<Vec<Partition>, StoreError>;
}

/// What somebody outside has said.
#[derive(Debug)]
pub struct HeardWord {
    /// In which message.
    pub inbound_id: InboundId,
    /// What it was understood as.
    pub reply: Reply,
    /// On which channel.
    pub channel: Channel,
    /// Who says it.
    pub from: Phi<String>,
    /// In these words.
    pub text: Phi<String>,
    /// When it came.
    pub at: Timestamp,
    /// It is to be answered even where it changes nothing.
    pub is_question: bool,
    /// The number is somebody else's.
    pub is_wrong_number: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Heard {
    /// What it was understood as, the first time.
    pub reply: Reply,
    /// An answer is due, once.
    pub is_answered: bool,
    /// Addresses that the gate must look at again.
    pub keys: Vec<AddressKey>,
}

/// A connection of the engine. Reads see what was committed before them; each writer is one transaction.
#[async_trait]
pub trait Session: Send + Sync {
    /// The group commit of new messages: see [`carepost_delivery::ingest::commit_messages`].
    ///
    /// # Errors
    /// As there.
    async fn commit_messages(
        &mut self,
        owner: InstanceId,
        held: &[(TenantId, i64)],
        messages: &[&NewMessage],
        now: Timestamp,
    ) -> Result<Vec<Ingested>, DeliveryError>;

    /// The group commit of everything else: see [`carepost_delivery::ledger::commit_ledger`].
    ///
    /// # Errors
    /// As there.
    async fn commit_ledger(
        &mut self,
        owner: InstanceId,
        batch: &LedgerBatch,
        now: Timestamp,
    ) -> Result<LedgerReport, DeliveryError>;

    /// Makes due what was put off: see [`carepost_delivery::store::advance_deliveries`].
    ///
    /// # Errors
    /// As there.
    async fn advance_deliveries(
        &mut self,
        owner: InstanceId,
        held: (TenantId, i64),
        put_off: &PutOff,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<Channel>, DeliveryError>;

    /// Puts a page of failed deliveries back to work: see [`carepost_delivery::store::redrive_deliveries`].
    ///
    /// # Errors
    /// As there.
    async fn redrive(
        &mut self,
        owner: InstanceId,
        held: (TenantId, i64),
        filter: &RedriveFilter,
        page: u32,
        again: Option<(Timestamp, Timestamp)>,
    ) -> Result<Option<Redriven>, DeliveryError>;

    /// What the gate has to know of addresses, one for each, in their order.
    ///
    /// # Errors
    /// Where storage is away or a row cannot be read.
    async fn load_facts(
        &self,
        tenant_id: TenantId,
        keys: &[AddressKey],
        now: Timestamp,
    ) -> Result<Vec<ContactFacts>, ConsentError>;

    /// The policy of a tenant's gate that is in force at an instant.
    ///
    /// # Errors
    /// Where storage is away or a row cannot be read.
    async fn load_policy(&self, tenant_id: TenantId, now: Timestamp) -> Result<Rulebook, DeliveryError>;

    /// What has changed for the gates of tenants since an instant.
    ///
    /// # Errors
    /// Where storage is away or a row cannot be read.
    async fn list_consent_changes(&self, since: Timestamp) -> Result<Vec<ConsentChange>, ConsentError>;

    /// Stores a message from outside, once.
    ///
    /// # Errors
    /// Where storage is away.
    async fn insert_inbound(&self, new: &NewInbound) -> Result<StoredInbound, DeliveryError>;

    /// Puts a message into a recipient's own inbox here, once.
    ///
    /// # Errors
    /// Where storage is away, or the message cannot be sealed.
    async fn put_in_app(
        &self,
        tenant: &TenantHandle,
        message_id: MessageId,
        secure: &SecureCopy,
        now: Timestamp,
    ) -> Result<(), DeliveryError>;

    /// The message that left last for an address by an instant, as far as it is remembered.
    ///
    /// # Errors
    /// Where storage is away.
    async fn find_last_send(
        &self,
        tenant_id: TenantId,
        address: AddressKey,
        until: Timestamp,
    ) -> Result<Option<MessageId>, ConsentError>;

    /// All that follows from a message from outside was done; what it answers is told so, the first time that this is done.
    ///
    /// # Errors
    /// Where storage is away.
    async fn finish_inbound(
        &self,
        inbound: (TenantId, InboundId),
        answers: Option<&AttemptRef>,
        now: Timestamp,
    ) -> Result<Option<DeliveryEvent>, DeliveryError>;

    /// Messages from outside that were not followed to their end.
    ///
    /// # Errors
    /// Where storage is away or a row cannot be read.
    async fn list_open_inbound(
        &self,
        tenants: &[TenantId],
        before: Timestamp,
        limit: i64,
    ) -> Result<Vec<(TenantId, InboundRecord)>, DeliveryError>;

    /// The next page of one channel's due deliveries of one priority, by time.
    ///
    /// # Errors
    /// Where storage is away or a row cannot be read.
    async fn list_due_deliveries(
        &self,
        of: (TenantId, Channel, Priority),
        due_until: Timestamp,
        after: DuePlace,
        limit: i64,
    ) -> Result<Vec<DueRow>, DeliveryError>;

    /// Tenants and channels with open deliveries that are due from one instant until another.
    ///
    /// # Errors
    /// Where storage is away or a row cannot be read.
    async fn list_due_channels(
        &self,
        due_from: Timestamp,
        due_until: Timestamp,
    ) -> Result<Vec<DueChannel>, DeliveryError>;

    /// One delivery, whether due or not.
    ///
    /// # Errors
    /// Where storage is away or the row cannot be read.
    async fn get_delivery(&self, key: DeliveryKey) -> Result<Option<DueRow>, DeliveryError>;

    /// The delivery that a provider's own id belongs to.
    ///
    /// # Errors
    /// Where storage is away or the row cannot be read.
    async fn find_by_provider_ref(
        &self,
        tenant_id: TenantId,
        account_id: ProviderAccountId,
        provider_ref: &ProviderRef,
    ) -> Result<Option<DeliveryKey>, DeliveryError>;

    /// When an attempt was started.
    ///
    /// # Errors
    /// Where storage is away.
    async fn get_attempt_start(
        &self,
        key: DeliveryKey,
        attempt_no: i16,
    ) -> Result<Option<AttemptStarted>, DeliveryError>;

    /// What the receipt says that a delivery's bad state comes from.
    ///
    /// # Errors
    /// Where storage is away or the row cannot be read.
    async fn get_bad_news(&self, key: DeliveryKey) -> Result<Option<Failure>, DeliveryError>;

    /// How many deliveries of each tenant wait, up to the bound beside it, of those due from an instant.
    ///
    /// # Errors
    /// Where storage is away.
    async fn count_waiting(
        &self,
        tenants: &[(TenantId, i64)],
        due_from: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<(TenantId, i64)>, DeliveryError>;

    /// Parked receipts whose attempt is known by now, among the `limit` latest since an instant.
    ///
    /// # Errors
    /// Where storage is away or a row cannot be read.
    async fn list_parked_matches(&self, since: Timestamp, limit: i64) -> Result<Vec<ParkedMatch>, DeliveryError>;

    /// The parts of a table that are swept in this turn.
    ///
    /// # Errors
    /// Where storage is away.
    async fn list_stretches(&self, swept: Swept, turn: u64) -> Result<Vec<Stretch>, DeliveryError>;

    /// Deletes what may go of one part; how many rows went.
    ///
    /// # Errors
    /// Where storage is away.
    async fn sweep_stretch(&self, swept: Swept, stretch: &Stretch, bounds: &SweepBounds) -> Result<u64, DeliveryError>;
}

/// One process's leases in a placement, and who else is there: see [`carepost_store::Leases`].
#[async_trait]
pub trait LeaseBook: Send + Sync {
    /// Takes what can be taken of these tenants, until `now + ttl`.
    ///
    /// # Errors
    /// Where storage is away.
    async fn claim(&self, tenants: &[TenantId], now: Timestamp, ttl: Duration) -> Result<Vec<Lease>, StoreError>;

    /// Moves the end of all our leases to `now + ttl`; the tenants that we lost since the last time.
    ///
    /// # Errors
    /// Where storage is away.
    async fn renew_all(&self, now: Timestamp, ttl: Duration) -> Result<Vec<TenantId>, StoreError>;

    /// Gives tenants back.
    ///
    /// # Errors
    /// Where storage is away: they run out by themselves.
    async fn release(&self, tenants: &[TenantId]) -> Result<(), StoreError>;

    /// Gives everything back.
    ///
    /// # Errors
    /// As [`Self::release`].
    async fn release_all(&self) -> Result<(), StoreError>;

    /// Everything that we hold, as far as we know.
    fn list(&self) -> Vec<Lease>;

    /// Our tenure of a tenant, as far as we know.
    fn epoch(&self, tenant_id: TenantId) -> Option<i64>;

    /// Tells the others where we are reached, and whether we are about to leave.
    ///
    /// # Errors
    /// Where storage is away.
    async fn announce(&self, address: &str, is_leaving: bool) -> Result<(), StoreError>;

    /// Everybody who is alive and was seen no longer ago than this, in one order for all.
    ///
    /// # Errors
    /// Where storage is away.
    async fn list_peers(&self, seen_within: Duration) -> Result<Vec<Peer>, StoreError>;

    /// Who works for a tenant and is alive, if anybody is.
    ///
    /// # Errors
    /// Where storage is away.
    async fn find_owner(&self, tenant_id: TenantId, now: Timestamp) -> Result<Option<Peer>, StoreError>;
}
