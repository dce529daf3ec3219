//! What can be told of the destinations of a rotation beyond what is needed to rotate it.

use tokenferry_sources::Timestamp;
use tokenferry_vault::{Origin, VaultError, WrittenVersion};

use super::Runner;
use super::seen::Objection;
use crate::rotation::Destination;
use crate::run::{Living, RotationId};

/// What stands in a destination, and how it came to be.
#[derive(Debug)]
pub struct Detail {
    /// The token that readers find, if the entry is one of ours.
    pub living: Option<Living>,
    /// When a refresh ended that token, or may have, if one did.
    pub ended_at: Option<Timestamp>,
    /// How it came to be, if we may read that.
    pub origin: Option<Origin>,
    /// Why we may not write there.
    pub objection: Option<Objection>,
    /// When its versions were written; empty where we may not read that.
    pub history: Vec<WrittenVersion>,
}

impl Detail {
    /// When the version that readers find was written.
    pub fn written_at(&self) -> Option<Timestamp> {
        let version = self.living?.version;
        self.history.iter().find(|written| written.version == version).map(|written| written.at)
    }
}

impl Runner {
    /// Reads all that can be told of each destination of a rotation.
    pub async fn details(&self, rotation: RotationId) -> Vec<(Destination, Result<Detail, VaultError>)> {
        let mut details = Vec::new();
        let Some(job) = self.job(rotation) else { return details };
        // Where that cannot be read, nothing is known of the whole rotation, and that is told.
        let ended = self.ended_by_refresh(job).await.ok().flatten();
        for at in &job.rotation.destinations {
            let detail = match self.look(job, at).await {
                Ok((place, entry)) => Ok(Detail {
                    living: place.living.filter(|_| place.is_of(job)),
                    ended_at: ended.and_then(|ended| ended.end_of(&place, place.living?, self.clock.now())),
                    objection: place.objection(job, at),
                    origin: entry.map(|entry| entry.origin),
                    history: self.vault.read_history(&at.entry).await.unwrap_or_default(),
                }),
                Err(error) => Err(error),
            };
            details.push((at.clone(), detail));
        }
        details
    }
}
