//! go-plugin's own services: how the host ends us, and two streams that stay silent.

use futures_util::{StreamExt as _, stream};
use tfplugin_proto::goplugin as pb;
use tokio_util::sync::CancellationToken;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};
use tracing::debug;

/// Ends the process when asked.
pub(super) struct Controller(pub(super) CancellationToken);

/// The host's view of our standard streams. It reads the real ones, and warns of anything that comes here.
pub(super) struct Stdio(pub(super) CancellationToken);

/// Side channels between host and plugin, of which a provider has none.
pub(super) struct Broker(pub(super) CancellationToken);

#[tonic::async_trait]
impl pb::grpc_controller_server::GrpcController for Controller {
    async fn shutdown(&self, _: Request<pb::Empty>) -> Result<Response<pb::Empty>, Status> {
        debug!("the host ends the provider");
        self.0.cancel();
        Ok(Response::new(pb::Empty {}))
    }
}

#[tonic::async_trait]
impl pb::grpc_stdio_server::GrpcStdio for Stdio {
    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<BoxStream<pb::StdioData>>, Status> {
        Ok(Response::new(silence(self.0.clone())))
    }
}

#[tonic::async_trait]
impl pb::grpc_broker_server::GrpcBroker for Broker {
    async fn start_stream(
        &self,
        request: Request<Streaming<pb::ConnInfo>>,
    ) -> Result<Response<BoxStream<pb::ConnInfo>>, Status> {
        let offers = request.into_inner().filter_map(|_| std::future::ready(None));
        // What the host sends is read and dropped; when it has said all, we go on being silent.
        Ok(Response::new(Box::pin(stream::select(offers, silence(self.0.clone())))))
    }
}

/// A stream without an item, until shutdown.
fn silence<T: Send + 'static>(shutdown: CancellationToken) -> BoxStream<T> {
    Box::pin(stream::once(shutdown.cancelled_owned()).filter_map(|()| std::future::ready(None)))
}
