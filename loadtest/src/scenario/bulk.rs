//! A bulk send of a long list: uploaded as CSV, counted, started, followed until the last of it is delivered (HUB-014).

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use super::stage::Stage;
use super::{bare, conclude, ids, settings_of, with_target};
use crate::admin::Tenant;
use crate::cli::BulkArgs;
use crate::number::instant;
use crate::payloads::Mix;
use crate::progress;
use crate::report::{Figure, Report};
use crate::sink::Pace;
use crate::target::Target;

const PATH: &str = "/api/v1/messaging/bulk-sends";
const CSV: &str = "text/csv";
/// Between looks at its progress, each of which counts the rows: seldom enough to cost nothing.
const POLL: Duration = Duration::from_millis(500);

pub(crate) async fn run(args: &BulkArgs) -> anyhow::Result<()> {
    let report = with_target(&args.target, async |target| measure(target, args).await).await?;
    conclude(&report, &args.output)
}

async fn measure(target: &Target, args: &BulkArgs) -> anyhow::Result<Report> {
    let pace = Pace { in_flight: args.in_flight, ..Pace::default() };
    // Only of addresses for email there are as many invented ones as it takes.
    let mut stage = Stage::open(target, &"email=1".parse::<Mix>()?, 1, pace).await?;
    let tenant = stage.tenants.first().cloned().context("make a tenant")?;
    let patience = Duration::from_secs(args.patience_s);
    let idle_mib = target.rss_mib();

    let send = Send::make(target, &tenant).await?;
    let began = instant();
    let report = send.post("/recipients", CSV, &list(args.rows)).await?;
    let uploaded_s = began.elapsed().as_secs_f64();
    ensure!(report["stored"].as_u64() == Some(args.rows), "upload the list: {report}");
    let uploaded_mib = target.peak_mib();

    let began = instant();
    send.post("/count", "application/json", "").await?;
    let counted = send.until("ready", patience, args.rows).await?;
    let counted_s = began.elapsed().as_secs_f64();
    let counted_mib = target.peak_mib();
    ensure!(counted["verdicts"]["go"].as_u64() == Some(args.rows), "count the list: {}", counted["verdicts"]);
    ensure!(stage.sink.counter()() == 0, "nothing leaves before the start");

    let began = instant();
    send.post("/start", "application/json", "").await?;
    let finished = send.until("finished", patience, args.rows).await?;
    let sent_s = began.elapsed().as_secs_f64();
    stage.drain(patience).await?;
    let delivered_s = began.elapsed().as_secs_f64();

    let rate = |span_s: f64| args.rows as f64 / span_s.max(f64::MIN_POSITIVE);
    let least = |name, rate, limit: Option<f64>| {
        let figure = Figure::new(name, rate);
        limit.map_or(figure.clone(), |limit| figure.at_least(limit))
    };
    let mib = |mib: Option<u64>| mib.unwrap_or(0) as f64;
    let peak = Figure::new("server peak MiB", mib(target.peak_mib()));
    let mut report = bare("bulk", target, settings(args));
    report.figures = vec![
        Figure::new("rows uploaded / s", rate(uploaded_s)),
        least("rows counted / s", rate(counted_s), args.min_count_rate),
        least("rows sent / s", rate(sent_s), args.min_send_rate),
        Figure::new("rows delivered / s", rate(delivered_s)),
        Figure::new("server MiB before", mib(idle_mib)),
        Figure::new("server peak MiB after the upload", mib(uploaded_mib)),
        Figure::new("server peak MiB after the count", mib(counted_mib)),
        args.max_memory_mib.map_or(peak.clone(), |limit| peak.at_most(limit)),
    ];
    report.figures.extend(promises(&stage, args.rows, &finished).await?);
    stage.close().await;
    Ok(report)
}

/// What became of the rows, by the engine's rows and by the provider's own book.
async fn promises(stage: &Stage<'_>, rows: u64, finished: &Value) -> anyhow::Result<[Figure; 5]> {
    let mut taken: HashMap<String, u64> = HashMap::new();
    for address in stage.sink.accepted_addresses() {
        *taken.entry(address).or_default() += 1;
    }
    let lost = (0..rows).filter(|number| !taken.contains_key(&address(*number))).count();
    let doubled = taken.values().filter(|count| **count > 1).count();
    let tenants = ids(&stage.tenants);
    let stored = stage.database.messages(&tenants).await?.len() as f64;
    let delivered = stage.database.delivered(&tenants).await?.len() as f64;
    let enqueued = finished["rows"]["enqueued"].as_u64().unwrap_or(0) as f64;
    let rows = rows as f64;
    Ok([
        Figure::new("lost", lost as f64).at_most(0.0),
        Figure::new("doubled", doubled as f64).at_most(0.0),
        Figure::new("rows enqueued", enqueued).at_least(rows).at_most(rows),
        Figure::new("messages stored", stored).at_least(rows).at_most(rows),
        Figure::new("messages delivered", delivered).at_least(rows).at_most(rows),
    ])
}

/// A bulk send on a running server.
struct Send<'a> {
    target: &'a Target,
    tenant: &'a Tenant,
    path: String,
}

impl<'a> Send<'a> {
    async fn make(target: &'a Target, tenant: &'a Tenant) -> anyhow::Result<Self> {
        let content = json!({ "subject": "Closed on Friday", "body": "We are closed on Friday." });
        let body = json!({ "name": "load test", "content": content, "channels": ["email"] }).to_string();
        let (status, made) = target.admin.ask(tenant, "POST", PATH, ("application/json", &body)).await?;
        let id = made["id"].as_str().with_context(|| format!("make a bulk send: the server answered {status}"))?;
        Ok(Self { target, tenant, path: format!("{PATH}/{id}") })
    }

    async fn post(&self, deed: &str, content_type: &str, body: &str) -> anyhow::Result<Value> {
        let path = format!("{}{deed}", self.path);
        let (status, answer) = self.target.admin.ask(self.tenant, "POST", &path, (content_type, body)).await?;
        // A problem names fields, never values.
        ensure!(status < 300, "POST {path}: the server answered {status}: {answer}");
        Ok(answer)
    }

    /// Its progress, once it has this status.
    async fn until(&self, status: &str, patience: Duration, rows: u64) -> anyhow::Result<Value> {
        let spinner = progress::spinner(&format!("waiting until the bulk send is {status}"));
        let began = instant();
        loop {
            let asked = self.target.admin.ask(self.tenant, "GET", &self.path, ("application/json", "")).await;
            let (_, progress) = asked?;
            if progress["status"] == *status {
                spinner.finish_and_clear();
                return Ok(progress);
            }
            if began.elapsed() > patience {
                bail!("wait until the bulk send is {status}: it is {}, {}", progress["status"], progress["rows"]);
            }
            let done = progress["rows"]["enqueued"].as_u64().unwrap_or(0);
            spinner.set_message(format!("the bulk send is {}, {done} of {rows} rows have gone", progress["status"]));
            tokio::time::sleep(POLL).await;
        }
    }
}

/// The list as it is uploaded.
fn list(rows: u64) -> String {
    (0..rows).fold("email\n".to_owned(), |mut csv, number| {
        csv.push_str(&address(number));
        csv.push('\n');
        csv
    })
}

fn address(number: u64) -> String {
    format!("patient-{number:06}.bulk@example.com")
}

fn settings(args: &BulkArgs) -> BTreeMap<String, String> {
    settings_of([("rows", args.rows.to_string()), ("in flight", args.in_flight.to_string())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_each_once() {
        let list = list(3);
        assert_eq!(list.lines().next(), Some("email"));
        assert_eq!(list.lines().skip(1).collect::<std::collections::BTreeSet<_>>().len(), 3);
        assert!(list.ends_with("patient-000002.bulk@example.com\n"));
    }
}
