//! The group commit of new messages (DEL-1, DEL-2): many callers' messages of one placement, one commit.
//!
//! Key, fingerprint, message and first deliveries are written by one transaction. Nobody is answered before it has
//! committed.

use std::collections::{HashMap, HashSet};

use futures_util::future::try_join;
use jiff::Timestamp;
use uuid::Uuid;

use carepost_kernel::{InstanceId, MessageId, TenantId, WaitReason};
use carepost_store::{EngineConnection, EngineTx, lease};

use crate::error::DeliveryError;
use crate::store::batch::{
    CLAIM_KEYS, INSERT_DELIVERIES, INSERT_MESSAGES, LIST_KEYS, column, hash, message_id, tenant_id,
};
use crate::types::NewMessage;

/// What became of one message of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ingested {
    /// It is stored.
    Stored,
    /// Its idempotency key belongs to an earlier message.
    Existing {
        /// Which one.
        message_id: MessageId,
        /// The body is the same; where it is not, the caller has used a key twice.
        same_body: bool,
    },
    /// The tenant is another process's by now (DEL-10).
    NotOwner,
}

type Key = (TenantId, [u8; 16]);

/// Stores a batch; answers one for one, in order.
///
/// # Errors
/// Where the database fails: then nothing is stored that was answered for, and nobody may be told otherwise.
pub async fn commit_messages(
    connection: &mut EngineConnection,
    owner: InstanceId,
    held: &[(TenantId, i64)],
    messages: &[&NewMessage],
    now: Timestamp,
) -> Result<Vec<Ingested>, DeliveryError> {
    let tx = connection.begin().await?;
    let refused: HashSet<TenantId> = lease::fence(&tx, owner, held).await?.into_iter().collect();
    let allowed: Vec<&NewMessage> =
        messages.iter().copied().filter(|message| !refused.contains(&message.tenant_id)).collect();
    let owners = claim_keys(&tx, &allowed, now).await?;
    let is_fresh = |message: &NewMessage| match message.idempotency {
        None => true,
        Some(claim) => {
            owners.get(&(message.tenant_id, claim.key_hash)).is_none_or(|owner| owner.0 == message.message_id)
        }
    };
    let fresh: Vec<&NewMessage> = allowed.iter().copied().filter(|message| is_fresh(message)).collect();
    if !fresh.is_empty() {
        try_join(insert_messages(&tx, &fresh), insert_first_deliveries(&tx, &fresh)).await?;
    }
    tx.commit().await?;
    let fate = |message: &&NewMessage| {
        if refused.contains(&message.tenant_id) {
            return Ingested::NotOwner;
        }
        match message.idempotency.and_then(|claim| owners.get(&(message.tenant_id, claim.key_hash)).zip(Some(claim))) {
            Some(((owner, fingerprint), claim)) if *owner != message.message_id => {
                Ingested::Existing { message_id: *owner, same_body: *fingerprint == claim.fingerprint }
            }
            _ => Ingested::Stored,
        }
    };
    Ok(messages.iter().map(fate).collect())
}

/// Claims the batch's keys; gives, for each key, the message that it belongs to and that one's fingerprint.
async fn claim_keys(
    tx: &EngineTx<'_>,
    messages: &[&NewMessage],
    now: Timestamp,
) -> Result<HashMap<Key, (MessageId, [u8; 16])>, DeliveryError> {
    // The first of several equal keys of a batch claims; sorted, so that two batches cannot lock each other out.
    let mut claims = HashMap::new();
    for message in messages {
        if let Some(claim) = message.idempotency {
            claims.entry((message.tenant_id, claim.key_hash)).or_insert((message.message_id, claim));
        }
    }
    if claims.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sorted: Vec<_> = claims.into_iter().collect();
    sorted.sort_unstable_by_key(|(key, _)| *key);
    let rows = tx
        .query(
            CLAIM_KEYS,
            &[
                &column!(sorted, |claim| claim.0.0.as_uuid()),
                &column!(sorted, |claim| claim.0.1.as_slice()),
                &column!(sorted, |claim| claim.1.1.fingerprint.as_slice()),
                &column!(sorted, |claim| claim.1.0.as_uuid()),
                &column!(sorted, |claim| claim.1.1.expires_at),
                &now,
            ],
        )
        .await?;
    let won = rows.iter().map(message_id).collect::<Result<HashSet<_>, _>>()?;
    let (ours, theirs): (Vec<_>, Vec<_>) = sorted.into_iter().partition(|(_, (id, _))| won.contains(id));
    let mut owners: HashMap<Key, (MessageId, [u8; 16])> =
        ours.into_iter().map(|(key, (id, claim))| (key, (id, claim.fingerprint))).collect();
    if !theirs.is_empty() {
        let tenants = column!(theirs, |claim| claim.0.0.as_uuid());
        let hashes = column!(theirs, |claim| claim.0.1.as_slice());
        for row in tx.query(LIST_KEYS, &[&tenants, &hashes]).await? {
            let key = (tenant_id(&row)?, hash(&row, "key_hash")?);
            owners.insert(key, (message_id(&row)?, hash(&row, "fingerprint")?));
        }
    }
    Ok(owners)
}

async fn insert_messages(tx: &EngineTx<'_>, fresh: &[&NewMessage]) -> Result<(), DeliveryError> {
    let plans = column!(fresh, |message| plan_bytes(message));
    tx.execute(
        INSERT_MESSAGES,
        &[
            &column!(fresh, |message| message.tenant_id.as_uuid()),
            &column!(fresh, |message| message.message_id.as_uuid()),
            &column!(fresh, |message| message.created_at),
            &column!(fresh, |message| message.purpose.as_i16()),
            &column!(fresh, |message| message.priority.as_i16()),
            &column!(fresh, |message| message.strategy.as_i16()),
            &plans,
            &column!(fresh, |message| message.scheduled_at),
            &column!(fresh, |message| message.expires_at),
            &column!(fresh, |message| message.payload_sealed.as_slice()),
            &column!(fresh, |message| message.api_key_id.map(carepost_kernel::ApiKeyId::as_uuid)),
        ],
    )
    .await?;
    Ok(())
}

fn plan_bytes(message: &NewMessage) -> Vec<u8> {
    message.channels.iter().map(|channel| *channel as u8).collect()
}

async fn insert_first_deliveries(tx: &EngineTx<'_>, fresh: &[&NewMessage]) -> Result<(), DeliveryError> {
    let rows: Vec<DeliveryInsert<'_>> = fresh
        .iter()
        .flat_map(|message| {
            let reason = if message.scheduled_at.is_some() { WaitReason::Scheduled } else { WaitReason::Dispatch };
            message.deliveries.iter().map(move |delivery| DeliveryInsert {
                tenant_id: message.tenant_id,
                message_id: message.message_id,
                reason,
                due_at: message.due_at(),
                delivery,
            })
        })
        .collect();
    insert_deliveries(tx, &rows).await
}

/// One row for `insert_deliveries.sql`.
pub(crate) struct DeliveryInsert<'a> {
    pub(crate) tenant_id: TenantId,
    pub(crate) message_id: MessageId,
    pub(crate) reason: WaitReason,
    pub(crate) due_at: Timestamp,
    pub(crate) delivery: &'a crate::types::NewDelivery,
}

pub(crate) async fn insert_deliveries(tx: &EngineTx<'_>, rows: &[DeliveryInsert<'_>]) -> Result<(), DeliveryError> {
    let tenants: Vec<Uuid> = column!(rows, |row| row.tenant_id.as_uuid());
    tx.execute(
        INSERT_DELIVERIES,
        &[
            &tenants,
            &column!(rows, |row| row.message_id.as_uuid()),
            &column!(rows, |row| row.delivery.channel.as_i16()),
            &column!(rows, |row| row.reason.as_i16()),
            &column!(rows, |row| row.due_at),
            &column!(rows, |row| row.delivery.recipient_hash.as_slice()),
            &column!(rows, |row| row.delivery.priority.as_i16()),
            &column!(rows, |row| row.delivery.segments),
        ],
    )
    .await?;
    Ok(())
}
