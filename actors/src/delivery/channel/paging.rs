//! Rows into the window: page by page, when there is room.

use std::sync::Arc;
use std::time::Duration;

use actix::Context;

use carepost_delivery::DeliveryError;
use carepost_delivery::store::{self, DuePlace, DueRow};
use carepost_delivery::types::{Delivery, DeliveryKey};
use carepost_kernel::Failure;

use super::{Answered, ChannelActor, instant};

/// A busy channel looks through its rows at most so often for what memory has missed.
const RESCAN: Duration = Duration::from_secs(5);
/// After a page that could not be read.
const PAUSE: Duration = Duration::from_secs(1);

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
        let (live, link, place) = (Arc::clone(&self.live), self.link.clone(), self.place);
        let (of, now) = ((self.tenant_id(), self.channel), self.shared.now());
        let limit = i64::try_from(room).unwrap_or(i64::MAX);
        actix::spawn(async move {
            let rows = async {
                let connection = live.writers.placement.engine().await?;
                store::list_due_deliveries(&connection, of, now, place, limit).await
            }
            .await;
            let whole = rows.as_ref().is_ok_and(|rows: &Vec<DueRow>| rows.len() < room);
            // Nobody listens where the actor has died: its successor reads the rows itself.
            let _gone = link.send(Answered::Paged { rows, whole });
        });
    }

    pub(super) fn paged(&mut self, rows: Result<Vec<DueRow>, DeliveryError>, whole: bool, context: &mut Context<Self>) {
        self.paging = false;
        let rows = match rows {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(error = %error, tenant.id = %self.tenant_id(), "page in due deliveries");
                self.scanned = Some(instant());
                self.look_after(PAUSE, context);
                return;
            }
        };
        self.place = if whole { DuePlace::START } else { rows.last().map_or(DuePlace::START, DueRow::place) };
        self.behind = !whole;
        self.scanned = Some(instant());
        for row in rows {
            if !self.window.holds(row.key().message_id) && !self.shared.calling.contains(&row.key()) {
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
