//! Plain HTTP as it goes over the wire, to look at every header, and to ask what no client would.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any answer takes, however busy the machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// What came back.
#[derive(Clone, Debug)]
pub struct Page {
    /// The status code.
    pub status: u16,
    /// The headers as they came, with the status line.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Page {
    /// A header; empty if there is none of this name.
    pub fn header(&self, name: &str) -> &str {
        let line =
            |line: &'_ str| line.split_once(": ").is_some_and(|(found, _)| found.eq_ignore_ascii_case(name));
        let found = self.head.lines().find(|found| line(found));
        found.and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value)
    }

    fn parse(text: &str) -> Option<Self> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Self { status, head: head.to_owned(), body: body.to_owned() })
    }
}

/// Asks the server at this host and port for `path`.
///
/// # Panics
///
/// If there is no answer.
pub async fn get(address: &str, path: &str) -> Page {
    request(address, &format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")).await.unwrap()
}

/// Sends this text, and takes in whatever comes until the end. HTTP/1.0 is not answered in pieces.
///
/// # Errors
///
/// If there is no answer.
pub async fn request(address: &str, text: &str) -> io::Result<Page> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(text.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        Page::parse(&answer).ok_or_else(|| io::Error::other(format!("no answer, but `{answer}`")))
    };
    timeout(PATIENCE, exchange).await?
}
