//! Rows into the window: page by page, when there is room.

use std::sync::Arc;
use std::time::Duration;

use actix::Context;
use jiff::Timestamp;

use carepost_delivery::DeliveryError;
use carepost_delivery::store::{self, DuePlace, DueRow};
use carepost_delivery::types::{Delivery, DeliveryKey};
use carepost_kernel::{Channel, Failure, TenantId};

use crate::delivery::shared::{LiveTenant, Shared};

use super::{Answered, ChannelActor, instant};

/// A busy channel looks through its rows at most so often for what memory has missed.
const RESCAN: Duration = Duration::from_secs(5);
/// After a page that could not be read.
const PAUSE: Duration = Duration::from_secs(1);

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
        if !self.behind || self.paging || room == 0 {
            return;
        }
        let just_scanned = self.scanned.is_some_and(|scanned| scanned.elapsed() < RESCAN);
        if just_scanned && !self.window.is_empty() && self.place == DuePlace::START {
            return;
        }
        self.paging = true;
        let (shared, live, link) = (Arc::clone(&self.shared), Arc::clone(&self.live), self.link.clone());
        let (of, now, place) = ((self.tenant_id(), self.channel), self.shared.now(), self.place);
        actix::spawn(async move {
            let page = read_page(&shared, &live, of, now, place, room).await;
            // Nobody listens where the actor has died: its successor reads the rows itself.
            let _gone = link.send(Answered::Paged(page));
        });
    }

    pub(super) fn paged(&mut self, page: Result<DuePage, DeliveryError>, context: &mut Context<Self>) {
        self.paging = false;
        let DuePage { rows, next } = match page {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(error = %error, tenant.id = %self.tenant_id(), "page in due deliveries");
                self.scanned = Some(instant());
                self.look_after(PAUSE, context);
                return;
            }
        };
        self.place = next.unwrap_or(DuePlace::START);
        self.behind = next.is_some();
        self.scanned = Some(instant());
        for row in rows {
            if !self.window.holds(row.key().message_id) && !self.shared.is_calling(row.key()) {
                let looked_up = row.is_looked_up();
                if let Some(delivery) = self.open(row) {
                    self.take_in(delivery, looked_up);
                }
            }
        }
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
