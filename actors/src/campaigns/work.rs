//! One turn: a page of each of the tenant's bulk sends.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use carepost_campaigns::rules::compose::ReadyContent;
use carepost_campaigns::types::{BulkSend, BulkState};
use carepost_campaigns::{CampaignError, store};
use carepost_delivery::DeliveryError;
use carepost_kernel::{BulkSendId, Chain};
use carepost_store::{EngineTx, Placement, StoreError};
use carepost_tenancy::TenantHandle;

use crate::delivery::shared::{LiveTenant, Shared};
use crate::engine::EngineError;

use super::{cancel, feed, page};

/// Sends that one turn works on.
const SENDS: i64 = 16;
/// Without anything due, and after a failure.
pub(super) const IDLE: Duration = Duration::from_secs(1);

/// When the next turn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// At once.
    Now,
    /// After this time.
    After(Duration),
    /// Never: nothing is left to do, or it is somebody else's.
    Over,
}

impl Next {
    /// The sooner one.
    fn or_sooner(self, other: Self) -> Self {
        match (self, other) {
            (Self::Now, _) | (_, Self::Now) => Self::Now,
            (Self::After(one), Self::After(another)) => Self::After(one.min(another)),
            (Self::Over, other) | (other, Self::Over) => other,
        }
    }
}

/// Why a turn came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum WorkError {
    #[error("work on a bulk send")]
    Campaign(#[from] CampaignError),
    #[error("work on a bulk send")]
    Engine(#[from] EngineError),
    #[error("reach the rows of a bulk send")]
    Store(#[from] StoreError),
    #[error("ask about a bulk send")]
    Delivery(#[from] DeliveryError),
}

/// What is worth keeping from turn to turn. The rows have all that matters.
#[derive(Default)]
pub(super) struct Memory {
    sends: HashMap<BulkSendId, Kept>,
    /// Sends whose last step has failed, and when the next one is: the others go on meanwhile.
    failed: HashMap<BulkSendId, Instant>,
}

/// What is kept of one send.
#[derive(Clone)]
pub(super) struct Kept {
    /// What it says, ready to be filled.
    pub(super) content: Arc<ReadyContent>,
    /// Where its links lead.
    pub(super) public_url: Arc<Url>,
    /// Rows up to this one have no delivery that waits to leave.
    pub(super) settled_to: i32,
    /// A look through what is to be cancelled has found deliveries that may yet come back.
    pub(super) is_to_look_again: bool,
    /// No row goes before then: the send's own pace, or a limit of the tenant, whoever else calls for a turn.
    pub(super) rests_until: Option<Instant>,
}

impl Kept {
    /// No row goes for this time.
    #[expect(clippy::disallowed_methods, reason = "a span of tokio's time")]
    pub(super) fn rest_for(&mut self, rest: Duration) {
        self.rests_until = Some(Instant::now() + rest);
    }

    fn rest(&self) -> Option<Duration> {
        until(self.rests_until?)
    }
}

/// How long it is until then; none: it is now.
fn until(instant: Instant) -> Option<Duration> {
    #[expect(clippy::disallowed_methods, reason = "a span of tokio's time")]
    let rest = instant.saturating_duration_since(Instant::now());
    (!rest.is_zero()).then_some(rest)
}

impl Memory {
    pub(super) fn sends(&self) -> usize {
        self.sends.len()
    }

    fn keep_only(&mut self, is_active: impl Fn(&BulkSendId) -> bool) {
        self.sends.retain(|known, _| is_active(known));
        self.failed.retain(|known, _| is_active(known));
    }

    /// It is tried again after a while.
    #[expect(clippy::disallowed_methods, reason = "a span of tokio's time")]
    fn has_failed(&mut self, bulk_send_id: BulkSendId) {
        self.failed.insert(bulk_send_id, Instant::now() + IDLE);
    }

    fn rest_of_failed(&self, bulk_send_id: BulkSendId) -> Option<Duration> {
        until(*self.failed.get(&bulk_send_id)?)
    }
}

/// All that a step stands on.
pub(super) struct Desk<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) live: &'a Arc<LiveTenant>,
    pub(super) placement: &'a Placement,
    pub(super) tenant: &'a Arc<TenantHandle>,
    pub(super) send: &'a BulkSend,
    pub(super) kept: Kept,
}

/// Works on a page of each send.
pub(super) async fn turn(shared: &Arc<Shared>, live: &Arc<LiveTenant>, memory: &mut Memory) -> Next {
    if live.epoch().is_none() || shared.is_draining() {
        return Next::Over;
    }
    if live.handing_over.load(Ordering::Acquire) {
        return Next::After(IDLE);
    }
    let Some(placement) = live.writers.journal.placement() else { return Next::Over };
    match work(shared, live, placement, memory).await {
        Ok(next) => next,
        Err(WorkError::Engine(EngineError::NotFound)) => Next::Over,
        Err(error) => {
            tracing::warn!(error = %Chain(&error), tenant.id = %live.tenant_id, "work on bulk sends of a placement");
            Next::After(IDLE)
        }
    }
}

async fn work(
    shared: &Arc<Shared>,
    live: &Arc<LiveTenant>,
    placement: &Placement,
    memory: &mut Memory,
) -> Result<Next, WorkError> {
    let tenant = live.handle(shared).await?;
    let sends = {
        let mut connection = placement.tenant(live.tenant_id).await?;
        let tx = connection.begin().await?;
        store::list_active(&tx, &tenant, shared.now(), SENDS).await?
    };
    memory.keep_only(|known| sends.iter().any(|(bulk_send_id, _)| bulk_send_id == known));
    let mut next = Next::Over;
    for (bulk_send_id, read) in sends {
        if let Some(rest) = memory.rest_of_failed(bulk_send_id) {
            next = next.or_sooner(Next::After(rest));
            continue;
        }
        let worked = match read {
            Ok(send) => work_on(shared, live, (placement, &tenant), &send, memory).await,
            Err(error) => Err(error.into()),
        };
        let step = match worked {
            // Refused by the fence: the tenant is another process's.
            Ok(Next::Over) => return Ok(Next::Over),
            Ok(step) => step,
            Err(WorkError::Engine(EngineError::NotFound)) => return Ok(Next::Over),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), tenant.id = %live.tenant_id, bulk_send.id = %bulk_send_id, "work on a bulk send");
                memory.has_failed(bulk_send_id);
                Next::After(IDLE)
            }
        };
        next = next.or_sooner(step);
    }
    Ok(next)
}

/// Works on a page of one send.
async fn work_on(
    shared: &Arc<Shared>,
    live: &Arc<LiveTenant>,
    (placement, tenant): (&Placement, &Arc<TenantHandle>),
    send: &BulkSend,
    memory: &mut Memory,
) -> Result<Next, WorkError> {
    let kept = match memory.sends.get(&send.bulk_send_id) {
        Some(kept) => kept.clone(),
        None => load(tenant, placement, send.bulk_send_id).await?,
    };
    let mut desk = Desk { shared, live, placement, tenant, send, kept };
    let step = match send.state {
        BulkState::Counting => page::count(&desk).await?,
        BulkState::Running => match desk.kept.rest() {
            Some(rest) => Next::After(rest),
            None => feed::feed(&mut desk).await?,
        },
        _ => cancel::cancel(&mut desk).await?,
    };
    // What a failed step has noted may not have happened.
    let kept = desk.kept;
    memory.sends.insert(send.bulk_send_id, kept);
    Ok(step)
}

/// What a send says, ready to be filled.
async fn load(tenant: &TenantHandle, placement: &Placement, bulk_send_id: BulkSendId) -> Result<Kept, WorkError> {
    let mut connection = placement.tenant(tenant.tenant.tenant_id).await?;
    let tx = connection.begin().await?;
    let sealed = store::find_content(&tx, tenant, bulk_send_id).await?;
    Ok(Kept {
        content: Arc::new(ReadyContent::new(&sealed.content)?),
        public_url: Arc::new(sealed.url()?),
        settled_to: 0,
        is_to_look_again: false,
        rests_until: None,
    })
}

impl Desk<'_> {
    /// Writes behind the fence of the tenant's lease; false where it is another process's by now.
    pub(super) async fn write<F>(&self, write: F) -> Result<bool, WorkError>
    where
        F: AsyncFnOnce(&EngineTx<'_>) -> Result<(), CampaignError>,
    {
        let Some(epoch) = self.live.epoch() else { return Ok(false) };
        let mut connection = self.placement.engine().await?;
        let held = (self.live.tenant_id, epoch);
        let Some(tx) = store::fenced(&mut connection, self.shared.instance, held).await? else { return Ok(false) };
        write(&tx).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Whose send it is, for the engine's writers.
    pub(super) fn named(&self) -> (carepost_kernel::TenantId, BulkSendId) {
        (self.live.tenant_id, self.send.bulk_send_id)
    }
}

#[cfg(test)]
mod tests {
    use carepost_campaigns::types::{BulkContent, FixedContent};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_send_keeps_its_pace_however_often_it_is_called() {
        let content = BulkContent::Fixed(Box::<FixedContent>::default());
        let mut kept = Kept {
            content: Arc::new(ReadyContent::new(&content).unwrap()),
            public_url: Arc::new("https://care.example.com/".parse().unwrap()),
            settled_to: 0,
            is_to_look_again: false,
            rests_until: None,
        };
        assert_eq!(kept.rest(), None);
        kept.rest_for(Duration::from_secs(2));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(kept.rest(), Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(kept.rest(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_send_that_fails_rests_alone() {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let (broken, sound) = (BulkSendId::new(now), BulkSendId::new(now));
        let mut memory = Memory::default();
        memory.has_failed(broken);
        assert_eq!((memory.rest_of_failed(broken), memory.rest_of_failed(sound)), (Some(IDLE), None));
        tokio::time::advance(IDLE).await;
        assert_eq!(memory.rest_of_failed(broken), None);
        memory.has_failed(broken);
        memory.keep_only(|known| *known == sound);
        assert_eq!(memory.failed.len(), 0, "what has ended is forgotten");
    }

    #[test]
    fn the_sooner_turn_counts() {
        let (short, long) = (Next::After(Duration::from_millis(1)), Next::After(Duration::from_secs(1)));
        assert_eq!(Next::Over.or_sooner(long), long);
        assert_eq!(long.or_sooner(short), short);
        assert_eq!(short.or_sooner(Next::Now), Next::Now);
        assert_eq!(Next::Over.or_sooner(Next::Over), Next::Over);
    }
}
