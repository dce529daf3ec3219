//! Dispatch: carries a due to where it is worked on, and the outcome back.
//!
//! It holds the exclusion of the credential around each run, so that two runs of one credential never overlap. It
//! knows no schedule, and scheduler and runner do not know where the work is done.

mod local;
mod waiting;

pub use local::Local;
pub(crate) use waiting::{Unbegun, Waiting};

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::run::{Aftermath, Due, Outcome, RotationId, Work};

/// Where work is done.
#[async_trait]
pub trait Dispatch: Send {
    /// Takes a due over. Its outcome comes out of [`Dispatch::ended`], unless the dispatch is closed before the run
    /// began.
    fn submit(&mut self, due: Due);

    /// The next run that ended. Waits for as long as there is none, and loses nothing when it is dropped.
    async fn ended(&mut self) -> Ended;

    /// Whether this process is the one that schedules.
    fn role(&self) -> watch::Receiver<Role>;

    /// Gives back what has not begun.
    fn withdraw(&mut self) -> Vec<Due>;

    /// From now on has `work` do the runs, `limit` at once. Those that have begun go on as they are; `renumber` is told
    /// which rotations they are of, and says how to call these when they have ended.
    fn succeed(
        &mut self,
        work: Arc<dyn Work>,
        limit: usize,
        renumber: &mut dyn FnMut(RotationId) -> RotationId,
    );

    /// Begins no more runs, and forgets those that have not begun. Runs that have begun go on.
    fn close(&mut self);

    /// Takes leave of the other replicas once nothing runs any more, lest they miss us. Never takes long.
    async fn leave(&mut self) {}

    /// How many runs have begun and not ended.
    fn running(&self) -> usize;

    /// Since when the oldest due that was submitted has not begun.
    fn waiting_since(&self) -> Option<Instant>;
}

/// A run that ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ended {
    /// What it was for.
    pub due: Due,
    /// How it ended.
    pub outcome: Outcome,
    /// What it left behind.
    pub aftermath: Aftermath,
    /// How long ago: one leader is told what another one did not hear of.
    pub ago: Duration,
}

/// How many of so many runs at once may be for what is beyond saving: tries that hang must not take all the room from
/// those who still have a token to lose.
pub(crate) fn last_resorts(room: usize) -> usize {
    room - room / KEPT_FREE
}

/// What this process is among those with the same configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Nobody knows: the database through which the others are reached cannot be used.
    Disconnected,
    /// The one that schedules.
    Leading,
    /// One that works and stands by.
    Standby,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 3] = [Role::Disconnected, Role::Leading, Role::Standby];

    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Role::Disconnected => "disconnected",
            Role::Leading => "leading",
            Role::Standby => "standby",
        }
    }
}

/// One of so many places is kept free of it.
const KEPT_FREE: usize = 4;
