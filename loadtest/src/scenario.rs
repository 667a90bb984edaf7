//! The runs, and what they share: tenants of their own, the load under a bar, the check, the report.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use carepost_kernel::Clock;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use uuid::Uuid;

use crate::admin::Tenant;
use crate::cli::{LoadArgs, OutputArgs};
use crate::load::{Extras, Load, Shape, Traffic};
use crate::progress;
use crate::report::{FLAT_OUT, PACE, Report, Requests, ShareLimits, side_by_side};
use crate::tally::Tally;
use crate::target::{Target, TargetArgs};
use crate::verdict::{Verdict, compare};

pub(crate) mod batch;
pub(crate) mod bulk;
pub(crate) mod ceiling;
pub(crate) mod enqueue;
pub(crate) mod fairness;
pub(crate) mod held_snapshot;
pub(crate) mod lifecycle;
pub(crate) mod overload;
pub(crate) mod receipts;
pub(crate) mod soak;
mod stage;

/// Nothing of ours may stand in the way of what is measured.
const NO_LIMIT: u32 = 1_000_000;

/// Settings of a tenant without limits. Paused, it takes messages and sends none.
fn settings(is_paused: bool) -> Value {
    let paused: &[&str] = if is_paused { &["sms", "email", "in_app"] } else { &[] };
    json!({
        "admission": {"per_second": NO_LIMIT, "burst": NO_LIMIT},
        "max_waiting": 100_000_000,
        "paused_channels": paused,
    })
}

async fn create_tenants(target: &Target, count: u16, is_paused: bool) -> anyhow::Result<Vec<Tenant>> {
    let run = Uuid::new_v4().simple().to_string();
    let settings = settings(is_paused);
    let mut tenants = Vec::new();
    for i in 0..count {
        tenants.push(target.admin.create_tenant(&format!("load-{}-{i}", &run[..12]), &settings).await?);
    }
    Ok(tenants)
}

/// Opens the target, runs, and closes it in any case.
async fn with_target<T>(args: &TargetArgs, run: impl AsyncFnOnce(&Target) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let spinner = progress::spinner("starting PostgreSQL and the server");
    let target = interruptible(Target::open(args)).await?;
    spinner.finish_and_clear();
    let outcome = interruptible(run(&target)).await;
    let closed = target.close().await;
    let value = outcome?;
    // A server that crashed under load is a failed run.
    closed.map(|()| value)
}

/// Ends early at an interrupt (Ctrl-C) or a termination, so that what was started is stopped in order.
pub(crate) async fn interruptible<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let mut terminations = signal(SignalKind::terminate()).context("listen for terminations")?;
    tokio::select! {
        outcome = work => outcome,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.context("listen for interrupts")?;
            anyhow::bail!("interrupted")
        }
        _ = terminations.recv() => anyhow::bail!("terminated"),
    }
}

async fn drive(
    title: &str,
    target: &Target,
    shape: &Shape,
    traffic: Arc<dyn Traffic>,
    extras: Extras,
) -> anyhow::Result<Tally> {
    let load = Load { address: target.address, shape: shape.clone(), traffic, extras };
    progress::watch(title, load).await
}

/// Holds what was promised against what is there.
async fn check(target: &Target, tenants: &[Tenant], tally: &Tally) -> anyhow::Result<Verdict> {
    let spinner = progress::spinner("holding promises against rows");
    let mut stored = Vec::new();
    match &target.database {
        Some(database) => stored = database.messages(&ids(tenants)).await?,
        None => {
            for tenant in tenants {
                stored.extend(target.admin.list_messages(tenant).await?);
            }
        }
    }
    spinner.finish_and_clear();
    Ok(compare(&tally.acks, &tally.unknown, &stored))
}

fn ids(tenants: &[Tenant]) -> Vec<Uuid> {
    tenants.iter().map(|tenant| tenant.id).collect()
}

/// The part of a report that every run on a server has.
fn bare(scenario: &str, target: &Target, settings: BTreeMap<String, String>) -> Report {
    Report {
        scenario: scenario.to_owned(),
        at: Clock::system().now(),
        machine: target.machine.clone(),
        settings,
        requests: None,
        verdict: None,
        life: None,
        beside: None,
        ceiling: None,
        figures: Vec::new(),
        samples: Vec::new(),
    }
}

/// What the callers saw of a load that goes on for the whole of its schedule.
fn requests(target: &Target, shape: &Shape, tally: &Tally) -> Requests {
    Requests { server_peak_mib: target.peak_mib(), ..Requests::new(tally, &shape.schedule) }
}

/// Settings by name.
fn settings_of<const N: usize>(settings: [(&str, String); N]) -> BTreeMap<String, String> {
    settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The report of one load.
fn report(scenario: &str, target: &Target, load: &LoadArgs, shape: &Shape, tally: &Tally) -> Report {
    Report { requests: Some(requests(target, shape, tally)), ..bare(scenario, target, describe(load, shape)) }
}

fn describe(load: &LoadArgs, shape: &Shape) -> BTreeMap<String, String> {
    let pace = match shape.schedule.rate {
        Some(rate) => format!("{rate} requests / s, open loop"),
        None => FLAT_OUT.to_owned(),
    };
    BTreeMap::from([
        (PACE.to_owned(), pace),
        ("measured s".to_owned(), load.duration_s.to_string()),
        ("warm-up s".to_owned(), load.warm_up_s.to_string()),
        ("connections".to_owned(), shape.connections.to_string()),
        ("load threads".to_owned(), shape.threads.to_string()),
        ("tenants".to_owned(), load.tenants.to_string()),
        ("mix".to_owned(), load.mix.to_string()),
    ])
}

/// Shows and writes the report; an error says why the run failed.
#[expect(clippy::print_stdout, reason = "the table is this program's answer")]
pub(crate) fn conclude(report: &Report, output: &OutputArgs) -> anyhow::Result<()> {
    println!("{}", side_by_side(std::slice::from_ref(report), ShareLimits::default()));
    if let Some(path) = &output.json {
        report.write(path)?;
    }
    let failures = report.failures();
    if failures.is_empty() {
        return Ok(());
    }
    anyhow::bail!("this run failed:\n  {}", failures.join("\n  "))
}
