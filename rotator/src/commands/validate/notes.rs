//! What is worth a word although it does not make a configuration wrong: here and now something may be missing that will
//! be there where the rotator runs.

use std::slice;
use std::sync::Arc;

use serde::Serialize;
use tokenferry_sources::{HttpClient, ProcessEnvironment};
use tokenferry_vault::VaultError;

use crate::app::App;
use crate::doctor::counted;
use crate::rotation::{Destination, Rotation};
use crate::run::{Class, RotationId};
use crate::runner::Objection;
use crate::source::{OpenError, Source, unreadable};
use crate::spared;

/// Something worth a word.
#[derive(Debug, Serialize)]
pub(super) struct Note {
    #[serde(skip)]
    about: About,
    pub(super) message: String,
    pub(super) advice: Option<String>,
}

/// What a note is about.
#[derive(Debug)]
enum About {
    /// What all rotations need.
    All,
    Rotation(Arc<str>),
    Source(Arc<str>),
}

impl Note {
    /// Tokens in Vault could not be looked at.
    pub(super) fn unread(rotations: usize, address: &str, error: &VaultError) -> Self {
        let of = counted(rotations, "rotation");
        let message = format!("the tokens of {of} could not be looked at in Vault at {address}: {error}");
        Note { about: About::All, message, advice: Some(error.advice()) }
    }

    /// Nothing was looked at in Vault.
    pub(super) fn spared() -> Self {
        Note { about: About::All, message: spared::WHY.to_owned(), advice: Some(spared::ADVICE.to_owned()) }
    }

    /// Whether it is about this rotation, too.
    pub(super) fn concerns(&self, rotation: &Rotation) -> bool {
        match &self.about {
            About::All => true,
            About::Rotation(name) => *name == rotation.name,
            About::Source(name) => *name == rotation.source.name,
        }
    }

    fn of(source: &Source, message: String, advice: Option<String>) -> Self {
        Note { about: About::Source(Arc::clone(&source.name)), message, advice }
    }
}

/// Paths that nobody means.
pub(super) fn doubts(app: &App) -> impl Iterator<Item = Note> {
    app.config.rotations.iter().flat_map(|rotation| {
        rotation.destinations.iter().filter_map(Destination::doubt).map(|(doubt, advice)| Note {
            about: About::Rotation(Arc::clone(&rotation.name)),
            message: format!("rotation {}: {doubt}", rotation.name),
            advice: Some(advice),
        })
    })
}

/// Entries that belong to another rotation, or to somebody else, which keeps their own from being written. They have
/// been read.
pub(super) async fn not_ours(app: &App, rotations: impl Iterator<Item = RotationId>) -> Vec<Note> {
    let mut notes = Vec::new();
    for id in rotations {
        let Some(rotation) = app.config.rotations.get(id.0 as usize) else { continue };
        for (index, destination) in app.runner.destinations(id).await.iter().enumerate() {
            let is_meant = |class: &Class| matches!(class.name(), "other_rotation" | "foreign_entry");
            if !destination.trouble.as_ref().is_some_and(is_meant) {
                continue;
            }
            let objection = app.runner.see(id, index).await.ok().and_then(|seen| seen.objection);
            notes.extend(objection.map(|Objection { what, advice, .. }| Note {
                about: About::Rotation(Arc::clone(&rotation.name)),
                message: format!("rotation {}: {what}", rotation.name),
                advice: Some(advice),
            }));
        }
    }
    notes
}

/// What is kept in variables and files, and cannot be read now.
pub(super) fn missing(app: &App) -> impl Iterator<Item = Note> {
    app.config
        .sources
        .iter()
        .flat_map(|source| unreadable(slice::from_ref(source)).map(|message| Note::of(source, message, None)))
}

/// What is kept in Vault, where the rotator itself will read it, and cannot be read now or does not fit.
pub(super) async fn missing_in_vault(app: &App) -> Vec<Note> {
    let mut notes = Vec::new();
    for source in &app.config.sources {
        for (field, kept) in source.in_vault() {
            let secret = app.vault.read_secret(&kept.entry).await;
            let Err(error) = secret.and_then(|secret| secret.text(&kept.field)) else { continue };
            let message = format!("`{field}` of source {} cannot be read from Vault: {error}", source.name);
            notes.push(Note::of(source, message, Some(error.advice())));
            if error.concerns_all() {
                return notes;
            }
        }
        notes.extend(what_does_not_fit(app, source).await);
    }
    notes
}

/// What was read may not be what its field wants. What cannot be read was told.
async fn what_does_not_fit(app: &App, source: &Source) -> Option<Note> {
    source.in_vault().next()?;
    let http = Arc::new(HttpClient::new((*source.http).clone()));
    match source.open(&ProcessEnvironment, &app.vault, &http, &app.clock).await {
        Err(error @ OpenError::BadSettings { .. }) => Some(Note::of(source, error.to_string(), None)),
        _ => None,
    }
}
