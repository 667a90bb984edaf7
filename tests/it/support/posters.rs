//! Callers who go on posting while everything around them is killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Clinic, PATIENCE, phone, sms, wait_for, with};

/// One for each policy of unknown outcomes.
const PURPOSES: [&str; 4] = ["emergency", "financial", "transactional", "treatment"];

/// Callers who post without a pause, and note which ids were acked.
pub(crate) struct Posters {
    tasks: JoinSet<Vec<String>>,
    stop: Arc<AtomicBool>,
    acked: Arc<AtomicUsize>,
}

impl Posters {
    pub(crate) fn start(clinic: &Clinic) -> Self {
        let (stop, acked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        for _ in 0..8 {
            let (clinic, stop, acked) = (clinic.clone(), Arc::clone(&stop), Arc::clone(&acked));
            tasks.spawn(async move {
                let mut ids = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let number = acked.load(Ordering::Relaxed);
                    let purpose = PURPOSES[number % PURPOSES.len()];
                    let body = with(sms(&phone(number)), json!({ "purpose": purpose }));
                    match clinic.api.keyed(&Uuid::new_v4().to_string(), &body).await {
                        Ok(answer) if answer.status == 202 => {
                            acked.fetch_add(1, Ordering::Relaxed);
                            ids.push(answer.id());
                        }
                        Ok(answer) => {
                            assert_eq!(answer.status, 503, "{}", answer.text);
                            assert!(answer.header("retry-after").is_some());
                            tokio::time::sleep(Duration::from_millis(50)).await;
                        }
                        // Nobody there: nothing was acked.
                        Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                    }
                }
                ids
            });
        }
        Self { tasks, stop, acked }
    }

    /// Waits for so many further acks, and a moment that nobody can foresee.
    pub(crate) async fn run_on(&self, further: usize) {
        let wanted = self.acked.load(Ordering::Relaxed) + further;
        wait_for(PATIENCE, "posts are acked", || async { self.acked.load(Ordering::Relaxed) >= wanted }).await;
        let chance = u64::from(Uuid::new_v4().as_bytes()[0]);
        tokio::time::sleep(Duration::from_millis(chance / 4)).await;
    }

    pub(crate) async fn end(mut self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        let mut ids = Vec::new();
        while let Some(mine) = self.tasks.join_next().await {
            ids.extend(mine.unwrap());
        }
        ids
    }
}
