//! A connection that writes rows as the engine would.

use anyhow::Context as _;
use carepost_kernel::{Clock, MessageId};
use tokio_postgres::Statement;
use uuid::Uuid;

use crate::database::Database;

const INSERT_ONE: &str = include_str!("../../sql/insert_one.sql");
const INSERT_MANY: &str = include_str!("../../sql/insert_many.sql");
/// A sealed body of about 300 bytes with its recipient: what the samples come to.
const PAYLOAD_BYTES: usize = 450;

/// A connection that stores this many messages at a time.
pub(super) trait Store: Send + Sized + 'static {
    fn connect(url: &str, clock: Clock) -> impl Future<Output = anyhow::Result<Self>> + Send;

    fn store(&mut self, tenant: Uuid, count: u64) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Ciphertext does not compress, so neither may this.
pub(super) fn sealed_payload() -> Vec<u8> {
    (0..PAYLOAD_BYTES as u64).map(|place| crate::number::spread(place).to_le_bytes()[0]).collect()
}

pub(super) struct Writer {
    database: Database,
    one: Statement,
    many: Statement,
    clock: Clock,
    payload: Vec<u8>,
}

impl Store for Writer {
    async fn connect(url: &str, clock: Clock) -> anyhow::Result<Self> {
        let database = Database::connect(url).await?;
        let one = database.client.prepare(INSERT_ONE).await.context("prepare the statement for one")?;
        let many = database.client.prepare(INSERT_MANY).await.context("prepare the statement for many")?;
        Ok(Self { database, one, many, clock, payload: sealed_payload() })
    }

    /// Stores this many messages with one commit.
    async fn store(&mut self, tenant: Uuid, count: u64) -> anyhow::Result<()> {
        let ids: Vec<Uuid> = (0..count).map(|_| MessageId::new(self.clock.now()).as_uuid()).collect();
        let hashes: Vec<Vec<u8>> = ids.iter().map(|_| Uuid::new_v4().as_bytes().to_vec()).collect();
        let client = &self.database.client;
        if let ([id], [hash]) = (ids.as_slice(), hashes.as_slice()) {
            client.execute(&self.one, &[&tenant, id, &self.payload, hash]).await.context("store one message")?;
            return Ok(());
        }
        let payloads: Vec<&[u8]> = ids.iter().map(|_| self.payload.as_slice()).collect();
        client.execute(&self.many, &[&tenant, &ids, &payloads, &hashes]).await.context("store a batch")?;
        Ok(())
    }
}
