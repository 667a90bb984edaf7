//! One provider of cryptography. deny.toml has all the rules and cargo-deny keeps them (scripts/test); here is what a
//! reader of Cargo.lock stumbles over, and what nobody may take out of deny.toml in passing.

use std::collections::BTreeSet;
use std::process::Command;

use toml::Table;

use crate::tree::root;

fn read(file: &str) -> Table {
    std::fs::read_to_string(root().join(file)).unwrap().parse().unwrap()
}

/// What is built on this platform, tests included, and leans on a crate.
fn built_on(name: &str) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--workspace", "--edges", "normal,build,dev", "--invert", name])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn other_cryptography_is_banned() {
    let deny = read("deny.toml");
    let banned: BTreeSet<&str> =
        deny["bans"]["deny"].as_array().unwrap().iter().map(|one| one["crate"].as_str().unwrap()).collect();
    for name in ["ring", "openssl", "openssl-sys", "native-tls"] {
        assert!(banned.contains(name), "{name}");
    }
}

#[test]
fn ring_is_locked_by_two_crates_and_built_by_none() {
    let lock = read("Cargo.lock");
    let names_ring = |package: &&toml::Value| {
        let dependencies = package.get("dependencies").and_then(toml::Value::as_array);
        dependencies.is_some_and(|all| all.iter().any(|one| one.as_str() == Some("ring")))
    };
    let packages = lock["package"].as_array().unwrap();
    let found: Vec<&str> = packages.iter().filter(names_ring).map(|one| one["name"].as_str().unwrap()).collect();
    // Behind a `?` in their features, which cargo locks and does not build: see deny.toml.
    assert_eq!(found, ["quinn-proto", "rustls-webpki"]);
    assert_eq!(built_on("ring"), "");
    assert!(built_on("aws-lc-rs").contains("rustls-webpki"), "the question finds what is built");
}

/// Every crate that a package is built of, with its features.
fn parts(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--package", package, "--edges", "normal,build", "--prefix", "none"])
        .args(["--format", "{p} {f}", "--no-dedupe"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_load_test_shares_every_crate_with_the_server_that_it_builds() {
    let (server, load_test) = (parts("carepost"), parts("carepost-loadtest"));
    let twice: Vec<&String> = server.difference(&load_test).collect();
    assert!(server.len() > 200 && twice.is_empty(), "compiled twice: {twice:#?}");
}
