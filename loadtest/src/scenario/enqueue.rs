//! Single messages for paused channels: the way from the request to the durable row, and nothing behind it.

use std::sync::Arc;

use super::{check, conclude, create_tenants, drive, report, with_target};
use crate::cli::EnqueueArgs;
use crate::load::Extras;
use crate::payloads::Payloads;
use crate::report::Report;
use crate::target::Target;
use crate::traffic::{Heads, Singles};

/// Flat out: who waits for an answer sends nothing, and the group commit takes in what others send meanwhile.
const CONNECTIONS: usize = 512;

pub(crate) async fn run(args: &EnqueueArgs) -> anyhow::Result<()> {
    let report = with_target(&args.target, async |target| measure(target, args).await).await?;
    conclude(&report, &args.output)
}

async fn measure(target: &Target, args: &EnqueueArgs) -> anyhow::Result<Report> {
    let shape = args.load.shape(false, CONNECTIONS);
    let tenants = create_tenants(target, args.load.tenants, true).await?;
    let keys = tenants.iter().map(|tenant| tenant.api_key.as_str());
    let heads = Heads::new(&target.address.to_string(), keys);
    let payloads = Payloads::new(&args.load.mix)?;
    let traffic = Arc::new(Singles { heads, payloads, replay: args.replay, first_key: 0 });
    let tally = drive("enqueue", target, &shape, traffic, Extras::default()).await?;
    let mut report = report("enqueue", target, &args.load, &shape, &tally);
    report.settings.insert("repeated".to_owned(), args.replay.to_string());
    report.verdict = Some(check(target, &tenants, &tally).await?);
    report.figures = args.limits.figures(&report);
    Ok(report)
}
