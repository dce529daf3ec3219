//! What is wrong with settings, and where.

use crate::system::{capitalized, decided_later};
use crate::{FieldProblem, Place};

/// A place in the settings.
#[derive(Clone)]
pub(super) struct Spot {
    field: &'static str,
    within: Vec<Place>,
}

impl Spot {
    pub(super) fn field(field: &'static str) -> Self {
        Spot { field, within: Vec::new() }
    }

    pub(super) fn index(&self, index: usize) -> Self {
        self.deeper(Place::Index(index))
    }

    pub(super) fn name(&self, name: &str) -> Self {
        self.deeper(Place::Name(name.to_owned()))
    }

    fn deeper(&self, place: Place) -> Self {
        let within = self.within.iter().cloned().chain([place]).collect();
        Spot { within, ..*self }
    }

    /// As in `url`.
    fn innermost(&self) -> &str {
        let named = self.within.iter().rev().find_map(|place| match place {
            Place::Name(name) => Some(name.as_str()),
            Place::Index(_) => None,
        });
        named.unwrap_or(self.field)
    }

    /// As in `request[0].url`.
    fn path(&self) -> String {
        self.within.iter().fold(super::SYSTEM.qualified(self.field), |path, place| match place {
            Place::Index(index) => format!("{path}[{index}]"),
            Place::Name(name) => format!("{path}.{name}"),
        })
    }
}

/// Everything that stands in the way.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) problems: Vec<FieldProblem>,
    /// What is decided only later. No problem before a login.
    unknown: Vec<Spot>,
}

impl Notes {
    /// `wrong` begins as in "it must be a text", and has no full stop.
    pub(super) fn wrong(&mut self, spot: &Spot, wrong: impl Into<String>) {
        let problem = FieldProblem::malformed(spot.field, &spot.path(), wrong.into());
        self.problems.push(FieldProblem { within: spot.within.clone(), ..problem });
    }

    pub(super) fn missing(&mut self, spot: &Spot, what: &str) {
        let name = spot.path();
        let detail = format!("{} needs {what}.", capitalized(super::SYSTEM.title));
        let problem = FieldProblem::error(spot.field, format!("Missing `{name}`"), detail);
        let reason = format!("missing `{}`", spot.innermost());
        self.problems.push(FieldProblem { within: spot.within.clone(), reason, ..problem });
    }

    pub(super) fn unknown(&mut self, spot: &Spot) {
        self.unknown.push(spot.clone());
    }

    /// How much stands in the way, to tell whether something was added.
    pub(super) fn count(&self) -> usize {
        self.problems.len() + self.unknown.len()
    }

    /// The problems before a login, for which everything has to be known.
    pub(super) fn before_login(self) -> Vec<FieldProblem> {
        let late = self.unknown.iter().map(|spot| {
            let name = spot.path();
            let detail = decided_later(&name, &super::SYSTEM);
            let problem = FieldProblem::error(spot.field, format!("`{name}` is not known yet"), detail);
            FieldProblem { within: spot.within.clone(), ..problem }
        });
        let late: Vec<FieldProblem> = late.collect();
        self.problems.into_iter().chain(late).collect()
    }
}
