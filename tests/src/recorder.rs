//! A server that takes note of whatever it is asked, and answers everything in the same way.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// One request: its path, and its headers with names in lower case.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The path, without the query.
    pub path: String,
    /// In the order of their arrival.
    pub headers: Vec<(String, String)>,
}

impl Asked {
    /// The values of a header.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let same = self.headers.iter().filter(|(other, _)| other == name);
        same.map(|(_, value)| value.as_str()).collect()
    }
}

/// A server without TLS on a loopback port. Ends with this value.
#[derive(Debug)]
pub struct Recorder {
    address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Recorder {
    /// Starts one that answers with status 200 and this JSON.
    pub async fn start(answer: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
            answer.len()
        );
        let noted = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&noted), answer.clone()));
            }
        });
        Self { address, asked, task }
    }

    /// Its URL, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it was asked until now.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, asked: Arc<Mutex<Vec<Asked>>>, answer: String) {
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(length) => head.extend_from_slice(&piece[..length]),
        }
    }
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(parse(&String::from_utf8_lossy(&head)));
    // A client that hangs up is nothing to report here.
    drop(stream.write_all(answer.as_bytes()).await);
}

fn parse(head: &str) -> Asked {
    let mut lines = head.split("\r\n").take_while(|line| !line.is_empty());
    let target = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default().to_owned();
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    Asked { path, headers: lines.filter_map(header).collect() }
}
