//! `carepost redrive`.

use serde_json::{Value, json};

use super::api::Api;
use super::{RedriveArgs, out, tool};
use crate::config::Config;

pub(super) async fn redrive(args: RedriveArgs, config: &Config) -> anyhow::Result<()> {
    let api = Api::of(config, tool::read(&args.api_key_file)?)?;
    let mut filter = json!({});
    if !args.statuses.is_empty() {
        filter["status"] = json!(args.statuses);
    }
    for (name, value) in [("channel", args.channel), ("code", args.code), ("after", args.after)] {
        if let Some(value) = value {
            filter[name] = json!(value);
        }
    }
    let body = json!({
        "filter": filter,
        "dry_run": args.dry_run,
        "limit": args.limit,
        "per_second": args.per_second,
    });
    let report: Value = api.post("/api/v1/messaging/messages/redrive", &body).await?;
    out::json(&report);
    Ok(())
}
