//! `carepost partitions`.

use carepost_store::{drop_partitions_before, list_partitions};
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
