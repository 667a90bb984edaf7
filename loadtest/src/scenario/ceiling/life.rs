//! A connection that writes whole lives as the engine would, by the product's own statements.
//!
//! Five commits for each batch, as many as the engine's writers make of a batch that stays together: the messages, the
//! starts, the answers, and each of the two receipts. What the engine reads (fences, parked receipts) is left out.

use std::collections::HashMap;

use anyhow::{Context as _, ensure};
use carepost_kernel::{Clock, EventId, MessageId};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Statement, Transaction};
use uuid::Uuid;

use super::writer::{Store, sealed_payload};
use crate::database::Database;

const CLAIM_KEYS: &str = include_str!("../../../../domains/delivery/src/sql/claim_idempotency_keys.sql");
const INSERT_MESSAGES: &str = include_str!("../../../../domains/delivery/src/sql/insert_messages.sql");
const INSERT_DELIVERIES: &str = include_str!("../../../../domains/delivery/src/sql/insert_deliveries.sql");
const START_ATTEMPTS: &str = include_str!("../../../../domains/delivery/src/sql/start_attempts.sql");
const APPLY_CHANGES: &str = include_str!("../../../../domains/delivery/src/sql/apply_changes.sql");
const INSERT_EVENTS: &str = include_str!("../../../../domains/delivery/src/sql/insert_events.sql");
const INSERT_REFS: &str = include_str!("../../../../domains/delivery/src/sql/insert_provider_refs.sql");
const INSERT_RECEIPTS: &str = include_str!("../../../../domains/delivery/src/sql/insert_receipt_events.sql");
const MERGE_RECEIPTS: &str = include_str!("../../../../domains/delivery/src/sql/merge_receipts.sql");

/// Numbers as they stand in rows: text messages; sending, sent, delivered; awaiting a receipt; an attempt's end.
const SMS: i16 = 1;
const SENDING: i16 = 10;
const SENT: i16 = 30;
const DELIVERED: i16 = 60;
const AWAITING_RECEIPT: i16 = 12;
const ATTEMPT_FINISHED: i16 = 3;
/// Receipts: the vendor sent it on, which the answer has said already, so that nothing is merged; it arrived.
const RECEIPTS: [(i16, i16); 2] = [(2, SENT), (4, DELIVERED)];
const WINDOW: SignedDuration = SignedDuration::from_hours(72);
/// carepost_delivery::types::GateRecord: format, version 0 of the policy, no rule that objects.
const ALL_GO: Option<&[u8]> = Some(&[1, 0, 0, 0, 0]);

type Param<'a> = &'a (dyn ToSql + Sync);

/// Prepared, by their texts.
struct Statements(HashMap<&'static str, Statement>);

pub(super) struct LifeWriter {
    database: Database,
    statements: Statements,
    clock: Clock,
    payload: Vec<u8>,
    account: Uuid,
}

/// The columns that most statements share.
struct Batch {
    count: usize,
    tenants: Vec<Uuid>,
    messages: Vec<Uuid>,
    channels: Vec<i16>,
    accounts: Vec<Uuid>,
    now: Timestamp,
}

impl Batch {
    fn all<T: Clone>(&self, value: T) -> Vec<T> {
        vec![value; self.count]
    }

    /// Fresh event ids.
    fn events(&self) -> Vec<Uuid> {
        (0..self.count).map(|_| EventId::new(self.now).as_uuid()).collect()
    }

    fn hashes(&self) -> Vec<Vec<u8>> {
        (0..self.count).map(|_| Uuid::new_v4().as_bytes().to_vec()).collect()
    }
}

impl Store for LifeWriter {
    async fn connect(url: &str, clock: Clock) -> anyhow::Result<Self> {
        let database = Database::connect(url).await?;
        let statements = Statements::prepare(&database).await?;
        Ok(Self { database, statements, clock, payload: sealed_payload(), account: Uuid::new_v4() })
    }

    async fn store(&mut self, tenant: Uuid, count: u64) -> anyhow::Result<()> {
        let count = usize::try_from(count).context("count a batch")?;
        let now = self.clock.now();
        let batch = Batch {
            count,
            tenants: vec![tenant; count],
            messages: (0..count).map(|_| MessageId::new(now).as_uuid()).collect(),
            channels: vec![SMS; count],
            accounts: vec![self.account; count],
            now,
        };
        self.take_in(&batch).await.context("store messages")?;
        self.start(&batch).await.context("store starts")?;
        self.answer(&batch).await.context("store answers")?;
        for (status, state) in RECEIPTS {
            self.receive(&batch, status, state).await.context("store receipts")?;
        }
        Ok(())
    }
}

impl LifeWriter {
    async fn take_in(&mut self, batch: &Batch) -> anyhow::Result<()> {
        let expires = batch.all(batch.now + WINDOW);
        let hashes = batch.hashes();
        let payloads: Vec<&[u8]> = batch.all(self.payload.as_slice());
        let tx = self.database.client.transaction().await?;
        let claims: [Param<'_>; 6] = [&batch.tenants, &hashes, &hashes, &batch.messages, &expires, &batch.now];
        self.statements.run(&tx, CLAIM_KEYS, &claims, batch.count).await?;
        self.statements
            .run(
                &tx,
                INSERT_MESSAGES,
                &[
                    &batch.tenants,
                    &batch.messages,
                    &batch.all(batch.now),
                    &batch.all(2_i16),
                    &batch.all(3_i16),
                    &batch.all(1_i16),
                    &batch.all(vec![1_u8]),
                    &batch.all(None::<Timestamp>),
                    &expires,
                    &payloads,
                    &batch.accounts,
                ],
                batch.count,
            )
            .await?;
        self.statements
            .run(
                &tx,
                INSERT_DELIVERIES,
                &[
                    &batch.tenants,
                    &batch.messages,
                    &batch.channels,
                    &batch.all(1_i16),
                    &batch.all(batch.now),
                    &hashes,
                    &batch.all(3_i16),
                    &batch.all(Some(2_i16)),
                ],
                batch.count,
            )
            .await?;
        Ok(tx.commit().await?)
    }

    async fn start(&mut self, batch: &Batch) -> anyhow::Result<()> {
        let waits: Vec<Option<Value>> = batch.all(Some(json!([["dispatch", 5]])));
        let tx = self.database.client.transaction().await?;
        self.statements
            .run(
                &tx,
                START_ATTEMPTS,
                &[
                    &batch.tenants,
                    &batch.messages,
                    &batch.channels,
                    &batch.all(1_i16),
                    &batch.accounts,
                    &batch.events(),
                    &batch.all(batch.now),
                    &waits,
                    &batch.all(ALL_GO),
                ],
                batch.count,
            )
            .await?;
        Ok(tx.commit().await?)
    }

    async fn answer(&mut self, batch: &Batch) -> anyhow::Result<()> {
        let until = batch.all(batch.now + WINDOW);
        let refs: Vec<String> = batch.messages.iter().map(|id| format!("SM{}", id.simple())).collect();
        let tx = self.database.client.transaction().await?;
        self.statements
            .run(
                &tx,
                APPLY_CHANGES,
                &[
                    &batch.tenants,
                    &batch.messages,
                    &batch.channels,
                    &batch.all(1_i16),
                    &batch.all(SENDING),
                    &batch.all(SENT),
                    &batch.all(Some(AWAITING_RECEIPT)),
                    &until,
                    &batch.all(true),
                    &batch.all(false),
                    &batch.all(0_i16),
                    &batch.all(None::<&str>),
                    &batch.all(Some(batch.now)),
                    &batch.all(None::<Timestamp>),
                ],
                batch.count,
            )
            .await?;
        self.statements
            .run(
                &tx,
                INSERT_EVENTS,
                &[
                    &batch.tenants,
                    &batch.messages,
                    &batch.events(),
                    &batch.channels,
                    &batch.all(ATTEMPT_FINISHED),
                    &batch.all(batch.now),
                    &batch.all(1_i16),
                    &batch.all(Some(SENT)),
                    &batch.all(Some(AWAITING_RECEIPT)),
                    &until,
                    &batch.all(None::<i16>),
                    &batch.all(None::<&str>),
                    &batch.accounts,
                    &batch.all(None::<Value>),
                    &batch.all(None::<&[u8]>),
                ],
                batch.count,
            )
            .await?;
        let params: [Param<'_>; 6] =
            [&batch.tenants, &batch.accounts, &refs, &batch.messages, &batch.channels, &batch.all(1_i16)];
        self.statements.run(&tx, INSERT_REFS, &params, batch.count).await?;
        Ok(tx.commit().await?)
    }

    async fn receive(&mut self, batch: &Batch, status: i16, state: i16) -> anyhow::Result<()> {
        let merged = if state > SENT { batch.count } else { 0 };
        let tx = self.database.client.transaction().await?;
        self.statements
            .run(
                &tx,
                INSERT_RECEIPTS,
                &[
                    &batch.tenants,
                    &batch.messages,
                    &batch.events(),
                    &batch.channels,
                    &batch.all(batch.now),
                    &batch.all(1_i16),
                    &batch.all(Some(state)),
                    &batch.all(None::<i16>),
                    &batch.all(None::<&str>),
                    &batch.accounts,
                    &batch.all(status),
                    &batch.hashes(),
                ],
                batch.count,
            )
            .await?;
        self.statements
            .run(
                &tx,
                MERGE_RECEIPTS,
                &[
                    &batch.tenants,
                    &batch.messages,
                    &batch.channels,
                    &batch.all(1_i16),
                    &batch.all(state),
                    &batch.all(batch.now + WINDOW),
                    &batch.now,
                ],
                merged,
            )
            .await?;
        Ok(tx.commit().await?)
    }
}

impl Statements {
    async fn prepare(database: &Database) -> anyhow::Result<Self> {
        let mut prepared = HashMap::new();
        for text in [
            CLAIM_KEYS,
            INSERT_MESSAGES,
            INSERT_DELIVERIES,
            START_ATTEMPTS,
            APPLY_CHANGES,
            INSERT_EVENTS,
            INSERT_REFS,
            INSERT_RECEIPTS,
            MERGE_RECEIPTS,
        ] {
            prepared.insert(text, database.client.prepare(text).await.context("prepare a statement of the product")?);
        }
        Ok(Self(prepared))
    }

    /// Runs one that must touch so many rows: a statement that finds nothing to do is quick, and no ceiling.
    async fn run(&self, tx: &Transaction<'_>, text: &str, params: &[Param<'_>], rows: usize) -> anyhow::Result<()> {
        let statement = self.0.get(text).context("find a prepared statement")?;
        let touched = tx.execute(statement, params).await?;
        let purpose = text.lines().next().unwrap_or_default();
        ensure!(touched == rows as u64, "touch {rows} rows, not {touched}: {purpose}");
        Ok(())
    }
}
