//! Storing what was issued before the process ends.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::iter;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{error, info};

use super::Runner;
use super::job::Job;
use crate::vault::cause::with_causes;

/// A token that was issued and stands in no destination, or not in all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unstored {
    /// Of which rotation.
    pub rotation: Arc<str>,
    /// Why, if that is known.
    pub why: Option<String>,
}

impl Runner {
    /// Tries to store every token that was issued and not written, again and again until the deadline. What could
    /// not be stored is lost with the process.
    pub async fn flush(&self, until: Instant) -> Vec<Unstored> {
        iter(&self.jobs)
            .map(|job| self.flush_job(job, until))
            .buffer_unordered(AT_ONCE)
            .filter_map(std::future::ready)
            .collect()
            .await
    }

    async fn flush_job(&self, job: &Job, until: Instant) -> Option<Unstored> {
        let mut why = None;
        let stored = timeout_at(until, self.store(job, &mut why)).await;
        if stored.is_ok() {
            return None;
        }
        let rotation = Arc::clone(&job.rotation.name);
        error!(rotation = &*rotation, why, "a token was issued but could not be stored, and is lost");
        Some(Unstored { rotation, why })
    }

    async fn store(&self, job: &Job, why: &mut Option<String>) {
        let state = &mut *job.state.lock().await;
        let mut pause = FIRST_PAUSE;
        while state.pending.is_some() {
            match self.publish_pending(job, state).await {
                Ok(_) => info!(rotation = &*job.rotation.name, "stored the token that was issued before"),
                Err(trouble) => {
                    *why = Some(with_causes(&trouble));
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}

const AT_ONCE: usize = 16;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
