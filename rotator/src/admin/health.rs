//! Whether the daemon does its work.
//!
//! It does while every rotation is attempted when it is due, by itself or, where it stands by, by another replica; one
//! that has another configuration attempts what it has itself. That
//! some of them fail, are refused or have lost their token does not make it unready: another instance would fare no
//! better, and alerts tell of it.

use std::time::Duration;

use serde::Serialize;

use crate::dispatch::Role;
use crate::lag::LONGEST_LAG;
use crate::observe::Health;

/// Why the daemon is not ready.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Reason {
    /// A stable name.
    pub reason: &'static str,
    /// What that means.
    pub text: String,
}

/// Why it is not ready; nothing if it is.
pub fn reasons(health: &Health) -> Vec<Reason> {
    let Health { rotations, unread, lag, role, is_apart, trouble, gives_way } = health;
    let (unread, lag) = (*unread, *lag);
    let mut reasons = Vec::new();
    if *role == Role::Disconnected {
        let why = trouble.as_deref().unwrap_or("it has not been reached yet");
        let text = format!(
            "nothing is begun while PostgreSQL, through which the replicas share the work, cannot be used: {why}"
        );
        reasons.push(Reason { reason: "database_unreachable", text });
    }
    if *gives_way {
        reasons.push(Reason { reason: "vault_unreachable", text: GIVES_WAY.to_owned() });
    }
    if unread > 0 {
        let text = format!(
            "of {unread} of {rotations} rotations it is not known yet what stands in Vault; what cannot be read is not \
             rotated"
        );
        reasons.push(Reason { reason: "entries_unread", text });
    }
    if lag > LONGEST_LAG {
        let text = format!("a run has been due for {} s and has not begun", lag.as_secs());
        reasons.push(if *is_apart {
            Reason { reason: "another_configuration_leads", text: text + APART }
        } else {
            Reason { reason: "scheduler_lag", text }
        });
    }
    reasons
}

impl Reason {
    /// Others ask for as much.
    pub(super) fn busy() -> Self {
        Reason { reason: "busy", text: "too many others are reading all of it at the moment".to_owned() }
    }

    /// The daemon ends.
    pub(super) fn stopping() -> Self {
        Reason { reason: "stopping", text: "the daemon is stopping".to_owned() }
    }

    /// The daemon does not answer.
    pub(super) fn stuck(patience: Duration) -> Self {
        let text = format!("the daemon's main loop has not answered within {} s", patience.as_secs());
        Reason { reason: "stuck", text }
    }
}

const GIVES_WAY: &str =
    "Vault cannot be reached from here, and another replica reaches it: runs and lead are left to the others";
const APART: &str =
    ": the replica that leads has another configuration, and nothing is run here until they agree";

#[cfg(test)]
mod tests {
    use super::*;

    fn health() -> Health {
        let (role, lag) = (Role::Leading, Duration::ZERO);
        Health { rotations: 3, unread: 0, lag, role, is_apart: false, trouble: None, gives_way: false }
    }

    fn names(unread: usize, lag: u64) -> Vec<&'static str> {
        names_as(Role::Leading, unread, lag)
    }

    fn names_as(role: Role, unread: usize, lag: u64) -> Vec<&'static str> {
        let health = Health { unread, lag: Duration::from_secs(lag), role, ..health() };
        reasons(&health).into_iter().map(|reason| reason.reason).collect()
    }

    #[test]
    fn who_stands_by_is_ready_and_who_is_cut_off_is_not() {
        assert!(names_as(Role::Standby, 0, 0).is_empty());
        assert_eq!(names_as(Role::Disconnected, 0, 0), ["database_unreachable"]);
    }

    #[test]
    fn it_is_told_why_the_database_cannot_be_used() {
        let (role, trouble) = (Role::Disconnected, Some("SQLSTATE 42501".into()));
        let health = Health { role, trouble, ..health() };
        assert!(reasons(&health)[0].text.ends_with("cannot be used: SQLSTATE 42501"));
        let begun = Health { trouble: None, ..health };
        assert!(reasons(&begun)[0].text.ends_with("it has not been reached yet"));
    }

    #[test]
    fn who_leaves_the_work_to_others_is_not_ready() {
        let reasons = reasons(&Health { gives_way: true, role: Role::Standby, ..health() });
        assert_eq!(reasons.iter().map(|reason| reason.reason).collect::<Vec<_>>(), ["vault_unreachable"]);
    }

    #[test]
    fn who_has_another_configuration_than_the_leader_is_not_ready_once_a_run_waits_for_long() {
        let apart =
            |secs| Health { role: Role::Standby, is_apart: true, lag: Duration::from_secs(secs), ..health() };
        assert_eq!(reasons(&apart(120)), [], "the leader may have the same rotations");
        let told = reasons(&apart(121));
        assert_eq!((told.len(), told[0].reason), (1, "another_configuration_leads"));
        assert!(
            told[0].text.starts_with("a run has been due for 121 s")
                && told[0].text.ends_with("until they agree")
        );
    }

    #[test]
    fn it_is_ready_once_all_is_read_and_while_nothing_waits_for_long() {
        assert!(names(0, 0).is_empty() && names(0, 120).is_empty());
        assert_eq!(names(1, 0), ["entries_unread"]);
        assert_eq!(names(0, 121), ["scheduler_lag"]);
        assert_eq!(names(3, 500), ["entries_unread", "scheduler_lag"]);
    }
}
