//! The whole life: accept, gate, attempt, call over HTTP, result, signed receipt, final state.

use std::time::Duration;

use super::ceiling::beside;
use super::stage::{Flow, Stage};
use super::{conclude, report};
use crate::cli::LifecycleArgs;
use crate::load::Shape;
use crate::report::{Report, ShareKind};
use crate::sink::Pace;
use crate::target::Target;

/// Flat out: fewer than for `enqueue`, because the window holds callers back as well.
pub(super) const CONNECTIONS: usize = 256;

pub(crate) async fn run(args: &LifecycleArgs) -> anyhow::Result<()> {
    let shape = args.load.shape(false, CONNECTIONS);
    let load = (&args.load, shape.schedule.rate.is_none());
    let measure = async |target: &Target| measure(target, args, &shape).await;
    let report = beside(ShareKind::WholeLife, load, &args.target, measure).await?;
    conclude(&report, &args.output)
}

async fn measure(target: &Target, args: &LifecycleArgs, shape: &Shape) -> anyhow::Result<Report> {
    let pace = Pace {
        latency: Duration::from_millis(args.provider_latency_ms),
        receipt_delay: Duration::from_millis(args.receipt_delay_ms),
        in_flight: args.in_flight,
        ..Pace::default()
    };
    let mut stage = Stage::open(target, &args.load.mix, args.load.tenants, pace).await?;
    stage.reach(args.recipients);
    let drive = stage.drive("lifecycle", shape, Flow { window: args.window, ..Flow::default() }).await?;
    stage.drain(Duration::from_secs(args.drain_s)).await?;
    let mut report = report("lifecycle", target, &args.load, shape, &drive.tally);
    report.settings.insert("provider latency ms".to_owned(), args.provider_latency_ms.to_string());
    report.settings.insert("receipt delay ms".to_owned(), args.receipt_delay_ms.to_string());
    report.settings.insert("recipients".to_owned(), args.recipients.to_string());
    report.settings.insert("in flight".to_owned(), args.in_flight.to_string());
    report.life = Some(stage.life(&drive).await?);
    report.verdict = Some(stage.verdict(&[]).await?);
    report.figures = args.limits.figures(&report);
    stage.close().await;
    Ok(report)
}
