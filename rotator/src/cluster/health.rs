//! Whether the database takes what it is given. A session that holds locks says nothing about that: a standby grants them,
//! too, and so does a server whose disk is full.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use super::error::DatabaseError;

/// What is done again and again, by all parts of a replica.
#[derive(Clone)]
pub(super) struct Health {
    /// What fails for longer is trouble.
    patience: Duration,
    seen: Arc<Mutex<Seen>>,
}

/// What is done.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Part {
    Ask,
    Beat,
    End,
    Listen,
    Look,
    Prune,
    Push,
    Register,
    SetBack,
    Take,
    TakeOver,
}

#[derive(Default)]
struct Seen {
    parts: HashMap<Part, Failing>,
    trouble: Option<DatabaseError>,
}

#[derive(Default)]
struct Failing {
    since: Option<Instant>,
    /// What was told last, and when, and how often it was not told since.
    told: Option<(String, Instant)>,
    untold: u32,
}

impl Health {
    pub(super) fn new(patience: Duration) -> Self {
        Health { patience, seen: Arc::default() }
    }

    /// Takes note of what came of it. A failure is told at first, and then rarely.
    pub(super) fn note<T>(&self, part: Part, came: Result<T, DatabaseError>) -> Option<T> {
        let Seen { parts, trouble } = &mut *self.seen();
        let failing = parts.entry(part).or_default();
        match came {
            Ok(value) => {
                failing.since = None;
                Some(value)
            }
            Err(error) => {
                failing.tell(&error);
                let since = *failing.since.get_or_insert_with(Instant::now);
                if part.matters() && since.elapsed() >= self.patience {
                    trouble.get_or_insert(error);
                }
                None
            }
        }
    }

    /// Why nothing can be done here, if that is so.
    pub(super) fn trouble(&self) -> Option<DatabaseError> {
        self.seen().trouble.take()
    }

    /// What came before is no reason for anything any more.
    pub(super) fn begin_anew(&self) {
        let Seen { parts, trouble } = &mut *self.seen();
        for failing in parts.values_mut() {
            failing.since = None;
        }
        *trouble = None;
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    /// Whether nothing is rotated without it.
    fn matters(self) -> bool {
        matches!(self, Part::Beat | Part::End | Part::Push | Part::Register | Part::Take)
    }
}

impl Failing {
    fn tell(&mut self, error: &DatabaseError) {
        let text = error.to_string();
        if self.told.as_ref().is_some_and(|(told, at)| *told == text && at.elapsed() < SELDOM) {
            self.untold += 1;
            return;
        }
        let again = (self.untold > 0).then_some(self.untold);
        warn!(again, advice = error.advice(), "{error}");
        (self.told, self.untold) = (Some((text, Instant::now())), 0);
    }
}

const SELDOM: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn failed() -> Result<(), DatabaseError> {
        Err(DatabaseError::silence("push errands to", Duration::from_secs(5)))
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_for_long_is_trouble_until_it_begins_anew() {
        let health = Health::new(Duration::from_secs(10));
        health.note(Part::Push, failed());
        advance(Duration::from_secs(9)).await;
        health.note(Part::Push, failed());
        assert!(health.trouble().is_none());
        advance(Duration::from_secs(1)).await;
        health.note(Part::Push, failed());
        health.begin_anew();
        assert!(health.trouble().is_none());
        health.note(Part::Push, failed());
        advance(Duration::from_secs(10)).await;
        health.note(Part::Push, failed());
        assert!(health.trouble().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_works_now_and_then_or_can_be_done_without_is_no_trouble() {
        let health = Health::new(Duration::from_secs(10));
        for _ in 0..5 {
            health.note(Part::Beat, failed());
            health.note(Part::Prune, failed());
            advance(Duration::from_secs(9)).await;
            health.note(Part::Beat, Ok(()));
        }
        assert!(health.trouble().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_failure_is_told_at_first_and_then_rarely() {
        let mut failing = Failing::default();
        let error = failed().unwrap_err();
        let mut told = 0;
        for _ in 0..(10 * 60) {
            failing.tell(&error);
            told += u32::from(failing.untold == 0);
            advance(Duration::from_secs(1)).await;
        }
        assert_eq!(told, 2);
        failing.tell(&DatabaseError::silence("ask", Duration::from_secs(5)));
        assert_eq!(failing.untold, 0, "another one is news");
    }
}
