//! Servers in the way: nobody at home, somebody with a certificate of their own, and a proxy that adds TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::tls::Identity;

/// A TLS server on a loopback port that hands everything on to a server without TLS. Ends with this value.
#[derive(Debug)]
pub struct TlsRelay {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl TlsRelay {
    /// Starts one that shows the certificate of `identity` and hands on to `target`, a host and port.
    pub async fn start(identity: &Identity, target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(identity.server_config()));
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(hand_on(acceptor.clone(), stream, target.clone()));
            }
        });
        Self { address, task }
    }

    /// An https URL of it, without a path.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Drop for TlsRelay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn hand_on(acceptor: TlsAcceptor, stream: TcpStream, target: String) {
    // A client that hangs up is nothing to report here.
    let Ok(mut client) = acceptor.accept(stream).await else { return };
    let mut server = TcpStream::connect(target).await.unwrap();
    drop(copy_bidirectional(&mut client, &mut server).await);
}

/// An http URL at which nobody listens: the port was free a moment ago.
pub async fn deserted_url() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
