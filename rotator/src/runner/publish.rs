//! Writing a token to its destinations.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokenferry_sources::{Predecessor, Timestamp, Token};
use tracing::{debug, warn};

use super::Runner;
use super::job::{Job, Pending, State};
use super::place::{Place, living};
use super::trouble::Trouble;
use crate::entry::{Entry, Notes, Origin};
use crate::rotation::Destination;
use crate::run::Living;
use crate::vault::VaultError;

/// What was achieved at a destination.
#[derive(Clone, Copy)]
pub(super) enum Written {
    /// Our token stands there.
    Ours(Living),
    /// Another process was faster, and its token is as good.
    Theirs(Living),
}

impl Written {
    pub(super) fn living(&self) -> Living {
        match self {
            Written::Ours(living) | Written::Theirs(living) => *living,
        }
    }
}

impl Runner {
    /// Writes the pending token wherever it does not stand yet. It stays pending until it stands everywhere.
    pub(super) async fn publish_pending(
        &self,
        job: &Job,
        state: &mut State,
    ) -> Result<Vec<Written>, Trouble> {
        let State { places, pending, .. } = state;
        let Some(Pending { token, occurrence, replaces, written }) = pending.as_deref_mut() else {
            return Ok(Vec::new());
        };
        let mut trouble = None;
        let destinations = job.rotation.destinations.iter().zip(places).zip(replaces);
        for (((at, slot), replaces), done) in destinations.zip(written.iter_mut()) {
            if done.is_some() {
                continue;
            }
            let publication =
                Publication { runner: self, job, at, token, occurrence: *occurrence, replaces: *replaces };
            match publication.write(slot).await {
                Ok(achieved) => *done = Some(achieved),
                Err(error) => trouble = trouble.or(Some(error)),
            }
        }
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        let written = written.iter().copied().flatten().collect();
        *pending = None;
        Ok(written)
    }
}

/// One token on its way to one destination.
struct Publication<'a> {
    runner: &'a Runner,
    job: &'a Job,
    at: &'a Destination,
    token: &'a Token,
    occurrence: Timestamp,
    replaces: u64,
}

impl Publication<'_> {
    /// Writes; if somebody else wrote meanwhile and our token is still wanted, once more.
    async fn write(&self, slot: &mut Option<Place>) -> Result<Written, Trouble> {
        for _ in 0..2 {
            if slot.is_none()
                && let Some(achieved) = self.look_again(slot).await?
            {
                return Ok(achieved);
            }
            let Some(mut place) = slot.take() else { continue };
            place.check(self.job, self.at)?;
            if let Err(error) = self.claim(&mut place).await {
                *slot = Some(place);
                return Err(error.into());
            }
            match self.write_once(&mut place).await {
                Ok(achieved) => {
                    *slot = Some(place);
                    return Ok(achieved);
                }
                Err(VaultError::CasMismatch { .. }) => {
                    if let Some(achieved) = self.look_again(slot).await? {
                        return Ok(achieved);
                    }
                }
                Err(error) if error.leaves_doubt() => {
                    // It may have been done: it is looked up, not repeated.
                    return self.look_again(slot).await.ok().flatten().ok_or(Trouble::Vault(error));
                }
                Err(error) => {
                    *slot = Some(place);
                    return Err(error.into());
                }
            }
        }
        Err(Trouble::CasLost { at: self.at.clone() })
    }

    async fn write_once(&self, place: &mut Place) -> Result<Written, VaultError> {
        let rotation = &self.job.rotation;
        let origin = Origin {
            source: rotation.source.name.to_string(),
            rotation: rotation.name.to_string(),
            occurrence: self.occurrence,
            serial: place.serial + 1,
            writer: self.runner.writer.clone(),
        };
        let entry = Entry::new(self.token, |life| rotation.renew_before.of(life), origin);
        let version = self.runner.vault.write_entry(self.at, place.version, entry.to_json()).await?;
        let living = living(&entry, version);
        place.wrote(living);
        self.claim(place).await?;
        Ok(Written::Ours(living))
    }

    /// Puts our mark on a fresh place before the first data are there: a crash in between leaves a place that is
    /// ours, not an entry that seems foreign. Where a policy lets us mark only what exists, the mark comes after.
    async fn claim(&self, place: &mut Place) -> Result<(), VaultError> {
        if place.is_of(self.job) && !(place.owes_mark && place.exists()) {
            return Ok(());
        }
        let notes = Notes { owner: Some(Arc::clone(&self.job.rotation.name)), ..place.notes.clone() };
        let custom_metadata = place.with_notes(&notes);
        match self.runner.vault.set_custom_metadata(self.at, &custom_metadata).await {
            Ok(()) => place.noted(notes, custom_metadata),
            Err(VaultError::Forbidden { .. }) if !place.exists() => {
                (place.notes, place.owes_mark) = (notes, true);
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        debug!(rotation = &*self.job.rotation.name, destination = %self.at, "marked the destination as ours");
        Ok(())
    }

    /// Reads what stands there now, and whether that settles the matter: it is our token, or one as good.
    async fn look_again(&self, slot: &mut Option<Place>) -> Result<Option<Written>, Trouble> {
        let (place, entry) = self.runner.look(self.job, self.at).await?;
        place.check(self.job, self.at)?;
        let entry = entry.filter(|_| place.is_of(self.job));
        let version = place.version;
        *slot = Some(place);
        let Some(entry) = entry else { return Ok(None) };
        let living = living(&entry, version);
        if entry.holds(self.token) {
            return Ok(Some(Written::Ours(living)));
        }
        if version <= self.replaces || !self.is_as_good(&entry) {
            return Ok(None);
        }
        self.runner.adopted.fetch_add(1, Ordering::Relaxed);
        warn!(
            rotation = &*self.job.rotation.name,
            destination = %self.at,
            writer = entry.origin.writer,
            version,
            "another process rotated this at the same time; its token stays, ours is dropped"
        );
        Ok(Some(Written::Theirs(living)))
    }

    /// Whether readers are as well served by the entry of another process. Where logins leave the tokens before
    /// them alone, by its life: it may end up to a tenth of our token's life earlier. Where they may not, the later
    /// login is the one that is certain to be good. If nobody knows when the tokens end, by its occurrence.
    fn is_as_good(&self, theirs: &Entry) -> bool {
        if self.job.rotation.source.system.predecessor != Predecessor::LivesOn {
            return theirs.issued_at.timestamp() > self.token.issued_at.timestamp();
        }
        match (theirs.expires_at, self.token.expires_at(), self.token.life()) {
            (Some(theirs), Some(ours), Some(life)) => theirs >= ours - life / 10,
            _ => theirs.origin.occurrence.timestamp() >= self.occurrence.timestamp(),
        }
    }
}
