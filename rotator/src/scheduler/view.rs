//! What is known of a rotation, for those who look on.

use tokenferry_sources::Timestamp;

use super::Next;
use crate::run::{Class, Living};

/// One rotation, as the scheduler sees it.
#[derive(Clone, Debug)]
pub struct View {
    /// Where it is between two runs.
    pub stage: Stage,
    /// The token that readers find.
    pub living: Option<Living>,
    /// The failures since the last success.
    pub failing: Option<Box<Failing>>,
}

/// Where a rotation is between two runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// It is not run, as its configuration says.
    Disabled,
    /// It runs, or waits for its turn.
    InFlight,
    /// It waits for its next run.
    Planned(Next),
    /// What stands in its destinations was not read yet.
    Unread,
}

/// A row of failures.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failing {
    /// The kind of the last one.
    pub class: Class,
    /// When the last one was.
    pub at: Timestamp,
    /// How many there are.
    pub count: u32,
    /// Until when the same login is not tried again, whoever asks for it.
    pub held_until: Option<Timestamp>,
}
