//! The listener: accepts, counts and closes connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep};
use tokio_util::sync::CancellationToken;

use crate::control::ledger::OpenConnection;
use crate::gate::Gate;

/// Binds a loopback address.
pub(crate) async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    if !address.ip().is_loopback() {
        let problem = format!(
            "the sandbox gives tokens to whoever asks, so it listens on loopback addresses only, \
             and {} is not one; try 127.0.0.1:{}",
            address.ip(),
            address.port()
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
    }
    TcpListener::bind(address)
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))
}

/// Answers until `shutdown`, then drops every connection as it stands.
pub(crate) async fn serve(listener: TcpListener, gate: Gate, shutdown: CancellationToken) {
    let gate = Arc::new(gate);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let open = gate.control().ledger().connect();
                    connections.spawn(converse(stream, Arc::clone(&gate), open));
                }
                // Out of file descriptors, mostly: others will be closed.
                Err(_) => sleep(Duration::from_millis(10)).await,
            },
        }
    }
}

async fn converse(stream: TcpStream, gate: Arc<Gate>, open: OpenConnection) {
    // Without it a keep-alive client waits for delayed acknowledgements; failing to set it only costs time.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request| {
        let gate = Arc::clone(&gate);
        async move { gate.answer(request).await }
    });
    // Without a timer hyper closes no idle connection, which would change what is counted.
    let connection =
        http1::Builder::new().title_case_headers(true).serve_connection(TokioIo::new(stream), service);
    // An error is a client that went away or a cut that was asked for.
    drop(connection.await);
    drop(open);
}
