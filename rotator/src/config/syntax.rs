//! What HCL's parser refuses, in words for users.

use std::collections::BTreeSet;

use hcl_edit::parser::{Error, parse_body};
use hcl_edit::structure::Body;

/// A file as its parser sees it.
pub(super) struct Parsed {
    pub(super) body: Body,
    /// Where names begin that stand a second time in one block or object.
    pub(super) repeated: BTreeSet<usize>,
}

/// The first thing that makes a file no HCL.
pub(super) struct SyntaxError {
    pub(super) offset: usize,
    pub(super) message: &'static str,
    pub(super) advice: Option<&'static str>,
}

/// Parses a file. The parser gives up at a name that stands a second time, although everything else could still be
/// checked: such a name is noted, and made another one of the same length for the next try.
pub(super) fn parse(text: &str) -> Result<Parsed, SyntaxError> {
    let mut tried = text.to_owned();
    let mut repeated = BTreeSet::new();
    loop {
        let error = match parse_body(&tried) {
            Ok(body) => return Ok(Parsed { body, repeated }),
            Err(error) => error,
        };
        let offset = error.location().offset();
        let is_new = is_repetition(&error) && repeated.len() < MOST_REPEATED && repeated.insert(offset);
        let renamed = if is_new { renamed(&tried, offset, repeated.len()) } else { None };
        tried = renamed.ok_or_else(|| first_error(text, &error))?;
    }
}

fn is_repetition(error: &Error) -> bool {
    error.message().contains("found redefined")
}

fn renamed(text: &str, offset: usize, number: usize) -> Option<String> {
    let (before, rest) = text.split_at_checked(offset)?;
    let length = rest.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-'))?;
    let name = format!("{number:_>length$}");
    let fits = name.len() == length && name.starts_with('_');
    fits.then(|| format!("{before}{name}{}", rest.split_at(length).1))
}

/// The parser takes everything up to the next quote for text, and stumbles only after that, or goes back to where
/// something began.
fn first_error(text: &str, error: &Error) -> SyntaxError {
    // At the end of a file the parser names its last byte.
    let offset = error.location().offset().min(text.trim_end().len());
    let line_end = text.get(offset..).and_then(|rest| rest.find('\n')).map_or(text.len(), |end| offset + end);
    let went_back = error.message() == UNEXPECTED;
    if let Some(offset) = open_quote(text).filter(|open| went_back || *open <= line_end) {
        return SyntaxError { offset, message: OPEN_QUOTE, advice: None };
    }
    if went_back && text.get(offset..).is_some_and(|rest| rest.starts_with('}')) {
        return SyntaxError { offset, message: "this `}` closes nothing", advice: None };
    }
    let (message, advice) = in_words(error.message());
    SyntaxError { offset, message, advice }
}

fn in_words(message: &str) -> (&'static str, Option<&'static str>) {
    let found = WORDING.iter().find(|(sign, _, _)| message.contains(sign));
    found.map_or(("this is not valid HCL", Some(MISSING)), |(_, message, advice)| (*message, *advice))
}

/// Where a text begins that does not end in its line, if there is one. Heredocs are allowed to.
pub(super) fn open_quote(text: &str) -> Option<usize> {
    let mut start = 0;
    let mut heredoc: Option<String> = None;
    let mut in_comment = false;
    for line in text.split_inclusive('\n') {
        match &heredoc {
            Some(end) if line.trim() == end => heredoc = None,
            Some(_) => {}
            None => match scan(line, &mut in_comment) {
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

fn scan(line: &str, in_comment: &mut bool) -> LineEnd {
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
            _ => {}
        }
    }
    quote.map_or(LineEnd::Plain, LineEnd::OpenQuote)
}

/// What the parser says if it does not know what it wanted.
const UNEXPECTED: &str = "unexpected token";
const OPEN_QUOTE: &str = "the text that begins here has no closing quote in its line";
const QUOTES: &str = "a text stands in double quotes, as in `name = \"text\"`";
const MISSING: &str =
    "look for a missing quote or bracket; a text stands in double quotes, as in `name = \"text\"`";
const MOST_REPEATED: usize = 50;

/// What the parser says, what that means, and what to do. The first that fits counts.
const WORDING: &[(&str, &str, Option<&str>)] = &[
    ("found redefined", "this name is written here again", Some("write each name once")),
    (
        "block body",
        "this block is not closed here",
        Some("in a block, each attribute stands on a line of its own, and the block ends with `}`"),
    ),
    ("newline or eof", "something follows where the line should end", Some(QUOTES)),
    ("invalid expression", "a value is missing here, or it is not valid", Some(QUOTES)),
    (
        "invalid structure",
        "neither an attribute nor a block begins here",
        Some("write an attribute as `name = value` and a block as `name { … }`"),
    ),
    ("nesting depth", "this is nested too deeply", None),
    ("heredoc", "this heredoc is not closed", None),
];
