//! `tokenferry run`.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{CommandError, Exit, load, validate};
use crate::admin::{self, Admin};
use crate::app::App;
use crate::cli::Cli;
use crate::daemon::Daemon;
use crate::dispatch::Local;
use crate::observe::{Question, Score};
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
    let listener = admin::listener(&app.config.listen).await?;
    warn_at_start(&app);
    // Our Vault token is kept alive until the last token is stored.
    let done = CancellationToken::new();
    let renewal = tokio::spawn({
        let (vault, done) = (app.vault.clone(), done.clone());
        async move { vault.keep_alive(done).await }
    });
    let (asking, questions) = mpsc::channel(1);
    let served = listener.map(|listener| serve(listener, &app, asking, done.clone()));
    let daemon = Daemon {
        scheduler: app.scheduler(),
        dispatch: Box::new(Local::new(app.runner.clone(), app.config.concurrency)),
        rotations: app.config.rotations,
        questions,
        score: Score::default(),
        runner: app.runner,
        clock: app.clock,
        concurrency: app.config.concurrency,
        grace_period: app.config.grace_period,
    };
    let all_stored = daemon.run(stop).await;
    done.cancel();
    // It can only fail by a panic, which has been reported.
    drop(renewal.await);
    if let Some(served) = served {
        drop(served.await);
    }
    info!("stopped");
    Ok(if all_stored { Exit::Fine } else { Exit::Failed })
}

/// Lets others look at the daemon until all is done.
fn serve(
    listener: TcpListener,
    app: &App,
    asking: mpsc::Sender<Question>,
    done: CancellationToken,
) -> JoinHandle<()> {
    let listen = &app.config.listen;
    let admin = Admin::new(listen.page, listen.allowed_hosts.clone(), app.clock.now(), asking);
    tokio::spawn(admin::serve(listener, Arc::new(admin), done))
}

/// What nobody may learn of before it hurts.
fn warn_at_start(app: &App) {
    for missing in validate::unreadable(app) {
        warn!("{missing}");
    }
}
