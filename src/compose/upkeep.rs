//! A timer of the process: placements that other processes have recorded. The engine's scheduler has the others.

use std::sync::Arc;
use std::time::Duration;

use carepost_kernel::Chain;
use carepost_tenancy::TenancyEvent;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;

use super::storage::Storage;

const PLACEMENTS_EVERY: Duration = Duration::from_secs(3);

/// Opens new placements: at once where this process has made them, soon where another one has.
pub fn spawn(tasks: &mut JoinSet<()>, storage: &Storage) {
    let (directory, placements) = (storage.directory.clone(), storage.placements.clone());
    let opener = Arc::clone(&storage.opener);
    let mut news = directory.subscribe();
    tasks.spawn(async move {
        let mut timer = tokio::time::interval(PLACEMENTS_EVERY);
        loop {
            tokio::select! {
                _ = timer.tick() => {}
                event = news.recv() => match event {
                    Ok(TenancyEvent::PlacementCreated(_)) | Err(RecvError::Lagged(_)) => {}
                    Ok(_) => continue,
                    Err(RecvError::Closed) => return,
                },
            }
            if let Err(error) = Storage::open_new_placements(&directory, &opener, &placements).await {
                tracing::warn!(error = %Chain(&*error), "could not look for new placements");
            }
        }
    });
}
