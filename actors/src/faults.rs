//! Deaths on purpose, for tests alone: a real panic inside any kept actor. Compiled with the feature `fault-injection`
//! only, which the crate's own tests switch on; no handler and no command leads here.

use actix::{Context, Handler, Message};

use carepost_kernel::{Channel, PlacementId, ProviderAccountId, TenantId, WebhookEndpointId};

use crate::delivery::channel::ChannelActor;
use crate::delivery::ingest::IngestActor;
use crate::delivery::ledger::LedgerActor;
use crate::delivery::notifier::NotifierActor;
use crate::delivery::provider::ProviderActor;
use crate::delivery::receipts::ReceiptsActor;
use crate::delivery::scheduler::Scheduler;
use crate::delivery::tenant::TenantActor;
use crate::keeper::Handle;
use crate::root::Engine;

/// Panic.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(crate) struct Panic;

macro_rules! mortal {
    ($($actor:ty),+ $(,)?) => {$(
        impl Handler<Panic> for $actor {
            type Result = ();

            fn handle(&mut self, _: Panic, _: &mut Context<Self>) {
                panic!("broken on purpose");
            }
        }
    )+};
}

mortal!(ChannelActor, IngestActor, LedgerActor, NotifierActor, ProviderActor, ReceiptsActor, Scheduler, TenantActor,);

/// Which actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The writer of new messages of a placement.
    Ingest(PlacementId),
    /// The writer of everything else of a placement.
    Ledger(PlacementId),
    /// The clockwork.
    Scheduler,
    /// The way of receipts.
    Receipts,
    /// The webhooks to tenants.
    Notifier,
    /// A tenant.
    Tenant(TenantId),
    /// One channel of a tenant.
    Channel(TenantId, Channel),
    /// A provider account.
    Provider(ProviderAccountId),
}

impl Engine {
    /// Makes the task of a webhook endpoint panic when it looks for events next.
    pub fn break_endpoint(&self, endpoint: WebhookEndpointId) {
        self.shared.doomed.insert(endpoint, ());
    }

    /// Gives a tenant's lease back behind the back of everything that lives here.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn lose_lease(&self, tenant_id: TenantId) -> Result<(), carepost_store::StoreError> {
        let live = self.shared.tenants.get(&tenant_id).map(|found| std::sync::Arc::clone(&found));
        match live {
            Some(live) => live.writers.leases.release(&[tenant_id]).await,
            None => Ok(()),
        }
    }

    /// Makes the actor at a place panic. False where none lives there now.
    #[must_use]
    pub fn break_actor(&self, place: Place) -> bool {
        match place {
            Place::Ingest(id) => self.shared.writers.get(&id).is_some_and(|writers| told(&writers.ingest)),
            Place::Ledger(id) => self.shared.writers.get(&id).is_some_and(|writers| told(&writers.ledger)),
            Place::Scheduler => told(&self.scheduler),
            Place::Receipts => told(&self.receipts),
            Place::Notifier => told(&self.notifier),
            Place::Tenant(id) => self.shared.tenants.get(&id).is_some_and(|live| told(&live.actor)),
            Place::Channel(id, channel) => {
                let live = self.shared.tenants.get(&id);
                live.is_some_and(|live| live.channels.get(&channel).is_some_and(|handle| told(&handle)))
            }
            Place::Provider(id) => self.shared.accounts.get(&id).is_some_and(|handle| told(&handle)),
        }
    }
}

fn told<A>(handle: &Handle<A>) -> bool
where
    A: actix::Actor<Context = Context<A>> + Handler<Panic>,
{
    handle.tell(Panic).is_ok()
}
