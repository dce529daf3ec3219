//! A server for tests that says exactly what it is told, byte by byte, and remembers what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::{BuildContext, HttpClient, HttpSettings, SystemClock};

/// Listens on a loopback port until it is dropped.
pub(crate) struct TestServer {
    pub(crate) address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

/// One request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// What to answer.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// These bytes, and the end of the connection.
    Bytes(String),
    /// Nothing, and the end of the connection.
    Cut,
    /// Nothing for a long time.
    Hang,
}

pub(crate) fn status(status: u16, body: &str) -> Reply {
    with_headers(status, "", body)
}

/// `headers` are whole lines with their ends.
pub(crate) fn with_headers(status: u16, headers: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Bytes(format!(
        "HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    ))
}

impl TestServer {
    /// Answers the n-th request (from 0) with what the function says.
    pub(crate) async fn start(reply: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Self {
        tokenferry_leaks::record_events();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, reply) = (Arc::clone(&seen), Arc::new(reply));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&log), Arc::clone(&reply)));
            }
        });
        TestServer { address, seen, task }
    }

    /// Answers with these in turn, the last one again and again.
    pub(crate) async fn scripted(replies: Vec<Reply>) -> Self {
        TestServer::start(move |n, _| replies[n.min(replies.len() - 1)].clone()).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A context with the real clock.
pub(crate) fn context(timeout: Duration, max_wait: Duration) -> BuildContext {
    let settings = HttpSettings { timeout, max_wait, ..HttpSettings::default() };
    BuildContext { http: Arc::new(HttpClient::new(settings)), clock: Arc::new(SystemClock) }
}

/// A context with the default limits.
pub(crate) fn default_context() -> BuildContext {
    let HttpSettings { timeout, max_wait, .. } = HttpSettings::default();
    context(timeout, max_wait)
}

async fn serve(
    mut stream: TcpStream,
    log: Arc<Mutex<Vec<Seen>>>,
    reply: Arc<impl Fn(usize, &Seen) -> Reply + Send + Sync>,
) {
    let Some(seen) = read(&mut stream).await else { return };
    let number = {
        let mut log = log.lock().unwrap();
        log.push(seen.clone());
        log.len() - 1
    };
    let reply = reply(number, &seen);
    note(&seen, &reply);
    match reply {
        // The client may have gone already.
        Reply::Bytes(bytes) => drop(stream.write_all(bytes.as_bytes()).await),
        Reply::Cut => {}
        Reply::Hang => tokio::time::sleep(Duration::from_mins(10)).await,
    }
}

/// For the search of all logs at the end of a test run.
fn note(seen: &Seen, reply: &Reply) {
    let headers = seen.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    tokenferry_leaks::note_message(headers, seen.body.as_bytes()).unwrap();
    let Reply::Bytes(bytes) = reply else { return };
    let (head, body) = bytes.split_once("\r\n\r\n").unwrap_or_default();
    let headers = head.lines().filter_map(|line| line.split_once(": "));
    tokenferry_leaks::note_message(headers, body.as_bytes()).unwrap();
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut seen = Seen {
        method: first.next()?.to_owned(),
        target: first.next()?.to_owned(),
        headers,
        body: String::new(),
    };
    let length: usize = seen.header("content-length").map_or(0, |length| length.parse().unwrap());
    while bytes.len() < head_end + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    seen.body = String::from_utf8(bytes[head_end + 4..].to_vec()).unwrap();
    Some(seen)
}
