//! The engine's pure parts, each with a budget (`budgets.toml`) that is printed beside its figure.

use std::path::PathBuf;
use std::process::ExitCode;

use carepost_benches::{Budgets, Figures};
use criterion::Criterion;

mod consent;
mod delivery;
mod gate;
mod guard;
mod kernel;
mod providers;
mod templates;

#[expect(clippy::print_stdout, reason = "the table is the answer")]
fn main() -> ExitCode {
    let folder = folder();
    Figures::forget(&folder).expect("criterion's folder is this program's own");
    let mut criterion = Criterion::default().output_directory(&folder).configure_from_args();
    kernel::bench(&mut criterion);
    consent::bench(&mut criterion);
    delivery::bench(&mut criterion);
    gate::bench(&mut criterion);
    guard::bench(&mut criterion);
    providers::bench(&mut criterion);
    templates::bench(&mut criterion);
    criterion.final_summary();
    if is_partial() {
        // A trial run (`--test`) measures nothing, a filter only some.
        return ExitCode::SUCCESS;
    }
    let budgets = Budgets::parse(include_str!("../../budgets.toml")).expect("a test reads this file");
    let figures = Figures::collect(&folder).expect("criterion wrote these files just now");
    let (table, all_kept) = budgets.judge(&figures);
    println!("\n{table}");
    // A debug build is slow by nature.
    if all_kept || cfg!(debug_assertions) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether something else was asked for than everything: cargo itself hands in `--bench` only.
fn is_partial() -> bool {
    std::env::args().skip(1).any(|argument| argument != "--bench")
}

/// Beside the build that was measured, so that builds do not mix.
fn folder() -> PathBuf {
    let own = std::env::current_exe().expect("a running program has a file");
    own.parent()
        .and_then(std::path::Path::parent)
        .map_or_else(|| PathBuf::from("criterion"), |build| build.join("criterion"))
}
