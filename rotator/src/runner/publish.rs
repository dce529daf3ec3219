//! Writing a token to its destinations.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use tokenferry_sources::{Predecessor, Timestamp, Token, rfc3339};
use tokenferry_vault::{Entry, Origin, VaultError};
use tracing::warn;

use super::Runner;
use super::job::{Job, Pending, State};
use super::place::{Place, end};
use super::trouble::Trouble;
use crate::rotation::Destination;
use crate::run::Living;

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
    /// Writes the pending token wherever it does not stand yet, and then our mark where it is missing: writing data
    /// with check-and-set is what claims a fresh place. The token stays pending until it stands everywhere.
    pub(super) async fn publish_pending(
        &self,
        job: &Job,
        state: &mut State,
    ) -> Result<Vec<Written>, Trouble> {
        self.keep_session(job, state).await;
        let written = self.write_pending(job, state).await;
        self.mark(job, state).await;
        written
    }

    async fn write_pending(&self, job: &Job, state: &mut State) -> Result<Vec<Written>, Trouble> {
        let State { places, pending, troubles, .. } = state;
        let Some(Pending { token, occurrence, replaces, written, .. }) = pending.as_deref_mut() else {
            return Ok(Vec::new());
        };
        let (token, occurrence) = (&*token, *occurrence);
        let destinations = job.rotation.destinations.iter().zip(places).zip(replaces);
        let missing =
            destinations.zip(written.iter_mut()).enumerate().filter(|(_, (_, done))| done.is_none());
        // One that is slow keeps no other waiting.
        let writes = missing.map(|(index, (((at, slot), replaces), done))| async move {
            let publication = Publication { runner: self, job, at, token, occurrence, replaces: *replaces };
            (index, publication.write(slot).await.map(|achieved| *done = Some(achieved)))
        });
        let mut trouble = None;
        for (index, written) in join_all(writes).await {
            match written {
                Ok(()) => troubles.clear(index),
                Err(error) => {
                    troubles.note(index, error.class());
                    // The first one is told as that of the run.
                    match &trouble {
                        Some(_) => tell_unwritten(job, index, &error),
                        None => trouble = Some(error),
                    }
                }
            }
        }
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        let written = written.iter().copied().flatten().collect();
        *pending = None;
        Ok(written)
    }

    /// Takes note of an entry that came to a destination while a token was waiting: one with this very token was
    /// written by us, even if the answer to that was lost.
    pub(super) fn find(&self, job: &Job, index: usize, pending: &mut Pending, place: &Place, entry: &Entry) {
        let Pending { token, occurrence, replaces, written, .. } = pending;
        let (at, replaces) = (job.rotation.destinations.get(index), replaces.get(index).copied());
        if let (Some(at), Some(replaces), Some(written)) = (at, replaces, written.get_mut(index)) {
            let publication = Publication { runner: self, job, at, token, occurrence: *occurrence, replaces };
            *written = publication.settles(place, entry);
        }
    }
}

fn tell_unwritten(job: &Job, index: usize, error: &Trouble) {
    if let Some(at) = job.rotation.destinations.get(index) {
        warn!(
            rotation = &*job.rotation.name, destination = %at, class = %error.class(), advice = error.advice(),
            "a destination did not get the token: {error}"
        );
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
                && let Some(achieved) = self.look_again(slot, None).await?
            {
                return Ok(achieved);
            }
            slot.as_ref().map_or(Ok(()), |place| place.check(self.job, self.at))?;
            let Some(mut place) = slot.take() else { continue };
            match self.write_once(&mut place).await {
                Ok(achieved) => {
                    *slot = Some(place);
                    return Ok(achieved);
                }
                Err(VaultError::CasMismatch { .. }) => {
                    if let Some(achieved) = self.look_again(slot, Some(&place)).await? {
                        return Ok(achieved);
                    }
                }
                Err(error) if error.leaves_doubt() => {
                    // It may have been done: it is looked up, not repeated.
                    let looked = self.look_again(slot, Some(&place)).await;
                    place.is_doubted = true;
                    slot.get_or_insert(place);
                    return looked.ok().flatten().ok_or(Trouble::Vault(error));
                }
                Err(error) => {
                    place.is_doubted = !error.is_answer();
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
        let fields = entry.to_json(&self.at.fields);
        let stored = self.runner.vault.write_entry(&self.at.entry, place.version, fields).await?;
        let expires_at = end(&entry, stored.vanishes_at);
        if expires_at != entry.expires_at {
            self.tell_vanishing(expires_at);
        }
        let living = Living { issued_at: entry.issued_at, expires_at, version: stored.version };
        place.wrote(self.job, living, self.occurrence, stored.custom_metadata.as_ref());
        Ok(Written::Ours(living))
    }

    fn tell_vanishing(&self, at: Option<Timestamp>) {
        warn!(
            rotation = &*self.job.rotation.name, destination = %self.at, at = at.map(rfc3339),
            "Vault deletes this entry before its token ends, so it is renewed earlier: somebody set \
             `delete_version_after` for it"
        );
    }

    /// Reads what stands there now, and whether that settles the matter: it is our token, or one as good.
    async fn look_again(
        &self,
        slot: &mut Option<Place>,
        known: Option<&Place>,
    ) -> Result<Option<Written>, Trouble> {
        let (mut place, entry) = self.runner.look(self.job, self.at).await?;
        self.runner.compare(known.map_or(0, |known| known.version), place.version);
        place.check(self.job, self.at)?;
        place.follows(known.map(|known| known.serial));
        let achieved = entry.and_then(|entry| self.settles(&place, &entry));
        *slot = Some(place);
        Ok(achieved)
    }

    /// Whether an entry that came in between settles the matter.
    fn settles(&self, place: &Place, entry: &Entry) -> Option<Written> {
        let living = place.served().filter(|_| place.is_of(self.job))?;
        if entry.holds(self.token) {
            return Some(Written::Ours(living));
        }
        let is_new = place.version > self.replaces;
        if !is_new || !self.is_of_same_login(entry) || !self.is_as_good(entry) {
            return None;
        }
        self.runner.adopted.fetch_add(1, Ordering::Relaxed);
        warn!(
            rotation = &*self.job.rotation.name,
            destination = %self.at,
            writer = entry.origin.writer,
            version = place.version,
            "another process rotated this at the same time; its token stays, ours is dropped"
        );
        Some(Written::Theirs(living))
    }

    /// Whether another process with the same configuration wrote it. While a new one is rolled out, another may still
    /// log in elsewhere.
    fn is_of_same_login(&self, theirs: &Entry) -> bool {
        let ours = &self.token.identity;
        theirs.origin.rotation == *self.job.rotation.name
            && (&*theirs.system, &theirs.issuer, &theirs.subject)
                == (ours.system, &ours.issuer, &ours.subject)
    }

    /// Whether readers are as well served by the entry of another process. Where logins leave the tokens before
    /// them alone, by its life: it may end up to a tenth of our token's life earlier. Where they may not, the later
    /// login is the one that is certain to be good. If nobody knows when the tokens end, by its occurrence.
    fn is_as_good(&self, theirs: &Entry) -> bool {
        if self.job.rotation.source.predecessor() != Predecessor::LivesOn {
            return theirs.issued_at.timestamp() > self.token.issued_at.timestamp();
        }
        match (theirs.expires_at, self.token.expires_at(), self.token.life()) {
            (Some(theirs), Some(ours), Some(life)) => theirs >= ours - life / 10,
            _ => theirs.origin.occurrence.timestamp() >= self.occurrence.timestamp(),
        }
    }
}
