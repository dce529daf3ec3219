//! What this process asks of its operating system.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// No core file: tokens are in this memory. Best effort; failing is no reason not to work.
pub fn forbid_core_files() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        debug!(%error, "core files cannot be switched off");
    }
    // The limit does not hold for a handler that cores are piped to; this does.
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
            debug!(%error, "the process cannot be made undumpable");
        }
    }
}

/// How this process calls itself in the entries it writes: host and process, to be found again by people.
pub fn name() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("tokenferry/{} {host} {}", env!("CARGO_PKG_VERSION"), std::process::id())
}

/// SIGHUP would end the process without storing what was issued, so it is only noted.
///
/// # Errors
/// When the operating system does not let us listen to signals.
pub fn survive_hang_up() -> std::io::Result<()> {
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hang_up.recv().await.is_some() {
            warn!("SIGHUP changes nothing: this command reads its configuration once");
        }
    });
    Ok(())
}

/// Cancelled by the first SIGTERM or SIGINT. The second ends the process at once.
///
/// # Errors
/// When the operating system does not let us listen to signals.
pub fn stop_on_signals() -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        info!(
            signal = name,
            "stopping: tokens that were issued are still stored; a second signal ends at once"
        );
        stopping.cancel();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        warn!("ended at once by a second signal");
        #[expect(clippy::exit, reason = "somebody asked twice not to wait")]
        std::process::exit(EXIT_BY_SIGNAL)
    });
    Ok(stop)
}

/// What shells report for a program that SIGTERM ended.
const EXIT_BY_SIGNAL: i32 = 143;
