//! The channel's work: what is due, and what follows from what comes back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::Context;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use carepost_delivery::ledger::{Decision, Effect};
use carepost_delivery::rules::{self, Circumstances, LookedUp, Step, Then};
use carepost_delivery::store::DueRow;
use carepost_delivery::types::{Delivery, DeliveryKey, DeliveryState};
use carepost_delivery::{DeliveryError, prepare};
use carepost_kernel::{Chain, Failure, MessageId, ProviderAccountId, ProviderRef, WaitReason};
use carepost_tenancy::TenantHandle;
use carepost_tenancy::types::UnknownPolicy;

use super::super::attempt::{self, CallEnded, Found};
use super::super::ledger::{Entry, PendingDecision};
use super::super::shared::{LiveTenant, Shared};
use super::super::tenant;
use super::window::{Held, Stage, may_be_over, waits_for_configuration};
use super::{Answered, ChannelActor, DeliverMessages, Link, answer_with, instant};

/// What is due later than this waits in its row only.
pub(super) const HORIZON: SignedDuration = SignedDuration::from_secs(60);
/// What could not be decided now is looked at again after this time.
const AGAIN: SignedDuration = SignedDuration::from_secs(1);
/// A call that was not made for want of a usable configuration is tried again after more than this.
const MISCONFIGURED: Duration = Duration::from_secs(5);

impl ChannelActor {
    /// Takes a delivery into the window, if there is room and nothing waits in front of it; else it waits in its row.
    pub(super) fn take_in(&mut self, delivery: Delivery, looked_up: bool) {
        if self.window.holds(delivery.key.message_id) {
            return;
        }
        let priority = delivery.priority;
        if self.paging.waits_behind(priority) || !self.window.has_room(priority, delivery.payload_bytes) {
            self.paging.overflow(priority);
            return;
        }
        self.put(delivery, looked_up);
    }

    /// Puts a delivery into the window, in the stage that its row names.
    pub(super) fn put(&mut self, delivery: Delivery, looked_up: bool) {
        let now = self.shared.now();
        let stage = match delivery.due_at {
            due_at if due_at > now.saturating_add(HORIZON).unwrap_or(Timestamp::MAX) => return,
            // Its memory is of more use to others meanwhile.
            due_at if due_at > now.saturating_add(AGAIN).unwrap_or(Timestamp::MAX) && is_large(&delivery) => return,
            due_at if due_at > now => Stage::Waiting(due_at),
            _ if delivery.state == DeliveryState::Queued => Stage::Ready,
            due_at => Stage::Waiting(due_at),
        };
        self.window.put(delivery, stage, looked_up, instant());
    }

    /// Does whatever can be done now.
    pub(super) fn work(&mut self, context: &mut Context<Self>) {
        if !self.may_work() {
            return;
        }
        self.page_in();
        let Some(tenant) = self.shared.directory.cached_tenant(self.tenant_id()) else {
            self.load_tenant();
            return;
        };
        while let Some(message_id) = self.window.pop_due(self.shared.now()) {
            self.due(message_id, &tenant);
        }
        self.ask();
        match self.live.book.policy() {
            Some(policy) => self.leave(&tenant, &policy, context),
            None => self.load_policy(),
        }
        if let Some(due_at) = self.window.next_due() {
            self.look_after(self.shared.clock.until(due_at), context);
        }
        if let Some(wait) = self.paging.rests() {
            self.look_after(wait, context);
        }
        self.guard.show_depth(self.window.len());
    }

    /// A delivery whose time has come: through the gate, or, if it is past it, by the rules.
    fn due(&mut self, message_id: MessageId, tenant: &Arc<TenantHandle>) {
        let Some(held) = self.window.get(message_id) else { return };
        let (delivery, looked_up) = (held.delivery.clone(), held.looked_up);
        let policy = tenant.tenant.settings.unknown_policy(delivery.purpose);
        if delivery.state == DeliveryState::Unknown && !looked_up && policy == UnknownPolicy::LookUpThenHold {
            attempt::look_up(&self.shared, &self.live, &delivery, self.link.clone());
            return;
        }
        if rules::awaits_bad_news(delivery.state) {
            attempt::recall_bad_news(&self.live, delivery.key, self.link.clone());
            return;
        }
        match rules::when_due(&delivery, circumstances(&self.shared, tenant, &delivery)) {
            None => self.window.put(delivery, Stage::Ready, looked_up, instant()),
            Some(step) => self.decide(&delivery, step, Vec::new(), delivery.account_id, tenant),
        }
    }

    pub(super) fn looked_up(&mut self, key: DeliveryKey, found: Found) {
        let Some(held) = self.window.get(key.message_id) else { return };
        let delivery = held.delivery.clone();
        let Some(tenant) = self.shared.directory.cached_tenant(self.tenant_id()) else {
            // Asked again once the tenant is known.
            let soon = self.shared.now().saturating_add(AGAIN).unwrap_or(Timestamp::MAX);
            self.window.put(delivery, Stage::Waiting(soon), false, instant());
            return;
        };
        let (said, refs) = match found {
            Found::There(refs) => (LookedUp::Found, refs),
            Found::Absent => (LookedUp::Absent, Vec::new()),
            Found::CannotTell => (LookedUp::CannotTell, Vec::new()),
        };
        let step = rules::after_look_up(&delivery, said, circumstances(&self.shared, &tenant, &delivery));
        let mut decision = decision(&delivery, step, refs, delivery.account_id, &tenant);
        // The provider was asked, and this is what it said.
        decision.is_fact = true;
        if let Some(held) = self.window.get_mut(key.message_id) {
            // Once is enough: what is held after this is not asked for again.
            held.looked_up = true;
        }
        self.write(&delivery, decision);
    }

    pub(super) fn bad_news(&mut self, row: Result<Option<DueRow>, DeliveryError>, failure: &Failure) {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                // The row stays open and due: the scheduler brings it back.
                tracing::warn!(error = %Chain(&error), "read delivery with bad news");
                return;
            }
        };
        let Some(row) = row else { return };
        let key = row.key();
        let delivery = self.open(row).filter(|delivery| rules::awaits_bad_news(delivery.state));
        let tenant = self.shared.directory.cached_tenant(self.tenant_id());
        let (Some(delivery), Some(tenant)) = (delivery, tenant) else {
            // Decided by now, or not to be decided now: the row says what it is.
            self.window.forget(key.message_id);
            self.paging.want();
            return;
        };
        self.window.put(delivery.clone(), Stage::Away, false, instant());
        let step = rules::after_bad_news(&delivery, failure, circumstances(&self.shared, &tenant, &delivery));
        self.decide(&delivery, step, Vec::new(), delivery.account_id, &tenant);
    }

    /// Writes a decision down; [`Answered::Decided`] follows when it is durable.
    pub(super) fn decide(
        &mut self,
        delivery: &Delivery,
        step: Step,
        provider_refs: Vec<ProviderRef>,
        account_id: Option<ProviderAccountId>,
        tenant: &TenantHandle,
    ) {
        let decision = decision(delivery, step, provider_refs, account_id, tenant);
        self.write(delivery, decision);
    }

    pub(super) fn write(&mut self, delivery: &Delivery, decision: Decision) {
        if let Some(held) = self.window.get_mut(delivery.key.message_id) {
            held.delivery.reason = decision.change.reason;
            // Else the next try would count from the same number again, and never come to an end.
            held.delivery.failures = decision.change.failures;
        }
        let owed = OwedAnswer { link: self.link.clone(), key: delivery.key, effect: None };
        let (shared, live, template) = (Arc::clone(&self.shared), Arc::clone(&self.live), delivery.clone());
        actix::spawn(async move {
            // As a whole: its effect alone is a copy.
            let mut owed = owed;
            let fallback = decision.fallback.clone();
            owed.effect = record(&live, decision).await;
            if let (Some(effect), Some(next)) = (owed.effect, fallback) {
                hand_over(&shared, &live, &template, &next, effect);
            }
        });
    }

    pub(super) fn decided(&mut self, key: DeliveryKey, effect: Option<Effect>) {
        let Some(held) = self.window.forget(key.message_id) else { return };
        self.follow(held, effect);
    }

    pub(super) fn call_ended(&mut self, ended: CallEnded) {
        match ended {
            CallEnded::Recorded { delivery, effect } => {
                let held = self.window.forget(delivery.key.message_id);
                let is_outdated = held.is_some_and(|held| held.is_outdated);
                let (stage, ready_since) = (Stage::Away, instant());
                self.follow(Held { delivery, stage, ready_since, looked_up: false, is_outdated }, effect);
            }
            CallEnded::NotMade { key, retry_after } => {
                let Some(held) = self.window.forget(key.message_id) else { return };
                match retry_after {
                    Some(wait) => self.not_made(held, wait),
                    // Somebody else has it, or it has ended: the row says.
                    None => self.paging.want(),
                }
            }
        }
    }

    /// No call was made, for a moment or until somebody mends the account: then its row says so.
    fn not_made(&mut self, held: Held, wait: Duration) {
        let now = self.shared.now();
        let until = now.saturating_add(SignedDuration::try_from(wait).unwrap_or(AGAIN)).unwrap_or(Timestamp::MAX);
        let until = if held.is_outdated { now } else { until.min(held.delivery.expires_at) };
        let tenant = self.shared.directory.cached_tenant(self.tenant_id());
        match tenant.filter(|_| wait > MISCONFIGURED && !held.is_outdated) {
            Some(tenant) => {
                let on = circumstances(&self.shared, &tenant, &held.delivery);
                let step = rules::waits(&held.delivery, until, WaitReason::ProviderConfig, on);
                self.window.put(held.delivery.clone(), Stage::Away, false, instant());
                self.decide(&held.delivery, step, Vec::new(), None, &tenant);
            }
            None => self.window.put(held.delivery, Stage::Waiting(until), false, instant()),
        }
    }

    /// What the row says after a decision: keep it in the window, or let it go. An outdated decision to wait is not
    /// waited for.
    fn follow(&mut self, held: Held, effect: Option<Effect>) {
        let Held { mut delivery, looked_up, is_outdated, .. } = held;
        let Some(effect) = effect else {
            // Overtaken, or refused by the database: looking again at once might go round in circles.
            self.paging.want_later();
            return;
        };
        let was_waiting = delivery.state == DeliveryState::Queued || delivery.state == DeliveryState::Sending;
        delivery.state = effect.state;
        delivery.due_at = effect.due_at;
        if effect.state != DeliveryState::Queued && was_waiting {
            self.live.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        if !effect.is_open {
            crate::metrics::count_state(self.channel, effect.state, false);
            return;
        }
        if is_outdated && may_be_over(&delivery) {
            delivery.due_at = self.shared.now();
        }
        match effect.state {
            // Something else has put it back to its queue, and counted what it had to: the row knows.
            DeliveryState::Queued if !effect.is_applied => self.paging.want(),
            // It keeps its place: what comes instead would only be told the same.
            DeliveryState::Queued if waits_for_configuration(&delivery) => self.put(delivery, false),
            DeliveryState::Queued => self.take_in(delivery, false),
            DeliveryState::Unknown => self.take_in(delivery, looked_up),
            _ => {}
        }
    }

    pub(super) fn load_accounts(&mut self) {
        if self.loading_accounts {
            return;
        }
        self.loading_accounts = true;
        let (shared, link, of) = (Arc::clone(&self.shared), self.link.clone(), (self.tenant_id(), self.channel));
        let reading = async move {
            if let Err(error) = shared.directory.accounts(of.0, of.1).await {
                tracing::warn!(error = %Chain(&error), tenant.id = %of.0, "read provider accounts");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Answered::AccountsKnown
        };
        answer_with(link, reading, Answered::AccountsKnown);
    }

    fn load_tenant(&mut self) {
        if self.loading_tenant {
            return;
        }
        self.loading_tenant = true;
        let (shared, live, link) = (Arc::clone(&self.shared), Arc::clone(&self.live), self.link.clone());
        let reading = async move {
            if live.handle(&shared).await.is_err() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Answered::TenantKnown
        };
        answer_with(link, reading, Answered::TenantKnown);
    }
}

/// What takes more memory than most.
pub(super) fn is_large(delivery: &Delivery) -> bool {
    delivery.payload_bytes > 64 << 10
}

/// An answer that is owed to the channel, whatever becomes of the one who writes: without one, what was decided would
/// stay away for ever.
struct OwedAnswer {
    link: Link,
    key: DeliveryKey,
    effect: Option<Effect>,
}

impl Drop for OwedAnswer {
    fn drop(&mut self) {
        // Nobody listens where the channel has died: its successor reads the rows.
        let _gone = self.link.send(Answered::Decided { key: self.key, effect: self.effect });
    }
}

/// What the rules need besides the delivery.
pub(crate) fn circumstances<'a>(shared: &Shared, tenant: &'a TenantHandle, delivery: &Delivery) -> Circumstances<'a> {
    let account_id = delivery.account_id.unwrap_or(ProviderAccountId::from_uuid(uuid::Uuid::nil()));
    let (now, jitter) = (shared.now(), shared.dice.unit());
    Circumstances { settings: &tenant.tenant.settings, now, jitter, account_id }
}

/// A step as the ledger takes it, with the next channel's delivery where the plan goes on.
pub(crate) fn decision(
    delivery: &Delivery,
    step: Step,
    provider_refs: Vec<ProviderRef>,
    account_id: Option<ProviderAccountId>,
    tenant: &TenantHandle,
) -> Decision {
    let goes_on = step.then == Then::NextChannel;
    let next = rules::next_channel(delivery.strategy, &delivery.channels, delivery.key.channel).filter(|_| goes_on);
    let fallback = next
        .map(|channel| prepare::new_delivery(delivery.payload.expose(), channel, delivery.priority, tenant.hash_key()));
    let mut decision = Decision { provider_refs, account_id, fallback, ..Decision::new(delivery.state, step) };
    decision.events.iter_mut().for_each(|event| event.account_id = account_id);
    decision
}

/// Writes a decision, however often that takes.
pub(crate) async fn record(live: &LiveTenant, decision: Decision) -> Option<Effect> {
    loop {
        let (answer, told) = oneshot::channel();
        let entry = Entry::Decide(PendingDecision { decision: decision.clone(), answer });
        if live.writers.ledger.tell(entry).is_ok()
            && let Ok(effect) = told.await
        {
            return effect;
        }
        // The ledger was rebuilt or is flooded. The decision is in nobody else's hands.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The next channel of the plan gets its delivery, which is durable already, without reading it back.
pub(crate) fn hand_over(
    shared: &Arc<Shared>,
    live: &Arc<LiveTenant>,
    from: &Delivery,
    next: &carepost_delivery::types::NewDelivery,
    effect: Effect,
) {
    // It may have been there already, taken back for example.
    let Some(attempt_no) = effect.next_attempt_no else { return };
    let delivery = Delivery {
        key: DeliveryKey { channel: next.channel, ..from.key },
        state: DeliveryState::Queued,
        reason: Some(WaitReason::Dispatch),
        due_at: shared.now(),
        attempt_no,
        failures: 0,
        account_id: None,
        recipient_hash: next.recipient_hash,
        ..from.clone()
    };
    live.waiting.fetch_add(1, Ordering::Relaxed);
    tenant::ensure_channel(shared, live, next.channel);
    tenant::deliver(shared, live, next.channel, DeliverMessages { deliveries: vec![delivery] });
}
