//! Rows into the window: page by page, when there is room.

use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext as _, Context};
use jiff::Timestamp;
use tokio::time::Instant;

use carepost_delivery::DeliveryError;
use carepost_delivery::store::{self, DuePlace, DueRow};
use carepost_delivery::types::{Delivery, DeliveryKey};
use carepost_kernel::{Channel, Failure, TenantId};

use crate::delivery::shared::{LiveTenant, Shared};

use super::{Answered, ChannelActor, instant};

/// A busy channel looks through its rows from the start at most so often for what memory has missed.
const RESCAN: Duration = Duration::from_secs(5);
/// After a page that could not be read.
const PAUSE: Duration = Duration::from_secs(1);

/// What is known of the rows that are not in the window.
pub(super) struct Paging {
    /// A page is being read.
    reading: bool,
    /// Rows may wait that are not in the window.
    wanted: bool,
    /// Rows do wait, because the window was full: whatever comes meanwhile waits behind them.
    overflowed: bool,
    /// More was left in rows since the page that is being read was asked for.
    missed: bool,
    /// Everything before was looked at.
    place: DuePlace,
    /// When it was looked from the start.
    scanned: Option<Instant>,
}

impl Default for Paging {
    /// Nothing was looked at yet.
    fn default() -> Self {
        let place = DuePlace::START;
        Self { reading: false, wanted: true, overflowed: false, missed: false, place, scanned: None }
    }
}

impl Paging {
    /// Rows may wait that are not in the window.
    pub(super) fn want(&mut self) {
        self.wanted = true;
        self.missed = true;
    }

    /// A delivery is left to its row, because there is no room.
    pub(super) fn overflow(&mut self) {
        self.want();
        self.overflowed = true;
    }

    /// Rows wait in front of whatever comes now.
    pub(super) const fn is_overflowed(&self) -> bool {
        self.overflowed
    }

    pub(super) const fn is_reading(&self) -> bool {
        self.reading
    }

    /// Where the next page begins, if one is to be read now.
    fn begin(&mut self, is_busy: bool) -> Option<DuePlace> {
        let scanned_long_ago = self.scanned.is_none_or(|scanned| scanned.elapsed() >= RESCAN);
        if self.reading || !self.wanted || (is_busy && !self.overflowed && !scanned_long_ago) {
            return None;
        }
        if scanned_long_ago {
            self.place = DuePlace::START;
        }
        if self.place == DuePlace::START {
            self.scanned = Some(instant());
        }
        self.reading = true;
        self.missed = false;
        Some(self.place)
    }

    /// A page was taken in up to `next`, or to its end.
    fn end(&mut self, next: Option<DuePlace>) {
        self.reading = false;
        self.wanted = next.is_some() || self.missed;
        self.overflowed = self.overflowed && self.wanted;
        // What was left meanwhile may be due before the end of this page.
        self.place = next.unwrap_or(DuePlace::START);
    }
}

/// A page of due rows.
pub(crate) struct DuePage {
    rows: Vec<DueRow>,
    /// Where the next one begins, if there is more.
    next: Option<DuePlace>,
}

async fn read_page(
    shared: &Shared,
    live: &LiveTenant,
    of: (TenantId, Channel),
    now: Timestamp,
    place: DuePlace,
    room: usize,
) -> Result<DuePage, DeliveryError> {
    let connection = live.writers.placement.engine().await?;
    let limit = i64::try_from(room).unwrap_or(i64::MAX);
    let found = store::list_due_deliveries(&connection, of, now, place, limit).await?;
    let next = found.last().filter(|_| found.len() >= room).map(DueRow::place);
    let mut rows = Vec::with_capacity(found.len());
    for row in found {
        if !row.is_sending() {
            rows.push(row);
            continue;
        }
        // DEL-5: a call that was cut off, or one of ours that goes on, or one that has ended since the page was read.
        // Its end is durable before it leaves `calling`, so a row that says the same once more was cut off.
        if shared.is_calling(row.key()) {
            continue;
        }
        rows.extend(store::get_delivery(&connection, row.key()).await?.filter(DueRow::is_sending));
    }
    Ok(DuePage { rows, next })
}

impl ChannelActor {
    /// Reads the next page, if rows may wait and there is room.
    pub(super) fn page_in(&mut self) {
        let room = self.window.room_for_page();
        let Some(place) = (room > 0).then(|| self.paging.begin(!self.window.is_empty())).flatten() else { return };
        // From the start, what is in the window comes first.
        let limit = if place == DuePlace::START { room + self.window.len() } else { room };
        let (shared, live, link) = (Arc::clone(&self.shared), Arc::clone(&self.live), self.link.clone());
        let (of, now) = ((self.tenant_id(), self.channel), self.shared.now());
        actix::spawn(async move {
            let page = read_page(&shared, &live, of, now, place, limit).await;
            // Nobody listens where the actor has died: its successor reads the rows itself.
            let _gone = link.send(Answered::Paged(page));
        });
    }

    pub(super) fn paged(&mut self, page: Result<DuePage, DeliveryError>, context: &mut Context<Self>) {
        let DuePage { rows, next } = match page {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(error = %error, tenant.id = %self.tenant_id(), "page in due deliveries");
                context.run_later(PAUSE, |actor, context| {
                    actor.paging.end(Some(DuePlace::START));
                    actor.work(context);
                });
                return;
            }
        };
        let mut taken = DuePlace::START;
        for row in rows {
            let place = row.place();
            if !self.window.holds(row.key().message_id) && !self.shared.is_calling(row.key()) {
                let looked_up = row.is_looked_up();
                let Some(delivery) = self.open(row) else { continue };
                if !self.window.has_room(delivery.priority) {
                    self.paging.overflow();
                    self.paging.end(Some(taken));
                    return;
                }
                self.put(delivery, looked_up);
            }
            taken = place;
        }
        self.paging.end(next);
    }

    /// Opens a row under the tenant's key.
    pub(super) fn open(&self, row: DueRow) -> Option<Delivery> {
        let tenant = self.shared.directory.cached_tenant(self.tenant_id())?;
        match row.open(|owner, sealed| tenant.open(owner, sealed)) {
            Ok(delivery) => Some(delivery),
            Err(error) => {
                tracing::error!(error = %error, tenant.id = %self.tenant_id(), "open delivery");
                None
            }
        }
    }

    /// Reads the row of a delivery that bad news came of.
    pub(super) fn load_bad_news(&mut self, key: DeliveryKey, failure: Failure, _: &mut Context<Self>) {
        let (live, link) = (Arc::clone(&self.live), self.link.clone());
        actix::spawn(async move {
            let row = async {
                let connection = live.writers.placement.engine().await?;
                store::get_delivery(&connection, key).await
            }
            .await;
            let _gone = link.send(Answered::BadNews { row, failure });
        });
    }
}
