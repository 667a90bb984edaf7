//! One attempt, from its start in the ledger to its outcome there (DEL-4, DEL-5). It runs as a task of its own: no
//! actor's death can lose its outcome.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use metrics::{counter, gauge, histogram};
use tokio::sync::oneshot;
use tokio::time::Instant;

use carepost_consent::types::{AddressKey, ContactFacts, PastSend};
use carepost_delivery::DeliveryError;
use carepost_delivery::breaker::Trial;
use carepost_delivery::gate::Rulebook;
use carepost_delivery::gate::dress::{Dressing, SecureCopy, dress};
use carepost_delivery::ledger::{AttemptStart, Decision, Effect};
use carepost_delivery::rules;
use carepost_delivery::store::AttemptStarted;
use carepost_delivery::types::{Delivery, DeliveryKey, DeliveryState, GateRecord};
use carepost_kernel::{Chain, Cleared, EventId, Failure, FailureClass, Phi, ProviderRef, SendOutcome, WaitReason};
use carepost_providers::{LookUpOutcome, Outbound, Provider};
use carepost_tenancy::{ProviderAccount, TenantHandle};

use crate::engine::EngineError;
use crate::metrics::{BREAKER_OPENED_TOTAL, IN_FLIGHT, LANE_HALTED_TOTAL};

use super::book::Edition;
use super::channel::work::{circumstances, decision, hand_over, record};
use super::channel::{Answered, Link, answer_with};
use super::lane::{Lane, LaneNews};
use super::ledger::{Entry, PendingStart};
use super::shared::{LiveTenant, Shared};
use super::suppressing;
use super::uncertain::take_back;

/// A cleared delivery with a lane's turn, on its way to a provider.
pub(crate) struct MakeCall {
    pub(crate) cleared: Cleared<Outbound>,
    pub(crate) delivery: Delivery,
    pub(crate) account: Arc<ProviderAccount>,
    pub(crate) tenant: Arc<TenantHandle>,
    pub(crate) waits: Vec<(WaitReason, u32)>,
    pub(crate) gate: GateRecord,
    pub(crate) counts: Option<(AddressKey, PastSend)>,
    /// What a notice leaves in the place of.
    pub(crate) secure: Option<SecureCopy>,
    /// What the gate knew when it let it go.
    pub(crate) edition: Edition,
    pub(crate) turn: TakenTurn,
}

/// A lane's turn that was taken, and the channel that waits for what comes of it. Dropped by whatever death, it gives
/// the turn back and tells the channel to look again.
pub(crate) struct TakenTurn {
    lane: Arc<Lane>,
    trial: Option<Trial>,
    link: Link,
    shared: Arc<Shared>,
    live: Arc<LiveTenant>,
    key: DeliveryKey,
    /// It counts against somebody's caps already, and leaves them again where no call is made.
    counts: Option<(AddressKey, PastSend)>,
    owes_turn: bool,
    owes_answer: bool,
    is_calling: bool,
}

impl TakenTurn {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        live: &Arc<LiveTenant>,
        (lane, trial): (Arc<Lane>, Option<Trial>),
        link: Link,
        (key, counts): (DeliveryKey, Option<(AddressKey, PastSend)>),
    ) -> Self {
        let (shared, live) = (Arc::clone(shared), Arc::clone(live));
        Self { lane, trial, link, shared, live, key, counts, owes_turn: true, owes_answer: true, is_calling: false }
    }

    /// The start is durable, and with it that it counts.
    fn has_started(&mut self) {
        self.counts = None;
    }

    /// From here on the delivery counts as being called for.
    fn begin(&mut self) {
        self.is_calling = true;
        self.shared.begin_call(self.key);
    }

    /// Gives the turn back.
    fn end(&mut self, outcome: Option<&SendOutcome>) -> LaneNews {
        self.owes_turn = false;
        self.lane.end(self.trial, outcome)
    }

    /// Tells the channel.
    fn answer(&mut self, ended: CallEnded) {
        self.owes_answer = false;
        if std::mem::take(&mut self.is_calling) {
            self.shared.end_call(self.key);
        }
        // Nobody listens where the channel has died: its successor reads the rows.
        let _gone = self.link.send(Answered::CallEnded(ended));
    }

    /// No call is made.
    fn give_up(&mut self, retry_after: Option<Duration>) {
        self.end(None);
        self.answer(CallEnded::NotMade { key: self.key, retry_after });
    }
}

impl Drop for TakenTurn {
    fn drop(&mut self) {
        if let Some((key, send)) = self.counts.take() {
            self.live.book.take_back(key, send);
        }
        if self.owes_turn {
            self.end(None);
        }
        if self.owes_answer {
            self.answer(CallEnded::NotMade { key: self.key, retry_after: Some(START_AGAIN) });
        }
    }
}

/// How a call ended.
pub(crate) enum CallEnded {
    /// Its outcome is durable.
    Recorded { delivery: Delivery, effect: Option<Effect> },
    /// It was not made: try again after a while, or never, because somebody else has it.
    NotMade { key: DeliveryKey, retry_after: Option<Duration> },
}

/// What a provider said about an unknown outcome.
pub(crate) enum Found {
    There(Vec<ProviderRef>),
    Absent,
    CannotTell,
}

/// The provider's own time-out comes first; this one is for a provider that forgets it.
const GRACE: Duration = Duration::from_secs(5);
/// Where the start could not be written down.
const START_AGAIN: Duration = Duration::from_secs(1);
/// Where the database refuses the start as it is.
const SET_ASIDE: Duration = Duration::from_secs(10);

/// Starts, makes and records one call.
pub(crate) async fn run(shared: Arc<Shared>, live: Arc<LiveTenant>, provider: Arc<dyn Provider>, mut call: MakeCall) {
    // Before the start is durable, so that nobody who reads the row takes the call for one that was cut off.
    call.turn.begin();
    // Whoever lets the tenant go waits for the calls that have begun, and its outcome could not be written any more.
    if live.epoch().is_none() {
        return call.turn.give_up(None);
    }
    if !put_secure(&shared, &live, &call).await {
        return call.turn.give_up(Some(START_AGAIN));
    }
    if call.is_outdated(&live) {
        return call.turn.give_up(Some(Duration::ZERO));
    }
    match start(&shared, &live, &call).await {
        Ok(true) if call.is_outdated(&live) => return not_called(&shared, &live, call).await,
        Ok(true) => call.turn.has_started(),
        Ok(false) => return refused(&shared, &live, call).await,
        Err(EngineError::Internal) => return call.turn.give_up(Some(SET_ASIDE)),
        Err(_) => return call.turn.give_up(Some(START_AGAIN)),
    }
    gauge!(IN_FLIGHT).increment(1.0);
    let outcome = ask(&shared, provider.as_ref(), &call).await;
    gauge!(IN_FLIGHT).decrement(1.0);
    let news = call.turn.end(Some(&outcome));
    count(&call, &outcome, news);
    let (delivery, effect) = conclude(&shared, &live, &call, &outcome).await;
    call.turn.answer(CallEnded::Recorded { delivery, effect });
}

impl MakeCall {
    /// DEL-8: something that the gate had judged by has changed since: an opt-out may have come while the start was being
    /// written down.
    fn is_outdated(&self, live: &LiveTenant) -> bool {
        let key = AddressKey { channel: self.delivery.key.channel, address_hash: self.delivery.recipient_hash };
        live.book.has_changed(self.edition, key)
    }
}

/// The start is durable, and no call follows it: the delivery goes back to the gate.
async fn not_called(shared: &Shared, live: &LiveTenant, mut call: MakeCall) {
    let mut delivery = call.delivery.clone();
    delivery.attempt_no += 1;
    let step = rules::not_called(delivery.key, delivery.attempt_no, delivery.failures, shared.now());
    let effect = record(live, Decision::new(DeliveryState::Sending, step)).await;
    call.turn.end(None);
    call.turn.answer(CallEnded::Recorded { delivery, effect });
}

/// What a notice stands for is readable before the notice leaves. True where there is nothing to be put, or it is there.
async fn put_secure(shared: &Shared, live: &LiveTenant, call: &MakeCall) -> bool {
    let Some(secure) = &call.secure else { return true };
    let put = async {
        let session = live.writers.journal.connect().await?;
        session.put_in_app(&call.tenant, call.delivery.key.message_id, secure, shared.now()).await
    };
    match put.await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(error = %Chain(&error), tenant.id = %live.tenant_id, "put a secure message");
            false
        }
    }
}

/// The start was refused: somebody else has it, it has ended, or an earlier try of ours is in the row after all.
async fn refused(shared: &Shared, live: &LiveTenant, mut call: MakeCall) {
    let mut delivery = call.delivery.clone();
    delivery.attempt_no += 1;
    match take_back(shared, live, delivery.key, delivery.attempt_no, delivery.failures).await {
        Ok(Some(effect)) => {
            call.turn.end(None);
            call.turn.answer(CallEnded::Recorded { delivery, effect: Some(effect) });
        }
        Ok(None) => call.turn.give_up(None),
        Err(_away) => call.turn.give_up(Some(START_AGAIN)),
    }
}

/// No call is made: the turn goes back, and the channel is told.
pub(crate) fn not_made(mut call: MakeCall, retry_after: Option<Duration>) {
    call.turn.give_up(retry_after);
}

/// DEL-4: the start is durable before the provider is called.
async fn start(shared: &Shared, live: &LiveTenant, call: &MakeCall) -> Result<bool, EngineError> {
    let delivery = &call.delivery;
    let now = shared.now();
    if delivery.attempt_no == 0 {
        let waited = now.duration_since(delivery.scheduled_at.unwrap_or(delivery.created_at));
        histogram!(carepost_delivery::metrics::WAIT_SECONDS, "priority" => delivery.priority.as_str())
            .record(waited.as_secs_f64());
    }
    let (answer, told) = oneshot::channel();
    let pending = PendingStart {
        start: AttemptStart {
            key: delivery.key,
            attempt_no: delivery.attempt_no + 1,
            account_id: call.account.account_id,
            event_id: EventId::new(now),
            at: now,
            waits: call.waits.clone(),
            gate: Some(call.gate.clone()),
            counts: call.counts,
        },
        weight: call.tenant.tenant.settings.weight,
        priority: delivery.priority,
        recipient: delivery.recipient_hash,
        answer,
    };
    live.writers.ledger.tell(Entry::Start(pending)).map_err(|_| EngineError::Moving)?;
    told.await.map_err(|_| EngineError::restarting())?
}

#[expect(clippy::disallowed_methods, reason = "measures the call")]
async fn ask(shared: &Shared, provider: &dyn Provider, call: &MakeCall) -> SendOutcome {
    let started = Instant::now();
    let timeout = Duration::from_millis(u64::from(call.account.timeout_ms)) + GRACE;
    let sending = AssertUnwindSafe(provider.send(&call.cleared)).catch_unwind();
    let outcome = match tokio::time::timeout(timeout, sending).await {
        Ok(Ok(outcome)) => outcome,
        // Bytes may be out in both cases (DEL-5).
        Ok(Err(_panic)) => {
            tracing::error!(provider.name = provider.vendor().as_str(), "provider panicked");
            SendOutcome::Failed(Failure::new(FailureClass::Unknown, "provider_panic"))
        }
        Err(_elapsed) => SendOutcome::Failed(Failure::new(FailureClass::Unknown, "provider_timeout")),
    };
    let (channel, vendor) = (call.delivery.key.channel.as_str(), provider.vendor().as_str());
    histogram!(carepost_delivery::metrics::ATTEMPT_SECONDS, "channel" => channel, "vendor" => vendor)
        .record(started.elapsed().as_secs_f64());
    tracing::debug!(
        tenant.id = %call.delivery.key.tenant_id,
        message.id = %call.delivery.key.message_id,
        provider.name = vendor,
        cleared_ms = shared.now().duration_since(call.cleared.cleared_at()).as_millis(),
        "call ended"
    );
    outcome
}

fn count(call: &MakeCall, outcome: &SendOutcome, news: LaneNews) {
    let vendor = call.account.vendor.clone();
    let result = match outcome {
        SendOutcome::Accepted { .. } => "accepted",
        SendOutcome::Failed(failure) => failure.class.as_str(),
    };
    let channel = call.delivery.key.channel.as_str();
    counter!(
        carepost_delivery::metrics::ATTEMPTS_TOTAL,
        "channel" => channel, "vendor" => vendor.clone(), "outcome" => result
    )
    .increment(1);
    match news {
        LaneNews::None => {}
        LaneNews::BreakerOpened => {
            counter!(BREAKER_OPENED_TOTAL, "vendor" => vendor.clone()).increment(1);
            tracing::warn!(provider.name = vendor, account.id = %call.account.account_id, "breaker opened");
        }
        LaneNews::Halted => {
            counter!(LANE_HALTED_TOTAL, "vendor" => vendor.clone()).increment(1);
            let code = match outcome {
                SendOutcome::Failed(failure) => failure.code.as_str(),
                SendOutcome::Accepted { .. } => "",
            };
            tracing::warn!(
                provider.name = vendor, account.id = %call.account.account_id, code,
                "vendor refuses the account: lane halted, messages kept"
            );
        }
    }
}

/// Decides by the rules and writes it down.
async fn conclude(
    shared: &Arc<Shared>,
    live: &Arc<LiveTenant>,
    call: &MakeCall,
    outcome: &SendOutcome,
) -> (Delivery, Option<Effect>) {
    let account_id = call.account.account_id;
    let mut delivery = call.delivery.clone();
    delivery.attempt_no += 1;
    delivery.state = DeliveryState::Sending;
    delivery.account_id = Some(account_id);
    let step = rules::after_attempt(&delivery, outcome, circumstances(shared, &call.tenant, &delivery));
    let provider_refs = match outcome {
        SendOutcome::Accepted { provider_refs, .. } => provider_refs.clone(),
        SendOutcome::Failed(_) => Vec::new(),
    };
    delivery.failures = step.change.failures;
    delivery.reason = step.change.reason;
    let mut decision = decision(&delivery, step, provider_refs, Some(account_id), &call.tenant);
    // A call was made, and this is what came of it.
    decision.is_fact = true;
    let fallback = decision.fallback.clone();
    let effect = record(live, decision).await;
    if let (Some(effect), Some(next)) = (effect, fallback) {
        hand_over(shared, live, &delivery, &next, effect);
    }
    if let SendOutcome::Failed(failure) = outcome {
        suppressing::after_call(shared, live, &call.tenant, &delivery, failure).await;
    }
    (delivery, effect)
}

/// Asks the provider after an unknown outcome, as a task of its own.
pub(crate) fn look_up(shared: &Arc<Shared>, live: &Arc<LiveTenant>, delivery: &Delivery, link: Link) {
    let (shared, live, delivery, key) = (Arc::clone(shared), Arc::clone(live), delivery.clone(), delivery.key);
    let looking = async move {
        let found = match looked_up(&shared, &live, &delivery).await {
            Some(LookUpOutcome::Found { provider_refs }) => Found::There(provider_refs),
            Some(LookUpOutcome::Absent) => Found::Absent,
            Some(LookUpOutcome::CannotTell) | None => Found::CannotTell,
        };
        Answered::LookedUp { key, found }
    };
    answer_with(link, looking, Answered::LookedUp { key, found: Found::CannotTell });
}

async fn looked_up(shared: &Shared, live: &LiveTenant, delivery: &Delivery) -> Option<LookUpOutcome> {
    // When the row is due tells nothing of it: the call may have hung, and the process may have been away since.
    let started = started(live, delivery).await?;
    let account = shared.directory.account(delivery.key.tenant_id, delivery.account_id?).await.ok()?;
    let provider = shared.providers.provider(&account).await.ok()?;
    let tenant = live.handle(shared).await.ok()?;
    // Vendors are asked by what has left: the same text, made ready by the same rules.
    let (contact, rulebook) = known(shared, live, delivery).await;
    let (public_url, now) = (&shared.public_url, shared.now());
    let on = Dressing { rulebook: &rulebook, tenant: &tenant, contact: &contact, public_url, now };
    let content = dress(delivery, on).ok()??.content;
    let outbound = Outbound {
        tenant_id: delivery.key.tenant_id,
        attempt: delivery.key.attempt(delivery.attempt_no),
        to: delivery.payload.expose().to.address(delivery.key.channel)?.to_owned().into(),
        content: Phi::new(content),
        expires_at: delivery.expires_at,
    };
    let timeout = Duration::from_millis(u64::from(account.timeout_ms)) + GRACE;
    let said = tokio::time::timeout(timeout, provider.look_up(&outbound, started.at)).await.ok()?;
    // Another policy may have made another text of it: that this one is not there proves nothing.
    let is_same_text = started.policy_version == Some(rulebook.version());
    Some(if matches!(said, LookUpOutcome::Absent) && !is_same_text { LookUpOutcome::CannotTell } else { said })
}

/// What the gate has to know of its address. Asked until the database tells.
async fn known(shared: &Shared, live: &LiveTenant, delivery: &Delivery) -> (ContactFacts, Arc<Rulebook>) {
    let address = AddressKey { channel: delivery.key.channel, address_hash: delivery.recipient_hash };
    loop {
        match live.read_known(address, shared.now()).await {
            Ok(known) => return known,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), tenant.id = %live.tenant_id, "read what a look-up has to know");
                tokio::time::sleep(START_AGAIN).await;
            }
        }
    }
}

/// The attempt in question as it was started, by the history. Asked until the database tells.
async fn started(live: &LiveTenant, delivery: &Delivery) -> Option<AttemptStarted> {
    loop {
        let read = async {
            let session = live.writers.journal.connect().await?;
            session.get_attempt_start(delivery.key, delivery.attempt_no).await
        };
        match read.await {
            Ok(started) => return started,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), tenant.id = %live.tenant_id, "read when an attempt was started");
                tokio::time::sleep(START_AGAIN).await;
            }
        }
    }
}

/// Reads what a receipt has told of a delivery that nobody has decided on since, as a task of its own.
pub(crate) fn recall_bad_news(live: &Arc<LiveTenant>, key: DeliveryKey, link: Link) {
    let live = Arc::clone(live);
    let reading = async move {
        loop {
            let read = async {
                let session = live.writers.journal.connect().await?;
                let row = session.get_delivery(key).await?;
                let failure = session.get_bad_news(key).await?;
                Ok::<_, DeliveryError>((row, failure))
            };
            match read.await {
                Ok((Some(row), failure)) => {
                    let failure = failure.unwrap_or_else(rules::unnamed_bad_news);
                    break Answered::BadNews { row: Ok(Some(row)), failure };
                }
                Ok((None, _)) => break Answered::Decided { key, effect: None },
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), tenant.id = %live.tenant_id, "read bad news");
                    tokio::time::sleep(START_AGAIN).await;
                }
            }
        }
    };
    answer_with(link, reading, Answered::Decided { key, effect: None });
}
