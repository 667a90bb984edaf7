//! `carepost demo`: everything from nothing in one process, with simulated vendors, over the real HTTP API.

mod check;
mod folder;
mod hours;
mod plan;
mod practice;
mod progress;
mod scenes;
mod setup;
mod traffic;
mod verdict;

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use carepost_kernel::{Clock, MessageId};
use carepost_providers::Vendor;
use carepost_providers::simulator::{Profile, ReceiptProfile, Simulator};

use self::check::Summary;
use self::practice::Practice;
use self::progress::{Found, Progress};
use self::scenes::Staged;
use self::setup::DemoTenant;
use self::traffic::Sent;
use super::api::Api;
use super::out;
use crate::compose::keys;
use crate::compose::server::{Running, stop_signal};
use crate::config::Config;
use crate::telemetry::{Metrics, install_panic_hook, start_logs_in};

/// After this whatever has not arrived counts as lost.
const PATIENCE: Duration = Duration::from_secs(180);

/// What shows the metrics: Prometheus and Grafana, which the demonstration does not start.
const DASHBOARD: &str = "  dashboard        let Prometheus scrape that address (grafana/prometheus/prometheus.yml has \
                         127.0.0.1:9464),\n                   then in Grafana: Dashboards > New > Import > \
                         grafana/dashboards/overview.json";

/// Runs the demonstration.
///
/// # Errors
/// Where anything cannot be started. A message that did not arrive is no error but a failure's exit code.
pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let config = folder::prepare(config)?;
    let log = config.data_dir.join("carepost.log");
    let file = std::fs::File::create(&log).with_context(|| format!("write {}", log.display()))?;
    start_logs_in(&config.telemetry, file)?;
    install_panic_hook();
    out::line(&format!(
        "carepost demo: everything lives in {}, the log is {}",
        config.data_dir.display(),
        log.display()
    ));
    out::line("starting PostgreSQL, simulated vendors and the server ...");
    let running = Running::start(&config, Metrics::install()?).await?;
    let outcome = tokio::select! {
        // Ctrl-C is the proper end of a demonstration that stays: whoever waits for it there hears of it first.
        biased;
        outcome = show(&config, &running) => outcome,
        stopped = stop_signal() => stopped.map(|()| ExitCode::FAILURE),
    };
    let stopped = running.stop(&config).await;
    let code = outcome?;
    stopped.map(|()| code)
}

async fn show(config: &Config, running: &Running) -> anyhow::Result<ExitCode> {
    let simulator = running.deployment.simulator.as_ref().context("find the simulated vendors")?;
    behave(simulator);
    let token = keys::admin_token(config)?.context("find the administrator's token")?;
    let admin = Api::new(crate::config::HttpSettings::url_of(running.address), config, token)?;
    let tenants = setup::make_tenants(&admin).await?;
    let practice = practice::open(&admin).await?;
    print_addresses(config, running, &tenants, &practice);
    let playing = scenes::play(&practice, simulator, Clock::system().now());
    let ((sent, found), staged) = tokio::try_join!(send_and_watch(config, &tenants), playing)?;
    let verdicts = staged.verdicts(&practice, simulator).await?;
    let summary = Summary::of(&sent, &found, simulator, &tenants, verdicts).await?;
    summary.print();
    if !config.demo.exits {
        print_invitation(running, &tenants);
        print_explanation(running, &practice, &staged);
        out::line("Ctrl-C ends everything.");
        stop_signal().await?;
        out::line("stopping ...");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(if summary.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Sends what the plan says, and shows how far it is until all of it has ended.
async fn send_and_watch(config: &Config, tenants: &[DemoTenant]) -> anyhow::Result<(Sent, HashMap<MessageId, Found>)> {
    let sent = traffic::send_all(tenants, config.demo.messages).await?;
    out::line(&format!(
        "{} messages are durable; {} of {} repeated posts gave the same message",
        sent.messages.len(),
        sent.same,
        sent.repeated
    ));
    let progress = Progress::new();
    let found = progress::watch(tenants, &sent, &progress, PATIENCE).await?;
    progress.finish();
    Ok((sent, found))
}

/// Vendors as they are in life: some latency, late and doubled receipts, one that throttles.
fn behave(simulator: &Simulator) {
    for vendor in Vendor::ALL {
        let receipts = ReceiptProfile {
            delay: Duration::from_millis(300),
            jitter: Duration::from_millis(900),
            duplicates: 0.1,
            ..ReceiptProfile::default()
        };
        let profile = Profile {
            latency: Duration::from_millis(20),
            jitter: Duration::from_millis(60),
            throttle_per_second: (vendor == Vendor::Twilio).then_some(20),
            receipts,
            ..Profile::default()
        };
        simulator.set_profile(vendor, profile);
    }
}

fn print_addresses(config: &Config, running: &Running, tenants: &[DemoTenant], practice: &Practice) {
    let base = running.public_url.as_str();
    out::line("");
    out::line(&format!("  API, browsable   {base}docs/"));
    out::line(&format!("  health           {base}health/ready"));
    out::line(&format!("  metrics          http://{}/metrics", running.metrics_address));
    out::line(DASHBOARD);
    out::line(&format!("  admin token      {}", config.data_dir.join("admin-token").display()));
    for tenant in tenants {
        out::line(&format!("  tenant {:<12}{}", tenant.slug, tenant.placement));
    }
    out::line(&format!("  tenant {:<12}pooled, with a policy of its own for the gate", practice.slug));
    out::line("");
}

fn print_invitation(running: &Running, tenants: &[DemoTenant]) {
    let Some(tenant) = tenants.first() else { return };
    let base = running.public_url.as_str();
    out::line("");
    out::line(&format!("try it, as tenant {} (a demo key, gone with the demo):", tenant.slug));
    out::line(&format!("  KEY={}", tenant.key.expose()));
    out::line(&format!(
        "  curl -s {base}api/v1/messaging/messages -H \"Authorization: Bearer $KEY\" -H 'Content-Type: application/json' \
         -d '{{\"to\":{{\"phone\":\"+15005551234\"}},\"content\":{{\"body\":\"Hello\"}}}}'"
    ));
    out::line(&format!("  curl -s '{base}api/v1/messaging/messages?limit=5' -H \"Authorization: Bearer $KEY\""));
}

/// Everything that the gate has said can be asked for, and what it would say.
fn print_explanation(running: &Running, practice: &Practice, staged: &Staged) {
    let base = running.public_url.as_str();
    let bearer = "-H \"Authorization: Bearer $KEY\"";
    out::line(&format!("why a message was refused or waits, as tenant {}:", practice.slug));
    out::line(&format!("  KEY={}", practice.key.expose()));
    for message_id in [staged.refused, staged.waiting] {
        out::line(&format!("  curl -s {base}api/v1/messaging/messages/{message_id}/timeline {bearer}"));
    }
    out::line(&format!(
        "  curl -s {base}api/v1/messaging/gate/simulate {bearer} -H 'Content-Type: application/json' \
         -d '{{\"to\":{{\"phone\":\"+12025550199\"}},\"type\":\"appointment_reminder\"}}'"
    ));
    out::line(&format!("  curl -s {base}api/v1/messaging/gate/policy {bearer}"));
}
