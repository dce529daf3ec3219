//! One file of a configuration, and the problems found in it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use hcl_edit::Span;
use hcl_edit::structure::Body;

use super::mask::Mask;
use super::problem::{Excerpt, Place, Problem};
use super::slip::Slip;
use super::syntax::{self, SyntaxError};

/// Proof that a problem was noted: whoever cannot give a value must have said why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noted(());

/// A file: what it says, and what is wrong with it.
pub(super) struct Document {
    path: Arc<Path>,
    text: String,
    /// How many lines of the file stand before this text.
    after: usize,
    /// Where each line begins.
    lines: Vec<usize>,
    mask: Mask,
    repeated: BTreeSet<usize>,
    /// Where values begin that stand for others that could not be parsed.
    slipped: BTreeSet<usize>,
    content: Result<Body, Noted>,
    problems: RefCell<Vec<(usize, Problem)>>,
}

impl Document {
    /// Parses a file. If that fails, it has a problem already.
    pub(super) fn parse(path: Arc<Path>, text: String) -> Self {
        // Some editors begin files with it.
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        match syntax::parse(&text) {
            Ok(parsed) => {
                let mask = Mask::of(&parsed.body, &text, &parsed.slips);
                let document = Document::new(path, text, mask, Ok(parsed.body));
                for offset in &parsed.repeated {
                    document.spot(*offset).advise("this name is written here again", "write each name once");
                }
                document.refuse(parsed.errors);
                let slipped = parsed.slips.iter().map(Slip::placeholder).collect();
                Document { repeated: parsed.repeated, slipped, ..document }
            }
            Err(errors) => {
                let lines: BTreeMap<usize, Range<usize>> = errors
                    .iter()
                    .map(|error| line_around(&text, error.offset))
                    .map(|line| (line.start, line))
                    .collect();
                let mask = Mask::of_broken_lines(&text, lines.into_values());
                let document = Document::new(path, text, mask, Err(Noted(())));
                document.refuse(errors);
                document
            }
        }
    }

    /// Stands for what cannot be read at all.
    pub(super) fn unreadable(path: Arc<Path>, message: &str, advice: Option<&str>) -> Self {
        let document = Document::new(path, String::new(), Mask::default(), Err(Noted(())));
        document.whole().tell(message, advice.map(str::to_owned));
        document
    }

    fn new(path: Arc<Path>, text: String, mask: Mask, content: Result<Body, Noted>) -> Self {
        let (repeated, slipped, problems) = (BTreeSet::new(), BTreeSet::new(), RefCell::default());
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Document { path, text, after: 0, lines, mask, repeated, slipped, content, problems }
    }

    /// With so many lines before it, which are not here.
    pub(super) fn after(self, lines: usize) -> Self {
        Document { after: lines, ..self }
    }

    pub(super) fn body(&self) -> Result<&Body, Noted> {
        self.content.as_ref().map_err(|noted| *noted)
    }

    /// Whether this name stands there for the second time, so that it is not to be read.
    pub(super) fn is_repeated(&self, name: &impl Span) -> bool {
        name.span().is_some_and(|span| self.repeated.contains(&span.start))
    }

    /// Whether this value stands for one that could not be parsed.
    pub(super) fn slipped(&self, value: &impl Span) -> Result<(), Noted> {
        let is_slipped = value.span().is_some_and(|span| self.slipped.contains(&span.start));
        if is_slipped { Err(Noted(())) } else { Ok(()) }
    }

    /// The folder that relative paths in this file start from.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    pub(super) fn source_text(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }

    pub(super) fn spot(&self, offset: usize) -> Spot<'_> {
        Spot { document: self, offset: Some(offset) }
    }

    /// The file as such.
    pub(super) fn whole(&self) -> Spot<'_> {
        Spot { document: self, offset: None }
    }

    /// Whether nothing is wrong so far.
    pub(super) fn is_right(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    /// What is wrong, in the order of the lines.
    pub(super) fn into_problems(self) -> impl Iterator<Item = Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|(offset, _)| *offset);
        problems.into_iter().map(|(_, problem)| problem)
    }

    fn refuse(&self, errors: Vec<SyntaxError>) {
        for SyntaxError { offset, message, advice } in errors {
            self.spot(offset).tell(message, advice);
        }
    }

    fn place(&self, offset: usize) -> Place {
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(start..offset).unwrap_or_default().chars().count() + 1;
        Place { line: self.after + line, column }
    }

    fn excerpt(&self, offset: usize) -> Excerpt {
        self.mask.line(&self.text, line_around(&self.text, offset), offset)
    }
}

/// A place to point at.
#[derive(Clone, Copy)]
pub(super) struct Spot<'a> {
    document: &'a Document,
    /// `None` for the file as a whole.
    offset: Option<usize>,
}

impl<'a> Spot<'a> {
    /// Notes what is wrong here.
    pub(super) fn note(self, message: impl Into<String>) -> Noted {
        self.tell(message, None)
    }

    /// Notes what is wrong here, and what to do.
    pub(super) fn advise(self, message: impl Into<String>, advice: impl Into<String>) -> Noted {
        self.tell(message, Some(advice.into()))
    }

    /// Notes what is wrong here, and what to do if that is known.
    pub(super) fn tell(self, message: impl Into<String>, advice: Option<String>) -> Noted {
        let Spot { document, offset } = self;
        let problem = Problem {
            file: document.path.to_path_buf(),
            place: offset.map(|offset| document.place(offset)),
            message: message.into(),
            advice,
            excerpt: offset.map(|offset| document.excerpt(offset)),
        };
        document.problems.borrow_mut().push((offset.unwrap_or(0), problem));
        Noted(())
    }

    pub(super) fn document(self) -> &'a Document {
        self.document
    }

    /// File and line, for a message at another place.
    pub(super) fn line(self) -> Line {
        let line = self.offset.map(|offset| self.document.place(offset).line);
        let number = line.and_then(|line| NonZeroU32::new(u32::try_from(line).ok()?));
        Line { file: Arc::clone(&self.document.path), number }
    }
}

/// A line, or a file as a whole, to tell of.
#[derive(Clone, Debug)]
pub(super) struct Line {
    file: Arc<Path>,
    /// Small, for there is a line for each name while a configuration is read.
    number: Option<NonZeroU32>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        self.number.map_or(Ok(()), |number| write!(f, ":{number}"))
    }
}

fn line_around(text: &str, offset: usize) -> Range<usize> {
    let (before, after) = text.split_at_checked(offset).unwrap_or((text, ""));
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let end = after.find('\n').map_or(text.len(), |at| before.len() + at);
    start..end
}
