//! Reading a configuration a piece at a time: the syntax tree of a whole file takes ten times the memory of what is kept
//! of it, and a process never gives all of that back.

use std::iter;
use std::sync::Arc;

use tokenferry_sources::Environment;

use super::document::Document;
use super::reader::Block;
use super::{Config, ConfigErrors, File, Problem, Rotated};
use crate::rotation::Rotation;

/// The configuration, or all that is wrong with its sources and rotations. `None` if anything else is wrong with it: then
/// it has to be read as a whole.
///
/// A text that is complete HCL stays so between others that are: if every piece can be parsed alone, all of them are
/// what they would be in the whole.
///
/// Rotations that are what one of the `former` is are not made once more.
pub(super) fn read(
    files: &[File],
    former: &[Arc<Rotation>],
    environment: &dyn Environment,
) -> Option<Result<Config, ConfigErrors>> {
    let pieces = pieces(files)?;
    let kind = |word| pieces.iter().copied().enumerate().filter(move |(_, piece)| piece.begins_with(word));
    let others = pieces.iter().filter(|piece| !piece.begins_with(SOURCE) && !piece.begins_with(ROTATION));
    let others: Vec<Document> = others.map(Piece::parse).collect();
    let mut known = Rotated::new(&super::roots(&others).0, environment);
    known.rotations.follow(former);
    let mut problems = Vec::new();
    for (index, piece) in kind(SOURCE) {
        let found = piece.read(|root| known.sources.read(root))?;
        problems.extend(found.into_iter().map(|problem| (index, problem)));
    }
    for (index, piece) in kind(ROTATION) {
        let found = piece.read(|root| known.rotations.read(root, &known.sources))?;
        problems.extend(found.into_iter().map(|problem| (index, problem)));
    }
    let config = super::read(others.first()?.whole(), &others, Some(known), environment);
    if !others.iter().all(is_other) {
        return None;
    }
    if problems.is_empty() {
        return config.ok().map(Ok);
    }
    problems.sort_by_key(|(index, _)| *index);
    Some(Err(ConfigErrors(problems.into_iter().map(|(_, problem)| problem).collect())))
}

/// Whether it is right, and those that were read before it could do without it.
fn is_other(document: &Document) -> bool {
    let has = |word| document.body().is_ok_and(|body| body.has_blocks(word));
    document.is_right() && !has(SOURCE) && !has(ROTATION)
}

/// One block or attribute that stands in no other, with the comments after it.
#[derive(Clone, Copy)]
struct Piece<'a> {
    file: &'a File,
    text: &'a str,
    /// How many lines of the file stand before it.
    after: usize,
}

impl Piece<'_> {
    fn begins_with(&self, word: &str) -> bool {
        self.text.starts_with(word)
    }

    fn parse(&self) -> Document {
        Document::parse(Arc::clone(&self.file.path), self.text.to_owned()).after(self.after)
    }

    /// Has the piece read, all of it, and says what is wrong with it. `None` if it is not one block.
    fn read(&self, read: impl FnOnce(&Block<'_>)) -> Option<Vec<Problem>> {
        let document = self.parse();
        if !document.is_right() || document.body().ok()?.len() != 1 {
            return None;
        }
        let root = Block::root(&document).ok()?;
        read(&root);
        root.finish();
        Some(document.into_problems().collect())
    }
}

/// Cuts before each line that begins with a letter: as people write it, that is where one begins. What stands before
/// the first is a piece, too, even if that is nothing. `None` if a file cannot be read.
fn pieces(files: &[File]) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    for file in files {
        let text = file.text.as_deref().ok()?;
        let lines = iter::once(0).chain(text.match_indices('\n').map(|(end, _)| end + 1));
        let (mut begin, mut after) = (0, 0);
        let cuts =
            lines.enumerate().filter(|(_, at)| text.as_bytes().get(*at).is_some_and(u8::is_ascii_alphabetic));
        for (line, end) in cuts {
            pieces.push(Piece { file, text: text.get(begin..end)?, after });
            (begin, after) = (end, line);
        }
        pieces.push(Piece { file, text: text.get(begin..)?, after });
    }
    Some(pieces)
}

const ROTATION: &str = "rotation";
const SOURCE: &str = "source";
