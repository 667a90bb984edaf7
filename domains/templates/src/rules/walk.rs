//! Goes through a text with its partials put in, tag by tag: every name must be declared, every helper known and given
//! what it takes. What comes out is the whole text in pieces, each with its place, and the names that it uses.

use std::collections::BTreeSet;

use super::expression::{self, Expression, Form};
use super::helpers::{HELPERS, Signature};
use super::layouts::{self, Format};
use super::limits;
use super::tags::{self, Flaw, Piece, Tag, TagKind, position};
use super::values::{BUILT_IN, list_of};
use crate::error::Fault;
use crate::types::{Language, TemplateContent, VariableKind};

/// A piece of the whole text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed<'text> {
    /// What it is.
    pub(crate) piece: Piece<'text>,
    /// The kind of its value, where it writes one.
    pub(crate) kind: Option<VariableKind>,
    /// Where it is in the variant's own text, in bytes: for a piece of a partial, where that is put in.
    pub(crate) at: usize,
    /// Whether it is the variant's own, and not a partial's.
    pub(crate) is_own: bool,
}

/// A text that has been gone through.
#[derive(Debug)]
pub(crate) struct Walked<'text> {
    /// All of it.
    pub(crate) pieces: Vec<Placed<'text>>,
    /// The declared and built-in names that it uses.
    pub(crate) used: BTreeSet<String>,
}

/// Which text is gone through.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The variant.
    pub(crate) variant: (carepost_kernel::Channel, Language),
    /// JSON pointer to it.
    pub(crate) pointer: String,
    /// How it is marked up.
    pub(crate) format: Format,
}

/// Goes through a text.
///
/// # Errors
/// Everything that is wrong; of one text, a flaw of its form hides the rest.
pub(crate) fn walk<'text>(
    content: &'text TemplateContent,
    place: &Place,
    source: &'text str,
) -> Result<Walked<'text>, Vec<Fault>> {
    let mut walker = Walker {
        content,
        place,
        pieces: Vec::new(),
        used: BTreeSet::new(),
        faults: Vec::new(),
        scopes: vec![Scope::Root],
        uses: 0,
        bytes: 0,
    };
    walker.source(source, &place.pointer, &mut Vec::new(), None);
    if walker.faults.is_empty() {
        Ok(Walked { pieces: walker.pieces, used: walker.used })
    } else {
        walker.faults.truncate(100);
        Err(walker.faults)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Scope {
    Root,
    /// Inside a loop over this list.
    Entry(String),
}

struct Walker<'text, 'walk> {
    content: &'text TemplateContent,
    place: &'walk Place,
    pieces: Vec<Placed<'text>>,
    used: BTreeSet<String>,
    faults: Vec<Fault>,
    scopes: Vec<Scope>,
    uses: usize,
    bytes: usize,
}

impl<'text> Walker<'text, '_> {
    fn source(&mut self, source: &'text str, pointer: &str, stack: &mut Vec<&'text str>, placed_at: Option<usize>) {
        self.bytes += source.len();
        if self.bytes > limits::EXPANDED_BYTES {
            return self.fault(source, pointer, &Flaw::new(0, "with its partials it is longer than 256 KiB"));
        }
        let pieces = match tags::cut(source) {
            Ok(pieces) => pieces,
            Err(flaw) => return self.fault(source, pointer, &flaw),
        };
        // For each open block, whether it opened a scope that is still there.
        let mut blocks: Vec<bool> = Vec::new();
        for piece in pieces {
            let at = match piece {
                Piece::Text { start, .. } => start,
                Piece::Tag(tag) => tag.start,
            };
            let mut placed = Placed { piece, kind: None, at: placed_at.unwrap_or(at), is_own: placed_at.is_none() };
            if let Piece::Tag(tag) = piece {
                let result = match tag.kind {
                    TagKind::Partial => {
                        self.partial((source, pointer), &tag, stack, placed.at);
                        continue;
                    }
                    _ => self.tag(&tag, &mut blocks),
                };
                match result {
                    Ok(kind) => placed.kind = kind,
                    Err(flaw) => self.fault(source, pointer, &flaw),
                }
            }
            self.pieces.push(placed);
        }
    }

    fn fault(&mut self, source: &str, pointer: &str, flaw: &Flaw) {
        let (line, column) = position(source, flaw.at);
        self.faults.push(Fault {
            variant: Some(self.place.variant),
            pointer: pointer.to_owned(),
            line: Some(line),
            column: Some(column),
            problem: flaw.problem.clone(),
        });
    }

    /// Puts a partial in.
    fn partial(
        &mut self,
        (source, pointer): (&'text str, &str),
        tag: &Tag<'text>,
        stack: &mut Vec<&'text str>,
        placed_at: usize,
    ) {
        let name = tag.inner;
        let own = self.content.partials.get(name).map(String::as_str);
        let found = own.or_else(|| layouts::shipped(name, self.place.format, self.place.variant.1));
        self.uses += 1;
        let problem = match found {
            None => format!("there is no partial {}", printable(name)).into(),
            Some(_) if stack.contains(&name) => "the partial puts itself in again".into(),
            Some(_) if self.uses > limits::PARTIAL_USES => "partials are put in more than 50 times".into(),
            Some(partial) => {
                stack.push(name);
                self.source(partial.trim_end(), &format!("/partials/{name}"), stack, Some(placed_at));
                stack.pop();
                return;
            }
        };
        self.fault(source, pointer, &Flaw { at: tag.inner_start, problem });
    }

    /// Checks a tag; gives the kind of the value that it writes.
    fn tag(&mut self, tag: &Tag<'_>, blocks: &mut Vec<bool>) -> Result<Option<VariableKind>, Flaw> {
        match tag.kind {
            TagKind::Output => {
                let expression = expression::read(tag.inner, tag.inner_start)?;
                let kind = self.expression(&expression)?;
                check_output(&expression, kind)?;
                return Ok(Some(kind));
            }
            TagKind::Open => {
                // Opened in any case: its end will close it.
                blocks.push(false);
                if let Some(list) = self.open(tag)? {
                    self.scopes.push(Scope::Entry(list));
                    if let Some(has_scope) = blocks.last_mut() {
                        *has_scope = true;
                    }
                }
            }
            TagKind::Else => {
                if let Some(has_scope) = blocks.last_mut()
                    && std::mem::take(has_scope)
                {
                    self.scopes.pop();
                }
                self.branch(tag)?;
            }
            TagKind::Close => {
                if blocks.pop() == Some(true) {
                    self.scopes.pop();
                }
            }
            TagKind::Partial | TagKind::Comment => {}
        }
        Ok(None)
    }

    /// Checks the opening of a block; a loop gives its list.
    fn open(&mut self, tag: &Tag<'_>) -> Result<Option<String>, Flaw> {
        let Form::Call { name, arguments, named } = expression::read(tag.inner, tag.inner_start)?.form else {
            return Err(Flaw::new(tag.inner_start, "a block needs something to ask or to go through"));
        };
        let [argument] = &arguments[..] else {
            return Err(Flaw::new(tag.inner_start, "a block takes one argument"));
        };
        if let Some((at, ..)) = named.first() {
            return Err(Flaw::new(*at, "a block takes nothing by name"));
        }
        match name {
            "if" | "unless" => self.expression(argument).map(|_| None),
            "each" => match argument.form {
                Form::Path(path) => match self.resolve(path, argument.at)? {
                    (list, VariableKind::List) => Ok(Some(list)),
                    _ => Err(Flaw::new(argument.at, "a loop goes through a list")),
                },
                _ => Err(Flaw::new(argument.at, "a loop goes through a variable")),
            },
            _ => Err(Flaw::new(tag.inner_start, format!("there is no block {}", printable(name)))),
        }
    }

    fn branch(&mut self, tag: &Tag<'_>) -> Result<(), Flaw> {
        let rest = tag.inner.strip_prefix("else").unwrap_or_default();
        if rest.trim().is_empty() {
            return Ok(());
        }
        let at = tag.inner_start + "else".len() + rest.len() - rest.trim_start().len();
        match expression::read(rest.trim_start(), at)?.form {
            Form::Call { name: "if" | "unless", arguments, named } if arguments.len() == 1 && named.is_empty() => {
                self.expression(&arguments[0]).map(|_| ())
            }
            _ => Err(Flaw::new(at, "else takes if or unless with one argument")),
        }
    }

    /// The kind of a value.
    fn expression(&mut self, expression: &Expression<'_>) -> Result<VariableKind, Flaw> {
        match &expression.form {
            Form::Text(_) => Ok(VariableKind::Text),
            Form::Number => Ok(VariableKind::Number),
            Form::Bool => Ok(VariableKind::Bool),
            Form::Path(path) => self.resolve(path, expression.at).map(|(_, kind)| kind),
            Form::Call { name, arguments, named } => {
                let known = HELPERS.iter().find(|helper| helper.name == *name);
                let helper =
                    known.ok_or_else(|| Flaw::new(expression.at, format!("there is no helper {}", printable(name))))?;
                self.call(helper, expression.at, arguments)?;
                check_named(helper, named)?;
                Ok(helper.gives)
            }
        }
    }

    fn call(&mut self, helper: &Signature, at: usize, arguments: &[Expression<'_>]) -> Result<(), Flaw> {
        if arguments.len() != helper.takes.len() {
            let count = helper.takes.len();
            return Err(Flaw::new(at, format!("the helper {} takes {count} arguments", helper.name)));
        }
        for (argument, allowed) in arguments.iter().zip(helper.takes) {
            let kind = self.expression(argument)?;
            if !allowed.contains(&kind) {
                let problem = format!("the helper {} does not take a {}", helper.name, kind.as_str());
                return Err(Flaw::new(argument.at, problem));
            }
        }
        Ok(())
    }

    /// The declared name that a path means here, and its kind.
    fn resolve(&mut self, path: &str, at: usize) -> Result<(String, VariableKind), Flaw> {
        let mut level = self.scopes.len() - 1;
        let mut rest = path;
        if let Some(from_root) = path.strip_prefix("@root.") {
            (level, rest) = (0, from_root);
        } else if let Some(local) = path.strip_prefix('@') {
            return match (local, level) {
                ("index", 1..) => Ok((String::new(), VariableKind::Number)),
                ("first" | "last", 1..) => Ok((String::new(), VariableKind::Bool)),
                _ => Err(Flaw::new(at, "in a loop there are @index, @first and @last")),
            };
        }
        while let Some(outer) = rest.strip_prefix("../") {
            level = level.checked_sub(1).ok_or_else(|| Flaw::new(at, "goes out of more loops than there are"))?;
            rest = outer;
        }
        rest = rest.strip_prefix("./").or_else(|| rest.strip_prefix("this.")).unwrap_or(rest);
        let name = match &self.scopes[level] {
            Scope::Root => rest.to_owned(),
            Scope::Entry(list) if rest == "this" => {
                let prefix = format!("{list}.");
                let has_fields = self.content.variables.iter().any(|field| field.name.starts_with(&prefix));
                return if has_fields {
                    Err(Flaw::new(at, "an entry of this list is a record: name one of its fields"))
                } else {
                    Ok((String::new(), VariableKind::Text))
                };
            }
            Scope::Entry(list) => format!("{list}.{rest}"),
        };
        let Some(kind) = self.kind_of(&name) else {
            return Err(Flaw::new(at, format!("the variable {} is not declared", printable(&name))));
        };
        let inside = match &self.scopes[level] {
            Scope::Root => None,
            Scope::Entry(list) => Some(list.as_str()),
        };
        if list_of(&self.content.variables, &name).map(|list| list.name.as_str()) != inside {
            return Err(Flaw::new(at, format!("the variable {} is a field of a list", printable(&name))));
        }
        self.used.insert(name.clone());
        Ok((name, kind))
    }

    fn kind_of(&self, name: &str) -> Option<VariableKind> {
        let declared = self.content.variables.iter().find(|variable| variable.name == name);
        let built_in = || BUILT_IN.iter().find(|(built_in, _)| *built_in == name).map(|(_, kind)| *kind);
        declared.map(|variable| variable.kind).or_else(built_in)
    }
}

/// A name of the template's author, short enough for an error. Configuration, never a value.
fn printable(name: &str) -> &str {
    let is_plain = name.len() <= 64
        && name.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '@'));
    if is_plain { name } else { "of this name" }
}

/// Values that no reader would understand as they are stored.
fn check_output(expression: &Expression<'_>, kind: VariableKind) -> Result<(), Flaw> {
    let problem = match kind {
        VariableKind::Date => "a date is written by the helper date",
        VariableKind::Time => "a time is written by the helper time",
        VariableKind::DateTime => "an instant is written by one of the helpers date, time and datetime",
        VariableKind::Money => "an amount is written by the helper money",
        VariableKind::List => "a list is gone through by each",
        VariableKind::Bool => "a bool is asked for by if",
        VariableKind::Text | VariableKind::Number | VariableKind::Url => return Ok(()),
    };
    Err(Flaw::new(expression.at, problem))
}

fn check_named(helper: &Signature, named: &[(usize, &str, Expression<'_>)]) -> Result<(), Flaw> {
    for (at, name, value) in named {
        let is_form = helper.has_form && *name == "form" && matches!(value.form, Form::Text("short" | "long"));
        if !is_form {
            return Err(Flaw::new(
                *at,
                "date and datetime take form=\"short\" or form=\"long\", other helpers nothing",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
