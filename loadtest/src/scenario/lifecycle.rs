//! The whole life: accept, gate, attempt, call over HTTP, result, signed receipt, final state.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use uuid::Uuid;

use super::{check, conclude, create_tenants, drive, ids, report, with_target};
use crate::admin::Tenant;
use crate::cli::LifecycleArgs;
use crate::database::{Database, Effort};
use crate::load::Gate;
use crate::number::instant;
use crate::payloads::Payloads;
use crate::progress;
use crate::report::{Latency, Life, Report};
use crate::sink::{Pace, Seen, Sink};
use crate::tally::{Ack, Tally, histogram, note};
use crate::target::Target;
use crate::traffic::{Heads, Singles};
use crate::verdict::judge;

/// Flat out: fewer than for `enqueue`, because the window holds callers back as well.
const CONNECTIONS: usize = 256;
const POLL: Duration = Duration::from_secs(1);
/// PostgreSQL's sessions hand in their statistics about once a second.
const STATISTICS_LAG: Duration = Duration::from_millis(2_500);

pub(crate) async fn run(args: &LifecycleArgs) -> anyhow::Result<()> {
    let report = with_target(&args.target, async |target| measure(target, args).await).await?;
    conclude(&report, args.limits, &args.output)
}

async fn measure(target: &Target, args: &LifecycleArgs) -> anyhow::Result<Report> {
    let database = target.database.as_ref().context("a whole life is followed in the database: name --database-url")?;
    let shape = args.load.shape(false, CONNECTIONS);
    let channels = args.load.mix.channels();
    let pace = Pace {
        latency: Duration::from_millis(args.provider_latency_ms),
        receipt_delay: Duration::from_millis(args.receipt_delay_ms),
        in_flight: args.in_flight,
    };
    let mut sink = Sink::start(&channels, pace).await?;
    let tenants = create_tenants(target, args.load.tenants, false).await?;
    for tenant in &tenants {
        sink.connect(&target.admin, tenant.id, &channels, pace).await?;
    }
    let keys = tenants.iter().map(|tenant| tenant.api_key.as_str());
    let heads = Heads::new(&target.address.to_string(), keys);
    let traffic = Arc::new(Singles { heads, payloads: Payloads::new(&args.load.mix)?, replay: 0.0 });
    let (accepted, window) = (sink.counter(), args.window);
    let sees_all = sink.sees_all(&channels);
    let gate: Gate = Box::new(move |acked| !sees_all || acked < accepted() + window);
    tokio::time::sleep(STATISTICS_LAG).await;
    let before = database.effort().await?;
    let tally = {
        let load = drive("lifecycle", target, &shape, traffic, Some(gate));
        tokio::pin!(load);
        loop {
            tokio::select! {
                tally = &mut load => break tally?,
                () = tokio::time::sleep(POLL) => sink.keep_up(),
            }
        }
    };
    drain(database, &tenants, &mut sink, Duration::from_secs(args.drain_s)).await?;
    tokio::time::sleep(STATISTICS_LAG).await;
    let after = database.effort().await?;
    let mut report = report("lifecycle", target, &args.load, &shape, &tally);
    report.settings.insert("provider latency ms".to_owned(), args.provider_latency_ms.to_string());
    report.settings.insert("receipt delay ms".to_owned(), args.receipt_delay_ms.to_string());
    report.settings.insert("in flight".to_owned(), args.in_flight.to_string());
    report.verdict = Some(check(target, &tenants, &tally).await?);
    report.life = Some(life(database, &tenants, &tally, sink.book(), sees_all, (before, after)).await?);
    sink.stop().await;
    Ok(report)
}

/// Waits until nothing is to be done any more, or patience ends: the verdict says what was left.
async fn drain(database: &Database, tenants: &[Tenant], sink: &mut Sink, patience: Duration) -> anyhow::Result<()> {
    let spinner = progress::spinner("waiting for the last messages to end");
    let tenants = ids(tenants);
    let began = instant();
    loop {
        let open = database.open(&tenants).await?;
        sink.keep_up();
        if open == 0 || began.elapsed() > patience {
            break;
        }
        spinner.set_message(format!("waiting for {open} messages to end"));
        tokio::time::sleep(POLL).await;
    }
    spinner.finish_and_clear();
    Ok(())
}

async fn life(
    database: &Database,
    tenants: &[Tenant],
    tally: &Tally,
    book: &HashMap<Uuid, Seen>,
    sees_all: bool,
    (before, after): (Effort, Effort),
) -> anyhow::Result<Life> {
    let tenants = ids(tenants);
    let delivered = database.delivered(&tenants).await?;
    let calls = book.iter().map(|(message_id, seen)| (*message_id, seen.acceptances())).collect();
    let span_s = database.span_s(&tenants).await?;
    let messages = (delivered.len() as f64).max(1.0);
    Ok(Life {
        fates: judge(&tally.acks, &delivered, &calls, sees_all),
        finished_per_second: if span_s > 0.0 { delivered.len() as f64 / span_s } else { 0.0 },
        to_provider: to_provider(&tally.acks, book),
        commits_per_message: (after.commits - before.commits) as f64 / messages,
        wal_bytes_per_message: (after.wal_bytes - before.wal_bytes) as f64 / messages,
    })
}

/// From the promise's arrival here to the provider's being called; a call that came first counts as none.
fn to_provider(acks: &[Ack], book: &HashMap<Uuid, Seen>) -> Latency {
    let mut waits = histogram();
    for ack in acks {
        if let Some(seen) = book.get(&ack.message_id) {
            note(&mut waits, Duration::from_micros(u64::try_from(seen.first_us - ack.at_us).unwrap_or(0)));
        }
    }
    Latency::from(&waits)
}
