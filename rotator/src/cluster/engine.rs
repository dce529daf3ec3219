//! Work shared among replicas: the leader submits, whoever has room runs, the leader is told.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ring::rand::{SecureRandom as _, SystemRandom};
use tokenferry_sources::Clock;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, timeout};
use tracing::{debug, info};

use super::awaited::Awaited;
use super::health::Health;
use super::office::{self, Command, News, Office};
use super::queue::Rows;
use super::reach::{Access, Scout};
use super::registry::Registry;
use super::session::{Locks, Session, State};
use super::wire::{End, Errand, queue};
use super::worker::{Orders, Worker, every};
use super::{Database, Replica, Settings, View};
use crate::dispatch::{Dispatch, Ended, Role, Waiting, last_resorts};
use crate::run::{CredentialKey, Due, Outcome, RotationId, Work};

/// Shares work with other replicas.
pub struct Cluster {
    /// What tells it from others in the same database.
    name: String,
    orders: watch::Sender<Orders>,
    session: watch::Receiver<State>,
    role: watch::Receiver<Role>,
    view: watch::Receiver<View>,
    /// Whether we are on the list of replicas no longer.
    left: watch::Receiver<bool>,
    locks: Locks,
    commands: mpsc::UnboundedSender<Command>,
    news: mpsc::UnboundedReceiver<News>,
    running: Arc<AtomicUsize>,
    clock: Arc<dyn Clock>,
    awaited: Awaited,
    /// The session that all of this was submitted in: in another one somebody else may have led in between.
    epoch: u64,
    /// By credential, the rotation whose login was refused last.
    refused: HashMap<CredentialKey, Arc<str>>,
    sweeps: Interval,
    /// Ended when this is dropped.
    _tasks: JoinSet<()>,
}

impl Cluster {
    /// Joins the other replicas, or waits until it can. At most `limit` runs at once are done here. A database that is
    /// away is no error: the role says so, and it is tried again.
    pub fn start(
        settings: &Settings,
        database: Database,
        work: Arc<dyn Work>,
        limit: usize,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (name, id) = names(settings);
        let database = database.named(&name);
        let pool = database.pool();
        let health = Health::new(settings.heartbeat_interval * 2);
        let (session, locks) = Session::new(database, pool.clone(), health.clone(), settings, true);
        let (state, role) = (session.state(), session.role());
        let orders = watch::Sender::new(orders(&settings.name, work, limit));
        let view = watch::Sender::new(View::new(clock.now()));
        let (commands, commanded) = mpsc::unbounded_channel();
        let (telling, news) = mpsc::unbounded_channel();
        let (endings, ended) = mpsc::unbounded_channel();
        let (rows, wake, running) =
            (Rows::new(pool.clone(), health.clone()), Arc::new(Notify::new()), Arc::default());
        let watched = view.subscribe();
        let (access, doubts) = (watch::Sender::new(Access::Unknown), Arc::new(Notify::new()));
        let worker = Worker {
            rows: rows.clone(),
            locks: locks.clone(),
            settings: settings.clone(),
            name: Arc::clone(&id),
            orders: orders.subscribe(),
            session: state.clone(),
            access: access.subscribe(),
            doubts: Arc::clone(&doubts),
            wake: Arc::clone(&wake),
            endings,
            running: Arc::clone(&running),
        };
        let registry = Registry {
            pool: pool.clone(),
            rows: rows.clone(),
            settings: settings.clone(),
            name: Arc::clone(&name),
            id: Arc::clone(&id),
            orders: orders.subscribe(),
            session: state.clone(),
            access: access.subscribe(),
            view,
            clock: Arc::clone(&clock),
            left: watch::Sender::new(false),
        };
        let left = registry.left.subscribe();
        let scout = Scout {
            pool: pool.clone(),
            settings: settings.clone(),
            id: Arc::clone(&id),
            orders: orders.subscribe(),
            session: state.clone(),
            locks: locks.clone(),
            doubts,
            access,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(session.keep());
        tasks.spawn(worker.work());
        tasks.spawn(registry.keep());
        tasks.spawn(scout.look_out());
        let is_over = {
            let (orders, session) = (orders.subscribe(), state.clone());
            move || orders.borrow().is_closed && session.borrow().role == Role::Disconnected
        };
        tasks.spawn(office::tell_endings(rows.clone(), id, name, ended, is_over));
        let office =
            Office { rows, orders: orders.subscribe(), session: state.clone(), news: telling.clone() };
        tasks.spawn(office.obey(commanded));
        tasks.spawn(office::listen(pool, health, wake, telling, state.clone()));
        Cluster {
            name: settings.name.clone(),
            orders,
            session: state,
            role,
            view: watched,
            left,
            locks,
            commands,
            news,
            running,
            clock,
            awaited: Awaited::default(),
            epoch: 0,
            refused: HashMap::new(),
            sweeps: every(SWEEP_EVERY),
            _tasks: tasks,
        }
    }

    /// What it knows of itself and of the others, as it changes.
    pub fn view(&self) -> watch::Receiver<View> {
        self.view.clone()
    }

    /// Puts it in the queue, unless it is there.
    fn push(&mut self, waiting: Waiting) {
        let Orders { work, queue, .. } = self.orders.borrow().clone();
        let Some(name) = work.name(waiting.due.rotation) else { return };
        let errand = self.errand(&waiting.due, &waiting.credential, name);
        if self.awaited.submit(Arc::clone(&errand.key), Arc::clone(&queue), waiting) {
            self.command(Command::Push { queue, errand: Box::new(errand), epoch: self.epoch });
        }
    }

    fn errand(&self, due: &Due, credential: &CredentialKey, name: Arc<str>) -> Errand {
        let refused = self.refused.get(credential).filter(|refused| **refused != name).cloned();
        Errand::new(due, name, refused)
    }

    /// What was submitted while we led before is nothing that we know of any more.
    fn follow_session(&mut self) {
        let State { role, epoch, .. } = *self.session.borrow_and_update();
        if role != Role::Leading || epoch != self.epoch {
            self.awaited = Awaited::default();
            self.refused.clear();
            self.epoch = epoch;
        }
    }

    /// What has ended by that, if anything.
    fn hear(&mut self, news: News) -> Option<Ended> {
        match news {
            News::Ended { of: (queue, key), end, ago } => self.settle(&queue, &key, end, ago),
            News::Gap => {
                self.sweep(Duration::ZERO);
                None
            }
            News::Lost { of: (queue, key), success } => self.push_again(&queue, &key, success),
        }
    }

    fn settle(&mut self, queue: &str, key: &str, end: End, ago: Duration) -> Option<Ended> {
        let End { outcome, aftermath } = end;
        let (due, credential, next) = self.awaited.end(queue, key)?;
        self.note_refusal(&due, credential, &outcome);
        if let Some(next) = next {
            self.push(next);
        }
        self.allow_what_has_room();
        if self.awaited.has_much_room() {
            while let Some(next) = self.awaited.release() {
                self.push(next);
            }
        }
        Some(Ended { due, outcome, aftermath, ago })
    }

    /// Last resorts as [`Local`](crate::dispatch::Local) does, of the room that all of us have. And no more than keeps all
    /// of us busy while the next is on its way: what waits here takes little memory, and is still in order.
    fn allow_what_has_room(&mut self) {
        let Orders { fingerprint, limit, .. } = self.orders.borrow().clone();
        let shares =
            |other: &&Replica| !other.is_self && !other.is_lost && *other.fingerprint == *fingerprint;
        let others: u32 =
            self.view.borrow().replicas.iter().filter(shares).map(|other| other.concurrency).sum();
        let room = limit + others as usize;
        self.awaited.allow((room * SUBMITTED_FOR_EACH).max(LEAST_SUBMITTED), last_resorts(room));
    }

    /// So that the next run of the credential hears of it, wherever it is.
    fn note_refusal(&mut self, due: &Due, credential: CredentialKey, outcome: &Outcome) {
        match outcome {
            Outcome::Refused { class, .. } if class.is_refused_login() => {
                let name = self.orders.borrow().work.name(due.rotation);
                name.map(|name| self.refused.insert(credential, name));
            }
            Outcome::Rotated(_) => drop(self.refused.remove(&credential)),
            _ => {}
        }
    }

    /// Nobody will run what was submitted, so it is submitted once more: after a success under the same key whoever
    /// leads. What is configured no longer has ended.
    fn push_again(&mut self, former: &str, key: &str, success: Option<i64>) -> Option<Ended> {
        let Orders { work, queue, .. } = self.orders.borrow().clone();
        let (due, credential) = self.awaited.of(key)?;
        let Some(name) = work.name(due.rotation) else {
            info!(run = key, "what was submitted is configured no longer, and withdrawn");
            return self.settle(former, key, End::without_login(End::failed("withdrawn")), Duration::ZERO);
        };
        let number = success.unwrap_or_else(|| self.clock.now().timestamp_micros());
        let errand = self.errand(&due, &credential, name).again(number);
        self.awaited.rename(key, Arc::clone(&errand.key), Arc::clone(&queue));
        self.command(Command::Push { queue, errand: Box::new(errand), epoch: self.epoch });
        None
    }

    /// Asks what became of what nothing was heard of.
    fn sweep(&mut self, unheard_for: Duration) {
        let sought = self.awaited.unasked_for(unheard_for);
        if !sought.is_empty() {
            let queue = Arc::clone(&self.orders.borrow().queue);
            self.command(Command::Ask { queue, sought });
        }
    }

    /// Since when the oldest has waited in the queue.
    fn in_queue_since(&self) -> Option<Instant> {
        let waited = self.view.borrow().oldest_wait.filter(|_| *self.role.borrow() == Role::Leading);
        waited.and_then(|waited| Instant::now().checked_sub(waited))
    }

    fn command(&self, command: Command) {
        // Whoever obeys lives as long as this.
        drop(self.commands.send(command));
    }
}

#[async_trait]
impl Dispatch for Cluster {
    fn submit(&mut self, due: Due) {
        self.follow_session();
        let credential = self.orders.borrow().work.credential(due.rotation);
        let waiting = Waiting { due, credential, since: Instant::now() };
        self.allow_what_has_room();
        if let Some(free) = self.awaited.park(waiting) {
            self.push(free);
        }
    }

    async fn ended(&mut self) -> Ended {
        loop {
            tokio::select! {
                Some(news) = self.news.recv() => {
                    self.follow_session();
                    if let Some(ended) = self.hear(news) {
                        return ended;
                    }
                }
                Ok(()) = self.session.changed() => self.follow_session(),
                _ = self.sweeps.tick() => self.sweep(SWEEP_EVERY),
            }
        }
    }

    fn role(&self) -> watch::Receiver<Role> {
        self.role.clone()
    }

    fn withdraw(&mut self) -> Vec<Due> {
        self.awaited.withdraw()
    }

    fn succeed(
        &mut self,
        work: Arc<dyn Work>,
        limit: usize,
        renumber: &mut dyn FnMut(RotationId) -> RotationId,
    ) {
        self.awaited.renumber(renumber);
        self.orders.send_modify(|former| {
            *former = Orders { is_closed: former.is_closed, ..orders(&self.name, work, limit) };
        });
    }

    fn close(&mut self) {
        drop(self.awaited.withdraw());
        self.locks.resign();
        self.orders.send_modify(|orders| orders.is_closed = true);
    }

    async fn leave(&mut self) {
        let is_connected = self.session.borrow().role != Role::Disconnected;
        let leaves = is_connected && self.orders.borrow().is_closed;
        if leaves && timeout(LONGEST_LEAVE, self.left.wait_for(|left| *left)).await.is_err() {
            debug!("the others will have to notice that we are gone");
        }
    }

    /// Those of this process.
    fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    fn waiting_since(&self) -> Option<Instant> {
        self.awaited.waiting_since().into_iter().chain(self.in_queue_since()).min()
    }

    /// What waits for a run of its credential waits for good reason, wherever that is; what others are to take, too.
    fn stuck_since(&self) -> Option<Instant> {
        if self.running() > 0 {
            return None;
        }
        let here = self.awaited.waiting_since().filter(|_| self.awaited.is_nothing_submitted());
        let in_queue = self.in_queue_since().filter(|_| !self.view.borrow().gives_way);
        here.into_iter().chain(in_queue).min()
    }
}

fn orders(cluster: &str, work: Arc<dyn Work>, limit: usize) -> Orders {
    let fingerprint = work.fingerprint();
    Orders {
        queue: queue(cluster, &fingerprint),
        fingerprint: fingerprint.into(),
        limit: limit.max(1),
        is_closed: false,
        work,
    }
}

/// What this replica is called, and the same with something that no other has.
fn names(settings: &Settings) -> (Arc<str>, Arc<str>) {
    let mut random = [0; 4];
    // Without randomness there is no TLS either; the time is not shared by many.
    if SystemRandom::new().fill(&mut random).is_err() {
        random = std::process::id().to_be_bytes();
    }
    let random = format!("{:08x}", u32::from_be_bytes(random));
    if let Some(name) = &settings.replica {
        return (name.as_str().into(), format!("{name} {random}").into());
    }
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let name: Arc<str> = format!("{host}-{random}").into();
    (Arc::clone(&name), name)
}

/// So much is in the queue at most for each place there is,
const SUBMITTED_FOR_EACH: usize = 8;
/// and no less for all of them.
const LEAST_SUBMITTED: usize = 256;
const LONGEST_LEAVE: Duration = Duration::from_secs(1);
/// What nothing was heard of for so long is asked about.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
