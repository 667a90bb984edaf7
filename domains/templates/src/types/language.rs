//! The languages in which the product writes dates, times and money.

use super::named;

named! {
    /// A language of a template. A language is known once its dates can be written (`rules/dates.rs`).
    Language = "language" {
        /// American English.
        En = "en",
        /// Spanish as it is written in the United States.
        Es = "es",
    }
}

impl Language {
    /// The language of a BCP 47 tag such as `es-MX`, where it is a known one.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        primary.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_by_its_first_part() {
        for (tag, language) in
            [("es-MX", Some(Language::Es)), ("EN_us", Some(Language::En)), ("en", Some(Language::En)), ("fr", None)]
        {
            assert_eq!(Language::of_tag(tag), language, "{tag}");
        }
    }
}
