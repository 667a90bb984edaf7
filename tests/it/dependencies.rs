//! What the program is built of: no banned crate, no licence and no source that deny.toml does not name. The lists are
//! those of deny.toml, so that they hold on machines without cargo-deny, too.

use std::collections::BTreeSet;
use std::process::Command;

const DENY: &str = include_str!("../../deny.toml");
const LOCK: &str = include_str!("../../Cargo.lock");

/// Every crate that is built on this platform, with its licence.
fn built() -> BTreeSet<(String, String)> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--workspace", "--edges", "normal,build", "--prefix", "none"])
        .args(["--format", "{p}\t{l}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let line = |line: &str| {
        let (package, license) = line.split_once('\t').unwrap();
        (package.split(' ').next().unwrap().to_owned(), license.trim_end_matches(" (*)").to_owned())
    };
    String::from_utf8(output.stdout).unwrap().lines().filter(|text| !text.is_empty()).map(line).collect()
}

fn deny() -> toml::Table {
    DENY.parse().unwrap()
}

/// Whether an SPDX expression can be satisfied; `/` is an older way to write OR.
fn is_allowed(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ").replace(" WITH ", "+WITH+");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let outcome = any(&words, &mut at, allowed);
    outcome && at == words.len()
}

fn any(words: &[&str], at: &mut usize, allowed: &BTreeSet<&str>) -> bool {
    let mut outcome = all(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        outcome |= all(words, at, allowed);
    }
    outcome
}

fn all(words: &[&str], at: &mut usize, allowed: &BTreeSet<&str>) -> bool {
    let mut outcome = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        outcome &= one(words, at, allowed);
    }
    outcome
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<&str>) -> bool {
    let word = words.get(*at).copied().unwrap_or_default();
    *at += 1;
    if word != "(" {
        return allowed.contains(word.replace("+WITH+", " WITH ").as_str());
    }
    let outcome = any(words, at, allowed);
    *at += 1;
    outcome
}

#[test]
fn no_banned_crate_is_built() {
    let deny = deny();
    let banned: BTreeSet<&str> =
        deny["bans"]["deny"].as_array().unwrap().iter().map(|one| one["crate"].as_str().unwrap()).collect();
    assert!(banned.contains("ring") && banned.contains("openssl-sys") && banned.contains("native-tls"));
    let built = built();
    let found: Vec<&str> = built.iter().map(|(name, _)| name.as_str()).filter(|name| banned.contains(name)).collect();
    assert!(found.is_empty(), "{found:?}");
    assert!(built.iter().any(|(name, _)| name == "aws-lc-rs"), "the list is that of this program");
}

#[test]
fn every_licence_is_one_of_the_list() {
    let deny = deny();
    let allowed: BTreeSet<&str> =
        deny["licenses"]["allow"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    let built = built();
    let refused: Vec<_> = built.iter().filter(|(_, license)| !is_allowed(license, &allowed)).collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn every_crate_comes_from_one_registry() {
    let lock: toml::Table = LOCK.parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    let sources: BTreeSet<&str> =
        packages.iter().filter_map(|one| one.get("source").map(|source| source.as_str().unwrap())).collect();
    assert_eq!(sources.len(), 1, "{sources:?}");
    assert!(sources.iter().all(|source| source.starts_with("registry+")), "{sources:?}");
}

#[test]
fn expressions_are_read() {
    let allowed: BTreeSet<&str> = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].into_iter().collect();
    for good in ["MIT", "MIT/GPL-3.0", "GPL-3.0 OR MIT", "(GPL-3.0 OR MIT) AND ISC", "Apache-2.0 WITH LLVM-exception"] {
        assert!(is_allowed(good, &allowed), "{good}");
    }
    for bad in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0", ""] {
        assert!(!is_allowed(bad, &allowed), "{bad}");
    }
}
