//! Leaving word of failures for those who come after this process.

use std::sync::Arc;

use tracing::{debug, warn};

use super::Runner;
use super::job::{Job, State};
use super::place::Place;
use super::trouble::Trouble;
use crate::notes::{Claim, NotedFailure, Notes};
use crate::rotation::Destination;
use crate::run::Due;

impl Runner {
    /// Notes a failure beside every entry that is ours or will be. A place that is not known, or not ours, or a
    /// Vault that does not answer is left alone. One that concerns some destinations only does not hold up the others.
    pub(super) async fn note_failure(
        &self,
        job: &Job,
        state: &mut State,
        due: &Due,
        trouble: &Trouble,
        is_partial: bool,
    ) {
        let login = trouble.login();
        if let Some(login) = login.filter(|login| !login.logins.is_empty()) {
            state.failed_logins = login.logins.clone();
        }
        let refused = login.and_then(|login| login.refused);
        // Also of a try without writing: the account was locked a little more by it.
        if !trouble.is_notable() || self.dry_run && refused.is_none() {
            return;
        }
        let failure = Box::new(NotedFailure {
            class: trouble.class(),
            at: refused.map_or_else(|| self.clock.now(), |refused| refused.last),
            count: due.attempt,
            refusals: refused.map_or(0, |refused| refused.times),
            lasting: trouble.is_lasting() && !is_partial,
            retry_at: trouble.retry_at(),
            failed_logins: login.map(|login| login.logins.clone()).unwrap_or_default(),
        });
        for (at, slot) in job.rotation.destinations.iter().zip(&mut state.places) {
            let Some(place) = slot.as_mut().filter(|place| place.check(job, at).is_ok()) else { continue };
            let noted = self.note(job, at, place, Some(failure.clone()), None).await;
            tell_untold(job, at, noted, failure.lasting);
        }
        if failure.refusals > 0 && matches!(trouble, Trouble::Source { .. }) {
            self.tell_others(job, &failure).await;
        }
    }

    /// Takes back what was noted, if anything was: failures, and that others wait for what comes of a login.
    pub(super) async fn clear_failure(&self, job: &Job, state: &mut State) {
        for (at, slot) in job.rotation.destinations.iter().zip(&mut state.places) {
            let Some(place) = slot.as_mut().filter(|place| place.notes.are_passing()) else { continue };
            let noted = self.note(job, at, place, None, None).await;
            tell_untold(job, at, noted, false);
        }
    }

    /// Puts our mark on every entry of ours that has none. The data are what readers need, so a mark that cannot be
    /// made stops nothing; the next run tries again.
    pub(super) async fn mark(&self, job: &Job, state: &mut State) {
        for (at, slot) in job.rotation.destinations.iter().zip(&mut state.places) {
            let Some(place) = slot.as_mut().filter(|place| place.owes_mark(job, at)) else { continue };
            let rotation = &*job.rotation.name;
            match self.note(job, at, place, None, None).await {
                Ok(()) => debug!(rotation, destination = %at, "marked the destination as ours"),
                Err(error) => warn!(
                    rotation, class = %error.class(), destination = %at, advice = error.advice(),
                    "the token is there, but the entry could not be marked as ours: {error}"
                ),
            }
        }
    }

    pub(super) async fn note(
        &self,
        job: &Job,
        at: &Destination,
        place: &mut Place,
        failure: Option<Box<NotedFailure>>,
        claim: Option<Box<Claim>>,
    ) -> Result<(), Trouble> {
        // What stands there still has its former names.
        let fields = if place.is_renamed { &place.notes.fields } else { &at.fields };
        let notes =
            Notes { owner: Some(Arc::clone(&job.rotation.name)), fields: fields.clone(), failure, claim };
        // What others noted since we last read must survive, and it is all replaced at once.
        let found = self.vault.read_notes(&at.entry).await?;
        place.check_notes(job, at, &found)?;
        let mut custom_metadata = found.custom_metadata;
        notes.merge(&mut custom_metadata);
        let told = self.vault.set_custom_metadata(&at.entry, &custom_metadata).await;
        match told {
            // It may have been done: it is looked up, not repeated.
            Err(error) if error.leaves_doubt() => {
                let found = self.vault.read_notes(&at.entry).await;
                if !found.is_ok_and(|found| found.custom_metadata == custom_metadata) {
                    return Err(error.into());
                }
            }
            told => told?,
        }
        place.notes = notes;
        Ok(())
    }
}

/// The failure itself was told already. What matters is if a restart would repeat it.
fn tell_untold(job: &Job, at: &Destination, noted: Result<(), Trouble>, restart_repeats_it: bool) {
    let (Err(error), rotation) = (noted, &*job.rotation.name) else { return };
    if restart_repeats_it {
        warn!(
            rotation, class = %error.class(), destination = %at, advice = error.advice(),
            "the failure could not be noted in the custom metadata, so it will be repeated after a restart: {error}"
        );
    } else {
        debug!(rotation, class = %error.class(), %error, "the state of the run was not noted");
    }
}
