//! `tokenferry run`.

use tokenferry_sources::ProcessEnvironment;
use tracing::{info, warn};

use super::{CommandError, Exit, load};
use crate::cli::Cli;
use crate::daemon::Daemon;
use crate::lag::Lag;
use crate::process;
use crate::reload::Reloads;
use crate::source::unreadable;
use crate::supervisor::Supervisor;

pub(super) async fn execute(cli: &Cli) -> Result<Exit, CommandError> {
    let reloads = Reloads::new(&cli.config).map_err(CommandError::Signals)?;
    let app = load(cli)?;
    let stop = process::stop_on_signals().map_err(CommandError::Signals)?;
    info!(
        version = env!("CARGO_PKG_VERSION"),
        rotations = app.config.rotations.len(),
        vault = app.vault.address(),
        "started"
    );
    // What nobody may learn of before it hurts.
    for missing in unreadable(&app.config.sources) {
        warn!("{missing}");
    }
    let daemon = Daemon::new(app, Lag::new(), reloads, Supervisor::new(&ProcessEnvironment));
    let all_stored = daemon.run(stop).await;
    info!("stopped");
    Ok(if all_stored { Exit::Fine } else { Exit::Failed })
}
