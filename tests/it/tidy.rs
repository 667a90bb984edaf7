//! The house rules that no lint knows (style.md 36 and 37, layout.md).

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::tree::{Source, root, sources};

const LINES: usize = 500;

/// Files that may be longer, each with its reason.
const LONG: [(&str, &str); 0] = [];

/// Rooms' files, equal in each.
const ROOM_FILES: [&str; 8] = [
    "README.md",
    "src/lib.rs",
    "src/types.rs",
    "src/rules.rs",
    "src/store.rs",
    "src/events.rs",
    "src/error.rs",
    "src/metrics.rs",
];

/// Lowest first: a crate leans on lower ranks only. Nothing calls up.
const RANKS: [(&str, u8); 15] = [
    ("carepost-kernel", 0),
    ("carepost-store", 1),
    ("carepost-providers", 1),
    ("carepost-audit", 2),
    ("carepost-tenancy", 3),
    ("carepost-guard", 3),
    ("carepost-consent", 4),
    ("carepost-templates", 4),
    ("carepost-delivery", 5),
    ("carepost-campaigns", 6),
    ("carepost-actors", 7),
    ("carepost", 8),
    ("carepost-loadtest", 9),
    ("carepost-clock", 9),
    ("carepost-benches", 9),
];
/// What may lean on one crate alone.
const ON_KERNEL_ONLY: [&str; 2] = ["carepost-store", "carepost-providers"];

fn rust() -> Vec<Source> {
    let found = sources(".rs");
    assert!(found.len() > 200, "the tree was read: {}", found.len());
    found
}

#[track_caller]
fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

fn paths(found: impl Iterator<Item = Source>) -> Vec<String> {
    found.map(|source| source.path).collect()
}

#[test]
fn files_are_short() {
    let is_long = |source: &Source| {
        let is_listed = LONG.iter().any(|(path, _)| *path == source.path);
        !source.is_test() && !is_listed && source.code().lines().count() > LINES
    };
    none("more than 500 lines", &paths(rust().into_iter().filter(is_long)));
}

#[test]
fn every_file_says_what_it_is_for() {
    none("does not begin with //!", &paths(rust().into_iter().filter(|source| !source.text.starts_with("//! "))));
}

#[test]
fn modules_lie_beside_their_folders_and_not_deep() {
    let is_wrong = |source: &Source| {
        let parts: Vec<&str> = source.path.split('/').collect();
        let below_src = parts.iter().position(|part| *part == "src").map_or(0, |at| parts.len() - at - 2);
        // Tests lie in the folder of what they test.
        parts.last() == Some(&"mod.rs") || below_src > 2 + usize::from(source.is_test())
    };
    none("mod.rs, or more than two folders under src", &paths(rust().into_iter().filter(is_wrong)));
}

#[test]
fn sql_lives_in_files_of_its_own() {
    // Transactions' own words and the names of schemas are text by nature; see there.
    const PLUMBING: [&str; 2] = ["store/src/transaction.rs", "store/src/schema_name.rs"];
    const WORDS: [&str; 12] = [
        "SELECT ",
        "INSERT INTO ",
        "UPDATE ",
        "DELETE FROM ",
        "CREATE ",
        "ALTER ",
        "DROP ",
        "GRANT ",
        "WITH ",
        "TRUNCATE ",
        "LOCK ",
        "BEGIN",
    ];
    let has_sql = |source: &Source| {
        let begins = |word: &str| source.text.contains(&format!("\"{word}"));
        !source.is_test() && !PLUMBING.contains(&source.path.as_str()) && WORDS.iter().any(|word| begins(word))
    };
    none("SQL in Rust", &paths(rust().into_iter().filter(has_sql)));
}

#[test]
fn rooms_have_the_same_files() {
    let mut missing = Vec::new();
    for room in std::fs::read_dir(root().join("domains")).unwrap() {
        let room = room.unwrap().path();
        missing.extend(ROOM_FILES.iter().map(|file| room.join(file)).filter(|path| !path.is_file()));
    }
    none("missing in a room", &missing.iter().map(|path| path.display().to_string()).collect::<Vec<_>>());
}

#[test]
fn del_8_only_the_gate_clears() {
    // `clear` of a collection takes nothing; that of `Verdicts` takes what is to leave.
    let clears = |source: &Source| {
        let calls = source.code().split(".clear(").skip(1);
        !source.is_test() && calls.into_iter().any(|rest| !rest.starts_with(')'))
    };
    assert_eq!(paths(rust().into_iter().filter(clears)), ["domains/delivery/src/gate.rs"]);
}

#[test]
fn only_tests_unwrap() {
    let unwraps = |source: &Source| {
        let is_comment = |line: &str| line.trim_start().starts_with("//");
        !source.is_test() && source.code().lines().any(|line| !is_comment(line) && line.contains(".unwrap()"))
    };
    none("unwraps", &paths(rust().into_iter().filter(unwraps)));
}

#[test]
fn nothing_is_left_for_later_and_no_machine_is_named() {
    // Put together here, so that this file does not find itself.
    let words =
        [["TO", "DO"], ["FIX", "ME"], ["/wo", "rk/"], ["/ro", "ot/"], ["/Us", "ers/"]].map(|parts| parts.concat());
    let mut found = Vec::new();
    for ending in
        [".rs", ".sql", ".md", ".toml", ".json", ".yml", ".sh", ".example.env", "Makefile", "/run", "/test", "/demo"]
    {
        for source in sources(ending) {
            found.extend(
                words.iter().filter(|word| source.text.contains(*word)).map(|word| format!("{}: {word}", source.path)),
            );
        }
    }
    none("left for later, or a path of one machine", &found);
}

#[test]
fn deaths_on_purpose_are_reached_by_the_actors_own_tests_alone() {
    let words = [["break_", "actor"], ["fault-", "injection"]].map(|parts| parts.concat());
    let is_elsewhere = |source: &Source| {
        !source.path.starts_with("actors/") && words.iter().any(|word| source.text.contains(word.as_str()))
    };
    let files = rust().into_iter().chain(sources("Cargo.toml"));
    none("names the actors' faults", &paths(files.filter(is_elsewhere)));
}

/// Our own crates and what of ours they lean on.
fn edges() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let ours = |package: &Value| {
        let dependencies = package["dependencies"].as_array().unwrap().iter().map(name);
        // A crate that leans on itself does so to switch a feature on for its own tests.
        dependencies.filter(|one| one.starts_with("carepost") && *one != name(package)).collect()
    };
    metadata["packages"].as_array().unwrap().iter().map(|package| (name(package), ours(package))).collect()
}

#[test]
fn crates_lean_on_lower_ranks_only() {
    let ranks: BTreeMap<&str, u8> = RANKS.into_iter().collect();
    let edges = edges();
    assert!(edges.keys().map(String::as_str).eq(ranks.keys().copied()), "each crate has a rank: {:?}", edges.keys());
    for (from, all) in &edges {
        for to in all {
            assert!(ranks[to.as_str()] < ranks[from.as_str()], "{from} leans on {to}");
            let is_narrow = ON_KERNEL_ONLY.contains(&from.as_str());
            assert!(!is_narrow || to == "carepost-kernel", "{from} leans on {to}");
            let is_room = (2..=6).contains(&ranks[from.as_str()]);
            assert!(!is_room || to != "carepost-providers", "a room knows no vendor: {from}");
        }
    }
}

#[test]
fn one_generation_of_tls_and_of_http() {
    let lock: toml::Table = std::fs::read_to_string(root().join("Cargo.lock")).unwrap().parse().unwrap();
    let versions = |wanted: &str| -> Vec<&str> {
        let packages = lock["package"].as_array().unwrap().iter();
        packages
            .filter(|one| one["name"].as_str() == Some(wanted))
            .map(|one| one["version"].as_str().unwrap())
            .collect()
    };
    assert_eq!(versions("rustls").len(), 1, "{:?}", versions("rustls"));
    // h2 0.3 has RUSTSEC-2026-0258.
    assert!(versions("h2").iter().all(|version| !version.starts_with("0.3.")), "{:?}", versions("h2"));
    for absent in ["openssl", "openssl-sys", "native-tls"] {
        assert!(versions(absent).is_empty(), "{absent}");
    }
}

#[test]
fn card_002_the_crates_of_the_card_are_listed_and_used() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let code: Vec<Source> = rust().into_iter().filter(|source| !source.is_test()).collect();
    for name in [
        "actix",
        "actix-web",
        "tokio",
        "deadpool-postgres",
        "tokio-postgres",
        "governor",
        "backoff",
        "dashmap",
        "metrics",
        "metrics-exporter-prometheus",
    ] {
        assert!(manifest.lines().any(|line| line.starts_with(&format!("{name} = "))), "{name} is not listed");
        let used = format!("{}::", name.replace('-', "_"));
        assert!(code.iter().any(|source| source.text.contains(&used)), "{name} is not used");
    }
}

#[test]
fn card_003_the_top_level_is_whole() {
    for name in [
        "Cargo.toml",
        "src",
        "actors",
        "providers",
        "benches",
        "loadtest",
        "migrations",
        "tests",
        "fixtures",
        "grafana",
        "README.md",
    ] {
        let path = root().join(name);
        let is_there = if path.is_dir() {
            std::fs::read_dir(&path).unwrap().next().is_some()
        } else {
            std::fs::metadata(&path).is_ok_and(|file| file.len() > 0)
        };
        assert!(is_there, "{name} is missing or empty");
    }
}
