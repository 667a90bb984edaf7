//! The tree of sources as the tests over the whole tree read it.

use std::path::{Path, PathBuf};

/// Folders that hold nothing of ours: what was built, what a run has left, what git keeps.
const FOREIGN: [&str; 5] = ["target", ".git", ".carepost", "data", "node_modules"];

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the tree: its path below the root, with `/`, and its text.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Tests may be longer, may unwrap, and may hold SQL.
    pub(crate) fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        let in_folder =
            |folder: &str| self.path.starts_with(&format!("{folder}/")) || self.path.contains(&format!("/{folder}/"));
        name == "tests.rs"
            || name == "testing.rs"
            || name.ends_with("_tests.rs")
            || ["tests", "contract_tests", "benches"].into_iter().any(in_folder)
    }

    /// The lines before the tests inside the file.
    pub(crate) fn code(&self) -> &str {
        self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
    }
}

/// Every text file of the tree whose name ends so, in the order of paths.
pub(crate) fn sources(ending: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    walk(root(), &mut paths);
    paths.sort();
    let ending = |path: &&PathBuf| path.to_string_lossy().ends_with(ending);
    paths.iter().filter(ending).filter_map(|path| read(path)).collect()
}

fn read(path: &Path) -> Option<Source> {
    let text = std::fs::read_to_string(path).ok()?;
    let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
    Some(Source { path, text })
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let is_foreign = FOREIGN.iter().any(|name| entry.file_name().to_string_lossy() == *name);
        let kind = entry.file_type().unwrap();
        if kind.is_dir() && !is_foreign {
            walk(&entry.path(), found);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
}
