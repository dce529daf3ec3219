//! From `main` to the end of the process: what happens when Terraform starts the provider.

mod accept;
mod arguments;
mod connection;
mod control;
mod handshake;
mod harden;
mod lifetime;
mod listener;
mod logging;
mod p521;
mod provider_service;
mod reattach;
mod release;
mod tls;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tfplugin_proto::goplugin::grpc_broker_server::GrpcBrokerServer;
use tfplugin_proto::goplugin::grpc_controller_server::GrpcControllerServer;
use tfplugin_proto::goplugin::grpc_stdio_server::GrpcStdioServer;
use tfplugin_proto::tfplugin6::provider_server::ProviderServer;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tracing::info;

use self::accept::{Acceptor, Incoming};
use self::arguments::Command;
use self::control::{Broker, Controller, Stdio};
use self::handshake::HostRequest;
use self::lifetime::OpenConnections;
use self::listener::Listener;
use self::provider_service::ProviderService;
use self::release::{Configured, Releaser};
use self::tls::ServerIdentity;
use crate::provider::Provider;

/// What a provider binary says of itself.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Name of the binary, such as `terraform-provider-demo`.
    pub name: &'static str,
    /// Version of the binary, such as `1.2.3`.
    pub version: &'static str,
    /// Source address without the registry's host, such as `example/demo`.
    pub address: &'static str,
    /// One sentence on what the provider does.
    pub description: &'static str,
    /// Crates whose events are logged. Those of all others are dropped, at every level.
    pub log_crates: &'static [&'static str],
}

/// Runs the provider until Terraform ends it. `main` returns what this returns.
pub fn serve<P: Provider>(provider: P, about: About) -> ExitCode {
    let command = match arguments::parse(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(unknown) => {
            let help = arguments::help(&about, &folder());
            return fail(&format!("{}: unknown argument `{}`\n\n{help}", about.name, unknown.display()));
        }
    };
    match command {
        Command::Help => say(&arguments::help(&about, &folder())),
        Command::Version => say(&format!("{} {}\n", about.name, about.version)),
        Command::Plugin => match HostRequest::from_environment() {
            Ok(request) => start(provider, &about, Mode::Plugin(request)),
            Err(error) => fail(&error.advice(&about)),
        },
        Command::Debug => start(provider, &about, Mode::Debug),
    }
}

/// The folder that this program stands in.
fn folder() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program.parent().map(Path::to_owned).unwrap_or_default()
}

/// Who started us.
enum Mode {
    /// Terraform, with what it asks for.
    Plugin(HostRequest),
    /// A person, who will attach Terraform to us.
    Debug,
}

/// How long calls in flight get to answer after Shutdown. The host kills us after two seconds.
const DRAIN: Duration = Duration::from_millis(500);
/// A configuration may be large; Terraform itself sends up to 2 GiB.
const MAX_REQUEST_BYTES: usize = 256 * 1024 * 1024;
/// Terraform's `-parallelism` has no upper bound.
const MAX_CONCURRENT_STREAMS: u32 = 4096;

fn start<P: Provider>(provider: P, about: &About, mode: Mode) -> ExitCode {
    harden::forbid_core_files(matches!(mode, Mode::Debug));
    logging::install(about.log_crates);
    // One thread is enough: a provider waits for the network.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("{}: cannot start: {error}\n", about.name)),
    };
    let outcome = runtime.block_on(run(provider, about, mode));
    // Name look-ups may hang in a thread of their own; nobody waits for them.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("{}: {error}\n", about.name)),
    }
}

async fn run<P: Provider>(provider: P, about: &About, mode: Mode) -> Result<(), StartError> {
    let shutdown = CancellationToken::new();
    let open = OpenConnections::default();
    let (listener, tls, announcement, end) = match mode {
        Mode::Plugin(request) => {
            let identity = request.client_certificate.as_ref().map(ServerIdentity::generate).transpose()?;
            let listener = Listener::bind(&request)?;
            let line = request.line(listener.address(), identity.as_ref());
            let end = lifetime::watch_host(open.clone(), shutdown.clone())?;
            (listener, identity.map(|identity| identity.acceptor), line, end)
        }
        Mode::Debug => {
            let listener = Listener::bind_privately()?;
            let line = reattach::announcement(about, listener.address());
            let end = lifetime::watch_signals(shutdown.clone())?;
            tell(&reattach::advice(about));
            (listener, None, line, end)
        }
    };
    let encrypted = tls.is_some();
    let acceptor = Acceptor { tls, open, shutdown: shutdown.clone() };
    let (provider, configured) = (Arc::new(provider), Arc::<Configured<P::Configured>>::default());
    let (releaser, ended) = Releaser::new(Arc::clone(&provider), Arc::clone(&configured));
    let service = ProviderService::new(provider, configured);
    let releasing = tokio::spawn(releaser.run(shutdown.clone()));
    let (socket, incoming) = acceptor.incoming(listener, ended);
    let serving = tokio::spawn(serve_connections(service, incoming, shutdown.clone()));
    print(&announcement).map_err(StartError::Stdout)?;
    info!(version = about.version, tls = encrypted, "provider started");
    shutdown.cancelled().await;
    // Whatever has not answered by then is abandoned: the host would kill us for it.
    drop(tokio::join!(tokio::time::timeout(DRAIN, serving), releasing));
    drop(socket);
    end.abort();
    Ok(())
}

async fn serve_connections<P: Provider>(
    service: ProviderService<P>,
    incoming: Incoming<P::Configured>,
    shutdown: CancellationToken,
) {
    let (health_reporter, health) = tonic_health::server::health_reporter();
    health_reporter.set_service_status("plugin", tonic_health::ServingStatus::Serving).await;
    let served = Server::builder()
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
        .add_service(ProviderServer::new(service).max_decoding_message_size(MAX_REQUEST_BYTES))
        .add_service(GrpcControllerServer::new(Controller(shutdown.clone())))
        .add_service(GrpcStdioServer::new(Stdio(shutdown.clone())))
        .add_service(GrpcBrokerServer::new(Broker(shutdown.clone())))
        .add_service(health)
        .serve_with_incoming_shutdown(incoming, shutdown.clone().cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "serving failed");
    }
    shutdown.cancel();
}

/// Why the provider cannot start. The host shows this text when no handshake line comes.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    Listen(#[from] listener::ListenError),
    #[error("cannot watch for signals: {0}")]
    Signals(#[source] io::Error),
    #[error("cannot write the handshake line to standard output: {0}")]
    Stdout(#[source] io::Error),
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

fn say(text: &str) -> ExitCode {
    if print(text).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn fail(text: &str) -> ExitCode {
    tell(text);
    ExitCode::FAILURE
}

/// For the person at the terminal. Nobody is left to tell when standard error is closed, too.
fn tell(text: &str) {
    drop(io::stderr().lock().write_all(text.as_bytes()));
}
