//! A kill with everything waiting, and a start on what is there: how soon it serves, and how soon it works again.

use std::time::Duration;

use anyhow::ensure;
use uuid::Uuid;

use crate::chaos::rows::owners;
use crate::cli::FairnessArgs;
use crate::number::instant;
use crate::report::Figure;
use crate::scenario::stage::Stage;
use crate::target::Target;

const POLL: Duration = Duration::from_millis(20);
/// Calls that the killed server had sent off may still arrive for so long.
const LAST_CALLS: Duration = Duration::from_secs(1);
/// Memory is looked at for so long after the first call.
const LOOKED_AT: Duration = Duration::from_secs(10);

/// Only these tenants wait: it works again when it has all of them, and the provider has been called for one.
pub(super) async fn measure(
    target: &Target,
    stage: &Stage<'_>,
    waiting: &[Uuid],
    args: &FairnessArgs,
) -> anyhow::Result<Vec<Figure>> {
    let launch = target.kill().await?;
    tokio::time::sleep(LAST_CALLS).await;
    let calls = stage.sink.counter();
    let (calls_before, began) = (calls(), instant());
    target.start_again(&launch).await?;
    let ready_s = began.elapsed().as_secs_f64();
    while calls() == calls_before || owners(stage.database, waiting).await?.len() < waiting.len() {
        // Twice the limit: later is as bad as never.
        let patience = Duration::from_secs_f64(args.max_resumed_s * 2.0);
        ensure!(began.elapsed() < patience, "start again: not at work within {} s", patience.as_secs());
        tokio::time::sleep(POLL).await;
    }
    let resumed_s = began.elapsed().as_secs_f64();
    let (resumed, mut largest_mib) = (instant(), 0);
    while resumed.elapsed() < LOOKED_AT {
        largest_mib = largest_mib.max(target.rss_mib().unwrap_or(0));
        tokio::time::sleep(POLL).await;
    }
    Ok(vec![
        Figure::new("ready after a kill s", ready_s).at_most(args.max_ready_s),
        Figure::new("at work after a kill s", resumed_s).at_most(args.max_resumed_s),
        Figure::new("server MiB after a kill", largest_mib as f64).at_least(1.0).at_most(args.max_memory_mib),
    ])
}
