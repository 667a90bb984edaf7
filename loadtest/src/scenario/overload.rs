//! More than can be taken in: what is accepted, how the rest is refused, and how soon it is forgotten (DEL-12).
//!
//! By batches: the engine's own bound is a queue of 20,000 messages, which single requests would need as many connections
//! to fill.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::stage::watched;
use super::{bare, check, conclude, drive, requests, settings, settings_of, with_target};
use crate::admin::Tenant;
use crate::cli::OverloadArgs;
use crate::load::{Counters, Extras, Load};
use crate::number::millis;
use crate::payloads::Payloads;
use crate::report::{Figure, Report, Requests, grown};
use crate::tally::{Ending, Tally};
use crate::target::Target;
use crate::traffic::{Batches, Heads, Singles};

/// Keys of one load; the next one has others.
const KEYS: u64 = 1 << 32;
/// Seconds of the normal rate before the overload.
const BEFORE_S: u64 = 10;
/// Seconds of the normal rate beyond those that the recovery may take.
const BEYOND_S: u64 = 5;
/// The normal rate is back once so many seconds in a row are as they were.
const CALM_S: usize = 3;
/// A second with fewer of the normal rate's successes is not calm.
const CALM_SHARE: f64 = 0.95;
/// What must have left in time of what was to be sent: a load that could not send it is no overload.
const OFFERED_SHARE: f64 = 0.9;
/// Refused requests from which a percentile is taken.
const FEWEST_REFUSALS: f64 = 100.0;
const LOOK: Duration = Duration::from_secs(1);

pub(crate) async fn run(args: &OverloadArgs) -> anyhow::Result<()> {
    let report = with_target(&args.run.target, async |target| measure(target, args).await).await?;
    conclude(&report, &args.run.output)
}

async fn measure(target: &Target, args: &OverloadArgs) -> anyhow::Result<Report> {
    let mut caller = Caller::open(target, args).await?;
    let before_shape = args.run.open_loop(args.normal_rate, BEFORE_S);
    let traffic = caller.singles();
    let before = drive("normal rate", target, &before_shape, traffic, Extras::default()).await?;
    caller.remember(&before);
    let first_rate = caller.best_rate(args).await?;
    let mut flood_shape = args.run.open_loop(first_rate * args.factor / args.size as f64, args.duration_s);
    flood_shape.connections = args.crowd;
    let traffic = caller.batches(args.size);
    let punctual = Extras { is_punctual: true, ..Extras::default() };
    let flood = drive("overload", target, &flood_shape, traffic, punctual);
    // The recovery begins when nothing more of the flood is sent: its last answers are a part of it.
    let recovery = async {
        tokio::time::sleep(flood_shape.schedule.end()).await;
        recover(&caller, args).await
    };
    let (flood, (after, seconds)) = tokio::try_join!(flood, recovery)?;
    caller.remember(&flood);
    caller.remember(&after);
    // Tables grow, and a row costs more: the flood lies between two best rates.
    let last_rate = caller.best_rate(args).await?;
    let best_rate = f64::midpoint(first_rate, last_rate);

    let mut report = bare("overload", target, settings_of_run(args));
    report.verdict = Some(check(target, std::slice::from_ref(&caller.tenant), &caller.whole).await?);
    let seen = requests(target, &flood_shape, &flood);
    report.figures =
        vec![Figure::new("best rate before / s", first_rate), Figure::new("best rate after / s", last_rate)];
    report.figures.extend(figures(args, best_rate, &seen, &flood));
    let offered = (flood.departed * args.size) as f64 / flood_shape.schedule.measured.as_secs_f64() / best_rate;
    report.figures.push(Figure::new("offered, times the best rate", offered).at_least(OFFERED_SHARE * args.factor));
    let before_ms = millis(before.latency.value_at_quantile(0.99));
    report.figures.push(Figure::new("normal p99 ms before", before_ms));
    let calm = Calm { limit_ms: grown(before_ms, 2.0, args.slack_ms), fewest: args.normal_rate * CALM_SHARE };
    let back_s = calm.is_back_after_s(&seconds);
    report.figures.push(Figure::new("back after s", back_s as f64).at_most(args.recovery_s as f64));
    if let Some(peak_mib) = seen.server_peak_mib {
        report.figures.push(Figure::new("server peak MiB so far", peak_mib as f64).at_most(args.max_memory_mib));
    }
    report.requests = Some(seen);
    Ok(report)
}

/// The tenant whose messages come, and everything that was promised it.
struct Caller<'a> {
    target: &'a Target,
    tenant: Tenant,
    payloads: Payloads,
    whole: Tally,
    first_key: AtomicU64,
}

impl<'a> Caller<'a> {
    /// Its channels are paused: nothing is sent meanwhile.
    async fn open(target: &'a Target, args: &OverloadArgs) -> anyhow::Result<Self> {
        let mut settings = settings(true);
        if let Some(rate) = args.tenant_rate {
            settings["admission"] = json!({"per_second": rate, "burst": rate});
        }
        let slug = format!("load-{}", &Uuid::new_v4().simple().to_string()[..12]);
        let tenant = target.admin.create_tenant(&slug, &settings).await?;
        let payloads = Payloads::new(&"sms=1".parse()?)?;
        Ok(Self { target, tenant, payloads, whole: Tally::default(), first_key: AtomicU64::new(0) })
    }

    fn heads(&self) -> Heads {
        Heads::new(&self.target.address.to_string(), [self.tenant.api_key.as_str()])
    }

    fn batches(&self, size: u64) -> Arc<Batches> {
        let (heads, payloads) = (self.heads(), self.payloads.clone());
        Arc::new(Batches { heads, payloads, size, first_key: self.take_keys() })
    }

    /// Messages per second by as many connections as keep the server busy, and no more.
    async fn best_rate(&mut self, args: &OverloadArgs) -> anyhow::Result<f64> {
        let shape = args.run.flat_out(args.run.connections, args.best_s);
        let traffic = self.batches(args.size);
        let best = drive("best rate", self.target, &shape, traffic, Extras::default()).await?;
        self.remember(&best);
        let rate = Requests::new(&best, &shape.schedule).rate;
        anyhow::ensure!(rate > 0.0, "find the best rate: not one batch was taken");
        Ok(rate)
    }

    fn singles(&self) -> Arc<Singles> {
        let (heads, payloads) = (self.heads(), self.payloads.clone());
        Arc::new(Singles { heads, payloads, replay: 0.0, first_key: self.take_keys() })
    }

    /// Keys that no other load has.
    fn take_keys(&self) -> u64 {
        self.first_key.fetch_add(KEYS, Ordering::Relaxed)
    }

    fn remember(&mut self, tally: &Tally) {
        self.whole.acks.extend(&tally.acks);
        self.whole.unknown.extend(&tally.unknown);
    }
}

/// The normal rate again, second by second. Without a bar: that of the flood is still there.
async fn recover(caller: &Caller<'_>, args: &OverloadArgs) -> anyhow::Result<(Tally, Vec<Second>)> {
    let mut shape = args.run.open_loop(args.normal_rate, args.recovery_s + BEYOND_S);
    shape.schedule.warm_up = Duration::ZERO;
    let counters: Arc<Counters> = Arc::default();
    let extras = Extras { counters: Arc::clone(&counters), ..Extras::default() };
    let load = Load { address: caller.target.address, shape, traffic: caller.singles(), extras };
    let mut seconds = Vec::new();
    let tally = watched(load.run(), LOOK, async || {
        let second = counters.take_recent();
        seconds.push(Second { successes: second.len(), p99_ms: millis(second.value_at_quantile(0.99)) });
        Ok(())
    });
    let tally = tally.await?;
    Ok((tally, seconds))
}

fn figures(args: &OverloadArgs, best_rate: f64, seen: &Requests, flood: &Tally) -> Vec<Figure> {
    let count = |is_wanted: fn(Ending) -> bool| -> f64 {
        flood.endings.iter().filter(|(ending, _)| is_wanted(**ending)).map(|(_, count)| count).sum::<u64>() as f64
    };
    let is_other = |ending: Ending| !ending.is_success() && !ending.is_refusal() && ending != Ending::NotSent;
    vec![
        Figure::new("accepted share of their mean", seen.rate / best_rate).at_least(args.min_share),
        // Without a refusal it was no overload.
        Figure::new("messages refused", count(Ending::is_refusal)).at_least(1.0),
        Figure::new("refused without Retry-After", flood.unexplained as f64).at_most(0.0),
        Figure::new("neither taken nor refused", count(is_other)).at_most(0.0),
        // A percentile of a few says nothing.
        Figure::new("requests refused as a whole", flood.refusals.len() as f64).at_least(FEWEST_REFUSALS),
        Figure::new("refusal p50 ms", millis(flood.refusals.value_at_quantile(0.5))),
        Figure::new("refusal p99 ms", millis(flood.refusals.value_at_quantile(0.99))).at_most(args.max_refusal_ms),
    ]
}

/// What the callers saw within a second.
#[derive(Debug, Clone, Copy)]
struct Second {
    successes: u64,
    p99_ms: f64,
}

/// What a second must be like where all is as it was before.
struct Calm {
    limit_ms: f64,
    /// Successes.
    fewest: f64,
}

impl Calm {
    fn holds(&self, second: Second) -> bool {
        second.p99_ms <= self.limit_ms && second.successes as f64 >= self.fewest
    }

    /// Seconds until it stayed calm; as many as there were, where it never did.
    fn is_back_after_s(&self, seconds: &[Second]) -> usize {
        let mut windows = seconds.windows(CALM_S);
        windows.position(|window| window.iter().all(|second| self.holds(*second))).unwrap_or(seconds.len())
    }
}

fn settings_of_run(args: &OverloadArgs) -> BTreeMap<String, String> {
    let limit = args.tenant_rate.map_or_else(|| "none".to_owned(), |rate| rate.to_string());
    settings_of([
        ("times the best rate", args.factor.to_string()),
        ("measured s", args.duration_s.to_string()),
        ("batch size", args.size.to_string()),
        ("connections", args.crowd.to_string()),
        ("normal requests / s", args.normal_rate.to_string()),
        ("tenant's limit / s", limit),
        ("slack ms", args.slack_ms.to_string()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_normal_rate_is_back_once_it_stays_and_is_whole() {
        let calm = Calm { limit_ms: 10.0, fewest: 190.0 };
        let back = |seconds: &[(u64, f64)]| {
            let seconds: Vec<Second> =
                seconds.iter().map(|(successes, p99_ms)| Second { successes: *successes, p99_ms: *p99_ms }).collect();
            calm.is_back_after_s(&seconds)
        };
        assert_eq!(back(&[(200, 5.0); 4]), 0);
        assert_eq!(back(&[(200, 90.0), (200, 5.0), (200, 90.0), (200, 5.0), (200, 5.0), (200, 5.0)]), 3);
        assert_eq!(back(&[(189, 5.0), (200, 5.0), (190, 5.0), (200, 5.0)]), 1, "few answers are no calm");
        assert_eq!(back(&[(200, 90.0), (0, 0.0), (0, 0.0), (0, 0.0)]), 4, "none are the worst of all");
        assert_eq!(back(&[(200, 5.0), (200, 5.0)]), 2, "two seconds prove nothing");
        assert_eq!(back(&[]), 0);
    }
}
