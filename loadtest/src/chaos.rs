//! Chaos: the real engine on a real PostgreSQL, both broken in every way that the seed says, and a ledger of what was
//! promised against what is in the database and what the provider saw (DEL-1, DEL-2, DEL-4, DEL-5, DEL-6).
//!
//! `docs/chaos.md` says how to run it, how to replay a seed, and what a failure looks like.

use std::collections::BTreeMap;
use std::time::Duration;

use carepost_kernel::Clock;
use uuid::Uuid;

mod callers;
mod courier;
mod evidence;
mod history;
mod ledger;
pub(crate) mod plan;
mod proxy;
pub(crate) mod rows;
mod scene;
mod stand;
mod steps;

use crate::cli::ChaosArgs;
use crate::machine::Machine;
use crate::number::millis;
use crate::report::{Figure, Report};
use crate::scenario::{conclude, interruptible};
use crate::tally::Ending;
use crate::target::{TemporaryFolder, binary};
use ledger::{Counts, Fault, Findings};
use plan::Step;
use stand::Stand;
use steps::{NotRun, Played, Run};

/// What came of one step.
pub(crate) struct Outcome {
    step: Step,
    findings: Findings,
    counts: Counts,
    /// From the end of the traffic to the last end.
    drained: Duration,
    /// Answers to callers.
    endings: BTreeMap<Ending, u64>,
    /// How often the fault was seen to take place, and must have been: without it the step proves nothing.
    took_place: u64,
    must_take_place: u64,
}

impl Outcome {
    /// Looks for panics in an engine's log.
    fn with_log(mut self, log: &str) -> Self {
        note_panics(&mut self.findings, log);
        self
    }
}

fn note_panics(findings: &mut Findings, log: &str) {
    for line in log.lines().filter(|line| line.contains("panicked")) {
        findings.add(Fault::Panicked, line.to_owned());
    }
}

#[expect(clippy::print_stdout, reason = "whoever started it follows it here")]
fn say(line: &str) {
    println!("{line}");
}

pub(crate) async fn run(args: &ChaosArgs) -> anyhow::Result<()> {
    // Any number will do, and a short one is easier to type.
    let seed = args.seed.unwrap_or_else(|| u64::from(Uuid::new_v4().as_fields().0));
    say(&format!("seed {seed}: the same faults and the same traffic come again with --seed {seed}"));
    let binary = binary::find(args.server_bin.clone())?;
    let mut folder = TemporaryFolder::create(args.data_dir.clone(), Clock::system().now())?;
    let mut machine = Machine::look(folder.path());
    let mut run = Run::new(args, seed, &binary, folder.path());
    let played = interruptible(Box::pin(play_all(&mut run))).await;
    let Run { to_promise, to_ownership, postgres, figures, .. } = run;
    machine.postgres = postgres;
    let all = match played {
        Ok(all) => all,
        Err(error) => {
            leave(&mut folder);
            return Err(error);
        }
    };
    let mut report = Report {
        scenario: "chaos".to_owned(),
        at: Clock::system().now(),
        machine,
        settings: settings(args, seed),
        requests: None,
        verdict: None,
        life: None,
        beside: None,
        ceiling: None,
        figures: Vec::new(),
        samples: Vec::new(),
    };
    report.figures = summary(&all);
    for (name, histogram) in [("restart to first 202", &to_promise), ("restart to all owned", &to_ownership)] {
        if !histogram.is_empty() {
            report.figures.extend([0.5, 0.9, 0.99, 1.0].map(|quantile| {
                let name = format!("{name} p{} ms", quantile * 100.0);
                Figure::new(name, millis(histogram.value_at_quantile(quantile)))
            }));
        }
    }
    report.figures.extend(figures);
    if args.keep || !report.failures().is_empty() {
        leave(&mut folder);
    }
    conclude(&report, &args.output)
}

fn leave(folder: &mut TemporaryFolder) {
    folder.keep();
    say(&format!("database and logs are left in {}", folder.path().display()));
}

/// What came of all steps.
#[derive(Default)]
struct All {
    outcomes: Vec<Outcome>,
    not_run: Vec<(Step, NotRun)>,
    /// What was found after the last step, by the engine's end.
    at_end: Findings,
}

/// All steps on one stand.
async fn play_all(run: &mut Run<'_>) -> anyhow::Result<All> {
    let mut stand = Stand::open(run.binary, run.folder, run.folder, &[]).await?;
    run.postgres = Some(stand.database().await?.version().await?);
    let (mut all, mut seen) = (All::default(), 0);
    for step in run.args.steps() {
        match run.play(&mut stand, step).await? {
            Played::Through(outcome) => {
                let outcome = outcome.with_log(&stand.launch.log_after(&mut seen));
                tell(run, &outcome);
                all.outcomes.push(outcome);
            }
            Played::Not(why) => {
                run.tell(step, &format!("NOT RUN: {}", why.0));
                all.not_run.push((step, why));
            }
        }
    }
    let launch = stand.launch.clone();
    stand.close().await?;
    note_panics(&mut all.at_end, &launch.log_after(&mut seen));
    for line in all.at_end.lines() {
        say(&format!("FAULT at the end: {line}"));
    }
    Ok(all)
}

fn tell(run: &Run<'_>, outcome: &Outcome) {
    let Outcome { step, findings, counts, drained, endings, took_place, must_take_place } = outcome;
    let text = format!(
        "proof: {} messages, {} calls, {} marked resends, {} stay unknown, {} receipts, all ended after {:.1} s",
        counts.messages,
        counts.calls,
        counts.marked_resends,
        counts.unknown,
        counts.receipts,
        drained.as_secs_f64()
    );
    run.tell(*step, &text);
    run.tell(*step, &format!("faults that took place: {took_place} (>= {must_take_place})"));
    let answers: Vec<String> = endings.iter().map(|(ending, count)| format!("{ending}: {count}")).collect();
    run.tell(*step, &format!("answers: {}", answers.join(", ")));
    for line in findings.lines() {
        run.tell(*step, &format!("FAULT {line}"));
    }
}

fn summary(All { outcomes, not_run, at_end }: &All) -> Vec<Figure> {
    let mut figures = Vec::new();
    for fault in Fault::ALL {
        let findings = outcomes.iter().map(|outcome| &outcome.findings).chain([at_end]);
        let count: u64 = findings.map(|findings| findings.count(fault)).sum();
        figures.push(Figure::new(fault.text(), count as f64).at_most(0.0));
    }
    figures.push(Figure::new("steps that could not be run", not_run.len() as f64).at_most(0.0));
    for Outcome { step, counts, drained, took_place, must_take_place, .. } in outcomes {
        let name = step.name();
        let count = |what: &str, value: u64| Figure::new(format!("{name}: {what}"), value as f64);
        figures.push(count("faults that took place", *took_place).at_least(*must_take_place as f64));
        figures.push(count("messages", counts.messages).at_least(1.0));
        figures.push(count("provider took", counts.acceptances));
        figures.push(count("marked resends", counts.marked_resends));
        figures.push(count("stay unknown", counts.unknown));
        figures.push(Figure::new(format!("{name}: last end after s"), drained.as_secs_f64()));
    }
    figures
}

fn settings(args: &ChaosArgs, seed: u64) -> BTreeMap<String, String> {
    let steps: Vec<&str> = args.steps().into_iter().map(Step::name).collect();
    let all = [
        ("seed", seed.to_string()),
        ("steps", steps.join(" ")),
        ("kills", args.kills().to_string()),
        ("fault s", args.fault_s().to_string()),
        ("database away s", args.away_s.to_string()),
        ("messages / s", args.rate.to_string()),
        ("tenants", args.tenants.to_string()),
    ];
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
