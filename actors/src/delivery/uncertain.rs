//! Starts whose commit was sent and never seen to end. This process knows that it made no call for them: where the row
//! turns out to say that it did, the delivery goes back to the gate instead of being held as unknown (DEL-5).

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use jiff::{SignedDuration, Timestamp};

use carepost_delivery::ledger::{AttemptStart, Decision, Effect};
use carepost_delivery::store::DueRow;
use carepost_delivery::types::{DeliveryKey, DeliveryState};
use carepost_delivery::{DeliveryError, rules};
use carepost_kernel::{Chain, EventId};

use super::channel::WakeUp;
use super::channel::work::record;
use super::shared::{LiveTenant, Shared};
use super::tenant::ensure_channel;

/// What is known of starts that may or may not be written down.
#[derive(Default)]
pub(crate) struct Uncertain {
    starts: DashMap<DeliveryKey, Tried>,
}

struct Tried {
    attempt_no: i16,
    /// The entry of each try: the row shows one of them, or somebody else's.
    event_ids: Vec<EventId>,
    at: Timestamp,
}

/// Nobody asks any more after this time: the message has ended or gone to another process.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Where the database could not tell.
const AGAIN: Duration = Duration::from_secs(1);

impl Uncertain {
    /// The answer to the commit of these starts was lost.
    pub(crate) fn remember<'a>(&self, starts: impl Iterator<Item = &'a AttemptStart>, now: Timestamp) {
        self.starts.retain(|_, tried| now.duration_since(tried.at) < FORGOTTEN_AFTER);
        for start in starts {
            let fresh = || Tried { attempt_no: start.attempt_no, event_ids: Vec::new(), at: now };
            let mut tried = self.starts.entry(start.key).or_insert_with(fresh);
            if tried.attempt_no != start.attempt_no {
                *tried = fresh();
            }
            tried.event_ids.push(start.event_id);
        }
    }

    /// It is settled.
    pub(crate) fn forget(&self, key: DeliveryKey) {
        self.starts.remove(&key);
    }

    fn is_known(&self, key: DeliveryKey, attempt_no: i16) -> bool {
        self.starts.get(&key).is_some_and(|tried| tried.attempt_no == attempt_no)
    }

    fn is_ours(&self, key: DeliveryKey, event_id: EventId) -> bool {
        self.starts.get(&key).is_some_and(|tried| tried.event_ids.contains(&event_id))
    }
}

/// Takes back the start of an attempt that is in the row by our own hand and was never followed by a call. `None` where
/// it is not so: then the row means what it says.
///
/// # Errors
/// Where the database is away: nothing is known then, and it may be asked again.
pub(crate) async fn take_back(
    shared: &Shared,
    live: &LiveTenant,
    key: DeliveryKey,
    attempt_no: i16,
    failures: i16,
) -> Result<Option<Effect>, DeliveryError> {
    if !shared.uncertain.is_known(key, attempt_no) {
        return Ok(None);
    }
    let session = live.writers.journal.connect().await?;
    let started = session.get_attempt_start(key, attempt_no).await?;
    drop(session);
    let mut effect = None;
    if started.is_some_and(|started| shared.uncertain.is_ours(key, started.event_id)) {
        let step = rules::not_called(key, attempt_no, failures, shared.now());
        effect = record(live, Decision::new(DeliveryState::Sending, step)).await;
    }
    shared.uncertain.forget(key);
    Ok(effect)
}

/// A row says that a call is being made, and nobody here makes it. Where it may be by our own hand, that is found out
/// as a task of its own, and the channel looks again afterwards; false where it cannot be.
pub(crate) fn settle(shared: &Arc<Shared>, live: &Arc<LiveTenant>, row: &DueRow) -> bool {
    let (key, attempt_no, failures) = (row.key(), row.attempt_no(), row.failures());
    if !shared.uncertain.is_known(key, attempt_no) {
        return false;
    }
    let (shared, live) = (Arc::clone(shared), Arc::clone(live));
    // Nobody takes it for cut off meanwhile.
    shared.begin_call(key);
    actix::spawn(async move {
        if let Err(error) = take_back(&shared, &live, key, attempt_no, failures).await {
            tracing::warn!(error = %Chain(&error), tenant.id = %live.tenant_id, "settle an uncertain start");
            tokio::time::sleep(AGAIN).await;
        }
        shared.end_call(key);
        // Where its mailbox is full it is awake already and looks at its rows by itself.
        let _awake = ensure_channel(&shared, &live, key.channel).tell(WakeUp);
    });
    true
}

#[cfg(test)]
mod tests {
    use carepost_kernel::{Channel, MessageId, ProviderAccountId, TenantId};

    use super::*;

    fn start(now: Timestamp, key: DeliveryKey, attempt_no: i16) -> AttemptStart {
        let (account_id, event_id) = (ProviderAccountId::new(now), EventId::new(now));
        AttemptStart { key, attempt_no, account_id, event_id, at: now, waits: Vec::new(), gate: None, counts: None }
    }

    #[test]
    fn del_5_a_start_is_known_by_each_of_its_tries_and_by_no_other() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let key = DeliveryKey { tenant_id: TenantId::new(now), message_id: MessageId::new(now), channel: Channel::Sms };
        let uncertain = Uncertain::default();
        let (first, second, of_another) = (start(now, key, 1), start(now, key, 1), start(now, key, 1));
        uncertain.remember([&first].into_iter(), now);
        uncertain.remember([&second].into_iter(), now);
        assert!(uncertain.is_known(key, 1) && !uncertain.is_known(key, 2));
        assert!(uncertain.is_ours(key, first.event_id) && uncertain.is_ours(key, second.event_id));
        assert!(!uncertain.is_ours(key, of_another.event_id), "another process may have started this attempt");

        // A later attempt takes the place of an earlier one.
        let next = start(now, key, 2);
        uncertain.remember([&next].into_iter(), now);
        assert!(uncertain.is_known(key, 2) && !uncertain.is_ours(key, first.event_id));
        uncertain.forget(key);
        assert!(!uncertain.is_known(key, 2));
    }

    #[test]
    fn del_12_what_nobody_asks_after_is_forgotten() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let key =
            || DeliveryKey { tenant_id: TenantId::new(now), message_id: MessageId::new(now), channel: Channel::Sms };
        let (old, new) = (start(now, key(), 1), start(now, key(), 1));
        let uncertain = Uncertain::default();
        uncertain.remember([&old].into_iter(), now);
        uncertain.remember([&new].into_iter(), now + FORGOTTEN_AFTER);
        assert!(!uncertain.is_known(old.key, 1) && uncertain.is_known(new.key, 1));
    }
}
