//! Lines of a configuration without their values.
//!
//! Only what is known to be harmless is shown: names of attributes and blocks where the syntax tree says that they are
//! such, labels where a block of this kind has some, and punctuation. Whatever else stands in a line is a value or might be one, and comments often hold
//! values, too.

use std::collections::BTreeSet;
use std::ops::Range;

use hcl_edit::Span;
use hcl_edit::expr::{Expression, ObjectKey};
use hcl_edit::structure::{Body, Structure};

use super::names::is_name;
use super::problem::Excerpt;
use super::slip::Slip;
use super::words::{is_known, labels_of};

/// What may be shown of a text, and what must not.
#[derive(Debug, Default)]
pub(super) struct Mask {
    /// In the order of the text, without overlaps.
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
struct Piece {
    range: Range<usize>,
    shown: bool,
}

impl Mask {
    /// Of a text that could be parsed, apart from these values.
    pub(super) fn of(body: &Body, text: &str, slips: &[Slip]) -> Self {
        let mut mask = Mask::default();
        mask.body(body, text);
        let placeholders: BTreeSet<usize> = slips.iter().map(Slip::placeholder).collect();
        mask.pieces.retain(|piece| !placeholders.contains(&piece.range.start));
        slips.iter().map(Slip::value).for_each(|value| mask.push(Some(value), false));
        mask.pieces.sort_by_key(|piece| piece.range.start);
        mask
    }

    /// Of lines of a text that could not be parsed, in their order: only a known word at the beginning is shown, if it
    /// is followed by what follows a name.
    pub(super) fn of_broken_lines(text: &str, lines: impl Iterator<Item = Range<usize>>) -> Self {
        let mut mask = Mask::default();
        lines.for_each(|line| mask.broken_line(text, &line));
        mask
    }

    fn broken_line(&mut self, text: &str, line: &Range<usize>) {
        let content = text.get(line.clone()).unwrap_or_default();
        let first = line.start + content.len() - content.trim_start().len();
        let rest = content.trim_start();
        let (word, after) = rest.split_at(rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()));
        let follows = after.trim_start();
        let mut end = first;
        if is_known(word) && follows.starts_with(['=', '{', '"']) {
            self.push(Some(first..first + word.len()), true);
            let sign = after.len() - follows.len() + usize::from(!follows.starts_with('"'));
            end = first + word.len() + sign;
        }
        let hidden = text.get(end..line.end).unwrap_or_default();
        if !hidden.chars().all(is_harmless) {
            let start = end + hidden.len() - hidden.trim_start().len();
            self.push(Some(start..line.end), false);
        }
    }

    /// A line, with a caret below a byte of it.
    pub(super) fn line(&self, text: &str, line: Range<usize>, at: usize) -> Excerpt {
        let mut shown = String::new();
        let mut before = None;
        let mut position = line.start;
        while position < line.end {
            let piece = self.pieces.get(self.pieces.partition_point(|piece| piece.range.end <= position));
            let (end, look): (usize, fn(&str) -> String) = match piece {
                Some(piece) if piece.range.start > position => (piece.range.start, harmless),
                Some(piece) => (piece.range.end, if piece.shown { str::to_owned } else { masked }),
                None => (line.end, harmless),
            };
            let end = end.min(line.end);
            if before.is_none() && at < end {
                let hidden = piece.is_some_and(|piece| !piece.shown && piece.range.start <= position);
                let part = if hidden { "" } else { text.get(position..at).unwrap_or_default() };
                before = Some(format!("{shown}{}", look_of(look, part)));
            }
            shown.push_str(&look(text.get(position..end).unwrap_or_default()));
            position = end;
        }
        let before = before.unwrap_or_else(|| shown.clone());
        cut(shown.trim_end(), &before)
    }

    fn body(&mut self, body: &Body, text: &str) {
        for structure in body {
            match structure {
                Structure::Attribute(attribute) => {
                    self.push(attribute.key.span(), true);
                    self.expression(&attribute.value, text);
                }
                Structure::Block(block) => {
                    self.push(block.ident.span(), true);
                    let names = labels_of(block.ident.as_str()).map_or(0, <[&str]>::len);
                    for (index, label) in block.labels.iter().enumerate() {
                        self.push(label.span(), index < names && is_name(label.as_str()));
                    }
                    self.body(&block.body, text);
                }
            }
        }
    }

    fn expression(&mut self, expression: &Expression, text: &str) {
        match expression {
            Expression::Array(array) => array.iter().for_each(|element| self.expression(element, text)),
            Expression::Object(object) => {
                for (key, value) in object {
                    match key {
                        ObjectKey::Ident(name) => {
                            let word = name.span().and_then(|span| text.get(span));
                            self.push(name.span(), word.is_some_and(is_known));
                        }
                        ObjectKey::Expression(key) => self.push(key.span(), false),
                    }
                    self.expression(value.expr(), text);
                }
            }
            other => self.push(other.span(), false),
        }
    }

    fn push(&mut self, range: Option<Range<usize>>, shown: bool) {
        self.pieces.extend(range.map(|range| Piece { range, shown }));
    }
}

/// The part of a line around the end of what stands before the caret.
fn cut(line: &str, before: &str) -> Excerpt {
    let at = before.chars().count();
    let start = at.saturating_sub(WIDTH / 2);
    let (left, right) = (if start > 0 { "…" } else { "" }, line.chars().count() > start + WIDTH);
    let shown: String = line.chars().skip(start).take(WIDTH).collect();
    let caret: String = left.chars().chain(before.chars().skip(start)).map(blank).collect();
    Excerpt { line: format!("{left}{shown}{}", if right { "…" } else { "" }), caret: caret + "^" }
}

fn masked(_: &str) -> String {
    "***".to_owned()
}

fn look_of(look: fn(&str) -> String, part: &str) -> String {
    if part.is_empty() { String::new() } else { look(part) }
}

/// The blanks and the punctuation between names and values, up to a comment.
fn harmless(gap: &str) -> String {
    let end = [gap.find('#'), gap.find("//")].into_iter().flatten().min().unwrap_or(gap.len());
    gap.split_at(end).0.chars().filter(|c| is_harmless(*c)).collect()
}

fn is_harmless(c: char) -> bool {
    matches!(c, ' ' | '\t' | '=' | '{' | '}' | '[' | ']' | ',')
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// What stands in the caret's line above nothing: as wide as the character above.
fn blank(above: char) -> &'static str {
    match above {
        '\t' => "\t",
        '\u{300}'..='\u{36f}' => "",
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{20000}'..='\u{3fffd}' => "  ",
        _ => " ",
    }
}

/// How much of a line is shown.
const WIDTH: usize = 160;
