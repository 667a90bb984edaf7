//! What waits: how much of it there is, and what a changed configuration sets free.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::gate::{BEFORE_A_CALL, BY_CONFIGURATION, BY_POLICY};
use carepost_kernel::{Channel, InstanceId, Priority, TenantId, WaitReason};
use carepost_store::EngineConnection;
use carepost_store::lease::fence;

use super::due::FIRST;
use super::rows::{self, Result, get};

pub(super) const COUNT_WAITING: &str = include_str!("../sql/count_waiting.sql");
pub(super) const ADVANCE_DELIVERIES: &str = include_str!("../sql/advance_deliveries.sql");

/// What is due later than this from now was put off for its own sake, or is for receipts to end.
const SOON: SignedDuration = SignedDuration::from_secs(70);
/// What the configuration puts off is looked at again sooner than this.
const FAR: SignedDuration = SignedDuration::from_secs(600);

/// How many deliveries of each tenant wait for their turn: open, due no earlier than `due_from`, and due by now or about
/// to be. Each count goes up to the bound that stands beside the tenant.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn count_waiting(
    connection: &EngineConnection,
    tenants: &[(TenantId, i64)],
    due_from: Timestamp,
    now: Timestamp,
) -> Result<Vec<(TenantId, i64)>> {
    let (ids, bounds): (Vec<Uuid>, Vec<i64>) = tenants.iter().map(|(id, most)| (id.as_uuid(), *most)).unzip();
    let soon = now.saturating_add(SOON).unwrap_or(Timestamp::MAX);
    let rows = connection
        .query(COUNT_WAITING, &[&ids, &bounds, &channels(), &soon, &priorities(), &due_from.max(FIRST)])
        .await?;
    rows.iter().map(|row| Ok((rows::tenant_id(row)?, get(row, "waiting")?))).collect()
}

/// What may go on, or be refused, because something has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOff {
    /// What waits because of the tenant's limits, pauses or accounts.
    ByConfiguration,
    /// What waits because of the gate's policy.
    ByPolicy,
    /// Whatever waits to leave for one of these addresses of a channel, for whatever reason, however far ahead.
    For(Channel, Arc<BTreeSet<[u8; 16]>>),
}

impl PutOff {
    /// The reasons that such deliveries wait for.
    #[must_use]
    pub const fn reasons(&self) -> &'static [WaitReason] {
        match self {
            Self::ByConfiguration => &BY_CONFIGURATION,
            Self::ByPolicy => &BY_POLICY,
            Self::For(..) => &BEFORE_A_CALL,
        }
    }

    /// Whether it speaks of a delivery that waits for `reason`.
    #[must_use]
    pub fn means(&self, channel: Channel, recipient_hash: [u8; 16], reason: Option<WaitReason>) -> bool {
        let is_there = match self {
            Self::ByConfiguration | Self::ByPolicy => true,
            Self::For(of, addresses) => *of == channel && addresses.contains(&recipient_hash),
        };
        is_there && reason.is_some_and(|reason| self.reasons().contains(&reason))
    }

    /// Until when such deliveries may be due; later ones were put off for their own sake.
    #[must_use]
    pub fn until(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::ByConfiguration => now.saturating_add(FAR).unwrap_or(Timestamp::MAX),
            Self::ByPolicy | Self::For(..) => Timestamp::MAX,
        }
    }
}

/// Makes due now what was put off, at most `limit` rows; the channel of each. Rows that
/// somebody else is changing are left to them. One transaction behind the fence (DEL-10): nothing where the tenant is
/// another's by now.
///
/// # Errors
/// Where the database fails or a row cannot be read.
pub async fn advance_deliveries(
    connection: &mut EngineConnection,
    owner: InstanceId,
    held: (TenantId, i64),
    put_off: &PutOff,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Channel>> {
    let tx = connection.begin().await?;
    if !fence(&tx, owner, &[held]).await?.is_empty() {
        return Ok(Vec::new());
    }
    let reasons: Vec<i16> = put_off.reasons().iter().map(|reason| reason.as_i16()).collect();
    let (channels, recipients) = match put_off {
        PutOff::ByConfiguration | PutOff::ByPolicy => (channels(), None),
        PutOff::For(channel, addresses) => {
            (vec![channel.as_i16()], Some(addresses.iter().map(<[u8; 16]>::as_slice).collect::<Vec<_>>()))
        }
    };
    let (tenant, until) = (held.0.as_uuid(), put_off.until(now));
    let asked = tx
        .query(ADVANCE_DELIVERIES, &[&tenant, &channels, &now, &until, &reasons, &limit, &priorities(), &recipients])
        .await?;
    let page = asked.iter().map(rows::channel).collect::<Result<Vec<_>>>()?;
    tx.commit().await?;
    Ok(page)
}

fn channels() -> Vec<i16> {
    Channel::ALL.into_iter().map(Channel::as_i16).collect()
}

fn priorities() -> Vec<i16> {
    Priority::ALL.into_iter().map(Priority::as_i16).collect()
}
