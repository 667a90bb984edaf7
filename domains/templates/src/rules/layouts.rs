//! Partials that the product ships: head and foot of an email, with what the law wants at its foot (CON-014).

use crate::types::Language;

/// How a text is marked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Not at all.
    Plain,
    /// HTML.
    Html,
    /// MJML, from which HTML is made.
    Mjml,
}

/// A shipped partial in the form and the language of the text that it is put into.
pub(crate) fn shipped(name: &str, format: Format, language: Language) -> Option<&'static str> {
    let (mjml, html, plain) = match (name, language) {
        ("layout_header", _) => (
            include_str!("../../layouts/header.mjml"),
            include_str!("../../layouts/header.html"),
            include_str!("../../layouts/header.txt"),
        ),
        ("layout_footer", Language::En) => (
            include_str!("../../layouts/footer.en.mjml"),
            include_str!("../../layouts/footer.en.html"),
            include_str!("../../layouts/footer.en.txt"),
        ),
        ("layout_footer", Language::Es) => (
            include_str!("../../layouts/footer.es.mjml"),
            include_str!("../../layouts/footer.es.html"),
            include_str!("../../layouts/footer.es.txt"),
        ),
        _ => return None,
    };
    Some(match format {
        Format::Mjml => mjml,
        Format::Html => html,
        Format::Plain => plain,
    })
}
