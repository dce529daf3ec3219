//! `tokenferry once`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use tokenferry_sources::{Timestamp, rfc3339};
use tokio::time::Instant;

use super::{CommandError, Exit, exit_of_failure, show, tell, tell_unread};
use crate::app::App;
use crate::cli::{self, Cli};
use crate::dispatch::{Dispatch as _, Ended, Local};
use crate::process;
use crate::proof::human;
use crate::rotation::Rotation;
use crate::run::{Living, Outcome, RotationId, Standing};
use crate::scheduler::Scheduler;
use crate::table::Table;

pub(super) async fn execute(cli: &Cli, arguments: &cli::Once) -> Result<Exit, CommandError> {
    let app = App::load(&cli.config, arguments.dry_run)?;
    let selected = app.select(&arguments.rotations)?;
    let reading = app.read(selected.clone()).await;
    let mut scheduler = app.scheduler();
    let now = app.clock.now();
    for (rotation, standing) in &reading.found {
        scheduler.learn(*rotation, standing.clone(), now);
    }
    if arguments.force {
        force(&app, &mut scheduler, reading.found.keys().copied());
    }
    let mut outcomes = work(&app, &mut scheduler).await?;
    store_late(&app, &reading.found, &mut outcomes).await;
    if let Some(error) = &reading.error {
        tell_unread(error);
    }
    let now = app.clock.now();
    let rows = selected.into_iter().filter_map(|id| {
        let came =
            Came { of: reading.found.get(&id), outcome: outcomes.get(&id), dry_run: arguments.dry_run };
        Some(Row::new(app.rotation(id)?, came, scheduler.next(id).map(|next| next.at), now))
    });
    let rows: Vec<Row> = rows.collect();
    show(arguments.output, &rows, table(&rows))?;
    Ok(rows.iter().map(|row| row.exit).max().unwrap_or(Exit::Fine))
}

/// Makes rotations due that are not. Some must not be, and that is said.
fn force(app: &App, scheduler: &mut Scheduler, rotations: impl Iterator<Item = RotationId>) {
    for id in rotations {
        if let (Err(not_forced), Some(rotation)) = (scheduler.force(id, app.clock.now()), app.rotation(id)) {
            tell(format_args!("{}: not forced: {not_forced}", rotation.name));
        }
    }
}

/// Does what is due now, each once. A signal ends it as it ends the daemon.
async fn work(app: &App, scheduler: &mut Scheduler) -> Result<BTreeMap<RotationId, Outcome>, CommandError> {
    let stop = process::stop_on_signals().map_err(CommandError::Signals)?;
    let mut dispatch = Local::new(app.runner.clone(), app.config.concurrency);
    let due = scheduler.due(app.clock.now());
    let mut left = due.len();
    for due in due {
        dispatch.submit(due);
    }
    let mut outcomes = BTreeMap::new();
    while left > 0 {
        tokio::select! {
            Ended { due, outcome } = dispatch.ended() => {
                scheduler.ended(&due, &outcome, app.clock.now());
                outcomes.insert(due.rotation, outcome);
                left -= 1;
            }
            () = stop.cancelled(), if left > dispatch.running() => {
                dispatch.close();
                left = dispatch.running();
            }
        }
    }
    Ok(outcomes)
}

/// A token that was issued and could not be written is not lost before the grace period is over.
async fn store_late(
    app: &App,
    found: &BTreeMap<RotationId, Standing>,
    outcomes: &mut BTreeMap<RotationId, Outcome>,
) {
    let failed = outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Failed { .. }));
    let failed: BTreeSet<RotationId> = failed.map(|(id, _)| *id).collect();
    if failed.is_empty() {
        return;
    }
    app.runner.flush(Instant::now() + app.config.grace_period).await;
    let version = |standing: &Standing| standing.living.map_or(0, |living| living.version);
    for (id, standing) in app.read(failed).await.found {
        if let Some(living) = standing.living
            && living.version > found.get(&id).map_or(0, version)
        {
            outcomes.insert(id, Outcome::Rotated(living));
        }
    }
}

/// What is known of a rotation after its run, or instead of one.
#[derive(Clone, Copy)]
struct Came<'a> {
    of: Option<&'a Standing>,
    outcome: Option<&'a Outcome>,
    dry_run: bool,
}

/// What came of one rotation.
#[derive(Debug, Serialize)]
struct Row {
    rotation: String,
    result: &'static str,
    class: Option<String>,
    expires_at: Option<String>,
    next_run: Option<String>,
    next_run_local: Option<String>,
    life_left_seconds: Option<i64>,
    #[serde(skip)]
    exit: Exit,
}

impl Row {
    fn new(rotation: &Rotation, came: Came<'_>, next_run: Option<Timestamp>, now: Timestamp) -> Self {
        let Came { of: standing, outcome, dry_run } = came;
        let found = standing.and_then(|standing| standing.living);
        let failing = standing.and_then(|standing| standing.failure.as_ref());
        let (result, class, living) = match outcome {
            Some(Outcome::Rotated(living)) if dry_run => ("would_rotate", None, Some(*living)),
            Some(Outcome::Rotated(living)) => ("rotated", None, Some(*living)),
            Some(Outcome::AlreadyDone(living)) => ("already_done", None, Some(*living)),
            Some(Outcome::Failed { class, .. }) => ("failed", Some(class), found),
            Some(Outcome::Refused { class }) => ("refused", Some(class), found),
            None if standing.is_none() => ("unread", None, None),
            None => match failing {
                Some(failure) => ("waiting", Some(&failure.class), found),
                None => ("not_due", None, found),
            },
        };
        let exit = match result {
            "rotated" | "already_done" | "not_due" | "would_rotate" => Exit::Fine,
            _ => exit_of_failure(living.as_ref(), now),
        };
        let ends = living.and_then(|living: Living| living.expires_at);
        Row {
            rotation: rotation.name.to_string(),
            result,
            class: class.map(ToString::to_string),
            expires_at: ends.map(rfc3339),
            next_run: next_run.map(rfc3339),
            next_run_local: next_run.map(|at| rotation.schedule.local(at)),
            life_left_seconds: ends.map(|end| (end - now).num_seconds()),
            exit,
        }
    }
}

fn table(rows: &[Row]) -> Table<5> {
    let mut table = Table::new(["ROTATION", "RESULT", "WHY", "LIFE LEFT", "NEXT RUN"]);
    for row in rows {
        let nothing = || "-".to_owned();
        let left = row.life_left_seconds.map(|left| human(Duration::from_secs(left.try_into().unwrap_or(0))));
        table.row([
            row.rotation.clone(),
            row.result.replace('_', " "),
            row.class.clone().unwrap_or_else(nothing),
            left.unwrap_or_else(nothing),
            row.next_run_local.clone().unwrap_or_else(nothing),
        ]);
    }
    table
}
