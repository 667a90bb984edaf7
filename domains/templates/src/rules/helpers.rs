//! The helpers that a template may call: what they take, what they give, and how they work.
//!
//! `if`, `unless` and `each` are our own: each element that is run through is counted, so that no text can keep the
//! renderer busy. The recipient's language and zone travel in the values, under names that no template can say.

use std::cell::Cell;
use std::sync::LazyLock;

use handlebars::{
    BlockContext, Context, Handlebars, Helper, HelperDef, HelperResult, JsonTruthy as _, Output, RenderContext,
    RenderError, RenderErrorReason, Renderable as _, ScopedJson, Template,
};
use jiff::tz::TimeZone;
use serde_json::Value;

use super::dates::{self, Form};
use super::limits;
use crate::types::{Language, VariableKind};
use VariableKind::{Bool, Date, DateTime, List, Money, Number, Text, Time, Url};

/// Name of the language in the values.
pub(crate) const LANGUAGE: &str = "$language";
/// Name of the zone in the values.
pub(crate) const ZONE: &str = "$zone";
/// Name of the form of dates in the values.
pub(crate) const IS_SHORT: &str = "$short";

/// What a helper takes and gives.
pub(crate) struct Signature {
    /// Its name in templates.
    pub(crate) name: &'static str,
    /// For each argument, the kinds that it may have.
    pub(crate) takes: &'static [&'static [VariableKind]],
    /// Whether it may be told `form="short"` or `form="long"`.
    pub(crate) has_form: bool,
    /// The kind that it gives.
    pub(crate) gives: VariableKind,
}

const ANY: &[VariableKind] = VariableKind::ALL;
const COUNTS: &[VariableKind] = &[Number, Money];

const fn helper(name: &'static str, takes: &'static [&'static [VariableKind]], gives: VariableKind) -> Signature {
    Signature { name, takes, has_form: false, gives }
}

/// All helpers that stand for a value.
pub(crate) const HELPERS: [Signature; 17] = [
    Signature { name: "date", takes: &[&[Date, DateTime]], has_form: true, gives: Text },
    Signature { name: "datetime", takes: &[&[DateTime]], has_form: true, gives: Text },
    helper("time", &[&[Time, DateTime]], Text),
    helper("money", &[COUNTS], Text),
    helper("phone", &[&[Text]], Text),
    helper("upper", &[&[Text]], Text),
    helper("link", &[&[Url]], Url),
    helper("eq", &[ANY, ANY], Bool),
    helper("ne", &[ANY, ANY], Bool),
    helper("gt", &[COUNTS, COUNTS], Bool),
    helper("gte", &[COUNTS, COUNTS], Bool),
    helper("lt", &[COUNTS, COUNTS], Bool),
    helper("lte", &[COUNTS, COUNTS], Bool),
    helper("and", &[ANY, ANY], Bool),
    helper("or", &[ANY, ANY], Bool),
    helper("not", &[ANY], Bool),
    helper("len", &[&[List]], Number),
];

/// Names that no variable may have: the renderer would take them for something else.
pub(crate) fn is_reserved(name: &str) -> bool {
    const WORDS: [&str; 12] =
        ["if", "unless", "each", "else", "with", "lookup", "raw", "log", "this", "as", "true", "false"];
    WORDS.contains(&name) || name == "null" || HELPERS.iter().any(|helper| helper.name == name)
}

thread_local! {
    /// Steps that the rendering on this thread may still take. A rendering never leaves its thread.
    static STEPS_LEFT: Cell<u32> = const { Cell::new(0) };
}

/// Gives the next rendering of this thread its steps.
pub(crate) fn begin() {
    STEPS_LEFT.set(limits::RENDER_STEPS);
}

/// Whether the last rendering of this thread ran out of steps.
pub(crate) fn is_out_of_steps() -> bool {
    STEPS_LEFT.get() == 0
}

/// Counts the elements of a part that is about to be run through.
fn charge(template: &Template) -> Result<(), RenderError> {
    let steps = u32::try_from(template.elements.len()).unwrap_or(u32::MAX).saturating_add(1);
    STEPS_LEFT.set(STEPS_LEFT.get().saturating_sub(steps));
    if is_out_of_steps() { Err(refuse("out of steps")) } else { Ok(()) }
}

fn refuse(why: &str) -> RenderError {
    RenderErrorReason::Other(why.to_owned()).into()
}

/// Renders text that is not escaped.
pub(crate) static PLAIN: LazyLock<Handlebars<'static>> = LazyLock::new(|| registry(false));
/// Renders HTML.
pub(crate) static HTML: LazyLock<Handlebars<'static>> = LazyLock::new(|| registry(true));

fn registry(is_html: bool) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    if is_html {
        registry.register_escape_fn(escape_html);
    } else {
        registry.register_escape_fn(handlebars::no_escape);
    }
    registry.register_helper("if", Box::new(Branch { wanted: true }));
    registry.register_helper("unless", Box::new(Branch { wanted: false }));
    registry.register_helper("each", Box::new(Each));
    registry.register_helper("date", Box::new(Writer(write_date)));
    registry.register_helper("datetime", Box::new(Writer(write_datetime)));
    registry.register_helper("time", Box::new(Writer(write_time)));
    registry.register_helper("money", Box::new(Writer(write_money)));
    registry.register_helper("phone", Box::new(Writer(write_phone)));
    registry.register_helper("upper", Box::new(Writer(write_upper)));
    registry.register_helper("link", Box::new(Writer(write_link)));
    for gone in ["with", "lookup", "raw", "log"] {
        registry.unregister_helper(gone);
    }
    registry
}

/// Safe in text and in attributes in quotes.
pub(crate) fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// `if` and `unless`.
struct Branch {
    wanted: bool,
}

impl HelperDef for Branch {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let asked = helper.param(0).ok_or_else(|| refuse("nothing is asked"))?;
        let holds = asked.value().is_truthy(false) == self.wanted;
        let Some(part) = (if holds { helper.template() } else { helper.inverse() }) else { return Ok(()) };
        charge(part)?;
        part.render(registry, context, render, out)
    }
}

/// `each` over a list.
struct Each;

impl HelperDef for Each {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let param = helper.param(0).ok_or_else(|| refuse("nothing to go through"))?;
        let entries = param.value().as_array().map_or(&[][..], Vec::as_slice);
        if entries.is_empty() {
            let Some(part) = helper.inverse() else { return Ok(()) };
            charge(part)?;
            return part.render(registry, context, render, out);
        }
        let Some(part) = helper.template() else { return Ok(()) };
        let path = param.context_path().ok_or_else(|| refuse("a loop goes through a list of the values"))?;
        for i in 0..entries.len().min(limits::LOOP_ROUNDS) {
            charge(part)?;
            let mut block = BlockContext::new();
            *block.base_path_mut() = path.iter().cloned().chain([i.to_string()]).collect();
            block.set_local_var("index", i.into());
            block.set_local_var("first", (i == 0).into());
            block.set_local_var("last", (i + 1 == entries.len()).into());
            render.push_block(block);
            part.render(registry, context, render, out)?;
            render.pop_block();
        }
        Ok(())
    }
}

/// Where and how a value is written.
struct Manner<'call> {
    language: Language,
    zone: &'call str,
    form: Form,
}

/// A helper that writes one value as text. Nothing where the value is null.
struct Writer(fn(&Value, &Manner<'_>) -> Option<String>);

impl HelperDef for Writer {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let value = helper.param(0).ok_or_else(|| refuse("nothing to write"))?.value();
        if value.is_null() {
            return Ok(Value::String(String::new()).into());
        }
        let data = context.data();
        let language = data[LANGUAGE].as_str().and_then(|name| name.parse().ok()).unwrap_or(Language::En);
        let form = match helper.hash_get("form").and_then(|form| form.value().as_str()) {
            Some("short") => Form::Short,
            Some(_) => Form::Long,
            None if data[IS_SHORT] == Value::Bool(true) => Form::Short,
            None => Form::Long,
        };
        let manner = Manner { language, zone: data[ZONE].as_str().unwrap_or("UTC"), form };
        let text = (self.0)(value, &manner).ok_or_else(|| refuse("the value is of another kind"))?;
        Ok(Value::String(text).into())
    }
}

/// An instant on the wall clock of the recipient.
fn local(text: &str, manner: &Manner<'_>) -> Option<jiff::civil::DateTime> {
    let zone = TimeZone::get(manner.zone).ok()?;
    Some(text.parse::<jiff::Timestamp>().ok()?.to_zoned(zone).datetime())
}

fn write_date(value: &Value, manner: &Manner<'_>) -> Option<String> {
    let text = value.as_str()?;
    let day = match text.parse::<jiff::Timestamp>() {
        Ok(_) => local(text, manner)?.date(),
        Err(_) => text.parse().ok()?,
    };
    Some(dates::date(day, manner.language, manner.form))
}

fn write_time(value: &Value, manner: &Manner<'_>) -> Option<String> {
    let text = value.as_str()?;
    let time = match text.parse::<jiff::Timestamp>() {
        Ok(_) => local(text, manner)?.time(),
        Err(_) => text.parse().ok()?,
    };
    Some(dates::time(time, manner.language))
}

fn write_datetime(value: &Value, manner: &Manner<'_>) -> Option<String> {
    Some(dates::datetime(local(value.as_str()?, manner)?, manner.language, manner.form))
}

fn write_money(value: &Value, _: &Manner<'_>) -> Option<String> {
    value.as_i64().map(dates::money)
}

fn write_phone(value: &Value, _: &Manner<'_>) -> Option<String> {
    value.as_str().map(dates::phone)
}

fn write_upper(value: &Value, _: &Manner<'_>) -> Option<String> {
    value.as_str().map(str::to_uppercase)
}

/// A link that may be shortened and counted: who fills in the values may have put a short address there.
fn write_link(value: &Value, _: &Manner<'_>) -> Option<String> {
    value.as_str().map(ToOwned::to_owned)
}
