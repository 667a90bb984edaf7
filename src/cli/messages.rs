//! `carepost redrive`.

use serde_json::{Value, json};

use super::api::Api;
use super::{RedriveArgs, out, tool};
use crate::config::Config;

/// The API takes what it can do in so many seconds.
const CALL_S: u32 = 30;

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
    // A call works for as long as its caller waits: this one goes on by the cursor.
    let most = if args.dry_run { args.limit } else { args.per_second.saturating_mul(CALL_S).max(1) };
    let mut left = args.limit;
    let mut count = 0;
    loop {
        let body = json!({
            "filter": filter,
            "dry_run": args.dry_run,
            "limit": left.min(most),
            "per_second": args.per_second,
        });
        let mut report: Value = api.post("/api/v1/messaging/messages/redrive", &body).await?;
        count += report["count"].as_u64().unwrap_or(0);
        left = left.saturating_sub(most);
        if args.dry_run || left == 0 || report["more"] != true {
            report["count"] = count.into();
            out::json(&report);
            return Ok(());
        }
        filter["after"] = report["last"].clone();
    }
}
