//! What HCL's parser refuses, in words for users.

use std::collections::BTreeSet;

use hcl_edit::parser::{Error, parse_body};
use hcl_edit::structure::Body;

use super::slip::{Setting, Slip, is_word};
use super::words::{header, is_known, is_secret, labels_of};

/// A file as its parser sees it.
pub(super) struct Parsed {
    pub(super) body: Body,
    /// Where names begin that stand a second time in one block or object.
    pub(super) repeated: BTreeSet<usize>,
    /// What was left out so that the rest could be read.
    pub(super) slips: Vec<Slip>,
    /// What is wrong with that.
    pub(super) errors: Vec<SyntaxError>,
}

/// What makes a file no HCL.
pub(super) struct SyntaxError {
    pub(super) offset: usize,
    pub(super) message: String,
    pub(super) advice: Option<String>,
}

/// Parses a file. The parser gives up at a name that stands a second time and at a forgotten quote, although everything
/// else could still be checked: such a name is noted, and made another one of the same length for the next try; such a
/// value is noted and left out.
pub(super) fn parse(text: &str) -> Result<Parsed, Vec<SyntaxError>> {
    let mut tried = text.to_owned();
    let mut repeated = BTreeSet::new();
    let (mut slips, mut errors) = (Vec::new(), Vec::new());
    loop {
        let error = match parse_body(&tried) {
            Ok(body) => return Ok(Parsed { body, repeated, slips, errors }),
            Err(error) => error,
        };
        let offset = error.location().offset();
        let is_new = is_repetition(&error) && repeated.len() < MOST_REPEATED && repeated.insert(offset);
        let renamed = if is_new { renamed(&tried, offset, repeated.len()) } else { None };
        if let Some(renamed) = renamed {
            tried = renamed;
            continue;
        }
        let error = first_error(&tried, &error);
        let slip = Setting::at(&tried, error.offset).and_then(|setting| setting.slip());
        let left_out = slip.as_ref().and_then(|slip| slip.left_out(&tried));
        errors.push(error);
        match (slip, left_out) {
            (Some(slip), Some(left_out)) if slips.len() < MOST_SLIPS => {
                slips.push(slip);
                tried = left_out;
            }
            _ => return Err(errors),
        }
    }
}

fn is_repetition(error: &Error) -> bool {
    error.message().contains("found redefined")
}

fn renamed(text: &str, offset: usize, number: usize) -> Option<String> {
    let (before, rest) = text.split_at_checked(offset)?;
    let length = rest.find(|c| !is_word(c))?;
    let name = format!("{number:_>length$}");
    let fits = name.len() == length && name.starts_with('_');
    fits.then(|| format!("{before}{name}{}", rest.split_at(length).1))
}

/// The parser takes everything up to the next quote for text, and stumbles only after that, or goes back to where
/// something began.
fn first_error(text: &str, error: &Error) -> SyntaxError {
    // At the end of a file the parser names its last byte.
    let end = text.trim_end().len();
    let offset = error.location().offset().min(end);
    let line_end = text.get(offset..).and_then(|rest| rest.find('\n')).map_or(text.len(), |end| offset + end);
    let went_back = error.message() == UNEXPECTED;
    if let Some(open) = open_quote(text).filter(|open| went_back || *open <= line_end) {
        return bare_value(text, open).unwrap_or_else(|| told(open, OPEN_QUOTE, None));
    }
    let is_at_end = went_back || offset >= end.saturating_sub(1);
    if let Some(open) = if is_at_end { unclosed(text) } else { None } {
        return not_closed(text, open);
    }
    let rest = text.get(offset..).unwrap_or_default();
    match rest.chars().next() {
        Some('}') if went_back => told(offset, "this `}` closes nothing", None),
        Some('{' | '[') if went_back && text.trim_start().len() == rest.len() => {
            told(offset, JSON, Some(NO_JSON))
        }
        Some(c) if c.is_control() && !c.is_whitespace() => told(
            offset,
            "a control character stands here",
            Some("take it out, or save the file as plain text"),
        ),
        _ => bare_value(text, offset).unwrap_or_else(|| in_words(text, offset, error.message())),
    }
}

fn told(offset: usize, message: &str, advice: Option<&str>) -> SyntaxError {
    SyntaxError { offset, message: message.to_owned(), advice: advice.map(str::to_owned) }
}

/// The parser takes the first letters for a value and stumbles over the others. Meant is the value as a whole.
fn bare_value(text: &str, offset: usize) -> Option<SyntaxError> {
    let setting = Setting::at(text, offset).filter(|setting| setting.has_in_value(offset))?;
    let rest = text.get(offset..).unwrap_or_default().lines().next().unwrap_or_default();
    let is_name = |word: &str| !word.is_empty() && !word.contains(|c| !is_word(c));
    let is_another = rest.split_once('=').is_some_and(|(name, _)| is_name(name.trim()));
    let message = "the value that begins here is not valid".to_owned();
    let error = SyntaxError { offset: setting.value_start(), message, advice: Some(setting.advice()) };
    (setting.is_bare() && !is_another).then_some(error)
}

fn not_closed(text: &str, open: usize) -> SyntaxError {
    let line = text.get(..open).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let header = text.get(line..open).unwrap_or_default();
    let offset = open - header.trim_start().len();
    let word = header.split(|c| !is_word(c)).find(|word| !word.is_empty());
    let message = match word.filter(|word| is_known(word)) {
        Some(word) => format!("the `{word}` that begins here is not closed"),
        None => "what begins here is not closed".to_owned(),
    };
    let sign = match text.get(open..).and_then(|rest| rest.chars().next()) {
        Some('[') => ']',
        Some('(') => ')',
        _ => '}',
    };
    SyntaxError { offset, message, advice: Some(format!("write `{sign}` where it ends")) }
}

fn in_words(text: &str, offset: usize, message: &str) -> SyntaxError {
    let setting = Setting::at(text, offset);
    if let Some(setting) = setting.as_ref().filter(|_| message == NO_BODY) {
        return no_body(setting, offset);
    }
    let found = WORDING.iter().find(|(sign, _, _)| message.contains(sign));
    let (message, advice) =
        found.map_or(("this is not valid HCL", Some(MISSING)), |(_, message, advice)| (*message, *advice));
    match setting {
        Some(setting) if setting.has(':') => told(offset, message, Some("write `=` instead of `:`")),
        Some(setting) if setting.has_in_value(offset) && setting.value().is_empty() => {
            SyntaxError { advice: Some(setting.advice()), ..told(offset, "a value is missing here", None) }
        }
        Some(setting)
            if setting.has_in_value(offset) && (advice == Some(QUOTES) || is_secret(setting.name())) =>
        {
            SyntaxError { advice: Some(setting.advice()), ..told(offset, message, None) }
        }
        _ => told(offset, message, advice),
    }
}

/// What begins like a block has no `{`. Perhaps it was to be an attribute.
fn no_body(setting: &Setting<'_>, offset: usize) -> SyntaxError {
    let name = setting.name();
    match labels_of(name) {
        Some(labels) => {
            let advice = format!("write `{}`", header(name, labels));
            SyntaxError { advice: Some(advice), ..told(offset, "a `{` is missing here", None) }
        }
        None if is_known(name) => {
            let advice = setting.advice();
            SyntaxError { advice: Some(advice), ..told(setting.value_start(), "a `=` is missing here", None) }
        }
        None => told(offset, "a `{` is missing here, or a `=` after the name", Some(STRUCTURE)),
    }
}

/// Where a text begins that does not end in its line, if there is one. Heredocs are allowed to.
pub(super) fn open_quote(text: &str) -> Option<usize> {
    scan(text, |_, _| ())
}

/// Where the bracket stands that nothing closes. If one is closed further to the left than its line begins, its own one
/// is missing, and this is that of a block around it.
fn unclosed(text: &str) -> Option<usize> {
    let mut open = Vec::new();
    let mut suspect = None;
    scan(text, |at, c| match c {
        '(' | '[' | '{' => open.push(at),
        ')' | ']' | '}' => {
            let begins_line =
                text.get(..at).unwrap_or_default().trim_end_matches([' ', '\t']).ends_with('\n');
            let own = open.pop().filter(|own| begins_line && indent(text, *own) > indent(text, at));
            suspect = suspect.or(own);
        }
        _ => {}
    });
    suspect.filter(|_| !open.is_empty()).or(open.pop())
}

fn indent(text: &str, offset: usize) -> usize {
    let start = text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let line = text.get(start..offset).unwrap_or_default();
    line.len() - line.trim_start().len()
}

/// Visits everything that stands neither in a text nor in a comment, up to a text that does not end in its line.
fn scan(text: &str, mut visit: impl FnMut(usize, char)) -> Option<usize> {
    let mut start = 0;
    let mut heredoc: Option<String> = None;
    let mut in_comment = false;
    for line in text.split_inclusive('\n') {
        match &heredoc {
            Some(end) if line.trim() == end => heredoc = None,
            Some(_) => {}
            None => match scan_line(line, &mut in_comment, |at, c| visit(start + at, c)) {
                LineEnd::Heredoc(end) => heredoc = Some(end),
                LineEnd::OpenQuote(at) => return Some(start + at),
                LineEnd::Plain => {}
            },
        }
        start += line.len();
    }
    None
}

enum LineEnd {
    Heredoc(String),
    OpenQuote(usize),
    Plain,
}

fn scan_line(line: &str, in_comment: &mut bool, mut visit: impl FnMut(usize, char)) -> LineEnd {
    let mut quote = None;
    let mut rest = line.char_indices();
    while let Some((at, c)) = rest.next() {
        let after = rest.as_str();
        match (c, quote) {
            _ if *in_comment => *in_comment = !(c == '*' && after.starts_with('/')),
            ('\\', Some(_)) => drop(rest.next()),
            ('"', Some(_)) => quote = None,
            ('"', None) => quote = Some(at),
            ('#', None) => break,
            ('/', None) if after.starts_with('/') => break,
            ('/', None) if after.starts_with('*') => {
                *in_comment = true;
                rest.next();
            }
            ('<', None) if after.starts_with('<') => {
                let end = after.trim_start_matches(['<', '-']).trim();
                return LineEnd::Heredoc(end.to_owned());
            }
            (_, None) => visit(at, c),
            _ => {}
        }
    }
    quote.map_or(LineEnd::Plain, LineEnd::OpenQuote)
}

/// What the parser says if it does not know what it wanted.
const UNEXPECTED: &str = "unexpected token";
/// What it says if nothing but a `{` can follow.
const NO_BODY: &str = "expected `{`";
const JSON: &str = "this is JSON, and configurations are written in HCL";
const NO_JSON: &str =
    "write `name = value` and `rotation \"NAME\" { … }`, each on lines of their own and without commas";
const STRUCTURE: &str = "write an attribute as `name = value` and a block as `name { … }`";
const LINES: &str = "end the line here; each attribute and each block stands on lines of its own";
const OPEN_QUOTE: &str = "the text that begins here has no closing quote in its line";
const QUOTES: &str = "a text stands in double quotes, as in `name = \"text\"`";
const MISSING: &str =
    "look for a missing quote or bracket; a text stands in double quotes, as in `name = \"text\"`";
const MOST_REPEATED: usize = 50;
const MOST_SLIPS: usize = 50;

/// What the parser says, what that means, and what to do. The first that fits counts.
const WORDING: &[(&str, &str, Option<&str>)] = &[
    ("found redefined", "this name is written here again", Some("write each name once")),
    (
        "block body",
        "this block is not closed here",
        Some("in a block, each attribute stands on a line of its own, and the block ends with `}`"),
    ),
    ("newline or eof", "something follows where the line should end", Some(LINES)),
    ("invalid expression", "this is not a valid value", Some(QUOTES)),
    ("invalid structure", "neither an attribute nor a block begins here", Some(STRUCTURE)),
    ("nesting depth", "this is nested too deeply", None),
    ("heredoc", "this heredoc is not closed", None),
];
