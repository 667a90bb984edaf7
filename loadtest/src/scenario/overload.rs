//! More than can be taken in: what is accepted, how the rest is refused, and how soon it is forgotten (DEL-12).
//!
//! By batches: the engine's own bound is a queue of 20,000 messages, which single requests would need as many connections
//! to fill.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::stage::watched;
use super::{bare, check, conclude, drive, requests, settings, settings_of, with_target};
use crate::admin::Tenant;
use crate::cli::OverloadArgs;
use crate::load::{Counters, Extras, Shape};
use crate::number::millis;
use crate::payloads::Payloads;
use crate::report::{Figure, Limits, Report, Requests, grown};
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
const LOOK: Duration = Duration::from_secs(1);

pub(crate) async fn run(args: &OverloadArgs) -> anyhow::Result<()> {
    let report = with_target(&args.run.target, async |target| measure(target, args).await).await?;
    conclude(&report, Limits::default(), &args.run.output)
}

async fn measure(target: &Target, args: &OverloadArgs) -> anyhow::Result<Report> {
    let mut caller = Caller::open(target, args).await?;
    let before_shape = args.run.open_loop(args.normal_rate, BEFORE_S);
    let before = caller.singles("normal rate", &before_shape, &Arc::default()).await?;
    let best_shape = args.run.flat_out(args.run.connections, args.best_s);
    let best = caller.batches("best rate", &best_shape, args.size).await?;
    let best_rate = Requests::new(&best, best_shape.schedule.warm_up).rate;
    anyhow::ensure!(best_rate > 0.0, "find the best rate: not one batch was taken");
    let mut flood_shape = args.run.open_loop(best_rate * args.factor / args.size as f64, args.duration_s);
    flood_shape.connections = args.crowd;
    let flood = caller.batches("overload", &flood_shape, args.size).await?;

    let mut after_shape = args.run.open_loop(args.normal_rate, args.recovery_s + BEYOND_S);
    after_shape.schedule.warm_up = Duration::ZERO;
    let counters: Arc<Counters> = Arc::default();
    let mut seconds_ms: Vec<f64> = Vec::new();
    watched(caller.singles("recovery", &after_shape, &counters), LOOK, async || {
        let second = counters.take_recent();
        // A second without one answer is the worst of all.
        seconds_ms.push(if second.is_empty() { f64::MAX } else { millis(second.value_at_quantile(0.99)) });
        Ok(())
    })
    .await?;

    let mut report = bare("overload", target, settings_of_run(args));
    report.verdict = Some(check(target, std::slice::from_ref(&caller.tenant), &caller.whole).await?);
    let seen = requests(target, &flood_shape, &flood);
    report.figures = figures(args, best_rate, &seen, &flood);
    let before_ms = millis(before.latency.value_at_quantile(0.99));
    report.figures.push(Figure::new("normal p99 ms before", before_ms));
    let back_s = back_after_s(&seconds_ms, grown(before_ms, 2.0, args.slack_ms));
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
    first_key: u64,
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
        Ok(Self { target, tenant, payloads, whole: Tally::default(), first_key: 0 })
    }

    fn heads(&self) -> Heads {
        Heads::new(&self.target.address.to_string(), [self.tenant.api_key.as_str()])
    }

    async fn batches(&mut self, title: &str, shape: &Shape, size: u64) -> anyhow::Result<Tally> {
        let (heads, payloads) = (self.heads(), self.payloads.clone());
        let traffic = Arc::new(Batches { heads, payloads, size, first_key: self.first_key });
        let tally = drive(title, self.target, shape, traffic, Extras::default()).await?;
        Ok(self.remember(tally))
    }

    async fn singles(&mut self, title: &str, shape: &Shape, counters: &Arc<Counters>) -> anyhow::Result<Tally> {
        let (heads, payloads) = (self.heads(), self.payloads.clone());
        let traffic = Arc::new(Singles { heads, payloads, replay: 0.0, first_key: self.first_key });
        let extras = Extras { counters: Arc::clone(counters), ..Extras::default() };
        let tally = drive(title, self.target, shape, traffic, extras).await?;
        Ok(self.remember(tally))
    }

    fn remember(&mut self, tally: Tally) -> Tally {
        self.first_key += KEYS;
        self.whole.acks.extend(&tally.acks);
        self.whole.unknown.extend(&tally.unknown);
        tally
    }
}

fn figures(args: &OverloadArgs, best_rate: f64, seen: &Requests, flood: &Tally) -> Vec<Figure> {
    let count = |is_wanted: fn(Ending) -> bool| -> f64 {
        flood.endings.iter().filter(|(ending, _)| is_wanted(**ending)).map(|(_, count)| count).sum::<u64>() as f64
    };
    let is_other = |ending: Ending| !ending.is_success() && !ending.is_refusal() && ending != Ending::NotSent;
    vec![
        Figure::new("best rate / s", best_rate),
        Figure::new("accepted share of it", seen.rate / best_rate).at_least(args.min_share),
        // Without a refusal it was no overload.
        Figure::new("messages refused", count(Ending::is_refusal)).at_least(1.0),
        Figure::new("refused without Retry-After", flood.unexplained as f64).at_most(0.0),
        Figure::new("neither taken nor refused", count(is_other)).at_most(0.0),
        Figure::new("requests refused as a whole", flood.refusals.len() as f64),
        Figure::new("refusal p50 ms", millis(flood.refusals.value_at_quantile(0.5))),
        Figure::new("refusal p99 ms", millis(flood.refusals.value_at_quantile(0.99))).at_most(args.max_refusal_ms),
    ]
}

/// Seconds until the 99th percentile stayed within the limit; as many as there were, where it never did.
fn back_after_s(seconds_ms: &[f64], limit_ms: f64) -> usize {
    let is_calm = |from: &usize| seconds_ms[*from..].iter().take(CALM_S).all(|p99_ms| *p99_ms <= limit_ms);
    (0..seconds_ms.len()).find(is_calm).unwrap_or(seconds_ms.len())
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
    fn a_normal_rate_is_back_once_it_stays() {
        assert_eq!(back_after_s(&[5.0, 5.0, 5.0, 5.0], 10.0), 0);
        assert_eq!(back_after_s(&[90.0, 5.0, 90.0, 5.0, 5.0, 5.0], 10.0), 3);
        assert_eq!(back_after_s(&[90.0, f64::MAX], 10.0), 2);
        assert_eq!(back_after_s(&[], 10.0), 0);
    }
}
