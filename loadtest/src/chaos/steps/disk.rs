//! No room on the database's disk: a stand of its own on a small file system, which is filled up and freed again.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use tokio::process::Command;

use super::{NotRun, Played, Run};
use crate::chaos::Outcome;
use crate::chaos::plan::Step;
use crate::chaos::rows;
use crate::chaos::scene::Scene;
use crate::chaos::stand::Stand;
use crate::number::instant;
use crate::report::Figure;

/// A fresh cluster with our schema takes about 100 MiB.
const SIZE_MIB: u64 = 512;
/// Little write-ahead log, so that new segments are wanted all the time.
const SETTINGS: [(&str, &str); 2] = [("max_wal_size", "64MB"), ("min_wal_size", "32MB")];
const BLOCK: usize = 64 << 10;
/// Between questions for room.
const POLL: Duration = Duration::from_millis(100);

/// A file system in memory, of a bounded size. Dropped, it is taken away.
struct SmallDisk(PathBuf);

impl SmallDisk {
    async fn mount(point: &Path) -> Result<Self, NotRun> {
        let refused = |why: String| {
            NotRun(format!("a small file system cannot be mounted: {why}; run it as root, or --without disk-full"))
        };
        std::fs::create_dir(point).map_err(|error| refused(error.to_string()))?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={SIZE_MIB}m,mode=755"), "tmpfs"]).arg(point);
        let output = mount.output().await.map_err(|error| refused(error.to_string()))?;
        if !output.status.success() {
            return Err(refused(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        Ok(Self(point.to_owned()))
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Fills it up but for some bytes.
    fn fill(&self, leave_bytes: u64) -> anyhow::Result<u64> {
        let mut file = File::create(self.ballast()).context("make the file that fills the disk")?;
        let block = vec![0_u8; BLOCK];
        let mut length = 0;
        // It ends by the error that is wanted here.
        while let Ok(written) = file.write(&block) {
            length += written as u64;
        }
        let length = length.saturating_sub(leave_bytes);
        OpenOptions::new().write(true).open(self.ballast())?.set_len(length).context("leave some room")?;
        Ok(length)
    }

    fn free(&self) -> anyhow::Result<()> {
        std::fs::remove_file(self.ballast()).context("make room on the disk")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: PostgreSQL may still be ending. What is left over is a mount below a folder that is named after us.
        let _unmounted = std::process::Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

pub(super) async fn run(run: &mut Run<'_>) -> anyhow::Result<Played> {
    let step = Step::DiskFull;
    let disk = match SmallDisk::mount(&run.folder.join("small-disk")).await {
        Ok(disk) => disk,
        Err(not_run) => return Ok(Played::Not(not_run)),
    };
    let folder = run.folder.join("disk-full");
    std::fs::create_dir(&folder).with_context(|| format!("make folder {}", folder.display()))?;
    let mut stand = Stand::open(run.binary, &folder, &disk.0, &SETTINGS).await?;
    let mut dice = step.dice(run.seed);
    let mut scene = Scene::open(&stand, step, run.seed, run.args, &[]).await?;
    scene.run_for(&mut dice, 1_000, 2_000).await;
    scene.witness(&stand).await?;
    // While full, it may take no connection.
    let database = stand.database().await?;
    let leave_bytes = dice.below(256 << 10);
    let (ballast, half) = (disk.fill(leave_bytes)?, run.fault() / 2);
    let (ballast_mib, leave_kib) = (ballast >> 20, leave_bytes >> 10);
    run.tell(step, &format!("{ballast_mib} MiB of ballast leave {leave_kib} KiB for {} s", run.args.fault_s()));
    let has_refused = until_refused(half, async || rows::has_room(&database).await).await;
    run.tell(step, "the write-ahead log wants a new segment, too");
    // PostgreSQL panics, which may cut this very connection, or it has done so before.
    let switch = async || match stand.database().await {
        Ok(database) => rows::switch_wal(&database).await.is_ok(),
        Err(_) => false,
    };
    let has_refused_wal = until_refused(half, switch).await;
    let told = |has_refused| if has_refused { "refused" } else { "found" };
    run.tell(step, &format!("room for a table was {}, for the log {}", told(has_refused), told(has_refused_wal)));
    disk.free()?;
    let since = instant();
    let had_ended = stand.revive_postgres().await?;
    let recovery = scene.recovery(&stand, since, &[]).await?;
    let words = if had_ended { "PostgreSQL had ended, and was started again" } else { "PostgreSQL lived" };
    run.tell(step, &format!("room again, {words}: 202 after {} ms", recovery.to_promise.as_millis()));
    let first_ms = recovery.to_promise.as_secs_f64() * 1_000.0;
    run.figures.push(Figure::new("disk-full: room to first 202 ms", first_ms));
    scene.run_for(&mut dice, 1_000, 2_000).await;
    let outcome = scene.close(&stand).await?;
    let launch = stand.launch.clone();
    // Its end may panic, too.
    stand.close().await?;
    let outcome = Outcome { took_place: u64::from(has_refused), ..outcome };
    Ok(Played::Through(Box::new(outcome.with_log(&launch.log()))))
}

/// Asks again and again until it is refused, and waits for the end of the span; says whether it was refused.
async fn until_refused(span: Duration, mut is_granted: impl AsyncFnMut() -> bool) -> bool {
    let end = instant() + span;
    let mut is_refused = false;
    while !is_refused && instant() < end {
        // No answer is no refusal.
        is_refused = !tokio::time::timeout_at(end, is_granted()).await.unwrap_or(true);
        tokio::time::sleep(POLL).await;
    }
    tokio::time::sleep_until(end).await;
    is_refused
}
