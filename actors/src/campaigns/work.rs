//! One turn: a page of each of the tenant's bulk sends.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use url::Url;

use carepost_campaigns::rules::compose::ReadyContent;
use carepost_campaigns::types::{BulkSend, BulkState, DuePlace};
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
/// Contents that are kept ready: those of the sends that had their turns last. A turn takes fewer (DEL-12).
const CONTENTS: usize = 24;

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
    /// What they say, the one that was used last at the end.
    contents: VecDeque<(BulkSendId, ReadyWords)>,
    /// Sends that there is nothing to do for now: their pace, a limit of the tenant, what they wait for, a step that has
    /// failed. They take nobody's place meanwhile.
    rests: HashMap<BulkSendId, Rest>,
}

/// A send rests.
#[derive(Debug, Clone, Copy)]
struct Rest {
    /// In this state: a caller's deed ends it. None: it could not be read.
    state: Option<BulkState>,
    until: Instant,
}

/// What a send says.
#[derive(Clone)]
pub(super) struct ReadyWords {
    /// Ready to be filled.
    pub(super) words: Arc<ReadyContent>,
    /// Where its links lead.
    pub(super) public_url: Arc<Url>,
    /// Nobody named channels.
    pub(super) is_plan_open: bool,
}

/// What is kept of one send, however many there are: marks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Kept {
    /// Rows up to this one have no delivery that waits to leave.
    pub(super) settled_to: i32,
    /// A look through what is to be cancelled has found deliveries that may yet come back.
    pub(super) is_to_look_again: bool,
    /// Rows that were looked at of late and stand as they are stored.
    pub(super) passed: Option<Passed>,
}

/// Rows whose turn has come and that are held as they were: nothing was written, so they are passed over by memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passed {
    /// Up to this one.
    pub(super) to: DuePlace,
    /// Then they are looked at again, from the first.
    pub(super) until: Timestamp,
}

impl Kept {
    /// Rows up to this one are passed over. A page that nothing goes of puts the next look off, so that what lies behind
    /// has its turn however long the way there is; one that something goes of does not, so that the look comes.
    pub(super) fn pass(&mut self, to: DuePlace, until: Timestamp, has_sent: bool) {
        let until = self.passed.filter(|_| has_sent).map_or(until, |passed| passed.until);
        self.passed = Some(Passed { to, until });
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

    /// Forgets what is neither worked on nor resting.
    fn keep_only(&mut self, is_active: impl Fn(&BulkSendId) -> bool) {
        self.rests.retain(|_, rest| until(rest.until).is_some());
        let is_kept = |known: &BulkSendId| is_active(known) || self.rests.contains_key(known);
        self.sends.retain(|known, _| is_kept(known));
        self.contents.retain(|(known, _)| is_kept(known));
    }

    /// What a send says, if that is still known.
    fn content(&mut self, bulk_send_id: BulkSendId) -> Option<ReadyWords> {
        let place = self.contents.iter().position(|(known, _)| *known == bulk_send_id)?;
        let found = self.contents.remove(place)?;
        self.contents.push_back(found.clone());
        Some(found.1)
    }

    /// The one that was not used for the longest time goes for it.
    fn keep_content(&mut self, bulk_send_id: BulkSendId, content: ReadyWords) {
        if self.contents.len() >= CONTENTS {
            self.contents.pop_front();
        }
        self.contents.push_back((bulk_send_id, content));
    }

    /// Nothing is done for it for this time, whoever calls for a turn.
    #[expect(clippy::disallowed_methods, reason = "a span of tokio's time")]
    fn rest(&mut self, bulk_send_id: BulkSendId, state: Option<BulkState>, span: Duration) {
        self.rests.insert(bulk_send_id, Rest { state, until: Instant::now() + span });
    }

    /// What rests now.
    fn resting(&self) -> Vec<(BulkSendId, Option<BulkState>)> {
        let rests = self.rests.iter().filter(|(_, rest)| until(rest.until).is_some());
        rests.map(|(bulk_send_id, rest)| (*bulk_send_id, rest.state)).collect()
    }

    /// When the first of them has rested.
    fn first_rested(&self) -> Next {
        let soonest = self.rests.values().map(|rest| until(rest.until).unwrap_or_default()).min();
        soonest.map_or(Next::Over, Next::After)
    }
}

/// All that a step stands on.
pub(super) struct Desk<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) live: &'a Arc<LiveTenant>,
    pub(super) placement: &'a Placement,
    pub(super) tenant: &'a Arc<TenantHandle>,
    pub(super) send: &'a BulkSend,
    pub(super) content: ReadyWords,
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
        store::list_active(&tx, &tenant, shared.now(), &memory.resting(), SENDS).await?
    };
    memory.keep_only(|known| sends.iter().any(|(bulk_send_id, _)| bulk_send_id == known));
    // Where all places were taken, there may be others: those that rest after this turn leave theirs.
    let is_full = i64::try_from(sends.len()).is_ok_and(|count| count >= SENDS);
    let mut next = if is_full { Next::Now } else { Next::Over };
    for (bulk_send_id, read) in sends {
        let state = read.as_ref().ok().map(|send| send.state);
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
                Next::After(IDLE)
            }
        };
        match step {
            Next::After(span) => memory.rest(bulk_send_id, state, span),
            step => next = next.or_sooner(step),
        }
    }
    Ok(next.or_sooner(memory.first_rested()))
}

/// Works on a page of one send.
async fn work_on(
    shared: &Arc<Shared>,
    live: &Arc<LiveTenant>,
    (placement, tenant): (&Placement, &Arc<TenantHandle>),
    send: &BulkSend,
    memory: &mut Memory,
) -> Result<Next, WorkError> {
    let content = match memory.content(send.bulk_send_id) {
        Some(content) => content,
        None => {
            let loaded = load(tenant, placement, send.bulk_send_id).await?;
            memory.keep_content(send.bulk_send_id, loaded.clone());
            loaded
        }
    };
    let kept = memory.sends.get(&send.bulk_send_id).copied().unwrap_or_default();
    let mut desk = Desk { shared, live, placement, tenant, send, content, kept };
    let step = match send.state {
        BulkState::Counting => page::count(&desk).await?,
        BulkState::Running => feed::feed(&mut desk).await?,
        _ => cancel::cancel(&mut desk).await?,
    };
    // What a failed step has noted may not have happened.
    let kept = desk.kept;
    memory.sends.insert(send.bulk_send_id, kept);
    Ok(step)
}

/// What a send says, ready to be filled.
async fn load(tenant: &TenantHandle, placement: &Placement, bulk_send_id: BulkSendId) -> Result<ReadyWords, WorkError> {
    let mut connection = placement.tenant(tenant.tenant.tenant_id).await?;
    let tx = connection.begin().await?;
    let sealed = store::find_content(&tx, tenant, bulk_send_id).await?;
    Ok(ReadyWords {
        words: Arc::new(ReadyContent::new(&sealed.content)?),
        public_url: Arc::new(sealed.url()?),
        is_plan_open: sealed.is_plan_open,
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

    fn content() -> ReadyWords {
        let content = BulkContent::Fixed(Box::<FixedContent>::default());
        ReadyWords {
            words: Arc::new(ReadyContent::new(&content).unwrap()),
            public_url: Arc::new("https://care.example.com/".parse().unwrap()),
            is_plan_open: false,
        }
    }

    fn now() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn hub_014_a_send_that_rests_takes_no_place_and_is_not_forgotten() {
        let (resting, failed) = (BulkSendId::new(now()), BulkSendId::new(now()));
        let mut memory = Memory::default();
        assert_eq!(memory.first_rested(), Next::Over);
        memory.sends.insert(resting, Kept::default());
        memory.keep_content(resting, content());
        memory.rest(resting, Some(BulkState::Running), Duration::from_secs(2));
        memory.rest(failed, None, IDLE);
        let mut rests = memory.resting();
        rests.sort_by_key(|(_, state)| state.is_some());
        assert_eq!(rests, [(failed, None), (resting, Some(BulkState::Running))]);
        assert_eq!(memory.first_rested(), Next::After(IDLE));
        tokio::time::advance(IDLE).await;
        assert_eq!(memory.resting(), [(resting, Some(BulkState::Running))]);
        memory.keep_only(|_| false);
        assert_eq!((memory.sends(), memory.first_rested()), (1, Next::After(Duration::from_secs(1))));
        tokio::time::advance(IDLE).await;
        assert_eq!(memory.resting(), []);
        memory.keep_only(|_| false);
        assert_eq!((memory.sends(), memory.rests.len()), (0, 0), "what has ended is forgotten");
        assert!(memory.content(resting).is_none());
    }

    #[test]
    fn del_12_of_many_sends_only_the_contents_that_were_used_last_are_kept() {
        let mut memory = Memory::default();
        let sends: Vec<BulkSendId> = (0..100).map(|_| BulkSendId::new(now())).collect();
        for send in &sends {
            memory.sends.insert(*send, Kept { settled_to: 7, ..Kept::default() });
            memory.keep_content(*send, content());
            // The first one is used all the time.
            assert!(memory.content(sends[0]).is_some());
        }
        assert_eq!(memory.contents.len(), CONTENTS);
        assert!(memory.content(sends[1]).is_none() && memory.content(sends[99]).is_some());
        assert!(sends.iter().all(|send| memory.sends[send].settled_to == 7), "marks are small, and stay");
    }

    #[test]
    fn hub_014_rows_that_stand_as_they_are_stored_are_passed_over_until_the_next_look() {
        let mut kept = Kept::default();
        let place = |row_no| DuePlace { due_at: now(), row_no };
        let later = |seconds| now() + jiff::SignedDuration::from_secs(seconds);
        kept.pass(place(256), later(30), false);
        kept.pass(place(512), later(31), false);
        assert_eq!(kept.passed, Some(Passed { to: place(512), until: later(31) }), "the way goes on to its end");
        kept.pass(place(768), later(32), true);
        assert_eq!(kept.passed, Some(Passed { to: place(768), until: later(31) }), "and the next look comes");
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
