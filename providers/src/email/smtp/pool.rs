//! A few connections to one mail server, kept while they are used.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::email::smtp::client::{Fault, Phase, Session};
use crate::email::smtp::config::Server;

/// Connections of one account.
pub(super) struct Pool {
    server: Arc<Server>,
    /// One for each connection that may be open.
    slots: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

/// A connection in use, and its place among those that may be open.
pub(super) struct Lease<'a> {
    pub(super) session: Session,
    _slot: SemaphorePermit<'a>,
}

struct Idle {
    session: Session,
    since: Instant,
}

/// A server that is alive answers `RSET` at once.
const ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

impl Pool {
    pub(super) fn new(server: Arc<Server>) -> Self {
        Self { slots: Semaphore::new(server.max_connections), idle: Mutex::new(Vec::new()), server }
    }

    /// A connection that is ready: an idle one where one still stands, else a new one.
    pub(super) async fn lease(&self, phase: &mut Phase) -> Result<Lease<'_>, Fault> {
        *phase = Phase::Connect;
        // The semaphore is never closed; if it were, waiting would be in vain.
        let slot = self.slots.acquire().await.map_err(|_| Fault::Lost)?;
        let session = match self.take_idle().await {
            Some(session) => session,
            None => Session::open(&self.server, phase).await?,
        };
        Ok(Lease { session, _slot: slot })
    }

    /// Keeps the connection where what came of the delivery leaves it in order.
    pub(super) fn give_back(&self, lease: Lease<'_>, delivered: &Result<(), Fault>) {
        match delivered {
            Ok(()) | Err(Fault::TooLarge) => self.keep(lease.session),
            // 421 says that the server closes.
            Err(Fault::Refused { code, .. }) if *code != 421 => self.keep(lease.session),
            Err(_) => {}
        }
    }

    async fn take_idle(&self) -> Option<Session> {
        loop {
            let Idle { mut session, since } = self.lock().pop()?;
            let is_young = since.elapsed() < self.server.idle;
            if is_young && tokio::time::timeout(ALIVE_TIMEOUT, session.is_alive()).await == Ok(true) {
                return Some(session);
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "measures how long a connection idles, nothing else")]
    fn keep(&self, session: Session) {
        let mut idle = self.lock();
        // The newest are used first: without this the oldest would stay for ever.
        idle.retain(|kept| kept.since.elapsed() < self.server.idle);
        idle.push(Idle { session, since: Instant::now() });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        // Nothing between lock and unlock can leave the list half changed.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
