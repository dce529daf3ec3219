//! `tokenferry validate`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokenferry_sources::{HttpClient, ProcessEnvironment};

use super::{CommandError, Exit, load, print, show, tell};
use crate::app::{App, Reading};
use crate::cli::{self, Cli, Output};
use crate::proof::{Claim, Life, Proof, Verdict, human, prove};
use crate::rotation::Rotation;
use crate::run::{Living, RotationId};
use crate::source::{OpenError, Source};
use crate::table::Table;

pub(super) async fn execute(cli: &Cli, arguments: &cli::Validate) -> Result<Exit, CommandError> {
    let app = load(cli)?;
    let last_seen = if arguments.offline { BTreeMap::new() } else { last_seen(&app).await };
    tell_what_is_missing(&app);
    if !arguments.offline {
        tell_what_vault_lacks(&app).await;
    }
    let now = app.clock.now();
    let rows: Vec<Row> = app
        .ids()
        .map(|(id, rotation)| Row::new(rotation, &prove(&Claim::of(rotation, last_seen.get(&id)), now)))
        .collect();
    show(arguments.output, &rows, table(&rows))?;
    if arguments.output == Output::Table {
        explain(&rows)?;
    }
    let fails = |row: &Row| row.verdict == "refused" || (arguments.strict && row.verdict == "not_provable");
    Ok(if rows.iter().any(fails) { Exit::Configuration } else { Exit::Fine })
}

/// How long the tokens that stand in Vault live. A Vault that cannot be read does not make a configuration wrong.
async fn last_seen(app: &App) -> BTreeMap<RotationId, Living> {
    let all: BTreeSet<RotationId> = app.ids().map(|(id, _)| id).collect();
    let Reading { found, error } = app.read(all.clone()).await;
    if let Some(error) = error {
        let unread = all.len() - found.len();
        tell(format_args!("note: the tokens of {unread} rotations could not be looked at in Vault: {error}"));
    }
    found.into_iter().filter_map(|(id, standing)| Some((id, standing.living?))).collect()
}

/// What will be missing at the first login is worth a word, though here it may be kept elsewhere.
fn tell_what_is_missing(app: &App) {
    for missing in unreadable(app) {
        tell(format_args!("note: {missing}"));
    }
}

/// The same for what is kept in Vault, where the rotator itself will read it.
async fn tell_what_vault_lacks(app: &App) {
    for source in &app.config.sources {
        for (field, kept) in source.in_vault() {
            let secret = app.vault.read_secret(&kept.entry).await;
            if let Err(error) = secret.and_then(|secret| secret.text(&kept.field)) {
                tell(format_args!(
                    "note: `{field}` of source {} cannot be read from Vault: {error}\nhelp: {}",
                    source.name,
                    error.advice()
                ));
                if error.concerns_all() {
                    return;
                }
            }
        }
        tell_what_does_not_fit(app, source).await;
    }
}

/// What was read may not be what its field wants. What cannot be read was told.
async fn tell_what_does_not_fit(app: &App, source: &Source) {
    if source.in_vault().next().is_none() {
        return;
    }
    let http = Arc::new(HttpClient::new((*source.http).clone()));
    let opened = source.open(&ProcessEnvironment, &app.vault, &http, &app.clock).await;
    if let Err(error @ OpenError::BadSettings { .. }) = opened {
        tell(format_args!("note: {error}"));
    }
}

/// The references of sources that cannot be read now.
pub(super) fn unreadable(app: &App) -> impl Iterator<Item = String> {
    app.config.sources.iter().flat_map(|source| {
        source
            .unreadable(&ProcessEnvironment)
            .into_iter()
            .map(|(way, error)| format!("`{way}` of source {} cannot be read here: {error}", source.name))
    })
}

/// One rotation.
#[derive(Debug, Serialize)]
struct Row {
    rotation: String,
    verdict: &'static str,
    life_seconds: Option<u64>,
    life_basis: Option<&'static str>,
    replaced_at_age_seconds: Option<u64>,
    reader: Option<&'static str>,
    reader_lag_seconds: u64,
    survive_outage_seconds: u64,
    /// How long source or Vault may be away at the worst moment before a reader holds a dead token.
    outage_budget_seconds: Option<i64>,
    /// What a reader holds at most, less the life: negative where a reader can hold a dead token.
    margin_seconds: Option<i64>,
    renew_before_that_passes_seconds: Option<u64>,
    explanation: String,
}

impl Row {
    fn new(rotation: &Arc<Rotation>, proof: &Proof) -> Self {
        let (sum, life, remedy) = match &proof.verdict {
            Verdict::NotProvable { .. } => (None, None, None),
            Verdict::Proven { sum, life, .. } => (Some(sum), Some(life), None),
            Verdict::Refused { sum, life, remedy } => (Some(sum), Some(life), Some(remedy)),
        };
        let margin = |(sum, life): (&crate::proof::Sum, &Life)| {
            let total = i64::try_from(sum.total().as_secs()).ok()?;
            i64::try_from(life.duration.as_secs()).ok()?.checked_sub(total)
        };
        Row {
            rotation: rotation.name.to_string(),
            verdict: proof.verdict.name(),
            life_seconds: life.map(|life| life.duration.as_secs()),
            life_basis: life.map(|life| life.basis.name()),
            replaced_at_age_seconds: sum.map(|sum| sum.age().as_secs()),
            reader: rotation.reader.map(|reader| reader.name),
            reader_lag_seconds: rotation.reader_lag.as_secs(),
            survive_outage_seconds: rotation.survive_outage.as_secs(),
            outage_budget_seconds: proof.verdict.outage_budget().map(|budget| budget.num_seconds()),
            margin_seconds: sum.zip(life).and_then(margin),
            renew_before_that_passes_seconds: remedy
                .zip(life)
                .and_then(|(remedy, life)| remedy.suggested_renew_before(life.duration))
                .map(|before| before.as_secs()),
            explanation: proof.to_string(),
        }
    }
}

fn table(rows: &[Row]) -> Table<6> {
    let mut table = Table::new(["ROTATION", "VERDICT", "LIFE", "AS", "REPLACED AT AGE", "READER LAG"]);
    for row in rows {
        let seconds = |seconds: Option<u64>| {
            seconds.map_or_else(|| "-".to_owned(), |seconds| human(Duration::from_secs(seconds)))
        };
        table.row([
            row.rotation.clone(),
            row.verdict.replace('_', " "),
            seconds(row.life_seconds),
            row.life_basis.unwrap_or("-").replace('_', " "),
            seconds(row.replaced_at_age_seconds),
            seconds(Some(row.reader_lag_seconds)),
        ]);
    }
    table
}

/// What the table has no room for.
fn explain(rows: &[Row]) -> Result<(), CommandError> {
    for row in rows {
        print(format_args!("\n{}: {}\n", row.rotation, row.explanation.replace('\n', "\n  ")))?;
    }
    Ok(())
}
