//! What is read: due rows, single rows, the history.

use std::collections::{BTreeMap, BTreeSet};

use carepost_delivery::store::{AttemptStarted, DueChannel, DuePlace, DueRow, ParkedMatch, PutOff};
use carepost_delivery::types::GateRecord;
use carepost_delivery::{Delivery, DeliveryKey, DeliveryState, EventKind};
use carepost_kernel::{Channel, Failure, InstanceId, Priority, ProviderAccountId, ProviderRef, TenantId};
use jiff::{SignedDuration, Timestamp};

use super::{Row, Tables};

impl Tables {
    pub(crate) fn find_by_provider_ref(
        &self,
        tenant_id: TenantId,
        account_id: ProviderAccountId,
        provider_ref: &ProviderRef,
    ) -> Option<DeliveryKey> {
        let attempt = self.refs.get(&(tenant_id, account_id, provider_ref.clone()))?;
        Some(DeliveryKey { tenant_id, message_id: attempt.message_id, channel: attempt.channel })
    }

    pub(crate) fn list_due_deliveries(
        &self,
        (tenant_id, channel, priority): (TenantId, Channel, Priority),
        due_until: Timestamp,
        after: DuePlace,
        limit: i64,
    ) -> Vec<DueRow> {
        let is_due = |(key, row): &(&DeliveryKey, &Row)| {
            (key.tenant_id, key.channel, row.priority) == (tenant_id, channel, priority)
                && row.is_open
                && row.due_at <= due_until
                && (row.due_at, key.message_id) > (after.due_at, after.message_id)
        };
        let mut page: Vec<(&DeliveryKey, &Row)> = self.deliveries.iter().filter(is_due).collect();
        page.sort_unstable_by_key(|(key, row)| (row.due_at, key.message_id));
        page.truncate(usize::try_from(limit).unwrap_or(0));
        page.into_iter().filter_map(|(key, row)| self.due_row(*key, row)).collect()
    }

    pub(crate) fn get_delivery(&self, key: DeliveryKey) -> Option<DueRow> {
        self.deliveries.get(&key).and_then(|row| self.due_row(key, row))
    }

    fn due_row(&self, key: DeliveryKey, row: &Row) -> Option<DueRow> {
        let message = self.messages.get(&(key.tenant_id, key.message_id))?;
        let delivery = Delivery {
            key,
            state: row.state,
            reason: row.reason,
            due_at: row.due_at,
            attempt_no: row.attempt_no,
            failures: row.failures,
            account_id: row.account_id,
            recipient_hash: row.recipient_hash,
            purpose: message.purpose,
            priority: message.priority,
            strategy: message.strategy,
            channels: message.channels.clone(),
            created_at: message.created_at,
            scheduled_at: message.scheduled_at,
            expires_at: message.expires_at,
            payload: std::sync::Arc::default(),
            payload_bytes: 0,
        };
        Some(DueRow::new(delivery, message.payload_sealed.clone(), row.code.clone()))
    }

    pub(crate) fn list_due_channels(&self, due_from: Timestamp, due_until: Timestamp) -> Vec<DueChannel> {
        let is_due = |row: &Row| row.is_open && (due_from..=due_until).contains(&row.due_at);
        let mut first = BTreeMap::new();
        for (key, row) in self.deliveries.iter().filter(|(_, row)| is_due(row)) {
            let found = first.entry((key.tenant_id, key.channel)).or_insert(row.due_at);
            *found = row.due_at.min(*found);
        }
        let channel = |((tenant_id, channel), first_due_at)| DueChannel { tenant_id, channel, first_due_at };
        first.into_iter().map(channel).collect()
    }

    pub(crate) fn count_waiting(
        &self,
        tenants: &[(TenantId, i64)],
        due_from: Timestamp,
        now: Timestamp,
    ) -> Vec<(TenantId, i64)> {
        const SOON: SignedDuration = SignedDuration::from_secs(70);
        let count = |tenant_id: TenantId| {
            let is_waiting = |(key, row): &(&DeliveryKey, &Row)| {
                key.tenant_id == tenant_id && row.is_open && (due_from..=now + SOON).contains(&row.due_at)
            };
            i64::try_from(self.deliveries.iter().filter(is_waiting).count()).unwrap_or(i64::MAX)
        };
        tenants.iter().map(|(tenant_id, most)| (*tenant_id, count(*tenant_id).min(*most))).collect()
    }

    pub(crate) fn advance_deliveries(
        &mut self,
        owner: InstanceId,
        held: (TenantId, i64),
        put_off: &PutOff,
        now: Timestamp,
        limit: i64,
    ) -> Vec<Channel> {
        if !self.refused(owner, &[held]).is_empty() {
            return Vec::new();
        }
        let is_put_off = |(key, row): &(&DeliveryKey, &mut Row)| {
            key.tenant_id == held.0
                && row.is_open
                && row.due_at > now
                && row.due_at <= put_off.until(now)
                && put_off.means(key.channel, row.recipient_hash, row.reason)
        };
        let page = self.deliveries.iter_mut().filter(is_put_off).take(usize::try_from(limit).unwrap_or(0));
        let mut channels = Vec::new();
        for (key, row) in page {
            row.due_at = now;
            channels.push(key.channel);
        }
        channels
    }

    pub(crate) fn get_attempt_start(&self, key: DeliveryKey, attempt_no: i16) -> Option<AttemptStarted> {
        let mut starts =
            self.history(key).filter(|event| event.kind == EventKind::AttemptStarted && event.attempt_no == attempt_no);
        let policy_version = |gate: &GateRecord| gate.read().map(|gate| gate.policy_version);
        starts.next().map(|event| AttemptStarted {
            event_id: event.event_id,
            at: event.at,
            policy_version: event.gate.as_ref().and_then(policy_version),
        })
    }

    pub(crate) fn get_bad_news(&self, key: DeliveryKey) -> Option<Failure> {
        let row = self.deliveries.get(&key)?;
        let counts = |state: DeliveryState, attempt_no: i16| {
            state == row.state && (state >= DeliveryState::Delivered || attempt_no == row.attempt_no)
        };
        let last = self
            .history(key)
            .filter(|event| {
                event.kind == EventKind::ReceiptMerged
                    && event.state.is_some_and(|state| counts(state, event.attempt_no))
            })
            .last()?;
        last.failure_class.map(|class| Failure::new(class, last.code.clone().unwrap_or_default()))
    }

    pub(crate) fn list_parked_matches(&self, since: Timestamp, limit: i64) -> Vec<ParkedMatch> {
        let mut recent: Vec<_> = self.parked.iter().filter(|(_, parked)| parked.received_at >= since).collect();
        recent.sort_by_key(|(_, parked)| std::cmp::Reverse(parked.received_at));
        recent.truncate(usize::try_from(limit).unwrap_or(0));
        let named: BTreeSet<_> = recent
            .into_iter()
            .map(|((tenant, account, reference, _), _)| (*tenant, *account, reference.clone()))
            .collect();
        named
            .into_iter()
            .filter_map(|name| {
                let attempt = *self.refs.get(&name)?;
                let (tenant_id, account_id, provider_ref) = name;
                Some(ParkedMatch {
                    tenant_id,
                    account_id,
                    provider_ref,
                    message_id: attempt.message_id,
                    channel: attempt.channel,
                    attempt_no: attempt.attempt_no,
                })
            })
            .collect()
    }
}
