//! The field reader: each call asks a block for one name. What was never asked for is unknown.

use std::cell::RefCell;

use hcl_edit::Span;
use hcl_edit::structure::{Attribute, BlockLabel, Body, Structure};

use super::document::{Document, Noted, Spot};
use super::names::{did_you_mean, is_name, shown};
use super::value::Value;

/// A block, or a file as a whole, that is being read. [`Block::finish`] ends the reading.
pub(super) struct Block<'a> {
    /// What stands before its `{`.
    pub(super) header: Spot<'a>,
    kind: &'a str,
    labels: Vec<Label<'a>>,
    body: &'a Body,
    asked: RefCell<Vec<&'static str>>,
}

/// A name in the header of a block.
#[derive(Clone, Copy)]
pub(super) struct Label<'a> {
    pub(super) text: &'a str,
    pub(super) spot: Spot<'a>,
}

impl<'a> Block<'a> {
    /// A file as a whole.
    pub(super) fn root(document: &'a Document) -> Result<Self, Noted> {
        let body = document.body()?;
        Ok(Block { header: document.whole(), kind: "", labels: Vec::new(), body, asked: RefCell::default() })
    }

    /// The value of an attribute, if it is there.
    pub(super) fn attribute(&self, name: &'static str) -> Result<Option<Value<'a>>, Noted> {
        self.asked.borrow_mut().push(name);
        let mut found = None;
        for structure in self.named(name) {
            match structure {
                Structure::Attribute(attribute) => found = Some(self.value(name, attribute)),
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
        self.attribute(name)?.map(read).transpose()
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
        read(self.attribute(name)?.ok_or_else(missing)?)
    }

    /// The blocks of that name, each with these labels. Those with other labels are noted and left out.
    pub(super) fn blocks<const N: usize>(
        &self,
        name: &'static str,
        labels: [&str; N],
    ) -> Vec<Result<(Block<'a>, [Label<'a>; N]), Noted>> {
        self.asked.borrow_mut().push(name);
        let read = |structure: &'a Structure| match structure {
            Structure::Block(block) => {
                let block = self.child(block);
                let labels = block.expect_labels(labels)?;
                Ok((block, labels))
            }
            Structure::Attribute(attribute) => {
                let message = format!("`{name}` is a block, not an attribute");
                let advice = format!("write `{}`, without `=`", header(name, labels));
                Err(self.spot(&attribute.key).advise(message, advice))
            }
        };
        self.named(name).map(read).collect()
    }

    /// Notes every name that was never asked for.
    pub(super) fn finish(self) {
        let document = self.header.document();
        for structure in self.body {
            let (what, name, spot) = match structure {
                Structure::Attribute(attribute) => ("attribute", &attribute.key, self.spot(&attribute.key)),
                Structure::Block(block) => ("block", &block.ident, self.spot(&block.ident)),
            };
            if document.is_repeated(name) {
                continue;
            }
            let asked = self.asked.borrow();
            if !asked.contains(&name.as_str()) {
                let message = match self.kind {
                    "" => format!("there is no {what} `{}` here", shown(name.as_str())),
                    kind => format!("`{kind}` has no {what} `{}`", shown(name.as_str())),
                };
                spot.tell(message, did_you_mean(name.as_str(), asked.iter().copied()));
            }
        }
    }

    fn child(&self, block: &'a hcl_edit::structure::Block) -> Self {
        let label = |label: &'a BlockLabel| Label { text: label.as_str(), spot: self.spot(label) };
        Block {
            header: self.spot(block),
            kind: block.ident.as_str(),
            labels: block.labels.iter().map(label).collect(),
            body: &block.body,
            asked: RefCell::default(),
        }
    }

    fn expect_labels<const N: usize>(&self, expected: [&str; N]) -> Result<[Label<'a>; N], Noted> {
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
            self.header.advise(message, format!("write `{}`", header(self.kind, expected)))
        })?;
        bad.map_or(Ok(labels), Err)
    }

    fn value(&self, name: &'static str, attribute: &'a Attribute) -> Value<'a> {
        Value { name, spot: self.spot(&attribute.value), expression: &attribute.value }
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

/// How the first line of a block looks.
fn header<const N: usize>(name: &str, labels: [&str; N]) -> String {
    let labels = labels.map(|label| format!("\"{label}\" ")).concat();
    format!("{name} {labels}{{ … }}")
}
