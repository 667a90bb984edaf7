//! The channel's work: what is due, the gate, the lanes, and what follows from what comes back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::Context;
use jiff::{SignedDuration, Timestamp};
use metrics::counter;
use tokio::sync::oneshot;

use carepost_delivery::ledger::{Decision, Effect};
use carepost_delivery::rules::{self, Circumstances, LookedUp, Step, Then};
use carepost_delivery::store::DueRow;
use carepost_delivery::types::{Delivery, DeliveryKey, DeliveryState};
use carepost_delivery::{DeliveryError, gate, prepare};
use carepost_kernel::{Failure, MessageId, Priority, ProviderAccountId, Verdict, WaitReason};
use carepost_providers::Outbound;
use carepost_tenancy::types::{AccountStatus, TenantStatus, UnknownPolicy};
use carepost_tenancy::{ProviderAccount, TenantHandle};

use super::super::attempt::{self, CallEnded, Found, MakeCall, TakenTurn};
use super::super::lane::{Lane, LaneTurn};
use super::super::ledger::{Entry, PendingDecision};
use super::super::provider;
use super::super::shared::{LiveTenant, Shared};
use super::window::Stage;
use super::{Answered, ChannelActor, DeliverMessages, instant};

/// What is due later than this waits in its row only.
const HORIZON: SignedDuration = SignedDuration::from_secs(60);
/// A wait that is shorter is not written down by itself; it comes with the next event.
const SHORT: SignedDuration = SignedDuration::from_secs(1);
/// What was paused, or has no account, is looked at again after this time.
const RECHECK: SignedDuration = SignedDuration::from_secs(10);

/// The code of a refusal because the message has no content or no address for the channel.
const NOTHING_TO_SAY: &str = "no_content_for_channel";

/// A lane's turn, or what there is instead.
enum Picked {
    Lane(Arc<ProviderAccount>, Arc<Lane>),
    NoAccount,
    /// There are accounts, and all of them were paused by hand: the gate is asked, so that what waits says so and
    /// expires in time.
    AllPaused,
    Blocked(WaitReason, Option<Duration>),
    Loading,
}

impl ChannelActor {
    /// Takes a delivery into the window, if there is room and nothing waits in front of it; else it waits in its row.
    pub(super) fn take_in(&mut self, delivery: Delivery) {
        if self.window.holds(delivery.key.message_id) {
            return;
        }
        let waits_behind = self.paging.is_overflowed() && delivery.priority > Priority::Urgent;
        if waits_behind || !self.window.has_room(delivery.priority) {
            self.paging.overflow();
            return;
        }
        self.put(delivery, false);
    }

    /// Puts a delivery into the window, in the stage that its row names.
    pub(super) fn put(&mut self, delivery: Delivery, looked_up: bool) {
        let now = self.shared.now();
        let stage = match delivery.due_at {
            due_at if due_at > now.saturating_add(HORIZON).unwrap_or(Timestamp::MAX) => return,
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
        self.leave(&tenant, context);
        if let Some(due_at) = self.window.next_due() {
            self.look_after(self.shared.clock.until(due_at), context);
        }
        self.guard.show_depth(self.window.len());
    }

    /// Lets deliveries leave for as long as lanes have turns.
    fn leave(&mut self, tenant: &Arc<TenantHandle>, context: &mut Context<Self>) {
        while self.window.has_ready() {
            let picked = self.pick();
            let all_paused = matches!(picked, Picked::AllPaused);
            let picked = match picked {
                Picked::Lane(account, lane) => Some((account, lane)),
                Picked::NoAccount | Picked::AllPaused => None,
                Picked::Loading => return,
                Picked::Blocked(reason, wait) => {
                    self.window.blocked_by = Some(reason);
                    if let Some(wait) = wait {
                        self.look_after(wait, context);
                    }
                    return;
                }
            };
            let Some(message_id) = self.window.pop_ready() else {
                if let Some((_, lane)) = picked {
                    lane.end(None);
                }
                return;
            };
            if let Some(wait) = self.pass_gate(message_id, tenant, picked, all_paused) {
                self.look_after(wait, context);
                return;
            }
        }
        self.window.blocked_by = None;
    }

    /// The first account in the order of the route that has a turn.
    fn pick(&mut self) -> Picked {
        let Some(accounts) = self.shared.directory.cached_accounts(self.tenant_id(), self.channel) else {
            self.load_accounts();
            return Picked::Loading;
        };
        let mut blocked: Option<(WaitReason, Option<Duration>)> = None;
        for account in provider::in_turn(&accounts) {
            let lane = self.shared.lanes.of(&account);
            let (reason, wait) = match lane.take() {
                LaneTurn::Go => return Picked::Lane(account, lane),
                LaneTurn::Full => (WaitReason::ProviderLimit, None),
                LaneTurn::Wait { wait, reason } => (reason, Some(wait)),
            };
            // A lane that is merely busy keeps its traffic: only a broken or halted one gives it to the next account.
            blocked = Some(match blocked {
                Some((first, earlier)) => (first, earliest(earlier, wait)),
                None => (reason, wait),
            });
            if lane.is_usable() {
                break;
            }
        }
        match blocked {
            Some((reason, wait)) => Picked::Blocked(reason, wait),
            None if accounts.iter().any(|account| account.status == AccountStatus::Paused) => Picked::AllPaused,
            None => Picked::NoAccount,
        }
    }

    /// DEL-8: asks the gate, and lets the delivery leave if it says so. `Some` where nothing can leave for so long.
    fn pass_gate(
        &mut self,
        message_id: MessageId,
        tenant: &Arc<TenantHandle>,
        picked: Option<(Arc<ProviderAccount>, Arc<Lane>)>,
        all_paused: bool,
    ) -> Option<Duration> {
        let held = self.window.get(message_id)?;
        let delivery = held.delivery.clone();
        let ready_since = held.ready_since;
        let Some(outbound) = outbound(&delivery) else {
            if let Some((_, lane)) = picked {
                lane.end(None);
            }
            let step =
                rules::refused(&delivery, NOTHING_TO_SAY, true, circumstances(tenant, self.shared.now(), &delivery));
            self.decide(&delivery, step, Vec::new(), None, tenant);
            return None;
        };
        let facts = self.facts(tenant, picked.is_some(), all_paused);
        match gate::decide(&delivery, &facts, outbound) {
            Ok(cleared) => {
                let (account, lane) = picked?;
                let waited_ms = u32::try_from(ready_since.elapsed().as_millis()).unwrap_or(u32::MAX);
                let waits = match self.window.blocked_by {
                    Some(reason) if waited_ms >= 10 => vec![(reason, waited_ms)],
                    _ => Vec::new(),
                };
                let turn = TakenTurn::new(Arc::clone(&self.shared), lane, self.link.clone(), delivery.key);
                let call = MakeCall { cleared, delivery, account, tenant: Arc::clone(tenant), waits, turn };
                provider::call(&self.shared, &self.live, call);
                None
            }
            Err((verdict, _)) => {
                if let Some((_, lane)) = picked {
                    lane.end(None);
                }
                self.held_back(delivery, verdict, tenant)
            }
        }
    }

    fn facts(&self, tenant: &TenantHandle, has_sender: bool, all_paused: bool) -> gate::GateFacts {
        let now = self.shared.now();
        let paused = tenant.tenant.status != TenantStatus::Active;
        let channel_paused = all_paused || tenant.tenant.settings.paused_channels.contains(&self.channel);
        let limited = if paused || channel_paused || !has_sender {
            None
        } else {
            self.live.send_limit.take(tenant.tenant.settings.send_per_second).err()
        };
        let later = |wait: Duration| {
            now.saturating_add(SignedDuration::try_from(wait).unwrap_or(SHORT)).unwrap_or(Timestamp::MAX)
        };
        gate::GateFacts {
            now,
            tenant_paused: paused,
            channel_paused,
            tenant_limit_until: limited.map(later),
            has_sender,
            pause_recheck: now.saturating_add(RECHECK).unwrap_or(Timestamp::MAX),
        }
    }

    /// The gate said no, not now, or not here.
    fn held_back(&mut self, delivery: Delivery, verdict: Verdict, tenant: &TenantHandle) -> Option<Duration> {
        let on = circumstances(tenant, self.shared.now(), &delivery);
        let step = match verdict {
            Verdict::Go => return None,
            Verdict::Wait { until, reason } => {
                counter!(carepost_delivery::metrics::GATE_HELD_TOTAL, "verdict" => "wait", "reason" => reason.as_str())
                    .increment(1);
                if until.duration_since(on.now) < SHORT {
                    self.window.put(delivery, Stage::Ready, false, instant());
                    self.window.blocked_by = Some(reason);
                    return Some(self.shared.clock.until(until));
                }
                rules::waits(&delivery, until, reason, on)
            }
            Verdict::OtherChannel { code } => rules::refused(&delivery, code, true, on),
            Verdict::Refuse { code } => rules::refused(&delivery, code, false, on),
        };
        self.decide(&delivery, step, Vec::new(), None, tenant);
        None
    }

    /// A delivery whose time has come: through the gate, or, if it is past it, by the rules.
    fn due(&mut self, message_id: MessageId, tenant: &Arc<TenantHandle>) {
        let Some(held) = self.window.get(message_id) else { return };
        let (delivery, looked_up) = (held.delivery.clone(), held.looked_up);
        let policy = tenant.tenant.settings.unknown_policy(delivery.purpose);
        if delivery.state == DeliveryState::Unknown && !looked_up && policy == UnknownPolicy::LookUpThenHold {
            attempt::look_up(&self.shared, &delivery, self.link.clone());
            return;
        }
        match rules::when_due(&delivery, circumstances(tenant, self.shared.now(), &delivery)) {
            None => self.window.put(delivery, Stage::Ready, looked_up, instant()),
            Some(step) => self.decide(&delivery, step, Vec::new(), delivery.account_id, tenant),
        }
    }

    pub(super) fn looked_up(&mut self, key: DeliveryKey, found: Found) {
        let Some(held) = self.window.get(key.message_id) else { return };
        let delivery = held.delivery.clone();
        let Some(tenant) = self.shared.directory.cached_tenant(self.tenant_id()) else { return };
        let (said, refs) = match found {
            Found::There(refs) => (LookedUp::Found, refs),
            Found::Absent => (LookedUp::Absent, Vec::new()),
            Found::CannotTell => (LookedUp::CannotTell, Vec::new()),
        };
        let step = rules::after_look_up(&delivery, said, circumstances(&tenant, self.shared.now(), &delivery));
        self.decide(&delivery, step, refs, delivery.account_id, &tenant);
    }

    pub(super) fn bad_news(&mut self, row: Result<Option<DueRow>, DeliveryError>, failure: &Failure) {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                // The row stays open and due: the scheduler brings it back.
                tracing::warn!(error = %error, "read delivery with bad news");
                return;
            }
        };
        let Some(delivery) = row.and_then(|row| self.open(row)) else { return };
        let decided = !matches!(delivery.state, DeliveryState::Undelivered | DeliveryState::Bounced);
        let Some(tenant) = self.shared.directory.cached_tenant(self.tenant_id()).filter(|_| !decided) else { return };
        self.window.put(delivery.clone(), Stage::Away, false, instant());
        let step = rules::after_bad_news(&delivery, failure, circumstances(&tenant, self.shared.now(), &delivery));
        self.decide(&delivery, step, Vec::new(), delivery.account_id, &tenant);
    }

    /// Writes a decision down; [`Answered::Decided`] follows when it is durable.
    fn decide(
        &mut self,
        delivery: &Delivery,
        step: Step,
        provider_refs: Vec<String>,
        account_id: Option<ProviderAccountId>,
        tenant: &TenantHandle,
    ) {
        let decision = decision(delivery, step, provider_refs, account_id, tenant);
        let (link, key, live) = (self.link.clone(), delivery.key, Arc::clone(&self.live));
        let (shared, template) = (Arc::clone(&self.shared), delivery.clone());
        actix::spawn(async move {
            let fallback = decision.fallback.clone();
            let effect = record(&live, decision).await;
            if effect.is_some()
                && let Some(next) = fallback
            {
                hand_over(&shared, &live, &template, &next);
            }
            let _gone = link.send(Answered::Decided { key, effect });
        });
    }

    pub(super) fn decided(&mut self, key: DeliveryKey, effect: Option<Effect>) {
        let Some(held) = self.window.forget(key.message_id) else { return };
        self.follow(held.delivery, effect);
    }

    pub(super) fn call_ended(&mut self, ended: CallEnded) {
        match ended {
            CallEnded::Recorded { delivery, effect } => {
                self.window.forget(delivery.key.message_id);
                self.follow(delivery, effect);
            }
            CallEnded::NotMade { key, retry_after } => {
                let Some(held) = self.window.forget(key.message_id) else { return };
                match retry_after {
                    Some(wait) => {
                        let wait = SignedDuration::try_from(wait).unwrap_or(SHORT);
                        let until = self.shared.now().saturating_add(wait).unwrap_or(Timestamp::MAX);
                        self.window.put(held.delivery, Stage::Waiting(until), false, instant());
                    }
                    // Somebody else has it, or it has ended: the row says.
                    None => self.paging.want(),
                }
            }
        }
    }

    /// What the row says after a decision: keep it in the window, or let it go.
    fn follow(&mut self, mut delivery: Delivery, effect: Option<Effect>) {
        let Some(effect) = effect else {
            self.paging.want();
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
        if matches!(effect.state, DeliveryState::Queued | DeliveryState::Unknown) {
            self.take_in(delivery);
        }
    }

    fn load_accounts(&mut self) {
        if self.loading_accounts {
            return;
        }
        self.loading_accounts = true;
        let (shared, link, of) = (Arc::clone(&self.shared), self.link.clone(), (self.tenant_id(), self.channel));
        actix::spawn(async move {
            if let Err(error) = shared.directory.accounts(of.0, of.1).await {
                tracing::warn!(error = %error, tenant.id = %of.0, "read provider accounts");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let _gone = link.send(Answered::AccountsKnown);
        });
    }

    fn load_tenant(&mut self) {
        if self.loading_accounts {
            return;
        }
        self.loading_accounts = true;
        let (shared, live, link) = (Arc::clone(&self.shared), Arc::clone(&self.live), self.link.clone());
        actix::spawn(async move {
            if live.handle(&shared).await.is_err() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let _gone = link.send(Answered::AccountsKnown);
        });
    }
}

fn earliest(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// What is to leave; `None` where the message has no content or no address for this channel.
fn outbound(delivery: &Delivery) -> Option<Outbound> {
    let payload = delivery.payload.expose();
    let channel = delivery.key.channel;
    let to = payload.to.address(channel).filter(|to| !to.is_empty())?.to_owned();
    let content = payload.content(channel)?;
    Some(Outbound {
        tenant_id: delivery.key.tenant_id,
        attempt: delivery.key.attempt(delivery.attempt_no + 1),
        to: to.into(),
        content: carepost_kernel::Phi::new(content),
        expires_at: delivery.expires_at,
    })
}

/// What the rules need besides the delivery.
pub(crate) fn circumstances<'a>(tenant: &'a TenantHandle, now: Timestamp, delivery: &Delivery) -> Circumstances<'a> {
    let account_id = delivery.account_id.unwrap_or(ProviderAccountId::from_uuid(uuid::Uuid::nil()));
    Circumstances { settings: &tenant.tenant.settings, now, jitter: rand::random(), account_id }
}

/// A step as the ledger takes it, with the next channel's delivery where the plan goes on.
pub(crate) fn decision(
    delivery: &Delivery,
    step: Step,
    provider_refs: Vec<String>,
    account_id: Option<ProviderAccountId>,
    tenant: &TenantHandle,
) -> Decision {
    let goes_on = step.then == Then::NextChannel;
    let next = rules::next_channel(delivery.strategy, &delivery.channels, delivery.key.channel).filter(|_| goes_on);
    let fallback = next.map(|channel| prepare::new_delivery(delivery.payload.expose(), channel, tenant.hash_key()));
    let mut event = step.event;
    event.account_id = account_id;
    Decision { from: delivery.state, change: step.change, events: vec![event], provider_refs, account_id, fallback }
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
) {
    let delivery = Delivery {
        key: DeliveryKey { channel: next.channel, ..from.key },
        state: DeliveryState::Queued,
        reason: Some(WaitReason::Dispatch),
        due_at: shared.now(),
        attempt_no: 0,
        failures: 0,
        account_id: None,
        recipient_hash: next.recipient_hash,
        ..from.clone()
    };
    live.waiting.fetch_add(1, Ordering::Relaxed);
    super::super::tenant::ensure_channel(shared, live, next.channel);
    super::super::tenant::deliver(shared, live, next.channel, DeliverMessages { deliveries: vec![delivery] });
}

#[cfg(test)]
mod tests {
    use carepost_delivery::types::{NewMessage, Payload};
    use carepost_delivery::{Recipient, Strategy};
    use carepost_kernel::{Channel, MessageId, Phi, Purpose, SmsContent, TenantId};

    use super::*;

    fn delivery(payload: Payload) -> Delivery {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let message = NewMessage {
            tenant_id: TenantId::new(now),
            message_id: MessageId::new(now),
            created_at: now,
            purpose: Purpose::Transactional,
            priority: Priority::Normal,
            strategy: Strategy::Fallback,
            channels: vec![Channel::Sms],
            scheduled_at: None,
            expires_at: now,
            payload: Arc::new(Phi::new(payload)),
            payload_sealed: Vec::new(),
            deliveries: vec![carepost_delivery::types::NewDelivery {
                channel: Channel::Sms,
                recipient_hash: [0; 16],
                segments: None,
            }],
            idempotency: None,
            api_key_id: None,
        };
        message.live().remove(0)
    }

    #[test]
    fn what_has_no_content_or_no_address_never_leaves() {
        let sms = Some(SmsContent { text: "hello".to_owned(), ..SmsContent::default() });
        let to = |phone: &str| Recipient { phone: Some(phone.to_owned()), ..Recipient::default() };
        let leaves = |payload| outbound(&delivery(payload)).is_some();
        assert!(leaves(Payload { to: to("+15005550006"), sms: sms.clone(), ..Payload::default() }));
        assert!(!leaves(Payload { to: to(""), sms: sms.clone(), ..Payload::default() }));
        assert!(!leaves(Payload { sms, ..Payload::default() }));
        assert!(!leaves(Payload { to: to("+15005550006"), ..Payload::default() }));
    }
}
