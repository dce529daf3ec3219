//! What this process is among its like, and what follows from that.
//!
//! Only who leads lets anything happen. Who stands by knows how things stand, for those who look on: it reads what the
//! leader should have seen to by now, and now and then everything. Whoever begins to lead believes nothing that it
//! knew: others have worked meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::TimeDelta;
use tokenferry_sources::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{info, warn};

use super::Daemon;
use super::looks::Looks;
use super::patrol::Patrol;
use crate::dispatch::Role;
use crate::run::RotationId;
use crate::scheduler::{Plan, Scheduler, Stage};

/// Our role, as far as we have taken note of it.
pub(super) struct Standing {
    roles: watch::Receiver<Role>,
    role: Role,
    /// When entries are read next, unless we lead,
    pub(super) next_look: Instant,
    /// and when all of them.
    next_round: Instant,
    /// When all that should have changed by then had been read.
    pub(super) read_at: Option<Timestamp>,
    left: Left,
}

/// What is due and left lying by whoever leads, because it has another configuration.
#[derive(Default)]
struct Left {
    since: BTreeMap<RotationId, Instant>,
    /// The first of these times.
    first: Option<Instant>,
}

impl Standing {
    pub(super) fn new(mut roles: watch::Receiver<Role>) -> Self {
        let role = *roles.borrow_and_update();
        let next_look = Instant::now() + FIRST_LOOK;
        Standing { roles, role, next_look, next_round: next_look, read_at: None, left: Left::default() }
    }

    pub(super) fn role(&self) -> Role {
        self.role
    }

    pub(super) fn leads(&self) -> bool {
        self.role == Role::Leading
    }

    /// Waits until the role has changed, and for ever once it cannot any more. Loses nothing when it is dropped.
    pub(super) async fn changed(&mut self) {
        match self.roles.changed().await {
            // Whoever takes it on finds it changed.
            Ok(()) => self.roles.mark_changed(),
            Err(_) => std::future::pending().await,
        }
    }

    /// Rotations are called otherwise from now on.
    pub(super) fn renumber(&mut self) {
        self.left = Left::default();
    }

    fn news(&mut self) -> Option<Role> {
        let role = self.roles.has_changed().unwrap_or(false);
        role.then(|| *self.roles.borrow_and_update())
    }
}

impl Left {
    fn note(&mut self, due: &BTreeSet<RotationId>, now: Instant) {
        self.since.retain(|id, _| due.contains(id));
        for id in due {
            self.since.entry(*id).or_insert(now);
        }
        self.first = self.since.values().min().copied();
    }
}

impl Daemon {
    /// Whoever leads as before may have been somebody else in between.
    pub(super) fn take_on_role(&mut self) {
        let Some(role) = self.standing.news() else { return };
        let before = std::mem::replace(&mut self.standing.role, role);
        tell(before, role);
        if [before, role].contains(&Role::Leading) {
            self.begin_anew();
        } else {
            self.standing.next_look = Instant::now();
        }
    }

    /// Forgets what it knew of all rotations, and reads it.
    fn begin_anew(&mut self) {
        // The former one goes first: there may be very many rotations.
        self.scheduler = Scheduler::new([]);
        self.scheduler = Scheduler::new(Plan::of_all(&self.rotations));
        self.entries.forget(self.concurrency);
        self.departures.end_all();
        (self.looks, self.patrol) = (Looks::default(), Patrol::new());
        (self.standing.read_at, self.standing.left) = (None, Left::default());
        if self.leads() {
            self.read_entries();
        } else {
            self.standing.next_round = Instant::now();
            self.follow_leader();
        }
    }

    pub(super) fn leads(&self) -> bool {
        self.standing.leads()
    }

    /// Whether somebody leads who has another configuration, and knows nothing of ours.
    pub(super) fn is_apart(&self) -> bool {
        self.replicas.as_ref().is_some_and(|replicas| replicas.borrow().other_leader().is_some())
    }

    /// Since when something is due that whoever leads leaves lying, because it has another configuration.
    pub(super) fn left_by_leader(&self) -> Option<Instant> {
        self.standing.left.first.filter(|_| self.is_apart())
    }

    /// What that one has done all the same, since it has it, too, was seen when entries were read last.
    fn note_what_is_left(&mut self) {
        let now = self.now();
        let due = if self.is_apart() { self.scheduler.overdue(now).collect() } else { BTreeSet::new() };
        self.standing.left.note(&due, Instant::now());
    }

    /// Reads how things stand, unless that is still under way.
    pub(super) fn follow_leader(&mut self) {
        self.note_what_is_left();
        let now = Instant::now();
        let ids = if now < self.standing.next_round { self.overdue() } else { self.all_that_run() };
        let pause = PAUSE_FOR_EACH * u32::try_from(ids.len()).unwrap_or(u32::MAX);
        self.standing.next_look = now + pause.max(SHORTEST_PAUSE);
        if self.entries.unread() > 0 {
            return;
        }
        if now >= self.standing.next_round {
            self.standing.next_round = now + pause.max(ROUND);
        }
        if ids.is_empty() {
            self.standing.read_at = Some(self.now());
        }
        let at_once = if self.scheduler.unknown().next().is_some() { self.concurrency } else { AT_LEISURE };
        self.entries.read(self.runner.clone(), ids, at_once);
    }

    /// Those whose runs the leader should have seen to by now, and those that nothing is known of.
    fn overdue(&mut self) -> BTreeSet<RotationId> {
        let now = self.now();
        let due = i32::try_from(self.scheduler.overdue(now).count()).unwrap_or(i32::MAX);
        let until = now - LEADERS_TIME - LEADERS_TIME_FOR_EACH * due;
        let overdue = self.scheduler.overdue(until).chain(self.scheduler.unknown());
        overdue.filter(|id| self.is_free(*id)).collect()
    }

    fn all_that_run(&self) -> BTreeSet<RotationId> {
        let is_run = |id: &RotationId| {
            self.scheduler.view(*id).is_some_and(|view| view.stage != Stage::Disabled) && self.is_free(*id)
        };
        (0..).map(RotationId).take(self.rotations.len()).filter(is_run).collect()
    }
}

fn tell(before: Role, role: Role) {
    match role {
        Role::Disconnected => warn!(
            led = before == Role::Leading,
            advice = "see why PostgreSQL cannot be used; tokens live on meanwhile",
            "no work can be shared with the other replicas: nothing is dispatched"
        ),
        Role::Leading => {
            info!("this replica leads: it dispatches what is due, once it has read each entry anew");
        }
        Role::Standby => info!("this replica stands by: it works on what another one dispatches"),
    }
}

/// By then it is known as a rule who leads, and whoever does reads all of it at once.
const FIRST_LOOK: Duration = Duration::from_secs(10);
const SHORTEST_PAUSE: Duration = Duration::from_secs(5);
/// A run and its write are over by then as a rule,
const LEADERS_TIME: TimeDelta = TimeDelta::seconds(3);
/// and when many are due they wait for each other.
const LEADERS_TIME_FOR_EACH: TimeDelta = TimeDelta::milliseconds(5);
/// What nobody planned is seen by then.
const ROUND: Duration = Duration::from_mins(10);
/// Thousands of entries are a few requests a second to Vault.
const PAUSE_FOR_EACH: Duration = Duration::from_millis(50);
const AT_LEISURE: usize = 1;

#[cfg(test)]
mod tests;
