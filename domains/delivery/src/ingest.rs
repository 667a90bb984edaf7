//! The group commit of new messages (DEL-1, DEL-2): many callers' messages of one placement, one commit.
//!
//! Key, fingerprint, message and first deliveries are written by one transaction. Nobody is answered before it has
//! committed.

use std::collections::{HashMap, HashSet};

use futures_util::future::try_join;
use jiff::Timestamp;

use carepost_kernel::{InstanceId, MessageId, TenantId, WaitReason};
use carepost_store::{EngineConnection, EngineTx, Params, lease};

use crate::error::DeliveryError;
use crate::store::batch::{
    CLAIM_KEYS, DeliveryColumns, DeliveryInsert, INSERT_DELIVERIES, INSERT_MESSAGES, LIST_KEYS, MessageColumns, column,
    hash, message_id, tenant_id,
};
use crate::store::{INSERT_LINKS, LinkColumns};
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

/// A batch of new messages with their first deliveries, as its statements take it: column by column.
pub struct Columns<'a> {
    messages: MessageColumns<'a>,
    deliveries: DeliveryColumns<'a>,
    links: Option<LinkColumns<'a>>,
}

impl<'a> Columns<'a> {
    /// Of these messages, in order.
    #[must_use]
    pub fn of(messages: &[&'a NewMessage]) -> Self {
        Self {
            messages: MessageColumns::of(messages),
            deliveries: first_deliveries(messages),
            links: LinkColumns::of(messages),
        }
    }
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
    let mut refused: HashSet<TenantId> = HashSet::new();
    let (tx, allowed, owners) = loop {
        let allowed: Vec<&NewMessage> =
            messages.iter().copied().filter(|message| !refused.contains(&message.tenant_id)).collect();
        let held: Vec<(TenantId, i64)> = held.iter().copied().filter(|(tenant, _)| !refused.contains(tenant)).collect();
        let tx = connection.begin().await?;
        let fenced = async { Ok(lease::fence(&tx, owner, &held).await?) };
        let (lost, owners) = try_join(fenced, claim_keys(&tx, &allowed, now)).await?;
        if lost.is_empty() {
            break (tx, allowed, owners);
        }
        // The keys that were claimed for them go with the transaction.
        refused.extend(lost);
    };
    let is_fresh = |message: &NewMessage| match message.idempotency {
        None => true,
        Some(claim) => {
            owners.get(&(message.tenant_id, claim.key_hash)).is_none_or(|owner| owner.0 == message.message_id)
        }
    };
    let fresh: Vec<&NewMessage> = allowed.iter().copied().filter(|message| is_fresh(message)).collect();
    let Columns { messages: rows, deliveries, links } = Columns::of(&fresh);
    let (rows, deliveries, links) = (rows.params(), deliveries.params(), links.as_ref().map(LinkColumns::params));
    let mut last: Vec<(&'static str, Params<'_>)> = vec![(INSERT_MESSAGES, &rows), (INSERT_DELIVERIES, &deliveries)];
    last.extend(links.as_ref().map(|links| (INSERT_LINKS, links.as_slice())));
    tx.commit_with(&last).await?;
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

/// The deliveries that a message starts with.
fn first_deliveries<'a>(fresh: &[&'a NewMessage]) -> DeliveryColumns<'a> {
    let rows: Vec<DeliveryInsert<'a>> = fresh
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
    DeliveryColumns::of(&rows)
}
