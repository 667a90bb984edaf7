//! The lists of files against the folders.

use std::path::Path;

use super::*;

fn check(folder: &str, files: Files) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(folder);
    let mut names: Vec<String> = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".sql").map(str::to_owned))
        .collect();
    names.sort();
    let listed: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    assert_eq!(listed, names, "the list in migrate.rs and the folder {folder} differ");
}

#[test]
fn every_file_is_listed() {
    check("control", CONTROL);
    check("placement", PLACEMENT);
}

#[test]
fn names_keep_their_twelve_digits() {
    for (name, text) in CONTROL.iter().chain(PLACEMENT) {
        assert_eq!(file_name(&known(name, text).unwrap()), *name);
        assert_eq!(name.split_once('_').unwrap().0.len(), 12, "{name}");
    }
    assert!(known("create_tenancy", "").is_err());
}

#[test]
fn a_server_that_is_too_old_is_refused_by_its_version() {
    for version in [150_000, 150_004, 160_002, 180_000] {
        assert_eq!(check_version(version), Ok(()));
    }
    for (version, major) in [(140_020, "14"), (90_624, "9")] {
        let told = check_version(version).unwrap_err().to_string();
        assert_eq!(told, format!("configure database: PostgreSQL {major} is too old: 15 or newer is needed"));
    }
}
