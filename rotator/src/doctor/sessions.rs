//! The entries that refresh tokens are kept in.

use super::Patient;
use super::finding::{Check, Finding, Group};
use super::vault::Login;
use crate::runner::SessionState;

pub(super) async fn examine(patient: &Patient<'_>, login: Login) -> Vec<Finding> {
    let mut findings = Vec::new();
    let keeping = patient.rotations.iter().filter(|(_, rotation)| rotation.source.session.is_some());
    for (id, rotation) in keeping.filter(|_| login == Login::Works) {
        // Where it cannot be read, that is told of the destinations, whose tokens nobody knows then.
        if let Ok(Some((at, state))) = patient.app.runner.session(*id).await {
            findings.push(judge(&format!("{}: {at}", rotation.source.name), state));
        }
    }
    findings
}

fn judge(subject: &str, state: SessionState) -> Finding {
    let (group, check) = (Group::Rotations, Check::Session);
    match state {
        SessionState::Deleted => {
            let found =
                "the refresh token was deleted, and with it what is known of refreshes: the next run logs in";
            Finding::warning(group, check, subject, found, DELETED)
        }
        SessionState::Empty => {
            Finding::ok(group, check, subject, "nothing there yet; the first login keeps it")
        }
        SessionState::Foreign(advice) => {
            let found = "the session holds an entry that was not made for this source, so each run logs in";
            Finding::problem(group, check, subject, found, advice)
        }
        SessionState::Kept => Finding::ok(group, check, subject, "keeps a refresh token"),
        SessionState::Over => {
            Finding::ok(group, check, subject, "the refresh token is over; the next run logs in")
        }
    }
}

const DELETED: &str = "Leave the entry to the rotator. If readers are refused, have a new token written: `tokenferry once --force`.";
