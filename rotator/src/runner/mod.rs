//! Does what is due: one login, one write of the whole entry. It knows no schedule.
//!
//! A run checks first which destinations are ours, then logs in, tries the token out if that is asked for, and
//! writes it with check-and-set. What it learns of a destination it keeps, so that the next run reads nothing. A
//! token that could not be written is kept, too, and written by a later run instead of a new login. A refused login
//! is not repeated by the other rotations of its credential, whichever process was told.

#[cfg(test)]
mod classes;
mod credential;
mod detail;
mod earlier;
mod flush;
mod job;
mod login;
mod memory;
mod note;
mod others;
mod patrol;
mod place;
mod publish;
mod refresh;
mod renamed;
mod replicas;
mod seen;
mod session;
mod spread;
mod standing;
mod succession;
mod trouble;
mod turn;

pub(crate) use credential::{key as credential_key, login_key};
pub use detail::Detail;
pub use flush::Unstored;
pub use seen::{Objection, Seen};
pub use session::SessionState;
pub use standing::DestinationState;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use chrono::TimeDelta;
use tokenferry_sources::cause::with_causes;
use tokenferry_sources::{Clock, Environment, HttpClient, HttpSettings, rfc3339};
use tokenferry_vault::Vault;
use tracing::{debug, info, warn};

use crate::observe::Tally;
use crate::rotation::Rotation;
use crate::run::{Aftermath, Class, CredentialKey, Due, Living, Outcome, RotationId, Work};
use crate::skew::Skews;
use job::{Job, State};
use memory::Memory;
use publish::Written;
use replicas::Names;
use trouble::{Trouble, Waiting};

/// Runs the rotations of one configuration.
pub struct Runner {
    jobs: Vec<Job>,
    vault: Arc<Vault>,
    environment: Arc<dyn Environment>,
    clock: Arc<dyn Clock>,
    /// Names this process in the entries it writes.
    writer: String,
    dry_run: bool,
    reads_first: bool,
    names: Names,
    memory: Arc<Memory>,
    skews: Arc<Skews>,
    adopted: Arc<AtomicU64>,
    lost: Arc<AtomicBool>,
    tally: Arc<Tally>,
}

impl Runner {
    /// A runner that has read nothing yet. `writer` names this process in entries.
    pub fn new(
        rotations: Vec<Arc<Rotation>>,
        vault: Arc<Vault>,
        environment: Arc<dyn Environment>,
        clock: Arc<dyn Clock>,
        writer: String,
    ) -> Self {
        let tally = Arc::new(Tally::default());
        let mut clients: Vec<Arc<HttpClient>> = Vec::new();
        let jobs = rotations.into_iter().map(|rotation| {
            let http = shared_client(&mut clients, &rotation.source.http, &tally);
            Job::new(rotation, http)
        });
        Runner {
            jobs: jobs.collect(),
            vault,
            environment,
            clock,
            writer,
            dry_run: false,
            reads_first: false,
            names: Names::default(),
            memory: Arc::default(),
            skews: Arc::default(),
            adopted: Arc::default(),
            lost: Arc::default(),
            tally,
        }
    }

    /// Whether runs only log in and try the token out, and write nothing at all.
    pub fn dry_run(self, dry_run: bool) -> Self {
        Runner { dry_run, ..self }
    }

    /// What logins have shown of the clocks of issuers.
    pub fn skews(&self) -> &Skews {
        &self.skews
    }

    /// How often somebody else's token was found in a destination and left there.
    pub fn adopted(&self) -> u64 {
        self.adopted.load(Ordering::Relaxed)
    }

    /// Whether an entry was found to be older than it was, since this was last asked: Vault may have lost others, too.
    pub fn take_loss(&self) -> bool {
        self.lost.swap(false, Ordering::Relaxed)
    }

    /// What was sent to the systems.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Versions only grow, unless all of them are gone.
    fn compare(&self, known: u64, found: u64) {
        if found < known {
            self.lost.store(true, Ordering::Relaxed);
        }
    }

    fn job(&self, rotation: RotationId) -> Option<&Job> {
        self.jobs.get(usize::try_from(rotation.0).ok()?)
    }

    async fn attempt(&self, job: &Job, state: &mut State, due: &Due) -> Result<Outcome, Trouble> {
        if self.reads_first {
            self.doubt_everything(job, state, due).await?;
        }
        let barred = self.check_places(job, state).await?;
        let done = if self.reads_first { self.done_by_others(job, state, due) } else { None };
        let waiting = state.pending.as_ref();
        let serves = waiting.is_some_and(|pending| pending.serves(&job.rotation, due, self.clock.now()));
        if let Some(living) = done.filter(|_| !serves) {
            return Ok(Outcome::AlreadyDone(living));
        }
        if let Some(trouble) = &barred {
            debug!(rotation = &*job.rotation.name, class = %trouble.class(), "not every destination can be written");
        }
        if let Err(trouble) = self.have_token(job, state, due).await {
            self.publish_what_waits(job, state).await;
            return Err(trouble);
        }
        if self.dry_run {
            let outcome = tried_out(state);
            return barred.map_or(Ok(outcome), Err);
        }
        let written = self.publish_pending(job, state).await?;
        state.ended = None;
        self.clear_failure(job, state).await;
        Ok(outcome(&written))
    }

    fn tell_failure(&self, job: &Job, state: &State, due: &Due, trouble: &Trouble) {
        warn!(
            rotation = &*job.rotation.name,
            system = job.rotation.source.system.name,
            class = %trouble.class(),
            reason = due.reason.name(),
            occurrence = rfc3339(due.occurrence),
            attempt = due.attempt,
            missed = missed(job, state),
            vault = trouble.is_of_vault().then(|| self.vault.address()),
            error = with_causes(trouble),
            advice = trouble.advice(),
            "{}",
            trouble.summary(Waiting::of(state), self.reads_first)
        );
    }
}

#[async_trait]
impl Work for Runner {
    fn credential(&self, rotation: RotationId) -> CredentialKey {
        self.job(rotation).map_or_else(|| CredentialKey::of(""), |job| job.credential)
    }

    async fn run(&self, due: &Due) -> Outcome {
        let Some(job) = self.job(due.rotation) else {
            return Outcome::Refused { class: Class::new("unknown_rotation"), logins: None };
        };
        let lag = self.clock.now() - due.not_before;
        // A run may be cut off while it waits.
        job.logins.store(0, Ordering::Relaxed);
        job.ended_token.store(false, Ordering::Relaxed);
        let state = &mut *job.state.lock().await;
        let outcome = match self.attempt(job, state, due).await {
            Ok(outcome) => {
                tell_success(job, due, lag, &outcome, self.dry_run);
                job.ended_token.store(false, Ordering::Relaxed);
                outcome
            }
            Err(trouble) => {
                let reached = reached(state);
                self.tell_failure(job, state, due, &trouble);
                let has_ended = state.is_ended(job);
                job.ended_token.store(has_ended, Ordering::Relaxed);
                if has_ended {
                    tell_ended(job);
                }
                self.note_failure(job, state, due, &trouble, reached.is_some()).await;
                reached.map_or_else(|| trouble.outcome(), |(living, missed)| trouble.partly(living, missed))
            }
        };
        job.keeps_token.store(state.pending.is_some(), Ordering::Relaxed);
        if let Some(pending) = &mut state.pending {
            pending.left_by = Some(due.attempt);
        }
        outcome
    }

    fn aftermath(&self, rotation: RotationId) -> Aftermath {
        let after = |job: &Job| Aftermath {
            logins: job.logins.load(Ordering::Relaxed),
            ended_token: job.ended_token.load(Ordering::Relaxed),
            keeps_token: job.keeps_token.load(Ordering::Relaxed),
        };
        let nothing = Aftermath { logins: 0, ..Aftermath::default() };
        self.job(rotation).map_or(nothing, after)
    }

    fn name(&self, rotation: RotationId) -> Option<Arc<str>> {
        self.job(rotation).map(|job| Arc::clone(&job.rotation.name))
    }

    fn find(&self, name: &str) -> Option<RotationId> {
        self.id(name)
    }

    async fn find_done(&self, due: &Due) -> Option<Living> {
        self.look_for_done(due).await
    }

    fn fingerprint(&self) -> String {
        self.fingerprint_of_all().to_owned()
    }

    async fn heed(&self, rotation: RotationId) {
        self.hear_of(rotation).await;
    }

    async fn reach(&self) -> Result<(), Class> {
        self.reach_vault().await.map_err(|error| Class::new(error.class()))
    }

    async fn doubt(&self, rotation: RotationId) {
        self.doubt_what_waits(rotation).await;
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner")
            .field("writer", &self.writer)
            .field("jobs", &self.jobs.len())
            .finish_non_exhaustive()
    }
}

fn shared_client(
    clients: &mut Vec<Arc<HttpClient>>,
    settings: &HttpSettings,
    tally: &Arc<Tally>,
) -> Arc<HttpClient> {
    if let Some(client) = clients.iter().find(|client| client.settings() == settings) {
        return Arc::clone(client);
    }
    let client = Arc::new(HttpClient::new(settings.clone()).counted(tally.clone()));
    clients.push(Arc::clone(&client));
    client
}

fn outcome(written: &[Written]) -> Outcome {
    let living = earliest(written.iter().map(Written::living));
    if written.iter().all(|written| matches!(written, Written::Theirs(_))) {
        Outcome::AlreadyDone(living)
    } else {
        Outcome::Rotated(living)
    }
}

/// The token that some destinations got while it waits for the others, and how many these are.
fn reached(state: &State) -> Option<(Living, u32)> {
    let written = &state.pending.as_ref()?.written;
    let mut living = written.iter().flatten().map(Written::living).peekable();
    living.peek()?;
    let missed = written.iter().filter(|written| written.is_none()).count();
    Some((earliest(living), u32::try_from(missed).unwrap_or(u32::MAX)))
}

fn tried_out(state: &mut State) -> Outcome {
    let token = state.pending.take().map(|pending| pending.token);
    let version = state.places.iter().flatten().map(|place| place.version).max().unwrap_or_default();
    let living =
        token.map(|token| Living { issued_at: token.issued_at, expires_at: token.expires_at(), version });
    Outcome::Rotated(earliest(living.into_iter()))
}

/// Of several tokens readers may hold any: what counts is the one that ends first.
fn earliest(living: impl Iterator<Item = Living>) -> Living {
    let endless = |living: &Living| (living.expires_at.is_none(), living.expires_at, living.issued_at);
    let none = Living { issued_at: tokenferry_sources::Timestamp::UNIX_EPOCH, expires_at: None, version: 0 };
    living.min_by_key(endless).unwrap_or(none)
}

/// `lag` is how long the run waited for its turn after it was due.
fn tell_success(job: &Job, due: &Due, lag: TimeDelta, outcome: &Outcome, dry_run: bool) {
    let (Outcome::AlreadyDone(living) | Outcome::Rotated(living)) = outcome else { return };
    info!(
        rotation = &*job.rotation.name,
        system = job.rotation.source.system.name,
        reason = due.reason.name(),
        occurrence = rfc3339(due.occurrence),
        attempt = due.attempt,
        lag_ms = lag.num_milliseconds(),
        expires_at = living.expires_at.map(rfc3339),
        version = living.version,
        "{}",
        match outcome {
            Outcome::AlreadyDone(_) => "already rotated by another process",
            _ if dry_run => "would rotate; nothing was written",
            _ => "rotated",
        }
    );
}

fn tell_ended(job: &Job) {
    warn!(
        rotation = &*job.rotation.name,
        "readers hold a token that a refresh has ended, or may have: there is no living one until a run succeeds"
    );
}

/// Which of several destinations a token waits for.
fn missed(job: &Job, state: &State) -> Option<String> {
    let written = &state.pending.as_ref()?.written;
    let waiting = job.rotation.destinations.iter().zip(written).filter(|(_, written)| written.is_none());
    let names: Vec<String> = waiting.map(|(at, _)| at.to_string()).collect();
    Some(names.join(", ")).filter(|_| written.len() > 1)
}
