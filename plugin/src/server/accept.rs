//! Connections on their way from the socket to gRPC: TLS, and the state that hangs on each.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tonic::transport::server::Connected;
use tracing::warn;

use super::connection::{Connection, Ended};
use super::lifetime::{OpenConnection, OpenConnections};
use super::listener::{Listener, Stream};

/// A TLS handshake takes milliseconds; who needs longer is not our host.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// When the process has no descriptor left, accepting again at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Connections that were admitted.
pub(super) type Incoming<C> = ReceiverStream<io::Result<PluginStream<C>>>;

/// How connections are accepted.
#[derive(Clone)]
pub(super) struct Acceptor {
    /// Absent: plaintext.
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) open: OpenConnections,
    pub(super) shutdown: CancellationToken,
}

impl Acceptor {
    /// Accepts for as long as the returned guard lives. A connection that fails or dawdles in its handshake holds
    /// up no other.
    pub(super) fn incoming<C: Send + Sync + 'static>(
        self,
        listener: Listener,
        ended: Ended<C>,
    ) -> (AbortOnDropHandle<()>, Incoming<C>) {
        let (sender, receiver) = mpsc::channel(8);
        let accepting = tokio::spawn(async move {
            // Aborted together with this task.
            let mut handshakes = JoinSet::new();
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    Some(_) = handshakes.join_next() => continue,
                };
                match accepted {
                    Ok(stream) => {
                        drop(handshakes.spawn(self.clone().admit(stream, ended.clone(), sender.clone())));
                    }
                    Err(error) => {
                        warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        });
        (AbortOnDropHandle::new(accepting), ReceiverStream::new(receiver))
    }

    async fn admit<C: Send + Sync + 'static>(
        self,
        stream: Box<dyn Stream>,
        ended: Ended<C>,
        sender: mpsc::Sender<io::Result<PluginStream<C>>>,
    ) {
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, self.secure(stream)).await {
            Ok(Ok(stream)) => {
                let connection = Arc::new(Connection::new(&self.shutdown, ended));
                let admitted = PluginStream { stream, connection, _open: self.open.open() };
                // Fails only when the server has ended, and with it the need for connections.
                drop(sender.send(Ok(admitted)).await);
            }
            // The host tells its user only that the plugin did not respond.
            Ok(Err(error)) => warn!(%error, "a connection was refused: its TLS handshake failed"),
            Err(_) => warn!("a connection was refused: its TLS handshake took too long"),
        }
    }

    async fn secure(&self, stream: Box<dyn Stream>) -> io::Result<Box<dyn Stream>> {
        match &self.tls {
            Some(tls) => Ok(Box::new(tls.accept(stream).await?)),
            None => Ok(stream),
        }
    }
}

/// An accepted connection, as gRPC reads and writes it.
pub(super) struct PluginStream<C> {
    stream: Box<dyn Stream>,
    connection: Arc<Connection<C>>,
    _open: OpenConnection,
}

impl<C: Send + Sync + 'static> Connected for PluginStream<C> {
    type ConnectInfo = Arc<Connection<C>>;

    fn connect_info(&self) -> Self::ConnectInfo {
        Arc::clone(&self.connection)
    }
}

impl<C> AsyncRead for PluginStream<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<C> AsyncWrite for PluginStream<C> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
