//! Which server binary is measured: the one beside this program, brought up to date first, so that no old one is.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// The binary; in a checkout, cargo builds it in the profile of this program.
pub(crate) fn find(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        ensure!(given.is_file(), "find the server binary: {} is no file", given.display());
        return Ok(given);
    }
    // Both packages, as cargo chooses features by what is named: nothing is compiled a second time.
    let packages = ["--bin", "carepost", "-p", "carepost", "-p", "carepost-loadtest"];
    beside_us("carepost", &packages).context("find the server binary; build it or name one by --server-bin")
}

/// A file beside this program; in a checkout, cargo brings it up to date first, in the profile of this program.
pub(crate) fn beside_us(name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("find this program's own file")?;
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if checkout.join("Cargo.toml").is_file() && is_in_target(&own) {
        build(&checkout, name, packages)?;
    }
    let sibling = own.with_file_name(name);
    ensure!(sibling.is_file(), "{} is no file", sibling.display());
    Ok(sibling)
}

fn is_in_target(own: &Path) -> bool {
    let profile = own.parent().and_then(Path::file_name);
    profile.is_some_and(|name| name == "release" || name == "debug")
}

#[expect(clippy::print_stderr, reason = "the build may take minutes")]
fn build(checkout: &Path, name: &str, packages: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("cargo");
    command.current_dir(checkout).args(["build", "--quiet", "--locked"]).args(packages);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    eprintln!("bringing {name} up to date (cargo build) ...");
    let status = command.status().context("run cargo build")?;
    ensure!(status.success(), "cargo build of {name} failed: {status}");
    Ok(())
}
