//! A storm of signed receipts for messages that were sent before, with copies and out of order (DEL-6).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use uuid::Uuid;

use super::stage::{Flow, Stage};
use super::{bare, conclude, drive, settings_of, with_target};
use crate::cli::ReceiptsArgs;
use crate::load::Extras;
use crate::number::{instant, share};
use crate::payloads::Mix;
use crate::report::{FLAT_OUT, Figure, PACE, Report, Requests};
use crate::sink::Pace;
use crate::tally::Tally;
use crate::target::Target;
use crate::twilio::{Post, Status, sign};

mod storm;

use storm::Storm;

const SEND_WINDOW: u64 = 2_000;
/// A storm that takes longer has come to a halt.
const STORM_S: u64 = 1_800;
/// Vendors come again where a webhook was not taken.
const ROUNDS: usize = 5;
const POLL: Duration = Duration::from_millis(200);
/// From the provider's answer to its being written down, so that the storm meets messages that have been sent.
const SETTLE: Duration = Duration::from_secs(2);

pub(crate) async fn run(args: &ReceiptsArgs) -> anyhow::Result<()> {
    let report = with_target(&args.run.target, async |target| measure(target, args).await).await?;
    conclude(&report, &args.run.output)
}

async fn measure(target: &Target, args: &ReceiptsArgs) -> anyhow::Result<Report> {
    let pace = Pace { is_silent: true, ..Pace::default() };
    let mut stage = Stage::open(target, &"sms=1".parse::<Mix>()?, args.tenants, pace).await?;
    let mut shape = args.run.flat_out(args.run.connections, STORM_S);
    shape.schedule.warm_up = Duration::ZERO;
    let flow = Flow { window: SEND_WINDOW, limit: Some(args.messages), ..Flow::default() };
    let sent = stage.drive("sending", &shape, flow).await?;
    await_calls(&stage, sent.tally.acks.len() as u64, args.run.drain()).await?;

    let posts = posts(&stage, &sent.tally, args)?;
    let (all, mut pending) = (posts.len(), (0..posts.len()).collect::<Vec<_>>());
    let posts = Arc::new(posts);
    let mut first = None;
    let mut again = 0;
    for _ in 0..ROUNDS {
        let traffic = Arc::new(Storm { posts: Arc::clone(&posts), numbers: pending });
        let extras = Extras { limit: Some(traffic.numbers.len() as u64), ..Extras::default() };
        let tally = drive("receipts", target, &shape, Arc::clone(&traffic) as _, extras).await?;
        pending = tally.unknown.iter().filter_map(|number| traffic.place(*number)).collect();
        first.get_or_insert(tally);
        if pending.is_empty() {
            break;
        }
        again += pending.len();
    }
    let storm = first.context("post the receipts")?;
    stage.drain(args.run.drain()).await?;

    let mut report = bare("receipts", target, settings(args));
    report.life = Some(stage.life(&sent).await?);
    // Each once, whatever came twice or in the wrong order.
    let kept = stage.database.receipts(&super::ids(&stage.tenants)).await?;
    let expected = 2.0 * sent.tally.acks.len() as f64;
    report.verdict = Some(stage.verdict(&[]).await?);
    // The storm ends with its last receipt.
    let server_peak_mib = target.peak_mib();
    let seen = Requests { server_peak_mib, ..Requests::of_all(&storm, &shape.schedule) };
    let rate = Figure::new("receipts / s", seen.rate);
    let p99 = Figure::new("webhook p99 ms", seen.latency.p99_ms);
    report.figures = vec![
        args.min_rate.map_or(rate.clone(), |limit| rate.at_least(limit)),
        args.max_p99_ms.map_or(p99.clone(), |limit| p99.at_most(limit)),
        Figure::new("receipts", all as f64),
        Figure::new("receipts in the history", kept as f64).at_least(expected).at_most(expected),
        Figure::new("posted again", again as f64),
        Figure::new("never taken", pending.len() as f64).at_most(0.0),
    ];
    report.requests = Some(seen);
    stage.close().await;
    Ok(report)
}

/// Waits until the provider has taken them all.
async fn await_calls(stage: &Stage<'_>, count: u64, patience: Duration) -> anyhow::Result<()> {
    let (taken, began) = (stage.sink.counter(), instant());
    while taken() < count {
        ensure!(began.elapsed() < patience, "send the messages: {} of {count} had reached the provider", taken());
        tokio::time::sleep(POLL).await;
    }
    tokio::time::sleep(SETTLE).await;
    Ok(())
}

/// Every receipt of the storm in its order: two for each message, next to each other, some of them twice.
fn posts(stage: &Stage<'_>, sent: &Tally, args: &ReceiptsArgs) -> anyhow::Result<Vec<Post>> {
    let keys: HashMap<Uuid, u64> = sent.acks.iter().map(|ack| (ack.message_id, ack.key)).collect();
    let heads = stage.heads(&stage.tenants);
    let host = stage.target.address.to_string();
    let mut posts = Vec::new();
    for (place, (attempt, provider_ref)) in stage.sink.accepted_calls().into_iter().enumerate() {
        let key = keys.get(&attempt.message_id.as_uuid()).context("find the message of a call")?;
        let face = stage.sink.faces().get(heads.tenant_of(*key)).context("find the account of a call")?;
        for (status, is_twice) in order(place as u64, args.reordered, args.duplicates) {
            let post = sign(&host, face, &attempt.to_string(), &provider_ref, Status::of(status));
            posts.extend(is_twice.then(|| post.clone()));
            posts.push(post);
        }
    }
    Ok(posts)
}

/// The receipts of one message, and whether each comes twice.
fn order(number: u64, reordered: f64, duplicates: f64) -> [(&'static str, bool); 2] {
    let is_twice = |i: u64| share(number * 3 + i) < duplicates;
    let receipts = [("sent", is_twice(0)), ("delivered", is_twice(1))];
    if share(number * 3 + 2) < reordered { [receipts[1], receipts[0]] } else { receipts }
}

fn settings(args: &ReceiptsArgs) -> std::collections::BTreeMap<String, String> {
    settings_of([
        (PACE, FLAT_OUT.to_owned()),
        ("messages", args.messages.to_string()),
        ("twice", args.duplicates.to_string()),
        ("out of order", args.reordered.to_string()),
        ("tenants", args.tenants.to_string()),
        ("connections", args.run.connections.to_string()),
    ])
}

#[cfg(test)]
mod tests {
    use super::order;

    #[test]
    fn shares_of_copies_and_of_the_wrong_order_are_kept() {
        let all: Vec<_> = (0..10_000).map(|number| order(number, 0.2, 0.1)).collect();
        let reordered = all.iter().filter(|receipts| receipts[0].0 == "delivered").count();
        let twice = all.iter().flatten().filter(|(_, is_twice)| *is_twice).count();
        assert!((1_850..2_150).contains(&reordered) && (1_800..2_200).contains(&twice), "{reordered} {twice}");
        assert_eq!(order(7, 0.0, 0.0), [("sent", false), ("delivered", false)]);
    }
}
