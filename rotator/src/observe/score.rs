//! How runs ended.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::rotation::Rotation;
use crate::run::{Class, Outcome};
use crate::source::Source;

/// How runs ended since the start of the process. It goes by names, so that it outlives a change of the configuration.
#[derive(Debug, Default)]
pub struct Score {
    runs: HashMap<Arc<str>, Runs>,
    failures: BTreeMap<(Arc<str>, Class), u64>,
}

/// How the runs of one rotation ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Runs {
    /// With a new token in every destination.
    pub rotated: u32,
    /// With a token that somebody else had put there.
    pub already_done: u32,
    /// With trouble that may pass.
    pub failed: u32,
    /// With a new token in some destinations, and trouble with the others.
    pub partly: u32,
    /// With trouble that lasts until somebody changes something.
    pub refused: u32,
    /// How many destinations the last one left without the new token, while others got it.
    pub missed: u32,
}

impl Score {
    /// Counts a run.
    pub fn note(&mut self, rotation: &Rotation, outcome: &Outcome) {
        if !self.runs.contains_key(&rotation.name) {
            self.runs.insert(Arc::clone(&rotation.name), Runs::default());
        }
        let Some(runs) = self.runs.get_mut(&rotation.name) else { return };
        let (count, class) = match outcome {
            Outcome::AlreadyDone(_) => (&mut runs.already_done, None),
            Outcome::Failed { class, .. } => (&mut runs.failed, Some(class)),
            Outcome::Partly { class, .. } => (&mut runs.partly, Some(class)),
            Outcome::Refused { class, .. } => (&mut runs.refused, Some(class)),
            Outcome::Rotated(_) => (&mut runs.rotated, None),
        };
        *count = count.saturating_add(1);
        runs.missed = match outcome {
            Outcome::Partly { missed, .. } => *missed,
            _ => 0,
        };
        if let Some(class) = class {
            *self.failures.entry((Arc::clone(&rotation.source.name), class.clone())).or_default() += 1;
        }
    }

    /// How the runs of a rotation ended.
    pub fn runs(&self, rotation: &Rotation) -> Runs {
        self.runs.get(&rotation.name).copied().unwrap_or_default()
    }

    /// The failures of these sources, by class.
    pub fn failures<'a>(
        &'a self,
        sources: &'a BTreeMap<&'a str, &'a Arc<Source>>,
    ) -> impl Iterator<Item = (Arc<Source>, Class, u64)> + 'a {
        self.failures.iter().filter_map(|((name, class), count)| {
            Some((Arc::clone(sources.get(&**name)?), class.clone(), *count))
        })
    }
}
