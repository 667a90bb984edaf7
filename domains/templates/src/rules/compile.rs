//! From a version's content to what renders it: everything is checked, MJML is HTML, HTML is clean, the text part is made.

use std::collections::{BTreeMap, BTreeSet};

use carepost_kernel::Channel;
use handlebars::Template;

use super::html::{self, CleanHtml, Marked};
use super::layouts::Format;
use super::tags::{Flaw, Piece, position};
use super::walk::{Place, Walked, walk};
use super::{declarations, helpers};
use crate::error::Fault;
use crate::types::{EmailVariant, Language, TemplateContent, Variable, VariantKey};

/// A version that is ready to render.
#[derive(Debug)]
pub struct CompiledTemplate {
    pub(crate) default_language: Language,
    pub(crate) variables: Vec<Variable>,
    pub(crate) variants: BTreeMap<VariantKey, CompiledVariant>,
}

/// A variant that is ready to render.
#[derive(Debug)]
pub(crate) struct CompiledVariant {
    pub(crate) texts: Texts,
    /// The declared and built-in names that it uses.
    pub(crate) used: BTreeSet<String>,
}

/// The texts of a variant.
#[derive(Debug)]
pub(crate) enum Texts {
    Sms {
        body: Template,
    },
    /// Without a text of its own the text is read out of the rendered HTML.
    Email {
        subject: Template,
        html: Template,
        text: Option<Template>,
    },
    InApp {
        title: Template,
        body: Template,
    },
}

/// Checks a content and makes it ready.
///
/// # Errors
/// Everything that is wrong with it.
pub fn compile(content: &TemplateContent) -> Result<CompiledTemplate, Vec<Fault>> {
    let mut faults = declarations::check(content);
    let mut variants = BTreeMap::new();
    if content.variants().next().is_none() {
        faults.push(Fault::of("", "there is no variant: write one of sms, email and in_app"));
    }
    for (channel, language) in content.variants() {
        match (Compiler { content, variant: (channel, language), used: BTreeSet::new() }).variant() {
            Ok(variant) => {
                variants.insert((channel, language), variant);
            }
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() {
        let variables = content.variables.clone();
        Ok(CompiledTemplate { default_language: content.default_language, variables, variants })
    } else {
        Err(faults)
    }
}

struct Compiler<'content> {
    content: &'content TemplateContent,
    variant: VariantKey,
    used: BTreeSet<String>,
}

impl<'content> Compiler<'content> {
    fn variant(mut self) -> Result<CompiledVariant, Vec<Fault>> {
        let (channel, language) = self.variant;
        let content = self.content;
        let texts = match channel {
            Channel::Sms => {
                content.sms.get(&language).map(|sms| self.plain("body", &sms.body).map(|body| Texts::Sms { body }))
            }
            Channel::Email => content.email.get(&language).map(|email| self.email(email)),
            Channel::InApp => content.in_app.get(&language).map(|in_app| {
                let (title, body) = (self.plain("title", &in_app.title), self.plain("body", &in_app.body));
                both(title, body).map(|(title, body)| Texts::InApp { title, body })
            }),
            Channel::Push | Channel::Voice => None,
        };
        let none = || vec![Fault::of("", "there is no such variant")];
        texts.ok_or_else(none)?.map(|texts| CompiledVariant { texts, used: self.used })
    }

    fn place(&self, field: &str, format: Format) -> Place {
        let (channel, language) = self.variant;
        let pointer = format!("/{}/{}/{field}", channel.as_str(), language.as_str());
        Place { variant: self.variant, pointer, format }
    }

    fn walk(&mut self, place: &Place, source: &'content str) -> Result<Walked<'content>, Vec<Fault>> {
        if source.trim().is_empty() {
            return Err(vec![Fault { variant: Some(self.variant), ..Fault::of(&*place.pointer, "is empty") }]);
        }
        let walked = walk(self.content, place, source)?;
        self.used.extend(walked.used.iter().cloned());
        Ok(walked)
    }

    fn plain(&mut self, field: &str, source: &'content str) -> Result<Template, Vec<Fault>> {
        let place = self.place(field, Format::Plain);
        let walked = self.walk(&place, source)?;
        template(&place, source, &whole(&walked))
    }

    fn email(&mut self, email: &'content EmailVariant) -> Result<Texts, Vec<Fault>> {
        let subject = self.plain("subject", &email.subject);
        let own_text = email.text.as_deref().map(|text| self.plain("text", text)).transpose();
        let (subject, own_text) = both(subject, own_text)?;
        let (field, format, source) = match (&email.mjml, &email.html) {
            (Some(mjml), None) => ("mjml", Format::Mjml, mjml),
            (None, Some(html)) => ("html", Format::Html, html),
            _ => {
                let pointer = self.place("", Format::Html).pointer;
                let fault = Fault::of(pointer.trim_end_matches('/'), "holds either mjml or html");
                return Err(vec![Fault { variant: Some(self.variant), ..fault }]);
            }
        };
        let place = self.place(field, format);
        let walked = self.walk(&place, source)?;
        let flawed = |flaw: Flaw| vec![fault_at(&place, source, &flaw)];
        let marked = html::mark(&walked.pieces).map_err(flawed)?;
        let clean = if format == Format::Mjml { marked.clean_mjml() } else { marked.clean_html() }.map_err(flawed)?;
        let text = match own_text {
            Some(text) => Some(text),
            None => marked.text_of(&clean).map(|text| template(&place, source, &marked.unmark(&text))).transpose()?,
        };
        let html = template(&place, source, &self.document(email, &marked, &clean))?;
        Ok(Texts::Email { subject, html, text })
    }

    /// The whole document, with its tags. Its title is the subject.
    fn document(&self, email: &EmailVariant, marked: &Marked<'_>, clean: &CleanHtml) -> String {
        let place = self.place("subject", Format::Plain);
        let title = walk(self.content, &place, &email.subject).map(|walked| {
            let escape = |piece: &super::walk::Placed<'_>| match piece.piece {
                Piece::Text { text, .. } => helpers::escape_html(text),
                Piece::Tag(tag) => tag.text.to_owned(),
            };
            walked.pieces.iter().map(escape).collect::<String>()
        });
        html::document(self.variant.1.as_str(), &title.unwrap_or_default(), &clean.css, &marked.unmark(&clean.body))
    }
}

/// Both, or the faults of both.
fn both<First, Second>(
    first: Result<First, Vec<Fault>>,
    second: Result<Second, Vec<Fault>>,
) -> Result<(First, Second), Vec<Fault>> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (first, second) => Err([first.err(), second.err()].into_iter().flatten().flatten().collect()),
    }
}

fn whole(walked: &Walked<'_>) -> String {
    let text = |placed: &super::walk::Placed<'_>| match placed.piece {
        Piece::Text { text, .. } => text.to_owned(),
        Piece::Tag(tag) => tag.text.to_owned(),
    };
    walked.pieces.iter().map(text).collect()
}

fn fault_at(place: &Place, source: &str, flaw: &Flaw) -> Fault {
    let (line, column) = position(source, flaw.at);
    Fault {
        variant: Some(place.variant),
        pointer: place.pointer.clone(),
        line: Some(line),
        column: Some(column),
        problem: flaw.problem.clone(),
    }
}

/// The renderer's own reading of a text that was checked. Positions are the compiled text's where it is not the source.
fn template(place: &Place, source: &str, compiled: &str) -> Result<Template, Vec<Fault>> {
    Template::compile(compiled).map_err(|error| {
        let position = error.pos().filter(|_| source == compiled);
        let fault = Fault::of(&*place.pointer, "is not a template that can be rendered");
        let (line, column) = position.unzip();
        vec![Fault { variant: Some(place.variant), line, column, ..fault }]
    })
}
