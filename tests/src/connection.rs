//! One HTTP/2 connection to a provider and the services on it.

use std::io;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tfplugin_proto::goplugin::grpc_broker_client::GrpcBrokerClient;
use tfplugin_proto::goplugin::grpc_controller_client::GrpcControllerClient;
use tfplugin_proto::goplugin::grpc_stdio_client::GrpcStdioClient;
use tfplugin_proto::tfplugin6::provider_client::ProviderClient;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Error};
use tonic_health::pb::health_client::HealthClient;

use crate::launch::{Address, Handshake};
use crate::tls::{self, Identity};

/// As much as Terraform takes in one message.
const MESSAGE_LIMIT: usize = i32::MAX as usize;

/// A connection; clones share it.
#[derive(Clone, Debug)]
pub struct Connection(Channel);

impl Connection {
    /// Connects; with TLS if the handshake line has a certificate, and then showing `identity` if there is one.
    ///
    /// # Errors
    ///
    /// If the provider refuses the connection.
    pub async fn open(handshake: &Handshake, identity: Option<&Identity>) -> Result<Self, Error> {
        let address = handshake.address.clone();
        let tls = handshake.certificate.clone().map(|server| Arc::new(tls::client_config(server, identity)));
        let connector = tower::service_fn(move |_| connect(address.clone(), tls.clone()));
        Endpoint::from_static("http://localhost").connect_with_connector(connector).await.map(Self)
    }

    /// The provider's own calls.
    pub fn provider(&self) -> ProviderClient<Channel> {
        ProviderClient::new(self.0.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    /// The host's way to end the process.
    pub fn controller(&self) -> GrpcControllerClient<Channel> {
        GrpcControllerClient::new(self.0.clone())
    }

    /// The plugin's standard streams.
    pub fn stdio(&self) -> GrpcStdioClient<Channel> {
        GrpcStdioClient::new(self.0.clone())
    }

    /// Side channels.
    pub fn broker(&self) -> GrpcBrokerClient<Channel> {
        GrpcBrokerClient::new(self.0.clone())
    }

    /// The standard health service.
    pub fn health(&self) -> HealthClient<Channel> {
        HealthClient::new(self.0.clone())
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

async fn connect(
    address: Address,
    tls: Option<Arc<rustls::ClientConfig>>,
) -> io::Result<TokioIo<Box<dyn Duplex>>> {
    let stream: Box<dyn Duplex> = match address {
        Address::Tcp(address) => Box::new(TcpStream::connect(address).await?),
        Address::Unix(path) => Box::new(UnixStream::connect(path).await?),
    };
    let Some(tls) = tls else { return Ok(TokioIo::new(stream)) };
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let stream = TlsConnector::from(tls).connect(name, stream).await?;
    Ok(TokioIo::new(Box::new(stream)))
}
