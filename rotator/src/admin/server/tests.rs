use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

use super::*;
use crate::observe::samples::{fine, rotations, snapshot};

/// A server of a daemon with thousands of rotations that answers at once.
async fn served() -> SocketAddr {
    let (questions, mut asked) = mpsc::channel(8);
    let one = rotations(&["only"]).remove(0);
    tokio::spawn(async move {
        while let Some(question) = asked.recv().await {
            let picture = snapshot((0..8_000).map(|_| fine(Arc::clone(&one))).collect());
            match question {
                Question::Health(answer) => drop(answer.send(picture.health)),
                Question::Snapshot(answer) => drop(answer.send(picture)),
            }
        }
    });
    let admin = Admin {
        page: true,
        allowed_hosts: Vec::new(),
        started: Timestamp::UNIX_EPOCH,
        questions,
        audience: Seats::new(LARGEST_AUDIENCE, LARGEST_AUDIENCE_OF_ONE_ADDRESS),
        pictures: Seats::new(MOST_PICTURES, 1),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, Arc::new(admin), CancellationToken::new()));
    address
}

/// Asks as this host, and takes little at once.
async fn ask(server: SocketAddr, host: u8, path: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.bind(([127, 0, 0, host], 0).into()).unwrap();
    let mut stream = socket.connect(server).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// The status of the answer; none if there is no answer.
async fn status(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    drop(timeout(PROBE_TIMEOUT, stream.read_to_end(&mut answer)).await);
    String::from_utf8_lossy(&answer).chars().skip(9).take(3).collect()
}

#[tokio::test]
async fn health_is_told_however_many_ask_for_all_and_read_nothing() {
    let server = served().await;
    let mut stalled = Vec::new();
    for host in [2, 3, 4, 5] {
        for path in ["/metrics", "/"].repeat(10) {
            stalled.push(ask(server, host, path).await);
        }
    }
    for _ in 0..20 {
        for (host, path) in [(1, "/healthz"), (1, "/readyz"), (2, "/healthz")] {
            assert_eq!(status(ask(server, host, path).await).await, "200", "{path} of {host}");
        }
    }
}

#[tokio::test]
async fn who_reads_nothing_keeps_the_metrics_from_nobody_else() {
    let server = served().await;
    let mut stalled = Vec::new();
    for _ in 0..16 {
        stalled.push(ask(server, 2, "/metrics").await);
    }
    for _ in 0..3 {
        assert_eq!(status(ask(server, 1, "/metrics").await).await, "200");
    }
}

const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
