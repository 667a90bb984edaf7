//! Reads what is inside a tag: a path, or a helper with what it is given.

use super::tags::Flaw;

/// A value or a call, with its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expression<'text> {
    /// Where it starts, in bytes of the text.
    pub(crate) at: usize,
    /// What it is.
    pub(crate) form: Form<'text>,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form<'text> {
    /// A variable, as in `appointment.starts_at`.
    Path(&'text str),
    /// A text in quotes.
    Text(&'text str),
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// A helper with what it is given.
    Call {
        /// Its name.
        name: &'text str,
        /// What it is given, in order.
        arguments: Vec<Expression<'text>>,
        /// What it is given by name: the name's place, the name, the value.
        named: Vec<(usize, &'text str, Expression<'text>)>,
    },
}

/// Reads the inside of a tag that starts at `base` in the text. A name alone is a path.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) fn read(inner: &str, base: usize) -> Result<Expression<'_>, Flaw> {
    let mut reader = Reader { text: inner, base, at: 0 };
    let expression = reader.call_or_value()?;
    reader.skip_spaces();
    if reader.at < inner.len() { Err(reader.flaw("is not understood from here on")) } else { Ok(expression) }
}

struct Reader<'text> {
    text: &'text str,
    base: usize,
    at: usize,
}

impl<'text> Reader<'text> {
    fn flaw(&self, problem: &'static str) -> Flaw {
        Flaw::new(self.base + self.at, problem)
    }

    fn rest(&self) -> &'text str {
        &self.text[self.at..]
    }

    fn skip_spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// A name with what it is given, up to the end of the tag or of its parentheses.
    fn call_or_value(&mut self) -> Result<Expression<'text>, Flaw> {
        self.skip_spaces();
        let first = self.value()?;
        let Form::Path(name) = first.form else { return Ok(first) };
        let (mut arguments, mut named) = (Vec::new(), Vec::new());
        loop {
            self.skip_spaces();
            if self.rest().is_empty() || self.rest().starts_with(')') {
                break;
            }
            let at = self.base + self.at;
            match self.name_before_equals() {
                Some(key) => named.push((at, key, self.value()?)),
                None => arguments.push(self.value()?),
            }
        }
        if arguments.is_empty() && named.is_empty() {
            return Ok(first);
        }
        Ok(Expression { at: first.at, form: Form::Call { name, arguments, named } })
    }

    fn name_before_equals(&mut self) -> Option<&'text str> {
        let length = self.rest().find(|character: char| !is_name(character))?;
        let (key, rest) = self.rest().split_at(length);
        if key.is_empty() || !rest.starts_with('=') {
            return None;
        }
        self.at += length + 1;
        Some(key)
    }

    fn value(&mut self) -> Result<Expression<'text>, Flaw> {
        let at = self.base + self.at;
        let form = match self.rest().chars().next() {
            Some('(') => {
                self.at += 1;
                let call = self.call_or_value()?;
                self.skip_spaces();
                if !self.rest().starts_with(')') {
                    return Err(self.flaw("a parenthesis is not closed"));
                }
                self.at += 1;
                return match call.form {
                    Form::Call { .. } => Ok(call),
                    _ => Err(Flaw::new(at, "parentheses hold a helper with what it is given")),
                };
            }
            Some(quote @ ('"' | '\'')) => {
                let length = self.rest()[1..].find(quote).ok_or_else(|| self.flaw("a quote is not closed"))?;
                let text = &self.rest()[1..=length];
                self.at += length + 2;
                Form::Text(text)
            }
            Some(_) => self.word()?,
            None => return Err(self.flaw("something is missing here")),
        };
        Ok(Expression { at, form })
    }

    fn word(&mut self) -> Result<Form<'text>, Flaw> {
        let is_word = |character: char| is_name(character) || matches!(character, '.' | '/' | '@' | '-');
        let length = self.rest().find(|character: char| !is_word(character)).unwrap_or(self.rest().len());
        let word = &self.rest()[..length];
        if word.is_empty() {
            return Err(self.flaw("this character is not understood in a tag"));
        }
        let form = match word {
            "true" | "false" => Form::Bool,
            _ if word.starts_with(|first: char| first.is_ascii_digit() || first == '-') => {
                let digits = word.strip_prefix('-').unwrap_or(word);
                let is_number =
                    digits.parse::<f64>().is_ok() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
                if !is_number {
                    return Err(self.flaw("is not a number"));
                }
                Form::Number
            }
            _ if word.contains('-') => return Err(self.flaw("names hold letters, digits, underscores and dots")),
            _ => Form::Path(word),
        };
        self.at += length;
        Ok(form)
    }
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests;
