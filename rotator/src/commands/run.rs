//! `tokenferry run`.

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{CommandError, Exit, load, validate};
use crate::app::App;
use crate::cli::Cli;
use crate::daemon::Daemon;
use crate::dispatch::Local;
use crate::lag::Lag;
use crate::process;

pub(super) async fn execute(cli: &Cli) -> Result<Exit, CommandError> {
    let app = load(cli)?;
    let stop = process::stop_on_signals().map_err(CommandError::Signals)?;
    info!(
        version = env!("CARGO_PKG_VERSION"),
        rotations = app.config.rotations.len(),
        vault = app.vault.address(),
        "started"
    );
    warn_at_start(&app);
    // Our Vault token is kept alive until the last token is stored.
    let done = CancellationToken::new();
    let renewal = tokio::spawn({
        let (vault, done) = (app.vault.clone(), done.clone());
        async move { vault.keep_alive(done).await }
    });
    let daemon = Daemon {
        scheduler: app.scheduler(),
        dispatch: Box::new(Local::new(app.runner.clone(), app.config.concurrency)),
        rotations: app.config.rotations,
        runner: app.runner,
        clock: app.clock,
        jumps: None,
        lag: Lag::new(),
        concurrency: app.config.concurrency,
        grace_period: app.config.grace_period,
    };
    let all_stored = daemon.run(stop).await;
    done.cancel();
    // It can only fail by a panic, which has been reported.
    drop(renewal.await);
    info!("stopped");
    Ok(if all_stored { Exit::Fine } else { Exit::Failed })
}

/// What nobody may learn of before it hurts.
fn warn_at_start(app: &App) {
    for missing in validate::unreadable(app) {
        warn!("{missing}");
    }
}
