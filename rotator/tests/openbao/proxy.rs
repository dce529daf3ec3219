//! A proxy in front of OpenBao that counts requests, can have something happen before one, and can lose an answer on
//! its way back.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct Proxy {
    pub(crate) address: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Vec<String>>,
    /// Requests that begin so are carried out, but the answer is lost, so many times.
    lose: Mutex<Option<(String, u32)>>,
    /// What happens before the next request that begins so goes on.
    before: Mutex<Option<(String, Happening)>>,
    /// So many requests go through. The next one may still be carried out; nothing is answered from then on.
    end: Mutex<Option<(usize, bool)>>,
    /// Answers all requests itself, with this.
    instead: Mutex<Option<String>>,
}

type Happening = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Proxy {
    /// A proxy to `http://HOST:PORT`.
    pub(crate) async fn start(target: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let target = target.strip_prefix("http://").unwrap().to_owned();
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, target.clone(), Arc::clone(&serving)));
            }
        });
        Proxy { address, shared }
    }

    /// `METHOD PATH` of all requests since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.seen.lock().unwrap())
    }

    /// Loses the answers to the next requests that begin with `METHOD PATH`.
    pub(crate) fn lose(&self, request: &str, times: u32) {
        *self.shared.lose.lock().unwrap() = Some((request.to_owned(), times));
    }

    /// Lets so many requests through, and the next one if it is to be carried out, but not its answer; then nothing any
    /// more, as if whoever asks had died.
    pub(crate) fn end_after(&self, requests: usize, is_done: bool) {
        *self.shared.end.lock().unwrap() = Some((requests, is_done));
    }

    /// Lets something happen before the next request that begins with `METHOD PATH` goes on.
    pub(crate) fn before(&self, request: &str, happening: impl Future<Output = ()> + Send + 'static) {
        *self.shared.before.lock().unwrap() = Some((request.to_owned(), Box::pin(happening)));
    }

    /// Answers everything with this status line, headers and body.
    pub(crate) fn answer_instead(&self, head: &str, body: &str) {
        let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        *self.shared.instead.lock().unwrap() = Some(answer);
    }
}

impl Shared {
    /// Whether whoever asks has died by now; then, whether its request is still carried out.
    fn ends(&self) -> Option<bool> {
        let mut end = self.end.lock().unwrap();
        match end.as_mut()? {
            (0, is_done) => Some(std::mem::take(is_done)),
            (left, _) => {
                *left -= 1;
                None
            }
        }
    }
}

async fn serve(client: TcpStream, target: String, shared: Arc<Shared>) {
    let mut client = BufReader::new(client);
    let mut server = BufReader::new(TcpStream::connect(target).await.unwrap());
    while let Some((line, request)) = message(&mut client).await {
        let request_line = line.rsplit_once(' ').unwrap().0.trim_end_matches('?').to_owned();
        shared.seen.lock().unwrap().push(request_line.clone());
        let before =
            shared.before.lock().unwrap().take_if(|(held, _)| request_line.starts_with(held.as_str()));
        if let Some((_, happening)) = before {
            happening.await;
        }
        let instead = shared.instead.lock().unwrap().clone();
        if let Some(answer) = instead {
            client.write_all(answer.as_bytes()).await.unwrap();
            continue;
        }
        let ends = shared.ends();
        if ends == Some(false) {
            return;
        }
        server.write_all(&request).await.unwrap();
        let Some((_, answer)) = message(&mut server).await else { return };
        if ends.is_some() || is_lost(&shared, &request_line) || client.write_all(&answer).await.is_err() {
            return;
        }
    }
}

fn is_lost(shared: &Shared, request: &str) -> bool {
    match &mut *shared.lose.lock().unwrap() {
        Some((lost, times)) if *times > 0 && request.starts_with(lost.as_str()) => {
            *times -= 1;
            true
        }
        _ => false,
    }
}

/// First line and all bytes of the next message, whose body has a length or comes in chunks.
async fn message(from: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let (mut bytes, mut first, mut length, mut chunked) = (Vec::new(), String::new(), 0, false);
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        bytes.extend_from_slice(line.as_bytes());
        let line = line.trim_end();
        if first.is_empty() {
            line.clone_into(&mut first);
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        chunked |= line.eq_ignore_ascii_case("transfer-encoding: chunked");
        if line.is_empty() {
            break;
        }
    }
    while chunked {
        let mut line = String::new();
        from.read_line(&mut line).await.ok()?;
        bytes.extend_from_slice(line.as_bytes());
        let size = usize::from_str_radix(line.trim(), 16).ok()?;
        read_more(from, &mut bytes, size + 2).await?;
        chunked = size > 0;
    }
    read_more(from, &mut bytes, length).await?;
    Some((first, bytes))
}

async fn read_more(from: &mut BufReader<TcpStream>, bytes: &mut Vec<u8>, length: usize) -> Option<()> {
    let start = bytes.len();
    bytes.resize(start + length, 0);
    from.read_exact(&mut bytes[start..]).await.ok().map(drop)
}
