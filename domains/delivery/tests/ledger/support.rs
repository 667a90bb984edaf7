//! A placement of its own for each test, one tenant that this process owns, and messages in it.

use std::sync::Arc;
use std::time::Duration;

use carepost_delivery::ingest::{Ingested, commit_messages};
use carepost_delivery::ledger::{AttemptStart, Decision, LedgerBatch, LedgerReport, Receipt, commit_ledger};
use carepost_delivery::rules::Change;
use carepost_delivery::types::{NewDelivery, NewMessage, Payload};
use carepost_delivery::{DeliveryError, DeliveryEvent, DeliveryKey, DeliveryState, EventKind, Strategy};
use carepost_kernel::{
    Channel, EventId, InstanceId, MessageId, Phi, PlacementId, Priority, ProviderAccountId, ProviderRef, Purpose,
    ReceiptStatus, Secret, TenantId, WaitReason,
};
use carepost_store::{
    DatabaseConfig, EngineConnection, IoRuntime, Leases, Placement, SchemaName, ensure_partitions, migrate_placement,
};
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::{Client, NoTls};

pub(crate) fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// The server that `scripts/with-postgres` has started.
#[expect(clippy::disallowed_methods, reason = "the script hands the address over in the environment")]
fn server_url() -> String {
    std::env::var("CAREPOST_TEST_DATABASE_URL")
        .expect("CAREPOST_TEST_DATABASE_URL is not set: run through scripts/with-postgres")
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(async move {
        // Ends with the server; the client shows it.
        let _ended = connection.await;
    });
    client
}

/// A migrated placement with one tenant.
pub(crate) struct World {
    /// The owner of the tables, who sees every row.
    pub(crate) owner: Client,
    placement: Placement,
    pub(crate) tenant_id: TenantId,
    pub(crate) account_id: ProviderAccountId,
    pub(crate) instance: InstanceId,
    pub(crate) epoch: i64,
    _leases: Leases,
    _io: IoRuntime,
}

impl World {
    pub(crate) async fn new() -> Self {
        let name = format!("test_{}", PlacementId::new(noon()).as_uuid().simple());
        connect(&server_url()).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let url = format!("{} dbname={name}", server_url());
        let config = DatabaseConfig::new(Secret::new(url.clone()));
        let schema = SchemaName::new("care").unwrap();
        migrate_placement(&config, &schema).await.unwrap();
        let io = IoRuntime::start().unwrap();
        let placement = Placement::connect(PlacementId::new(noon()), &config, &schema, &io).await.unwrap();
        ensure_partitions(&placement, noon(), 1).await.unwrap();
        let owner = connect(&url).await;
        owner.batch_execute("SET search_path = care").await.unwrap();
        let (instance, tenant_id) = (InstanceId::new(noon()), TenantId::new(noon()));
        let leases = Leases::start(&placement, instance).await.unwrap();
        let held = leases.claim(&[tenant_id], noon(), Duration::from_secs(3600)).await.unwrap();
        let (account_id, epoch) = (ProviderAccountId::new(noon()), held[0].epoch);
        Self { owner, placement, tenant_id, account_id, instance, epoch, _leases: leases, _io: io }
    }

    pub(crate) async fn engine(&self) -> EngineConnection {
        self.placement.engine().await.unwrap()
    }

    /// A stored message with its first deliveries.
    pub(crate) async fn message(&self, strategy: Strategy, channels: &[Channel]) -> MessageId {
        let first = if strategy == Strategy::All { channels.len() } else { 1 };
        let message = NewMessage {
            tenant_id: self.tenant_id,
            message_id: MessageId::new(noon()),
            created_at: noon(),
            purpose: Purpose::Treatment,
            priority: Priority::Normal,
            strategy,
            channels: channels.to_vec(),
            scheduled_at: None,
            expires_at: noon() + SignedDuration::from_hours(72),
            payload: Arc::new(Phi::new(Payload::default())),
            payload_sealed: vec![1, 2, 3],
            deliveries: channels.iter().take(first).map(|channel| new_delivery(*channel)).collect(),
            idempotency: None,
            api_key_id: None,
            links: Vec::new(),
        };
        let held = [(self.tenant_id, self.epoch)];
        let mut connection = self.engine().await;
        let fates = commit_messages(&mut connection, self.instance, &held, &[&message], noon()).await.unwrap();
        assert_eq!(fates, [Ingested::Stored]);
        message.message_id
    }

    pub(crate) const fn key(&self, message_id: MessageId, channel: Channel) -> DeliveryKey {
        DeliveryKey { tenant_id: self.tenant_id, message_id, channel }
    }

    pub(crate) fn start(&self, key: DeliveryKey, attempt_no: i16) -> AttemptStart {
        let (account_id, event_id) = (self.account_id, EventId::new(noon()));
        AttemptStart { key, attempt_no, account_id, event_id, at: noon(), waits: Vec::new(), gate: None, counts: None }
    }

    /// News of an attempt; equal numbers are copies.
    pub(crate) fn receipt(&self, key: DeliveryKey, attempt_no: i16, status: ReceiptStatus, copy: u8) -> Receipt {
        let mut receipt_key = [copy; 16];
        receipt_key[0] = u8::try_from(attempt_no).unwrap();
        receipt_key[1] = status as u8;
        Receipt {
            tenant_id: self.tenant_id,
            account_id: self.account_id,
            provider_ref: ProviderRef::from(key.attempt(attempt_no)),
            attempt: Some(key.attempt(attempt_no)),
            status,
            failure: None,
            at: noon(),
            key: receipt_key,
            wait_until: noon() + SignedDuration::from_hours(1),
        }
    }

    /// Commits a batch as this tenant's owner.
    pub(crate) async fn commit(&self, batch: LedgerBatch) -> LedgerReport {
        let report = self.try_commit(batch).await.unwrap();
        assert_eq!(report.refused, []);
        report
    }

    async fn try_commit(&self, batch: LedgerBatch) -> Result<LedgerReport, DeliveryError> {
        let batch = LedgerBatch { held: vec![(self.tenant_id, self.epoch)], ..batch };
        commit_ledger(&mut self.engine().await, self.instance, &batch, noon()).await
    }

    pub(crate) async fn try_decide(&self, decision: &Decision) -> Result<LedgerReport, DeliveryError> {
        self.try_commit(LedgerBatch { decisions: vec![decision.clone()], ..LedgerBatch::default() }).await
    }

    pub(crate) async fn decide(&self, decision: &Decision) -> LedgerReport {
        self.try_decide(decision).await.unwrap()
    }

    /// What a delivery's row says: attempt, state, whether it is open.
    pub(crate) async fn row(&self, key: DeliveryKey) -> Option<(i16, DeliveryState, bool)> {
        let sql = "SELECT attempt_no, state, is_open FROM deliveries WHERE message_id = $1 AND channel = $2";
        let found = self.owner.query_opt(sql, &[&key.message_id.as_uuid(), &key.channel.as_i16()]).await.unwrap();
        found.map(|row| (row.get(0), DeliveryState::from_i16(row.get(1)).unwrap(), row.get(2)))
    }

    /// The ids of a delivery's history, in order.
    pub(crate) async fn event_ids(&self, key: DeliveryKey) -> Vec<EventId> {
        let sql = "SELECT event_id FROM delivery_events WHERE message_id = $1 AND channel = $2 ORDER BY event_id";
        let rows = self.owner.query(sql, &[&key.message_id.as_uuid(), &key.channel.as_i16()]).await.unwrap();
        rows.iter().map(|row| EventId::from_uuid(row.get(0))).collect()
    }

    /// The kinds and states of a delivery's history, in order.
    pub(crate) async fn history(&self, key: DeliveryKey) -> Vec<(EventKind, Option<DeliveryState>)> {
        let sql = "SELECT kind, state FROM delivery_events WHERE message_id = $1 AND channel = $2 ORDER BY event_id";
        let rows = self.owner.query(sql, &[&key.message_id.as_uuid(), &key.channel.as_i16()]).await.unwrap();
        let state = |number: Option<i16>| number.map(|number| DeliveryState::from_i16(number).unwrap());
        rows.iter().map(|row| (EventKind::from_i16(row.get(0)).unwrap(), state(row.get(1)))).collect()
    }
}

pub(crate) fn new_delivery(channel: Channel) -> NewDelivery {
    NewDelivery { channel, recipient_hash: [7; 16], priority: Priority::Normal, segments: None }
}

/// The outcome of a call as the engine decides on it.
pub(crate) fn outcome(key: DeliveryKey, attempt_no: i16, state: DeliveryState, is_open: bool) -> Decision {
    let change = Change {
        key,
        attempt_no,
        state,
        reason: is_open.then_some(WaitReason::AwaitingReceipt),
        due_at: noon() + SignedDuration::from_mins(5),
        is_open,
        failures: 0,
        code: None,
        sent_at: (state == DeliveryState::Sent).then(noon),
        finished_at: (!is_open).then(noon),
    };
    let event =
        DeliveryEvent { state: Some(state), ..DeliveryEvent::new(key, EventKind::AttemptFinished, attempt_no, noon()) };
    Decision {
        from: DeliveryState::Sending,
        change,
        events: vec![event],
        provider_refs: Vec::new(),
        account_id: None,
        fallback: None,
        creates: None,
        is_fact: true,
        tried: Vec::new(),
    }
}
