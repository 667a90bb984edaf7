//! Batches drawn at random: more than the engine would ever put together.

use std::sync::Arc;

use carepost_delivery::ledger::{AttemptStart, Decision, LedgerBatch, Receipt};
use carepost_delivery::rules::Change;
use carepost_delivery::store::ParkedMatch;
use carepost_delivery::types::{IdempotencyClaim, NewDelivery, Payload};
use carepost_delivery::{DeliveryEvent, DeliveryKey, DeliveryState, EventKind, NewMessage, Strategy};
use carepost_kernel::{
    Channel, EventId, Failure, FailureClass, MessageId, Phi, Priority, ProviderAccountId, ProviderRef, Purpose,
    ReceiptStatus, TenantId, WaitReason,
};
use jiff::{SignedDuration, Timestamp};
use rand::Rng as _;
use rand::rngs::StdRng;

use super::Stored;

/// One thing of a likely life: chance alone hardly ever tells such a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Start(i16),
    Answer(DeliveryState),
    Receipt(ReceiptStatus),
    TriesAgain,
}

/// A call, its answer, its receipts and the decision on bad news, in the order in which they should come.
const STORY: [Told; 6] = [
    Told::Start(1),
    Told::Answer(DeliveryState::Sent),
    Told::Receipt(ReceiptStatus::Sent),
    Told::Receipt(ReceiptStatus::Undelivered),
    Told::TriesAgain,
    Told::Start(2),
];

/// Draws the batches of one case.
pub(super) struct Draw {
    pub(super) chance: StdRng,
    pub(super) tenants: [TenantId; 2],
    pub(super) stored: Stored,
    account_id: ProviderAccountId,
    /// A message that was never stored.
    nobodys: MessageId,
    /// What is told next of one delivery, whatever else is.
    story: Vec<Told>,
    /// Decisions of earlier batches, to be tried again as after a lost answer.
    earlier: Vec<Decision>,
}

impl Draw {
    pub(super) fn new(chance: StdRng, now: Timestamp) -> Self {
        let tenants = [TenantId::new(now), TenantId::new(now)];
        let account_id = ProviderAccountId::new(now);
        let nobodys = MessageId::new(now);
        Self { chance, tenants, stored: Vec::new(), account_id, nobodys, story: Vec::new(), earlier: Vec::new() }
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.chance.random_range(0..of.len())]
    }

    fn maybe(&mut self, one_in: u32) -> bool {
        self.chance.random_range(0..one_in) == 0
    }

    pub(super) fn messages(&mut self, now: Timestamp) -> Vec<NewMessage> {
        (0..self.chance.random_range(1..4)).map(|_| self.message(now)).collect()
    }

    fn message(&mut self, now: Timestamp) -> NewMessage {
        let channels = self.one_of::<&[Channel]>(&[&[Channel::Sms], &[Channel::Sms, Channel::Email]]).to_vec();
        let strategy = self.one_of(&[Strategy::Fallback, Strategy::All]);
        let first = if strategy == Strategy::All { channels.len() } else { 1 };
        // Mostly ours.
        let tenant_id = if self.maybe(5) { self.tenants[1] } else { self.tenants[0] };
        let idempotency = self.maybe(2).then(|| IdempotencyClaim {
            key_hash: [self.chance.random_range(0..3); 16],
            fingerprint: [self.chance.random_range(0..2); 16],
            expires_at: now + SignedDuration::from_millis(self.chance.random_range(500..3_000)),
        });
        NewMessage {
            tenant_id,
            message_id: MessageId::new(now),
            created_at: now,
            purpose: Purpose::Treatment,
            priority: Priority::Normal,
            strategy,
            deliveries: channels.iter().take(first).map(|channel| new_delivery(*channel)).collect(),
            channels,
            scheduled_at: self.maybe(4).then(|| now + SignedDuration::from_secs(30)),
            expires_at: now + SignedDuration::from_hours(1),
            payload: Arc::new(Phi::new(Payload::default())),
            payload_sealed: vec![1, 2, 3],
            idempotency,
            api_key_id: None,
            links: Vec::new(),
        }
    }

    /// Some delivery, mostly one that there is.
    pub(super) fn key(&mut self) -> DeliveryKey {
        let unknown = (self.one_of(&self.tenants.clone()), self.nobodys);
        let place = self.chance.random_range(0..=self.stored.len());
        let (tenant_id, message_id) = self.stored.get(place).copied().unwrap_or(unknown);
        let channel = if self.maybe(4) { Channel::Email } else { Channel::Sms };
        DeliveryKey { tenant_id, message_id, channel }
    }

    pub(super) fn batch(&mut self, now: Timestamp, parked: Vec<ParkedMatch>) -> LedgerBatch {
        let mut batch = LedgerBatch::default();
        self.go_on(&mut batch, now);
        for _ in 0..self.chance.random_range(0..4) {
            let start = self.start(now);
            batch.starts.push(start);
        }
        for _ in 0..self.chance.random_range(0..4) {
            let decision = self.decision(now);
            batch.decisions.push(decision);
        }
        if self.maybe(3)
            && let Some(mut decision) = self.earlier.pop()
        {
            let tried = decision.events.iter().map(|event| event.event_id).collect();
            decision.tried.push(tried);
            decision.events.iter_mut().for_each(|event| event.event_id = EventId::new(now));
            batch.decisions.push(decision);
        }
        for _ in 0..self.chance.random_range(0..4) {
            let receipt = self.receipt(now);
            batch.receipts.push(receipt);
        }
        if self.maybe(2) {
            batch.parked = parked;
        }
        self.earlier.extend(batch.decisions.iter().cloned());
        batch
    }

    /// The next one or two things of the story, of which some come too late.
    fn go_on(&mut self, batch: &mut LedgerBatch, now: Timestamp) {
        let Some((tenant_id, message_id)) = self.stored.first().copied() else { return };
        if self.story.is_empty() {
            self.story = STORY.to_vec();
            let (one, other) = (self.chance.random_range(1..STORY.len()), self.chance.random_range(1..STORY.len()));
            let late = self.story.remove(one);
            self.story.insert(other, late);
            self.story.reverse();
        }
        let key = DeliveryKey { tenant_id, message_id, channel: Channel::Sms };
        for _ in 0..self.chance.random_range(1..3) {
            match self.story.pop() {
                Some(Told::Start(attempt_no)) => {
                    let start = AttemptStart { key, attempt_no, ..self.start(now) };
                    batch.starts.push(start);
                }
                Some(Told::Answer(state)) => batch.decisions.push(self.step(key, DeliveryState::Sending, state, now)),
                Some(Told::TriesAgain) => {
                    batch.decisions.push(self.step(key, DeliveryState::Undelivered, DeliveryState::Queued, now));
                }
                Some(Told::Receipt(status)) => {
                    let receipt_key = [status as u8; 16];
                    let attempt = Some(key.attempt(1));
                    let receipt = Receipt {
                        tenant_id,
                        attempt,
                        status,
                        failure: failure(status),
                        key: receipt_key,
                        ..self.receipt(now)
                    };
                    batch.receipts.push(receipt);
                }
                None => {}
            }
        }
    }

    /// A decision that leaves the first attempt of a delivery open.
    fn step(&mut self, key: DeliveryKey, from: DeliveryState, state: DeliveryState, now: Timestamp) -> Decision {
        let mut decision = self.decision(now);
        decision.change = Change { key, attempt_no: 1, state, is_open: true, ..decision.change };
        decision.change.reason = Some(WaitReason::Backoff);
        decision.change.finished_at = None;
        (decision.from, decision.is_fact, decision.fallback, decision.creates) = (from, true, None, None);
        decision.provider_refs.clear();
        for event in &mut decision.events {
            (event.key, event.attempt_no, event.state) = (key, 1, Some(state));
        }
        decision
    }

    fn start(&mut self, now: Timestamp) -> AttemptStart {
        let key = self.key();
        AttemptStart {
            key,
            attempt_no: self.attempt_no().max(1),
            account_id: self.account_id,
            event_id: EventId::new(now),
            at: now,
            waits: Vec::new(),
            gate: None,
            counts: None,
        }
    }

    fn attempt_no(&mut self) -> i16 {
        self.one_of(&[0, 1, 1, 1, 1, 1, 2, 3])
    }

    fn decision(&mut self, now: Timestamp) -> Decision {
        use DeliveryState::{
            Bounced, Cancelled, Delivered, Expired, Failed, Queued, Refused, Sending, Sent, Undelivered, Unknown,
        };
        let (key, attempt_no) = (self.key(), self.attempt_no());
        let from = self.one_of(&[Queued, Sending, Sending, Sending, Unknown, Sent, Undelivered, Bounced]);
        let state = self.one_of(&[
            Queued,
            Queued,
            Sent,
            Sent,
            Unknown,
            Failed,
            Expired,
            Refused,
            Cancelled,
            Undelivered,
            Delivered,
        ]);
        let is_open = matches!(state, Queued | Sent | Unknown) && !self.maybe(5);
        let reasons = [WaitReason::Backoff, WaitReason::ProviderLimit, WaitReason::Paused, WaitReason::AwaitingReceipt];
        let reason = self.one_of(&reasons);
        let change = Change {
            key,
            attempt_no,
            state,
            reason: is_open.then_some(reason),
            due_at: now + SignedDuration::from_millis(self.chance.random_range(0..90_000)),
            is_open,
            failures: self.chance.random_range(0..3),
            code: self.maybe(2).then(|| "a_code".to_owned()),
            sent_at: (state == Sent).then_some(now),
            finished_at: (!is_open).then_some(now),
        };
        let kind =
            self.one_of(&[EventKind::AttemptFinished, EventKind::Waiting, EventKind::LookedUp, EventKind::Closed]);
        let event = DeliveryEvent {
            state: Some(state),
            reason: change.reason,
            until: change.reason.map(|_| change.due_at),
            ..DeliveryEvent::new(key, kind, attempt_no, now)
        };
        let provider_refs = if self.maybe(2) { vec![reference(key, attempt_no)] } else { Vec::new() };
        Decision {
            from,
            change,
            events: vec![event],
            provider_refs,
            account_id: (!self.maybe(4)).then_some(self.account_id),
            fallback: (!is_open && key.channel == Channel::Sms && self.maybe(2)).then(|| new_delivery(Channel::Email)),
            creates: self.maybe(6).then(|| new_delivery(key.channel)),
            is_fact: self.maybe(2),
            tried: Vec::new(),
        }
    }

    fn receipt(&mut self, now: Timestamp) -> Receipt {
        let (key, attempt_no) = (self.key(), self.attempt_no().max(1));
        let often = [ReceiptStatus::Sent, ReceiptStatus::Undelivered];
        let status = if self.maybe(2) { self.one_of(&often) } else { self.one_of(&ReceiptStatus::ALL) };
        let provider_ref = reference(key, attempt_no);
        let mut receipt_key = [0; 16];
        receipt_key[0] = u8::try_from(attempt_no).unwrap();
        receipt_key[1] = status as u8;
        receipt_key[2] = self.chance.random_range(0..2);
        Receipt {
            tenant_id: key.tenant_id,
            account_id: self.account_id,
            provider_ref,
            attempt: self.maybe(2).then(|| key.attempt(attempt_no)),
            status,
            failure: failure(status),
            at: now,
            key: receipt_key,
            wait_until: now + SignedDuration::from_millis(self.chance.random_range(1..90_000)),
        }
    }
}

/// Equal for equal news, so that it does not matter which copy speaks.
fn failure(status: ReceiptStatus) -> Option<Failure> {
    match status {
        ReceiptStatus::Undelivered => Some(Failure::new(FailureClass::Transient, "sim_undelivered")),
        ReceiptStatus::Bounced => Some(Failure::new(FailureClass::Permanent, "sim_bounced")),
        _ => None,
    }
}

fn new_delivery(channel: Channel) -> NewDelivery {
    NewDelivery { channel, recipient_hash: [7; 16], priority: Priority::Normal, segments: None }
}

/// The provider's id of an attempt: no two attempts have one.
fn reference(key: DeliveryKey, attempt_no: i16) -> ProviderRef {
    ProviderRef::from(key.attempt(attempt_no))
}
