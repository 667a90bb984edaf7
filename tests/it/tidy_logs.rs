//! Log lines tell the cause: an error is printed with its chain, by the one formatter of the kernel.

use crate::tree::sources;

#[test]
fn errors_are_logged_with_all_their_causes() {
    let mut bare = Vec::new();
    for source in sources(".rs").into_iter().filter(|source| !source.is_test()) {
        // A chain may have a name of its own in the function that prints it.
        let mut names_a_chain = false;
        for (i, line) in source.code().lines().enumerate() {
            if starts_a_function(line) {
                names_a_chain = false;
            }
            names_a_chain |= line.contains("let error = Chain(");
            let is_field = line.contains("error = %") || line.contains("error = ?") || line.contains("(%error");
            let is_told = line.contains("Chain(") || (names_a_chain && line.contains("(%error"));
            let is_comment = line.trim_start().starts_with("//");
            if is_field && !is_told && !is_comment {
                bare.push(format!("{}:{}: {}", source.path, i + 1, line.trim()));
            }
        }
    }
    assert!(bare.is_empty(), "print `Chain(&error)`:\n{}", bare.join("\n"));
}

fn starts_a_function(line: &str) -> bool {
    let line = line.trim_start();
    !line.starts_with("//") && (line.starts_with("fn ") || line.contains(" fn "))
}
