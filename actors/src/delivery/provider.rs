//! `ProviderActor`: one provider account, ready to use. It builds the provider, follows changes of the account, and
//! sets calls going; each call runs as a task of its own (`attempt.rs`).

use std::sync::Arc;

use actix::{Actor, ActorContext as _, AsyncContext as _, Context, Handler, Message};
use tokio::time::Instant;

use carepost_kernel::{Chain, Dice, ProviderAccountId};
use carepost_providers::Provider;
use carepost_tenancy::ProviderAccount;
use carepost_tenancy::types::AccountStatus;

use crate::keeper::{Guard, Handle, Spec, Undelivered, keep};

use super::attempt::{self, MakeCall};
use super::shared::{LiveTenant, Shared};

/// Make this call.
#[derive(Message)]
#[rtype(result = "()")]
struct Call {
    live: Arc<LiveTenant>,
    call: MakeCall,
}

pub(crate) struct ProviderActor {
    shared: Arc<Shared>,
    account_id: ProviderAccountId,
    /// The provider of the account's version at hand.
    ready: Option<(i64, Arc<dyn Provider>)>,
    last_use: Instant,
    guard: Guard,
}

/// Before an account whose configuration does not hold up is tried again.
const MISCONFIGURED: std::time::Duration = std::time::Duration::from_secs(15);

impl ProviderActor {
    #[expect(clippy::disallowed_methods, reason = "a span of tokio's time")]
    fn new(shared: Arc<Shared>, account_id: ProviderAccountId, guard: Guard) -> Self {
        Self { shared, account_id, ready: None, last_use: Instant::now(), guard }
    }

    fn retire_if_idle(&mut self, context: &mut Context<Self>) {
        if self.last_use.elapsed() >= self.shared.tuning.idle_after {
            self.shared.accounts.remove(&self.account_id);
            self.guard.retire();
            context.stop();
        }
    }
}

impl Actor for ProviderActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(self.shared.tuning.idle_check(), Self::retire_if_idle);
    }
}

/// The provider of an account's new version is ready.
#[derive(Message)]
#[rtype(result = "()")]
struct Built {
    version: i64,
    provider: Arc<dyn Provider>,
}

impl Handler<Built> for ProviderActor {
    type Result = ();

    fn handle(&mut self, built: Built, _: &mut Self::Context) {
        self.ready = Some((built.version, built.provider));
    }
}

impl Handler<Call> for ProviderActor {
    type Result = ();

    #[expect(clippy::disallowed_methods, reason = "a span of tokio's time")]
    fn handle(&mut self, command: Call, context: &mut Self::Context) {
        self.last_use = Instant::now();
        let Call { live, call } = command;
        let shared = Arc::clone(&self.shared);
        let known = self.ready.as_ref().filter(|(version, _)| *version == call.account.version);
        if let Some((_, provider)) = known {
            actix::spawn(attempt::run(shared, live, Arc::clone(provider), call));
            return;
        }
        let address = context.address();
        actix::spawn(async move {
            match shared.providers.provider(&call.account).await {
                Ok(provider) => {
                    let (version, built) = (call.account.version, Arc::clone(&provider));
                    // A full mailbox only means that the next call builds it again.
                    let _full = address.try_send(Built { version, provider: built });
                    attempt::run(shared, live, provider, call).await;
                }
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), account.id = %call.account.account_id, "build provider");
                    attempt::not_made(call, Some(MISCONFIGURED));
                }
            }
        });
    }
}

/// Sets a call going through the account's actor, which is started now if it is not.
pub(crate) fn call(shared: &Arc<Shared>, live: &Arc<LiveTenant>, call: MakeCall) {
    let handle = of(shared, &call.account);
    let told = handle.tell(Call { live: Arc::clone(live), call });
    if let Err(Undelivered::Full(refused) | Undelivered::Away(refused)) = told {
        attempt::not_made(refused.call, Some(std::time::Duration::from_millis(100)));
    }
}

fn of(shared: &Arc<Shared>, account: &ProviderAccount) -> Handle<ProviderActor> {
    let mut entry = shared.accounts.entry(account.account_id).or_insert_with(|| start(shared, account));
    if entry.is_over() {
        *entry = start(shared, account);
    }
    entry.clone()
}

fn start(shared: &Arc<Shared>, account: &ProviderAccount) -> Handle<ProviderActor> {
    let account_id = account.account_id;
    let spec = Spec {
        path: format!("root/provider:{account_id}"),
        kind: "ProviderActor",
        mailbox: shared.tuning.provider_mailbox,
    };
    let (arbiter, kept) = (shared.arbiters.of(account_id.as_uuid().as_u128()), Arc::clone(shared));
    keep(&arbiter, &shared.tree, spec, move |guard, _| ProviderActor::new(Arc::clone(&kept), account_id, guard))
}

/// The active accounts in the order of the route; equals share by weight.
pub(crate) fn in_turn(accounts: &[Arc<ProviderAccount>], dice: &Dice) -> Vec<Arc<ProviderAccount>> {
    let mut active: Vec<Arc<ProviderAccount>> =
        accounts.iter().filter(|account| account.status == AccountStatus::Active).cloned().collect();
    let mut start = 0;
    while start < active.len() {
        let order = active[start].route_order;
        let end = start + active[start..].iter().take_while(|account| account.route_order == order).count();
        if end - start > 1 {
            let drawn = by_weight(&active[start..end], dice);
            active.splice(start..end, drawn);
        }
        start = end;
    }
    active
}

/// Draws without putting back, the heavier the likelier to be early: the least of exponential waits (Efraimidis).
fn by_weight(accounts: &[Arc<ProviderAccount>], dice: &Dice) -> Vec<Arc<ProviderAccount>> {
    let mut drawn: Vec<(f64, Arc<ProviderAccount>)> = accounts
        .iter()
        .map(|account| {
            let wait = -(1.0 - dice.unit()).ln() / f64::from(account.route_weight.max(1));
            (wait, Arc::clone(account))
        })
        .collect();
    drawn.sort_by(|one, other| one.0.total_cmp(&other.0));
    drawn.into_iter().map(|(_, account)| account).collect()
}
