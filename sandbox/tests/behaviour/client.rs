//! A client that hides nothing: what it sends and gets is HTTP as text.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use tokenferry_sandbox::{Options, Sandbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// A request to be.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What came back before the connection ended.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

pub(crate) async fn start(adapt: impl FnOnce(&mut Options)) -> Sandbox {
    let mut options = Options::default();
    adapt(&mut options);
    Sandbox::start(options).await.unwrap()
}

impl Ask {
    /// A method and a target, as `GET /path?query`.
    pub(crate) fn new(line: &str) -> Self {
        let (method, target) = line.split_once(' ').unwrap();
        Self { method: method.into(), target: target.into(), headers: vec![], body: vec![] }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn body(mut self, content_type: &str, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self.header("content-type", content_type)
    }

    pub(crate) fn form(self, body: &str) -> Self {
        self.body(FORM, body)
    }

    pub(crate) fn basic(self, pair: impl AsRef<[u8]>) -> Self {
        self.header("authorization", &format!("Basic {}", STANDARD.encode(pair)))
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// The reply, which has to be there.
    pub(crate) async fn send(self, sandbox: &Sandbox) -> Reply {
        let raw = self.send_raw(sandbox).await;
        Reply::parse(&raw).unwrap_or_else(|| panic!("no reply but {raw:?}"))
    }

    /// All bytes until the connection ends, however it ends.
    pub(crate) async fn send_raw(self, sandbox: &Sandbox) -> Vec<u8> {
        let mut stream = TcpStream::connect(sandbox.url().trim_start_matches("http://")).await.unwrap();
        stream.write_all(&self.text()).await.unwrap();
        let mut raw = Vec::new();
        let mut piece = vec![0; 65536];
        while let Ok(length) = timeout(Duration::from_secs(10), stream.read(&mut piece)).await.unwrap() {
            if length == 0 {
                break;
            }
            raw.extend_from_slice(&piece[..length]);
        }
        raw
    }

    fn text(&self) -> Vec<u8> {
        let headers: String =
            self.headers.iter().map(|(name, value)| [name, ": ", value, "\r\n"].concat()).collect();
        let head = format!(
            "{} {} HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
            self.method,
            self.target,
            self.body.len()
        );
        [head.as_bytes(), &self.body].concat()
    }
}

impl Reply {
    fn parse(raw: &[u8]) -> Option<Self> {
        let end = raw.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&raw[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        Some(Self { status, headers, body: raw[end + 4..].to_vec() })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Status, content type and body at one look.
    pub(crate) fn seen(&self) -> (u16, Option<&str>, &str) {
        (self.status, self.header("content-type"), self.text())
    }
}

/// One part of a token, decoded.
pub(crate) fn token_part(token: &str, place: usize) -> String {
    let part = token.split('.').nth(place).unwrap();
    String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
