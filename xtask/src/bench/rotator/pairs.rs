//! What a run asks of others, and nothing else: a login, then a write, by the shortest possible client.
//!
//! A load generator that only writes has machine and server for itself. With rotations the issuer and the client want
//! their part of both, whatever they are written in; this tells how much that is.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::rates::Window;
use crate::bench::usage;
use crate::error::{Attempt, Error, Result};
use crate::openbao::{Api, Server};
use crate::sandbox::Access;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// As many entries as each client writes in turn: all of them together about as many as the load generator.
const PLACES: u32 = 500;

/// Clients, each with one connection to the issuer and one to the server.
#[derive(Debug)]
pub(super) struct Pairs {
    clients: Vec<Client>,
}

/// What a client sends, ready to be sent.
#[derive(Debug)]
struct Client {
    issuer: String,
    login: String,
    server: String,
    writes: Vec<String>,
}

impl Pairs {
    /// As many clients as the rotator makes runs at once; they write `entry`, as the load generator does.
    pub(super) fn new(clients: u32, access: &Access, api: &Api, entry: &Value) -> Self {
        let (url, password) = (&access.zettelstore.base_url, &access.zettelstore.password);
        let (issuer, path) = url.trim_start_matches("http://").split_once('/').unwrap_or((url, ""));
        let (server, token) = (&api.address, format!("X-Vault-Token: {}", api.token));
        let entry = json!({"data": entry}).to_string();
        let client = |client: u32| {
            let credential = format!("username=user-{client}&password={password}");
            let destination = |place| format!("/v1/secret/data/bench/pairs/{client}-{place}");
            Client {
                issuer: issuer.to_owned(),
                login: post(issuer, &format!("/{path}a"), FORM, &credential),
                server: server.clone(),
                writes: (1..=PLACES).map(|place| post(server, &destination(place), &token, &entry)).collect(),
            }
        };
        Self { clients: (1..=clients).map(client).collect() }
    }

    /// Lets all of them work for so many seconds.
    pub(super) fn run(&self, seconds: u32, server: &Server) -> Result<Window> {
        let (client, before) = (usage::own_cpu()?, usage::cpu(server.process())?);
        let begun = Instant::now();
        let end = begun + Duration::from_secs(seconds.into());
        let runs = thread::scope(|scope| {
            let clients = self.clients.iter().map(|client| scope.spawn(move || client.work(end)));
            clients.collect::<Vec<_>>().into_iter().map(join).sum::<Result<u64>>()
        })?;
        let (took, after) = (begun.elapsed(), usage::cpu(server.process())?);
        let client = usage::own_cpu()?.saturating_sub(client);
        Ok(Window { runs, took, client, server: after.saturating_sub(before) })
    }
}

impl Client {
    /// Logs in and writes until the end, and tells how often.
    fn work(&self, end: Instant) -> Result<u64> {
        let (mut issuer, mut server) = (connect(&self.issuer)?, connect(&self.server)?);
        let mut runs = 0;
        for write in self.writes.iter().cycle() {
            if Instant::now() >= end {
                break;
            }
            ask(&mut issuer, &self.login)?;
            ask(&mut server, write)?;
            runs += 1;
        }
        Ok(runs)
    }
}

fn join(client: ScopedJoinHandle<'_, Result<u64>>) -> Result<u64> {
    client.join().unwrap_or_else(|_| Err(Error::unexpected("a client panicked")))
}

fn connect(address: &str) -> Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address).and_then(|stream| {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(BufReader::new(stream))
    });
    stream.attempt(|| format!("connect to {address}"))
}

fn post(host: &str, path: &str, header: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: {host}\r\n{header}\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn ask(stream: &mut BufReader<TcpStream>, request: &str) -> Result {
    let status = stream.get_mut().write_all(request.as_bytes()).and_then(|()| answer(stream));
    match status.attempt(|| "ask issuer and server in turn".into())? {
        200 => Ok(()),
        status => Err(Error::unexpected(format!("a login or a write was answered with {status}"))),
    }
}

/// The status of an answer, which is read to its end.
fn answer(stream: &mut impl BufRead) -> io::Result<u16> {
    let (mut status, mut length, mut line) = (0, 0, String::new());
    while stream.read_line(&mut line)? > 2 {
        let (name, value) = line.trim_end().split_once([' ', ':']).unwrap_or_default();
        if name.starts_with("HTTP/") {
            status = value.split(' ').next().and_then(|status| status.parse().ok()).unwrap_or(0);
        } else if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    io::copy(&mut stream.take(length), &mut io::sink())?;
    Ok(status)
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_to_its_end_and_no_further() {
        let answers =
            "HTTP/1.1 200 OK\r\nDate: now\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 403 Forbidden\r\n\r\n";
        let mut stream = answers.as_bytes();
        assert_eq!(answer(&mut stream).unwrap(), 200);
        assert_eq!(answer(&mut stream).unwrap(), 403);
        assert_eq!(answer(&mut stream).unwrap(), 0, "nobody is there any more");
    }

    #[test]
    fn a_request_says_how_long_its_body_is() {
        let wanted = "POST /a HTTP/1.1\r\nHost: here\r\nA: b\r\nContent-Length: 4\r\n\r\nfour";
        assert_eq!(post("here", "/a", "A: b", "four"), wanted);
    }
}
