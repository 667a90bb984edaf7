//! Binaries, cluster, settings and the first connection.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use carepost_kernel::{DataKey, Secret};

use super::account::Account;
use super::folder::{Folder, PORT};
use super::process::{TiedProcess, in_words};
use super::{EmbeddedError, io_error};
use crate::StoreError;

const DEBIAN: &str = "/usr/lib/postgresql";
const FIND_DATABASE: &str = include_str!("../sql/find_database.sql");
const CREATE_DATABASE: &str = include_str!("../sql/create_database.sql");

/// Recovery after a crash replays up to `max_wal_size`.
const START_PATIENCE: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(20);

/// Ours over PostgreSQL's defaults. DEL-9: no statement, no parameter and no row's value reaches the log; an ERROR goes
/// to the client that made it and nowhere else.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", ""),
    ("unix_socket_permissions", "0700"),
    ("cluster_name", "carepost"),
    ("max_connections", "60"),
    // A transaction locks each day's tables and indexes: twelve for each day that is kept.
    ("max_locks_per_transaction", "512"),
    ("timezone", "UTC"),
    ("shared_buffers", "256MB"),
    ("max_wal_size", "4GB"),
    ("checkpoint_timeout", "15min"),
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("synchronous_commit", "on"),
    ("jit", "off"),
    ("random_page_cost", "1.1"),
    ("logging_collector", "on"),
    ("log_filename", "postgres-%a.log"),
    ("log_truncate_on_rotation", "on"),
    ("log_rotation_age", "1d"),
    ("log_rotation_size", "0"),
    ("log_timezone", "UTC"),
    ("log_min_messages", "log"),
    ("log_min_error_statement", "panic"),
    ("log_statement", "none"),
    ("log_min_duration_statement", "-1"),
    ("log_parameter_max_length", "0"),
    ("log_parameter_max_length_on_error", "0"),
    ("log_error_verbosity", "terse"),
];

/// The programs that are run.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) initdb: PathBuf,
    pub(super) postgres: PathBuf,
}

impl Programs {
    fn of(folder: &Path) -> Option<Self> {
        let programs = Self { initdb: folder.join("initdb"), postgres: folder.join("postgres") };
        (programs.initdb.is_file() && programs.postgres.is_file()).then_some(programs)
    }
}

/// The named folder's programs, or the newest of Debian's.
pub(super) fn find_programs(bin_dir: Option<PathBuf>) -> Result<Programs, EmbeddedError> {
    let missing = |searched: String| EmbeddedError::NoBinaries { searched };
    if let Some(folder) = bin_dir {
        return Programs::of(&folder).ok_or_else(|| missing(folder.display().to_string()));
    }
    let searched = || missing(format!("{DEBIAN}/*/bin"));
    let mut versions: Vec<u32> = std::fs::read_dir(DEBIAN)
        .map_err(|_| searched())?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    versions.sort_unstable_by(|older, newer| newer.cmp(older));
    versions
        .into_iter()
        .find_map(|version| Programs::of(&Path::new(DEBIAN).join(version.to_string()).join("bin")))
        .ok_or_else(searched)
}

/// 64 hexadecimal digits.
pub(super) fn random_hex() -> Result<String, EmbeddedError> {
    let bytes = DataKey::generate().map_err(|error| EmbeddedError::Io {
        action: "draw a password".to_owned(),
        source: std::io::Error::other(error),
    })?;
    let mut hex = String::with_capacity(64);
    for byte in bytes.iter() {
        // Writing to a string cannot fail.
        let _written = write!(hex, "{byte:02x}");
    }
    Ok(hex)
}

/// Runs `initdb` where there is no cluster yet; returns the password of the user `postgres`.
pub(super) async fn ensure_cluster(
    programs: &Programs,
    folder: &Folder,
    account: Account,
) -> Result<Secret<String>, EmbeddedError> {
    let named = |action: &str, path: &Path| io_error(format!("{action} {}", path.display()));
    let (cluster, password_file) = (folder.cluster(), folder.password());
    if cluster.is_dir() {
        let password = std::fs::read_to_string(&password_file).map_err(named("read", &password_file))?;
        return Ok(Secret::new(password.trim_end().to_owned()));
    }
    // What a killed initdb has left is worth nothing.
    let unfinished = folder.unfinished_cluster();
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished).map_err(named("remove", &unfinished))?;
    }
    let password = Secret::new(random_hex()?);
    let write_password = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&password_file)?;
        file.write_all(password.expose().as_bytes())?;
        file.sync_all()
    };
    write_password().map_err(named("write", &password_file))?;
    account.own(&password_file)?;
    run_initdb(programs, folder, account, &unfinished).await?;
    std::fs::rename(&unfinished, &cluster).map_err(named("rename", &unfinished))?;
    Ok(password)
}

async fn run_initdb(
    programs: &Programs,
    folder: &Folder,
    account: Account,
    cluster: &Path,
) -> Result<(), EmbeddedError> {
    let mut command = account.command(&programs.initdb);
    command
        .args(["-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--data-checksums"])
        .arg("--pwfile")
        .arg(folder.password())
        .arg("-D")
        .arg(cluster)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(start_log(folder)?);
    let run = TiedProcess::spawn(command).map_err(io_error(format!("run {}", programs.initdb.display())))?;
    match run.ended().await {
        Some(status) if status.success() => Ok(()),
        status => Err(EmbeddedError::Failed { program: "initdb", reason: in_words(status), log: folder.start_log() }),
    }
}

/// Starts `postgres` on the folder's cluster.
pub(super) fn start_server(
    programs: &Programs,
    folder: &Folder,
    account: Account,
    settings: &[String],
) -> Result<TiedProcess, EmbeddedError> {
    let mut command = account.command(&programs.postgres);
    command.arg("-D").arg(folder.cluster()).args(settings);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(start_log(folder)?);
    TiedProcess::spawn(command).map_err(io_error(format!("start {}", programs.postgres.display())))
}

fn start_log(folder: &Folder) -> Result<File, EmbeddedError> {
    let path = folder.start_log();
    let file = OpenOptions::new().create(true).append(true).open(&path);
    file.map_err(io_error(format!("open {}", path.display())))
}

/// The arguments of `postgres`, the caller's own settings last, so that they win.
pub(super) async fn settings(
    programs: &Programs,
    folder: &Folder,
    account: Account,
    extra: Vec<(String, String)>,
) -> Vec<String> {
    let compression = if has_lz4(programs, folder, account).await { "lz4" } else { "on" };
    let own = [
        ("wal_compression", compression.to_owned()),
        ("port", PORT.to_string()),
        ("unix_socket_directories", folder.socket_dir().display().to_string()),
        ("log_directory", folder.log_dir().display().to_string()),
    ];
    SETTINGS
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .chain(own.into_iter().map(|(name, value)| format!("{name}={value}")))
        .chain(extra.into_iter().map(|(name, value)| format!("{name}={value}")))
        .flat_map(|setting| ["-c".to_owned(), setting])
        .collect()
}

/// Whether this build takes `wal_compression=lz4`: asks it to parse the setting, which starts nothing.
async fn has_lz4(programs: &Programs, folder: &Folder, account: Account) -> bool {
    let mut command = account.command(&programs.postgres);
    command.arg("-D").arg(folder.cluster()).args(["-C", "wal_compression", "-c", "wal_compression=lz4"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    tokio::process::Command::from(command).status().await.is_ok_and(|status| status.success())
}

/// Connects until it works, makes the database, and returns the connection string.
pub(super) async fn wait_until_ready(
    process: &TiedProcess,
    folder: &Folder,
    password: &Secret<String>,
) -> Result<Secret<String>, EmbeddedError> {
    let ready = async {
        loop {
            match ensure_database(folder, password).await {
                Err(error) if error.is_unavailable() => tokio::time::sleep(POLL).await,
                outcome => return outcome,
            }
        }
    };
    tokio::select! {
        outcome = tokio::time::timeout(START_PATIENCE, ready) => match outcome {
            Ok(outcome) => outcome?,
            Err(_) => return Err(EmbeddedError::Slow { what: "start", patience: START_PATIENCE }),
        },
        status = process.ended() => {
            let reason = in_words(status);
            return Err(EmbeddedError::Failed { program: "postgres", reason, log: folder.start_log() });
        }
    }
    Ok(url(folder.socket_dir(), password))
}

/// The connection string of the server whose socket lies in this folder.
pub(super) fn url(socket_dir: &Path, password: &Secret<String>) -> Secret<String> {
    let (host, password) = (quoted(socket_dir), password.expose());
    Secret::new(format!("host='{host}' port={PORT} user=postgres password={password} dbname=carepost"))
}

async fn ensure_database(folder: &Folder, password: &Secret<String>) -> Result<(), StoreError> {
    let mut config = tokio_postgres::Config::new();
    config.host_path(folder.socket_dir()).port(PORT).user("postgres").password(password.expose()).dbname("postgres");
    let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
    let work = async {
        if client.query_opt(FIND_DATABASE, &[]).await?.is_none() {
            client.batch_execute(CREATE_DATABASE).await?;
        }
        Ok(())
    };
    tokio::select! {
        done = work => done,
        // The connection only ends before the work where it breaks.
        broken = connection => Err(broken.err().map_or_else(|| StoreError::away("the connection closed"), Into::into)),
    }
}

/// A path inside the quotes of a connection string.
fn quoted(path: &Path) -> String {
    path.display().to_string().replace('\\', "\\\\").replace('\'', "\\'")
}
