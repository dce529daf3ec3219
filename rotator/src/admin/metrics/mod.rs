//! `/metrics`, in the text format of Prometheus. Gauges and counters only: what is told holds at the moment of asking,
//! not at that of some event.

mod of_cluster;
mod of_rotation;
mod of_whole;
mod sampler;

use tokenferry_sources::Timestamp;

use self::sampler::Sampler;
use super::server::Picture;
use crate::observe::{Row, Snapshot};

pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One metric.
struct Family {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    samples: Samples,
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
}

/// Where its samples come from.
enum Samples {
    /// From each rotation.
    Rotation(fn(&Row, Timestamp, &mut Sampler<'_>)),
    /// From the program.
    Whole(fn(&Snapshot, &mut Sampler<'_>)),
    /// From the process: told when it was started.
    Process(fn(Timestamp, &mut Sampler<'_>)),
}

/// All metrics, piece by piece.
pub(super) struct Exposition {
    picture: Picture,
    started: Timestamp,
    family: usize,
    /// The next rotation to tell of; `None` before the first line of the family.
    row: Option<usize>,
}

impl Exposition {
    pub(super) fn new(picture: Picture, started: Timestamp) -> Self {
        Exposition { picture, started, family: 0, row: None }
    }

    /// Writes the next bit. Whether there was one.
    fn step(&mut self, text: &mut String) -> bool {
        let Some(family) = families().nth(self.family) else { return false };
        let (snapshot, mut sampler) = (&self.picture.snapshot, Sampler::new(text, family.name));
        let Some(row) = self.row else {
            sampler.begin(family);
            self.row = Some(0);
            return true;
        };
        match family.samples {
            Samples::Rotation(tell) if row < snapshot.rows.len() => {
                snapshot
                    .rows
                    .iter()
                    .skip(row)
                    .take(ROWS)
                    .for_each(|row| tell(row, snapshot.now, &mut sampler));
                self.row = Some(row + ROWS);
                return true;
            }
            Samples::Rotation(_) => {}
            Samples::Whole(tell) => tell(snapshot, &mut sampler),
            Samples::Process(tell) => tell(self.started, &mut sampler),
        }
        (self.family, self.row) = (self.family + 1, None);
        true
    }
}

impl Iterator for Exposition {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut text = String::with_capacity(PIECE + PIECE / 2);
        while text.len() < PIECE && self.step(&mut text) {}
        (!text.is_empty()).then_some(text)
    }
}

fn families() -> impl Iterator<Item = &'static Family> {
    of_whole::FAMILIES.iter().chain(of_cluster::FAMILIES).chain(of_rotation::FAMILIES)
}

/// About as many bytes are written at once.
const PIECE: usize = 16 * 1024;
/// As many rotations are told of between two looks at the size.
const ROWS: usize = 16;

#[cfg(test)]
mod tests;
