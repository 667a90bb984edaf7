//! Rows into the window: page by page, when there is room.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext as _, Context};
use futures_util::FutureExt as _;
use tokio::time::Instant;

use carepost_delivery::DeliveryError;
use carepost_delivery::store::{DuePlace, DueRow};
use carepost_delivery::types::{Delivery, DeliveryKey};
use carepost_kernel::{Chain, Channel, Failure, Priority, TenantId};

use crate::delivery::shared::{LiveTenant, Shared};
use crate::delivery::uncertain;
use crate::journal::Session;

use super::window::Window;
use super::{Answered, ChannelActor, instant};

/// A busy channel looks through its rows from the start at most so often for what memory has missed.
const RESCAN: Duration = Duration::from_secs(5);
/// After a page that could not be read.
const PAUSE: Duration = Duration::from_secs(1);

/// Up to where rows were looked at, for each priority.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places([DuePlace; Priority::ALL.len()]);

impl Places {
    const START: Self = Self([DuePlace::START; Priority::ALL.len()]);

    fn of(&mut self, priority: Priority) -> &mut DuePlace {
        // Priorities count from 1, the most urgent first.
        &mut self.0[priority as usize - 1]
    }
}

/// What is known of the rows that are not in the window.
pub(super) struct Paging {
    /// A page is being read.
    reading: bool,
    /// Rows may wait that are not in the window.
    wanted: bool,
    /// Rows of this priority, and perhaps of lesser ones, do wait because there was no room: what comes meanwhile waits
    /// behind them.
    outside: Option<Priority>,
    /// What was left to rows since the page that is being read was asked for.
    missed: Option<Priority>,
    /// Up to where a page has cut what waits.
    places: Places,
    /// When it was looked from the start.
    scanned: Option<Instant>,
    /// No page before then.
    rests_until: Option<Instant>,
}

impl Default for Paging {
    /// Nothing was looked at yet.
    fn default() -> Self {
        Self {
            reading: false,
            wanted: true,
            outside: None,
            missed: None,
            places: Places::START,
            scanned: None,
            rests_until: None,
        }
    }
}

impl Paging {
    /// Rows may wait that are not in the window, of whatever priority.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    /// Rows that nobody spoke of may be due: looks from the start at once.
    pub(super) fn rescan(&mut self) {
        self.want();
        self.scanned = None;
    }

    /// The same, but not at once.
    pub(super) fn want_later(&mut self) {
        self.wanted = true;
        self.rests_until = Some(instant() + PAUSE);
    }

    /// For how long no page is read, where one is wanted.
    pub(super) fn rests(&self) -> Option<Duration> {
        let rests_until = self.rests_until.filter(|_| self.wanted)?;
        Some(rests_until.saturating_duration_since(instant())).filter(|wait| !wait.is_zero())
    }

    /// A delivery is left to its row, because there is no room.
    pub(super) fn overflow(&mut self, priority: Priority) {
        self.wanted = true;
        self.outside = more_urgent(self.outside, Some(priority));
        self.missed = more_urgent(self.missed, Some(priority));
    }

    /// Rows wait in front of whatever comes now with this priority.
    pub(super) fn waits_behind(&self, priority: Priority) -> bool {
        self.outside.is_some_and(|outside| outside <= priority)
    }

    pub(super) const fn is_reading(&self) -> bool {
        self.reading
    }

    /// Where the next page begins, if one is to be read now.
    fn begin(&mut self, window: &Window) -> Option<Places> {
        let scanned_long_ago = self.scanned.is_none_or(|scanned| scanned.elapsed() >= RESCAN);
        let is_time = scanned_long_ago || self.outside.is_some() || window.is_empty();
        // Nobody knows what a look from the start finds.
        let outside = self.outside.filter(|_| !scanned_long_ago).unwrap_or(Priority::Emergency);
        if self.reading || !self.wanted || self.rests().is_some() || !is_time || !window.has_room_for_page(outside) {
            return None;
        }
        if scanned_long_ago {
            self.places = Places::START;
            self.scanned = Some(instant());
        }
        self.reading = true;
        self.wanted = false;
        self.missed = None;
        Some(self.places)
    }

    /// A page was taken in, and cuts what waits with this priority, and perhaps with lesser ones, at these places.
    fn end(&mut self, places: Places, cut: Option<Priority>) {
        self.reading = false;
        self.outside = more_urgent(cut, self.missed);
        self.wanted |= self.outside.is_some();
        self.places = places;
    }
}

fn more_urgent(one: Option<Priority>, other: Option<Priority>) -> Option<Priority> {
    one.into_iter().chain(other).min()
}

/// A page of due rows, the urgent first.
pub(crate) struct DuePage {
    rows: Vec<DueRow>,
    /// Where the next page begins: at the start where everything was read, since what comes meanwhile may be due
    /// before the end of this page.
    next: Places,
    /// The most urgent priority of which not everything was read.
    cut: Option<Priority>,
}

/// What a page may hold.
#[derive(Debug, Clone, Copy)]
struct PageRoom {
    /// How many rows the window takes of each priority, the most urgent first.
    rows: [usize; Priority::ALL.len()],
    /// Deliveries in the window: from the start, their rows come first.
    in_window: usize,
}

async fn read_page(
    shared: &Arc<Shared>,
    live: &Arc<LiveTenant>,
    of: (TenantId, Channel),
    mut places: Places,
    room: PageRoom,
) -> Result<DuePage, DeliveryError> {
    let session = live.writers.journal.connect().await?;
    let now = shared.now();
    let start = DuePlace { due_at: live.writers.due_floor.at(now).max(DuePlace::START.due_at), ..DuePlace::START };
    let mut rows = Vec::new();
    let mut large_bytes = 0;
    for (priority, most) in Priority::ALL.into_iter().zip(room.rows) {
        let place = places.of(priority);
        let room_left = most.saturating_sub(rows.len());
        if room_left == 0 {
            return Ok(DuePage { rows, next: places, cut: Some(priority) });
        }
        let limit = if *place == DuePlace::START { room_left + room.in_window } else { room_left };
        let named = (of.0, of.1, priority);
        let asked = i64::try_from(limit).unwrap_or(i64::MAX);
        let from = if *place == DuePlace::START { start } else { *place };
        let found = session.list_due_deliveries(named, now, from, asked).await?;
        let is_all = found.len() < limit;
        *place = found.last().filter(|_| !is_all).map_or(DuePlace::START, DueRow::place);
        for row in found {
            if row.is_sending() {
                rows.extend(cut_off(shared, live, session.as_ref(), row.key()).await?);
                continue;
            }
            let is_first = rows.is_empty() && room.in_window == 0;
            if !row.is_whole() && (is_first || shared.window_bytes.has_room(large_bytes + row.payload_bytes())) {
                large_bytes += row.payload_bytes();
                rows.extend(session.get_delivery(row.key()).await?);
            } else {
                rows.push(row);
            }
        }
        if !is_all {
            return Ok(DuePage { rows, next: places, cut: Some(priority) });
        }
    }
    Ok(DuePage { rows, next: places, cut: None })
}

/// DEL-5: what a row says that is being called for: a call that was cut off, or one of ours that goes on, or one that
/// has ended since the page was read. Its end is durable before it leaves `calling`, so a row that says the same once
/// more was cut off.
async fn cut_off(
    shared: &Arc<Shared>,
    live: &Arc<LiveTenant>,
    session: &dyn Session,
    key: DeliveryKey,
) -> Result<Option<DueRow>, DeliveryError> {
    if shared.is_calling(key) {
        return Ok(None);
    }
    let row = session.get_delivery(key).await?.filter(DueRow::is_sending);
    // Or one that we know was never made: it comes back when its row says so.
    Ok(row.filter(|row| !uncertain::settle(shared, live, row)))
}

impl ChannelActor {
    /// Reads the next page, if rows may wait and there is room.
    pub(super) fn page_in(&mut self) {
        let Some(places) = self.paging.begin(&self.window) else { return };
        let room = PageRoom { rows: self.window.page_rows(), in_window: self.window.len() };
        let (shared, live, link) = (Arc::clone(&self.shared), Arc::clone(&self.live), self.link.clone());
        let of = (self.tenant_id(), self.channel);
        actix::spawn(async move {
            let reading = AssertUnwindSafe(read_page(&shared, &live, of, places, room)).catch_unwind();
            // Nobody listens where the actor has died: its successor reads the rows itself.
            let _gone = link.send(Answered::Paged(reading.await.ok()));
        });
    }

    /// Takes a page in; there is none where its reader panicked.
    pub(super) fn paged(&mut self, page: Option<Result<DuePage, DeliveryError>>, context: &mut Context<Self>) {
        match page {
            Some(Ok(page)) => {
                let full_before = self.window.len();
                let (places, cut) = self.take_page(page);
                // Where nothing fits, others hold the memory: looking again at once would only keep the database busy.
                if cut.is_some() && self.window.len() == full_before {
                    self.rest(places, cut, context);
                } else {
                    self.paging.end(places, cut);
                }
            }
            Some(Err(error)) => {
                tracing::warn!(error = %Chain(&error), tenant.id = %self.tenant_id(), "page in due deliveries");
                self.rest(Places::START, Some(Priority::Emergency), context);
            }
            None => {
                tracing::error!(tenant.id = %self.tenant_id(), "page in due deliveries: panicked");
                self.rest(Places::START, Some(Priority::Emergency), context);
            }
        }
    }

    fn rest(&self, places: Places, cut: Option<Priority>, context: &mut Context<Self>) {
        context.run_later(PAUSE, move |actor, context| {
            actor.paging.end(places, cut);
            actor.work(context);
        });
    }

    /// Takes a page in; returns where the next one begins, and what was cut.
    fn take_page(&mut self, page: DuePage) -> (Places, Option<Priority>) {
        let DuePage { rows, next: mut places, mut cut } = page;
        let mut taken = Places::START;
        let mut full = HashSet::new();
        for row in rows {
            let (priority, place) = (row.priority(), row.place());
            if full.contains(&priority) {
                continue;
            }
            if !self.window.holds(row.key().message_id) && !self.shared.is_calling(row.key()) {
                if !row.is_whole() || !self.window.has_room(priority, row.payload_bytes()) {
                    *places.of(priority) = *taken.of(priority);
                    cut = more_urgent(cut, Some(priority));
                    full.insert(priority);
                    continue;
                }
                let looked_up = row.is_looked_up();
                let Some(delivery) = self.open(row) else { continue };
                self.put(delivery, looked_up);
            }
            *taken.of(priority) = place;
        }
        (places, cut)
    }

    /// Opens a row under the tenant's key.
    pub(super) fn open(&self, row: DueRow) -> Option<Delivery> {
        let tenant = self.shared.directory.cached_tenant(self.tenant_id())?;
        match row.open(|owner, sealed| tenant.open(owner, sealed)) {
            Ok(delivery) => Some(delivery),
            Err(error) => {
                tracing::error!(error = %Chain(&error), tenant.id = %self.tenant_id(), "open delivery");
                None
            }
        }
    }

    /// Reads the row of a delivery that bad news came of.
    pub(super) fn load_bad_news(&self, key: DeliveryKey, failure: Failure) {
        let (live, link) = (Arc::clone(&self.live), self.link.clone());
        actix::spawn(async move {
            let row = async {
                let session = live.writers.journal.connect().await?;
                session.get_delivery(key).await
            }
            .await;
            let _gone = link.send(Answered::BadNews { row, failure });
        });
    }
}
