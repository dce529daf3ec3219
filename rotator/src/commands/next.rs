//! `tokenferry next`.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde::Serialize;
use tokenferry_sources::{Timestamp, rfc3339};

use super::destinations::{self, are_in_trouble};
use super::{CommandError, Exit, asks_vault, load, note_unread, replicas, show};
use crate::app::{App, Reading};
use crate::cli::{self, Cli};
use crate::proof::human;
use crate::run::RotationId;
use crate::scheduler::{Held, HeldBy, Next};
use crate::table::Table;
use crate::terminal::Terminal;

pub(super) async fn execute(cli: &Cli, arguments: &cli::Next) -> Result<Exit, CommandError> {
    let app = load(cli)?;
    let selected = app.select(&arguments.rotations)?;
    let now = app.clock.now();
    let asks = asks_vault(cli, &app, arguments.offline);
    let asked = if asks { app.enabled(&selected) } else { BTreeSet::new() };
    let Reading { found, error } = app.read_with_neighbours(asked).await;
    let scheduler = app.scheduler_after(&found, now);
    let outlook = scheduler.outlook(now);
    let destinations = destinations::of_or_in_trouble(&app, selected.iter().copied()).await;
    let held = |id| {
        let is_in_trouble = destinations.get(&id).is_some_and(|of| are_in_trouble(of));
        destinations::held(outlook.held(id), is_in_trouble)
    };
    let is_shared =
        if arguments.offline { Exit::Fine } else { replicas::tell_whether_any_leads(cli, &app).await };
    if let Some(error) = &error {
        note_unread(cli, &app.vault, error);
    }
    let rows = selected
        .into_iter()
        .flat_map(|id| runs(&app, (scheduler.next(id), held(id)), id, arguments.count, now));
    let rows: Vec<Row> = rows.collect();
    show(arguments.output, &rows, table(&rows).on(Terminal::stdout()))?;
    Ok(if error.is_some() { Exit::Failed } else { is_shared })
}

/// One run to come.
#[derive(Debug, Serialize)]
struct Row {
    rotation: String,
    at: String,
    local: String,
    in_seconds: i64,
    reason: &'static str,
    /// What the first of them is held up by, if it is.
    waits_for: Option<&'static str>,
    #[serde(skip)]
    held: Option<HeldBy>,
}

fn runs(
    app: &App,
    (next, held): (Option<Next>, Option<Held>),
    id: RotationId,
    count: u16,
    now: Timestamp,
) -> Vec<Row> {
    let Some(rotation) = app.rotation(id).filter(|rotation| rotation.enabled) else { return Vec::new() };
    let row = |at: Timestamp, reason, held: Option<HeldBy>| Row {
        rotation: rotation.name.to_string(),
        at: rfc3339(at),
        local: rotation.schedule.local(at),
        in_seconds: (at - now).num_seconds().max(0),
        reason,
        waits_for: held.map(HeldBy::name),
        held,
    };
    let mut last = now;
    let mut rows = Vec::new();
    if let Some(next) = next {
        let at = Held::begins(held, next.at);
        rows.push(row(at, next.reason.name(), held.map(|held| held.by)));
        last = at.max(now);
    }
    while rows.len() < usize::from(count) {
        let Some(tick) = rotation.schedule.next_after(last) else { break };
        rows.push(row(tick, "schedule", None));
        last = tick;
    }
    rows
}

fn table(rows: &[Row]) -> Table<4> {
    let mut table = Table::new(["ROTATION", "NEXT RUN", "IN", "WHY"]);
    for row in rows {
        let wait = TimeDelta::seconds(row.in_seconds).to_std().unwrap_or_default();
        let wait = if wait.is_zero() { "now".to_owned() } else { human(wait) };
        let held = row.held.map(|held| format!(", waits for {}", held.words()));
        table.row([
            row.rotation.clone(),
            row.local.clone(),
            wait,
            row.reason.replace('_', " ") + &held.unwrap_or_default(),
        ]);
    }
    table
}
