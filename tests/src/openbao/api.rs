//! Its HTTP API, for setting things up and for looking at what came of it.

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokenferry_leaks::note_secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any answer takes, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who asks, where. The calls of [`super::OpenBao`] itself are those of the root token.
#[derive(Clone, Debug)]
pub struct Api {
    address: String,
    token: String,
    namespace: Option<String>,
    wraps: bool,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body; null if there is none.
    pub body: Value,
}

impl Api {
    /// Asks at `address`, a host and port, with this token.
    pub fn new(address: impl Into<String>, token: impl Into<String>) -> Self {
        let api = Self { address: address.into(), token: String::new(), namespace: None, wraps: false };
        api.with_token(token)
    }

    /// The same with another token.
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        let token = token.into();
        note_secret("token of OpenBao", &token).unwrap();
        Self { token, ..self.clone() }
    }

    /// The same in a namespace.
    pub fn in_namespace(&self, path: &str) -> Self {
        Self { namespace: Some(path.to_owned()), ..self.clone() }
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What a client is to be given as the address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The token that is shown.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Asks for `path` below `/v1/`, and returns whatever is answered.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    pub async fn request(&self, method: &str, path: &str, body: Option<&Value>) -> io::Result<Answer> {
        timeout(PATIENCE, self.exchange(method, path, body)).await?
    }

    /// Asks for something that has to be answered well, and returns the answer's body.
    ///
    /// # Panics
    ///
    /// If it is not.
    pub async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let answer = self.request(method, path, body).await;
        let answer = answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.body);
        answer.body
    }

    /// Reads what has to be there.
    pub async fn read(&self, path: &str) -> Value {
        self.call("GET", path, None).await
    }

    /// Writes what has to be taken.
    pub async fn write(&self, path: &str, body: &Value) -> Value {
        self.call("POST", path, Some(body)).await
    }

    /// Writes, and has the answer wrapped.
    pub async fn wrapped(&self, path: &str, body: &Value) -> Value {
        Self { wraps: true, ..self.clone() }.write(path, body).await
    }

    /// Deletes something.
    pub async fn delete(&self, path: &str) {
        self.call("DELETE", path, None).await;
    }

    /// HTTP/1.0, so that the server neither chunks the answer nor keeps the connection.
    async fn exchange(&self, method: &str, path: &str, body: Option<&Value>) -> io::Result<Answer> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let namespace = self.namespace.as_ref().map(|path| format!("X-Vault-Namespace: {path}\r\n"));
        let head = format!(
            "{method} /v1/{path} HTTP/1.0\r\nHost: {}\r\nX-Vault-Token: {}\r\n{}{}Content-Length: {}\r\n",
            self.address,
            self.token,
            namespace.unwrap_or_default(),
            if self.wraps { "X-Vault-Wrap-TTL: 120s\r\n" } else { "" },
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).await?;
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Answer::parse(&answer).ok_or_else(|| io::Error::other(format!("no answer, but `{answer}`")))
    }
}

impl Answer {
    fn parse(text: &str) -> Option<Self> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).ok()? };
        Some(Self { status, body })
    }
}
