//! A bar while it runs; where the output is no terminal, a line now and then.

use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::load::{Counters, Load};
use crate::number::instant;
use crate::tally::Tally;

const TICK: Duration = Duration::from_millis(200);

/// Runs the load under a bar.
pub(crate) async fn watch(title: &str, load: Load) -> anyhow::Result<Tally> {
    let whole = load.shape.schedule.end();
    let counters = std::sync::Arc::clone(&load.extras.counters);
    let bar = bar(title, whole);
    let started = instant();
    let run = load.run();
    tokio::pin!(run);
    let mut before = 0;
    let tally = loop {
        tokio::select! {
            tally = &mut run => break tally,
            () = tokio::time::sleep(TICK) => {
                let elapsed = started.elapsed();
                bar.set_position(u64::try_from(elapsed.min(whole).as_millis()).unwrap_or(u64::MAX));
                let acked = counters.acked.load(Ordering::Relaxed);
                let rate = (acked - before) as f64 / TICK.as_secs_f64();
                before = acked;
                bar.set_message(line(&counters, acked, rate));
            }
        }
    };
    bar.finish_and_clear();
    tally
}

fn line(counters: &Counters, acked: u64, rate: f64) -> String {
    format!("{acked} promised, {rate:.0}/s, {} failed", counters.failed.load(Ordering::Relaxed))
}

fn bar(title: &str, whole: Duration) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(whole.as_millis()).unwrap_or(u64::MAX));
    let style = ProgressStyle::with_template("{prefix} [{bar:30}] {percent:>3}%  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
    bar.set_prefix(title.to_owned());
    bar
}

/// A spinner for a step whose length nobody knows.
pub(crate) fn spinner(what: &str) -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    spinner.set_message(what.to_owned());
    spinner.enable_steady_tick(TICK);
    spinner
}
