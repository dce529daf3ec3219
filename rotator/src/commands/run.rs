//! `tokenferry run`.

use std::sync::Arc;

use tokenferry_sources::ProcessEnvironment;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{CommandError, Exit, load};
use crate::admin::{self, Admin};
use crate::app::App;
use crate::cli::Cli;
use crate::cluster::View;
#[cfg(feature = "cluster")]
use crate::cluster::{Cluster, Database};
use crate::daemon::Daemon;
use crate::dispatch::{Dispatch, Local};
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
    let (dispatch, replicas) = dispatch(&app)?;
    let listener = admin::listener(&app.config.listen).await?;
    // What nobody may learn of before it hurts.
    for missing in unreadable(&app.config.sources) {
        warn!("{missing}");
    }
    let (asking, questions) = mpsc::channel(1);
    let (admin, done) = (Arc::new(Admin::new(&app, asking)), CancellationToken::new());
    let served = listener.map(|listener| tokio::spawn(admin::serve(listener, admin, done.clone())));
    let supervisor = Supervisor::new(&ProcessEnvironment);
    let mut daemon = Daemon::new(app, dispatch, questions, Lag::new(), reloads, supervisor);
    if let Some(replicas) = replicas {
        daemon = daemon.among(replicas);
    }
    let all_stored = daemon.run(stop).await;
    done.cancel();
    if let Some(served) = served {
        // It can only fail by a panic, which has been reported.
        drop(served.await);
    }
    info!("stopped");
    Ok(if all_stored { Exit::Fine } else { Exit::Failed })
}

/// Where work is done, and what is known of the replicas that it is shared with.
type Dispatching = (Box<dyn Dispatch>, Option<watch::Receiver<View>>);

#[cfg_attr(not(feature = "cluster"), expect(clippy::unnecessary_wraps, reason = "only a database can fail"))]
fn dispatch(app: &App) -> Result<Dispatching, CommandError> {
    #[cfg(feature = "cluster")]
    if let Some(settings) = &app.config.cluster {
        let database = Database::new(settings, &ProcessEnvironment)?;
        let work = app.runner.clone();
        let cluster =
            Cluster::start(settings, database, work, app.config.concurrency, Arc::clone(&app.clock));
        let replicas = cluster.view();
        return Ok((Box::new(cluster), Some(replicas)));
    }
    Ok((Box::new(Local::new(app.runner.clone(), app.config.concurrency)), None))
}
