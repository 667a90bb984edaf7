//! What a figure was measured on: without it, it means nothing.

use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// Commit, build and machine of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// Of the checkout, with `-dirty` where files differ from it.
    pub(crate) commit: String,
    /// `release` or `debug`: figures of a debug build are worth nothing.
    pub(crate) build: String,
    pub(crate) cores: usize,
    pub(crate) cpu: String,
    pub(crate) memory_gib: f64,
    pub(crate) kernel: String,
    /// Where its database could be asked.
    pub(crate) postgres: Option<String>,
    /// Of the database's folder: on `tmpfs` a flush to disk is none.
    pub(crate) file_system: String,
    /// Over 1, 5 and 15 minutes, when the run began.
    pub(crate) load_average: String,
}

impl Machine {
    /// Looks around. `data_dir` is where the database writes.
    pub(crate) fn look(data_dir: &Path) -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let load = read("/proc/loadavg");
        Self {
            commit: commit(),
            build: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".to_owned()),
            memory_gib: kib(&read("/proc/meminfo"), "MemTotal").unwrap_or(0) as f64 / 1_048_576.0,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            postgres: None,
            file_system: file_system(&read("/proc/mounts"), data_dir).unwrap_or_else(|| "unknown".to_owned()),
            load_average: load.split_whitespace().take(3).collect::<Vec<_>>().join(" "),
        }
    }
}

/// The largest memory that a process has had so far, in MiB.
pub(crate) fn peak_mib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    Some(kib(&status, "VmHWM")? / 1_024)
}

/// The memory that a process has at present, in MiB.
pub(crate) fn rss_mib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    Some(kib(&status, "VmRSS")? / 1_024)
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(hash) = git(&["rev-parse", "--short=12", "HEAD"]) else { return "unknown".to_owned() };
    let is_dirty = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty());
    if is_dirty { hash + "-dirty" } else { hash }
}

/// The value behind `name:` in one of the kernel's texts.
fn field(text: &str, name: &str) -> Option<String> {
    let value = |line: &str| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim().to_owned())
    };
    text.lines().find_map(value)
}

fn kib(text: &str, name: &str) -> Option<u64> {
    field(text, name)?.strip_suffix("kB")?.trim().parse().ok()
}

/// The type of the file system with the longest mount point above `folder`.
fn file_system(mounts: &str, folder: &Path) -> Option<String> {
    let mount = |line: &str| {
        let mut parts = line.split(' ');
        let (_, point, kind) = (parts.next()?, parts.next()?, parts.next()?);
        folder.starts_with(point).then(|| (point.len(), kind.to_owned()))
    };
    mounts.lines().filter_map(mount).max_by_key(|(length, _)| *length).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_texts_are_read() {
        assert_eq!(
            field("a\t: b\nmodel name\t: Some CPU @ 2 GHz\n", "model name").as_deref(),
            Some("Some CPU @ 2 GHz")
        );
        assert_eq!(kib("MemFree: 1 kB\nMemTotal:       2048 kB\n", "MemTotal"), Some(2_048));
    }

    #[test]
    fn the_nearest_mount_decides() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n";
        assert_eq!(file_system(mounts, Path::new("/tmp/x")).as_deref(), Some("tmpfs"));
        assert_eq!(file_system(mounts, Path::new("/tmpx")).as_deref(), Some("ext4"));
    }

    #[test]
    fn this_process_has_memory() {
        // In this order: what is asked for later can only have grown.
        let rss = rss_mib(std::process::id());
        let peak = peak_mib(std::process::id());
        assert!(peak >= rss && rss.is_some_and(|mib| mib > 0), "{peak:?} {rss:?}");
    }
}
