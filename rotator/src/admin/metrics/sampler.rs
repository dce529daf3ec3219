//! Writing samples. Names of rotations and sources, classes and names of systems consist of letters, digits, `-`, `_` and
//! `.`: nothing in a label has to be escaped.

use std::fmt::{Arguments, Display, Write as _};

use super::{Family, Kind};
use crate::observe::Row;

/// Writes the samples of one metric.
pub(super) struct Sampler<'a> {
    text: &'a mut String,
    name: &'static str,
}

/// A label that a metric has beside those of its rotation.
pub(super) type Label<'a> = (&'static str, &'a str);

impl<'a> Sampler<'a> {
    pub(super) fn new(text: &'a mut String, name: &'static str) -> Self {
        Sampler { text, name }
    }

    /// Says what it is.
    pub(super) fn begin(&mut self, family: &Family) {
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let (name, help) = (family.name, family.help);
        self.write(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    pub(super) fn put(&mut self, labels: &[Label<'_>], value: impl Display) {
        let name = self.name;
        self.write(format_args!("{name}"));
        self.labels(labels.iter().copied());
        self.write(format_args!(" {value}\n"));
    }

    /// A sample of a rotation.
    pub(super) fn put_of(&mut self, row: &Row, more: Option<Label<'_>>, value: impl Display) {
        let (rotation, source) = (&*row.rotation, &*row.rotation.source);
        let labels: [Label<'_>; 3] =
            [("rotation", &rotation.name), ("source", &source.name), ("system", source.system.name)];
        let name = self.name;
        self.write(format_args!("{name}"));
        self.labels(labels.into_iter().chain(more));
        self.write(format_args!(" {value}\n"));
    }

    fn labels<'l>(&mut self, labels: impl Iterator<Item = Label<'l>>) {
        let mut before = '{';
        for (name, value) in labels {
            self.write(format_args!("{before}{name}=\"{value}\""));
            before = ',';
        }
        if before == ',' {
            self.text.push('}');
        }
    }

    /// A string takes whatever is written to it.
    fn write(&mut self, what: Arguments<'_>) {
        self.text.write_fmt(what).unwrap_or_default();
    }
}
