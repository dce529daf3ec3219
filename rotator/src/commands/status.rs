//! `tokenferry status`.

use serde::Serialize;
use tokenferry_sources::{Timestamp, rfc3339};

use super::state::State;
use super::{CommandError, Exit, load, note_unread, show};
use crate::app::App;
use crate::cli::{self, Cli};
use crate::proof::human;
use crate::run::{RotationId, Standing};
use crate::scheduler::{HeldBy, Scheduler};
use crate::table::Table;

pub(super) async fn execute(cli: &Cli, arguments: &cli::Status) -> Result<Exit, CommandError> {
    let app = load(cli)?;
    let selected = app.select(&arguments.rotations)?;
    let reading = app.read(app.enabled(&selected)).await;
    let now = app.clock.now();
    let scheduler = app.scheduler_after(&reading.found, now);
    let rows = selected.into_iter().filter_map(|id| row(&app, &scheduler, id, reading.found.get(&id), now));
    let rows: Vec<Row> = rows.collect();
    show(arguments.output, &rows, table(&rows))?;
    if let Some(error) = &reading.error {
        note_unread(cli, error);
    }
    Ok(rows.iter().map(|row| row.exit).max().unwrap_or(Exit::Fine))
}

/// One rotation.
#[derive(Debug, Serialize)]
struct Row {
    rotation: String,
    source: String,
    state: &'static str,
    #[serde(skip)]
    exit: Exit,
    issued_at: Option<String>,
    expires_at: Option<String>,
    life_left_seconds: Option<i64>,
    version: Option<u64>,
    waits_for: Option<&'static str>,
    next_run: Option<String>,
    next_run_local: Option<String>,
    failures: u32,
    failure_class: Option<String>,
    failed_at: Option<String>,
}

fn row(
    app: &App,
    scheduler: &Scheduler,
    id: RotationId,
    standing: Option<&Standing>,
    now: Timestamp,
) -> Option<Row> {
    let rotation = app.rotation(id)?;
    let living = standing.and_then(|standing| standing.living);
    let failure = standing.and_then(|standing| standing.failure.as_ref());
    let next = scheduler.next(id);
    let held = scheduler.held(id, now).map(|held| held.by);
    let state = if rotation.enabled { State::of(standing, now) } else { State::Disabled };
    Some(Row {
        rotation: rotation.name.to_string(),
        source: rotation.source.name.to_string(),
        state: state.name(),
        exit: state.exit(),
        issued_at: living.map(|living| rfc3339(living.issued_at)),
        expires_at: living.and_then(|living| living.expires_at).map(rfc3339),
        life_left_seconds: living.and_then(|living| living.expires_at).map(|end| (end - now).num_seconds()),
        version: living.map(|living| living.version),
        waits_for: held.map(HeldBy::name),
        next_run: next.as_ref().map(|next| rfc3339(next.at)),
        next_run_local: next.as_ref().map(|next| rotation.schedule.local(next.at)),
        failures: failure.map_or(0, |failure| failure.count),
        failure_class: failure.map(|failure| failure.class.to_string()),
        failed_at: failure.map(|failure| rfc3339(failure.at)),
    })
}

fn table(rows: &[Row]) -> Table<6> {
    let mut table = Table::new(["ROTATION", "STATE", "LIFE LEFT", "ISSUED", "NEXT RUN", "LAST FAILURE"]);
    for row in rows {
        let nothing = || "-".to_owned();
        let failure = row.failure_class.as_ref().zip(row.failed_at.as_ref());
        table.row([
            row.rotation.clone(),
            row.state.to_owned(),
            life_left(row),
            row.issued_at.clone().unwrap_or_else(nothing),
            row.next_run_local.clone().unwrap_or_else(nothing),
            failure
                .map_or_else(nothing, |(class, at)| format!("{class} at {at} ({} in a row)", row.failures)),
        ]);
    }
    table
}

fn life_left(row: &Row) -> String {
    match row.life_left_seconds {
        Some(left) => match u64::try_from(left) {
            Ok(left) if left > 0 => human(std::time::Duration::from_secs(left)),
            _ => format!("over for {}", human(std::time::Duration::from_secs(left.unsigned_abs()))),
        },
        None if row.issued_at.is_some() => "unknown".to_owned(),
        None => "-".to_owned(),
    }
}
