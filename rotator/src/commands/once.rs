//! `tokenferry once`.

use std::collections::BTreeMap;

use serde::Serialize;
use tokenferry_sources::{Timestamp, rfc3339};

use super::{CommandError, Exit, exit_of_failure, show, tell, tell_unread};
use crate::app::App;
use crate::cli::{self, Cli};
use crate::dispatch::{Dispatch as _, Ended, Local};
use crate::process;
use crate::proof::human;
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
    let outcomes = work(&app, &mut scheduler).await?;
    if let Some(error) = &reading.error {
        tell_unread(error);
    }
    let now = app.clock.now();
    let rows = selected.into_iter().filter_map(|id| {
        let (standing, outcome) = (reading.found.get(&id), outcomes.get(&id));
        Some(Row::new(
            &app.rotation(id)?.name,
            standing,
            outcome,
            scheduler.next(id).map(|next| next.at),
            now,
            arguments.dry_run,
        ))
    });
    let rows: Vec<Row> = rows.collect();
    show(arguments.output, &rows, table(&rows, now));
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

/// What came of one rotation.
#[derive(Debug, Serialize)]
struct Row {
    rotation: String,
    result: &'static str,
    class: Option<String>,
    expires_at: Option<String>,
    next_run: Option<String>,
    #[serde(skip)]
    ends: Option<Timestamp>,
    #[serde(skip)]
    exit: Exit,
}

impl Row {
    fn new(
        name: &str,
        standing: Option<&Standing>,
        outcome: Option<&Outcome>,
        next_run: Option<Timestamp>,
        now: Timestamp,
        dry_run: bool,
    ) -> Self {
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
            rotation: name.to_owned(),
            result,
            class: class.map(ToString::to_string),
            expires_at: ends.map(rfc3339),
            next_run: next_run.map(rfc3339),
            ends,
            exit,
        }
    }
}

fn table(rows: &[Row], now: Timestamp) -> Table<5> {
    let mut table = Table::new(["ROTATION", "RESULT", "WHY", "LIFE LEFT", "NEXT RUN"]);
    for row in rows {
        let nothing = || "-".to_owned();
        let left = row.ends.map(|end| human((end - now).to_std().unwrap_or_default()));
        table.row([
            row.rotation.clone(),
            row.result.replace('_', " "),
            row.class.clone().unwrap_or_else(nothing),
            left.unwrap_or_else(nothing),
            row.next_run.clone().unwrap_or_else(nothing),
        ]);
    }
    table
}
