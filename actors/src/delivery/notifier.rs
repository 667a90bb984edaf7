//! `NotifierActor`: events to tenants' own webhook endpoints (Standard Webhooks), in order for each, at least once.
//!
//! It keeps one task for each endpoint of the tenants that this process owns; the tasks do the work
//! (`notifier/endpoint.rs`), so that a slow or broken endpoint is nobody else's trouble. A task that panics is started
//! again later. How far an endpoint has come stands in its row: with this actor its tasks end, and its successor's go
//! on from the rows. Endpoints of tenants that nobody works for are taken up once their events have waited for long.

mod client;
mod endpoint;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use actix::{Actor, ActorFutureExt as _, AsyncContext as _, Context, StreamHandler, WrapFuture as _};
use carepost_kernel::{Chain, TenantId, WebhookEndpointId};
use carepost_tenancy::{TenancyError, TenancyEvent, WebhookEndpoint};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::{AbortHandle, JoinSet};

use crate::keeper::Guard;
use crate::metrics::{self, Notification};

use super::shared::{LiveTenant, Shared};
use super::tenant;
use endpoint::{Pusher, Tools};

pub(crate) use client::build as build_client;

pub(crate) struct NotifierActor {
    tools: Tools,
    /// The endpoints that are to be told, of all tenants, as far as we know.
    known: Vec<WebhookEndpoint>,
    running: HashMap<WebhookEndpointId, Running>,
    /// Dropped with the actor, it ends the tasks.
    tasks: JoinSet<WebhookEndpointId>,
    /// Those whose task has panicked: not started again before the next look.
    resting: HashSet<WebhookEndpointId>,
    looking: bool,
    look_again: bool,
    guard: Guard,
}

struct Running {
    version: i64,
    task: AbortHandle,
}

impl NotifierActor {
    pub(crate) fn new(shared: Arc<Shared>, http: reqwest::Client, guard: Guard) -> Self {
        Self {
            tools: Tools::new(shared, http),
            known: Vec::new(),
            running: HashMap::new(),
            tasks: JoinSet::new(),
            resting: HashSet::new(),
            looking: false,
            look_again: false,
            guard,
        }
    }

    /// Reads the list of endpoints again. What comes while a look is under way makes one more.
    fn look(&mut self, context: &mut Context<Self>) {
        if std::mem::replace(&mut self.looking, true) {
            self.look_again = true;
            return;
        }
        let listing = list(Arc::clone(&self.tools.shared));
        context.spawn(listing.into_actor(self).map(|listed, actor, context| {
            actor.looking = false;
            match listed {
                Ok(endpoints) => {
                    actor.known = endpoints;
                    actor.resting.clear();
                }
                Err(error) => tracing::warn!(error = %Chain(&error), "list webhook endpoints"),
            }
            actor.tend(context);
            if std::mem::take(&mut actor.look_again) {
                actor.look(context);
            }
        }));
    }

    /// Starts and ends tasks, so that one runs for each endpoint that is ours to tell, with its present settings.
    fn tend(&mut self, _: &mut Context<Self>) {
        self.reap();
        let versions: HashMap<WebhookEndpointId, i64> =
            self.known.iter().map(|endpoint| (endpoint.webhook_endpoint_id, endpoint.version)).collect();
        self.running.retain(|webhook_endpoint_id, running| {
            let is_current = versions.get(webhook_endpoint_id) == Some(&running.version);
            if !is_current {
                running.task.abort();
            }
            is_current
        });
        for endpoint in &self.known {
            let id = endpoint.webhook_endpoint_id;
            if self.running.contains_key(&id) || self.resting.contains(&id) || self.tools.shared.is_draining() {
                continue;
            }
            if let Some(live) = owned(&self.tools.shared, endpoint.tenant_id) {
                let pusher = Pusher::new(self.tools.clone(), live, id);
                let task = self.tasks.spawn(async move {
                    pusher.run().await;
                    id
                });
                self.running.insert(id, Running { version: endpoint.version, task });
            }
        }
        self.guard.show_depth(self.running.len());
    }

    /// Forgets tasks that have ended. One ends by itself where the endpoint or the tenant is not ours any more.
    fn reap(&mut self) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            let task_id = ended.as_ref().map_or_else(tokio::task::JoinError::id, |(task_id, _)| *task_id);
            let found = self.running.iter().find(|(_, running)| running.task.id() == task_id).map(|(id, _)| *id);
            let Some(id) = found else { continue };
            self.running.remove(&id);
            if ended.is_err_and(|error| error.is_panic()) {
                metrics::count_notification(Notification::Panicked);
                tracing::error!(endpoint.id = %id, "task of a webhook endpoint panicked: it is started again later");
                self.resting.insert(id);
            }
        }
    }
}

impl Actor for NotifierActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let tuning = &self.tools.shared.tuning;
        let (tend_every, look_every) = (tuning.notify_poll / 2, tuning.notify_look);
        context.run_interval(tend_every, Self::tend);
        context.run_interval(look_every, Self::look);
        context.add_stream(changes(self.tools.shared.directory.subscribe()));
        self.look(context);
    }
}

/// Endpoints or tenants may have changed.
struct Changed;

/// The configuration's news as far as it concerns endpoints; one may have been missed.
fn changes(news: Receiver<TenancyEvent>) -> impl futures_util::Stream<Item = Changed> {
    futures_util::stream::unfold(news, |mut news| async move {
        loop {
            match news.recv().await {
                Ok(
                    TenancyEvent::WebhookEndpointChanged { .. }
                    | TenancyEvent::WebhookEndpointRemoved { .. }
                    | TenancyEvent::TenantChanged(_),
                )
                | Err(RecvError::Lagged(_)) => return Some((Changed, news)),
                Ok(_of_no_concern) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    })
}

impl StreamHandler<Changed> for NotifierActor {
    fn handle(&mut self, _: Changed, context: &mut Self::Context) {
        self.look(context);
    }

    fn finished(&mut self, _: &mut Self::Context) {
        // The directory is gone, and so is the whole process soon. The list is still read now and then.
    }
}

/// The tenant, where this process works for it.
fn owned(shared: &Shared, tenant_id: TenantId) -> Option<Arc<LiveTenant>> {
    let live = shared.tenants.get(&tenant_id).map(|found| Arc::clone(&found))?;
    live.epoch().is_some().then_some(live)
}

async fn list(shared: Arc<Shared>) -> Result<Vec<WebhookEndpoint>, TenancyError> {
    let endpoints = shared.directory.live_endpoints().await?;
    for endpoint in endpoints.iter().filter(|endpoint| owned(&shared, endpoint.tenant_id).is_none()) {
        if shared.is_draining() {
            break;
        }
        if endpoint::is_abandoned(&shared, endpoint).await {
            // Only where nobody else has the lease.
            if let Err(error) = tenant::live(&shared, endpoint.tenant_id).await {
                tracing::debug!(error = %Chain(&error), tenant.id = %endpoint.tenant_id, "take up an endpoint's tenant");
            }
        }
    }
    Ok(endpoints)
}
