//! What goes to the database and comes from it: outcomes of runs that ended here, errands of the leader, and news.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{StreamExt as _, iter};
use serde::Deserialize;
use sqlx::postgres::{PgListener, PgNotification, PgPool};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::database::Database;
use super::error::{DatabaseError, Failed as _, LIMIT};
use super::health::{Health, Part};
use super::queue::{ERRANDS, Ending, Fate, OUTCOMES, Rows, Sought};
use super::session::State;
use super::wire::{End, Errand};
use super::worker::{Orders, Told};
use crate::dispatch::Role;
use crate::run::Outcome;

/// What the leader wants.
pub(super) enum Command {
    /// Who knows what became of these?
    Ask { queue: Arc<str>, sought: Vec<Sought> },
    /// Put it in this queue. Only as long as the session is the one of this number.
    Push { queue: Arc<str>, errand: Box<Errand>, epoch: u64 },
}

/// What the leader is told.
pub(super) enum News {
    Ended {
        of: Sought,
        end: End,
        /// How long ago.
        ago: Duration,
    },
    /// Something may have gone unheard.
    Gap,
    /// Nobody will ever run it, or what was run under its key is nothing to who asks now.
    Lost {
        of: Sought,
        /// The success that has come since, by its number.
        success: Option<i64>,
    },
}

/// Writes how runs ended, all that wait at once; not what cannot be written once it is over: others run it again.
pub(super) async fn tell_endings(
    rows: Rows,
    worker: Arc<str>,
    replica: Arc<str>,
    mut endings: mpsc::UnboundedReceiver<Told>,
    is_over: impl Fn() -> bool,
) {
    let mut waiting = Vec::new();
    while endings.recv_many(&mut waiting, ENDINGS_AT_ONCE).await > 0 {
        let (ended, told): (Vec<Ending>, Vec<_>) = waiting.drain(..).unzip();
        let mut pause = SHORTEST_PAUSE;
        loop {
            match rows.health.note(Part::End, within(LIMIT, rows.end(&worker, &replica, &ended)).await) {
                Some(lost) if lost.is_empty() => break,
                Some(lost) => {
                    warn!(
                        runs = lost.len(),
                        "what was run here has been taken over by another replica meanwhile"
                    );
                    break;
                }
                None => {
                    if is_over() {
                        break;
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        // Whoever does not wait any longer need not be told.
        for told in told {
            told.send(()).unwrap_or_default();
        }
    }
}

/// Where what the leader wants is done.
pub(super) struct Office {
    pub(super) rows: Rows,
    pub(super) orders: watch::Receiver<Orders>,
    pub(super) session: watch::Receiver<State>,
    pub(super) news: mpsc::UnboundedSender<News>,
}

impl Office {
    /// Works until nobody wants anything any more.
    pub(super) async fn obey(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut waiting = Vec::new();
        while commands.recv_many(&mut waiting, COMMANDS_AT_ONCE).await > 0 {
            let epoch = self.session.borrow_and_update().epoch;
            let mut pushes: Option<(Arc<str>, Vec<Errand>)> = None;
            for command in waiting.drain(..) {
                match (command, &mut pushes) {
                    (Command::Push { epoch: former, .. }, _) if former != epoch => {}
                    (Command::Push { queue, errand, .. }, Some((same, errands))) if *same == queue => {
                        errands.push(*errand);
                    }
                    (Command::Push { queue, errand, .. }, _) => {
                        let former = pushes.replace((queue, vec![*errand]));
                        self.push(former, epoch).await;
                    }
                    // What is asked about has to be there.
                    (Command::Ask { queue, sought }, _) => {
                        self.push(pushes.take(), epoch).await;
                        self.ask(&queue, &sought).await;
                    }
                }
            }
            self.push(pushes, epoch).await;
        }
    }

    /// Tries again until it is done, or somebody else may lead.
    async fn push(&self, pushes: Option<(Arc<str>, Vec<Errand>)>, epoch: u64) {
        let Some((queue, mut errands)) = pushes else { return };
        while self.leads(epoch) {
            let answer = within(LIMIT, self.rows.push(&queue, &errands)).await;
            let Some(there) = self.rows.health.note(Part::Push, answer) else {
                sleep(SHORTEST_PAUSE).await;
                continue;
            };
            errands.retain(|errand| there.contains(&errand.key));
            if !errands.is_empty() {
                self.find(&queue, &errands, epoch).await;
            }
            return;
        }
    }

    fn leads(&self, epoch: u64) -> bool {
        let session = self.session.borrow();
        session.epoch == epoch && session.role == Role::Leading
    }

    /// What became of errands that were there already. A failure is told, unless a success has come since: then the leader
    /// counts anew. A success that it knows nothing of has been written since it read the entry, or lost since it
    /// was written: only that is run again.
    async fn find(&self, queue: &Arc<str>, there: &[Errand], epoch: u64) {
        debug!(errands = there.len(), "these were in the queue already");
        let sought: Vec<Sought> =
            there.iter().map(|errand| (Arc::clone(queue), Arc::clone(&errand.key))).collect();
        let mut fates = self.fates(queue, &sought).await;
        while fates.is_none() && self.leads(epoch) {
            sleep(SHORTEST_PAUSE).await;
            fates = self.fates(queue, &sought).await;
        }
        let looks = fates.into_iter().flatten().map(|(of, fate)| async {
            match fate {
                Fate::Ended { success: Some(success), .. } => {
                    let errand = there.iter().find(|errand| errand.key == of.1);
                    self.look_up(errand, of, success).await
                }
                fate => told(of, fate),
            }
        });
        let mut looks = iter(looks).buffer_unordered(self.orders.borrow().limit);
        while let Some(news) = looks.next().await {
            tell(&self.news, news);
        }
    }

    /// Whether the entry holds what a run brought.
    async fn look_up(&self, errand: Option<&Errand>, of: Sought, success: i64) -> News {
        let work = Arc::clone(&self.orders.borrow().work);
        let due = errand.and_then(|errand| errand.due(work.find(&errand.rotation)?));
        let found = match due {
            Some(due) => timeout(LIMIT, work.find_done(&due)).await.ok().flatten(),
            None => None,
        };
        let end = |living| End::without_login(Outcome::AlreadyDone(living));
        match found {
            Some(living) => News::Ended { of, end: end(living), ago: Duration::ZERO },
            None => News::Lost { of, success: Some(success) },
        }
    }

    /// Whoever asks does so again, if there is no answer.
    async fn ask(&self, queue: &Arc<str>, sought: &[Sought]) {
        for (of, fate) in self.fates(queue, sought).await.into_iter().flatten() {
            tell(&self.news, told(of, fate));
        }
    }

    async fn fates(&self, queue: &str, sought: &[Sought]) -> Option<Vec<(Sought, Fate)>> {
        self.rows.health.note(Part::Ask, within(LIMIT, self.rows.fates(sought, queue)).await)
    }
}

fn told(of: Sought, fate: Fate) -> News {
    match fate {
        Fate::Ended { end, ago, .. } => News::Ended { of, end, ago },
        Fate::Lost => News::Lost { of, success: None },
    }
}

/// Listens to the others: to whoever submits, and, while this one leads, to whoever has run something.
pub(super) async fn listen(
    pool: PgPool,
    health: Health,
    wake: Arc<Notify>,
    news: mpsc::UnboundedSender<News>,
    mut session: watch::Receiver<State>,
) {
    loop {
        // If the session ends, so does all of this.
        if session.wait_for(|state| state.role != Role::Disconnected).await.is_err() {
            return;
        }
        let epoch = session.borrow().epoch;
        let mut ended = session.clone();
        tokio::select! {
            came = listen_until_lost(&pool, &wake, &news, &session) => drop(health.note(Part::Listen, came)),
            // The next one may lead to another server.
            _ = ended.wait_for(|state| state.epoch != epoch || state.role == Role::Disconnected) => {}
        }
        sleep(SHORTEST_PAUSE).await;
    }
}

async fn listen_until_lost(
    pool: &PgPool,
    wake: &Notify,
    news: &mpsc::UnboundedSender<News>,
    session: &watch::Receiver<State>,
) -> Result<(), DatabaseError> {
    let connect = async {
        let mut listener = PgListener::connect_with(&Database::listeners(pool)).await.doing("listen to")?;
        listener.eager_reconnect(false);
        listener.listen_all([ERRANDS, OUTCOMES]).await.doing("listen to")?;
        Ok(listener)
    };
    let mut listener = within(LIMIT, connect).await?;
    wake.notify_one();
    tell(news, News::Gap);
    while let Some(told) = listener.try_recv().await.doing("listen to")? {
        if told.channel() == ERRANDS {
            wake.notify_one();
        } else if session.borrow().role == Role::Leading {
            tell(news, read(&told).unwrap_or(News::Gap));
        }
    }
    Ok(())
}

fn read(told: &PgNotification) -> Option<News> {
    #[derive(Deserialize)]
    struct Told {
        queue: Arc<str>,
        key: Arc<str>,
        outcome: String,
    }
    let Told { queue, key, outcome } = serde_json::from_str(told.payload()).ok()?;
    Some(News::Ended { of: (queue, key), end: End::read(&outcome)?, ago: Duration::ZERO })
}

/// Nobody may be left to hear it.
fn tell(news: &mpsc::UnboundedSender<News>, told: News) {
    drop(news.send(told));
}

/// Whatever takes longer has failed.
pub(super) async fn within<T>(
    limit: Duration,
    asked: impl Future<Output = Result<T, DatabaseError>>,
) -> Result<T, DatabaseError> {
    timeout(limit, asked).await.unwrap_or_else(|_| Err(DatabaseError::silence("ask", limit)))
}

const ENDINGS_AT_ONCE: usize = 256;
const COMMANDS_AT_ONCE: usize = 64;
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
