//! One rendering: the variant for a channel and a language, filled with values, within its bounds.

use carepost_kernel::segments::{self, Segments};
use carepost_kernel::{Channel, Content, EmailContent, InAppContent, SmsContent};
use handlebars::{Context, Handlebars, Output, RenderContext, Renderable as _, Template};
use jiff::tz::TimeZone;

use super::compile::{CompiledTemplate, CompiledVariant, Texts};
use super::values::{self, Values};
use super::{clean, helpers, limits};
use crate::error::RenderError;
use crate::types::Language;

/// For whom a template is rendered.
#[derive(Debug, Clone, Copy)]
pub struct RenderInput<'input> {
    /// On which channel.
    pub channel: Channel,
    /// In which language, where there is a variant in it.
    pub language: Language,
    /// In which time zone, by its IANA name.
    pub zone: &'input str,
    /// With which values.
    pub values: &'input Values,
}

/// What came out. `Debug` prints no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The language of the variant that was used.
    pub language: Language,
    /// The texts.
    pub content: Content,
    /// What a text message takes on the air.
    pub segments: Option<Segments>,
}

impl CompiledTemplate {
    /// The variant for a channel: in the language, else in the default one, else in any.
    fn variant(&self, channel: Channel, language: Language) -> Option<(Language, &CompiledVariant)> {
        let wanted = [language, self.default_language].into_iter().chain(Language::ALL.iter().copied());
        wanted.into_iter().find_map(|language| Some((language, self.variants.get(&(channel, language))?)))
    }

    /// The language that is used where a recipient's own has no variant.
    #[must_use]
    pub const fn default_language(&self) -> Language {
        self.default_language
    }

    /// The channels that it has variants for.
    pub fn channels(&self) -> impl Iterator<Item = Channel> + '_ {
        Channel::ALL.into_iter().filter(|channel| self.variants.keys().any(|(of, _)| of == channel))
    }

    /// The variants that it has.
    pub fn variants(&self) -> impl Iterator<Item = (Channel, Language)> + '_ {
        self.variants.keys().copied()
    }

    /// Renders it.
    ///
    /// # Errors
    /// A variable that is missing or of another kind; a bound; a channel without a variant.
    pub fn render(&self, input: &RenderInput<'_>) -> Result<Rendered, RenderError> {
        let RenderInput { channel, language, zone, values } = *input;
        let (language, variant) = self.variant(channel, language).ok_or(RenderError::NoVariant(channel))?;
        TimeZone::get(zone).map_err(|_| RenderError::Zone)?;
        let manner = (language, zone, channel == Channel::Sms);
        let used = variant.used.iter().map(String::as_str);
        let context = Context::from(values::take(&self.variables, used, values, manner)?);
        let plain = |template: &Template| run(template, &helpers::PLAIN, &context);
        helpers::begin();
        let content = match &variant.texts {
            Texts::Sms { body } => {
                let text = values::clean(plain(body)?.trim());
                Content::Sms(SmsContent { text, media_urls: Vec::new() })
            }
            Texts::InApp { title, body } => {
                let (title, body) = (one_line(&plain(title)?), values::clean(plain(body)?.trim()));
                Content::InApp(InAppContent { title, body })
            }
            Texts::Email { subject, html, text } => {
                let subject = one_line(&plain(subject)?);
                let html = run(html, &helpers::HTML, &context)?;
                let text = match text {
                    Some(text) => Some(values::clean(plain(text)?.trim())),
                    None => clean::text_of(&html),
                };
                Content::Email(EmailContent { subject, text, html: Some(html), ..EmailContent::default() })
            }
        };
        let segments = match &content {
            Content::Sms(sms) => Some(segments::count(&sms.text)),
            Content::Email(_) | Content::InApp(_) => None,
        };
        Ok(Rendered { language, content, segments })
    }
}

/// A heading or subject: no line ends, which would begin another header, and no control characters.
fn one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    values::clean(&spaced).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn run(template: &Template, registry: &Handlebars<'_>, context: &Context) -> Result<String, RenderError> {
    let mut out = Bounded { text: String::with_capacity(1 << 10), is_full: false };
    let result = template.render(registry, context, &mut RenderContext::new(None), &mut out);
    let Err(error) = result else { return Ok(out.text) };
    if out.is_full {
        return Err(RenderError::Bound("what comes out is longer than 256 KiB"));
    }
    if helpers::is_out_of_steps() {
        return Err(RenderError::Bound("its loops run too long"));
    }
    // The renderer's own text may repeat a value: only the place is told.
    Err(RenderError::Refused { line: error.line_no.unwrap_or(0), column: error.column_no.unwrap_or(0) })
}

/// Output that takes no more than the bound.
struct Bounded {
    text: String,
    is_full: bool,
}

impl Output for Bounded {
    fn write(&mut self, piece: &str) -> std::io::Result<()> {
        if self.text.len() + piece.len() > limits::RENDERED_BYTES {
            self.is_full = true;
            return Err(std::io::Error::other("full"));
        }
        self.text.push_str(piece);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
