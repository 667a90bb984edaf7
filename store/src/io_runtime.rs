//! A tokio runtime of its own for the connections' sockets.
//!
//! deadpool-postgres would drive each connection on the runtime that asked for it first: under actix that is one
//! single-threaded worker, and its connections would wait for whatever that worker is busy with.

use std::sync::Arc;

use crate::StoreError;

/// One worker thread that drives all connections. Clones share it; it ends, without waiting, with the last of them.
#[derive(Debug, Clone)]
pub struct IoRuntime(Arc<Owned>);

#[derive(Debug)]
struct Owned {
    handle: tokio::runtime::Handle,
    runtime: Option<tokio::runtime::Runtime>,
}

impl IoRuntime {
    /// Starts the thread.
    ///
    /// # Errors
    /// Where the operating system refuses a thread.
    pub fn start() -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("carepost-pg-io")
            .enable_all()
            .build()
            .map_err(|error| StoreError::Config(format!("start the connections' thread: {}", error.kind())))?;
        Ok(Self(Arc::new(Owned { handle: runtime.handle().clone(), runtime: Some(runtime) })))
    }

    pub(crate) fn handle(&self) -> &tokio::runtime::Handle {
        &self.0.handle
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // A plain drop would block, which panics inside another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
