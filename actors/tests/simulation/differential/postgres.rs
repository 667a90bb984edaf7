//! A placement in a database of its own, and its rows and the model's as text.

use std::collections::BTreeMap;

use carepost_kernel::{InstanceId, PlacementId, Secret, TenantId};
use carepost_store::{DatabaseConfig, IoRuntime, Leases, Placement, SchemaName, ensure_partitions, migrate_placement};
use jiff::Timestamp;
use tokio_postgres::{Client, NoTls};

use crate::model::Tables;

/// Rows of each table as text, in one order.
pub(super) type Dump = BTreeMap<&'static str, Vec<String>>;

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

/// The placement, with two instances that are alive.
pub(super) struct Database {
    pub(super) placement: Placement,
    pub(super) start: Timestamp,
    pub(super) instance: InstanceId,
    pub(super) leases: Leases,
    pub(super) other: InstanceId,
    pub(super) others: Leases,
    owner: Client,
    _io: IoRuntime,
}

impl Database {
    pub(super) async fn new() -> Self {
        let start: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let name = format!("test_{}", PlacementId::new(start).as_uuid().simple());
        connect(&server_url()).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let url = format!("{} dbname={name}", server_url());
        let config = DatabaseConfig::new(Secret::new(url.clone()));
        let schema = SchemaName::new("care").unwrap();
        migrate_placement(&config, &schema).await.unwrap();
        let io = IoRuntime::start().unwrap();
        let placement = Placement::connect(PlacementId::new(start), &config, &schema, &io).await.unwrap();
        ensure_partitions(&placement, start, 1).await.unwrap();
        let (instance, other) = (InstanceId::new(start), InstanceId::new(start));
        let leases = Leases::start(&placement, instance).await.unwrap();
        let others = Leases::start(&placement, other).await.unwrap();
        let owner = connect(&url).await;
        owner.batch_execute("SET search_path = care").await.unwrap();
        Self { placement, start, instance, leases, other, others, owner, _io: io }
    }

    /// Nobody has seen the instance for two hours.
    pub(super) async fn silence(&self, instance: InstanceId) {
        let sql = "UPDATE instances SET seen_at = now() - interval '2 hours' WHERE instance_id = $1";
        self.owner.execute(sql, &[&instance.as_uuid()]).await.unwrap();
    }

    /// Comes back once PostgreSQL has noticed that the connection of a dead instance is gone.
    pub(super) async fn sees_the_death_of(&self, instance: InstanceId) {
        let sql = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted \
                   AND ((classid::bigint << 32) | objid::bigint) = hashtextextended($1::text, 7310293))";
        while self.owner.query_one(sql, &[&instance.to_string()]).await.unwrap().get::<_, bool>(0) {
            tokio::task::yield_now().await;
        }
    }

    /// All leases of these tenants, in the order of their ids.
    pub(super) async fn leases(&self, tenants: &[TenantId]) -> Vec<(TenantId, InstanceId, i64, Timestamp)> {
        let sql = "SELECT tenant_id, owner_id, epoch, expires_at FROM tenant_leases WHERE tenant_id = ANY ($1) \
                   ORDER BY tenant_id";
        let tenants: Vec<uuid::Uuid> = tenants.iter().map(|tenant_id| tenant_id.as_uuid()).collect();
        let rows = self.owner.query(sql, &[&tenants]).await.unwrap();
        let lease = |row: &tokio_postgres::Row| {
            let (tenant_id, owner) = (TenantId::from_uuid(row.get(0)), InstanceId::from_uuid(row.get(1)));
            (tenant_id, owner, row.get(2), row.get(3))
        };
        rows.iter().map(lease).collect()
    }

    /// A tenant's rows.
    pub(super) async fn dump(&self, tenant_id: TenantId, into: &mut Dump) {
        for (table, columns) in [
            (
                "deliveries",
                "message_id, channel, state, reason, extract(epoch from due_at)::text, is_open, is_failed, attempt_no, \
                 failures, provider_account_id, code, extract(epoch from sent_at)::text, \
                 extract(epoch from finished_at)::text",
            ),
            (
                "delivery_events",
                "message_id, channel, kind, extract(epoch from at)::text, attempt_no, state, reason, \
                 extract(epoch from until)::text, failure_class, code, provider_account_id, receipt_status, \
                 encode(receipt_key, 'hex'), CASE WHEN kind IN (4, 8) THEN NULL ELSE event_id END",
            ),
            ("provider_refs", "provider_ref, message_id, channel, attempt_no"),
            (
                "parked_receipts",
                "provider_ref, encode(receipt_key, 'hex'), receipt_status, failure_class, code, \
                 extract(epoch from occurred_at)::text, extract(epoch from received_at)::text",
            ),
            (
                "idempotency_keys",
                "encode(key_hash, 'hex'), encode(fingerprint, 'hex'), message_id, extract(epoch from expires_at)::text",
            ),
            ("messages", "message_id, extract(epoch from expires_at)::text"),
        ] {
            let sql = format!("SELECT concat_ws('|', {}) FROM {table} WHERE tenant_id = $1", told(columns));
            let rows = self.owner.query(&sql, &[&tenant_id.as_uuid()]).await.unwrap();
            let found: &mut Vec<String> = into.entry(table).or_default();
            found.extend(rows.iter().map(|row| row.get::<_, String>(0)));
            found.sort_unstable();
        }
    }
}

/// Each column as text, and a dash where there is nothing.
fn told(columns: &str) -> String {
    let mut depth = 0;
    let parts = columns.split(|one: char| {
        depth += match one {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        one == ',' && depth == 0
    });
    let texts: Vec<String> = parts.map(|column| format!("coalesce(({})::text, '-')", column.trim())).collect();
    texts.join(", ")
}

/// The model's rows, in the same form.
pub(super) fn dump_model(tables: &Tables) -> Dump {
    let mut dump = Dump::new();
    let deliveries = tables.deliveries.iter().map(|(key, row)| {
        line(&[
            key.message_id.to_string(),
            key.channel.as_i16().to_string(),
            row.state.as_i16().to_string(),
            maybe(row.reason.map(carepost_kernel::WaitReason::as_i16)),
            seconds(row.due_at),
            row.is_open.to_string(),
            row.is_failed.to_string(),
            row.attempt_no.to_string(),
            row.failures.to_string(),
            maybe(row.account_id),
            maybe(row.code.clone()),
            maybe(row.sent_at.map(seconds)),
            maybe(row.finished_at.map(seconds)),
        ])
    });
    dump.insert("deliveries", deliveries.collect());
    let events = tables.events.values().map(|event| {
        line(&[
            event.key.message_id.to_string(),
            event.key.channel.as_i16().to_string(),
            event.kind.as_i16().to_string(),
            seconds(event.at),
            event.attempt_no.to_string(),
            maybe(event.state.map(carepost_delivery::DeliveryState::as_i16)),
            maybe(event.reason.map(carepost_kernel::WaitReason::as_i16)),
            maybe(event.until.map(seconds)),
            maybe(event.failure_class.map(carepost_kernel::FailureClass::as_i16)),
            maybe(event.code.clone()),
            maybe(event.account_id),
            maybe(event.receipt_status.map(carepost_kernel::ReceiptStatus::as_i16)),
            maybe(event.receipt_key.map(bytes)),
            maybe((!super::is_made_in_passing(event)).then_some(event.event_id)),
        ])
    });
    dump.insert("delivery_events", events.collect());
    let refs = tables.refs.iter().map(|((_, _, reference), attempt)| {
        let channel = attempt.channel.as_i16().to_string();
        line(&[reference.to_string(), attempt.message_id.to_string(), channel, attempt.attempt_no.to_string()])
    });
    dump.insert("provider_refs", refs.collect());
    let parked = tables.parked.iter().map(|((_, _, reference, key), parked)| {
        line(&[
            reference.to_string(),
            bytes(*key),
            parked.status.as_i16().to_string(),
            maybe(parked.failure.as_ref().map(|failure| failure.class.as_i16())),
            maybe(parked.failure.as_ref().map(|failure| failure.code.clone())),
            seconds(parked.occurred_at),
            seconds(parked.received_at),
        ])
    });
    dump.insert("parked_receipts", parked.collect());
    let keys = tables.keys.iter().map(|((_, key), row)| {
        line(&[bytes(*key), bytes(row.fingerprint), row.message_id.to_string(), seconds(row.expires_at)])
    });
    dump.insert("idempotency_keys", keys.collect());
    let messages = tables.messages.values();
    let messages = messages.map(|message| line(&[message.message_id.to_string(), seconds(message.expires_at)]));
    dump.insert("messages", messages.collect());
    dump.values_mut().for_each(|rows| rows.sort_unstable());
    dump
}

fn line(columns: &[String]) -> String {
    columns.join("|")
}

fn maybe(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn seconds(at: Timestamp) -> String {
    let micros = at.as_microsecond();
    format!("{}.{:06}", micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000))
}

fn bytes(all: [u8; 16]) -> String {
    all.iter().map(|byte| format!("{byte:02x}")).collect()
}
