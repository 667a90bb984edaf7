//! Single messages for paused channels: the way from the request to the durable row, and nothing behind it.

use std::sync::Arc;

use carepost_kernel::Clock;
use jiff::SignedDuration;

use super::ceiling::beside;
use super::{check, conclude, create_tenants, drive, report};
use crate::cli::EnqueueArgs;
use crate::load::{Extras, Shape};
use crate::payloads::Payloads;
use crate::report::{Report, SCHEDULED, ShareKind};
use crate::target::Target;
use crate::traffic::{Heads, Singles};

/// Flat out: who waits for an answer sends nothing, and the group commit takes in what others send meanwhile.
const CONNECTIONS: usize = 512;
const TOMORROW: SignedDuration = SignedDuration::from_hours(24);

pub(crate) async fn run(args: &EnqueueArgs) -> anyhow::Result<()> {
    let shape = args.load.shape(false, CONNECTIONS);
    let load = (&args.load, shape.schedule.rate.is_none());
    let measure = async |target: &Target| measure(target, args, &shape).await;
    let report = beside(ShareKind::OneCommit, load, &args.target, measure).await?;
    conclude(&report, &args.output)
}

async fn measure(target: &Target, args: &EnqueueArgs, shape: &Shape) -> anyhow::Result<Report> {
    let tenants = create_tenants(target, args.load.tenants, true).await?;
    let keys = tenants.iter().map(|tenant| tenant.api_key.as_str());
    let heads = Heads::new(&target.address.to_string(), keys);
    let mut payloads = Payloads::new(&args.load.mix)?;
    if args.scheduled {
        payloads = payloads.scheduled(Clock::system().now() + TOMORROW);
    }
    let traffic = Arc::new(Singles { heads, payloads, replay: args.replay, first_key: 0 });
    let tally = drive("enqueue", target, shape, traffic, Extras::default()).await?;
    let mut report = report("enqueue", target, &args.load, shape, &tally);
    report.settings.insert("repeated".to_owned(), args.replay.to_string());
    report.settings.insert(SCHEDULED.to_owned(), args.scheduled.to_string());
    report.verdict = Some(check(target, &tenants, &tally).await?);
    report.figures = args.limits.figures(&report);
    Ok(report)
}
