//! Defaults, faults, and the example file held against the code.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use super::*;

/// An environment out of a list.
struct MapEnv(BTreeMap<String, String>);

impl Env for MapEnv {
    fn get(&self, name: &str) -> Option<OsString> {
        self.0.get(name).map(OsString::from)
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

fn env(variables: &[(&str, &str)]) -> MapEnv {
    let home = [("HOME", "/home/care"), ("CAREPOST_DATA_DIR", "/srv/care")];
    MapEnv(home.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

fn faults(variables: &[(&str, &str)]) -> Vec<String> {
    let faults = Config::from_env(&env(variables)).expect_err("the variables are faulty").0;
    faults.into_iter().map(|fault| fault.variable).collect()
}

#[test]
fn nothing_set_is_a_database_of_our_own_with_keys_in_the_data_folder() {
    let config = Config::from_env(&env(&[])).unwrap();
    assert!(config.database.url.is_none());
    assert_eq!(config.keys.master_key, KeySource::Generated("/srv/care/master-key".into()));
    assert_eq!(config.keys.admin_token, KeySource::Generated("/srv/care/admin-token".into()));
    assert!(config.sandbox.is_enabled);
    assert_eq!(config.http.public_url.as_str(), "http://127.0.0.1:8080/");
}

#[test]
fn a_database_of_somebody_else_needs_a_master_key_and_has_no_sandbox() {
    let url = ("DATABASE_URL", "postgres://db.example/care");
    assert_eq!(faults(&[url]), ["CAREPOST_MASTER_KEY"]);
    let config = Config::from_env(&env(&[url, ("CAREPOST_MASTER_KEY", "key")])).unwrap();
    assert!(!config.sandbox.is_enabled);
    assert_eq!(config.keys.admin_token, KeySource::Absent);
}

#[test]
fn all_faults_are_reported_at_once_and_no_value_is_repeated() {
    let variables = [
        ("CAREPOST_LISTEN", "canary"),
        ("CAREPOST_ADMIN_TOKEN", "canary"),
        ("CAREPOST_SANDBOX", "canary"),
        ("CAREPOST_DB_APP_CONNECTIONS", "0"),
        ("CAREPOST_LOG_FORMAT", "canary"),
        ("CAREPOST_PUBLIC_URL", "ftp://canary.example"),
        ("CAREPOST_MASTER_KEY_FILE", "/nowhere/at/all"),
    ];
    let found: BTreeSet<String> = faults(&variables).into_iter().collect();
    assert_eq!(found, variables.iter().map(|(name, _)| (*name).to_owned()).collect());
    let text = Config::from_env(&env(&variables)).unwrap_err().to_string();
    assert!(!text.contains("canary"), "{text}");
}

#[test]
fn retention_is_read_and_outlives_every_idempotency_window() {
    assert_eq!(Config::from_env(&env(&[])).unwrap().engine.retention_days, 90);
    let config = Config::from_env(&env(&[("CAREPOST_RETENTION_DAYS", "400")])).unwrap();
    assert_eq!(config.engine.retention_days, 400);
    // A tenant may keep keys for 720 hours.
    for wrong in ["30", "3651", "0", "a year"] {
        assert_eq!(faults(&[("CAREPOST_RETENTION_DAYS", wrong)]), ["CAREPOST_RETENTION_DAYS"], "{wrong}");
    }
}

#[test]
fn a_secret_comes_from_one_place() {
    let both = [("CAREPOST_MASTER_KEY", "key"), ("CAREPOST_MASTER_KEY_FILE", "/etc/key")];
    assert_eq!(faults(&both), ["CAREPOST_MASTER_KEY"]);
}

#[test]
fn con_016_a_dictionary_of_ones_own_is_read_at_the_start_and_a_fault_names_line_and_column() {
    let path = std::env::temp_dir().join(format!("carepost-dictionary-{}.txt", std::process::id()));
    let path_text = path.to_str().unwrap();
    let variable = [("CAREPOST_PHI_DICTIONARY", path_text)];
    std::fs::write(&path, "# ours\n[drugs.en]\nzorblaxin, zorblaxin forte\n").unwrap();
    let config = Config::from_env(&env(&variable)).unwrap();
    assert_eq!(config.guard.dictionary.map(|dictionary| dictionary.len()), Some(2));
    assert!(Config::from_env(&env(&[])).unwrap().guard.dictionary.is_none());

    std::fs::write(&path, "# ours\n[drugs.en]\nzorblaxin\nquuxapril, canary. bracket\n").unwrap();
    let text = Config::from_env(&env(&variable)).unwrap_err().to_string();
    assert!(text.contains("CAREPOST_PHI_DICTIONARY: ") && text.contains("line 4, column 12: "), "{text}");
    assert!(!text.contains("canary") && !text.contains(path_text), "{text}");
    std::fs::write(&path, "").unwrap();
    assert_eq!(faults(&variable), ["CAREPOST_PHI_DICTIONARY"], "nothing would be found");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(faults(&[("CAREPOST_PHI_DICTIONARY", "/nowhere/at/all")]), ["CAREPOST_PHI_DICTIONARY"]);
}

#[test]
fn misspelt_variables_are_named() {
    let config = Config::from_env(&env(&[("CAREPOST_LISTN", "x"), ("CAREPOST_TEST_DATABASE_URL", "x")])).unwrap();
    assert_eq!(config.unknown, ["CAREPOST_LISTN"]);
}

#[test]
fn del_9_secrets_are_not_in_the_debug_text() {
    let variables = [("DATABASE_URL", "postgres://care:canary@db.example/care"), ("CAREPOST_MASTER_KEY", "canary")];
    let config = Config::from_env(&env(&variables)).unwrap();
    assert!(!format!("{config:?}").contains("canary"));
}

/// Lines of the form `#NAME=value`: the default stands behind a hash.
fn example() -> Vec<(String, String)> {
    let text = include_str!("../../config.example.env");
    let setting = |line: &str| {
        let (name, value) = line.strip_prefix('#')?.split_once('=')?;
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        is_name.then(|| (name.to_owned(), value.to_owned()))
    };
    text.lines().filter_map(setting).collect()
}

#[test]
fn the_example_file_has_every_variable_and_no_other() {
    let env = env(&[]);
    let mut reader = Reader::new(&env);
    DatabaseSettings::read(&mut reader);
    HttpSettings::read(&mut reader);
    KeySettings::read(&mut reader, std::path::Path::new("/srv/care"), true);
    EngineSettings::read(&mut reader);
    GuardSettings::read(&mut reader);
    SandboxSettings::read(&mut reader, true);
    TelemetrySettings::read(&mut reader);
    OutboundSettings::read(&mut reader);
    DemoSettings::read(&mut reader);
    let known = reader.known().clone();
    let documented: BTreeSet<String> = example().into_iter().map(|(name, _)| name).collect();
    assert_eq!(documented, known);
}

#[test]
fn the_example_files_values_are_the_defaults() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).to_string();
    let mut variables: BTreeMap<String, String> =
        example().into_iter().filter(|(_, value)| !value.is_empty()).collect();
    variables.insert("CAREPOST_DATA_DIR".to_owned(), "/srv/care".to_owned());
    variables.insert("CAREPOST_HTTP_WORKERS".to_owned(), cores);
    assert_eq!(Config::from_env(&MapEnv(variables)).unwrap(), Config::from_env(&env(&[])).unwrap());
}
