//! PostgreSQL behind the seam: each function is the room's own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use carepost_consent::commands::{self, AddressWord, Suppress, opt_in_address, opt_out_address};
use carepost_consent::keywords::Reply;
use carepost_consent::store::SENDS_KEPT;
use carepost_consent::types::{
    Actor, ActorKind, AddressKey, ConsentChange, ConsentSource, ContactFacts, Said, SuppressionReason,
};
use carepost_consent::{ConsentError, Desk};
use carepost_delivery::gate::Rulebook;
use carepost_delivery::gate::dress::SecureCopy;
use carepost_delivery::ingest::{self, Ingested};
use carepost_delivery::ledger::{self, LedgerBatch, LedgerReport};
use carepost_delivery::store::{
    self, AttemptStarted, DueChannel, DuePlace, DueRow, InboundRecord, NewInbound, ParkedMatch, PutOff, RedriveFilter,
    Redriven, StoredInbound, Stretch, SweepBounds, Swept,
};
use carepost_delivery::types::{DeliveryKey, NewMessage};
use carepost_delivery::{DeliveryError, DeliveryEvent};
use carepost_kernel::{
    AttemptRef, Channel, EventId, Failure, InboundId, InstanceId, MessageId, Phi, PlacementId, Priority,
    ProviderAccountId, ProviderRef, TenantId,
};
use carepost_store::{
    DroppedPartitions, EngineConnection, Lease, Leases, Partition, Peer, Placement, StoreError, partitions,
};

use carepost_tenancy::TenantHandle;

use crate::placements::Placements;

use super::{Heard, HeardWord, Journal, JournalSource, LeaseBook, OpenJournal, Session};

/// Every process has heard of a change by then.
const NEWS_KEPT: SignedDuration = SignedDuration::from_mins(15);

#[async_trait]
impl JournalSource for Placements {
    fn list(&self) -> Vec<PlacementId> {
        let mut known: Vec<PlacementId> = Self::list(self).iter().map(Placement::id).collect();
        known.sort_unstable();
        known
    }

    async fn open(&self, placement_id: PlacementId, instance: InstanceId) -> Option<Result<OpenJournal, StoreError>> {
        let placement = self.get(placement_id)?;
        let leases = Leases::start(&placement, instance).await;
        Some(leases.map(|leases| OpenJournal { journal: Arc::new(placement), leases: Arc::new(leases) }))
    }

    fn report(&self) {
        carepost_store::metrics::report_pools(&Self::list(self));
    }
}

#[async_trait]
impl Journal for Placement {
    async fn connect(&self) -> Result<Box<dyn Session>, StoreError> {
        Ok(Box::new(self.engine().await?))
    }

    fn placement(&self) -> Option<&Placement> {
        Some(self)
    }

    async fn list_event_stream(
        &self,
        tenant_id: TenantId,
        after: EventId,
        until: EventId,
        limit: i64,
    ) -> Result<Vec<DeliveryEvent>, DeliveryError> {
        let mut connection = self.tenant(tenant_id).await?;
        let tx = connection.begin().await?;
        store::list_event_stream(&tx, after, until, limit).await
    }

    async fn settle_policies(&self, now: Timestamp) -> Result<usize, DeliveryError> {
        let due = carepost_consent::store::list_due_policies(&self.engine().await?, now).await?;
        let mut settled = 0;
        for tenant_id in due {
            let mut connection = self.tenant(tenant_id).await?;
            let tx = connection.begin().await?;
            if carepost_consent::commands::settle_policies(&tx, now).await? {
                tx.commit().await?;
                settled += 1;
            }
        }
        Ok(settled)
    }

    async fn hear(&self, tenant: &TenantHandle, word: &HeardWord, now: Timestamp) -> Result<Heard, DeliveryError> {
        let mut connection = self.tenant(tenant.tenant.tenant_id).await?;
        let tx = connection.begin().await?;
        let actor = Actor { kind: ActorKind::Recipient, id: "reader".to_owned() };
        let desk = Desk { tx: &tx, tenant, actor: &actor, now };
        let said = Said {
            wording: Some(word.text.clone()),
            at: Some(word.at),
            inbound_id: Some(word.inbound_id),
            ..Said::by(ConsentSource::Stop)
        };
        let said = AddressWord { channel: word.channel, address: word.from.clone(), said };
        let (mut keys, mut is_news) = (Vec::new(), false);
        match word.reply {
            // Not the patient's own word: nobody's consent is taken back, and no START of a stranger gives it again.
            Reply::Stop if word.is_wrong_number => {
                let (channel, address, source) = (word.channel, word.from.clone(), ConsentSource::Stop);
                let reason = SuppressionReason::WrongNumber;
                let suppress = Suppress { channel, address, reason, source, until: None, at: Some(word.at) };
                keys = commands::suppress(&desk, &suppress).await?.1;
            }
            Reply::Stop | Reply::Start => {
                let say = async |said| match word.reply {
                    Reply::Stop => opt_out_address(&desk, said).await,
                    _ => opt_in_address(&desk, said).await,
                };
                let opted = say(&said).await?;
                (keys, is_news) = (opted.keys, opted.is_news);
            }
            Reply::Help | Reply::Confirm | Reply::Reschedule | Reply::Other => {}
        }
        let is_answered = is_news || word.is_question;
        let understood = store::understand_inbound(&tx, word.inbound_id, word.reply.as_str(), is_answered).await?;
        tx.commit().await?;
        let reply = Reply::ALL.into_iter().find(|reply| reply.as_str() == understood.reply).unwrap_or(word.reply);
        Ok(Heard { reply, is_answered: understood.is_answered, keys })
    }

    async fn suppress(
        &self,
        tenant: &TenantHandle,
        suppress: &Suppress,
        now: Timestamp,
    ) -> Result<Vec<AddressKey>, DeliveryError> {
        let mut connection = self.tenant(tenant.tenant.tenant_id).await?;
        let tx = connection.begin().await?;
        let actor = Actor { kind: ActorKind::Provider, id: "receipt".to_owned() };
        let (_is_new, keys) = commands::suppress(&Desk { tx: &tx, tenant, actor: &actor, now }, suppress).await?;
        tx.commit().await?;
        Ok(keys)
    }

    async fn reopen(
        &self,
        tenant: &TenantHandle,
        channel: Channel,
        address: &Phi<String>,
        at: Timestamp,
    ) -> Result<Vec<AddressKey>, DeliveryError> {
        let mut connection = self.tenant(tenant.tenant.tenant_id).await?;
        let tx = connection.begin().await?;
        let actor = Actor { kind: ActorKind::Provider, id: "receipt".to_owned() };
        let desk = Desk { tx: &tx, tenant, actor: &actor, now: at };
        let said = Said { at: Some(at), ..Said::by(ConsentSource::Provider) };
        let opted = opt_in_address(&desk, &AddressWord { channel, address: address.clone(), said }).await?;
        tx.commit().await?;
        Ok(opted.keys)
    }

    async fn sweep_consent(&self, now: Timestamp) -> Result<u64, DeliveryError> {
        let before = |time| now.saturating_sub(time).unwrap_or(Timestamp::MIN);
        let connection = self.engine().await?;
        let news = carepost_consent::store::delete_old_consent_changes(&connection, before(NEWS_KEPT)).await?;
        let sends = carepost_consent::store::delete_old_contact_sends(&connection, before(SENDS_KEPT)).await?;
        Ok(news + sends)
    }

    async fn ensure_partitions(&self, now: Timestamp, days_ahead: u16) -> Result<(), StoreError> {
        partitions::ensure_partitions(self, now, days_ahead).await.map(|_| ())
    }

    async fn drop_partitions_before(&self, day: Date) -> Result<DroppedPartitions, StoreError> {
        partitions::drop_partitions_before(self, day).await
    }

    async fn index_past_days(&self, day: Date) -> Result<Vec<String>, StoreError> {
        partitions::index_past_days(self, day).await
    }

    async fn list_partitions(&self) -> Result<Vec<Partition>, StoreError> {
        partitions::list_partitions(self).await
    }
}

#[async_trait]
impl Session for EngineConnection {
    async fn commit_messages(
        &mut self,
        owner: InstanceId,
        held: &[(TenantId, i64)],
        messages: &[&NewMessage],
        now: Timestamp,
    ) -> Result<Vec<Ingested>, DeliveryError> {
        ingest::commit_messages(self, owner, held, messages, now).await
    }

    async fn commit_ledger(
        &mut self,
        owner: InstanceId,
        batch: &LedgerBatch,
        now: Timestamp,
    ) -> Result<LedgerReport, DeliveryError> {
        ledger::commit_ledger(self, owner, batch, now).await
    }

    async fn advance_deliveries(
        &mut self,
        owner: InstanceId,
        held: (TenantId, i64),
        put_off: &PutOff,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<Channel>, DeliveryError> {
        store::advance_deliveries(self, owner, held, put_off, now, limit).await
    }

    async fn redrive(
        &mut self,
        owner: InstanceId,
        held: (TenantId, i64),
        filter: &RedriveFilter,
        page: u32,
        again: Option<(Timestamp, Timestamp)>,
    ) -> Result<Option<Redriven>, DeliveryError> {
        store::redrive_deliveries(self, owner, held, filter, page, again).await
    }

    async fn load_facts(
        &self,
        tenant_id: TenantId,
        keys: &[AddressKey],
        now: Timestamp,
    ) -> Result<Vec<ContactFacts>, ConsentError> {
        carepost_consent::store::load_facts(self, tenant_id, keys, now).await
    }

    async fn load_policy(&self, tenant_id: TenantId, now: Timestamp) -> Result<Rulebook, DeliveryError> {
        let in_force = carepost_consent::store::find_policy_in_force(self, tenant_id, now).await?;
        Ok(Rulebook::of_stored(tenant_id, in_force.as_ref()))
    }

    async fn list_consent_changes(&self, since: Timestamp) -> Result<Vec<ConsentChange>, ConsentError> {
        carepost_consent::store::list_consent_changes(self, since).await
    }

    async fn insert_inbound(&self, new: &NewInbound) -> Result<StoredInbound, DeliveryError> {
        store::insert_inbound(self, new).await
    }

    async fn put_in_app(
        &self,
        tenant: &TenantHandle,
        message_id: MessageId,
        secure: &SecureCopy,
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        let (recipient, content) = (secure.recipient.expose(), secure.content.expose());
        store::put_in_app(self, tenant, message_id, recipient, content, now).await.map(|_is_new| ())
    }

    async fn find_last_send(
        &self,
        tenant_id: TenantId,
        address: AddressKey,
        until: Timestamp,
    ) -> Result<Option<MessageId>, ConsentError> {
        carepost_consent::store::find_last_send(self, tenant_id, address, until).await
    }

    async fn finish_inbound(
        &self,
        inbound: (TenantId, InboundId),
        answers: Option<&AttemptRef>,
        now: Timestamp,
    ) -> Result<Option<DeliveryEvent>, DeliveryError> {
        store::finish_inbound(self, inbound, answers, now).await
    }

    async fn list_open_inbound(
        &self,
        tenants: &[TenantId],
        before: Timestamp,
        limit: i64,
    ) -> Result<Vec<(TenantId, InboundRecord)>, DeliveryError> {
        store::list_open_inbound(self, tenants, before, limit).await
    }

    async fn list_due_deliveries(
        &self,
        of: (TenantId, Channel, Priority),
        due_until: Timestamp,
        after: DuePlace,
        limit: i64,
    ) -> Result<Vec<DueRow>, DeliveryError> {
        store::list_due_deliveries(self, of, due_until, after, limit).await
    }

    async fn list_due_channels(
        &self,
        due_from: Timestamp,
        due_until: Timestamp,
    ) -> Result<Vec<DueChannel>, DeliveryError> {
        store::list_due_channels(self, due_from, due_until).await
    }

    async fn get_delivery(&self, key: DeliveryKey) -> Result<Option<DueRow>, DeliveryError> {
        store::get_delivery(self, key).await
    }

    async fn find_by_provider_ref(
        &self,
        tenant_id: TenantId,
        account_id: ProviderAccountId,
        provider_ref: &ProviderRef,
    ) -> Result<Option<DeliveryKey>, DeliveryError> {
        store::find_by_provider_ref(self, tenant_id, account_id, provider_ref).await
    }

    async fn get_attempt_start(
        &self,
        key: DeliveryKey,
        attempt_no: i16,
    ) -> Result<Option<AttemptStarted>, DeliveryError> {
        store::get_attempt_start(self, key, attempt_no).await
    }

    async fn get_bad_news(&self, key: DeliveryKey) -> Result<Option<Failure>, DeliveryError> {
        store::get_bad_news(self, key).await
    }

    async fn count_waiting(
        &self,
        tenants: &[(TenantId, i64)],
        due_from: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<(TenantId, i64)>, DeliveryError> {
        store::count_waiting(self, tenants, due_from, now).await
    }

    async fn list_parked_matches(&self, since: Timestamp, limit: i64) -> Result<Vec<ParkedMatch>, DeliveryError> {
        store::list_parked_matches(self, since, limit).await
    }

    async fn list_stretches(&self, swept: Swept, turn: u64) -> Result<Vec<Stretch>, DeliveryError> {
        store::list_stretches(self, swept, turn).await
    }

    async fn sweep_stretch(&self, swept: Swept, stretch: &Stretch, bounds: &SweepBounds) -> Result<u64, DeliveryError> {
        store::sweep_stretch(self, swept, stretch, bounds).await
    }
}

#[async_trait]
impl LeaseBook for Leases {
    async fn claim(&self, tenants: &[TenantId], now: Timestamp, ttl: Duration) -> Result<Vec<Lease>, StoreError> {
        Self::claim(self, tenants, now, ttl).await
    }

    async fn renew_all(&self, now: Timestamp, ttl: Duration) -> Result<Vec<TenantId>, StoreError> {
        Self::renew_all(self, now, ttl).await
    }

    async fn release(&self, tenants: &[TenantId]) -> Result<(), StoreError> {
        Self::release(self, tenants).await
    }

    async fn release_all(&self) -> Result<(), StoreError> {
        Self::release_all(self).await
    }

    fn list(&self) -> Vec<Lease> {
        Self::list(self)
    }

    fn epoch(&self, tenant_id: TenantId) -> Option<i64> {
        Self::epoch(self, tenant_id)
    }

    async fn announce(&self, address: &str, is_leaving: bool) -> Result<(), StoreError> {
        Self::announce(self, address, is_leaving).await
    }

    async fn list_peers(&self, seen_within: Duration) -> Result<Vec<Peer>, StoreError> {
        Self::list_peers(self, seen_within).await
    }

    async fn find_owner(&self, tenant_id: TenantId, now: Timestamp) -> Result<Option<Peer>, StoreError> {
        Self::find_owner(self, tenant_id, now).await
    }
}
