//! Configuration: one file per concern, read once at the start. The environment is read nowhere else.
//!
//! All faults are reported together. `config.example.env` lists every variable with unit and default; a test holds the
//! two against each other.

use std::path::PathBuf;

pub mod database;
pub mod demo;
pub mod engine;
pub mod env;
pub mod guard;
pub mod http;
pub mod keys;
pub mod outbound;
pub mod sandbox;
pub mod telemetry;

#[cfg(test)]
mod tests;

pub use database::DatabaseSettings;
pub use demo::DemoSettings;
pub use engine::EngineSettings;
pub use env::{Env, Fault, ProcessEnv, Reader};
pub use guard::GuardSettings;
pub use http::HttpSettings;
pub use keys::{KeySettings, KeySource};
pub use outbound::OutboundSettings;
pub use sandbox::SandboxSettings;
pub use telemetry::{LogFormat, TelemetrySettings};

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `CAREPOST_DATA_DIR`: keys and our own PostgreSQL. Default: `/var/lib/carepost` for root, else
    /// `$XDG_DATA_HOME/carepost` or `~/.local/share/carepost`.
    pub data_dir: PathBuf,
    /// The database.
    pub database: DatabaseSettings,
    /// Listeners.
    pub http: HttpSettings,
    /// Master key and administrator's token.
    pub keys: KeySettings,
    /// The actors.
    pub engine: EngineSettings,
    /// What is health information.
    pub guard: GuardSettings,
    /// Simulated vendors.
    pub sandbox: SandboxSettings,
    /// Logs.
    pub telemetry: TelemetrySettings,
    /// Calls to vendors.
    pub outbound: OutboundSettings,
    /// The demonstration.
    pub demo: DemoSettings,
    /// Variables that begin with `CAREPOST_` and mean nothing here: misspelt, most likely.
    pub unknown: Vec<String>,
}

/// Everything that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read configuration:{}", listed(.0))]
pub struct ConfigFaults(pub Vec<Fault>);

fn listed(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("\n  {}: {}", fault.variable, fault.problem)).collect()
}

impl Config {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// All faults at once; values are not repeated.
    pub fn from_env(env: &impl Env) -> Result<Self, ConfigFaults> {
        let mut reader = Reader::new(env);
        let data_dir = data_dir(&mut reader);
        let database = DatabaseSettings::read(&mut reader);
        let is_own = database.url.is_none();
        let http = HttpSettings::read(&mut reader);
        let keys = KeySettings::read(&mut reader, &data_dir, is_own);
        let engine = EngineSettings::read(&mut reader);
        let guard = GuardSettings::read(&mut reader);
        let sandbox = SandboxSettings::read(&mut reader, is_own);
        let telemetry = TelemetrySettings::read(&mut reader);
        let outbound = OutboundSettings::read(&mut reader);
        let demo = DemoSettings::read(&mut reader);
        let unknown = reader.unknown();
        let config =
            Self { data_dir, database, http, keys, engine, guard, sandbox, telemetry, outbound, demo, unknown };
        reader.finish().map(|()| config).map_err(ConfigFaults)
    }
}

fn data_dir(reader: &mut Reader<'_>) -> PathBuf {
    if let Some(folder) = reader.path("CAREPOST_DATA_DIR") {
        if folder.is_relative() {
            reader.fault("CAREPOST_DATA_DIR", "must be an absolute path");
        }
        return folder;
    }
    if env::is_root() {
        return PathBuf::from("/var/lib/carepost");
    }
    if let Some(folder) = reader.path("XDG_DATA_HOME") {
        return folder.join("carepost");
    }
    if let Some(home) = reader.path("HOME") {
        return home.join(".local/share/carepost");
    }
    reader.fault("CAREPOST_DATA_DIR", "must be set where there is neither XDG_DATA_HOME nor HOME");
    PathBuf::new()
}
