//! When a rotation logged in before its last login, as far as its entries tell: for the rate of its source.

use chrono::TimeDelta;
use tokenferry_sources::Timestamp;

use super::Runner;
use super::job::{Job, State};
use super::place::Place;

impl Runner {
    /// Vault knows when it took which version, and each of ours came of a login just before. What cannot be read keeps
    /// nobody from logging in.
    pub(super) async fn earlier_logins(&self, job: &Job, state: &State) -> Vec<Timestamp> {
        let Some(rate) = job.rotation.source.rate else { return Vec::new() };
        let period = TimeDelta::from_std(rate.period()).unwrap_or(TimeDelta::MAX);
        let counts = |at: Timestamp| self.clock.now() - at < period;
        // Where the last login does not count any more, none before it does.
        let may_count =
            |place: &&Place| place.is_of(job) && place.living.is_none_or(|living| counts(living.issued_at));
        let mut most = Vec::new();
        for (at, slot) in job.rotation.destinations.iter().zip(&state.places) {
            let Some(place) = slot.as_ref().filter(may_count) else { continue };
            let history = self.vault.read_history(&at.entry).await.unwrap_or_default();
            let earlier = history.iter().rev().filter(|written| written.version != place.version);
            let times = earlier.map(|written| written.at).take_while(|at| counts(*at));
            let times: Vec<Timestamp> = times.take(rate.logins() as usize).collect();
            if times.len() > most.len() {
                most = times;
            }
        }
        most
    }
}
