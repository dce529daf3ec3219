//! What is known of one destination.

use std::collections::BTreeMap;

use super::Runner;
use super::job::{Job, State};
use super::trouble::Trouble;
use crate::entry::{Entry, EntryError, Notes};
use crate::rotation::Destination;
use crate::run::Living;
use crate::vault::{Found, VaultError};

pub(super) struct Place {
    pub(super) version: u64,
    pub(super) serial: u64,
    pub(super) notes: Notes,
    /// Our mark is not on it yet, although it is ours: we may only mark what exists.
    pub(super) owes_mark: bool,
    /// The token that readers find, if the entry is one of ours.
    pub(super) living: Option<Living>,
    custom_metadata: BTreeMap<String, String>,
    is_live: bool,
    newer_schema: Option<u64>,
}

impl Place {
    /// What a read tells, and the entry itself.
    fn new(found: &Found) -> (Self, Option<Entry>) {
        let entry = found.data.as_ref().map(|data| Entry::from_json(data.fields()));
        let newer_schema = match &entry {
            Some(Err(EntryError::Newer { schema })) => Some(*schema),
            _ => None,
        };
        let entry = entry.and_then(Result::ok);
        let place = Place {
            version: found.version,
            // Where we may not read, versions count as well.
            serial: entry.as_ref().map_or(found.version, |entry| entry.origin.serial),
            notes: Notes::read(&found.custom_metadata),
            owes_mark: false,
            living: entry.as_ref().map(|entry| living(entry, found.version)).or_else(|| unread(found)),
            custom_metadata: found.custom_metadata.clone(),
            is_live: found.is_live,
            newer_schema,
        };
        (place, entry)
    }

    /// Whether our mark is on it.
    pub(super) fn is_of(&self, job: &Job) -> bool {
        self.notes.owner.as_deref() == Some(&*job.rotation.name)
    }

    /// Whether we may write there. The mark guards against mistakes, not against attackers.
    pub(super) fn check(&self, job: &Job, at: &Destination) -> Result<(), Trouble> {
        let at = || at.clone();
        match (&self.notes.owner, self.newer_schema) {
            (Some(owner), _) if !self.is_of(job) => {
                Err(Trouble::OtherRotation { at: at(), owner: owner.clone() })
            }
            (Some(_), Some(schema)) => Err(Trouble::NewerSchema { at: at(), schema }),
            (None, _) if self.is_live && !at().adopt => Err(Trouble::ForeignEntry { at: at() }),
            _ => Ok(()),
        }
    }

    /// Whether anything was ever written there.
    pub(super) fn exists(&self) -> bool {
        self.version > 0
    }

    /// Notes that stand after this.
    pub(super) fn noted(&mut self, notes: Notes, custom_metadata: BTreeMap<String, String>) {
        (self.notes, self.owes_mark) = (notes, false);
        self.custom_metadata = custom_metadata;
    }

    /// All notes with ours among them.
    pub(super) fn with_notes(&self, notes: &Notes) -> BTreeMap<String, String> {
        let mut custom_metadata = self.custom_metadata.clone();
        notes.merge(&mut custom_metadata);
        custom_metadata
    }

    /// The entry that we wrote there.
    pub(super) fn wrote(&mut self, living: Living) {
        self.version = living.version;
        self.serial += 1;
        self.living = Some(living);
        self.is_live = true;
    }
}

impl Runner {
    /// Reads what is not known yet, and finds out whether we may write everywhere. Where the pending token is found
    /// to stand already, that is noted.
    pub(super) async fn check_places(&self, job: &Job, state: &mut State) -> Result<(), Trouble> {
        let State { places, pending, .. } = state;
        for (index, (at, slot)) in job.rotation.destinations.iter().zip(places).enumerate() {
            if let Some(place) = slot.as_ref()
                && place.check(job, at).is_ok()
            {
                continue;
            }
            let (place, entry) = self.look(at).await?;
            let checked = place.check(job, at);
            if let (Some(pending), Some(entry)) = (pending.as_mut(), entry) {
                pending.found(index, &entry, place.version);
            }
            *slot = Some(place);
            checked?;
        }
        Ok(())
    }

    /// Reads a destination.
    pub(super) async fn look(&self, at: &Destination) -> Result<(Place, Option<Entry>), VaultError> {
        self.vault.read_entry(at).await.map(|found| Place::new(&found))
    }
}

pub(super) fn living(entry: &Entry, version: u64) -> Living {
    Living { issued_at: entry.issued_at, expires_at: entry.expires_at, version }
}

/// What a policy without `read` leaves to be known.
fn unread(found: &Found) -> Option<Living> {
    let issued_at = found.written_at.filter(|_| found.is_live && !found.data_readable)?;
    Some(Living { issued_at, expires_at: None, version: found.version })
}
