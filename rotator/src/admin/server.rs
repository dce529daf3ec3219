//! The server: few connections, each for one request and for a short time.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokenferry_sources::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::guests::{Guest, Guests};
use super::health::Reason;
use super::patient::Patient;
use super::seats::{Seat, Seats};
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
    /// Those who are told of all rotations, or wait for that.
    audience: Arc<Seats>,
    /// Those of them who hold a picture of all rotations.
    pictures: Arc<Seats>,
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
            audience: Seats::new(LARGEST_AUDIENCE, LARGEST_AUDIENCE_OF_ONE_ADDRESS),
            pictures: Seats::new(MOST_PICTURES, 1),
        }
    }

    /// Whether the daemon works.
    pub(super) async fn health(&self) -> Result<Health, Reason> {
        self.ask(Question::Health).await
    }

    /// All that the daemon knows, with the right to hold it.
    pub(super) async fn snapshot(&self, visit: &Visit) -> Result<Picture, Reason> {
        let seat = self.audience.try_take(visit.address).ok_or_else(Reason::busy)?;
        drop(visit.seat.set(seat));
        let seat = timeout(PATIENCE, self.pictures.take(visit.address)).await;
        let seat = seat.map_err(|_| Reason::busy())?;
        Ok(Picture { snapshot: self.ask(Question::Snapshot).await?, _seat: seat })
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
    _seat: Seat,
}

/// One connection, with one request.
pub(super) struct Visit {
    address: IpAddr,
    /// Where he is told of all rotations: his own until he has read all of that.
    seat: OnceLock<Seat>,
}

#[cfg(test)]
impl Picture {
    pub(super) fn alone(snapshot: Snapshot) -> Self {
        let seat = Seats::new(1, 1).try_take([127, 0, 0, 1].into()).unwrap();
        Picture { snapshot, _seat: seat }
    }
}

/// Answers until it is told to stop.
pub async fn serve(listener: TcpListener, admin: Arc<Admin>, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = receive(&listener, &admin) => {}
    }
}

async fn receive(listener: &TcpListener, admin: &Arc<Admin>) {
    let mut connections = JoinSet::new();
    let mut guests = Guests::default();
    loop {
        let accepted = tokio::select! {
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, from)) => {
                let address = from.ip().to_canonical();
                // Whoever has asked is soon done: the few who are not, since they are told much, never fill the house.
                while !guests.make_room(address) {
                    connections.join_next().await;
                }
                let has_asked = Arc::default();
                let visit = Visit { address, seat: OnceLock::new() };
                let served = converse(stream, visit, Arc::clone(admin), Arc::clone(&has_asked));
                guests.enter(Guest { address, has_asked, task: connections.spawn(served) });
            }
            Err(error) => {
                warn!(%error, "a connection to the status page could not be accepted");
                sleep(AFTER_TROUBLE).await;
            }
        }
    }
}

/// One request and its answer. Whoever is slow is hung up on.
async fn converse(stream: TcpStream, visit: Visit, admin: Arc<Admin>, has_asked: Arc<AtomicBool>) {
    let visit = Arc::new(visit);
    let service = service_fn(|request| {
        has_asked.store(true, Ordering::Relaxed);
        let (admin, visit) = (Arc::clone(&admin), Arc::clone(&visit));
        async move { Ok::<_, Infallible>(admin.answer(request, &visit).await) }
    });
    let connection = Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(LONGEST_REQUEST)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LARGEST_REQUEST)
        .keep_alive(false)
        .serve_connection(TokioIo::new(Patient::new(stream)), service);
    match timeout(LONGEST_CONNECTION, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "a request to the status page came to nothing"),
        Err(_) => debug!("hung up on somebody who takes too long to read"),
    }
}

/// How long the daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
const MOST_PICTURES: usize = 2;
/// With these, most of the places remain for those who ask for less, above all for health.
const LARGEST_AUDIENCE: usize = 12;
const LARGEST_AUDIENCE_OF_ONE_ADDRESS: usize = 4;
const MOST_HEADERS: usize = 64;
const LARGEST_REQUEST: usize = 16 * 1024;
const LONGEST_REQUEST: Duration = Duration::from_secs(2);
/// Prometheus waits for no more than ten seconds.
const LONGEST_CONNECTION: Duration = Duration::from_secs(15);
const AFTER_TROUBLE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
