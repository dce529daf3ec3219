//! Getting the token of a run.

use tokenferry_sources::{Retry, SourceError, Token};
use tracing::debug;

use super::Runner;
use super::job::{Job, Pending, State};
use super::trouble::Trouble;
use crate::entry::Fingerprint;
use crate::run::Due;
use crate::source::Opened;

impl Runner {
    /// Sees to it that there is a token to publish: one that was issued before and could not be written, else a
    /// new one.
    pub(super) async fn have_token(&self, job: &Job, state: &mut State, due: &Due) -> Result<(), Trouble> {
        let serves = |pending: &Pending| pending.serves(&job.rotation, due, self.clock.now());
        if state.pending.as_deref().is_some_and(serves) {
            debug!(rotation = &*job.rotation.name, "publishing the token that was issued before");
            return Ok(());
        }
        state.pending = None;
        let token = self.log_in(job).await?;
        state.failed_login = None;
        state.pending = Some(Box::new(Pending::new(token, due, versions(state))));
        Ok(())
    }

    /// One login, never repeated here. A token that does not pass its trial is dropped.
    async fn log_in(&self, job: &Job) -> Result<Token, Trouble> {
        let opened = job.rotation.source.open(&*self.environment, &job.http, &self.clock)?;
        let token = opened.login.login().await.map_err(|error| refused(error, &opened))?;
        if job.rotation.verify {
            opened.login.verify(&token).await.map_err(|error| refused(error, &opened))?;
        }
        Ok(token)
    }

    /// Whether the login of a job is another one than that of the fingerprint. One that cannot be read counts as
    /// unchanged.
    pub(super) fn differs(&self, job: &Job, failed: Fingerprint) -> bool {
        let opened = job.rotation.source.open(&*self.environment, &job.http, &self.clock);
        opened.is_ok_and(|opened| !failed.fits(&opened.material))
    }
}

/// What is there before anything is written.
fn versions(state: &State) -> Vec<u64> {
    state.places.iter().map(|place| place.as_ref().map_or(0, |place| place.version)).collect()
}

/// Only what lasts is worth remembering the login for.
fn refused(error: SourceError, opened: &Opened) -> Trouble {
    let lasts = error.retry() == Retry::Never;
    let login = lasts.then(|| Fingerprint::of(&opened.material)).flatten();
    Trouble::Source { error, login }
}
