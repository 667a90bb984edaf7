//! News for the gate: what was said, wished or set of late, by whichever process.
//!
//! A change that is made here is in force before whoever made it is answered. Changes of other processes stand in rows,
//! and are looked for twice a second.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use carepost_consent::types::{AddressKey, ChangeKind};
use carepost_delivery::DeliveryError;
use carepost_delivery::store::PutOff;
use carepost_kernel::{Chain, Channel, TenantId};
use uuid::Uuid;

use super::shared::{LiveTenant, Shared, Writers};
use super::tenant;

/// A change is stamped before it commits, by its own process's clock: each look goes back by so much behind the last one.
const OVERLAP: SignedDuration = SignedDuration::from_secs(30);

/// Tenants that one look wakes: each counts what waits for it.
const WOKEN_AT_ONCE: usize = 32;

/// What has changed for one tenant's gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GateNews {
    /// The policy, or nobody knows what.
    All,
    /// What is known of these addresses.
    Of(Vec<AddressKey>),
}

fn gather(all: &mut BTreeMap<TenantId, GateNews>, tenant_id: TenantId, more: GateNews) {
    let news = all.entry(tenant_id).or_insert_with(|| GateNews::Of(Vec::new()));
    match (&mut *news, more) {
        (GateNews::Of(keys), GateNews::Of(more)) => keys.extend(more),
        (_, GateNews::All) => *news = GateNews::All,
        (GateNews::All, GateNews::Of(_)) => {}
    }
}

/// What was seen already.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<SeenChanges>);

#[derive(Debug, Default)]
struct SeenChanges {
    looked_at: Option<Timestamp>,
    ids: HashMap<Uuid, Timestamp>,
    /// News of tenants that are asleep and could not be woken yet.
    unheard: BTreeMap<TenantId, GateNews>,
}

impl Seen {
    /// From when on the next look goes; at first from now, since nothing is known that could be outdated.
    fn since(&self, now: Timestamp) -> Timestamp {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        before(seen.looked_at.unwrap_or(now).min(now))
    }

    /// Takes what waits for tenants to wake.
    fn take_unheard(&self) -> BTreeMap<TenantId, GateNews> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).unheard)
    }

    /// Keeps it for the next look.
    fn keep_unheard(&self, unheard: BTreeMap<TenantId, GateNews>) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (tenant_id, news) in unheard {
            gather(&mut seen.unheard, tenant_id, news);
        }
    }

    /// Notes a look; what of it is news.
    fn note<T>(&self, now: Timestamp, found: Vec<(Uuid, Timestamp, T)>) -> Vec<T> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.looked_at = Some(now);
        let oldest = before(before(now));
        seen.ids.retain(|_, at| *at >= oldest);
        found.into_iter().filter_map(|(id, at, what)| seen.ids.insert(id, at).is_none().then_some(what)).collect()
    }
}

fn before(now: Timestamp) -> Timestamp {
    now.saturating_sub(OVERLAP).unwrap_or(Timestamp::MIN)
}

/// Looks for what has changed in a placement, and follows it.
pub(crate) async fn follow(shared: &Arc<Shared>, writers: &Arc<Writers>) -> Result<(), DeliveryError> {
    let now = shared.now();
    let session = writers.journal.connect().await?;
    let changes = session.list_consent_changes(writers.consent_news.since(now)).await?;
    drop(session);
    let found = changes.into_iter().map(|change| (change.change_id.as_uuid(), change.at, change));
    let mut of_live: BTreeMap<TenantId, GateNews> = BTreeMap::new();
    let mut of_sleeping = writers.consent_news.take_unheard();
    for change in writers.consent_news.note(now, found.collect()) {
        let news = change.key.map_or(GateNews::All, |key| GateNews::Of(vec![key]));
        let all = match shared.live(change.tenant_id) {
            Some(_) => &mut of_live,
            None if ends_waiting(change.what) => &mut of_sleeping,
            // Whoever wakes reads it all anew.
            None => continue,
        };
        gather(all, change.tenant_id, news);
    }
    // What was known is thrown out of everybody's book first: nobody's news stand behind another's work.
    for (tenant_id, news) in &of_live {
        if let Some(live) = shared.live(*tenant_id) {
            forget(&live, news);
        }
    }
    for (tenant_id, news) in of_live {
        changed(shared, tenant_id, news).await;
    }
    wake(shared, writers, of_sleeping).await;
    // A policy that was to hold from now on is news like any other, written down by whoever is first.
    writers.journal.settle_policies(now).await?;
    Ok(())
}

/// Whether what waits may have to end, or may leave sooner, because of such a change.
const fn ends_waiting(what: ChangeKind) -> bool {
    match what {
        ChangeKind::Consent | ChangeKind::Suppression | ChangeKind::Policy => true,
        ChangeKind::Recipient | ChangeKind::Preferences => false,
    }
}

/// Whatever waits is looked at again, though its tenant sleeps: what is scheduled for next week ends with a revocation today.
async fn wake(shared: &Arc<Shared>, writers: &Arc<Writers>, mut news: BTreeMap<TenantId, GateNews>) {
    let ours = tenant::of_ours(shared, writers, news.keys().copied().collect());
    news.retain(|tenant_id, _| ours.contains(tenant_id));
    if news.is_empty() {
        return;
    }
    let some = ours.into_iter().take(WOKEN_AT_ONCE).collect();
    let woken = tenant::live_of(shared, writers, some).await.unwrap_or_else(|error| {
        tracing::warn!(error = %Chain(&error), tenants = news.len(), "wake tenants whose gate has news");
        HashMap::new()
    });
    for tenant_id in woken.into_keys() {
        if let Some(news) = news.remove(&tenant_id) {
            changed(shared, tenant_id, news).await;
        }
    }
    writers.consent_news.keep_unheard(news);
}

fn forget(live: &LiveTenant, news: &GateNews) {
    match news {
        GateNews::All => live.book.forget_all(),
        GateNews::Of(keys) => keys.iter().for_each(|key| live.book.forget(*key)),
    }
}

/// What waits to be looked at again, and whether somebody is at it.
#[derive(Debug, Default)]
pub(crate) struct Reconsidering(Mutex<ToReconsider>);

#[derive(Debug, Default)]
struct ToReconsider {
    by_policy: bool,
    by_address: BTreeMap<Channel, BTreeSet<[u8; 16]>>,
    is_under_way: bool,
}

impl Reconsidering {
    /// Adds to what waits; whether the caller is to work it off.
    fn add(&self, news: GateNews) -> bool {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match news {
            GateNews::All => waiting.by_policy = true,
            GateNews::Of(keys) => {
                for key in keys {
                    waiting.by_address.entry(key.channel).or_default().insert(key.address_hash);
                }
            }
        }
        !std::mem::replace(&mut waiting.is_under_way, true)
    }

    /// The next piece of work; none: it is done, and whoever comes next begins anew.
    fn next(&self) -> Option<PutOff> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((channel, addresses)) = waiting.by_address.pop_first() {
            return Some(PutOff::For(channel, Arc::new(addresses)));
        }
        if std::mem::take(&mut waiting.by_policy) {
            return Some(PutOff::ByPolicy);
        }
        waiting.is_under_way = false;
        None
    }
}

/// Whatever death ends the work: the next change begins it anew.
struct AtWork(Arc<LiveTenant>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.reconsidering.0.lock().unwrap_or_else(PoisonError::into_inner).is_under_way = false;
    }
}

/// Makes a change hold: what the gate knew is thrown out before this returns, and whatever waits is looked at again right
/// after. For some addresses all that waits on a channel is read, so that what comes meanwhile is gathered for one look.
pub(crate) async fn changed(shared: &Arc<Shared>, tenant_id: TenantId, news: GateNews) {
    // Whoever works for the tenant elsewhere finds the row of the change.
    let Some(live) = shared.live(tenant_id) else { return };
    forget(&live, &news);
    if !live.reconsidering.add(news) {
        return;
    }
    let shared = Arc::clone(shared);
    actix::spawn(async move {
        let _at_work = AtWork(Arc::clone(&live));
        while let Some(put_off) = live.reconsidering.next() {
            tenant::reconsider(&shared, tenant_id, put_off).await;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_news_once_however_often_it_is_found() {
        let seen = Seen::default();
        let now = Timestamp::from_second(1_800_000_000).expect("in range");
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(seen.since(now), now - OVERLAP);
        assert_eq!(seen.note(now, vec![(one, now, "one")]), ["one"]);
        let later = now + SignedDuration::from_secs(1);
        assert_eq!(seen.since(later), now - OVERLAP);
        assert_eq!(seen.note(later, vec![(one, now, "one"), (other, now, "other")]), ["other"]);
        // Forgotten once no look can find it any more.
        let much_later = now + OVERLAP * 3;
        assert_eq!(seen.note(much_later, Vec::<(Uuid, Timestamp, &str)>::new()), Vec::<&str>::new());
        assert!(seen.0.lock().unwrap().ids.is_empty());
    }
}
