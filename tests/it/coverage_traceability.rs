//! docs/traceability.md: each requirement of the engine has a test that exists, or names the issue that brings it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::tree::{root, sources};

/// The requirements that this part of the product answers for: how they begin, their numbers, and how wide those are.
const GROUPS: [(&str, &[RangeInclusive<usize>], usize); 7] = [
    ("DEL-", &[1..=12], 0),
    ("HUB-", &[1..=25], 3),
    ("CHN-", &[1..=16], 3),
    ("CARD-", &[1..=12], 3),
    ("CON-", &[1..=17], 3),
    ("TPL-", &[1..=20], 3),
    // The others of this list come with campaigns and booking.
    ("CAM-", &[13..=14, 16..=53, 55..=58], 3),
];

/// Requirement -> the tests that it names, or the words that stand for them.
fn rows() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(root().join("docs/traceability.md")).unwrap();
    let mut rows = BTreeMap::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", id, _, proof, ""] = cells.as_slice() else { continue };
        if GROUPS.iter().any(|(prefix, _, _)| id.starts_with(prefix)) {
            assert!(rows.insert((*id).to_owned(), (*proof).to_owned()).is_none(), "{id} stands there twice");
        }
    }
    rows
}

fn tests_of(proof: &str) -> Vec<&str> {
    proof.split('`').skip(1).step_by(2).collect()
}

/// The names of all functions that a test attribute or the `proptest!` macro makes a test.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for source in sources(".rs") {
        let mut marked = false;
        for line in source.text.lines().map(str::trim_start) {
            if line.starts_with("#[") {
                marked |= line.contains("test]") || line.contains("test(");
            } else if let Some((_, rest)) =
                line.split_once("fn ").filter(|(before, _)| marked && before.trim_end().len() < 6)
            {
                found.extend(rest.split(['(', '<']).next().map(str::to_owned));
                marked = false;
            } else if !line.starts_with("//") {
                marked = false;
            }
        }
    }
    found
}

#[test]
fn every_requirement_has_a_row() {
    let rows = rows();
    for (prefix, numbers, width) in GROUPS {
        for number in numbers.iter().cloned().flatten() {
            let id = format!("{prefix}{number:0width$}");
            let proof = rows.get(&id).unwrap_or_else(|| panic!("{id} has no row"));
            let is_later = proof.starts_with("issue ") || proof.starts_with("later issue");
            assert!(is_later || !tests_of(proof).is_empty(), "{id} names neither a test nor an issue");
            assert!(prefix != "DEL-" || !is_later, "{id} belongs to the engine");
        }
    }
}

#[test]
fn every_named_test_exists() {
    let tests = tests();
    assert!(tests.len() > 200, "the tests were read: {}", tests.len());
    for (id, proof) in rows() {
        let missing: Vec<&str> = tests_of(&proof).into_iter().filter(|name| !tests.contains(*name)).collect();
        assert!(missing.is_empty(), "{id} names tests that are not there: {missing:?}");
    }
}

#[test]
fn card_012_the_readme_says_what_stands_in_place_of_each_named_technology() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let table = readme.split("## In place of").nth(1).unwrap();
    let named: Vec<&str> = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()).collect();
    for technology in [
        ".NET 8",
        "ASP.NET Core",
        "Blazor",
        "SQL Server",
        "Entity Framework Core",
        "Redis",
        "SignalR",
        "Application Insights",
        "Azure AD B2C",
        "Identity Server",
    ] {
        assert!(named.iter().any(|cell| cell.contains(technology)), "{technology} has no row");
    }
}
