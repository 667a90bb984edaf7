//! The forms in which a term may stand in a text: singular, plural, with or without the possessive, written as one word.

use carepost_kernel::Language;

use std::collections::BTreeSet;

use crate::terms::words_of;

/// Spanish words that stay as they are in a plural.
const LINKS: [&str; 16] =
    ["de", "del", "la", "las", "el", "los", "en", "por", "para", "con", "sin", "al", "a", "y", "contra", "tipo"];
/// From this many letters on, two words written as one are taken for the term.
const JOINED_FROM: usize = 8;

/// Every form of a term, as it stands in a line of words, with a space at both ends.
pub(super) fn forms(term: &str, language: Language) -> BTreeSet<String> {
    let mut phrases = vec![words_of(term)];
    // A disease is called after its finder with or without the `s`; a finder's bare name is a name.
    if term.contains("'s ") {
        phrases.push(words_of(&term.replace("'s ", " ")));
    }
    let mut forms = BTreeSet::new();
    for words in phrases {
        if let [left, right] = words.as_slice()
            && left.len() + right.len() >= JOINED_FROM
        {
            let joined = format!("{left}{right}");
            forms.extend(plurals(std::slice::from_ref(&joined), language));
            forms.insert(vec![joined]);
        }
        forms.extend(plurals(&words, language));
        forms.insert(words);
    }
    forms.into_iter().map(|words| format!(" {} ", words.join(" "))).collect()
}

fn plurals(words: &[String], language: Language) -> Vec<Vec<String>> {
    let Some((last, first)) = words.split_last() else { return Vec::new() };
    match language {
        Language::En => english(last).into_iter().map(|plural| [first, &[plural]].concat()).collect(),
        Language::Es => {
            let all =
                words.iter().map(|word| if LINKS.contains(&word.as_str()) { word.clone() } else { spanish(word) });
            let mut first_only = words.to_vec();
            if let Some(first) = first_only.first_mut() {
                *first = spanish(first);
            }
            vec![all.collect(), first_only]
        }
    }
}

fn english(word: &str) -> Vec<String> {
    if let Some(stem) = word.strip_suffix("tooth") {
        return vec![format!("{stem}teeth")];
    }
    if let Some(stem) = word.strip_suffix("sis") {
        return vec![format!("{stem}ses")];
    }
    if let Some(stem) = word.strip_suffix('y')
        && !stem.ends_with(['a', 'e', 'i', 'o', 'u'])
    {
        return vec![format!("{stem}ies")];
    }
    if ["s", "x", "z", "ch", "sh"].iter().any(|ending| word.ends_with(ending)) {
        return vec![format!("{word}es")];
    }
    vec![format!("{word}s")]
}

fn spanish(word: &str) -> String {
    match word.chars().last() {
        Some('a' | 'e' | 'i' | 'o' | 'u') => format!("{word}s"),
        Some('z') => format!("{}ces", word.trim_end_matches('z')),
        Some('s' | 'x') | None => word.to_owned(),
        Some(last) if last.is_ascii_digit() => word.to_owned(),
        Some(_) => format!("{word}es"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(term: &str, language: Language, expected: &[&str]) {
        let forms = forms(term, language);
        let expected: BTreeSet<String> = expected.iter().map(|form| format!(" {form} ")).collect();
        assert_eq!(forms, expected);
    }

    #[test]
    fn con_016_plurals_and_spellings_of_a_term() {
        check("Root-canal", Language::En, &["root canal", "root canals", "rootcanal", "rootcanals"]);
        check("wisdom tooth", Language::En, &["wisdom tooth", "wisdom teeth", "wisdomtooth", "wisdomteeth"]);
        check("allergy", Language::En, &["allergy", "allergies"]);
        check("x-ray", Language::En, &["x ray", "x rays"]);
        check("biopsy", Language::En, &["biopsy", "biopsies"]);
        check("metastasis", Language::En, &["metastasis", "metastases"]);
        check("virus", Language::En, &["virus", "viruses"]);
        check("muela del juicio", Language::Es, &["muela del juicio", "muelas del juicios", "muelas del juicio"]);
        check("extracción", Language::Es, &["extraccion", "extracciones"]);
        check("vejez", Language::Es, &["vejez", "vejeces"]);
        check("diabetes", Language::Es, &["diabetes"]);
    }

    #[test]
    fn con_016_a_disease_keeps_its_finder() {
        let forms = forms("Crohn's disease", Language::En);
        assert!(forms.contains(" crohn disease ") && forms.contains(" crohns disease "), "{forms:?}");
        check("Crohn's", Language::En, &["crohns", "crohnses"]);
    }
}
