//! Load against a running engine, with the limit of the machine beside each figure.
//!
//! Purpose: rates and latencies that others can measure again, and a check of what was promised against what is there.
//! Open loop: latency counts from the intended start. It starts a fresh PostgreSQL and a fresh server by itself.
//!
//! Invariants checked here: **DEL-1** (promised means stored), **DEL-2** (one key, one message), and in `lifecycle` that
//! every message ends delivered by one call. `chaos` breaks things meanwhile, and checks **DEL-4**, **DEL-5** and **DEL-6**
//! as well.
//!
//! Deliberately absent: TLS, real vendors, patients. Recipients and bodies come from `fixtures/payloads`.

mod admin;
mod chaos;
mod cli;
mod client;
mod database;
mod load;
mod machine;
mod number;
mod order;
mod payloads;
mod progress;
mod report;
mod scenario;
mod schedule;
mod sink;
mod tally;
mod target;
mod traffic;
mod twilio;
mod verdict;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use cli::{Cli, Command, ReportArgs};
use report::{Report, missed, side_by_side};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[expect(clippy::print_stderr, reason = "there is no log: whoever started it reads why it failed")]
fn main() -> ExitCode {
    match start(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("start the runtime")?;
    runtime.block_on(run(cli.command))
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Ceiling(args) => Box::pin(scenario::ceiling::run(&args)).await,
        Command::Enqueue(args) => Box::pin(scenario::enqueue::run(&args)).await,
        Command::Batch(args) => Box::pin(scenario::batch::run(&args)).await,
        Command::Bulk(args) => Box::pin(scenario::bulk::run(&args)).await,
        Command::Lifecycle(args) => Box::pin(scenario::lifecycle::run(&args)).await,
        Command::Fairness(args) => Box::pin(scenario::fairness::run(&args)).await,
        Command::Overload(args) => Box::pin(scenario::overload::run(&args)).await,
        Command::Receipts(args) => Box::pin(scenario::receipts::run(&args)).await,
        Command::HeldSnapshot(args) => Box::pin(scenario::held_snapshot::run(&args)).await,
        Command::Soak(args) => Box::pin(scenario::soak::run(&args)).await,
        Command::Chaos(args) => Box::pin(chaos::run(&args)).await,
        Command::Report(args) => show(&args),
    }
}

#[expect(clippy::print_stdout, reason = "the table is this program's answer")]
fn show(args: &ReportArgs) -> anyhow::Result<()> {
    let reports = args.files.iter().map(|file| Report::read(file)).collect::<anyhow::Result<Vec<_>>>()?;
    print!("{}", side_by_side(&reports, args.shares));
    let missed = if args.check { missed(&reports, args.shares) } else { Vec::new() };
    anyhow::ensure!(missed.is_empty(), "missed:\n  {}", missed.join("\n  "));
    Ok(())
}
