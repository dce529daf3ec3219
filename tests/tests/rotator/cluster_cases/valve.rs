//! A network in which a write can be on its way for long.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// A server on a loopback port that hands everything on, but for writes of entries, which wait until it is opened.
#[derive(Debug)]
pub(super) struct Valve {
    address: SocketAddr,
    state: watch::Sender<State>,
    task: JoinHandle<()>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    is_open: bool,
    held: usize,
}

impl Valve {
    /// In front of this host and port.
    pub(super) async fn new(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (state, target) = (watch::Sender::default(), target.to_owned());
        let shared = state.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&target).await.unwrap();
                let ((from, back), (answers, to)) = (client.into_split(), server.into_split());
                connections.spawn(hand_on(from, to, shared.clone()));
                connections.spawn(hand_back(answers, back));
            }
        });
        Self { address, state, task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until a write waits.
    pub(super) async fn holds(&self) {
        self.state.subscribe().wait_for(|state| state.held > 0).await.unwrap();
    }

    pub(super) fn open(&self) {
        self.state.send_modify(|state| state.is_open = true);
    }
}

impl Drop for Valve {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A request begins where something arrives after an answer.
async fn hand_on(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, state: watch::Sender<State>) {
    let mut buffer = [0; 8192];
    while let Ok(count @ 1..) = client.read(&mut buffer).await {
        if buffer.starts_with(WRITE) {
            state.send_modify(|state| state.held += 1);
            state.subscribe().wait_for(|state| state.is_open).await.unwrap();
        }
        // A server that hangs up is nothing to report here.
        if server.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

async fn hand_back(mut answers: OwnedReadHalf, mut client: OwnedWriteHalf) {
    copy(&mut answers, &mut client).await.unwrap_or_default();
}

const WRITE: &[u8] = b"POST /v1/secret/data/";
