//! The tenant's commands on stored messages: cancel and redrive. Their work is in rows; the actor orders them.

use std::sync::Arc;
use std::time::Duration;

use actix::{Handler, Message, ResponseFuture};
use tokio::sync::oneshot;

use carepost_delivery::DeliveryError;
use carepost_delivery::ledger::Decision;
use carepost_delivery::store::{DueRow, Redriven};
use carepost_delivery::types::{DeliveryKey, DeliveryState};
use carepost_delivery::{prepare, rules};
use carepost_kernel::{Chain, Channel, MessageId};
use carepost_tenancy::TenantHandle;

use crate::engine::{Cancellation, EngineError, RedriveReport, RedriveRequest};

use super::super::channel::WakeUp;
use super::super::ledger::{Entry, PendingDecision};
use super::super::shared::{LiveTenant, Shared};
use super::{TenantActor, ensure_channel};

/// Take back what has not left of a message.
#[derive(Message)]
#[rtype(result = "Result<Cancellation, EngineError>")]
pub(crate) struct CancelMessage {
    pub(crate) message_id: MessageId,
}

/// Put failed deliveries back to work.
#[derive(Message)]
#[rtype(result = "Result<RedriveReport, EngineError>")]
pub(crate) struct RedriveMessages {
    pub(crate) tenant: Arc<TenantHandle>,
    pub(crate) request: RedriveRequest,
}

impl Handler<CancelMessage> for TenantActor {
    type Result = ResponseFuture<Result<Cancellation, EngineError>>;

    fn handle(&mut self, command: CancelMessage, _: &mut Self::Context) -> Self::Result {
        let (shared, live) = (Arc::clone(&self.shared), self.live());
        Box::pin(async move {
            let live = live.ok_or(EngineError::Moving)?;
            cancel(&shared, &live, command.message_id).await
        })
    }
}

impl Handler<RedriveMessages> for TenantActor {
    type Result = ResponseFuture<Result<RedriveReport, EngineError>>;

    fn handle(&mut self, command: RedriveMessages, _: &mut Self::Context) -> Self::Result {
        let (shared, live) = (Arc::clone(&self.shared), self.live());
        Box::pin(async move {
            let live = live.ok_or(EngineError::Moving)?;
            redrive(&shared, &live, &command.tenant, command.request).await
        })
    }
}

/// Takes back what has not left of a message, and what would come next of its plan.
///
/// # Errors
/// See [`EngineError`].
pub(crate) async fn cancel(
    shared: &Shared,
    live: &LiveTenant,
    message_id: MessageId,
) -> Result<Cancellation, EngineError> {
    let (mut known, mut cancelled, mut undecided) = (Vec::new(), Vec::new(), None);
    for channel in Channel::ALL {
        let key = DeliveryKey { tenant_id: live.tenant_id, message_id, channel };
        let found = async {
            let session = live.writers.journal.connect().await?;
            session.get_delivery(key).await
        };
        let Some(row) = found.await.map_err(|error: DeliveryError| logged(&error))? else { continue };
        known.push(channel);
        if row.can_be_cancelled() {
            let step = rules::cancelled(row.key(), row.attempt_no(), row.failures(), shared.now());
            let taken = take_back(live, Decision::new(DeliveryState::Queued, step)).await;
            // "Moving" says that nothing was done.
            let begun = |error| if cancelled.is_empty() { error } else { EngineError::restarting() };
            cancelled.extend(taken.map_err(begun)?);
        }
        undecided = Some(row).filter(DueRow::may_fall_back).or(undecided);
    }
    if let Some(row) = undecided {
        cancelled.extend(stop_plan(shared, live, row, &known).await?);
    }
    if known.is_empty() { Err(EngineError::NotFound) } else { Ok(Cancellation { cancelled }) }
}

/// A call was made and its end is open: the channels that would come next are taken back before their time.
async fn stop_plan(
    shared: &Shared,
    live: &LiveTenant,
    row: DueRow,
    known: &[Channel],
) -> Result<Vec<Channel>, EngineError> {
    let tenant = live.handle(shared).await?;
    let delivery = row.open(|owner, sealed| tenant.open(owner, sealed)).map_err(|error| logged(&error))?;
    let mut cancelled = Vec::new();
    for channel in delivery.channels.iter().copied().filter(|channel| !known.contains(channel)) {
        let key = DeliveryKey { channel, ..delivery.key };
        let next = prepare::new_delivery(delivery.payload.expose(), channel, delivery.priority, tenant.hash_key());
        let step = rules::cancelled(key, 0, 0, shared.now());
        let decision = Decision { creates: Some(next), ..Decision::new(DeliveryState::Queued, step) };
        cancelled.extend(take_back(live, decision).await?);
    }
    Ok(cancelled)
}

/// The channel, where it is taken back now.
///
/// # Errors
/// See [`EngineError`].
pub(crate) async fn take_back(live: &LiveTenant, decision: Decision) -> Result<Option<Channel>, EngineError> {
    let channel = decision.change.key.channel;
    let (answer, told) = oneshot::channel();
    live.writers.ledger.tell(Entry::Decide(PendingDecision { decision, answer }))?;
    let effect = told.await.map_err(|_| EngineError::restarting())?;
    if effect.is_none() && live.epoch().is_none() {
        // Refused by the fence: the tenant's next process can still take it back.
        return Err(EngineError::Moving);
    }
    Ok(effect.filter(|effect| effect.state == DeliveryState::Cancelled).map(|_| channel))
}

/// Deliveries that one transaction puts back.
const PAGE: u32 = 100;

async fn redrive(
    shared: &Arc<Shared>,
    live: &Arc<LiveTenant>,
    tenant: &TenantHandle,
    mut request: RedriveRequest,
) -> Result<RedriveReport, EngineError> {
    let mut report = RedriveReport { count: 0, last: None, more: false };
    while report.count < request.limit {
        let page = PAGE.min(request.limit - report.count);
        let found = redrive_page(shared, live, tenant, &request, page).await.map_err(|error| logged(&error))?;
        let Some(found) = found else {
            // What is left is for the tenant's next process.
            report.more = true;
            return if report.count == 0 { Err(EngineError::Moving) } else { Ok(report) };
        };
        let looked_at = found.looked_at;
        report.count += found.count;
        report.last = found.last.or(report.last);
        report.more = looked_at >= page;
        let Some(last) = found.last.filter(|_| report.more) else { break };
        request.filter.after = last;
        if !request.dry_run {
            let seconds = f64::from(looked_at) / f64::from(request.per_second.max(1));
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        }
    }
    Ok(report)
}

/// What came of one page; none where the fence has refused it.
struct RedrivenPage {
    looked_at: u32,
    count: u32,
    last: Option<MessageId>,
}

async fn redrive_page(
    shared: &Arc<Shared>,
    live: &Arc<LiveTenant>,
    tenant: &TenantHandle,
    request: &RedriveRequest,
    page: u32,
) -> Result<Option<RedrivenPage>, DeliveryError> {
    let mut session = live.writers.journal.connect().await?;
    let held = (live.tenant_id, live.epoch().unwrap_or(i64::MIN));
    let now = shared.now();
    let lifetime = tenant.tenant.settings.message_ttl(carepost_kernel::Priority::Normal);
    let lifetime = jiff::SignedDuration::try_from(lifetime).unwrap_or(jiff::SignedDuration::MAX);
    let expires_at = now.saturating_add(lifetime).unwrap_or(jiff::Timestamp::MAX);
    let again = (!request.dry_run).then_some((now, expires_at));
    let Some(redriven) = session.redrive(shared.instance, held, &request.filter, page, again).await? else {
        return Ok(None);
    };
    let Redriven { looked_at, last, reopened } = redriven;
    let counted = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    for channel in Channel::ALL {
        if reopened.iter().any(|(_, reopened)| *reopened == channel) {
            // Where its mailbox is full it is awake already and looks at its rows by itself.
            let _awake = ensure_channel(shared, live, channel).tell(WakeUp);
        }
    }
    let count = counted(if request.dry_run { looked_at } else { reopened.len() });
    Ok(Some(RedrivenPage { looked_at: counted(looked_at), count, last }))
}

fn logged(error: &DeliveryError) -> EngineError {
    tracing::warn!(error = %Chain(&error), "work on stored messages");
    if error.kind() == carepost_kernel::ErrorKind::Unavailable { EngineError::away() } else { EngineError::Internal }
}
