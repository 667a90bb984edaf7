//! What the gate has to know, read before it is asked: the tenant's policy, and the facts of addresses, page by page.

use std::sync::Arc;
use std::time::Duration;

use carepost_consent::types::AddressKey;
use carepost_delivery::DeliveryError;
use carepost_kernel::Chain;

use super::{Answered, ChannelActor, answer_with, instant};

/// Addresses that one reading asks about.
const AT_A_TIME: usize = 512;
/// After a reading that failed.
const PAUSE: Duration = Duration::from_secs(1);

impl ChannelActor {
    /// Reads what the gate has to know of the addresses that wait for it, one page at a time.
    pub(super) fn ask(&mut self) {
        if self.loading_facts {
            return;
        }
        let keys: Arc<[AddressKey]> = self.window.take_unasked(AT_A_TIME).into();
        if keys.is_empty() {
            return;
        }
        self.loading_facts = true;
        let (live, link, asked, now) =
            (Arc::clone(&self.live), self.link.clone(), Arc::clone(&keys), self.shared.now());
        let reading = async move {
            let edition = live.book.begin();
            let read = async {
                let session = live.writers.journal.connect().await?;
                Ok::<_, DeliveryError>(session.load_facts(live.tenant_id, &asked, now).await?)
            };
            match read.await {
                Ok(facts) => live.book.learn(edition, facts),
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), tenant.id = %live.tenant_id, "read what the gate has to know");
                    tokio::time::sleep(PAUSE).await;
                }
            }
            Answered::FactsKnown { keys: asked }
        };
        answer_with(link, reading, Answered::FactsKnown { keys });
    }

    /// Whoever waited for these goes on; what is still not known is asked for again.
    pub(super) fn facts_known(&mut self, keys: &[AddressKey]) {
        self.loading_facts = false;
        self.window.answered(keys, instant());
    }

    /// Reads the gate's policy.
    pub(super) fn load_policy(&mut self) {
        if self.loading_policy {
            return;
        }
        self.loading_policy = true;
        let (live, link, now) = (Arc::clone(&self.live), self.link.clone(), self.shared.now());
        let reading = async move {
            let edition = live.book.begin();
            let read = async {
                let session = live.writers.journal.connect().await?;
                session.load_policy(live.tenant_id, now).await
            };
            match read.await {
                Ok(policy) => _ = live.book.learn_policy(edition, policy),
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), tenant.id = %live.tenant_id, "read the gate's policy");
                    tokio::time::sleep(PAUSE).await;
                }
            }
            Answered::PolicyKnown
        };
        answer_with(link, reading, Answered::PolicyKnown);
    }
}
