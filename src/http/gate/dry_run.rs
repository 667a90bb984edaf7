//! A draft of the policy, held against last week's messages before it takes effect.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use carepost_consent::store::{MOST_ADDRESSES, find_policy, load_facts};
use carepost_consent::types::{AddressKey, ContactFacts};
use carepost_delivery::gate::Rulebook;
use carepost_delivery::gate::dry_run::{DryRun, Example, Findings, Objection, PastMessage, Shift, Whose};
use carepost_delivery::store::{PastRow, find_replay_start, list_past_messages};
use carepost_kernel::{Channel, MessageId};
use carepost_tenancy::{Scope, TenantHandle};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::path_version;
use super::policies::{rulebook_in_force, rulebook_of};
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Code};
use crate::http::names::{ChannelName, GateRuleName, ShiftName};
use crate::http::state::AppState;

/// How far back messages are looked at.
const SPAN: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The newest so many of them.
const MOST_MESSAGES: u32 = 100_000;
/// Messages that are read at a time: a page is in memory, and no connection is held from one to the next.
const PAGE: i64 = 250;
/// Between two pages others have their turn.
const REST: std::time::Duration = std::time::Duration::from_millis(2);
/// The caller waits: so long at most.
const PATIENCE: SignedDuration = SignedDuration::from_secs(25);

/// What a draft would change, by the messages of the last seven days.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DryRunView {
    /// The draft.
    policy_version: u32,
    /// The policy in force, which it is held against; 0 is the built-in one.
    against_version: u32,
    /// The messages came from this instant on.
    from: Timestamp,
    /// And before this one.
    until: Timestamp,
    /// All messages of the last seven days were looked at; else only the newest 100,000, or as many as there was time for.
    is_whole: bool,
    /// Messages that were asked about; one whose channels were used all at once counts once for each.
    asked: u64,
    /// Messages that could not be read, or are too large to be.
    unread: u64,
    /// Nothing would change.
    same: u64,
    /// Would have left or waited, and would not leave.
    newly_refused: u64,
    /// Would have left or been refused, and would wait.
    newly_waiting: u64,
    /// Would have waited or been refused, and would leave at once.
    newly_free: u64,
    /// Would leave on another channel.
    other_channel: u64,
    /// The changes by the rule that is behind them.
    by_rule: Vec<ShiftedRuleView>,
    /// Up to 20 of the messages.
    examples: Vec<ExampleView>,
}

/// How often a rule changes something.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShiftedRuleView {
    #[serde(flatten)]
    behind: ObjectionView,
    /// What changes.
    #[schema(value_type = ShiftName)]
    change: &'static str,
    /// For how many messages.
    count: u64,
}

/// A message for which something would change.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExampleView {
    /// Which.
    #[schema(value_type = Uuid)]
    message_id: MessageId,
    /// What changes.
    #[schema(value_type = ShiftName)]
    change: &'static str,
    /// The rule behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<ObjectionView>,
}

/// The rule behind a change: of the draft where it is stricter, of the policy in force where that was.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ObjectionView {
    /// Which rule.
    #[schema(value_type = GateRuleName)]
    rule: &'static str,
    /// On which channel.
    #[schema(value_type = ChannelName)]
    channel: Channel,
    /// What it says.
    #[schema(example = "no_consent")]
    code: &'static str,
}

/// Dry-run a version of the policy
///
/// Asks the version and the policy in force about the messages of the last seven days, each at the moment when it was ready
/// to leave, and counts what would change. Nothing is stored and nothing leaves. It cannot know what was known then: consent,
/// wishes and suppressions are today's, pauses and rates are left out, and for caps each policy counts what it would have
/// let go itself. One dry run at a time.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/gate/policies/{version}/dry-run",
    tag = "gate",
    security(("api_key" = ["gate:manage"])),
    params(("version" = u32, Path, description = "Its number.")),
    responses((status = 200, body = DryRunView)),
)]
pub(crate) async fn dry_run_gate_policy(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    caller.require(Scope::GateManage)?;
    let version = path_version(&request)?;
    let busy = || ApiError::unavailable("another dry run is under way").with_limit("dry_runs");
    let _turn = state.dry_runs.try_acquire().map_err(|_taken| busy())?;
    let now = state.clock.now();
    let from = now.saturating_sub(SPAN).unwrap_or(Timestamp::MIN);
    let (found, start) = {
        let mut connection = state.connection(&caller.tenant).await?;
        let tx = connection.begin().await?;
        (find_policy(&tx, version).await?, find_replay_start(&tx, (from, now), MOST_MESSAGES).await?)
    };
    let draft = rulebook_of(&found)?;
    let active = rulebook_in_force(&state, &caller.tenant, now).await?;
    let mut run = Run::new(&caller, &state, (active, draft), from);
    // The first one belongs to it.
    run.after = start.map_or(MessageId::first_at(from), before);
    run.is_whole = start.is_none();
    run.go(&state, now).await?;
    Ok(HttpResponse::Ok().json(run.show(now)))
}

/// A dry run on its way.
struct Run {
    tenant: Arc<TenantHandle>,
    versions: (u32, u32),
    /// Away while a page is worked on.
    trial: Option<DryRun>,
    after: MessageId,
    from: Timestamp,
    is_whole: bool,
    unread: u64,
}

impl Run {
    fn new(caller: &Caller, state: &AppState, (active, draft): (Rulebook, Rulebook), from: Timestamp) -> Self {
        let tenant = Arc::clone(&caller.tenant);
        let whose = Whose { tenant: Arc::clone(&tenant), public_url: Arc::new(state.public_url.clone()) };
        let versions = (active.version(), draft.version());
        let trial = Some(DryRun::new(whose, Arc::new(active), Arc::new(draft), from));
        Self { tenant, versions, trial, after: MessageId::first_at(from), from, is_whole: true, unread: 0 }
    }

    async fn go(&mut self, state: &AppState, until: Timestamp) -> Result<(), ApiError> {
        let mut is_first = !self.is_whole;
        loop {
            let rows = {
                let mut connection = state.connection(&self.tenant).await?;
                let tx = connection.begin().await?;
                list_past_messages(&tx, self.after, until, PAGE).await?
            };
            let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
            if std::mem::take(&mut is_first) {
                self.from = first.created_at();
                self.trial.iter_mut().for_each(|trial| trial.begin_at(self.from));
            }
            self.after = last.message_id();
            self.page(state, rows, until).await?;
            if state.clock.now().duration_since(until) > PATIENCE {
                self.is_whole = false;
                return Ok(());
            }
            tokio::time::sleep(REST).await;
        }
    }

    /// Opening and asking is work for a thread that serves nobody else.
    async fn page(&mut self, state: &AppState, rows: Vec<PastRow>, now: Timestamp) -> Result<(), ApiError> {
        let broken = |_| ApiError::new(Code::Internal, "the dry run broke off");
        let (tenant, count) = (Arc::clone(&self.tenant), rows.len() as u64);
        let messages = web::block(move || opened(&tenant, rows)).await.map_err(broken)?;
        self.unread += count - messages.len() as u64;
        let facts = facts(state, &self.tenant, &messages, now).await?;
        let mut trial = self.trial.take();
        self.trial = web::block(move || {
            if let Some(trial) = &mut trial {
                trial.replay(&messages, facts);
            }
            trial
        })
        .await
        .map_err(broken)?;
        Ok(())
    }

    fn show(self, until: Timestamp) -> DryRunView {
        let Findings { asked, same, shifts, by_rule, examples } = self.trial.map(DryRun::findings).unwrap_or_default();
        let of = |shift| shifts.get(&shift).copied().unwrap_or(0);
        let show = |((behind, shift), count): ((Objection, Shift), u64)| ShiftedRuleView {
            behind: behind.into(),
            change: shift.as_str(),
            count,
        };
        DryRunView {
            policy_version: self.versions.1,
            against_version: self.versions.0,
            from: self.from,
            until,
            is_whole: self.is_whole,
            asked,
            unread: self.unread,
            same,
            newly_refused: of(Shift::NewlyRefused),
            newly_waiting: of(Shift::NewlyWaiting),
            newly_free: of(Shift::NewlyFree),
            other_channel: of(Shift::OtherChannel),
            by_rule: by_rule.into_iter().map(show).collect(),
            examples: examples.into_iter().map(ExampleView::from).collect(),
        }
    }
}

/// The message just before this one, whatever it is.
fn before(message_id: MessageId) -> MessageId {
    MessageId::from_uuid(Uuid::from_u128(message_id.as_uuid().as_u128().saturating_sub(1)))
}

/// Those of a page that open.
fn opened(tenant: &TenantHandle, rows: Vec<PastRow>) -> Vec<PastMessage> {
    let open = |row: PastRow| row.open(tenant.hash_key(), |owner, sealed| tenant.open(owner, sealed)).ok().flatten();
    rows.into_iter().filter_map(open).collect()
}

async fn facts(
    state: &AppState,
    tenant: &TenantHandle,
    messages: &[PastMessage],
    now: Timestamp,
) -> Result<Vec<ContactFacts>, ApiError> {
    let deliveries = messages.iter().flat_map(|message| &message.deliveries);
    let keys: BTreeSet<AddressKey> = deliveries
        .map(|delivery| AddressKey { channel: delivery.key.channel, address_hash: delivery.recipient_hash })
        .collect();
    let keys: Vec<AddressKey> = keys.into_iter().collect();
    let mut facts = Vec::with_capacity(keys.len());
    for some in keys.chunks(MOST_ADDRESSES) {
        let connection = state.placement(tenant)?.engine().await?;
        facts.extend(load_facts(&connection, tenant.tenant.tenant_id, some, now).await?);
    }
    Ok(facts)
}

impl From<Objection> for ObjectionView {
    fn from(Objection { rule, channel, code }: Objection) -> Self {
        Self { rule, channel, code }
    }
}

impl From<Example> for ExampleView {
    fn from(Example { message_id, shift, behind }: Example) -> Self {
        Self { message_id, change: shift.as_str(), behind: behind.map(Into::into) }
    }
}
