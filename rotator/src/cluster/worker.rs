//! Takes errands from the queue, no more than there is room for, and runs them.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use apalis_core::worker::context::WorkerContext;
use futures_util::FutureExt as _;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::error;

use super::Settings;
use super::error::LIMIT;
use super::guarded::{Limits, run, tell};
use super::health::Part;
use super::office::within;
use super::queue::{Ending, Rows, Taken};
use super::reach::Access;
use super::session::{Lock, Locks, State};
use super::wire::{End, Errand, workers};
use crate::dispatch::Role;
use crate::run::{Aftermath, Class, Outcome, Work};

/// What is to be done here.
#[derive(Clone)]
pub(super) struct Orders {
    pub(super) work: Arc<dyn Work>,
    pub(super) queue: Arc<str>,
    pub(super) fingerprint: Arc<str>,
    pub(super) limit: usize,
    /// Nothing more is to be begun.
    pub(super) is_closed: bool,
}

/// An ending on its way to the database, and who waits until it is there.
pub(super) type Told = (Ending, oneshot::Sender<()>);

/// Runs what is to be done.
pub(super) struct Worker {
    pub(super) rows: Rows,
    pub(super) locks: Locks,
    pub(super) settings: Settings,
    pub(super) name: Arc<str>,
    pub(super) orders: watch::Receiver<Orders>,
    pub(super) session: watch::Receiver<State>,
    pub(super) access: watch::Receiver<Access>,
    /// Woken when a run has failed because of Vault.
    pub(super) doubts: Arc<Notify>,
    pub(super) wake: Arc<Notify>,
    pub(super) endings: mpsc::UnboundedSender<Told>,
    /// How many errands are taken and not ended.
    pub(super) running: Arc<AtomicUsize>,
}

impl Worker {
    /// Works until nobody gives orders any more.
    pub(super) async fn work(mut self) {
        let context = WorkerContext::new(&self.name);
        let mut desk = Desk { context, taken: BTreeSet::new(), runs: JoinSet::new(), is_registered: false };
        let (mut beats, mut polls) = (every(self.settings.heartbeat_interval), every(POLL_EVERY));
        let mut may_be_more = true;
        loop {
            if may_be_more {
                may_be_more = self.take(&mut desk).await;
            }
            tokio::select! {
                biased;
                _ = beats.tick() => self.beat(&mut desk).await,
                Some(ended) = desk.runs.join_next() => {
                    desk.end(ended);
                    if self.orders.borrow().is_closed {
                        // Others need not wait until we are taken for dead.
                        self.beat(&mut desk).await;
                    }
                    self.running.store(desk.taken.len(), Ordering::Relaxed);
                }
                () = self.wake.notified() => may_be_more = true,
                _ = polls.tick() => may_be_more = true,
                changed = self.session.changed() => match changed {
                    Ok(()) => (desk.is_registered, may_be_more) = (false, true),
                    Err(_) => return,
                },
                // Whoever tells it lives as long as the session.
                Ok(()) = self.access.changed() => may_be_more = true,
                changed = self.orders.changed() => match changed {
                    Ok(()) => (desk.is_registered, may_be_more) = (false, true),
                    Err(_) => return,
                },
            }
        }
    }

    /// Fills what room there is. Whether there may be more in the queue.
    async fn take(&self, desk: &mut Desk) -> bool {
        let orders = self.orders.borrow().clone();
        let room = orders.limit.saturating_sub(desk.taken.len());
        if orders.is_closed || room == 0 || self.session.borrow().role == Role::Disconnected {
            return !orders.is_closed && room == 0;
        }
        if self.access.borrow().leaves_runs() {
            return false;
        }
        if !desk.is_registered {
            self.beat(desk).await;
        }
        if !desk.is_registered {
            return false;
        }
        let taken = self.rows.take(&orders.queue, &desk.context, room);
        let Some(taken) = self.rows.health.note(Part::Take, within(LIMIT, taken).await) else {
            // What was taken without our knowledge has to be given back.
            desk.is_registered = false;
            return false;
        };
        let is_full = taken.len() >= room;
        for taken in taken {
            desk.taken.insert(taken.row.clone());
            desk.runs.spawn(self.errand(&orders).run(taken));
        }
        self.running.store(desk.taken.len(), Ordering::Relaxed);
        is_full
    }

    async fn beat(&self, desk: &mut Desk) {
        if self.session.borrow().role == Role::Disconnected {
            return;
        }
        let taken: Vec<String> = desk.taken.iter().cloned().collect();
        let workers = workers(&self.settings.name);
        let beat = self.rows.heartbeat(&workers, &desk.context, &taken);
        if let Some(()) = self.rows.health.note(Part::Register, within(LIMIT, beat).await) {
            desk.is_registered = true;
        }
    }

    fn errand(&self, orders: &Orders) -> Runs {
        Runs {
            work: Arc::clone(&orders.work),
            locks: self.locks.clone(),
            limits: Limits::of(&self.settings),
            orders: self.orders.clone(),
            doubts: Arc::clone(&self.doubts),
            endings: self.endings.clone(),
        }
    }
}

/// What is under way.
struct Desk {
    context: WorkerContext,
    taken: BTreeSet<String>,
    runs: JoinSet<String>,
    /// Whether the others know of this worker.
    is_registered: bool,
}

impl Desk {
    /// Several often end at once.
    fn end(&mut self, first: Result<String, JoinError>) {
        let mut next = Some(first);
        while let Some(ended) = next {
            // Nobody aborts a run, and one that panics has been caught.
            if let Ok(row) = ended {
                self.taken.remove(&row);
            }
            next = self.runs.try_join_next();
        }
    }
}

/// Everything that one errand needs.
struct Runs {
    work: Arc<dyn Work>,
    locks: Locks,
    limits: Limits,
    orders: watch::Receiver<Orders>,
    doubts: Arc<Notify>,
    endings: mpsc::UnboundedSender<Told>,
}

impl Runs {
    /// Runs it and tells its outcome; only then the credential is free again. Its row.
    async fn run(self, taken: Taken) -> String {
        let Taken { row, queue, takeovers, errand } = taken;
        let ran = if takeovers >= MOST_TAKEOVERS {
            // Another attempt would take as many.
            Some((refused(&errand, "replica_lost"), None))
        } else {
            let may_have_begun = takeovers > 0 || errand.is_again();
            let ran = AssertUnwindSafe(self.do_errand(&errand, may_have_begun)).catch_unwind().await;
            ran.unwrap_or_else(|_| Some((mistaken(&errand), None)))
        };
        // What has not begun is in nobody's hands, and given back.
        let Some((end, lock)) = ran else { return row };
        if end.class().is_some_and(Class::is_of_vault) {
            self.doubts.notify_one();
        }
        let is_dead = end.is_refused();
        let (done, told) = oneshot::channel();
        let ending = Ending { row: row.clone(), queue, errand, end, is_dead };
        if self.endings.send((ending, done)).is_ok() {
            // If nobody tells any more, the process ends.
            told.await.unwrap_or_default();
        }
        drop(lock);
        row
    }

    /// `may_have_begun` tells that somebody else may have done it, or a part of it.
    async fn do_errand(&self, errand: &Errand, may_have_begun: bool) -> Option<(End, Option<Lock>)> {
        let Some(due) = self.work.find(&errand.rotation).and_then(|id| errand.due(id)) else {
            return Some((refused(errand, "unknown_rotation"), None));
        };
        if let Some(refused) = errand.refused.as_deref().and_then(|name| self.work.find(name)) {
            self.work.heed(refused).await;
        }
        if may_have_begun {
            self.work.doubt(due.rotation).await;
        }
        let closed = async { closed(self.orders.clone()).await };
        run(&*self.work, &self.locks, &due, self.limits, closed).await
    }
}

/// It lasts until somebody changes something.
fn refused(errand: &Errand, class: &'static str) -> End {
    tell(class, &errand.rotation, errand.occurrence(), errand.attempt);
    End::without_login(Outcome::Refused { class: Class::new(class), logins: None })
}

/// Nobody knows how far it came.
fn mistaken(errand: &Errand) -> End {
    let (rotation, attempt) = (&*errand.rotation, errand.attempt);
    error!(rotation, attempt, "a run ended by a mistake in this program; it is tried again later");
    End { outcome: End::failed("internal_error"), aftermath: Aftermath::default() }
}

/// Waits until nothing more is to be begun.
async fn closed(mut orders: watch::Receiver<Orders>) {
    // If nobody gives orders any more, it is over as well.
    drop(orders.wait_for(|orders| orders.is_closed).await);
}

pub(super) fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// Who waits is woken; this is for when nobody could be told.
const POLL_EVERY: Duration = Duration::from_secs(2);
/// What so many replicas have died of is not given to another one.
const MOST_TAKEOVERS: usize = 3;
