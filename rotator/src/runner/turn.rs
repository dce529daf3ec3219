//! Taking turns with other processes, as long as nobody knows whether a login that they share is right.
//!
//! Who wants to log in says so beside its own entry, waits until those who began at the same time can be heard, and
//! hears them: the first by name goes, the others wait for what comes of it. No two go at once, for each has either seen
//! what the other claimed before it claimed anything itself, or sees it afterwards; no clock has to be right for that.

use std::time::Duration;

use chrono::TimeDelta;
use tokenferry_sources::Timestamp;
use tokio::time::{Instant, sleep};
use tracing::{debug, info};

use super::Runner;
use super::job::{Job, State};
use super::login::salt;
use super::others::{Claimant, Heard};
use super::place::Place;
use super::trouble::Trouble;
use crate::notes::Claim;
use crate::source::Opened;

impl Runner {
    /// What is known to come of this login, once it is its turn, or nothing. Where nobody shares it, or this process
    /// has logged in with it, nothing is asked and nothing waited for; replicas wait for nothing either.
    pub(super) async fn take_turn(&self, job: &Job, state: &mut State, opened: &Opened) -> Option<Trouble> {
        let ours = state.places.iter().flatten().filter(|place| place.is_of(job));
        // A refresh proves nothing of the login.
        let ours = ours.filter(|_| job.rotation.source.session.is_none());
        let last_success = ours.filter_map(Place::served).map(|living| living.issued_at).max();
        let known = || self.memory.recall(&job.credential, &opened.material, last_success, self.clock.now());
        let told = known();
        if told.is_some()
            || state.has_logged_in
            || !self.is_shared(job)
            || self.memory.trusts(&job.credential)
        {
            return told;
        }
        if self.reads_first {
            // The lock of the credential is ours: whoever has claimed the login is dead.
            self.hear_others(job, &opened.material).await;
            return known();
        }
        let end = Instant::now() + LONGEST_WAIT;
        let mut claimed_until = None;
        while Instant::now() < end {
            let first = self.hear_others(job, &opened.material).await;
            let told = known();
            if told.is_some() {
                return told;
            }
            let has_claimed = claimed_until.is_some_and(|until| self.clock.now() < until);
            let is_ahead = |other: &Claimant<'_>| !has_claimed || other.job.rotation.name < job.rotation.name;
            match first.filter(is_ahead) {
                Some(other) if self.succeeds(job, &other, opened, end).await => break,
                Some(_) => {}
                None if has_claimed || self.dry_run => break,
                None => {
                    claimed_until = Some(self.claim(job, state, opened).await?);
                    sleep(HEARD_AFTER).await;
                }
            }
        }
        known()
    }

    /// Says that this login is about to be sent, and until when that counts. `None` if it cannot be said.
    async fn claim(&self, job: &Job, state: &mut State, opened: &Opened) -> Option<Timestamp> {
        let life = TimeDelta::from_std(job.rotation.source.http.timeout).ok()? + MARGIN;
        let until = self.clock.now() + life;
        let claim = Claim::new(until, salt(opened), &opened.material);
        let known = job.rotation.destinations.iter().zip(&mut state.places);
        for (at, slot) in known {
            let Some(place) = slot.as_mut().filter(|place| place.check(job, at).is_ok()) else { continue };
            let failure = place.notes.failure.clone();
            match self.note(job, at, place, failure, Some(Box::new(claim))).await {
                // Not to be relied on in its last seconds.
                Ok(()) => return Some(until - MARGIN / 2),
                Err(error) => debug!(
                    rotation = &*job.rotation.name, class = %error.class(), destination = %at,
                    "others cannot be told of the login: {error}"
                ),
            }
        }
        None
    }

    /// Waits for what comes of the login of another rotation, and whether that is a token.
    async fn succeeds(&self, job: &Job, other: &Claimant<'_>, opened: &Opened, end: Instant) -> bool {
        info!(
            rotation = &*job.rotation.name,
            other = &*other.job.rotation.name,
            "another process is logging in with the same login; waiting for what comes of it"
        );
        while Instant::now() < end {
            sleep(PAUSE).await;
            let heard = self.hear(other.job, other.at, &opened.material).await;
            if let Some(Heard { is_claimed: false, has_failed, version }) = heard {
                return !has_failed && version > other.version;
            }
        }
        false
    }
}

/// Longer than it takes to hear others and to claim a turn after that.
const HEARD_AFTER: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_secs(1);
/// A login that others wait for is given up by them after this.
const LONGEST_WAIT: Duration = Duration::from_mins(2);
/// What a login may take beyond one exchange with the system.
const MARGIN: TimeDelta = TimeDelta::seconds(30);
