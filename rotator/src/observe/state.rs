//! How a rotation stands, in one word.

use tokenferry_sources::Timestamp;

use super::Row;
use crate::scheduler::Stage;

/// How a rotation stands; what is worst for readers comes first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum State {
    /// Readers find no token, or one that is over.
    Dead,
    /// Even if a new token came as soon as one may, the slowest reader may hold the old one beyond its end.
    AtRisk,
    /// The login was refused, or the system asks us to wait: it is not tried again before its time.
    Held,
    /// The last run failed.
    Failing,
    /// What stands in Vault is not known yet.
    Unread,
    /// A living token, and no trouble.
    Fine,
    /// It is not run, as its configuration says.
    Disabled,
}

impl State {
    /// All of them, the worst first.
    pub const ALL: [State; 7] = [
        State::Dead,
        State::AtRisk,
        State::Held,
        State::Failing,
        State::Unread,
        State::Fine,
        State::Disabled,
    ];

    /// How this one stands.
    pub fn of(row: &Row, now: Timestamp) -> Self {
        let is_late = |budget: chrono::TimeDelta| budget < chrono::TimeDelta::zero();
        if row.stage == Stage::Disabled {
            State::Disabled
        } else if row.stage == Stage::Unread {
            State::Unread
        } else if !row.is_alive(now) {
            State::Dead
        } else if row.outage_budget(now).is_some_and(is_late) {
            State::AtRisk
        } else if row.held_until(now).is_some() {
            State::Held
        } else if row.failing.is_some() {
            State::Failing
        } else {
            State::Fine
        }
    }

    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            State::AtRisk => "at_risk",
            State::Dead => "dead",
            State::Disabled => "disabled",
            State::Failing => "failing",
            State::Fine => "fine",
            State::Held => "held",
            State::Unread => "unread",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{every_state, now};
    use super::*;

    #[test]
    fn each_rotation_is_in_the_worst_state_that_holds() {
        let snapshot = every_state();
        let states = snapshot.rows.iter().map(|row| (&*row.rotation.name, State::of(row, now()).name()));
        let expected = [
            ("fine", "fine"),
            ("endless", "fine"),
            ("unread", "unread"),
            ("failing", "failing"),
            ("held", "held"),
            ("at-risk", "at_risk"),
            ("over", "dead"),
            ("missing", "dead"),
            ("disabled", "disabled"),
        ];
        assert_eq!(states.collect::<Vec<_>>(), expected);
    }
}
