//! Storing what was issued before the process ends.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::iter;
use tokenferry_sources::cause::with_causes;
use tokio::time::{Instant, timeout_at};
use tracing::info;

use super::Runner;
use super::job::Job;

/// A token that was issued and stands in no destination, or not in all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unstored {
    /// Of which rotation.
    pub rotation: Arc<str>,
    /// What came in the way.
    pub why: String,
}

impl Runner {
    /// One go at every token that was issued and not written, but for those of runs under way. What is still not
    /// stored then; at the deadline at the latest.
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
        let why = match timeout_at(until, self.publish_pending(job, &mut state)).await {
            Ok(Ok(_)) => {
                info!(rotation = &*job.rotation.name, "stored the token that was issued before");
                self.clear_failure(job, &mut state).await;
                return None;
            }
            Ok(Err(trouble)) => with_causes(&trouble),
            Err(_) => "Vault did not answer in time".to_owned(),
        };
        Some(Unstored { rotation: Arc::clone(&job.rotation.name), why })
    }
}

const AT_ONCE: usize = 16;
