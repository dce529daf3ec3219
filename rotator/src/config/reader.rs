//! The field reader: each call asks a block for one name. What was never asked for is unknown.

use std::cell::RefCell;
use std::collections::BTreeSet;

use hcl_edit::structure::{Attribute, BlockLabel, Body, Structure};
use hcl_edit::{Decorated, Ident, Span};

use super::document::{Document, Noted, Spot};
use super::names::{closest, did_you_mean, is_name, shown};
use super::value::Value;
use super::words::{self, Kind};

/// A block, or a file as a whole, that is being read. [`Block::finish`] ends the reading.
pub(super) struct Block<'a> {
    /// What stands before its `{`.
    pub(super) header: Spot<'a>,
    kind: &'a str,
    labels: Vec<Label<'a>>,
    body: &'a Body,
    asked: RefCell<Vec<&'static str>>,
    /// What has a name that is none, and the one that was probably meant.
    misspelt: Vec<(&'static str, &'a Structure)>,
    /// Where unknown names begin that were noted already.
    told: RefCell<BTreeSet<usize>>,
}

/// A block and the names in its header. If that is wrong the block is read all the same, for what is wrong in it.
pub(super) type Found<'a, const N: usize> = (Block<'a>, Result<[Label<'a>; N], Noted>);

/// A name in the header of a block.
#[derive(Clone, Copy)]
pub(super) struct Label<'a> {
    pub(super) text: &'a str,
    pub(super) spot: Spot<'a>,
}

impl<'a> Block<'a> {
    /// A file as a whole.
    pub(super) fn root(document: &'a Document) -> Result<Self, Noted> {
        Ok(Block::new(document.whole(), "", Vec::new(), document.body()?))
    }

    /// The value of an attribute, if it is there.
    pub(super) fn attribute(&self, name: &'static str) -> Result<Option<Value<'a>>, Noted> {
        self.ask(name);
        let mut found = None;
        for structure in self.named(name) {
            match structure {
                Structure::Attribute(attribute) => found = Some(self.value(name, attribute)?),
                Structure::Block(block) => {
                    let message = format!("`{name}` is an attribute, not a block");
                    return Err(self.spot(block).advise(message, format!("write `{name} = …`")));
                }
            }
        }
        Ok(found)
    }

    /// What an attribute says, if it is there.
    pub(super) fn optional<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(Value<'a>) -> Result<T, Noted>,
    ) -> Result<Option<T>, Noted> {
        if let Some(value) = self.attribute(name)? {
            return read(value).map(Some);
        }
        let Some((value, noted)) = self.misspelt_attribute(name) else { return Ok(None) };
        value.and_then(read).and(Err(noted))
    }

    /// What an attribute says that must be there, as in the example.
    pub(super) fn required<T>(
        &self,
        name: &'static str,
        example: &str,
        read: impl FnOnce(Value<'a>) -> Result<T, Noted>,
    ) -> Result<T, Noted> {
        let missing = || {
            let message = format!("this `{}` has no `{name}`", self.kind);
            self.header.advise(message, format!("write `{name} = {example}`"))
        };
        self.optional(name, read)?.ok_or_else(missing)
    }

    /// The blocks of that kind.
    pub(super) fn blocks<const N: usize>(&self, kind: &Kind<N>) -> Vec<Result<Found<'a, N>, Noted>> {
        self.ask(kind.name);
        let read = |structure: &'a Structure| match structure {
            Structure::Block(block) => {
                let block = self.child(block, kind.name);
                let labels = block.expect_labels(kind);
                Ok((block, labels))
            }
            Structure::Attribute(attribute) => {
                let message = format!("`{}` is a block, not an attribute", kind.name);
                let advice = format!("write `{}`, without `=`", kind.header());
                Err(self.spot(&attribute.key).advise(message, advice))
            }
        };
        let misspelt = self.meant(kind.name).filter_map(|structure| {
            let block = self.child(structure.as_block()?, kind.name);
            Some(Ok((block, Err(self.misspelt(structure, kind.name)))))
        });
        self.named(kind.name).map(read).chain(misspelt).collect()
    }

    /// What stands between the name of the block and its `{`.
    pub(super) fn labels(&self) -> impl Iterator<Item = &'a str> {
        self.labels.iter().map(|label| label.text)
    }

    /// Whether there is an attribute or a block of that name.
    pub(super) fn mentions(&self, name: &'static str) -> bool {
        self.named(name).next().is_some()
    }

    /// Whether there is a block of that name.
    pub(super) fn has_block(&self, name: &'static str) -> bool {
        self.named(name).any(Structure::is_block)
    }

    /// The text of an attribute of the first block of that kind, if it is one. Nothing is noted.
    pub(super) fn peek<const N: usize>(&self, kind: &Kind<N>, name: &'static str) -> Option<&'a str> {
        let body = &self.named(kind.name).find_map(Structure::as_block)?.body;
        body.get_attribute(name)?.value.as_str()
    }

    /// Notes every name that was never asked for.
    pub(super) fn finish(self) {
        for structure in self.body {
            let name = name_of(structure);
            if self.asked.borrow().contains(&name.as_str()) || self.is_told(name) {
                continue;
            }
            let advice = did_you_mean(name.as_str(), self.asked.borrow().iter().copied());
            self.unknown(structure, advice);
        }
    }

    fn new(header: Spot<'a>, kind: &'a str, labels: Vec<Label<'a>>, body: &'a Body) -> Self {
        let meant = |structure: &'a Structure| {
            let name = name_of(structure).as_str();
            let meant = if words::is_known(name) { None } else { closest(name, words::all()) };
            meant.map(|meant| (meant, structure))
        };
        let misspelt = body.iter().filter_map(meant).collect();
        let (asked, told) = (RefCell::default(), RefCell::default());
        Block { header, kind, labels, body, asked, misspelt, told }
    }

    fn child(&self, block: &'a hcl_edit::structure::Block, kind: &'static str) -> Self {
        let label = |label: &'a BlockLabel| Label { text: label.as_str(), spot: self.spot(label) };
        Block::new(self.spot(block), kind, block.labels.iter().map(label).collect(), &block.body)
    }

    fn ask(&self, name: &'static str) {
        debug_assert!(words::is_known(name), "`{name}` is missing in the list of words");
        self.asked.borrow_mut().push(name);
    }

    /// What has a name that is none, but was probably meant to be this one.
    fn meant(&self, name: &'static str) -> impl Iterator<Item = &'a Structure> {
        let meant = self.misspelt.iter().filter(move |(meant, _)| *meant == name);
        meant.map(|(_, structure)| *structure).filter(|structure| !self.is_told(name_of(structure)))
    }

    fn misspelt_attribute(&self, name: &'static str) -> Option<(Result<Value<'a>, Noted>, Noted)> {
        let structure = self.meant(name).find(|structure| structure.is_attribute())?;
        let noted = self.misspelt(structure, name);
        Some((self.value(name, structure.as_attribute()?), noted))
    }

    fn misspelt(&self, structure: &'a Structure, meant: &str) -> Noted {
        self.told.borrow_mut().extend(name_of(structure).span().map(|span| span.start));
        self.unknown(structure, Some(format!("did you mean `{meant}`?")))
    }

    fn unknown(&self, structure: &'a Structure, advice: Option<String>) -> Noted {
        let what = if structure.is_attribute() { "attribute" } else { "block" };
        let name = name_of(structure);
        let message = match self.kind {
            "" => format!("there is no {what} `{}` here", shown(name.as_str())),
            kind => format!("`{kind}` has no {what} `{}`", shown(name.as_str())),
        };
        self.spot(name).tell(message, advice)
    }

    /// Whether everything is said about this name.
    fn is_told(&self, name: &impl Span) -> bool {
        let is_told = |start| self.told.borrow().contains(&start);
        self.header.document().is_repeated(name) || name.span().is_some_and(|span| is_told(span.start))
    }

    fn expect_labels<const N: usize>(&self, kind: &Kind<N>) -> Result<[Label<'a>; N], Noted> {
        let mut bad = None;
        for label in self.labels.iter().filter(|label| !is_name(label.text)) {
            bad = Some(label.spot.note("a name has letters, digits, `-` and `_` only"));
        }
        let labels = <[Label<'a>; N]>::try_from(self.labels.as_slice()).map_err(|_| {
            let wanted = match N {
                0 => "no name".to_owned(),
                1 => "one name".to_owned(),
                _ => format!("{N} names"),
            };
            let message = format!("`{}` takes {wanted}, not {}", self.kind, self.labels.len());
            self.header.advise(message, format!("write `{}`", kind.header()))
        })?;
        bad.map_or(Ok(labels), Err)
    }

    fn value(&self, name: &'static str, attribute: &'a Attribute) -> Result<Value<'a>, Noted> {
        let expression = &attribute.value;
        self.header.document().slipped(expression)?;
        Ok(Value { name, spot: self.spot(expression), expression })
    }

    fn named(&self, name: &'static str) -> impl Iterator<Item = &'a Structure> + use<'a> {
        self.body.iter().filter(move |structure| match structure {
            Structure::Attribute(attribute) => attribute.has_key(name),
            Structure::Block(block) => block.has_ident(name),
        })
    }

    fn spot(&self, node: &impl Span) -> Spot<'a> {
        let document = self.header.document();
        node.span().map_or(document.whole(), |span| document.spot(span.start))
    }
}

fn name_of(structure: &Structure) -> &Decorated<Ident> {
    match structure {
        Structure::Attribute(attribute) => &attribute.key,
        Structure::Block(block) => &block.ident,
    }
}
