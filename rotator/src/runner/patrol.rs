//! Looking again at what is known already: another process may have written there, or Vault may have lost it.

use std::sync::atomic::Ordering;

use tokenferry_vault::VaultError;

use super::Runner;
use super::job::Job;
use super::place::Place;
use crate::run::{RotationId, Standing};

/// What is compared of a destination.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Glance {
    version: u64,
    is_live: bool,
    /// When the failure was that is noted there, in seconds: finer it is not noted.
    failed_at: Option<i64>,
}

impl Runner {
    /// What stands in the destinations of a rotation, if others have changed that since it was read or written here.
    /// Nobody waits for this: a rotation that runs, or whose token waits to be written, is left alone. That Vault has
    /// lost an entry is kept for [`Runner::take_loss`].
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn look_again(&self, rotation: RotationId) -> Result<Option<Standing>, VaultError> {
        let Some((job, before)) = self.job(rotation).and_then(|job| Some((job, known(job)?))) else {
            return Ok(None);
        };
        let (mut is_lost, mut is_changed) = (false, false);
        for (at, known) in job.rotation.destinations.iter().zip(&before) {
            let Some(known) = known else { continue };
            let (place, _) = self.look(job, at).await?;
            let found = Glance::of(&place);
            is_lost |= found.version < known.version;
            is_changed |= place.is_of(job) && found.is_news_to(*known);
        }
        // It may have run meanwhile, and then what was known before is not worth comparing with.
        if self::known(job).as_ref() != Some(&before) {
            return Ok(None);
        }
        if is_lost {
            self.lost.store(true, Ordering::Relaxed);
            return Ok(None);
        }
        if is_changed { self.standing(rotation).await.map(Some) } else { Ok(None) }
    }
}

/// What was known last of each destination that is ours or nobody's. `None` if nobody but a run should look there.
fn known(job: &Job) -> Option<Vec<Option<Glance>>> {
    let state = job.state.try_lock().ok().filter(|state| state.pending.is_none())?;
    let is_meant = |place: &&Place| !place.is_doubted && (place.is_of(job) || place.version == 0);
    let glance = |slot: &Option<Place>| slot.as_ref().filter(is_meant).map(Glance::of);
    Some(state.places.iter().map(glance).collect())
}

impl Glance {
    fn of(place: &Place) -> Self {
        let failed_at = place.notes.failure.as_ref().map(|failure| failure.at.timestamp());
        Glance { version: place.version, is_live: place.is_live(), failed_at }
    }

    /// That a note was taken back alone is none: whoever succeeds has written, too.
    fn is_news_to(self, known: Glance) -> bool {
        (self.version, self.is_live) != (known.version, known.is_live) || self.failed_at > known.failed_at
    }
}
