//! Reading a configuration in which nothing is wrong, a piece at a time: the syntax tree of a whole file takes ten times
//! the memory of what is kept of it.

use std::iter;
use std::sync::Arc;

use tokenferry_sources::Environment;

use super::document::Document;
use super::reader::Block;
use super::{Config, File, Rotated};
use crate::rotation::Rotation;

/// The configuration, if nothing is wrong with it. Otherwise it has to be read as a whole.
///
/// A text that is complete HCL stays so between others that are: if every piece can be parsed alone, all of them are
/// what they would be in the whole.
///
/// Rotations that are what one of the `former` is are not made once more.
pub(super) fn read(
    files: &[File],
    former: &[Arc<Rotation>],
    environment: &dyn Environment,
) -> Option<Config> {
    let pieces = pieces(files)?;
    let kind = |word| pieces.iter().copied().filter(move |piece: &Piece<'_>| piece.begins_with(word));
    let others = pieces.iter().filter(|piece| !piece.begins_with(SOURCE) && !piece.begins_with(ROTATION));
    let others: Vec<Document> = others.map(Piece::parse).collect();
    let mut known = Rotated::new(&super::roots(&others).0, environment);
    known.rotations.follow(former);
    for piece in kind(SOURCE) {
        piece.read(|root| known.sources.read(root))?;
    }
    for piece in kind(ROTATION) {
        piece.read(|root| known.rotations.read(root, &known.sources))?;
    }
    let config = super::read(others.first()?.whole(), &others, Some(known), environment).ok()?;
    others.iter().all(Document::is_right).then_some(config)
}

/// One block or attribute that stands in no other, with the comments after it.
#[derive(Clone, Copy)]
struct Piece<'a> {
    file: &'a File,
    text: &'a str,
}

impl Piece<'_> {
    fn begins_with(&self, word: &str) -> bool {
        self.text.starts_with(word)
    }

    fn parse(&self) -> Document {
        Document::parse(Arc::clone(&self.file.path), self.text.to_owned())
    }

    /// Has the piece read, all of it. `None` if something is wrong.
    fn read(&self, read: impl FnOnce(&Block<'_>)) -> Option<()> {
        let document = self.parse();
        let root = Block::root(&document).ok()?;
        read(&root);
        root.finish();
        document.is_right().then_some(())
    }
}

/// Cuts before each line that begins with a letter: as people write it, that is where one begins. What stands before
/// the first is a piece, too, even if that is nothing. `None` if a file cannot be read.
fn pieces(files: &[File]) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    for file in files {
        let text = file.text.as_deref().ok()?;
        let lines = iter::once(0).chain(text.match_indices('\n').map(|(end, _)| end + 1));
        let mut begin = 0;
        for end in lines.filter(|line| text.as_bytes().get(*line).is_some_and(u8::is_ascii_alphabetic)) {
            pieces.push(Piece { file, text: text.get(begin..end)? });
            begin = end;
        }
        pieces.push(Piece { file, text: text.get(begin..)? });
    }
    Some(pieces)
}

const ROTATION: &str = "rotation";
const SOURCE: &str = "source";
