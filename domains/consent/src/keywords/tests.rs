//! The labelled set with its figures, and what holds for any text.

use std::collections::BTreeMap;

use carepost_kernel::segments::{Encoding, count};
use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::policy::Practice;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labelled {
    sets: Vec<Set>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    reply: Reply,
    kind: Kind,
    language: Option<Language>,
    #[serde(default)]
    is_opted_out: bool,
    #[serde(default)]
    held_out: bool,
    texts: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Exact,
    Free,
    Negative,
}

fn labelled() -> Vec<Set> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/consent/replies.toml");
    toml::from_str::<Labelled>(&std::fs::read_to_string(path).unwrap()).unwrap().sets
}

#[derive(Default)]
struct Figures {
    expected: usize,
    found: usize,
    right: usize,
}

impl Figures {
    fn line(&self, name: &str) -> String {
        let share = |of: usize| if of == 0 { 100.0 } else { 100.0 * self.right as f64 / of as f64 };
        let (precision, recall) = (share(self.found), share(self.expected));
        format!("{name:>12}: {:>3} labelled, precision {precision:>5.1} %, recall {recall:>5.1} %", self.expected)
    }
}

#[test]
fn con_008_the_labelled_replies_are_read() {
    let mut by_reply: BTreeMap<(bool, Reply), Figures> = BTreeMap::new();
    let mut texts = 0;
    let (mut false_stops, mut missed_exact, mut wrong, mut wrong_language) = (vec![], vec![], vec![], vec![]);
    for set in labelled() {
        for text in &set.texts {
            texts += 1;
            // The other language as a fallback, so that the text itself has to tell.
            let fallback = if set.language == Some(Language::Es) { Language::En } else { Language::Es };
            let read = read_reply(text, ReplyContext { is_opted_out: set.is_opted_out, language: fallback });
            by_reply.entry((set.held_out, set.reply)).or_default().expected += 1;
            by_reply.entry((set.held_out, read.reply)).or_default().found += 1;
            if read.reply == set.reply {
                by_reply.entry((set.held_out, set.reply)).or_default().right += 1;
            } else {
                wrong.push(format!("{text:?} is {:?}, read as {:?}", set.reply, read.reply));
            }
            if read.reply == Reply::Stop && set.reply != Reply::Stop {
                false_stops.push(text.clone());
            }
            if set.kind == Kind::Exact && read.reply != set.reply {
                missed_exact.push(text.clone());
            }
            if set.language.is_some_and(|language| language != read.language) && set.kind != Kind::Negative {
                wrong_language.push(text.clone());
            }
        }
    }
    for ((held_out, reply), figures) in &by_reply {
        let name = format!("{}{}", reply.as_str(), if *held_out { " (held out)" } else { "" });
        println!("{}", figures.line(&name));
    }
    assert!(texts >= 250, "{texts}");
    println!("{texts} replies; wrong:\n{}\nwrong language: {wrong_language:?}", wrong.join("\n"));
    assert_eq!(false_stops, Vec::<String>::new());
    assert_eq!(missed_exact, Vec::<String>::new());
    // A few words may be of both languages.
    assert!(wrong_language.len() * 33 <= texts, "{wrong_language:?}");
    for ((held_out, reply), figures) in by_reply {
        // What was learned from is read whole. Of opt-outs in words that nobody foresaw, five in six are: the rest reach staff.
        let least = match (held_out, reply) {
            (false, _) => 1.0,
            (true, Reply::Stop) => 0.8,
            (true, Reply::Confirm) => 0.75,
            // Asking for another time has many words; what is not read as that is for staff.
            (true, Reply::Reschedule) => 0.5,
            (true, Reply::Other | Reply::Start | Reply::Help) => 0.95,
        };
        assert!(figures.right as f64 >= least * figures.expected as f64, "{reply:?}, held out: {held_out}");
    }
}

#[test]
fn con_008_yes_subscribes_only_whoever_is_opted_out() {
    let read = |text, is_opted_out| read_reply(text, ReplyContext { is_opted_out, language: Language::En }).reply;
    for text in ["YES", "Sí", "y"] {
        assert_eq!((read(text, true), read(text, false)), (Reply::Start, Reply::Confirm), "{text}");
    }
    // Whoever is opted out may confirm an appointment nevertheless, and may opt out again.
    assert_eq!((read("C", true), read("STOP", true)), (Reply::Confirm, Reply::Stop));
    assert_eq!((read("START", false), read("please start texting me again", false)), (Reply::Start, Reply::Other));
}

#[test]
fn con_008_a_wrong_number_is_an_opt_out_of_its_own_kind() {
    let read = |text| read_reply(text, ReplyContext::default());
    for text in ["Wrong number", "número equivocado", "STOP. You have the wrong person"] {
        let reading = read(text);
        assert_eq!((reading.reply, reading.is_wrong_number), (Reply::Stop, true), "{text}");
    }
    assert!(!read("STOP").is_wrong_number);
    assert!(!read("I gave you the wrong number").is_wrong_number);
}

#[test]
fn con_008_keywords_of_both_languages_are_answered_in_the_right_one() {
    let language = |text, language| read_reply(text, ReplyContext { is_opted_out: false, language }).language;
    // STOP and HELP stand in our own Spanish texts: they say nothing of the language.
    for text in ["R", "1", "C", "INFO"] {
        assert_eq!(language(text, Language::Es), Language::Es, "{text}");
        assert_eq!(language(text, Language::En), Language::En, "{text}");
    }
    assert_eq!(language("ALTO", Language::En), Language::Es);
    assert_eq!(language("STOP", Language::Es), Language::Es);
    assert_eq!(language("HELP", Language::Es), Language::Es);
    assert_eq!(
        (Language::of_tag("es-MX"), Language::of_tag("en"), Language::of_tag("")),
        (Language::Es, Language::En, Language::En)
    );
}

fn practice(name: &str, phone: &str) -> Practice {
    Practice { name: name.to_owned(), phone: phone.to_owned(), ..Practice::default() }
}

#[test]
fn con_008_a_confirmation_is_one_part_and_names_the_practice() {
    let names = [
        ("", ""),
        ("Larch Lane Dental", "Larch Lane Dental: "),
        ("Clínica Ortodóncica Ñandú de los Álamos y Asociados, P.A. (San José)", "Clinica Ortodoncica Ñand"),
        ("[Lark] {Dental} €~€~€~€~€~€~€~€~€~€~€~€~€~€~€~€~€", "[Lark] {Dental} €"),
    ];
    for (name, start) in names {
        for phone in ["", "+1 (202) 555-0143", "202-555-0143 ext. 4512 (línea)"] {
            for kind in Confirmation::ALL {
                for language in [Language::En, Language::Es] {
                    let text = confirmation(kind, &practice(name, phone), language);
                    let segments = count(&text);
                    assert_eq!((segments.encoding, segments.count), (Encoding::Gsm7, 1), "{text}");
                    assert!(segments.units <= 160, "{text}");
                    assert!(text.starts_with(start), "{text}");
                }
            }
        }
    }
    let text = confirmation(Confirmation::Help, &practice("Larch Lane Dental", "202-555-0143"), Language::Es);
    assert!(text.starts_with("Larch Lane Dental: Para ayuda, llame al 202-555-0143."), "{text}");
}

#[test]
fn con_008_what_a_confirmation_asks_for_is_understood() {
    // The keywords that our own texts name.
    let read = |text, is_opted_out| read_reply(text, ReplyContext { is_opted_out, language: Language::En }).reply;
    assert_eq!(read("START", true), Reply::Start);
    assert_eq!(read("INICIAR", true), Reply::Start);
    assert_eq!((read("HELP", false), read("AYUDA", false)), (Reply::Help, Reply::Help));
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in any::<String>(), is_opted_out: bool) {
        let read = read_reply(&text, ReplyContext { is_opted_out, language: Language::En });
        prop_assert!(!read.is_wrong_number || read.reply == Reply::Stop);
    }

    /// CON-008: case, blanks, marks and politeness around a keyword change nothing.
    #[test]
    fn con_008_dress_changes_no_keyword(
        keyword in proptest::sample::select(vec!["stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "alto", "parar"]),
        upper in proptest::collection::vec(any::<bool>(), 12),
        before in proptest::sample::select(vec!["", " ", "\"", "please ", "🛑 ", "¡", "\n", "por favor "]),
        after in proptest::sample::select(vec!["", ".", "!!", " please", " 🙏", "\"", "…", " gracias", " thank you", "\u{200b}"]),
    ) {
        let letters = keyword.chars().zip(upper);
        let dressed: String = letters.map(|(letter, is_upper)| if is_upper { letter.to_ascii_uppercase() } else { letter }).collect();
        let text = format!("{before}{dressed}{after}");
        prop_assert_eq!(read_reply(&text, ReplyContext::default()).reply, Reply::Stop, "{}", text);
    }
}
