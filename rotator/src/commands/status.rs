//! `tokenferry status`.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde::Serialize;
use tokenferry_sources::{Timestamp, rfc3339};

use super::destinations::{self, Destination, are_ended, are_in_trouble, first_trouble, tell_troubles};
use super::print::budget;
use super::replicas::{self, Letter};
use super::state::State;
use super::{CommandError, Exit, asks_vault, load, note_unread, show, tell};
use crate::app::App;
use crate::cli::{self, Cli, Output};
use crate::proof::{human, outage_budget};
use crate::run::{RotationId, Standing};
use crate::scheduler::{FLOOR, Held, Next, Outlook, Scheduler};
use crate::table::Table;
use crate::terminal::Terminal;

pub(super) async fn execute(cli: &Cli, arguments: &cli::Status) -> Result<Exit, CommandError> {
    let app = load(cli)?;
    if arguments.replicas {
        return replicas::execute(cli, &app, arguments.output).await;
    }
    let selected = app.select(&arguments.rotations)?;
    let asked = if asks_vault(cli, &app, false) { app.enabled(&selected) } else { BTreeSet::new() };
    let reading = app.read_with_neighbours(asked).await;
    let now = app.clock.now();
    let scheduler = app.scheduler_after(&reading.found, now);
    let outlook = scheduler.outlook(now);
    let mut destinations = destinations::of_or_in_trouble(&app, selected.iter().copied()).await;
    let seen = replicas::look(&app).await;
    let view = seen.as_ref().ok().and_then(Option::as_ref);
    let rows = selected.into_iter().filter_map(|id| {
        let destinations = destinations.remove(&id).unwrap_or_default();
        let row = row(&app, (&scheduler, &outlook), id, reading.found.get(&id), destinations, now)?;
        Some(Row { dead_letters: Letter::of(view, &row.rotation), ..row })
    });
    let rows: Vec<Row> = rows.collect();
    show(arguments.output, &rows, table(&rows).on(Terminal::stdout()))?;
    if arguments.output == Output::Table {
        rows.iter().filter(|row| row.at_risk).for_each(|row| tell_risk(cli, row));
        tell_troubles(cli, rows.iter().map(|row| (&*row.rotation, &*row.destinations)));
        if let Some(view) = view {
            replicas::tell_trouble(cli, view);
        }
    }
    let is_shared = replicas::exit(cli, &seen);
    if let Some(error) = &reading.error {
        note_unread(cli, &app.vault, error);
    }
    Ok(rows.iter().map(|row| row.exit).max().unwrap_or(Exit::Fine).max(is_shared))
}

/// One rotation.
#[derive(Debug, Serialize)]
struct Row {
    rotation: String,
    source: String,
    state: &'static str,
    /// Whether a reader may hold its token beyond its end even if a new one comes as soon as one may.
    at_risk: bool,
    #[serde(skip)]
    exit: Exit,
    issued_at: Option<String>,
    #[serde(skip)]
    issued_local: Option<String>,
    expires_at: Option<String>,
    life_left_seconds: Option<i64>,
    version: Option<u64>,
    /// How long source and Vault may be away from now on before a reader holds a dead token.
    outage_budget_seconds: Option<i64>,
    next_run: Option<String>,
    next_run_local: Option<String>,
    next_run_reason: Option<&'static str>,
    /// What stands in the way of a run, as the scheduler names it.
    waits_for: Option<&'static str>,
    /// The same for people.
    #[serde(skip)]
    waits: Option<&'static str>,
    waits_until: Option<String>,
    failures: u32,
    failure_class: Option<String>,
    failed_at: Option<String>,
    #[serde(skip)]
    failed_local: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    destinations: Vec<Destination>,
    /// Where the work is shared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dead_letters: Vec<Letter>,
}

fn row(
    app: &App,
    (scheduler, outlook): (&Scheduler, &Outlook<'_>),
    id: RotationId,
    standing: Option<&Standing>,
    destinations: Vec<Destination>,
    now: Timestamp,
) -> Option<Row> {
    let rotation = app.rotation(id)?;
    let living = standing.and_then(|standing| standing.living);
    let failure = standing.and_then(|standing| standing.failure.as_ref());
    let next = scheduler.next(id);
    // What a refresh has ended is renewed without waiting.
    let is_barred = next.is_some() && are_in_trouble(&destinations) && !are_ended(&destinations);
    let held = destinations::held(outlook.held(id), is_barred);
    let next = next.map(|next| Next { at: Held::begins(held, next.at), ..next });
    let budget = living.and_then(|living| {
        outage_budget(&living, rotation.reader_lag, held.and_then(|held| held.until), now)
    });
    // A run takes a moment, and is noted when it is over.
    let overdue = next.is_some_and(|next| next.at + FLOOR < now);
    let state = match State::of(standing, now) {
        _ if !rotation.enabled => State::Disabled,
        State::Fine if are_in_trouble(&destinations) => State::Failing,
        State::Missing if are_ended(&destinations) => State::Dead,
        state => state,
    };
    Some(Row {
        rotation: rotation.name.to_string(),
        source: rotation.source.name.to_string(),
        state: state.name(),
        at_risk: state.is_alive() && budget.is_some_and(|budget| budget < TimeDelta::zero()),
        exit: state.exit(),
        issued_at: living.map(|living| rfc3339(living.issued_at)),
        issued_local: living.map(|living| rotation.schedule.local(living.issued_at)),
        expires_at: living.and_then(|living| living.expires_at).map(rfc3339),
        life_left_seconds: living.and_then(|living| living.expires_at).map(|end| (end - now).num_seconds()),
        version: living.map(|living| living.version),
        outage_budget_seconds: budget.map(|budget| budget.num_seconds()),
        next_run: next.as_ref().map(|next| rfc3339(next.at)),
        next_run_local: next.as_ref().map(|next| rotation.schedule.local(next.at)),
        next_run_reason: next.as_ref().map(|next| next.reason.name()),
        waits: held.map(|held| held.by.words()).or(overdue.then_some("nobody has done it yet")),
        waits_for: held.map(|held| held.by.name()).or(overdue.then_some("process")),
        waits_until: held.and_then(|held| held.until).map(rfc3339),
        failures: failure.map_or(0, |failure| failure.count),
        failure_class: failure.map(|failure| failure.class.to_string()),
        failed_at: failure.map(|failure| rfc3339(failure.at)),
        failed_local: failure.map(|failure| rotation.schedule.local(failure.at)),
        destinations,
        dead_letters: Vec::new(),
    })
}

fn table(rows: &[Row]) -> Table<8> {
    let heading =
        ["ROTATION", "STATE", "LIFE LEFT", "OUTAGE BUDGET", "ISSUED", "NEXT RUN", "WHY THEN", "LAST FAILURE"];
    let mut table = Table::new(heading).spare(&[4, 3, 6, 5]);
    for row in rows {
        let nothing = || "-".to_owned();
        let trouble = || first_trouble(&row.destinations).map_or_else(nothing, str::to_owned);
        let failure = row.failure_class.as_ref().zip(row.failed_local.as_ref());
        table.row([
            row.rotation.clone(),
            row.state.to_owned() + if row.at_risk { ", readers at risk" } else { "" },
            life_left(row),
            row.outage_budget_seconds.map_or_else(nothing, budget),
            row.issued_local.clone().unwrap_or_else(nothing),
            row.next_run_local.clone().unwrap_or_else(nothing),
            why(row),
            failure
                .map_or_else(trouble, |(class, at)| format!("{class} at {at} ({} in a row)", row.failures)),
        ]);
    }
    table
}

/// A new token comes too late. What that is for takes more than a cell.
fn tell_risk(cli: &Cli, Row { rotation, expires_at, .. }: &Row) {
    let end = expires_at.as_deref().unwrap_or("its end");
    let advice = format!("`tokenferry explain {rotation}` says why, and what would be in time");
    tell(cli, format_args!("{rotation}: readers may hold a dead token from {end} on"), Some(&advice));
}

/// Why the next run is when it is.
fn why(row: &Row) -> String {
    let reason = || row.next_run_reason.unwrap_or("-").replace('_', " ");
    row.waits.map_or_else(reason, str::to_owned)
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
