//! Getting the token of a run.

use tokenferry_sources::{Retry, SourceError, Token};
use tracing::{debug, info};

use super::Runner;
use super::job::{Job, State};
use super::trouble::{FailedLogin, Trouble};
use crate::notes::{Fingerprints, Salt};
use crate::run::Due;
use crate::skew::Seen;
use crate::source::{OpenError, Opened};

impl Runner {
    /// Sees to it that there is a token to publish: one that was issued before and could not be written, else a
    /// new one. Where it has to be tried out first, it has been.
    pub(super) async fn have_token(&self, job: &Job, state: &mut State, due: &Due) -> Result<(), Trouble> {
        let now = self.clock.now();
        let waiting = state.pending.as_ref().filter(|pending| pending.serves(&job.rotation, due, now));
        let (serves, verified) = (waiting.is_some(), waiting.is_some_and(|pending| pending.verified));
        if serves {
            debug!(rotation = &*job.rotation.name, "there is a token that was issued before");
        }
        if verified {
            return Ok(());
        }
        let opened = self.open(job).await?;
        if !serves {
            let carried = self.spread(job, state, due, &opened).await;
            state.pending = if carried.is_some() {
                carried
            } else {
                let token = self.issue(job, state, &opened).await?;
                self.note_skew(job, &token);
                state.failed_logins = Fingerprints::default();
                Some(Box::new(job.pending(token, due, &state.places)))
            };
        }
        try_out(state, &opened).await
    }

    /// When there is no new token, one that waits and still lives is better for readers than none.
    pub(super) async fn publish_what_waits(&self, job: &Job, state: &mut State) {
        let now = self.clock.now();
        state.pending.take_if(|pending| pending.left(&job.rotation, now).is_zero());
        if self.dry_run || !state.pending.as_ref().is_some_and(|pending| pending.verified) {
            return;
        }
        match self.publish_pending(job, state).await {
            Ok(_) => info!(rotation = &*job.rotation.name, "stored the token that was issued before"),
            Err(error) => {
                debug!(rotation = &*job.rotation.name, %error, "the token that was issued before still waits");
            }
        }
    }

    /// With what its secrets are now.
    async fn open(&self, job: &Job) -> Result<Opened, OpenError> {
        job.rotation.source.open(&*self.environment, &self.vault, &job.http, &self.clock).await
    }

    /// One login, never repeated here, and none at all if another rotation was told what would come of it.
    pub(super) async fn log_in(
        &self,
        job: &Job,
        state: &mut State,
        opened: &Opened,
    ) -> Result<Token, Trouble> {
        if let Some(known) = self.take_turn(job, state, opened).await {
            info!(
                rotation = &*job.rotation.name,
                class = %known.class(),
                "not logging in: the answer to the same login is known and still holds"
            );
            return Err(known);
        }
        let token = self.send_login(job, opened).await.map_err(|error| {
            let refused = self.memory.learn(&job.credential, &error, sent(opened), self.clock.now());
            state.has_logged_in &= refused.is_none();
            Trouble::Source { login: refused.unwrap_or_else(|| failed(&error, opened)), error: error.into() }
        })?;
        if !state.has_logged_in && self.is_shared(job) {
            self.memory.trust(&job.credential);
        } else {
            self.memory.forget(&job.credential);
        }
        state.has_logged_in = true;
        Ok(token)
    }

    fn note_skew(&self, job: &Job, token: &Token) {
        if let Some(ahead_secs) = token.issuer_ahead_secs {
            let vault_ahead_secs = self.vault.clock_ahead_secs();
            self.skews
                .note(&job.rotation.source.name, Seen { ahead_secs, at: token.issued_at, vault_ahead_secs });
        }
    }

    /// The answer to whatever is sent for this credential, if the system wants to be left alone.
    pub(super) fn asked_to_wait(&self, job: &Job, opened: &Opened) -> Option<Trouble> {
        let known = self.memory.recall(&job.credential, &opened.material, None, self.clock.now())?;
        Some(known).filter(|known| matches!(known, Trouble::Source { .. }))
    }

    /// Whether the login of a job is none of those that failed, if any did. One that cannot be read counts as
    /// unchanged.
    pub(super) async fn differs(&self, job: &Job, failed: &Fingerprints) -> bool {
        !failed.is_empty() && self.open(job).await.is_ok_and(|opened| !failed.fit(&opened.material))
    }
}

/// Tries the pending token out. One that is rejected is dropped; where the trial came to nothing, it waits for another.
async fn try_out(state: &mut State, opened: &Opened) -> Result<(), Trouble> {
    let Some(pending) = state.pending.as_mut().filter(|pending| !pending.verified) else { return Ok(()) };
    let tried = opened.login.verify(&pending.token).await;
    pending.verified = tried.is_ok();
    if let Err(SourceError::TokenRejected { .. }) = tried {
        state.pending = None;
    }
    tried.map(drop).map_err(|error| Trouble::Source { login: failed(&error, opened), error: error.into() })
}

/// Only what lasts is worth remembering the login for.
fn failed(error: &SourceError, opened: &Opened) -> FailedLogin {
    let mut login = FailedLogin::default();
    if error.retry() == Retry::Never {
        login.logins.add(salt(opened), &opened.material);
    }
    login
}

/// What a login sends, and the salt for its fingerprint.
pub(super) fn sent(opened: &Opened) -> (Salt, &[u8]) {
    (salt(opened), &opened.material)
}

/// One for each credential, by what is no secret of it.
pub(super) fn salt(opened: &Opened) -> Salt {
    let identity = opened.login.identity();
    Salt::of([identity.system, &identity.issuer, &identity.subject])
}
