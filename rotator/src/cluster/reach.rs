//! Whether Vault can be reached from here.
//!
//! Where it cannot, and another replica reaches it, the work is left to that one: what is in the queue at once, and after
//! a while the lead. Where nobody reaches it, all stays as it is: another leader would fare no better, and would have to
//! read first what this one knows.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgPool;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::error::LIMIT;
use super::office::within;
use super::session::{Locks, State};
use super::worker::Orders;
use super::{Settings, look};
use crate::dispatch::Role;
use crate::run::Class;

/// What is known, and what follows from it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Access {
    /// Nobody has asked yet.
    Unknown,
    /// It can be reached.
    Reached,
    /// It cannot, as far as is known by nobody.
    Missed,
    /// Only others reach it: what is in the queue is left to them.
    LeavesRuns,
    /// It is so for long: the lead is left to them, too.
    LeavesAll,
}

/// Finds out.
pub(super) struct Scout {
    pub(super) pool: PgPool,
    pub(super) settings: Settings,
    /// What tells this replica from all others.
    pub(super) id: Arc<str>,
    pub(super) orders: watch::Receiver<Orders>,
    pub(super) session: watch::Receiver<State>,
    pub(super) locks: Locks,
    /// A run has failed because of Vault.
    pub(super) doubts: Arc<Notify>,
    pub(super) access: watch::Sender<Access>,
}

impl Access {
    pub(super) fn is_reached(self) -> Option<bool> {
        (self != Access::Unknown).then_some(self == Access::Reached)
    }

    pub(super) fn leaves_runs(self) -> bool {
        matches!(self, Access::LeavesRuns | Access::LeavesAll)
    }
}

impl Scout {
    /// Looks again and again, until nobody gives orders any more.
    pub(super) async fn look_out(mut self) {
        let mut trouble = Trouble::new(self.settings.heartbeat_limit);
        let every = LONGEST_PAUSE.min(self.settings.heartbeat_limit / 6);
        loop {
            let work = Arc::clone(&self.orders.borrow_and_update().work);
            let reached = work.reach().await;
            let by_others = if reached.is_ok() { None } else { self.do_others_reach_it().await };
            self.conclude(trouble.judge(reached.is_ok(), by_others), reached.err().as_ref());
            let is_reached = *self.access.borrow() == Access::Reached;
            tokio::select! {
                () = sleep(every) => {}
                () = doubted(&self.doubts), if is_reached => {}
                changed = self.orders.changed() => if changed.is_err() {
                    return;
                },
            }
        }
    }

    /// As they say at this moment: what was heard a while ago may be over for them, too. `None` if they cannot be asked.
    async fn do_others_reach_it(&self) -> Option<bool> {
        if self.session.borrow().role == Role::Disconnected {
            return None;
        }
        let Settings { name, heartbeat_limit, .. } = &self.settings;
        let replicas = look::replicas(&self.pool, name, "", *heartbeat_limit, |id| id == &*self.id);
        let replicas = within(LIMIT, replicas).await.ok()?;
        let mut others = replicas.iter().filter(|replica| !replica.is_self && replica.is_alive());
        Some(others.any(|other| other.reaches_vault == Some(true)))
    }

    fn conclude(&self, access: Access, class: Option<&Class>) {
        let before = self.access.send_replace(access);
        if before == access {
            return;
        }
        self.locks.stand_aside(access == Access::LeavesAll);
        let leads = self.session.borrow().role == Role::Leading;
        let class = class.map(Class::name);
        match (before.leaves_runs(), access) {
            (false, Access::LeavesRuns | Access::LeavesAll) => warn!(
                class,
                leads,
                advice = "see why Vault cannot be reached from here",
                "another replica reaches Vault, and this one does not: runs are left to the others, and before long the lead"
            ),
            (true, Access::LeavesAll) if leads => {
                warn!(class, "still only others reach Vault: the lead is left to them");
            }
            (true, Access::Reached) => info!("Vault is reached again: runs are taken here as before"),
            (true, Access::Missed | Access::Unknown) => {
                info!("no other replica reaches Vault any more: runs are taken here as before");
            }
            _ => {}
        }
    }
}

async fn doubted(doubts: &Notify) {
    sleep(SHORTEST_PAUSE).await;
    doubts.notified().await;
}

/// How long it has not been reached.
struct Trouble {
    patience: Duration,
    since: Option<Instant>,
    /// Whether others reached it when that was asked last.
    by_others: bool,
}

impl Trouble {
    fn new(heartbeat_limit: Duration) -> Self {
        Trouble { patience: LONGEST_PATIENCE.min(heartbeat_limit / 2), since: None, by_others: false }
    }

    /// When it comes back for all, one is the first to know: the lead is left to that one only by who has looked since,
    /// and does not reach it still.
    fn judge(&mut self, reached: bool, by_others: Option<bool>) -> Access {
        if reached {
            (self.since, self.by_others) = (None, false);
            return Access::Reached;
        }
        let is_long = self.since.get_or_insert_with(Instant::now).elapsed() >= self.patience;
        let by_others = by_others.unwrap_or(self.by_others);
        let before = mem::replace(&mut self.by_others, by_others);
        match (by_others, before && is_long) {
            (false, _) => Access::Missed,
            (true, false) => Access::LeavesRuns,
            (true, true) => Access::LeavesAll,
        }
    }
}

/// How often it is asked whether it is there; more often where a replica may be silent for less than a minute.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Many runs may fail at once.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    /// What follows from what is found each ten seconds: whether it is reached here, and whether by others.
    async fn follows(found: &[(bool, bool)]) -> Vec<Access> {
        let mut trouble = Trouble::new(Duration::from_mins(1));
        let mut all = Vec::new();
        for (reached, by_others) in found {
            all.push(trouble.judge(*reached, Some(*by_others)));
            advance(LONGEST_PAUSE).await;
        }
        all
    }

    #[tokio::test(start_paused = true)]
    async fn runs_are_left_to_who_reaches_it_at_once_and_the_lead_after_a_while() {
        use Access::{LeavesAll, LeavesRuns, Reached};
        let found = [(true, true), (false, true), (false, true), (false, true), (false, true), (true, true)];
        assert_eq!(follows(&found).await, [Reached, LeavesRuns, LeavesRuns, LeavesRuns, LeavesAll, Reached]);
    }

    #[tokio::test(start_paused = true)]
    async fn where_nobody_reaches_it_all_stays_as_it_is() {
        assert_eq!(follows(&[(false, false); 9]).await, [Access::Missed; 9]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_and_goes_costs_nobody_the_lead() {
        let found: Vec<_> = (0..20).map(|round| (round % 3 == 0, true)).collect();
        assert!(!follows(&found).await.contains(&Access::LeavesAll));
    }

    #[tokio::test(start_paused = true)]
    async fn that_another_one_is_the_first_to_reach_it_again_is_no_reason_to_leave_the_lead() {
        use Access::{LeavesAll, LeavesRuns, Missed, Reached};
        let mut found = vec![(false, false); 9];
        found.extend([(false, true), (true, true), (false, false)]);
        assert_eq!(follows(&found).await[8..], [Missed, LeavesRuns, Reached, Missed]);
        let mut found = vec![(false, false); 9];
        found.extend([(false, true), (false, true), (false, false)]);
        assert_eq!(follows(&found).await[8..], [Missed, LeavesRuns, LeavesAll, Missed]);
    }
}
