//! Names of files and addresses of media, as a reader takes them: percents are read, and what stands for a space is one.

use crate::fold::Folded;
use crate::html::percent;

/// As it is written, so that a number keeps its hyphens.
pub(crate) fn as_written(name: &str) -> Folded {
    fold(name, |_, _, character| character)
}

/// In words: `biopsy_result-2.pdf` and `BiopsyResult.pdf` are those of a sentence.
pub(crate) fn in_words(name: &str) -> Folded {
    let mut last = ' ';
    fold(name, move |folded, at, character| {
        if last.is_lowercase() && character.is_uppercase() {
            folded.push(' ', at..at);
        }
        last = character;
        if "_-.+/=&?#,;:~()[]".contains(character) { ' ' } else { character }
    })
}

fn fold(name: &str, mut read: impl FnMut(&mut Folded, usize, char) -> char) -> Folded {
    let mut folded = Folded::default();
    let mut at = 0;
    while let Some(rest) = name.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(first) = rest.chars().next() else { break };
        let (character, length) = percent(rest).unwrap_or((first, first.len_utf8()));
        let character = read(&mut folded, at, character);
        folded.push(character, at..at + length);
        at += length;
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn con_016_a_name_is_read_as_it_is_written_and_in_words() {
        for (name, words) in [
            ("biopsy-result_2.pdf", "biopsy result 2 pdf"),
            ("HivTest%20result.PDF", "hiv test result pdf"),
            ("caf%C3%A9%zz", "cafe%zz"),
            ("%", "%"),
            ("", ""),
        ] {
            assert_eq!(in_words(name).text(), words);
        }
        let written = as_written("dob%3D1984-02-29.é");
        assert_eq!(written.text(), "dob=1984-02-29.e");
        assert_eq!(written.source(&(3..4)), 3..6, "grd_1: places are those of the name");
    }
}
