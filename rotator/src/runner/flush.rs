//! Storing what was issued before the process ends.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::iter;
use tokenferry_sources::cause::with_causes;
use tokenferry_sources::rfc3339;
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

use super::Runner;
use super::job::{Job, Pending, State};

/// A token that was issued and stands in no destination, or not in all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unstored {
    /// Of which rotation.
    pub rotation: Arc<str>,
    /// What came in the way.
    pub why: String,
}

impl Runner {
    /// One go at every token that was issued and not written, where it was tried out if it has to be, but for those of
    /// runs under way. What is still not stored then; at the deadline at the latest. Beside other processes nothing is
    /// stored: one of them runs it again.
    pub async fn flush(&self, until: Instant) -> Vec<Unstored> {
        iter(&self.jobs)
            .map(|job| self.flush_job(job, until))
            .buffer_unordered(AT_ONCE)
            .filter_map(std::future::ready)
            .collect()
            .await
    }

    async fn flush_job(&self, job: &Job, until: Instant) -> Option<Unstored> {
        // A run under way stores by itself, and reads at the start hold nothing.
        let mut state = job.state.try_lock().ok().filter(|state| state.pending.is_some())?;
        if self.leave_to_others(job, &mut state) {
            return None;
        }
        if let Some(pending) = state.pending.take_if(|pending| !pending.verified) {
            let issued_at = rfc3339(pending.token.issued_at);
            warn!(
                rotation = &*job.rotation.name,
                issued_at, "a token could not be tried out, and is not published"
            );
            return None;
        }
        let why = match timeout_at(until, self.publish_pending(job, &mut state)).await {
            Ok(Ok(_)) => {
                info!(rotation = &*job.rotation.name, "stored the token that was issued before");
                self.clear_failure(job, &mut state).await;
                return None;
            }
            // It stands wherever it can, which is told already.
            Ok(Err(_)) if is_barred(job, &state) => return None,
            Ok(Err(trouble)) => with_causes(&trouble),
            Err(_) => "Vault did not answer in time".to_owned(),
        };
        Some(Unstored { rotation: Arc::clone(&job.rotation.name), why })
    }
}

/// Whether the pending token reached some destinations, and may not be written to any of the others.
fn is_barred(job: &Job, state: &State) -> bool {
    let Some(Pending { written, .. }) = state.pending.as_deref() else { return false };
    let mut destinations = job.rotation.destinations.iter().zip(&state.places).zip(written);
    written.iter().any(Option::is_some)
        && destinations.all(|((at, slot), done)| {
            done.is_some() || slot.as_ref().is_some_and(|place| place.check(job, at).is_err())
        })
}

const AT_ONCE: usize = 16;
