//! What the destinations tell about the past of a rotation.

use futures_util::future::join_all;
use tokenferry_vault::VaultError;
use tracing::debug;

use super::job::{Job, Pending, State};
use super::place::Place;
use super::spread::is_torn;
use super::{Runner, earliest};
use crate::notes::NotedFailure;
use crate::rotation::Destination;
use crate::run::{Class, Living, PastFailure, RotationId, Standing};

impl Runner {
    /// Reads the destinations, and keeps what it learns for the runs to come. One that cannot be read, or is not
    /// ours, does not count as long as there are others: what readers find there is not kept from being renewed.
    ///
    /// # Errors
    /// When none of them can be read, or the session not, or Vault itself is in trouble.
    pub async fn standing(&self, rotation: RotationId) -> Result<Standing, VaultError> {
        let Some(job) = self.job(rotation) else { return Ok(Standing::default()) };
        let state = &mut *job.state.lock().await;
        let mut unreadable = None;
        let looks = join_all(job.rotation.destinations.iter().map(|at| self.look(job, at))).await;
        let destinations = job.rotation.destinations.iter().zip(&mut state.places);
        for (index, ((at, slot), looked)) in destinations.zip(looks).enumerate() {
            match looked {
                Ok((place, entry)) => {
                    let is_new = slot.as_ref().is_none_or(|known| known.version != place.version);
                    if let (Some(pending), Some(entry)) = (&mut state.pending, entry.filter(|_| is_new)) {
                        self.find(job, index, pending, &place, &entry);
                    }
                    match place.check(job, at) {
                        Ok(()) if lacks(state.pending.as_deref(), index, &place) => {}
                        Ok(()) => state.troubles.clear(index),
                        Err(trouble) => state.troubles.note(index, trouble.class()),
                    }
                    *slot = Some(place);
                }
                Err(error) if error.concerns_all() => return Err(error),
                Err(error) => {
                    state.troubles.note(index, Class::new(error.class()));
                    let (rotation, class, advice) = (&*job.rotation.name, error.class(), error.advice());
                    debug!(rotation, class, destination = %at, advice, "a destination cannot be read: {error}");
                    unreadable = unreadable.or(Some(error));
                }
            }
        }
        if let Some(error) = unreadable.filter(|_| state.places.iter().all(Option::is_none)) {
            return Err(error);
        }
        self.give_way(state);
        // Without, nobody knows whether the token lives that readers find.
        state.ended = self.ended_by_refresh(job).await?;
        let living = living(job, state);
        // A crash may have come between a success and taking back what was noted before it.
        let is_over = |failure: &NotedFailure| {
            living.is_some_and(|living| failure.at.timestamp() < living.issued_at.timestamp())
        };
        let failure = last_failure(job, state).filter(|failure| !is_over(failure)).cloned();
        if let Some(failure) = &failure {
            state.failed_logins = failure.failed_logins.clone();
            self.memory.heed(&job.credential, failure, self.clock.now());
        }
        let failure = match failure {
            Some(failure) => Some(self.past(job, failure).await),
            None => None,
        };
        let earlier_logins = self.earlier_logins(job, state).await;
        Ok(Standing { living, failure, earlier_logins })
    }

    /// What kept the run that brought the token to some destinations from bringing it to all, as far as nothing of that
    /// could be noted beside an entry: that one is not ours, or cannot be read. Not for a rotation that runs.
    pub fn missed(&self, rotation: RotationId, living: Living) -> Option<PastFailure> {
        let job = self.job(rotation)?;
        let state = job.state.try_lock().ok()?;
        let trouble = (0..job.rotation.destinations.len()).find_map(|index| state.troubles.of(index))?;
        Some(PastFailure {
            class: trouble.clone(),
            at: living.issued_at,
            count: 1,
            refusals: 0,
            lasting: false,
            retry_at: None,
            login_changed: false,
        })
    }

    /// Whether readers hold a token that a refresh has ended, or may have. Not while it runs.
    pub fn has_ended_token(&self, rotation: RotationId) -> bool {
        let of = |job: &Job| job.state.try_lock().is_ok_and(|state| state.is_ended(job));
        self.job(rotation).is_some_and(of)
    }

    /// Each destination of a rotation, as it was found or left last.
    pub async fn destinations(&self, rotation: RotationId) -> Vec<DestinationState> {
        let Some(job) = self.job(rotation) else { return Vec::new() };
        let state = job.state.lock().await;
        let one = |(index, at): (usize, &Destination)| {
            let place = state.places.get(index).and_then(Option::as_ref);
            let living = place.filter(|place| place.is_of(job));
            let served = living.and_then(|place| Some((place, place.served()?)));
            let living = served.map(|(place, living)| state.left(place, living, self.clock.now()));
            let is_ended = living != served.map(|(_, living)| living);
            let trouble = state.troubles.of(index).cloned();
            let trouble = trouble.or_else(|| is_ended.then_some(Class::ENDED_BY_REFRESH));
            DestinationState { at: at.to_string(), living, trouble }
        };
        job.rotation.destinations.iter().enumerate().map(one).collect()
    }

    /// Whether a rotation would log in with something else than what failed for good. If nothing did, or the login
    /// cannot be read, it would not.
    pub async fn login_changed(&self, rotation: RotationId) -> bool {
        let Some(job) = self.job(rotation) else { return false };
        let failed = job.state.lock().await.failed_logins.clone();
        self.differs(job, &failed).await
    }

    async fn past(&self, job: &Job, failure: NotedFailure) -> PastFailure {
        PastFailure {
            login_changed: self.differs(job, &failure.failed_logins).await,
            // A refused login that something else was tried beside is not what failed.
            refusals: if failure.class.is_refused_login() { failure.refusals } else { 0 },
            class: failure.class,
            at: failure.at,
            count: failure.count,
            lasting: failure.lasting,
            retry_at: failure.retry_at,
        }
    }
}

fn ours<'a>(job: &'a Job, state: &'a State) -> impl Iterator<Item = &'a Place> {
    state.places.iter().flatten().filter(|place| place.is_of(job))
}

/// One destination of a rotation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DestinationState {
    /// Its entry.
    pub at: String,
    /// The token that readers find there.
    pub living: Option<Living>,
    /// What came in its way last.
    pub trouble: Option<Class>,
}

/// Whether a token waits that should stand there: what kept it from being written is not over because of a read.
fn lacks(pending: Option<&Pending>, index: usize, place: &Place) -> bool {
    let Some(Pending { written, replaces, .. }) = pending else { return false };
    let is_written = written.get(index).is_some_and(Option::is_some);
    !is_written && replaces.get(index).is_some_and(|replaces| place.version <= *replaces)
}

/// There is a token only if every destination that we may write to has one, and no refresh has ended it.
pub(super) fn living(job: &Job, state: &State) -> Option<Living> {
    let known = job.rotation.destinations.iter().zip(&state.places);
    let writable = known.filter_map(|(at, slot)| slot.as_ref().filter(|place| place.check(job, at).is_ok()));
    let living = writable.map(|place| place.served().filter(|_| place.is_of(job)));
    let living = living.collect::<Option<Vec<Living>>>().filter(|living| !living.is_empty())?;
    Some(earliest(living.into_iter())).filter(|_| !is_torn(job, &state.places) && !state.is_ended(job))
}

fn last_failure<'a>(job: &'a Job, state: &'a State) -> Option<&'a NotedFailure> {
    ours(job, state).filter_map(|place| place.notes.failure.as_deref()).max_by_key(|failure| failure.at)
}
