//! Slips in one line, such as a forgotten quote: what stands there, and how the rest of the file can still be read.

use std::ops::Range;

use super::names::closest;
use super::value::how_to_refer;
use super::words::{all, is_known, is_secret, labels_of};

/// A line that sets an attribute, or was to do so.
pub(super) struct Setting<'t> {
    text: &'t str,
    name: Range<usize>,
    /// Where `=` stands, or what was written instead.
    sign: Option<(usize, char)>,
    value: Range<usize>,
}

impl<'t> Setting<'t> {
    /// The one whose line this place is in, behind the name.
    pub(super) fn at(text: &'t str, offset: usize) -> Option<Self> {
        let (before, after) = text.split_at_checked(offset)?;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = text.get(start..offset + after.find('\n').unwrap_or(after.len()))?.trim_end();
        let begin = start + line.len() - line.trim_start().len();
        let end = start + line.len();
        let name = begin..begin + text.get(begin..end)?.find(|c| !is_word(c)).unwrap_or(end - begin);
        let rest = text.get(name.end..end)?.trim_start();
        let sign =
            rest.chars().next().filter(|sign| matches!(sign, '=' | ':')).map(|sign| (end - rest.len(), sign));
        let rest = if sign.is_some() { rest.get(1..)?.trim_start() } else { rest };
        let is_setting = !name.is_empty() && name.end <= offset && !rest.starts_with('=');
        is_setting.then_some(Setting { text, name, sign, value: end - rest.len()..end })
    }

    pub(super) fn name(&self) -> &'t str {
        self.text.get(self.name.clone()).unwrap_or_default()
    }

    pub(super) fn value(&self) -> &'t str {
        self.text.get(self.value.clone()).unwrap_or_default()
    }

    pub(super) fn value_start(&self) -> usize {
        self.value.start
    }

    pub(super) fn has(&self, sign: char) -> bool {
        self.sign.is_some_and(|(_, found)| found == sign)
    }

    /// Whether this place belongs to the value, or to what stands where one should be.
    pub(super) fn has_in_value(&self, offset: usize) -> bool {
        self.sign.is_some_and(|(at, sign)| sign == '=' && offset > at)
    }

    /// Whether the value is no text, list or object, so that a quote may be missing before it.
    pub(super) fn is_bare(&self) -> bool {
        !self.value().is_empty() && !self.value().starts_with(['"', '[', '{', '('])
    }

    /// How it is to be written. What may be a secret is not told to stay in the file.
    pub(super) fn advice(&self) -> String {
        match self.name() {
            "env" => "write the name of the variable in double quotes, as in `env = \"NAME\"`".to_owned(),
            "file" => "write the path in double quotes, as in `file = \"/path\"`".to_owned(),
            name if is_secret(name) || is_known(name) && self.value().starts_with('{') => how_to_refer(name),
            name if is_known(name) => {
                format!("if a text is meant, write it in double quotes: `{name} = \"…\"`")
            }
            _ => "a text stands in double quotes, as in `name = \"text\"`".to_owned(),
        }
    }

    /// What the rest of the file can be read with, if this line concerns no other one.
    pub(super) fn slip(&self) -> Option<Slip> {
        // Whatever else stands there may be part of a value that goes on in this line, and is not to be shown.
        let is_attribute = match self.sign {
            Some(_) => closest(self.name(), all()).is_some(),
            None => is_known(self.name()) && labels_of(self.name()).is_none(),
        };
        let has_room = self.value.end >= self.name.end + PLACEHOLDER.len();
        let goes_on = ["<<", "/*"].iter().any(|sign| self.value().contains(sign)) || !self.is_closed();
        let slip = Slip { rest: self.name.end..self.value.end, value: self.value.clone() };
        (is_attribute && has_room && !goes_on).then_some(slip)
    }

    /// Whether each bracket of the value is closed in it. What follows a forgotten quote may be a text or not.
    fn is_closed(&self) -> bool {
        let mut quoted = false;
        let outside: String = self
            .value()
            .chars()
            .filter(|c| {
                quoted ^= *c == '"';
                !quoted
            })
            .collect();
        let behind_open_quote = if quoted { self.value().rsplit('"').next().unwrap_or_default() } else { "" };
        is_balanced(&outside) || is_balanced(&format!("{outside}{behind_open_quote}"))
    }
}

/// A value that cannot be read, and is left out.
#[derive(Clone, Debug)]
pub(super) struct Slip {
    /// What follows the name in its line.
    rest: Range<usize>,
    value: Range<usize>,
}

impl Slip {
    /// The text with a value of the same length instead.
    pub(super) fn left_out(&self, text: &str) -> Option<String> {
        let before = text.get(..self.rest.start)?;
        Some(format!(
            "{before}{PLACEHOLDER:<length$}{}",
            text.get(self.rest.end..)?,
            length = self.rest.len()
        ))
    }

    /// Where the value begins that stands there instead.
    pub(super) fn placeholder(&self) -> usize {
        self.rest.start + 1
    }

    /// What was written.
    pub(super) fn value(&self) -> Range<usize> {
        self.value.clone()
    }
}

/// Whether a name can have this in it.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

fn is_balanced(text: &str) -> bool {
    let mut open = Vec::new();
    text.chars().all(|c| match c {
        '(' | '[' | '{' => {
            open.push(c);
            true
        }
        ')' => open.pop() == Some('('),
        ']' => open.pop() == Some('['),
        '}' => open.pop() == Some('{'),
        _ => true,
    }) && open.is_empty()
}

const PLACEHOLDER: &str = "=_";
