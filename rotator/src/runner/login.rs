//! Getting the token of a run.

use tokenferry_sources::{Retry, SourceError, Token};
use tracing::{debug, info};

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
        if state.pending.as_ref().is_some_and(serves) {
            debug!(rotation = &*job.rotation.name, "publishing the token that was issued before");
            return Ok(());
        }
        state.pending = None;
        let token = self.log_in(job).await?;
        (state.failed_login, state.refusals) = (None, 0);
        state.pending = Some(Pending::new(token, due, job.rotation.destinations.len()));
        Ok(())
    }

    /// One login, never repeated here, and none at all if another rotation was told just now what would come of it. A
    /// token that does not pass its trial is dropped.
    async fn log_in(&self, job: &Job) -> Result<Token, Trouble> {
        let opened = job.rotation.source.open(&*self.environment, &job.http, &self.clock)?;
        if let Some((error, login)) = self.memory.recall(&job.credential, &opened.material, self.clock.now())
        {
            info!(
                rotation = &*job.rotation.name,
                class = error.class().name(),
                "not logging in: the answer to the same login is known and still holds"
            );
            return Err(Trouble::Source { error, login });
        }
        let token = opened.login.login().await.map_err(|error| {
            let login = fingerprint(&error, &opened);
            self.memory.learn(&job.credential, &error, login, self.clock.now());
            Trouble::Source { error, login }
        })?;
        self.memory.forget(&job.credential);
        if job.rotation.verify {
            let rejected = |error| Trouble::Source { login: fingerprint(&error, &opened), error };
            opened.login.verify(&token).await.map_err(rejected)?;
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

/// Only what lasts is worth remembering the login for.
fn fingerprint(error: &SourceError, opened: &Opened) -> Option<Fingerprint> {
    let lasts = error.retry() == Retry::Never;
    lasts.then(|| Fingerprint::of(&opened.material)).flatten()
}
