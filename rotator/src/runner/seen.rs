//! What a destination looks like to somebody who only looks.

use tokenferry_vault::{Entry, VaultError};

use super::Runner;
use crate::run::{Class, Living, RotationId};

/// Why we may not write to a destination.
#[derive(Clone, Debug)]
pub struct Objection {
    /// What a run would fail with.
    pub class: Class,
    /// What stands in the way.
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

/// What stands in a destination.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The version that stands there; 0 if there never was one.
    pub version: u64,
    /// Whether that version holds data: it does not after a deletion.
    pub is_live: bool,
    /// The token that readers find, if the entry is ours.
    pub living: Option<Living>,
    /// Whether that version vanishes by itself before its token ends.
    pub vanishes: bool,
    /// Why we may not write there.
    pub objection: Option<Objection>,
}

impl Runner {
    /// Reads a destination of a rotation, and keeps nothing of it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn see(&self, rotation: RotationId, destination: usize) -> Result<Seen, VaultError> {
        let Some(job) = self.job(rotation) else { return Ok(Seen::default()) };
        let Some(at) = job.rotation.destinations.get(destination) else { return Ok(Seen::default()) };
        let (place, entry) = self.look(job, at).await?;
        let living = place.living.filter(|_| place.is_of(job));
        let vanishes = |entry: Entry| living.is_some_and(|living| living.expires_at != entry.expires_at);
        let ended = self.ended_by_refresh(job).await?;
        let now = self.clock.now();
        Ok(Seen {
            version: place.version,
            is_live: place.is_live(),
            living: living.map(|living| ended.map_or(living, |ended| ended.left(&place, living, now))),
            vanishes: entry.is_some_and(vanishes),
            objection: place.objection(job, at),
        })
    }
}
