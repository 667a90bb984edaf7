//! Housekeeping: what has run out is deleted, a stretch of a table at a time, and receipts that crossed are found.
//!
//! The tables are walked by their rows' places. Rows go about as fast as they come, so a pass over the whole table in
//! some hours keeps pace with any traffic, costs no index on the way of a message, and never asks for more at once than
//! a stretch. (A block range index would not do: its ranges keep the bounds of rows that are gone, so that from the
//! second week on each of them seems to hold what is old.)

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

use carepost_kernel::{Channel, MessageId, ProviderAccountId, ProviderRef, TenantId};
use carepost_store::EngineConnection;

use super::links::{DELETE_OLD_LINK_CLICKS, DELETE_OLD_LINKS};
use super::rows::{self, Result, get};

pub(super) const COUNT_BLOCKS: &str = include_str!("../sql/count_blocks.sql");
pub(super) const DELETE_EXPIRED_KEYS: &str = include_str!("../sql/delete_expired_keys.sql");
pub(super) const DELETE_OLD_REFS: &str = include_str!("../sql/delete_old_refs.sql");
pub(super) const DELETE_OLD_PARKED: &str = include_str!("../sql/delete_old_parked.sql");
pub(super) const DELETE_OLD_IN_APP: &str = include_str!("../sql/delete_old_in_app.sql");
pub(super) const DELETE_OLD_INBOUND: &str = include_str!("../sql/delete_old_inbound.sql");
pub(super) const LIST_PARKED_MATCHES: &str = include_str!("../sql/list_parked_matches.sql");

/// Blocks of one stretch: 2 MiB, some ten thousand rows.
const STRETCH: u64 = 256;
/// Turns in which a large table is walked once: six hours of a turn each minute.
const TURNS: u64 = 360;

/// What is swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swept {
    /// Idempotency keys past their window (DEL-2).
    Keys,
    /// Providers' ids of messages that are gone.
    Refs,
    /// Receipts that nothing was ever found for.
    Parked,
    /// The recipients' inboxes, past retention.
    InApp,
    /// Messages from outside, past retention.
    Inbound,
    /// Short links that lead nowhere any more.
    Links,
    /// Moments at which links were followed, past retention.
    LinkClicks,
}

impl Swept {
    /// Everything that is swept.
    pub const ALL: [Self; 7] =
        [Self::Keys, Self::Refs, Self::Parked, Self::InApp, Self::Inbound, Self::Links, Self::LinkClicks];

    const fn table(self) -> &'static str {
        match self {
            Self::Keys => "idempotency_keys",
            Self::Refs => "provider_refs",
            Self::Parked => "parked_receipts",
            Self::InApp => "in_app_messages",
            Self::Inbound => "inbound_messages",
            Self::Links => "links",
            Self::LinkClicks => "link_clicks",
        }
    }
}

/// What may go.
#[derive(Debug, Clone)]
pub struct SweepBounds {
    /// Keys that ran out by this instant.
    pub now: Timestamp,
    /// What is of messages from before this instant, and what came in before it.
    pub keep_from: Timestamp,
    /// Days before `keep_from` whose messages stay all the same: some of them are open.
    pub held_days: Vec<Date>,
    /// Parked receipts from before this instant.
    pub parked_from: Timestamp,
}

impl SweepBounds {
    /// The lowest ids of the held days, and of the days after them.
    fn held_ids(&self) -> (Vec<Uuid>, Vec<Uuid>) {
        let first_of = |day: Date| {
            let midnight = day.to_zoned(TimeZone::UTC).map_or(Timestamp::MIN, |zoned| zoned.timestamp());
            MessageId::first_at(midnight).as_uuid()
        };
        self.held_days.iter().map(|day| (first_of(*day), first_of(day.tomorrow().unwrap_or(Date::MAX)))).unzip()
    }
}

/// A part of a table, by blocks.
pub type Stretch = Range<u64>;

/// The stretches of a table that are swept in this turn, each small enough for one statement.
///
/// # Errors
/// Where the database fails.
pub async fn list_stretches(connection: &EngineConnection, swept: Swept, turn: u64) -> Result<Vec<Stretch>> {
    let row = connection.query_one(COUNT_BLOCKS, &[&swept.table()]).await?;
    let blocks: i64 = get(&row, "blocks")?;
    Ok(stretches(u64::try_from(blocks).unwrap_or(0), turn))
}

/// A small table is walked in each turn; of a large one each turn takes its share.
fn stretches(blocks: u64, turn: u64) -> Vec<Stretch> {
    let turns = blocks.div_ceil(STRETCH).clamp(1, TURNS);
    let place = turn % turns;
    let (mut first, end) = (blocks * place / turns, blocks * (place + 1) / turns);
    let mut found = Vec::new();
    while first < end {
        let next = end.min(first + STRETCH);
        found.push(first..next);
        first = next;
    }
    found
}

/// Deletes what may go of one stretch; returns how many rows went.
///
/// # Errors
/// Where the database fails.
pub async fn sweep_stretch(
    connection: &EngineConnection,
    swept: Swept,
    stretch: &Stretch,
    bounds: &SweepBounds,
) -> Result<u64> {
    let (first, end) = (format!("({},0)", stretch.start), format!("({},0)", stretch.end));
    Ok(match swept {
        Swept::Keys => connection.execute(DELETE_EXPIRED_KEYS, &[&first, &end, &bounds.now]).await?,
        Swept::Refs => {
            let keep_from = MessageId::first_at(bounds.keep_from).as_uuid();
            let (held_firsts, held_ends) = bounds.held_ids();
            connection.execute(DELETE_OLD_REFS, &[&first, &end, &keep_from, &held_firsts, &held_ends]).await?
        }
        Swept::Parked => connection.execute(DELETE_OLD_PARKED, &[&first, &end, &bounds.parked_from]).await?,
        Swept::InApp => connection.execute(DELETE_OLD_IN_APP, &[&first, &end, &bounds.keep_from]).await?,
        Swept::Inbound => connection.execute(DELETE_OLD_INBOUND, &[&first, &end, &bounds.keep_from]).await?,
        Swept::Links => connection.execute(DELETE_OLD_LINKS, &[&first, &end, &bounds.now]).await?,
        Swept::LinkClicks => connection.execute(DELETE_OLD_LINK_CLICKS, &[&first, &end, &bounds.keep_from]).await?,
    })
}

/// A parked receipt whose attempt is known by now.
#[derive(Debug, Clone)]
pub struct ParkedMatch {
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Which account told.
    pub account_id: ProviderAccountId,
    /// The provider's id.
    pub provider_ref: ProviderRef,
    /// The message,
    pub message_id: MessageId,
    /// its channel,
    pub channel: Channel,
    /// and the attempt.
    pub attempt_no: i16,
}

/// Parked receipts whose attempt is known by now, among the `limit` latest that came since an instant.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn list_parked_matches(
    connection: &EngineConnection,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<ParkedMatch>> {
    let rows = connection.query(LIST_PARKED_MATCHES, &[&since, &limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(ParkedMatch {
                tenant_id: rows::tenant_id(row)?,
                account_id: ProviderAccountId::from_uuid(get(row, "provider_account_id")?),
                provider_ref: rows::provider_ref(row)?,
                message_id: rows::message_id(row)?,
                channel: rows::channel(row)?,
                attempt_no: get(row, "attempt_no")?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_turns_of_a_pass_cover_every_block_once() {
        for blocks in [0_u64, 1, 255, 256, 257, 1_000, 92_160, 92_161, 1_000_003] {
            let turns = blocks.div_ceil(STRETCH).clamp(1, TURNS);
            let mut walked: Vec<Stretch> = (0..turns).flat_map(|turn| stretches(blocks, turn)).collect();
            walked.sort_by_key(|stretch| stretch.start);
            assert!(walked.iter().all(|stretch| !stretch.is_empty() && stretch.end - stretch.start <= STRETCH));
            let reached = walked.iter().fold(0, |reached, stretch| {
                assert_eq!(stretch.start, reached, "{blocks}");
                stretch.end
            });
            assert_eq!(reached, blocks);
        }
    }
}
