//! One world of one seed: virtual time, chance, the tables, the processes, and what is remembered.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use carepost_actors::Tuning;
use carepost_consent::types::{AddressKey, ChangeKind, ConsentChange};
use carepost_delivery::DeliveryKey;
use carepost_kernel::{
    Channel, Clock, ConsentChangeId, DataKey, InstanceId, PlacementId, ProviderAccountId, Reach, TenantId,
};
use carepost_tenancy::types::{AccountStatus, RetrySettings, TenantStatus, UnknownPolicies, UnknownPolicy};
use carepost_tenancy::{Directory, MasterKeys, NewAccount, RouteChange, Tenant, TenantSettings};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use uuid::Uuid;

use crate::book::{Book, Names, Pause};
use crate::model::Tables;
use crate::plants::Plant;
use crate::process::Running;
use crate::weather::{Fate, VendorMood, Weather, within};

const MASTER_KEY: &str = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// The text of each panic that is made on purpose.
pub(crate) const ON_PURPOSE: &str = "broken on purpose";

/// Made once: nobody calls with it.
pub(crate) fn webhook_client() -> reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    CLIENT.get_or_init(|| carepost_actors::webhook_client(Reach::Anywhere).unwrap()).clone()
}

/// A tenant of the world.
#[derive(Debug, Clone)]
pub(crate) struct Clinic {
    pub(crate) tenant_id: TenantId,
    accounts: Vec<(ProviderAccountId, Channel)>,
    pub(crate) settings: TenantSettings,
    pub(crate) is_paused: bool,
    version: i64,
}

pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) placement_id: PlacementId,
    pub(crate) tuning: Tuning,
    pub(crate) plant: Option<Plant>,
    start: Timestamp,
    weather: Weather,
    chance: Mutex<StdRng>,
    tables: Mutex<Tables>,
    book: Mutex<Book>,
    clinics: Mutex<Vec<Clinic>>,
    processes: Mutex<Vec<Running>>,
    /// What each process knows of tenants, from its first moment on.
    directories: Mutex<Vec<Directory>>,
}

/// A window that takes in everything.
pub(crate) const LARGE_WINDOW: usize = 2_000;
/// So many seeds in a row have days of their own: some five hundred years.
const SEEDS_OF_TIME: u64 = 100_000;
/// When faults end, in milliseconds since the start.
pub(crate) const CALM_AFTER_MS: u64 = 16_000;

impl World {
    pub(crate) fn new(seed: u64, plant: Option<Plant>) -> Arc<Self> {
        // Each seed has days of its own, the same in each program. Ids of one program never go back in time: where a
        // later world's days come earlier, its ids are of later days, and still grow.
        let days = 2 * i64::try_from(seed % SEEDS_OF_TIME).unwrap();
        let start = "2026-11-22T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * days);
        let mut chance = StdRng::seed_from_u64(seed);
        let weather = Weather::draw(&mut chance, CALM_AFTER_MS);
        let tuning = tuning(&mut chance);
        let world = Self {
            clock: Clock::starting_at(start),
            placement_id: PlacementId::from_uuid(Uuid::from_u128(chance.random())),
            tuning,
            plant,
            start,
            weather,
            chance: Mutex::new(chance),
            tables: Mutex::default(),
            book: Mutex::default(),
            clinics: Mutex::default(),
            processes: Mutex::default(),
            directories: Mutex::default(),
        };
        for _ in 0..world.draw(1..4) {
            world.add_clinic();
        }
        Arc::new(world)
    }

    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.clock.now().duration_since(self.start).as_millis()).unwrap_or(0)
    }

    // Chance.

    pub(crate) fn draw(&self, span: Range<u64>) -> u64 {
        self.chance().random_range(span)
    }

    /// One of several.
    pub(crate) fn pick<'a, T>(&self, of: &'a [T]) -> &'a T {
        &of[self.chance().random_range(0..of.len())]
    }

    pub(crate) fn draw_u64(&self) -> u64 {
        self.chance().random()
    }

    pub(crate) fn draw_u128(&self) -> u128 {
        self.chance().random()
    }

    pub(crate) fn is_heads(&self) -> bool {
        self.chance().random()
    }

    fn chance(&self) -> MutexGuard<'_, StdRng> {
        self.chance.lock().unwrap()
    }

    // Weather.

    pub(crate) fn latency(&self) -> Duration {
        within(&mut *self.chance(), 1..6)
    }

    pub(crate) fn slowness(&self) -> Duration {
        within(&mut *self.chance(), 50..3_000)
    }

    pub(crate) fn is_storage_away(&self) -> bool {
        let is_away = self.weather.is_storage_away(self.now_ms());
        if is_away {
            self.saw("outage");
        }
        is_away
    }

    pub(crate) fn fate(&self) -> Fate {
        let fate = self.weather.fate(self.now_ms(), &mut *self.chance());
        match fate {
            Fate::Done => {}
            Fate::Slow => self.saw("slow"),
            Fate::Refused => self.saw("refused"),
            Fate::Torn => self.saw("torn"),
        }
        fate
    }

    pub(crate) fn mood(&self) -> VendorMood {
        if self.weather.is_calm(self.now_ms()) { VendorMood::CALM } else { self.weather.vendor }
    }

    // Memory. Neither lock is kept while the other is taken, but for the tables' by whoever writes to the book.

    pub(crate) fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap()
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    /// A line of the trace.
    pub(crate) fn note(&self, line: impl FnOnce(&Names) -> String) {
        let now_ms = self.now_ms();
        let mut book = self.book();
        let text = line(&book.names);
        book.lines.push(format!("{now_ms:>7} {text}"));
    }

    /// A fault has really happened.
    pub(crate) fn saw(&self, what: &'static str) {
        *self.book().seen.entry(what).or_default() += 1;
    }

    /// What must be true of a delivery.
    pub(crate) fn require(&self, is_true: bool, promise: &str, key: DeliveryKey) {
        if !is_true {
            let now_ms = self.now_ms();
            let mut book = self.book();
            let named = book.names.key(key);
            book.broken.push(format!("{promise}: {named} at {now_ms} ms"));
        }
    }

    /// Something is under way that has to end before the world does.
    pub(crate) fn begin(&self) {
        self.book().underway += 1;
    }

    pub(crate) fn end(&self) {
        self.book().underway -= 1;
    }

    pub(crate) fn name_process(&self, instance: InstanceId) {
        self.book().names.add_process(instance);
    }

    // Processes.

    pub(crate) fn processes(&self) -> Vec<Running> {
        self.processes.lock().unwrap().clone()
    }

    pub(crate) fn add_process(&self, running: Running) {
        self.processes.lock().unwrap().push(running);
    }

    pub(crate) fn remove_process(&self, instance: InstanceId) {
        self.processes.lock().unwrap().retain(|running| running.process.instance != instance);
    }

    /// The end of the world: nothing of it is kept.
    pub(crate) fn clear(&self) {
        self.processes.lock().unwrap().clear();
    }

    /// Any process that is there.
    pub(crate) fn someone(&self) -> Option<Running> {
        let all = self.processes();
        (!all.is_empty()).then(|| self.pick(&all).clone())
    }

    /// The process with this address.
    pub(crate) fn at(&self, address: &str) -> Option<Running> {
        self.processes().into_iter().find(|running| running.process.instance.to_string() == address)
    }

    // Tenants.

    fn add_clinic(&self) {
        let id = || Uuid::from_u128(self.draw_u128());
        let account_id = |channel| (ProviderAccountId::from_uuid(id()), channel);
        // Two equal accounts share the texts by chance.
        let accounts =
            [Channel::Sms, Channel::Sms, Channel::Email].into_iter().skip(usize::from(self.is_heads())).map(account_id);
        let clinic = Clinic {
            tenant_id: TenantId::from_uuid(id()),
            accounts: accounts.collect(),
            settings: settings(&mut self.chance()),
            is_paused: false,
            version: 1,
        };
        self.book().names.add_tenant(clinic.tenant_id);
        self.clinics.lock().unwrap().push(clinic);
    }

    pub(crate) fn clinics(&self) -> Vec<Clinic> {
        self.clinics.lock().unwrap().clone()
    }

    /// What a process that comes up knows.
    pub(crate) fn new_directory(&self) -> Directory {
        let directory = Directory::given(MasterKeys::parse(MASTER_KEY).unwrap(), self.clock.clone());
        self.clinics().iter().for_each(|clinic| clinic.give_to(&directory, self));
        self.directories.lock().unwrap().push(directory.clone());
        directory
    }

    /// Somebody at an address that was written to wants nothing more.
    pub(crate) fn opt_out(&self) {
        let mut tables = self.tables();
        let written_to: BTreeSet<(TenantId, AddressKey)> = tables
            .deliveries
            .iter()
            .map(|(key, row)| (key.tenant_id, AddressKey { channel: key.channel, address_hash: row.recipient_hash }))
            .collect();
        let written_to: Vec<(TenantId, AddressKey)> = written_to.into_iter().collect();
        if written_to.is_empty() {
            return;
        }
        let (tenant_id, key) = *self.pick(&written_to);
        let (at, what) = (self.clock.now(), ChangeKind::Consent);
        tables.opt_outs.entry((tenant_id, key)).or_insert(at);
        let change_id = ConsentChangeId::new(at);
        tables.consent_changes.push(ConsentChange { change_id, tenant_id, key: Some(key), what, at });
        drop(tables);
        self.saw("opt-out");
        self.note(|names| format!("{}: somebody opts out of {}", names.tenant(tenant_id), key.channel.as_str()));
    }

    /// Pauses a tenant by hand, or lets it go on.
    pub(crate) fn pause(&self, tenant_id: TenantId, is_paused: bool) {
        let clinic = {
            let mut clinics = self.clinics.lock().unwrap();
            let known = clinics.iter_mut().find(|clinic| clinic.tenant_id == tenant_id);
            let Some(clinic) = known.filter(|clinic| clinic.is_paused != is_paused) else { return };
            clinic.is_paused = is_paused;
            clinic.version += 1;
            clinic.clone()
        };
        let now = self.clock.now();
        if self.plant != Some(Plant::PauseUntold) {
            self.directories.lock().unwrap().iter().for_each(|directory| clinic.give_to(directory, self));
        }
        let mut book = self.book();
        if is_paused {
            book.pauses.push(Pause { tenant_id: clinic.tenant_id, from: now, to: None });
        } else {
            let pauses = book.pauses.iter_mut().filter(|pause| pause.tenant_id == clinic.tenant_id);
            pauses.for_each(|pause| pause.to = pause.to.or(Some(now)));
        }
        drop(book);
        self.saw("pause");
        self.note(|names| format!("{} is paused: {is_paused}", names.tenant(clinic.tenant_id)));
    }
}

impl VendorMood {
    const CALM: Self =
        Self { transient: 0, throttled: 0, permanent: 0, refuses_account: 0, hangs: 0, answer_lost: 0, bad_news: 0 };
}

impl Clinic {
    fn give_to(&self, directory: &Directory, world: &World) {
        let name = self.tenant_id.to_string();
        let tenant = Tenant {
            tenant_id: self.tenant_id,
            slug: name.clone(),
            display_name: name,
            placement_id: world.placement_id,
            status: if self.is_paused { TenantStatus::Paused } else { TenantStatus::Active },
            settings: self.settings.clone(),
            version: self.version,
            created_at: world.start,
            updated_at: world.clock.now(),
        };
        let accounts = self.accounts.iter().enumerate().map(|(i, (account_id, channel))| {
            let (rate, timeout_ms) = (Some(Some(50)), Some(5_000));
            let account = NewAccount {
                name: format!("account {i}"),
                channel: *channel,
                vendor: if *channel == Channel::Sms { "twilio" } else { "sendgrid" }.to_owned(),
                settings: json!({}),
                credentials: None,
                sandbox: false,
                route: RouteChange { rate_per_second: rate, timeout_ms, ..RouteChange::default() },
                base_url: None,
            };
            (*account_id, account, AccountStatus::Active)
        });
        directory.give(tenant, DataKey::new(1, &[7; 32]).into(), accounts.collect()).unwrap();
    }
}

/// Short waits: a seed is over in minutes of its own time.
fn settings(chance: &mut StdRng) -> TenantSettings {
    let treatment = if chance.random() { UnknownPolicy::LookUpThenHold } else { UnknownPolicy::Hold };
    TenantSettings {
        retry: RetrySettings { initial_ms: 300, multiplier: 2.0, cap_ms: 5_000, max_failures: 5 },
        unknown: UnknownPolicies { treatment, hold_minutes: 1, ..UnknownPolicies::default() },
        send_per_second: chance.random_bool(0.2).then_some(5),
        ..TenantSettings::default()
    }
}

fn tuning(chance: &mut StdRng) -> Tuning {
    let never = Duration::from_secs(86_400);
    let mut one_of = |all: [u32; 3]| all[chance.random_range(0..3_usize)];
    Tuning {
        threads: 0,
        batch_rows: one_of([2, 7, 1_000]) as usize,
        window: [2, 8, LARGE_WINDOW][one_of([0, 1, 2]) as usize],
        idle_after: Duration::from_secs(u64::from(one_of([4, 12, 300]))),
        lease_ttl: Duration::from_secs(u64::from(one_of([3, 6, 12]))),
        notify_settle: never,
        notify_poll: never,
        notify_look: never,
        ..Tuning::default()
    }
}
