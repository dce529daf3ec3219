//! What is known of one destination.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use tokenferry_sources::Timestamp;
use tokenferry_vault::{Entry, EntryError, Found, VaultError};

use super::Runner;
use super::job::{Job, State, expected_life};
use super::renamed::stored;
use super::seen::Objection;
use super::trouble::Trouble;
use crate::notes::Notes;
use crate::rotation::Destination;
use crate::run::Living;

pub(super) struct Place {
    pub(super) version: u64,
    pub(super) serial: u64,
    pub(super) notes: Notes,
    /// Which rotation the entry names, if we may read it and it is one of this program's.
    rotation: Option<Arc<str>>,
    /// The token that stands there, if the entry is one of ours.
    pub(super) living: Option<Living>,
    /// The planned time that it was for, as far as the entry was read.
    pub(super) occurrence: Option<Timestamp>,
    /// Whether that stands under other names than readers look for by now.
    pub(super) is_renamed: bool,
    /// Whether Vault has to be asked before anything is done for its sake: it did not take the last write.
    pub(super) is_doubted: bool,
    holds: Holds,
    newer_schema: Option<u64>,
}

/// What stands in an entry.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Holds {
    Nothing,
    /// Versions that whoever made them can have back.
    Deleted,
    Living,
}

impl Place {
    /// What a read tells, and the entry itself. `life` is that of a token whose end cannot be read.
    fn new(found: &Found, job: &Job, at: &Destination, life: Option<Duration>) -> (Self, Option<Entry>) {
        let notes = notes(&found.custom_metadata, job);
        let stored = found.data.as_ref().map(|data| stored(data, &at.fields, &notes.fields));
        let (entry, is_renamed) = stored.map_or((None, false), |(entry, renamed)| (Some(entry), renamed));
        let newer_schema = match &entry {
            Some(Err(EntryError::Newer { schema })) => Some(*schema),
            _ => None,
        };
        let entry = entry.and_then(Result::ok);
        let place = Place {
            version: found.version,
            // Where we may not read, versions count as well.
            serial: entry.as_ref().map_or(found.version, |entry| entry.origin.serial),
            notes,
            living: entry.as_ref().map(|entry| living(entry, found)).or_else(|| unread(found, life)),
            occurrence: entry.as_ref().map(|entry| entry.origin.occurrence),
            is_renamed,
            rotation: entry.as_ref().map(|entry| shared(entry.origin.rotation.as_str().into(), job)),
            is_doubted: false,
            holds: Holds::of(found),
            newer_schema,
        };
        (place, entry)
    }

    /// Whether it is ours: by the mark; where there is none yet, by what the entry itself says.
    pub(super) fn is_of(&self, job: &Job) -> bool {
        self.owner() == Some(&*job.rotation.name)
    }

    /// Whether the entry is ours, but not marked as what it is: the mark comes after the data.
    pub(super) fn owes_mark(&self, job: &Job, at: &Destination) -> bool {
        let is_told = self.notes.owner.is_some() && (self.is_renamed || self.notes.fields == at.fields);
        !is_told && self.is_of(job)
    }

    /// The token that readers find.
    pub(super) fn served(&self) -> Option<Living> {
        self.living.filter(|_| !self.is_renamed)
    }

    /// Whether the entry itself was seen, not just that there is one.
    pub(super) fn is_seen(&self) -> bool {
        self.rotation.is_some()
    }

    /// Whether readers find data.
    pub(super) fn is_live(&self) -> bool {
        self.holds == Holds::Living
    }

    fn owner(&self) -> Option<&str> {
        let named = self.rotation.as_deref().filter(|_| self.is_live());
        self.notes.owner.as_deref().or(named)
    }

    /// Whether we may write there. The mark guards against mistakes, not against attackers.
    pub(super) fn check(&self, job: &Job, at: &Destination) -> Result<(), Trouble> {
        match (self.owner(), self.newer_schema) {
            (Some(owner), _) if !self.is_of(job) => {
                let ours = Arc::clone(&job.rotation.name);
                Err(Trouble::OtherRotation { at: at.clone(), owner: owner.to_owned(), ours })
            }
            (Some(_), Some(schema)) => Err(Trouble::NewerSchema { at: at.clone(), schema }),
            (None, _) if self.holds != Holds::Nothing && !at.adopt => {
                Err(Trouble::ForeignEntry { at: at.clone(), is_live: self.is_live() })
            }
            _ => Ok(()),
        }
    }

    /// Why we may not write there, and what to do about it.
    pub(super) fn objection(&self, job: &Job, at: &Destination) -> Option<Objection> {
        let told = |trouble: Trouble| Objection {
            class: trouble.class(),
            what: trouble.to_string(),
            advice: trouble.advice(),
        };
        self.check(job, at).err().map(told)
    }

    /// Whether we may write notes there, which replaces all that is noted, by what was found just now: it has our
    /// mark, or it has none and is still what we knew, which is ours or nothing at all.
    pub(super) fn check_notes(&self, job: &Job, at: &Destination, found: &Found) -> Result<(), Trouble> {
        let (now, _) = Place::new(found, job, at, None);
        let unchanged = now.notes.owner.is_none() && now.version == self.version;
        if unchanged && (self.is_of(job) || now.holds == Holds::Nothing) {
            return Ok(());
        }
        now.check(job, &Destination { adopt: false, ..at.clone() })?;
        if now.is_of(job) { Ok(()) } else { Err(Trouble::CasLost { at: at.clone() }) }
    }

    /// Goes on counting where an entry was deleted with all that was known of it.
    pub(super) fn follows(&mut self, serial: Option<u64>) {
        if !self.is_live() {
            self.serial = self.serial.max(serial.unwrap_or_default());
        }
    }

    /// The entry that we wrote there, and what is noted beside it by now: another process may have noted a failure.
    pub(super) fn wrote(
        &mut self,
        job: &Job,
        living: Living,
        occurrence: Timestamp,
        custom_metadata: Option<&BTreeMap<String, String>>,
    ) {
        if let Some(custom_metadata) = custom_metadata {
            self.notes = notes(custom_metadata, job);
        }
        self.rotation = Some(Arc::clone(&job.rotation.name));
        self.version = living.version;
        self.serial += 1;
        (self.living, self.occurrence) = (Some(living), Some(occurrence));
        self.holds = Holds::Living;
        (self.is_doubted, self.is_renamed) = (false, false);
    }
}

impl Holds {
    fn of(found: &Found) -> Self {
        match (found.is_live, found.holds_data) {
            (true, _) => Holds::Living,
            (false, true) => Holds::Deleted,
            (false, false) => Holds::Nothing,
        }
    }
}

impl Runner {
    /// Reads what is not known yet, and finds out where we may write; where the pending token is found to stand
    /// already, or one as good, that is noted. What stands in the way of some destinations, if not of all: the others
    /// get their token all the same.
    ///
    /// # Errors
    /// When there is nowhere to write to, or Vault itself is in trouble.
    pub(super) async fn check_places(
        &self,
        job: &Job,
        state: &mut State,
    ) -> Result<Option<Trouble>, Trouble> {
        let State { places, pending, troubles, .. } = state;
        let destinations = job.rotation.destinations.iter().zip(places);
        let checked = join_all(destinations.map(|(at, slot)| self.check_place(job, at, slot))).await;
        let mut first = None;
        let mut may_write = false;
        for (index, checked) in checked.into_iter().enumerate() {
            match checked {
                Ok(came) => {
                    may_write = true;
                    troubles.clear(index);
                    if let (Some(pending), Some((place, entry))) = (pending.as_mut(), came) {
                        self.find(job, index, pending, place, &entry);
                    }
                }
                Err(Trouble::Vault(error)) if error.concerns_all() => return Err(error.into()),
                Err(trouble) => {
                    troubles.note(index, trouble.class());
                    first = first.or(Some(trouble));
                }
            }
        }
        match first {
            Some(trouble) if !may_write => Err(trouble),
            first => Ok(first),
        }
    }

    /// An entry that was not known to stand there, if there is one.
    async fn check_place<'a>(
        &self,
        job: &Job,
        at: &Destination,
        slot: &'a mut Option<Place>,
    ) -> Result<Option<(&'a Place, Entry)>, Trouble> {
        if slot.as_ref().is_some_and(|place| !place.is_doubted && place.check(job, at).is_ok()) {
            return Ok(None);
        }
        let known = slot.as_ref().map(|place| (place.version, place.serial));
        let (mut place, entry) = self.look(job, at).await?;
        place.follows(known.map(|(_, serial)| serial));
        self.compare(known.map_or(0, |(version, _)| version), place.version);
        let place = slot.insert(place);
        place.check(job, at)?;
        if place.version == 0 {
            self.vault.expect_kv2(&at.entry).await?;
        }
        let is_new = known.map(|(version, _)| version) != Some(place.version);
        Ok(entry.filter(|_| is_new).map(|entry| (&*place, entry)))
    }

    /// Reads a destination.
    pub(super) async fn look(
        &self,
        job: &Job,
        at: &Destination,
    ) -> Result<(Place, Option<Entry>), VaultError> {
        let found = self.vault.read_entry(&at.entry).await?;
        Ok(Place::new(&found, job, at, expected_life(&job.rotation.source)))
    }
}

fn living(entry: &Entry, found: &Found) -> Living {
    Living { issued_at: entry.issued_at, expires_at: end(entry, found.vanishes_at), version: found.version }
}

/// When readers lose a token: with its end, or with the entry if the engine is told to delete that before. Not much
/// before its time, for each entry that is gone costs a login.
pub(super) fn end(entry: &Entry, vanishes_at: Option<Timestamp>) -> Option<Timestamp> {
    let Some(vanishes_at) = vanishes_at else { return entry.expires_at };
    let Some(expires_at) = entry.expires_at else { return Some(vanishes_at) };
    let least = entry.issued_at + (expires_at - entry.issued_at) / LEAST_PART;
    Some(expires_at.min(vanishes_at.max(least)))
}

fn notes(custom_metadata: &BTreeMap<String, String>, job: &Job) -> Notes {
    let notes = Notes::read(custom_metadata);
    Notes { owner: notes.owner.map(|owner| shared(owner, job)), ..notes }
}

/// The name of a rotation, which is not kept once more if it is that of the job: there may be thousands of places.
fn shared(name: Arc<str>, job: &Job) -> Arc<str> {
    if name == job.rotation.name { Arc::clone(&job.rotation.name) } else { name }
}

/// What a policy without `read` leaves to be known. The end is reckoned by what is known beforehand, so that the token
/// is replaced in time after a restart, too; it is never written down.
fn unread(found: &Found, life: Option<Duration>) -> Option<Living> {
    let issued_at = found.written_at.filter(|_| found.is_live && !found.data_readable)?;
    let expires_at = life.and_then(|life| issued_at.checked_add_signed(TimeDelta::from_std(life).ok()?));
    Some(Living { issued_at, expires_at, version: found.version })
}

/// Of the life of a token: sooner than after this part of it, no entry is taken for gone.
const LEAST_PART: i32 = 4;
