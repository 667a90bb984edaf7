//! The group commit of new messages, as `ingest.rs` of the delivery room does it.

use std::collections::BTreeMap;

use carepost_delivery::ingest::Ingested;
use carepost_delivery::{DeliveryKey, NewMessage};
use carepost_kernel::{InstanceId, TenantId, WaitReason};
use jiff::Timestamp;

use super::{KeyRow, Row, Tables};

impl Tables {
    pub(crate) fn commit_messages(
        &mut self,
        owner: InstanceId,
        held: &[(TenantId, i64)],
        messages: &[NewMessage],
        now: Timestamp,
    ) -> Vec<Ingested> {
        let refused = self.refused(owner, held);
        let is_allowed = |message: &&NewMessage| !refused.contains(&message.tenant_id);
        // The first of several equal keys claims.
        let mut claims = BTreeMap::new();
        for message in messages.iter().filter(is_allowed) {
            if let Some(claim) = message.idempotency {
                claims.entry((message.tenant_id, claim.key_hash)).or_insert((message.message_id, claim));
            }
        }
        for (key, (message_id, claim)) in claims {
            if self.keys.get(&key).is_none_or(|known| known.expires_at <= now) {
                let row = KeyRow { fingerprint: claim.fingerprint, message_id, expires_at: claim.expires_at };
                self.keys.insert(key, row);
            }
        }
        messages
            .iter()
            .map(|message| if is_allowed(&message) { self.store(message) } else { Ingested::NotOwner })
            .collect()
    }

    fn store(&mut self, message: &NewMessage) -> Ingested {
        let claimed = message.idempotency.and_then(|claim| {
            self.keys.get(&(message.tenant_id, claim.key_hash)).map(|row| (*row, row.fingerprint == claim.fingerprint))
        });
        if let Some((row, same_body)) = claimed
            && row.message_id != message.message_id
        {
            return Ingested::Existing { message_id: row.message_id, same_body };
        }
        let known = self.messages.insert((message.tenant_id, message.message_id), message.clone());
        assert!(known.is_none(), "a message's id was given twice");
        let reason = if message.scheduled_at.is_some() { WaitReason::Scheduled } else { WaitReason::Dispatch };
        for delivery in &message.deliveries {
            let key =
                DeliveryKey { tenant_id: message.tenant_id, message_id: message.message_id, channel: delivery.channel };
            self.deliveries.entry(key).or_insert_with(|| Row::new(delivery, reason, message.due_at()));
        }
        Ingested::Stored
    }
}
