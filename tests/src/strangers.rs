//! Servers that are no issuer: nobody at home, or somebody with the wrong certificate.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::tls::Identity;

/// A TLS server on a loopback port whose certificate nobody has reason to trust. Ends with this value.
#[derive(Debug)]
pub struct Impostor {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Impostor {
    /// Starts one.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(Identity::new().server_config()));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // The client hangs up; how does not matter here.
                drop(acceptor.accept(stream).await);
            }
        });
        Self { address, task }
    }

    /// An https URL of it.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An http URL at which nobody listens: the port was free a moment ago.
pub async fn deserted_url() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
