//! Batches of messages for paused channels.

use std::sync::Arc;

use super::ceiling::beside;
use super::{check, conclude, create_tenants, drive, report};
use crate::cli::BatchArgs;
use crate::load::{Extras, Shape};
use crate::payloads::Payloads;
use crate::report::{Report, ShareKind};
use crate::target::Target;
use crate::traffic::{Batches, Heads};

/// As many are enough to keep the server busy: each holds hundreds of messages.
const CONNECTIONS: usize = 8;

pub(crate) async fn run(args: &BatchArgs) -> anyhow::Result<()> {
    let shape = args.load.shape(true, CONNECTIONS);
    let load = (&args.load, shape.schedule.rate.is_none());
    let measure = async |target: &Target| measure(target, args, &shape).await;
    let report = beside(ShareKind::Batched, load, &args.target, measure).await?;
    conclude(&report, &args.output)
}

async fn measure(target: &Target, args: &BatchArgs, shape: &Shape) -> anyhow::Result<Report> {
    let tenants = create_tenants(target, args.load.tenants, true).await?;
    let keys = tenants.iter().map(|tenant| tenant.api_key.as_str());
    let heads = Heads::new(&target.address.to_string(), keys);
    let payloads = Payloads::new(&args.load.mix)?;
    let traffic = Arc::new(Batches { heads, payloads, size: args.size, first_key: 0 });
    let tally = drive("batch", target, shape, traffic, Extras::default()).await?;
    let mut report = report("batch", target, &args.load, shape, &tally);
    report.settings.insert("batch size".to_owned(), args.size.to_string());
    report.verdict = Some(check(target, &tenants, &tally).await?);
    report.figures = args.limits.figures(&report);
    Ok(report)
}
