//! The vendor: takes, refuses, throttles, hangs and loses answers as the weather says, and tells later what came of it:
//! late, twice, out of order, before its own answer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use carepost_actors::{EngineApi as _, ProviderSource, Seat};
use carepost_consent::types::AddressKey;
use carepost_delivery::ledger::receipt_key;
use carepost_delivery::types::{GateRecord, Ruling};
use carepost_delivery::{DeliveryEvent, DeliveryKey, EventKind};
use carepost_kernel::{AttemptRef, Channel, Cleared, Failure, FailureClass, ProviderRef, ReceiptStatus, SendOutcome};
use carepost_providers::{ConfigError, LookUpOutcome, Outbound, Provider, ReceiptEvent, Vendor};
use carepost_tenancy::ProviderAccount;
use jiff::{SignedDuration, Timestamp};

use crate::book::{Call, Truth};
use crate::process::Process;
use crate::world::World;

/// Every process has heard of an opt-out by then: it looks twice a second, but for the time that it is frozen or has no
/// storage.
const HEARD_AFTER: SignedDuration = SignedDuration::from_secs(16);

/// The vendors as one process reaches them.
pub(crate) struct Vendors {
    pub(crate) process: Arc<Process>,
}

#[async_trait]
impl ProviderSource for Vendors {
    async fn provider(&self, account: &Arc<ProviderAccount>) -> Result<Arc<dyn Provider>, ConfigError> {
        self.process.breathe().await;
        Ok(Arc::new(Account { process: Arc::clone(&self.process), account: Arc::clone(account) }))
    }
}

struct Account {
    process: Arc<Process>,
    account: Arc<ProviderAccount>,
}

/// What the vendor does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Takes,
    Refuses(FailureClass),
    Hangs,
    LosesAnswer,
}

impl Doing {
    /// As it is counted: each of them has to happen in some world.
    const fn name(self) -> &'static str {
        match self {
            Self::Takes => "vendor: takes",
            Self::Hangs => "vendor: hangs",
            Self::LosesAnswer => "vendor: loses answer",
            Self::Refuses(FailureClass::Transient) => "vendor: transient",
            Self::Refuses(FailureClass::Throttled) => "vendor: throttles",
            Self::Refuses(FailureClass::Permanent) => "vendor: permanent",
            Self::Refuses(FailureClass::ConfigFault) => "vendor: refuses account",
            Self::Refuses(FailureClass::Unknown | FailureClass::Suppressed) => "vendor: other",
        }
    }
}

impl Account {
    fn decide(&self) -> Doing {
        let (world, mood) = (&self.process.world, self.process.world.mood());
        let mut drawn = world.draw(0..1_000);
        for (likely, doing) in [
            (mood.transient, Doing::Refuses(FailureClass::Transient)),
            (mood.throttled, Doing::Refuses(FailureClass::Throttled)),
            (mood.permanent, Doing::Refuses(FailureClass::Permanent)),
            (mood.refuses_account, Doing::Refuses(FailureClass::ConfigFault)),
            (mood.hangs, Doing::Hangs),
            (mood.answer_lost, Doing::LosesAnswer),
        ] {
            let likely = u64::from(likely);
            if drawn < likely {
                return doing;
            }
            drawn -= likely;
        }
        Doing::Takes
    }

    /// What must be true at the moment of a call.
    fn check(&self, cleared: &Cleared<Outbound>, key: DeliveryKey) {
        let (world, outbound, attempt) = (&self.process.world, cleared.get(), cleared.get().attempt);
        let tables = world.tables();
        let is_started = tables.history(key).any(|event| {
            event.kind == EventKind::AttemptStarted
                && event.attempt_no == attempt.attempt_no
                && event.account_id == Some(self.account.account_id)
        });
        // The history knows what each rule said when it was let go.
        let reading = |event: &DeliveryEvent| event.gate.as_ref().and_then(GateRecord::read);
        let has_passed = tables.history(key).any(|event| {
            event.kind == EventKind::AttemptStarted
                && event.attempt_no == attempt.attempt_no
                && reading(event).is_some_and(|read| read.rules.iter().all(|said| said.ruling == Ruling::Go))
        });
        let opted_out_at = tables.deliveries.get(&key).and_then(|row| {
            let address = AddressKey { channel: key.channel, address_hash: row.recipient_hash };
            tables.opt_outs.get(&(key.tenant_id, address)).copied()
        });
        // By the row, not by what the engine believes of it.
        let message = tables.messages.get(&(key.tenant_id, key.message_id));
        let expires_at = message.map_or(outbound.expires_at, |message| message.expires_at);
        let scheduled_at = message.and_then(|message| message.scheduled_at);
        drop(tables);
        world.require(is_started, "DEL-4: a call without a start that was committed before it", key);
        let at = cleared.cleared_at();
        world.require(has_passed, "DEL-8: a call that not every rule has let go", key);
        let is_heard = opted_out_at.is_some_and(|opted_out_at| at > opted_out_at + HEARD_AFTER);
        world.require(!is_heard, "DEL-8: cleared long after its reader opted out", key);
        world.require(at < expires_at, "DEL-8: cleared after its end", key);
        let has_come = scheduled_at.is_none_or(|scheduled_at| scheduled_at <= at);
        world.require(has_come, "DEL-8: cleared before its time", key);
        let is_paused = world
            .book()
            .pauses
            .iter()
            .any(|pause| pause.tenant_id == key.tenant_id && pause.from < at && pause.to.is_none_or(|to| at < to));
        world.require(!is_paused, "DEL-8: cleared while the tenant was paused", key);
    }

    /// Writes the call down.
    fn record(&self, key: DeliveryKey, attempt_no: i16, doing: Doing) {
        let world = &self.process.world;
        let truth = match doing {
            Doing::Takes | Doing::LosesAnswer => Truth::Taken,
            Doing::Refuses(class) => Truth::Refused(class),
            Doing::Hangs => Truth::Lost,
        };
        let call = Call { truth, at_ms: world.now_ms() };
        let is_first = world.book().calls.insert((key, attempt_no), call).is_none();
        world.require(is_first, "DEL-5: one attempt was called for twice", key);
        world.saw(doing.name());
        let instance = self.process.instance;
        world.note(|names| format!("{} calls {}#{attempt_no}: {doing:?}", names.process(instance), names.key(key)));
    }

    async fn answer(&self, doing: Doing, attempt: AttemptRef) -> SendOutcome {
        let world = &self.process.world;
        match doing {
            Doing::Takes => SendOutcome::Accepted { provider_refs: vec![reference(attempt)], delivered: false },
            Doing::Refuses(class) => {
                let after = (world.draw(0..2) == 0).then(|| Duration::from_millis(world.draw(100..3_000)));
                SendOutcome::Failed(Failure::new(class, "sim_refused").with_after(after))
            }
            Doing::Hangs | Doing::LosesAnswer => match world.draw(0..4) {
                0 => {
                    world.saw("vendor: panics");
                    panic!("{}", crate::world::ON_PURPOSE)
                }
                1 => {
                    world.saw("vendor: never answers");
                    std::future::pending().await
                }
                _ => {
                    tokio::time::sleep(Duration::from_millis(u64::from(self.account.timeout_ms))).await;
                    SendOutcome::Failed(Failure::new(FailureClass::Unknown, "sim_timeout"))
                }
            },
        }
    }
}

/// The vendor's own id of an attempt.
fn reference(attempt: AttemptRef) -> ProviderRef {
    ProviderRef::new(format!("sim:{attempt}")).unwrap()
}

#[async_trait]
impl Provider for Account {
    fn vendor(&self) -> Vendor {
        if self.account.channel == Channel::Sms { Vendor::Twilio } else { Vendor::Sendgrid }
    }

    async fn send(&self, cleared: &Cleared<Outbound>) -> SendOutcome {
        self.process.breathe().await;
        let (world, attempt) = (&self.process.world, cleared.get().attempt);
        let key = DeliveryKey {
            tenant_id: cleared.get().tenant_id,
            message_id: attempt.message_id,
            channel: attempt.channel,
        };
        self.check(cleared, key);
        let doing = self.decide();
        let bad_news = world.draw(0..1_000) < u64::from(world.mood().bad_news);
        self.record(key, attempt.attempt_no, doing);
        if matches!(doing, Doing::Takes | Doing::LosesAnswer) {
            promise_receipts(world, &self.account, attempt, bad_news);
        }
        let latency_ms = if world.draw(0..10) == 0 { world.draw(500..4_000) } else { world.draw(5..200) };
        tokio::time::sleep(Duration::from_millis(latency_ms)).await;
        self.process.breathe().await;
        let outcome = self.answer(doing, attempt).await;
        self.process.breathe().await;
        outcome
    }

    async fn look_up(&self, outbound: &Outbound, _attempted_at: Timestamp) -> LookUpOutcome {
        self.process.breathe().await;
        let (world, attempt) = (&self.process.world, outbound.attempt);
        tokio::time::sleep(world.latency()).await;
        self.process.breathe().await;
        let key =
            DeliveryKey { tenant_id: outbound.tenant_id, message_id: attempt.message_id, channel: attempt.channel };
        let known = world.book().calls.get(&(key, attempt.attempt_no)).map(|call| call.truth);
        world.saw("look_up");
        match known {
            Some(Truth::Taken) => LookUpOutcome::Found { provider_refs: vec![reference(attempt)] },
            Some(Truth::Lost) | None => LookUpOutcome::Absent,
            Some(Truth::Refused(_)) => LookUpOutcome::CannotTell,
        }
    }
}

/// Sends the news of a message that was taken on their way. The last of them always ends it.
fn promise_receipts(world: &Arc<World>, account: &Arc<ProviderAccount>, attempt: AttemptRef, bad_news: bool) {
    let mut news: Vec<(ReceiptStatus, Option<Failure>)> = Vec::new();
    if world.is_heads() {
        news.push((ReceiptStatus::Sent, None));
    }
    if bad_news {
        world.saw("receipt: bad news");
        let class = if world.is_heads() { FailureClass::Transient } else { FailureClass::Permanent };
        let status = if world.is_heads() { ReceiptStatus::Undelivered } else { ReceiptStatus::Bounced };
        news.push((status, Some(Failure::new(class, "sim_not_delivered"))));
    }
    if !bad_news || world.draw(0..4) == 0 {
        news.push((ReceiptStatus::Delivered, None));
        if world.draw(0..4) == 0 {
            news.push((ReceiptStatus::Opened, None));
        }
    }
    // A vendor gives our own name of an attempt back, or it does not.
    let echo = world.is_heads().then_some(attempt);
    for (status, failure) in news {
        world.saw(if echo.is_some() { "receipt: with our name" } else { "receipt: without our name" });
        let copies = if world.draw(0..3) == 0 { 2 } else { 1 };
        if copies > 1 {
            world.saw("receipt: twice");
        }
        for _ in 0..copies {
            let wait_ms = match world.draw(0..4) {
                0 => world.draw(1..50),
                1 => {
                    world.saw("receipt: late");
                    world.draw(3_000..12_000)
                }
                _ => world.draw(50..3_000),
            };
            let event = ReceiptEvent {
                provider_ref: reference(attempt),
                attempt: echo,
                status,
                failure: failure.clone(),
                occurred_at: Some(world.clock.now()),
                dedup_key: format!("{attempt}:{}", status.as_str()),
            };
            world.begin();
            actix::spawn(bring(Arc::clone(world), Arc::clone(account), event, wait_ms));
        }
    }
}

/// Brings a receipt to some process, again and again until one says that it is kept.
async fn bring(world: Arc<World>, account: Arc<ProviderAccount>, event: ReceiptEvent, wait_ms: u64) {
    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    loop {
        if let Some(running) = world.someone() {
            let brought = async {
                let seat = running.engine.seat(account.tenant_id, Duration::from_secs(1)).await.ok()?;
                let owner = match seat {
                    Seat::Here => running,
                    Seat::At(address) => world.at(&address)?,
                };
                owner.engine.receive(&account, vec![event.clone()]).await.ok()
            };
            if let Ok(Some(())) = tokio::time::timeout(Duration::from_secs(8), brought).await {
                let key = receipt_key(account.account_id, &event.dedup_key);
                world.book().receipts.insert((account.tenant_id, key));
                world.saw("receipt");
                world.end();
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(world.draw(200..2_000))).await;
    }
}
