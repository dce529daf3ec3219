//! `tokenferry validate`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokenferry_sources::{HttpClient, ProcessEnvironment, Timestamp};

use super::{CommandError, Exit, load, print, show, tell};
use crate::app::{App, Reading};
use crate::cli::{self, Cli, Output};
use crate::proof::{Basis, Claim, Life, Proof, Share, Verdict, human, login_and_retry, prove};
use crate::rate::Rate;
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
    let mut claims: Vec<Claim> =
        app.ids().map(|(id, rotation)| claim(rotation, last_seen.get(&id).copied())).collect();
    share_rates(&app.config.rotations, &mut claims, now);
    let rows: Vec<Row> = app
        .config
        .rotations
        .iter()
        .zip(&claims)
        .map(|(rotation, claim)| Row::new(rotation, &prove(claim, now)))
        .collect();
    show(arguments.output, &rows, table(&rows))?;
    if arguments.output == Output::Table {
        explain(&rows)?;
    }
    let fails = |row: &Row| {
        row.enabled && (row.verdict == "refused" || (arguments.strict && row.verdict == "not_provable"))
    };
    Ok(if rows.iter().any(fails) { Exit::Configuration } else { Exit::Fine })
}

/// How long the tokens that stand in Vault live. A Vault that cannot be read does not make a configuration wrong.
async fn last_seen(app: &App) -> BTreeMap<RotationId, Seen> {
    let all: BTreeSet<RotationId> = app.ids().map(|(id, _)| id).collect();
    let Reading { found, error } = app.read(all.clone()).await;
    if let Some(error) = error {
        let unread = all.len() - found.len();
        tell(format_args!("note: the tokens of {unread} rotations could not be looked at in Vault: {error}"));
    }
    let seen = |living: Living| match living.expires_at {
        Some(end) => Seen::Lives((end - living.issued_at).to_std().unwrap_or_default()),
        None => Seen::WithoutEnd,
    };
    found.into_iter().filter_map(|(id, standing)| Some((id, seen(standing.living?)))).collect()
}

/// What the token in Vault tells about the life of its kind.
#[derive(Clone, Copy, Debug)]
enum Seen {
    Lives(Duration),
    WithoutEnd,
}

/// The life to reckon with: as configured, but no longer than that of the token in Vault; else of that; else, if
/// there is none yet, as documented. A token without an end is renewed by nobody.
fn life(source: &Source, seen: Option<Seen>) -> Option<Life> {
    let life = |duration, basis| Some(Life { duration, basis });
    match (source.ttl, seen) {
        (Some(ttl), Some(Seen::Lives(seen))) if seen < ttl => life(seen, Basis::LastSeen),
        (Some(ttl), _) => life(ttl, Basis::Configured),
        (None, Some(Seen::Lives(seen))) => life(seen, Basis::LastSeen),
        (None, Some(Seen::WithoutEnd)) => None,
        (None, None) => life(source.documented_life()?, Basis::Documented),
    }
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
    let http = Arc::new(HttpClient::new(source.http.clone()));
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

fn claim(rotation: &Rotation, seen: Option<Seen>) -> Claim {
    let source = &rotation.source;
    Claim {
        schedule: rotation.schedule.clone(),
        renew_before: rotation.renew_before,
        spread: rotation.spread,
        reader_lag: rotation.reader_lag,
        life: life(source, seen),
        login_and_retry: login_and_retry(source.http.timeout),
        predecessor: source.system.predecessor,
        share: None,
    }
}

/// Tells the rotations of each source that has a rate what that means for them. Those that are not run want nothing.
fn share_rates(rotations: &[Arc<Rotation>], claims: &mut [Claim], now: Timestamp) {
    let mut limited: BTreeMap<&str, (Rate, Duration, Vec<usize>)> = BTreeMap::new();
    for (index, Rotation { source, .. }) in rotations.iter().map(|rotation| &**rotation).enumerate() {
        let Some(rate) = source.rate else { continue };
        limited.entry(&source.name).or_insert((rate, source.http.timeout, Vec::new())).2.push(index);
    }
    for (rate, timeout, of_source) in limited.into_values() {
        let is_run = |index: &&usize| rotations.get(**index).is_some_and(|rotation| rotation.enabled);
        let wanting: Vec<&Claim> =
            of_source.iter().filter(is_run).filter_map(|index| claims.get(*index)).collect();
        let share = Share::of(rate, &wanting, timeout, now);
        for index in of_source {
            claims.get_mut(index).into_iter().for_each(|claim| claim.share = Some(share));
        }
    }
}

/// One rotation.
#[derive(Debug, Serialize)]
struct Row {
    rotation: String,
    enabled: bool,
    verdict: &'static str,
    life_seconds: Option<u64>,
    life_basis: Option<&'static str>,
    replaced_at_age_seconds: Option<u64>,
    reader_lag_seconds: u64,
    /// As in `100/h`; with it, how long a login may have to wait for it. That is missing if the rate does not carry
    /// what is planned.
    rate: Option<String>,
    rate_wait_seconds: Option<u64>,
    /// What a reader holds at most, less the life: negative where a reader can hold a dead token.
    margin_seconds: Option<i64>,
    renew_before_that_passes_seconds: Option<u64>,
    explanation: String,
}

impl Row {
    fn new(rotation: &Arc<Rotation>, proof: &Proof) -> Self {
        let (sum, life, remedy) = match &proof.verdict {
            Verdict::NotCarried | Verdict::NotProvable { .. } => (None, None, None),
            Verdict::Proven { sum, life, .. } => (Some(sum), Some(life), None),
            Verdict::Refused { sum, life, remedy } => (Some(sum), Some(life), Some(remedy)),
        };
        let margin = |(sum, life): (&crate::proof::Sum, &Life)| {
            let total = i64::try_from(sum.total().as_secs()).ok()?;
            i64::try_from(life.duration.as_secs()).ok()?.checked_sub(total)
        };
        Row {
            rotation: rotation.name.to_string(),
            enabled: rotation.enabled,
            rate: proof.share.map(|share| share.rate.to_string()),
            rate_wait_seconds: proof.share.and_then(|share| share.wait).map(|wait| wait.as_secs()),
            verdict: proof.verdict.name(),
            life_seconds: life.map(|life| life.duration.as_secs()),
            life_basis: life.map(|life| life.basis.name()),
            replaced_at_age_seconds: sum.map(|sum| sum.age().as_secs()),
            reader_lag_seconds: rotation.reader_lag.as_secs(),
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
            row.verdict.replace('_', " ") + if row.enabled { "" } else { ", disabled" },
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
        let disabled = if row.enabled { "" } else { "disabled, and never run; if it were: " };
        print(format_args!("\n{}: {disabled}{}\n", row.rotation, row.explanation.replace('\n', "\n  ")))?;
    }
    Ok(())
}
