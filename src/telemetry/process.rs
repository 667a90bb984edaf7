//! The process itself: memory, CPU, open files, build. Names are those that Prometheus' own clients use.

use metrics::{Unit, describe_counter, describe_gauge, gauge};

/// Resident memory, in bytes.
pub(super) const RESIDENT_BYTES: &str = "process_resident_memory_bytes";
/// CPU used since the start, in seconds.
pub(super) const CPU_SECONDS: &str = "process_cpu_seconds";
/// Open files and sockets.
pub(super) const OPEN_FDS: &str = "process_open_fds";
/// Open files and sockets that the system allows.
pub(super) const MAX_FDS: &str = "process_max_fds";
/// Always 1; its label is the version.
pub(super) const BUILD_INFO: &str = "carepost_build_info";

/// Linux tells times of /proc in hundredths of a second, whatever its own tick is (`USER_HZ`, proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

pub(super) fn describe() {
    describe_gauge!(RESIDENT_BYTES, Unit::Bytes, "Resident memory of this process");
    describe_gauge!(CPU_SECONDS, Unit::Seconds, "CPU that this process has used since its start");
    describe_gauge!(OPEN_FDS, Unit::Count, "Open files and sockets of this process");
    describe_gauge!(MAX_FDS, Unit::Count, "Open files and sockets that the system allows this process");
    describe_gauge!(BUILD_INFO, Unit::Count, "Always 1; the label is the version");
    describe_counter!(super::panics::PANICS_TOTAL, Unit::Count, "Panics of this process, of whatever part");
}

/// Writes the present values. What /proc does not tell is left out.
pub(super) fn report() {
    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    if let Some(bytes) = resident_bytes() {
        gauge!(RESIDENT_BYTES).set(bytes);
    }
    if let Some(seconds) = cpu_seconds() {
        gauge!(CPU_SECONDS).set(seconds);
    }
    if let Ok(entries) = std::fs::read_dir("/proc/self/fd") {
        gauge!(OPEN_FDS).set(f64::from(u32::try_from(entries.count()).unwrap_or(u32::MAX)));
    }
    if let Some(most) = max_fds() {
        gauge!(MAX_FDS).set(most);
    }
}

fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1_024.0)
}

fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field, the program's name, may hold blanks and brackets; fields are counted from its end.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

/// The soft limit, which is the one that bites; infinite where there is none.
fn max_fds() -> Option<f64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_ascii_whitespace().next()? {
        "unlimited" => Some(f64::INFINITY),
        most => most.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn proc_tells_memory_cpu_and_the_limit_of_files() {
        assert!(super::resident_bytes().unwrap() > 1_000_000.0);
        assert!(super::cpu_seconds().is_some());
        assert!(super::max_fds().unwrap() > 1.0);
    }
}
