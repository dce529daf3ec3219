//! A service that wants a token, as readers of entries call it.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::openbao::Api;

/// Answers `welcome` to whoever shows the good token, and 401 to others. It runs until it is dropped.
#[derive(Debug)]
pub struct Service {
    /// Where to call it.
    pub url: String,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    good: Mutex<String>,
    refused: Mutex<u32>,
    /// Written where the first one who is refused looks for a newer token.
    newer: Mutex<Option<(Api, String, String, Value)>>,
}

impl Service {
    /// Takes this value of the header `Authorization` only.
    pub async fn start(good: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/z", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        good.clone_into(&mut state.good.lock().unwrap());
        let serving = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(answer(client, Arc::clone(&serving)));
            }
        });
        Self { url, state, serving }
    }

    /// Has a newer entry written in the moment in which somebody shows an older token.
    pub fn replace_when_refused(&self, openbao: &Api, mount: &str, path: &str, data: Value) {
        let newer = (openbao.clone(), mount.to_owned(), path.to_owned(), data);
        *self.state.newer.lock().unwrap() = Some(newer);
    }

    /// How many calls had no good token.
    pub fn refused(&self) -> u32 {
        *self.state.refused.lock().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// One request for each connection.
async fn answer(client: TcpStream, state: Arc<State>) -> Option<()> {
    let mut client = BufReader::new(client);
    let good = format!("authorization: {}", state.good.lock().unwrap());
    let mut is_good = false;
    loop {
        let mut line = String::new();
        client.read_line(&mut line).await.ok()?;
        match line.trim_end() {
            "" => break,
            line => is_good |= line.replacen("Authorization", "authorization", 1) == good,
        }
    }
    let (status, body) = if is_good { ("200 OK", "welcome") } else { ("401 Unauthorized", "who are you?") };
    if !is_good {
        *state.refused.lock().unwrap() += 1;
        let newer = state.newer.lock().unwrap().take();
        if let Some((openbao, mount, path, data)) = newer {
            openbao.write_entry(&mount, &path, &data).await;
        }
    }
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close", body.len());
    client.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.ok()
}
