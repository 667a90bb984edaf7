//! A file that is no dictionary stops the start.

use std::path::PathBuf;
use std::process::Command;

use uuid::Uuid;

use crate::support::server::{PROGRAM, base_env};

const VARIABLE: &str = "CAREPOST_PHI_DICTIONARY";

/// A file that goes away.
struct Words(PathBuf);

impl Words {
    fn with(text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("carepost-it-{}.txt", Uuid::new_v4().simple()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        let _removed = std::fs::remove_file(&self.0);
    }
}

#[test]
fn con_016_a_file_that_is_no_dictionary_stops_the_start_with_its_line() {
    let words = Words::with("# ours\n[drugs.en]\nzorblaxin\nquuxapril, canary. bracket\n");
    let mut env = base_env("host=127.0.0.1 port=9 user=nobody");
    env.push((VARIABLE.to_owned(), words.path().to_owned()));
    for args in [&["serve"][..], &["config", "check"]] {
        let output = Command::new(PROGRAM).args(args).env_clear().envs(env.iter().cloned()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{args:?}: {said}");
        assert!(said.contains(VARIABLE) && said.contains("line 4, column 12"), "{args:?}: {said}");
        assert!(!said.contains("canary"), "{args:?}: {said}");
    }
}
