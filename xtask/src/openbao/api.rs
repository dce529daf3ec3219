//! Questions to OpenBao: one connection for each, so that no server keeps anything open between them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::error::{Attempt, Error, Result};

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where to ask, and with which token.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    /// Host and port.
    pub(crate) address: String,
    /// Who asks. Made for this server, like everything on it.
    pub(crate) token: String,
}

impl Api {
    /// What a client is to be given as the address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same for somebody else.
    pub(crate) fn with_token(&self, token: String) -> Self {
        Self { address: self.address.clone(), token }
    }

    /// The answer, which has to be a friendly one.
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let answer = self.exchange(method, path, body)?;
        match parse(&answer) {
            Some((200..300, body)) => Ok(body),
            _ => Err(Error::unexpected(format!("OpenBao refuses {method} {path}: {answer}"))),
        }
    }

    /// The status, if there is an answer.
    pub(crate) fn status(&self, path: &str) -> Option<u16> {
        let answer = self.exchange("GET", path, None).ok()?;
        parse(&answer).map(|(status, _)| status)
    }

    /// The version of an entry in `secret`; 0 if there is none.
    pub(crate) fn version(&self, entry: &str) -> u64 {
        let metadata = self.call("GET", &format!("secret/metadata/{entry}"), None);
        metadata.ok().and_then(|answer| answer["data"]["current_version"].as_u64()).unwrap_or(0)
    }

    /// How many entries there are below a folder of `secret`.
    pub(crate) fn count(&self, folder: &str) -> usize {
        let list = self.call("GET", &format!("secret/metadata/{folder}?list=true"), None);
        list.ok().and_then(|answer| Some(answer["data"]["keys"].as_array()?.len())).unwrap_or(0)
    }

    /// HTTP/1.0, so that the server neither chunks the answer nor keeps the connection.
    fn exchange(&self, method: &str, path: &str, body: Option<&Value>) -> Result<String> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let head = format!(
            "{method} /v1/{path} HTTP/1.0\r\nHost: {}\r\nX-Vault-Token: {}\r\nContent-Length: {}\r\n\r\n",
            self.address,
            self.token,
            body.len()
        );
        let mut answer = String::new();
        TcpStream::connect(&self.address)
            .and_then(|mut stream| {
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.write_all([head, body].concat().as_bytes())?;
                stream.read_to_string(&mut answer)
            })
            .attempt(|| format!("ask OpenBao for {method} {path}"))?;
        Ok(answer)
    }
}

fn parse(answer: &str) -> Option<(u16, Value)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn status_and_body_are_taken_from_an_answer() {
        let answer = "HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}";
        assert_eq!(parse(answer), Some((200, json!({"a": 1}))));
        assert_eq!(parse("HTTP/1.0 204 No Content\r\n\r\n"), Some((204, Value::Null)));
        assert_eq!(parse("what?"), None);
    }
}
