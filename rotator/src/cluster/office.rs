//! What goes to the database and comes from it: outcomes of runs that ended here, errands of the leader, and news.

use std::sync::Arc;
use std::time::Duration;

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
use super::worker::Told;
use crate::dispatch::Role;

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
    /// Nobody will ever run it, or it is done already as far as the database knows.
    Lost { of: Sought },
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

/// Does what the leader wants.
pub(super) async fn obey(
    rows: Rows,
    mut commands: mpsc::UnboundedReceiver<Command>,
    news: mpsc::UnboundedSender<News>,
    mut session: watch::Receiver<State>,
) {
    let mut waiting = Vec::new();
    while commands.recv_many(&mut waiting, COMMANDS_AT_ONCE).await > 0 {
        let epoch = session.borrow_and_update().epoch;
        let mut pushes: Option<(Arc<str>, Vec<Errand>)> = None;
        for command in waiting.drain(..) {
            match (command, &mut pushes) {
                (Command::Push { epoch: former, .. }, _) if former != epoch => {}
                (Command::Push { queue, errand, .. }, Some((same, errands))) if *same == queue => {
                    errands.push(*errand);
                }
                (Command::Push { queue, errand, .. }, _) => {
                    let former = pushes.replace((queue, vec![*errand]));
                    push(&rows, former, &news, &session, epoch).await;
                }
                // What is asked about has to be there.
                (Command::Ask { queue, sought }, _) => {
                    push(&rows, pushes.take(), &news, &session, epoch).await;
                    ask(&rows, &queue, &sought, &news).await;
                }
            }
        }
        push(&rows, pushes, &news, &session, epoch).await;
    }
}

/// Tries again until it is done, or somebody else may lead.
async fn push(
    rows: &Rows,
    pushes: Option<(Arc<str>, Vec<Errand>)>,
    news: &mpsc::UnboundedSender<News>,
    session: &watch::Receiver<State>,
    epoch: u64,
) {
    let Some((queue, errands)) = pushes else { return };
    while session.borrow().epoch == epoch && session.borrow().role == Role::Leading {
        match rows.health.note(Part::Push, within(LIMIT, rows.push(&queue, &errands)).await) {
            Some(there) if there.is_empty() => return,
            Some(there) => return find(rows, &queue, &there, news).await,
            None => sleep(SHORTEST_PAUSE).await,
        }
    }
}

/// What became of errands that were there already. A failure is told. A success is not: the leader would not have
/// asked if it stood in the entry, and a run that finds it there ends without a login.
async fn find(rows: &Rows, queue: &Arc<str>, there: &[Arc<str>], news: &mpsc::UnboundedSender<News>) {
    debug!(errands = there.len(), "these were in the queue already");
    let asked: Vec<_> = there.iter().map(|key| (Arc::clone(queue), Arc::clone(key))).collect();
    let Ok(fates) = within(LIMIT, rows.fates(&asked, queue)).await else { return };
    for (of, fate) in fates {
        let told = match fate {
            Fate::Ended { end, ago } if end.class().is_some() => News::Ended { of, end, ago },
            Fate::Ended { .. } | Fate::Lost => News::Lost { of },
        };
        tell(news, told);
    }
}

/// Whoever asks does so again, if there is no answer.
async fn ask(rows: &Rows, queue: &Arc<str>, sought: &[Sought], news: &mpsc::UnboundedSender<News>) {
    let fates = rows.health.note(Part::Ask, within(LIMIT, rows.fates(sought, queue)).await);
    for (of, fate) in fates.into_iter().flatten() {
        let told = match fate {
            Fate::Ended { end, ago } => News::Ended { of, end, ago },
            Fate::Lost => News::Lost { of },
        };
        tell(news, told);
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
