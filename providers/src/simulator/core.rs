//! What all faces share: decisions by profile, the memory of calls, and accounts.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use carepost_kernel::Clock;
use dashmap::DashMap;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;
use url::Url;

use super::accounts::Account;
use super::profile::{Call, CallOutcome, Fate, Fault, Profile};
use super::smtp::SmtpFace;
use super::webhooks::Poster;
use crate::contract::Vendor;

/// Older calls are forgotten; the counter keeps the total.
const CALLS_KEPT: usize = 200_000;
/// Names remembered for [`Magic::TwiceThenAccept`].
const TRIES_KEPT: usize = 100_000;
/// A hung connection is cut after this long.
const HANG: Duration = Duration::from_secs(60);

/// What a magic recipient asks for.
pub(crate) enum Magic {
    /// This fault, each time.
    Fault(Fault),
    /// Accepted, and then this.
    Fate(Fate),
    /// This fault twice for each message, then accepted.
    TwiceThenAccept(Fault),
}

/// What the face shall do with one call.
#[derive(Debug)]
pub(crate) struct Decision {
    /// Wait this long first.
    pub(crate) latency: Duration,
    /// `None`: accept. [`Fault::DropAfterAccept`]: accept, schedule receipts, then cut. Else refuse so.
    pub(crate) fault: Option<Fault>,
    /// What becomes of it once it is accepted.
    pub(crate) ending: Ending,
}

/// How one accepted message ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It arrives.
    Delivered,
    /// It does not; `None` stands for the vendor's commonest code.
    Undelivered(Option<String>),
}

/// The state behind all faces.
pub(crate) struct Core {
    pub(crate) clock: Clock,
    /// Where the HTTP faces listen.
    pub(crate) http_base: Url,
    /// The SMTP face, once it has been started.
    pub(crate) smtp: OnceLock<SmtpFace>,
    /// Sends webhooks.
    pub(crate) poster: Poster,
    /// Turns true when the simulator stops.
    pub(crate) stopping: watch::Sender<bool>,
    vendors: [VendorState; Vendor::ALL.len()],
    accounts: DashMap<(Vendor, String), Arc<Account>>,
    tries: DashMap<(Vendor, String), u32>,
}

struct VendorState {
    turn: Mutex<Turn>,
    calls: Mutex<VecDeque<Call>>,
    /// How many calls were made before the oldest that is remembered; changes under the lock of `calls`.
    forgotten: AtomicU64,
    accepted: AtomicU64,
}

/// What changes with each decision; the lock is held for no longer than that.
struct Turn {
    profile: Profile,
    chance: StdRng,
    /// When the next call would be exactly on rate (generic cell rate algorithm), in microseconds since 1970.
    due_us: i64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing between lock and unlock can leave the value half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    pub(crate) fn new(seed: u64, clock: Clock, http_base: Url, poster: Poster) -> Self {
        let vendors = Vendor::ALL.map(|vendor| VendorState {
            turn: Mutex::new(Turn {
                profile: Profile::default(),
                chance: StdRng::seed_from_u64(seed.wrapping_mul(31).wrapping_add(vendor as u64)),
                due_us: 0,
            }),
            calls: Mutex::new(VecDeque::new()),
            forgotten: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
        });
        Self {
            clock,
            http_base,
            smtp: OnceLock::new(),
            poster,
            stopping: watch::Sender::new(false),
            vendors,
            accounts: DashMap::new(),
            tries: DashMap::new(),
        }
    }

    fn vendor(&self, vendor: Vendor) -> &VendorState {
        &self.vendors[vendor as usize]
    }

    pub(crate) fn set_profile(&self, vendor: Vendor, profile: Profile) {
        lock(&self.vendor(vendor).turn).profile = profile;
    }

    /// Decides on one call. `name` tells messages apart for [`Magic::TwiceThenAccept`]: a message id or a recipient.
    pub(crate) fn decide(&self, vendor: Vendor, name: &str, magic: Option<Magic>) -> Decision {
        let now = self.clock.now();
        let mut turn = lock(&self.vendor(vendor).turn);
        let Turn { profile, chance, due_us } = &mut *turn;
        let latency = profile.latency + profile.jitter.mul_f64(chance.random());
        let ending = match &magic {
            Some(Magic::Fate(fate)) => end(fate, chance),
            _ => end(&profile.receipts.fate, chance),
        };
        // Each is drawn every time, so that one profile's draws do not depend on another setting.
        let (failing, dropping): (f64, f64) = (chance.random(), chance.random());
        let fault = if let Some(scripted) = profile.script.pop_front() {
            Some(scripted)
        } else if let Some(retry_after) = over_rate(profile.throttle_per_second, due_us, now) {
            Some(Fault::Throttle { retry_after: Some(retry_after) })
        } else if let Some(fault) = self.magic_fault(vendor, name, magic) {
            Some(fault)
        } else if failing < profile.error_rate {
            Some(Fault::Status(503))
        } else if dropping < profile.drop_after_accept {
            Some(Fault::DropAfterAccept)
        } else {
            None
        };
        Decision { latency, fault, ending }
    }

    fn magic_fault(&self, vendor: Vendor, name: &str, magic: Option<Magic>) -> Option<Fault> {
        match magic? {
            Magic::Fault(fault) => Some(fault),
            Magic::Fate(_) => None,
            Magic::TwiceThenAccept(fault) => {
                if self.tries.len() > TRIES_KEPT {
                    self.tries.clear();
                }
                let mut tries = self.tries.entry((vendor, name.to_owned())).or_insert(0);
                *tries += 1;
                (*tries <= 2).then_some(fault)
            }
        }
    }

    /// Remembers one call.
    pub(crate) fn record(&self, vendor: Vendor, call: Call) {
        let state = self.vendor(vendor);
        if matches!(call.outcome, CallOutcome::Accepted { .. } | CallOutcome::Dropped { .. }) {
            state.accepted.fetch_add(1, Ordering::Relaxed);
        }
        let mut calls = lock(&state.calls);
        if calls.len() == CALLS_KEPT {
            calls.pop_front();
            state.forgotten.fetch_add(1, Ordering::Relaxed);
        }
        calls.push_back(call);
    }

    pub(crate) fn calls(&self, vendor: Vendor) -> Vec<Call> {
        lock(&self.vendor(vendor).calls).iter().cloned().collect()
    }

    /// Those beyond the first `seen` of all that were ever made, as far as they are remembered.
    pub(crate) fn calls_after(&self, vendor: Vendor, seen: u64) -> Vec<Call> {
        let state = self.vendor(vendor);
        let calls = lock(&state.calls);
        let known = seen.saturating_sub(state.forgotten.load(Ordering::Relaxed));
        calls.iter().skip(usize::try_from(known).unwrap_or(usize::MAX)).cloned().collect()
    }

    /// The newest accepted calls first, up to `limit`, that `wanted` picks: what a vendor's list request shows.
    pub(crate) fn find_calls(&self, vendor: Vendor, limit: usize, wanted: impl Fn(&Call) -> bool) -> Vec<Call> {
        let calls = lock(&self.vendor(vendor).calls);
        calls.iter().rev().filter(|call| wanted(call)).take(limit).cloned().collect()
    }

    pub(crate) fn accepted(&self, vendor: Vendor) -> u64 {
        self.vendor(vendor).accepted.load(Ordering::Relaxed)
    }

    pub(crate) fn add_account(&self, account: Account) -> Arc<Account> {
        let account = Arc::new(account);
        self.accounts.insert((account.vendor, account.key.clone()), Arc::clone(&account));
        account
    }

    /// The account that a face knows under this key.
    pub(crate) fn account(&self, vendor: Vendor, key: &str) -> Option<Arc<Account>> {
        self.accounts.get(&(vendor, key.to_owned())).map(|entry| Arc::clone(&entry))
    }

    /// The account with exactly these credentials.
    pub(crate) fn account_by_credentials(&self, vendor: Vendor, credentials: &str) -> Option<Arc<Account>> {
        let wanted: serde_json::Value = serde_json::from_str(credentials).ok()?;
        let found = self.accounts.iter().find(|entry| entry.vendor == vendor && entry.credentials == wanted)?;
        Some(Arc::clone(&found))
    }

    /// The account whose webhooks go to this address.
    pub(crate) fn account_at(&self, webhook_url: &Url) -> Option<Arc<Account>> {
        let found = self.accounts.iter().find(|entry| entry.webhook_url == *webhook_url)?;
        Some(Arc::clone(&found))
    }

    /// `length` hexadecimal digits by the seed.
    pub(crate) fn random_hex(&self, vendor: Vendor, length: usize) -> String {
        let mut turn = lock(&self.vendor(vendor).turn);
        (0..length).map(|_| char::from(b"0123456789abcdef"[turn.chance.random_range(0..16)])).collect()
    }

    /// A version 4 UUID by the seed.
    pub(crate) fn random_uuid(&self, vendor: Vendor) -> uuid::Uuid {
        uuid::Builder::from_random_bytes(lock(&self.vendor(vendor).turn).chance.random()).into_uuid()
    }

    /// When the receipts of one message come: delay and stage, in order of time; and whether before the answer.
    pub(crate) fn timetable(&self, vendor: Vendor, stages: usize) -> (Vec<(Duration, usize)>, bool) {
        let mut turn = lock(&self.vendor(vendor).turn);
        let Turn { profile, chance, .. } = &mut *turn;
        let receipts = &profile.receipts;
        if receipts.silent || stages == 0 {
            return (Vec::new(), false);
        }
        let whole =
            if receipts.early { Duration::ZERO } else { receipts.delay + receipts.jitter.mul_f64(chance.random()) };
        let count = u32::try_from(stages).unwrap_or(u32::MAX);
        let mut table = Vec::with_capacity(stages);
        for (place, turn_no) in (1..=count).enumerate() {
            let stage = if receipts.reorder { stages - 1 - place } else { place };
            let at = whole * turn_no / count;
            table.push((at, stage));
            if chance.random::<f64>() < receipts.duplicates {
                table.push((at, stage));
            }
        }
        (table, receipts.early)
    }

    /// Keeps a caller waiting until its patience, a minute, or the simulator ends.
    pub(crate) async fn hang(&self) {
        let mut stopping = self.stopping.subscribe();
        let _ = tokio::time::timeout(HANG, stopping.wait_for(|stopped| *stopped)).await;
    }
}

fn end(fate: &Fate, chance: &mut StdRng) -> Ending {
    match fate {
        Fate::Delivered => Ending::Delivered,
        Fate::Undelivered { code } => Ending::Undelivered(Some(code.clone())),
        Fate::Mixed { undelivered } if chance.random::<f64>() < *undelivered => Ending::Undelivered(None),
        Fate::Mixed { .. } => Ending::Delivered,
    }
}

/// How long to wait where the rate is exceeded. A tenth of a second's worth, or one call, may come at once.
fn over_rate(per_second: Option<u32>, due_us: &mut i64, now: Timestamp) -> Option<Duration> {
    let per_second = i64::from(per_second?.max(1));
    let now_us = now.as_microsecond();
    let step_us = 1_000_000 / per_second;
    let burst_us = 100_000_i64.max(step_us);
    let due = (*due_us).max(now_us);
    let early_us = due + step_us - now_us - burst_us;
    if early_us > 0 {
        return Some(Duration::from_micros(early_us.unsigned_abs()));
    }
    *due_us = due + step_us;
    None
}
