//! Where in a configuration something stands.

use std::fmt;

use tfplugin_proto::tfplugin6 as pb;
use tfplugin_proto::tfplugin6::attribute_path::step::Selector;

/// The way from the top of a configuration to an attribute, such as `zscaler.base_url`.
///
/// Elements of sets have no address: a path to one ends at the set itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttributePath(Vec<Step>);

/// One step of an [`AttributePath`].
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Attribute(String),
    Index(i64),
    Key(String),
}

impl AttributePath {
    /// The configuration as a whole.
    pub fn root() -> Self {
        Self::default()
    }

    /// The attribute `name` within this.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Self {
        self.step(Step::Attribute(name.to_owned()))
    }

    /// The element at `index` within this list.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.step(Step::Index(i64::try_from(index).unwrap_or(i64::MAX)))
    }

    /// The element with `key` within this map.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.step(Step::Key(key.to_owned()))
    }

    /// As people write it in messages, keys without quotes: `secrets.key.env`.
    pub fn in_words(&self) -> String {
        let words = |(place, step): (usize, &Step)| match step {
            Step::Index(index) => format!("[{index}]"),
            Step::Attribute(name) | Step::Key(name) if place == 0 => name.clone(),
            Step::Attribute(name) | Step::Key(name) => format!(".{name}"),
        };
        self.0.iter().enumerate().map(words).collect()
    }

    pub(crate) fn to_proto(&self) -> Option<pb::AttributePath> {
        if self.0.is_empty() {
            return None;
        }
        Some(pb::AttributePath { steps: self.0.iter().map(Step::to_proto).collect() })
    }

    fn step(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl Step {
    fn to_proto(&self) -> pb::attribute_path::Step {
        let selector = match self {
            Self::Attribute(name) => Selector::AttributeName(name.clone()),
            Self::Index(index) => Selector::ElementKeyInt(*index),
            Self::Key(key) => Selector::ElementKeyString(key.clone()),
        };
        pb::attribute_path::Step { selector: Some(selector) }
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Attribute(name) if position == 0 => f.write_str(name)?,
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
            }
        }
        Ok(())
    }
}
