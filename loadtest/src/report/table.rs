//! Tables: one column for each run, one row for each figure that any of them has.

use super::share::{ShareLimits, share_of, tenants_share};
use super::{MOST_COMMITS, MOST_WAL_BYTES, Report};

/// The runs side by side, as text, with the limits that were given. Shares of a ceiling appear where one of the runs
/// measured it.
pub(crate) fn side_by_side(reports: &[Report], limits: ShareLimits) -> String {
    let columns: Vec<Vec<(String, String)>> = reports.iter().map(|report| rows(report, reports, limits)).collect();
    let mut labels: Vec<String> = Vec::new();
    for (label, _) in columns.iter().flatten() {
        if !labels.contains(label) {
            labels.push(label.clone());
        }
    }
    let cell = |column: &[(String, String)], label: &str| {
        column.iter().find(|(found, _)| found == label).map_or_else(|| "-".to_owned(), |(_, value)| value.clone())
    };
    let lines: Vec<Vec<String>> = labels
        .iter()
        .map(|label| std::iter::once(label.clone()).chain(columns.iter().map(|column| cell(column, label))).collect())
        .collect();
    let width = |place: usize| lines.iter().map(|line| line[place].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..=reports.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn rows(report: &Report, all: &[Report], limits: ShareLimits) -> Vec<(String, String)> {
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |label: &str, value: String| rows.push((label.to_owned(), value));
    row("run", report.scenario.clone());
    row("at", format!("{:.0}", report.at));
    for (name, value) in &report.settings {
        row(name, value.clone());
    }
    if let Some(requests) = &report.requests {
        row("accepted / s", per_second(requests.rate));
        latency("", &requests.latency, &mut row);
        for (ending, count) in &requests.endings {
            row(&format!("answers {ending}"), count.to_string());
        }
        row("failed", requests.failed.to_string());
        if let Some(peak) = requests.server_peak_mib {
            row("server peak MiB", peak.to_string());
        }
    }
    if let Some(beside) = report.beside {
        row("ceiling before it / s", per_second(beside.before));
        row("ceiling after it / s", per_second(beside.after));
    }
    let ceiling = all.iter().find_map(|other| other.ceiling);
    if let Some(share) = share_of(report, ceiling.as_ref()) {
        row(share.kind.label(), format!("{:.2}", share.value));
        row("target of this share", format!("{:.2}", limits.of(share.kind)));
    }
    if let Some((_, asked)) = ceiling.and_then(|ceiling| limits.rate_of(report, &ceiling)) {
        row("target of this rate / s", per_second(asked));
    }
    if let Some(verdict) = &report.verdict {
        row("promised", verdict.promised.to_string());
        row("stored", verdict.stored.to_string());
        row("lost", verdict.lost.to_string());
        row("duplicate", verdict.duplicate.to_string());
        row("unknown", verdict.unknown.to_string());
    }
    if let Some(life) = &report.life {
        row("finished / s", per_second(life.finished_per_second));
        latency("to provider ", &life.to_provider, &mut row);
        row("delivered", life.fates.delivered.to_string());
        row("unfinished", life.fates.unfinished.to_string());
        row("sent twice", life.fates.sent_twice.to_string());
        row("unseen by provider", life.fates.unseen.to_string());
        row("out of order", life.out_of_order.to_string());
        let limit = |limit: f64| if report.has_limited_effort() { format!(" (<= {limit})") } else { String::new() };
        row("commits / message", format!("{:.3}{}", life.commits_per_message, limit(MOST_COMMITS)));
        row("WAL bytes / message", format!("{:.0}{}", life.wal_bytes_per_message, limit(MOST_WAL_BYTES)));
    }
    if let Some(ceiling) = &report.ceiling {
        row("one commit each / s", per_second(ceiling.single_commits));
        row(&format!("batches of {} / s", ceiling.batch_size), per_second(ceiling.batched));
        if let Some(whole_life) = ceiling.whole_life {
            row(&format!("whole lives in batches of {} / s", ceiling.batch_size), per_second(whole_life));
        }
        row("empty handler / s", per_second(ceiling.empty_handler));
        if let Some(share) = tenants_share(all) {
            row("enqueue, many tenants against one", format!("{share:.2} (>= {})", limits.min_tenants_share));
        }
    }
    for figure in &report.figures {
        row(&figure.name, figure.to_string());
    }
    let machine = &report.machine;
    row("commit", machine.commit.clone());
    row("build", machine.build.clone());
    row("cores", machine.cores.to_string());
    row("CPU", machine.cpu.clone());
    row("memory GiB", format!("{:.1}", machine.memory_gib));
    row("kernel", machine.kernel.clone());
    row("PostgreSQL", machine.postgres.clone().unwrap_or_else(|| "unknown".to_owned()));
    row("file system", machine.file_system.clone());
    row("load average before", machine.load_average.clone());
    rows
}

fn latency(prefix: &str, latency: &super::Latency, row: &mut impl FnMut(&str, String)) {
    for (name, value) in [
        ("p50 ms", latency.p50_ms),
        ("p90 ms", latency.p90_ms),
        ("p95 ms", latency.p95_ms),
        ("p99 ms", latency.p99_ms),
        ("p99.9 ms", latency.p99_9_ms),
        ("max ms", latency.max_ms),
    ] {
        row(&format!("{prefix}{name}"), format!("{value:.2}"));
    }
}

fn per_second(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.1}") } else { format!("{rate:.0}") }
}
