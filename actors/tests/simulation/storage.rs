//! The seam of storage over the model, as one process sees it through the weather: slow, refused, torn off before or
//! after a commit, away, frozen, or cut off for ever by the process's death.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use carepost_actors::journal::{Heard, HeardWord, Journal, JournalSource, LeaseBook, OpenJournal, Session};
use carepost_consent::ConsentError;
use carepost_consent::commands::Suppress;
use carepost_consent::types::{AddressKey, ConsentChange, ContactFacts, SuppressionFact, SuppressionReason};
use carepost_delivery::gate::Rulebook;
use carepost_delivery::gate::dress::SecureCopy;
use carepost_delivery::ingest::Ingested;
use carepost_delivery::ledger::{LedgerBatch, LedgerReport};
use carepost_delivery::store::{
    AttemptStarted, DueChannel, DuePlace, DueRow, InboundRecord, NewInbound, ParkedMatch, PutOff, RedriveFilter,
    Redriven, StoredInbound, Stretch, SweepBounds, Swept,
};
use carepost_delivery::{DeliveryError, DeliveryEvent, DeliveryKey, NewMessage};
use carepost_kernel::{
    AttemptRef, Channel, EventId, Failure, InboundId, InstanceId, MessageId, Phi, PlacementId, Priority,
    ProviderAccountId, ProviderRef, TenantId,
};
use carepost_store::{DroppedPartitions, Lease, Partition, Peer, StoreError};
use carepost_tenancy::TenantHandle;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::model::Tables;
use crate::plants::Plant;
use crate::process::Process;
use crate::weather::Fate;

/// Storage as one process reaches it.
#[derive(Clone)]
pub(crate) struct Storage {
    pub(crate) process: Arc<Process>,
}

fn away(reason: &'static str) -> StoreError {
    StoreError::Unavailable { reason, code: None }
}

impl Storage {
    /// Does something to the tables, at one moment.
    async fn pass<T>(&self, work: impl FnOnce(&mut Tables) -> T + Send) -> Result<T, (StoreError, bool)> {
        let (process, world) = (&self.process, &self.process.world);
        process.breathe().await;
        if world.is_storage_away() {
            tokio::time::sleep(world.latency()).await;
            process.breathe().await;
            return Err((away("it is away"), false));
        }
        let fate = world.fate();
        if fate == Fate::Slow {
            tokio::time::sleep(world.slowness()).await;
        }
        tokio::time::sleep(world.latency()).await;
        process.breathe_or_leave(fate).await;
        if fate == Fate::Refused {
            return Err((away("the connection broke"), false));
        }
        let done = work(&mut world.tables());
        tokio::time::sleep(world.latency()).await;
        process.breathe().await;
        if fate == Fate::Torn {
            return Err((away("the connection broke"), true));
        }
        Ok(done)
    }

    /// Asks the tables: whether the question or the answer is lost makes no difference.
    async fn ask<T>(&self, question: impl FnOnce(&Tables) -> T + Send) -> Result<T, StoreError> {
        let (process, world) = (&self.process, &self.process.world);
        process.breathe().await;
        let (is_away, fate) = (world.is_storage_away(), world.fate());
        if fate == Fate::Slow {
            tokio::time::sleep(world.slowness()).await;
        }
        tokio::time::sleep(world.latency()).await;
        process.breathe().await;
        if is_away || matches!(fate, Fate::Refused | Fate::Torn) {
            return Err(away("the connection broke"));
        }
        Ok(question(&world.tables()))
    }

    async fn read<T>(&self, question: impl FnOnce(&Tables) -> T + Send) -> Result<T, DeliveryError> {
        Ok(self.ask(question).await?)
    }

    fn hides_due_rows(&self) -> bool {
        self.process.world.plant == Some(Plant::DueRowsHidden)
    }

    fn instance(&self) -> InstanceId {
        self.process.instance
    }
}

#[async_trait]
impl JournalSource for Storage {
    fn list(&self) -> Vec<PlacementId> {
        vec![self.process.world.placement_id]
    }

    async fn open(&self, _: PlacementId, instance: InstanceId) -> Option<Result<OpenJournal, StoreError>> {
        let shown = self.pass(|tables| tables.alive.insert(instance)).await;
        let leases = Book { storage: self.clone(), held: Mutex::default() };
        let opened = OpenJournal { journal: Arc::new(self.clone()), leases: Arc::new(leases) };
        Some(shown.map(|_| opened).map_err(|(error, _)| error))
    }

    fn report(&self) {}
}

#[async_trait]
impl Journal for Storage {
    async fn connect(&self) -> Result<Box<dyn Session>, StoreError> {
        self.process.breathe().await;
        if self.process.world.is_storage_away() {
            tokio::time::sleep(self.process.world.latency()).await;
            return Err(away("no connection came up in time"));
        }
        Ok(Box::new(self.clone()))
    }

    async fn list_event_stream(
        &self,
        _: TenantId,
        _: EventId,
        _: EventId,
        _: i64,
    ) -> Result<Vec<DeliveryEvent>, DeliveryError> {
        panic!("no endpoint is told in the simulation")
    }

    async fn settle_policies(&self, _: Timestamp) -> Result<usize, DeliveryError> {
        Ok(0)
    }

    async fn hear(&self, _: &TenantHandle, _: &HeardWord, _: Timestamp) -> Result<Heard, DeliveryError> {
        panic!("nobody writes to the tenants of the simulation")
    }

    async fn suppress(&self, _: &TenantHandle, _: &Suppress, _: Timestamp) -> Result<Vec<AddressKey>, DeliveryError> {
        // Its vendors speak of addresses that its worlds write to again and again: what holds for them is not its matter.
        Ok(Vec::new())
    }

    async fn reopen(
        &self,
        _: &TenantHandle,
        _: Channel,
        _: &Phi<String>,
        _: Timestamp,
    ) -> Result<Vec<AddressKey>, DeliveryError> {
        panic!("nobody comes back in the simulation")
    }

    async fn sweep_consent(&self, _: Timestamp) -> Result<u64, DeliveryError> {
        Ok(0)
    }

    async fn ensure_partitions(&self, _: Timestamp, _: u16) -> Result<(), StoreError> {
        Ok(())
    }

    async fn drop_partitions_before(&self, _: Date) -> Result<DroppedPartitions, StoreError> {
        Ok(DroppedPartitions::default())
    }

    async fn index_past_days(&self, _: Date) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    async fn list_partitions(&self) -> Result<Vec<Partition>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Session for Storage {
    async fn commit_messages(
        &mut self,
        owner: InstanceId,
        held: &[(TenantId, i64)],
        messages: &[&NewMessage],
        now: Timestamp,
    ) -> Result<Vec<Ingested>, DeliveryError> {
        let (world, process) = (&self.process.world, &self.process);
        let messages: Vec<NewMessage> = messages.iter().map(|message| (*message).clone()).collect();
        let commit = |tables: &mut Tables| world.watch_messages(tables, process, owner, held, &messages, now);
        self.pass(commit).await.map_err(|(error, _)| DeliveryError::Store(error))
    }

    async fn commit_ledger(
        &mut self,
        owner: InstanceId,
        batch: &LedgerBatch,
        now: Timestamp,
    ) -> Result<LedgerReport, DeliveryError> {
        let (world, process) = (&self.process.world, &self.process);
        let commit = |tables: &mut Tables| world.watch_ledger(tables, process, owner, batch, now);
        self.pass(commit).await.map_err(|(error, is_sent)| match is_sent {
            true => DeliveryError::Unseen(error),
            false => DeliveryError::Store(error),
        })
    }

    async fn advance_deliveries(
        &mut self,
        owner: InstanceId,
        held: (TenantId, i64),
        put_off: &PutOff,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<Channel>, DeliveryError> {
        let advance = |tables: &mut Tables| tables.advance_deliveries(owner, held, put_off, now, limit);
        self.pass(advance).await.map_err(|(error, _)| DeliveryError::Store(error))
    }

    async fn redrive(
        &mut self,
        _: InstanceId,
        _: (TenantId, i64),
        _: &RedriveFilter,
        _: u32,
        _: Option<(Timestamp, Timestamp)>,
    ) -> Result<Option<Redriven>, DeliveryError> {
        panic!("nothing is redriven in the simulation")
    }

    async fn load_facts(
        &self,
        tenant_id: TenantId,
        keys: &[AddressKey],
        _: Timestamp,
    ) -> Result<Vec<ContactFacts>, ConsentError> {
        let known = |tables: &Tables| keys.iter().map(|key| facts(tables, tenant_id, *key)).collect();
        self.read(known).await.map_err(consent_away)
    }

    async fn load_policy(&self, _: TenantId, _: Timestamp) -> Result<Rulebook, DeliveryError> {
        self.read(|_| Rulebook::built_in()).await
    }

    async fn list_consent_changes(&self, since: Timestamp) -> Result<Vec<ConsentChange>, ConsentError> {
        let news = |tables: &Tables| {
            tables.consent_changes.iter().filter(|change| change.at >= since).copied().collect::<Vec<_>>()
        };
        self.read(news).await.map_err(consent_away)
    }

    async fn insert_inbound(&self, _: &NewInbound) -> Result<StoredInbound, DeliveryError> {
        panic!("nobody writes to the tenants of the simulation")
    }

    async fn put_in_app(
        &self,
        _: &TenantHandle,
        _: MessageId,
        _: &SecureCopy,
        _: Timestamp,
    ) -> Result<(), DeliveryError> {
        panic!("nothing speaks of health in the simulation")
    }

    async fn find_last_send(
        &self,
        _: TenantId,
        _: AddressKey,
        _: Timestamp,
    ) -> Result<Option<MessageId>, ConsentError> {
        panic!("nobody writes to the tenants of the simulation")
    }

    async fn finish_inbound(
        &self,
        _: (TenantId, InboundId),
        _: Option<&AttemptRef>,
        _: Timestamp,
    ) -> Result<Option<DeliveryEvent>, DeliveryError> {
        panic!("nobody writes to the tenants of the simulation")
    }

    async fn list_open_inbound(
        &self,
        _: &[TenantId],
        _: Timestamp,
        _: i64,
    ) -> Result<Vec<(TenantId, InboundRecord)>, DeliveryError> {
        self.read(|_| Vec::new()).await
    }

    async fn find_by_provider_ref(
        &self,
        tenant_id: TenantId,
        account_id: ProviderAccountId,
        provider_ref: &ProviderRef,
    ) -> Result<Option<DeliveryKey>, DeliveryError> {
        self.read(|tables| tables.find_by_provider_ref(tenant_id, account_id, provider_ref)).await
    }

    async fn list_due_deliveries(
        &self,
        of: (TenantId, Channel, Priority),
        due_until: Timestamp,
        after: DuePlace,
        limit: i64,
    ) -> Result<Vec<DueRow>, DeliveryError> {
        let due = self.read(|tables| tables.list_due_deliveries(of, due_until, after, limit)).await?;
        Ok(if self.hides_due_rows() { Vec::new() } else { due })
    }

    async fn list_due_channels(
        &self,
        due_from: Timestamp,
        due_until: Timestamp,
    ) -> Result<Vec<DueChannel>, DeliveryError> {
        let due = self.read(|tables| tables.list_due_channels(due_from, due_until)).await?;
        Ok(if self.hides_due_rows() { Vec::new() } else { due })
    }

    async fn get_delivery(&self, key: DeliveryKey) -> Result<Option<DueRow>, DeliveryError> {
        self.read(|tables| tables.get_delivery(key)).await
    }

    async fn get_attempt_start(
        &self,
        key: DeliveryKey,
        attempt_no: i16,
    ) -> Result<Option<AttemptStarted>, DeliveryError> {
        self.read(|tables| tables.get_attempt_start(key, attempt_no)).await
    }

    async fn get_bad_news(&self, key: DeliveryKey) -> Result<Option<Failure>, DeliveryError> {
        self.read(|tables| tables.get_bad_news(key)).await
    }

    async fn count_waiting(
        &self,
        tenants: &[(TenantId, i64)],
        due_from: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<(TenantId, i64)>, DeliveryError> {
        self.read(|tables| tables.count_waiting(tenants, due_from, now)).await
    }

    async fn list_parked_matches(&self, since: Timestamp, limit: i64) -> Result<Vec<ParkedMatch>, DeliveryError> {
        self.read(|tables| tables.list_parked_matches(since, limit)).await
    }

    async fn list_stretches(&self, _: Swept, _: u64) -> Result<Vec<Stretch>, DeliveryError> {
        Ok(Vec::new())
    }

    async fn sweep_stretch(&self, _: Swept, _: &Stretch, _: &SweepBounds) -> Result<u64, DeliveryError> {
        Ok(0)
    }
}

/// Nobody is known in the simulation's worlds; some have opted out.
fn facts(tables: &Tables, tenant_id: TenantId, key: AddressKey) -> ContactFacts {
    let opted_out = tables.opt_outs.get(&(tenant_id, key));
    let suppression =
        |since: &Timestamp| SuppressionFact { reason: SuppressionReason::OptedOut, since: *since, until: None };
    ContactFacts {
        key,
        people: Vec::new(),
        suppressions: opted_out.map(suppression).into_iter().collect(),
        sends: Vec::new(),
    }
}

fn consent_away(error: DeliveryError) -> ConsentError {
    match error {
        DeliveryError::Store(source) => ConsentError::Store { tried: "ask the model", source },
        other => panic!("the model says nothing else: {other}"),
    }
}

/// One process's leases: what `carepost_store::Leases` keeps in memory, over the model.
struct Book {
    storage: Storage,
    held: Mutex<BTreeMap<TenantId, i64>>,
}

impl Book {
    fn held(&self) -> std::sync::MutexGuard<'_, BTreeMap<TenantId, i64>> {
        self.held.lock().unwrap()
    }

    async fn pass<T>(&self, work: impl FnOnce(&mut Tables) -> T + Send) -> Result<T, StoreError> {
        self.storage.pass(work).await.map_err(|(error, _)| error)
    }
}

fn end_of(now: Timestamp, ttl: Duration) -> Timestamp {
    now + SignedDuration::try_from(ttl).unwrap()
}

#[async_trait]
impl LeaseBook for Book {
    async fn claim(&self, tenants: &[TenantId], now: Timestamp, ttl: Duration) -> Result<Vec<Lease>, StoreError> {
        let us = self.storage.instance();
        let claimed = self
            .pass(|tables| {
                tables.alive.insert(us);
                tables.claim(us, tenants, now, end_of(now, ttl))
            })
            .await?;
        self.held().extend(claimed.iter().map(|lease| (lease.tenant_id, lease.epoch)));
        self.storage.process.world.note(|names| format!("{} claims {}", names.process(us), names.leases(&claimed)));
        Ok(claimed)
    }

    async fn renew_all(&self, now: Timestamp, ttl: Duration) -> Result<Vec<TenantId>, StoreError> {
        let us = self.storage.instance();
        let before = self.held().clone();
        let believed: Vec<TenantId> = before.keys().copied().collect();
        let ours = self
            .pass(|tables| {
                tables.alive.insert(us);
                tables.renew(us, &believed, end_of(now, ttl))
            })
            .await?;
        let is_ours = |tenant_id: TenantId, epoch: i64| ours.contains(&Lease { tenant_id, epoch });
        let mut held = self.held();
        let is_lost =
            |(tenant_id, epoch): &(TenantId, i64)| !is_ours(*tenant_id, *epoch) && held.get(tenant_id) == Some(epoch);
        let lost: Vec<TenantId> = before.into_iter().filter(is_lost).map(|(tenant_id, _)| tenant_id).collect();
        lost.iter().for_each(|tenant_id| _ = held.remove(tenant_id));
        Ok(lost)
    }

    async fn release(&self, tenants: &[TenantId]) -> Result<(), StoreError> {
        self.held().retain(|tenant_id, _| !tenants.contains(tenant_id));
        let us = self.storage.instance();
        self.pass(|tables| tables.release(us, tenants)).await
    }

    async fn release_all(&self) -> Result<(), StoreError> {
        let tenants: Vec<TenantId> = self.held().keys().copied().collect();
        self.release(&tenants).await
    }

    fn list(&self) -> Vec<Lease> {
        self.held().iter().map(|(tenant_id, epoch)| Lease { tenant_id: *tenant_id, epoch: *epoch }).collect()
    }

    fn epoch(&self, tenant_id: TenantId) -> Option<i64> {
        self.held().get(&tenant_id).copied()
    }

    async fn announce(&self, address: &str, is_leaving: bool) -> Result<(), StoreError> {
        let (us, now) = (self.storage.instance(), self.storage.process.world.clock.now());
        self.pass(|tables| tables.announce(us, address, is_leaving, now)).await
    }

    async fn list_peers(&self, seen_within: Duration) -> Result<Vec<Peer>, StoreError> {
        let seen_after = self.storage.process.world.clock.now() - SignedDuration::try_from(seen_within).unwrap();
        self.storage.ask(|tables| tables.list_peers(seen_after)).await
    }

    async fn find_owner(&self, tenant_id: TenantId, now: Timestamp) -> Result<Option<Peer>, StoreError> {
        self.storage.ask(|tables| tables.find_owner(tenant_id, now)).await
    }
}
