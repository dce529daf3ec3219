//! The server: few connections, each for one request and for a short time.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokenferry_sources::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::guests::{Guest, Guests};
use super::health::Reason;
use crate::app::App;
use crate::observe::{Health, Question, Snapshot};

/// What requests are answered with.
#[derive(Debug)]
pub struct Admin {
    /// Whether there is a page.
    pub(super) page: bool,
    /// Names under which this is asked, beside `localhost` and IP addresses.
    pub(super) allowed_hosts: Vec<String>,
    /// When the process was started.
    pub(super) started: Timestamp,
    questions: mpsc::Sender<Question>,
    /// Those who may hold a picture of all rotations at once.
    pictures: Arc<Semaphore>,
}

impl Admin {
    /// One for what is configured, that asks the daemon at the other end of this channel.
    pub fn new(app: &App, questions: mpsc::Sender<Question>) -> Self {
        let listen = &app.config.listen;
        Admin {
            page: listen.page,
            allowed_hosts: listen.allowed_hosts.clone(),
            started: app.clock.now(),
            questions,
            pictures: Arc::new(Semaphore::new(MOST_PICTURES)),
        }
    }

    /// Whether the daemon works.
    pub(super) async fn health(&self) -> Result<Health, Reason> {
        self.ask(Question::Health).await
    }

    /// All that the daemon knows, with the right to hold it.
    pub(super) async fn snapshot(&self) -> Result<Picture, Reason> {
        let permit = timeout(PATIENCE, Arc::clone(&self.pictures).acquire_owned()).await;
        let permit = permit.ok().and_then(Result::ok).ok_or_else(Reason::busy)?;
        Ok(Picture { snapshot: self.ask(Question::Snapshot).await?, _permit: permit })
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question) -> Result<T, Reason> {
        let (sender, answer) = oneshot::channel();
        let asked = async {
            self.questions.send(question(sender)).await.ok()?;
            answer.await.ok()
        };
        match timeout(PATIENCE, asked).await {
            Ok(Some(told)) => Ok(told),
            Ok(None) => Err(Reason::stopping()),
            Err(_) => Err(Reason::stuck(PATIENCE)),
        }
    }
}

/// All that the daemon knew at one moment. With ten thousand rotations it is big, so there are never many.
pub(super) struct Picture {
    pub(super) snapshot: Snapshot,
    _permit: OwnedSemaphorePermit,
}

#[cfg(test)]
impl Picture {
    pub(super) fn alone(snapshot: Snapshot) -> Self {
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        Picture { snapshot, _permit: permit }
    }
}

/// Answers until it is told to stop.
pub async fn serve(listener: TcpListener, admin: Arc<Admin>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    let mut guests = Guests::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => {
                    let address = from.ip().to_canonical();
                    if guests.make_room(address) {
                        let has_asked = Arc::default();
                        let task = connections.spawn(converse(stream, Arc::clone(&admin), Arc::clone(&has_asked)));
                        guests.enter(Guest { address, has_asked, task });
                    }
                }
                Err(error) => {
                    warn!(%error, "a connection to the status page could not be accepted");
                    sleep(AFTER_TROUBLE).await;
                }
            }
        }
    }
}

/// One request and its answer. Whoever is slow is hung up on.
async fn converse(stream: TcpStream, admin: Arc<Admin>, has_asked: Arc<AtomicBool>) {
    let service = service_fn(|request| {
        has_asked.store(true, Ordering::Relaxed);
        let admin = Arc::clone(&admin);
        async move { Ok::<_, Infallible>(admin.answer(request).await) }
    });
    let connection = Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(LONGEST_REQUEST)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LARGEST_REQUEST)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(LONGEST_CONNECTION, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "a request to the status page came to nothing"),
        Err(_) => debug!("hung up on somebody who takes too long to read"),
    }
}

/// How long the daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
const MOST_PICTURES: usize = 2;
const MOST_HEADERS: usize = 64;
const LARGEST_REQUEST: usize = 16 * 1024;
const LONGEST_REQUEST: Duration = Duration::from_secs(2);
const LONGEST_CONNECTION: Duration = Duration::from_secs(30);
const AFTER_TROUBLE: Duration = Duration::from_secs(1);
