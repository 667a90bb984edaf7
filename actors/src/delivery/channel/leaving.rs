//! How deliveries leave: the tenant's limit, a lane's turn, and the gate, which has the last word (DEL-8).
//!
//! What is over in a moment keeps them in their queue. What lasts is told by the gate, so that a row says why it waits
//! and when it is looked at again (DEL-3).

use std::sync::Arc;
use std::time::Duration;

use actix::Context;
use jiff::{SignedDuration, Timestamp};
use metrics::counter;

use carepost_consent::rules::goes_by_exemption;
use carepost_consent::types::{AddressKey, ContactFacts, PastSend};
use carepost_delivery::breaker::Trial;
use carepost_delivery::gate::dress::{Dressed, Dressing, Judged, SecureCopy, dress};
use carepost_delivery::gate::{self, Rulebook, Sender};
use carepost_delivery::rules::{self, Circumstances, Step};
use carepost_delivery::types::{Delivery, GateRecord};
use carepost_kernel::{Cleared, Content, MessageId, Phi, Verdict, WaitReason};
use carepost_providers::Outbound;
use carepost_tenancy::types::{AccountStatus, TenantStatus};
use carepost_tenancy::{ProviderAccount, TenantHandle};

use crate::delivery::attempt::{MakeCall, TakenTurn};
use crate::delivery::lane::{Lane, LaneTurn};
use crate::delivery::provider;

use super::window::{Stage, address_of};
use super::work::{HORIZON, circumstances, decision, is_large};
use super::{ChannelActor, instant};

/// A wait that is shorter is not written down by itself; it comes with the next event.
const SHORT: SignedDuration = SignedDuration::from_secs(1);
/// Whoever waits for longer than this for a lane is told so in its row.
const LONG: Duration = Duration::from_secs(2);
/// What was paused, or has no account, is looked at again after this time, should the news of a change be lost.
const RECHECK: SignedDuration = SignedDuration::from_secs(30);
/// A row that says already why it waits is told the new time at most so often. What is in the way of one is in the way of
/// all: else a channel that is shut would write its whole window again and again.
const RETELL: SignedDuration = SignedDuration::from_secs(60);
/// The code of a refusal because the message has no content or no address for the channel.
const NOTHING_TO_SAY: &str = "no_content_for_channel";
/// The code of a refusal because a link for the reader could not be made.
const NOT_SEALED: &str = "link_not_sealed";

/// A turn of a lane, and one of the tenant's limit. Both are given back where nothing leaves.
struct LeaveTurn {
    account: Arc<ProviderAccount>,
    lane: Arc<Lane>,
    trial: Option<Trial>,
}

/// What the gate has let through.
struct Passed {
    cleared: Cleared<Outbound>,
    record: GateRecord,
    counts: Option<(AddressKey, PastSend)>,
    secure: Option<SecureCopy>,
}

/// What lies between the queue and a provider.
enum Way {
    /// Nothing.
    Open(LeaveTurn),
    /// Something that lasts.
    Shut(Obstacle),
    /// Something that is over after a moment, or when a call ends.
    Busy(WaitReason, Option<Duration>),
    /// Not known yet.
    Loading,
}

/// Something that lasts.
#[derive(Debug, Clone, Copy)]
enum Obstacle {
    /// Tenant, channel or all accounts were paused by hand.
    Paused,
    NoAccount,
    /// The lanes of all accounts are halted, broken or silent.
    Lanes {
        until: Timestamp,
        reason: WaitReason,
    },
    TenantLimit {
        until: Timestamp,
    },
    /// It has expired before its turn.
    OutOfTime,
}

impl ChannelActor {
    /// Lets deliveries leave for as long as there are turns.
    pub(super) fn leave(&mut self, tenant: &Arc<TenantHandle>, rulebook: &Arc<Rulebook>, context: &mut Context<Self>) {
        // Those whose turn comes too late for them.
        while let Some(message_id) = self.window.pop_expired(self.shared.now()) {
            self.pass_gate(message_id, tenant, rulebook, Err(Obstacle::OutOfTime));
        }
        while self.window.has_ready() {
            let way = match self.way(tenant) {
                Way::Open(turn) => Ok(turn),
                Way::Shut(obstacle) => Err(obstacle),
                Way::Busy(reason, wait) => {
                    self.window.blocked_by = Some(reason);
                    if let Some(wait) = wait {
                        self.look_after(wait, context);
                    }
                    return;
                }
                Way::Loading => return,
            };
            let Some(message_id) = self.window.pop_ready() else {
                if let Ok(turn) = way {
                    self.give_back(&turn, tenant);
                }
                return;
            };
            self.pass_gate(message_id, tenant, rulebook, way);
        }
        self.window.blocked_by = None;
    }

    fn way(&mut self, tenant: &TenantHandle) -> Way {
        let settings = &tenant.tenant.settings;
        if tenant.tenant.status != TenantStatus::Active || settings.paused_channels.contains(&self.channel) {
            return Way::Shut(Obstacle::Paused);
        }
        let Some(accounts) = self.shared.directory.cached_accounts(self.tenant_id(), self.channel) else {
            self.load_accounts();
            return Way::Loading;
        };
        // Before a lane's turn, which the lane's rate would not get back.
        if let Err(wait) = self.live.send_limit.take(settings.send_per_second) {
            return self.lasting(WaitReason::TenantLimit, Some(wait), |until, _| Obstacle::TenantLimit { until });
        }
        let way = self.pick(&accounts);
        if !matches!(way, Way::Open(_)) {
            self.live.send_limit.give_back(settings.send_per_second);
        }
        way
    }

    /// The first account in the order of the route that has a turn.
    fn pick(&self, accounts: &[Arc<ProviderAccount>]) -> Way {
        let in_the_way = |until, reason| Obstacle::Lanes { until, reason };
        let mut broken: Option<(WaitReason, Option<Duration>)> = None;
        for account in provider::in_turn(accounts, &self.shared.dice) {
            let lane = self.shared.lanes.of(&account);
            let (reason, wait) = match lane.take() {
                LaneTurn::Go(trial) => return Way::Open(LeaveTurn { account, lane, trial }),
                LaneTurn::Full => (WaitReason::ProviderLimit, None),
                LaneTurn::Wait { wait, reason } => (reason, Some(wait)),
            };
            // A lane that is merely busy keeps its traffic: only a broken or halted one gives it to the next account.
            if lane.is_usable() {
                return self.lasting(reason, wait, in_the_way);
            }
            broken = Some(match broken {
                Some((first, earlier)) => (first, earliest(earlier, wait)),
                None => (reason, wait),
            });
        }
        match broken {
            Some((reason, wait)) => self.lasting(reason, wait, in_the_way),
            None if accounts.iter().any(|account| account.status == AccountStatus::Paused) => {
                Way::Shut(Obstacle::Paused)
            }
            None => Way::Shut(Obstacle::NoAccount),
        }
    }

    fn lasting(
        &self,
        reason: WaitReason,
        wait: Option<Duration>,
        obstacle: impl FnOnce(Timestamp, WaitReason) -> Obstacle,
    ) -> Way {
        match wait {
            Some(wait) if wait >= LONG => {
                // What waits in rows only makes room, and all that waits would be told the same in turn.
                let wait = SignedDuration::try_from(wait).unwrap_or(HORIZON).min(HORIZON);
                Way::Shut(obstacle(self.shared.now().saturating_add(wait).unwrap_or(Timestamp::MAX), reason))
            }
            wait => Way::Busy(reason, wait),
        }
    }

    fn give_back(&self, turn: &LeaveTurn, tenant: &TenantHandle) {
        turn.lane.end(turn.trial, None);
        self.live.send_limit.give_back(tenant.tenant.settings.send_per_second);
    }

    /// DEL-8: asks the gate, and lets the delivery leave if it says so.
    fn pass_gate(
        &mut self,
        message_id: MessageId,
        tenant: &Arc<TenantHandle>,
        rulebook: &Rulebook,
        way: Result<LeaveTurn, Obstacle>,
    ) {
        let edition = self.live.book.begin();
        let contact = self.window.get(message_id).and_then(|held| self.contact(&held.delivery, &way));
        let (Some(held), Some(contact)) = (self.window.get(message_id), contact) else {
            if let Ok(turn) = way {
                self.give_back(&turn, tenant);
            }
            // Something of the address has changed since it was asked about: it is asked about again.
            if let Some(held) = self.window.forget(message_id) {
                self.window.put(held.delivery, Stage::Ready, held.looked_up, instant());
            }
            return;
        };
        let (delivery, ready_since) = (held.delivery.clone(), held.ready_since);
        let passed = self.ask_gate(&delivery, &contact, rulebook, tenant, &way);
        let is_counted = passed.as_ref().is_ok_and(|passed| passed.counts.is_some());
        let readers: Vec<_> = contact.readers().filter(|_| is_counted).collect();
        // The book has it for itself again: what is counted there is not copied first.
        drop(contact);
        match (passed, way) {
            (Ok(Passed { cleared, record, counts, secure }), Ok(LeaveTurn { account, lane, trial })) => {
                let waited_ms = u32::try_from(ready_since.elapsed().as_millis()).unwrap_or(u32::MAX);
                let waits = match self.window.blocked_by {
                    Some(reason) if waited_ms >= 10 => vec![(reason, waited_ms)],
                    _ => Vec::new(),
                };
                if let Some((key, send)) = counts {
                    self.live.book.count(key, readers, send);
                }
                let way_back = self.link.clone();
                let turn = TakenTurn::new(&self.shared, &self.live, (lane, trial), way_back, (delivery.key, counts));
                let tenant = Arc::clone(tenant);
                let call =
                    MakeCall { cleared, delivery, account, tenant, waits, gate: record, counts, secure, edition, turn };
                provider::call(&self.shared, &self.live, call);
            }
            (Err((verdict, record)), way) => {
                if let Ok(turn) = way {
                    self.give_back(&turn, tenant);
                }
                self.held_back(delivery, verdict, record, tenant);
            }
            // The gate holds back whatever has no way.
            (Ok(_), Err(_)) => self.window.put(delivery, Stage::Ready, false, instant()),
        }
    }

    fn ask_gate(
        &self,
        delivery: &Delivery,
        contact: &ContactFacts,
        rulebook: &Rulebook,
        tenant: &TenantHandle,
        way: &Result<LeaveTurn, Obstacle>,
    ) -> Result<Passed, (Verdict, Option<GateRecord>)> {
        let refused = |code| (Verdict::OtherChannel { code }, None);
        let (now, public_url) = (self.shared.now(), &self.shared.public_url);
        let dressed = dress(delivery, Dressing { rulebook, tenant, contact, public_url, now });
        let dressed = dressed.map_err(|_seal| refused(NOT_SEALED))?.ok_or_else(|| refused(NOTHING_TO_SAY))?;
        let Dressed { content, judged, secure } = dressed;
        let outbound = outbound(delivery, content).ok_or_else(|| refused(NOTHING_TO_SAY))?;
        let facts = self.facts(way, contact, rulebook, judged);
        let counts = counts(delivery, &facts);
        match gate::decide(delivery, &facts, outbound) {
            Ok((cleared, record)) => Ok(Passed { cleared, record, counts, secure }),
            Err(held) => Err((held.verdict, Some(held.record))),
        }
    }

    /// What is known of the address. Whatever has run out of time needs no answer to more than that.
    fn contact(&self, delivery: &Delivery, way: &Result<LeaveTurn, Obstacle>) -> Option<Arc<ContactFacts>> {
        let key = address_of(delivery);
        let nobody = || Arc::new(ContactFacts { key, people: Vec::new(), suppressions: Vec::new(), sends: Vec::new() });
        let is_over = matches!(way, Err(Obstacle::OutOfTime));
        self.live.book.facts(key).or_else(|| is_over.then(nobody))
    }

    fn facts<'a>(
        &self,
        way: &Result<LeaveTurn, Obstacle>,
        contact: &'a ContactFacts,
        rulebook: &'a Rulebook,
        judged: Judged,
    ) -> gate::GateFacts<'a> {
        let now = self.shared.now();
        let mut facts = gate::GateFacts {
            now,
            is_paused: false,
            tenant_limit_until: None,
            sender: Sender::Ready,
            pause_recheck: now.saturating_add(RECHECK).unwrap_or(Timestamp::MAX),
            contact,
            rulebook,
            judged,
        };
        match *way {
            Ok(_) | Err(Obstacle::OutOfTime) => {}
            Err(Obstacle::Paused) => facts.is_paused = true,
            Err(Obstacle::NoAccount) => facts.sender = Sender::Missing,
            Err(Obstacle::Lanes { until, reason }) => facts.sender = Sender::Blocked { until, reason },
            Err(Obstacle::TenantLimit { until }) => facts.tenant_limit_until = Some(until),
        }
        facts
    }

    /// The gate said no, not now, or not here.
    fn held_back(&mut self, delivery: Delivery, verdict: Verdict, record: Option<GateRecord>, tenant: &TenantHandle) {
        let on = circumstances(&self.shared, tenant, &delivery);
        let step = match verdict {
            Verdict::Go => return self.window.put(delivery, Stage::Ready, false, instant()),
            Verdict::Wait { until, reason } => {
                counter!(carepost_delivery::metrics::GATE_HELD_TOTAL, "verdict" => "wait", "reason" => reason.as_str())
                    .increment(1);
                // It must not expire late.
                let until = until.min(delivery.expires_at);
                // A large one goes back to its row, where it takes no memory.
                let stays = is_told(&delivery, reason, on.now) && !is_large(&delivery);
                if until.duration_since(on.now) < SHORT || stays {
                    return self.window.put(delivery, Stage::Waiting(until), false, instant());
                }
                let mut step = rules::waits(&delivery, until, reason, on);
                step.event.gate = record;
                if delivery.reason == Some(reason) {
                    // The history knows.
                    let mut told = decision(&delivery, step, Vec::new(), None, tenant);
                    told.events.clear();
                    return self.write(&delivery, told);
                }
                step
            }
            Verdict::OtherChannel { code } => refused(&delivery, code, true, record, on),
            Verdict::Refuse { code } => refused(&delivery, code, false, record, on),
        };
        self.decide(&delivery, step, Vec::new(), None, tenant);
    }
}

/// The row says why it waits, and until when, or until a moment ago.
fn is_told(delivery: &Delivery, reason: WaitReason, now: Timestamp) -> bool {
    delivery.reason == Some(reason) && now.duration_since(delivery.due_at) < RETELL
}

fn earliest(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}

fn refused(
    delivery: &Delivery,
    code: &'static str,
    other_channel: bool,
    record: Option<GateRecord>,
    on: Circumstances<'_>,
) -> Step {
    counter!(carepost_delivery::metrics::GATE_HELD_TOTAL, "verdict" => "refuse", "reason" => code).increment(1);
    let mut step = rules::refused(delivery, code, other_channel, on);
    step.event.gate = record;
    step
}

/// What counts against somebody's caps once it leaves.
fn counts(delivery: &Delivery, facts: &gate::GateFacts<'_>) -> Option<(AddressKey, PastSend)> {
    let has_wish = facts.contact.people.iter().any(|person| person.preferences.most_per_week.is_some());
    // An answer of our own to STOP, START or HELP is no message of the practice.
    let is_answer = delivery.payload.expose().about.confirms_opt_out;
    if is_answer || delivery.attempt_no > 0 || !(facts.rulebook.counts() || has_wish) {
        return None;
    }
    let question = gate::question(delivery, facts);
    let send = PastSend {
        message_id: delivery.key.message_id,
        at: facts.now,
        purpose: question.purpose(),
        is_exempt: goes_by_exemption(&question),
        is_here: true,
    };
    Some((address_of(delivery), send))
}

/// What is to leave; `None` where the message has no address for this channel.
fn outbound(delivery: &Delivery, content: Content) -> Option<Outbound> {
    let channel = delivery.key.channel;
    let to = delivery.payload.expose().to.address(channel).filter(|to| !to.is_empty())?.to_owned();
    Some(Outbound {
        tenant_id: delivery.key.tenant_id,
        attempt: delivery.key.attempt(delivery.attempt_no + 1),
        to: to.into(),
        content: Phi::new(content),
        expires_at: delivery.expires_at,
    })
}

#[cfg(test)]
mod tests;
