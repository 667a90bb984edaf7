//! `carepost partitions`.

use anyhow::bail;
use carepost_kernel::Clock;
use carepost_store::{drop_partitions_before, list_partitions};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::tool::with_storage;
use super::{PartitionsCommand, out};
use crate::compose::Storage;
use crate::config::Config;

pub(super) async fn run(command: PartitionsCommand, config: &Config) -> anyhow::Result<()> {
    let shown = with_storage(config, async |storage| work(command, storage).await).await?;
    out::json(&shown);
    Ok(())
}

async fn work(command: PartitionsCommand, storage: &Storage) -> anyhow::Result<Value> {
    if let PartitionsCommand::Drop { before } = command {
        check_is_past(before, Clock::system().now())?;
    }
    let mut shown = Vec::new();
    for placement in storage.placements.list() {
        let placement_id = placement.id();
        match command {
            PartitionsCommand::List => shown.extend(list_partitions(&placement).await?.into_iter().map(|partition| {
                json!({
                    "placement_id": placement_id,
                    "table": partition.table,
                    "name": partition.name,
                    "day": partition.day,
                    "size_bytes": partition.size_bytes,
                })
            })),
            PartitionsCommand::Drop { before } => {
                let outcome = drop_partitions_before(&placement, before).await?;
                let held: Vec<Value> = (outcome.held.iter())
                    .map(|held| json!({ "day": held.day, "open_deliveries": held.open }))
                    .collect();
                if !held.is_empty() {
                    tracing::warn!(days = held.len(), "days with open deliveries stay: cancel them or let them end");
                }
                shown.push(json!({ "placement_id": placement_id, "dropped": outcome.names, "held": held }));
            }
        }
    }
    Ok(shown.into())
}

/// Today's partitions and those of the days to come are in use: without them no message could be stored.
fn check_is_past(before: Date, now: Timestamp) -> anyhow::Result<()> {
    let today = now.to_zoned(TimeZone::UTC).date();
    if before > today {
        bail!("drop partitions: --before must not be after today, {today} (UTC)");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_that_are_not_over_are_never_dropped() {
        let now = "2026-11-22T23:59:59Z".parse().unwrap();
        for (before, holds) in [
            (date(2020, 1, 1), true),
            (date(2026, 11, 22), true),
            (date(2026, 11, 23), false),
            (date(2030, 1, 1), false),
        ] {
            assert_eq!(check_is_past(before, now).is_ok(), holds, "{before}");
        }
    }
}
