//! `tokenferry once`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
#[cfg(feature = "cluster")]
use tokenferry_sources::ProcessEnvironment;
use tokenferry_sources::{Timestamp, rfc3339};
use tokenferry_vault::VaultError;
use tokio::time::Instant;

use super::destinations::{self, Destination, are_in_trouble, tell_troubles};
use super::{CommandError, Exit, exit_of_failure, load_to, note_unread, show, tell};
use crate::app::App;
use crate::cli::{self, Cli, Output};
#[cfg(feature = "cluster")]
use crate::cluster::{Database, Guarded};
use crate::dispatch::{Dispatch as _, Ended, Local};
use crate::process;
use crate::proof::human;
use crate::rotation::Rotation;
use crate::run::{Class, Living, Outcome, RotationId, Standing, Work};
use crate::scheduler::{Held, HeldBy, Scheduler};
use crate::spared::is_spared;
use crate::stop::wind_down;
use crate::table::Table;
use crate::terminal::{Progress, Terminal};

pub(super) async fn execute(cli: &Cli, arguments: &cli::Once) -> Result<Exit, CommandError> {
    let app = load_to(cli, arguments.dry_run)?;
    let selected = app.select(&arguments.rotations)?;
    if arguments.dry_run {
        spare(cli, &app, &selected)?;
    }
    let reading = app.read(app.enabled(&selected)).await;
    let mut scheduler = app.scheduler_after(&reading.found, app.clock.now());
    for (id, standing) in app.read(app.sharing_a_rate_with(&selected)).await.found {
        scheduler.learn_logins(id, &standing, app.clock.now());
    }
    if arguments.force {
        let disabled = &selected - &app.enabled(&selected);
        force(cli, &app, &mut scheduler, reading.found.keys().copied().chain(disabled));
    }
    let mut came = work(&app, &mut scheduler).await?;
    look_again(&app, &mut scheduler, &reading.found, &mut came).await;
    if let Some(error) = &reading.error {
        note_unread(cli, &app.vault, error);
    }
    let now = app.clock.now();
    let mut destinations = destinations::of(&app, selected.iter().copied()).await;
    let rows = selected.into_iter().filter_map(|id| {
        let held = scheduler.held(id, now);
        let planned = scheduler.next(id).map(|next| next.at);
        let next = planned.map(|at| Held::begins(held, at));
        // The rate holds up nobody who is not due.
        let waits = |by: &HeldBy| *by != HeldBy::Rate || planned.is_some_and(|at| at <= now);
        let living = scheduler.view(id).and_then(|view| view.living);
        let (of, held, dry_run) =
            (reading.found.get(&id), held.map(|held| held.by).filter(waits), arguments.dry_run);
        let came = Came { of, run: came.get(&id), living, held, dry_run };
        let row = Row::new(app.rotation(id)?, came, next, now);
        let row = row.because_of(reading.error.as_ref());
        Some(row.with(destinations.remove(&id).unwrap_or_default()))
    });
    let rows: Vec<Row> = rows.collect();
    show(arguments.output, &rows, table(&rows).on(Terminal::stdout()))?;
    if arguments.output == Output::Table {
        tell_troubles(cli, rows.iter().map(|row| (&*row.rotation, &*row.destinations)));
    }
    Ok(rows.iter().map(|row| row.exit).max().unwrap_or(Exit::Fine))
}

/// A try must not cost the rotator its login to Vault, and people should know what it does cost.
fn spare(cli: &Cli, app: &App, selected: &BTreeSet<RotationId>) -> Result<(), CommandError> {
    if is_spared(&app.config.vault.auth) {
        return Err(CommandError::Spared);
    }
    let rotations = selected.iter().filter_map(|id| app.rotation(*id));
    for rotation in rotations.filter(|rotation| rotation.enabled && rotation.source.session.is_some()) {
        tell(cli, format_args!("note: {}: {LOGS_IN}", rotation.name), None);
    }
    Ok(())
}

/// Makes rotations due that are not. Some must not be, and that is said.
fn force(cli: &Cli, app: &App, scheduler: &mut Scheduler, rotations: impl Iterator<Item = RotationId>) {
    for id in rotations {
        if let (Err(not_forced), Some(rotation)) = (scheduler.force(id, app.clock.now()), app.rotation(id)) {
            tell(cli, format_args!("{}: not forced: {not_forced}", rotation.name), None);
        }
    }
}

/// Does what is due now, each once. What was issued is stored, also when a signal ends it. The runs that were due.
async fn work(
    app: &App,
    scheduler: &mut Scheduler,
) -> Result<BTreeMap<RotationId, Option<Outcome>>, CommandError> {
    let stop = process::stop_on_signals().map_err(CommandError::Signals)?;
    process::survive_hang_up().map_err(CommandError::Signals)?;
    let all_due = scheduler.due(app.clock.now());
    let work: Arc<dyn Work> = if all_due.is_empty() { app.runner.clone() } else { guarded(app).await? };
    let mut dispatch = Local::new(work, app.config.concurrency);
    let mut came = BTreeMap::new();
    for due in all_due {
        came.insert(due.rotation, None);
        dispatch.submit(due);
    }
    let mut progress = Progress::new("rotating", came.len(), app.is_watched);
    let mut note = |Ended { due, outcome, aftermath, .. }: Ended| {
        progress.advance();
        scheduler.ended_with(&due, &outcome, aftermath, app.clock.now());
        came.insert(due.rotation, Some(outcome));
    };
    while dispatch.running() > 0 && !stop.is_cancelled() {
        tokio::select! {
            ended = dispatch.ended() => note(ended),
            () = stop.cancelled() => {}
        }
    }
    let until = Instant::now() + app.config.grace_period;
    wind_down(&mut dispatch, std::slice::from_ref(&app.runner), until, note).await;
    Ok(came)
}

/// Where the work is shared, no replica uses a credential while a run here does.
#[cfg_attr(not(feature = "cluster"), expect(clippy::unused_async, reason = "only a database is waited for"))]
async fn guarded(app: &App) -> Result<Arc<dyn Work>, CommandError> {
    #[cfg(feature = "cluster")]
    if let Some(settings) = &app.config.cluster {
        let database = Database::new(settings, &ProcessEnvironment)?.named(&process::name());
        return Ok(Arc::new(Guarded::start(settings, database, app.runner.clone()).await?));
    }
    Ok(app.runner.clone())
}

/// What Vault did not take at first may have been stored in the end.
async fn look_again(
    app: &App,
    scheduler: &mut Scheduler,
    found: &BTreeMap<RotationId, Standing>,
    came: &mut BTreeMap<RotationId, Option<Outcome>>,
) {
    let is_vaults = |outcome: &Option<Outcome>| matches!(outcome, Some(Outcome::Failed { class, .. } | Outcome::Partly { class, .. }) if class.is_of_vault());
    let failed = came.iter().filter(|(_, outcome)| is_vaults(outcome)).map(|(id, _)| *id).collect();
    let issued = |standing: &Standing| standing.living.map(|living| living.issued_at);
    for (id, standing) in app.read(failed).await.found {
        let is_new = issued(&standing) > found.get(&id).and_then(issued);
        if let Some(living) = standing.living.filter(|_| is_new)
            && !app.runner.destinations(id).await.iter().any(|one| one.trouble.is_some())
        {
            came.insert(id, Some(Outcome::Rotated(living)));
            scheduler.learn(id, standing, app.clock.now());
        }
    }
}

/// What is known of a rotation after its run, or instead of one.
#[derive(Clone, Copy)]
struct Came<'a> {
    of: Option<&'a Standing>,
    /// `None` if none was due, and in it `None` if it did not begin.
    run: Option<&'a Option<Outcome>>,
    /// The token that readers find now.
    living: Option<Living>,
    held: Option<HeldBy>,
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    destinations: Vec<Destination>,
    #[serde(skip)]
    exit: Exit,
}

impl Row {
    fn new(rotation: &Rotation, came: Came<'_>, next_run: Option<Timestamp>, now: Timestamp) -> Self {
        let Came { of: standing, run, living: left, held, dry_run } = came;
        let found = standing.and_then(|standing| standing.living);
        let failing = standing.and_then(|standing| standing.failure.as_ref());
        let (result, class, living) = match run {
            Some(Some(Outcome::Rotated(living))) if dry_run => ("would_rotate", None, Some(*living)),
            Some(Some(Outcome::Rotated(living))) => ("rotated", None, Some(*living)),
            Some(Some(Outcome::AlreadyDone(living))) => ("already_done", None, Some(*living)),
            Some(Some(Outcome::Failed { class, .. })) => ("failed", Some(class), left),
            Some(Some(Outcome::Partly { class, .. })) => ("partly", Some(class), left),
            Some(Some(Outcome::Refused { class, .. })) => ("refused", Some(class), left),
            Some(None) => ("stopped", None, found),
            None if held == Some(HeldBy::Disabled) => ("disabled", None, None),
            None if standing.is_none() => ("unread", None, None),
            None if held == Some(HeldBy::Rate) => ("waiting", Some(&RATE), found),
            None => match failing {
                Some(failure) => ("waiting", Some(&failure.class), found),
                None => ("not_due", None, found),
            },
        };
        let exit = match result {
            "rotated" | "already_done" | "not_due" | "would_rotate" | "disabled" => Exit::Fine,
            // As it was asked for, unless readers suffer from it.
            "waiting" if class == Some(&RATE) && exit_of_failure(living.as_ref(), now) == Exit::Failed => {
                Exit::Fine
            }
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
            destinations: Vec::new(),
            exit,
        }
    }
}

impl Row {
    /// A destination that fails is a failure, also where no run was due.
    fn with(self, destinations: Vec<Destination>) -> Self {
        let exit = if are_in_trouble(&destinations) { self.exit.max(Exit::Failed) } else { self.exit };
        Row { destinations, exit, ..self }
    }

    /// Where nothing could be read, the reason is Vault's.
    fn because_of(self, unread: Option<&VaultError>) -> Self {
        let class = unread.filter(|_| self.result == "unread").map(|error| error.class().to_owned());
        Row { class: class.or(self.class), ..self }
    }
}

/// What a try does where a run would refresh.
const LOGS_IN: &str = "a try logs in by password, since a refresh would end the token that readers hold";
/// What a rotation waits for that the rate of its source does not let run yet.
const RATE: Class = Class::new("rate");

fn table(rows: &[Row]) -> Table<5> {
    let mut table = Table::new(["ROTATION", "RESULT", "WHY", "LIFE LEFT", "NEXT RUN"]).spare(&[4, 3]);
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
