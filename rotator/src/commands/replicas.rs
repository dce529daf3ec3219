//! The replicas that the work is shared with, as commands tell of them.

use std::time::Duration;

use serde::Serialize;
use tokenferry_sources::rfc3339;

use super::{CommandError, Exit, show, tell};
use crate::app::App;
use crate::cli::{Cli, Output};
use crate::cluster::{DeadLetter, Replica, View};
use crate::dispatch::Role;
use crate::proof::human;
use crate::table::Table;
use crate::terminal::Terminal;

/// What the database tells of them; `None` if no work is shared.
#[cfg_attr(not(feature = "cluster"), expect(clippy::unused_async, reason = "only a database is waited for"))]
pub(super) async fn look(app: &App) -> Result<Option<View>, CommandError> {
    #[cfg(feature = "cluster")]
    if let Some(settings) = &app.config.cluster {
        let database = crate::cluster::Database::new(settings, &tokenferry_sources::ProcessEnvironment)?;
        let (fingerprint, is_configured) = (app.config.fingerprint(), |name: &str| app.find(name).is_ok());
        return Ok(Some(database.look(settings, &fingerprint, is_configured, app.clock.now()).await?));
    }
    let _ = app;
    Ok(None)
}

/// Shows them instead of anything else.
pub(super) async fn execute(cli: &Cli, app: &App, output: Output) -> Result<Exit, CommandError> {
    let view = look(app).await?;
    if view.is_none() {
        tell(cli, "there is no `cluster` block: this rotator shares no work", None);
    }
    let shown = Shown::new(view.as_ref(), &app.config.fingerprint());
    let text = view.as_ref().map(|view| text(view, &shown)).unwrap_or_default();
    show(output, &shown, text)?;
    if let (Output::Table, Some(view)) = (output, &view) {
        if !view.replicas.is_empty() {
            tell_leader(cli, view, None);
        }
        tell_letters(cli, view);
    }
    Ok(Exit::Fine)
}

/// What people should know of them beside the rotations.
pub(super) fn tell_trouble(cli: &Cli, view: &View) {
    tell_leader(cli, view, Some(MORE));
    let is_told = |replica: &Replica| replica.is_lost || view.other_leader() == Some(replica);
    let in_trouble = |replica: &&Replica| state(replica) != ALIVE && !is_told(replica);
    for replica in view.replicas.iter().filter(in_trouble) {
        tell(cli, format_args!("replica {}: {}", replica.name, state(replica)), Some(MORE));
    }
    if let Some(lost) = lost(view) {
        tell(cli, lost, Some(MORE));
    }
    tell_letters(cli, view);
}

/// Whether what is planned can come to pass, for those who say when it does.
pub(super) async fn tell_whether_any_leads(cli: &Cli, app: &App) -> Exit {
    let seen = look(app).await;
    if let Ok(Some(view)) = &seen {
        tell_leader(cli, view, Some(MORE));
    }
    exit(cli, &seen)
}

/// Whether what stands in this configuration is done by those who run, if any do.
pub(super) fn exit(cli: &Cli, seen: &Result<Option<View>, CommandError>) -> Exit {
    match seen {
        Ok(Some(view)) if view.other_leader().is_some() => Exit::Failed,
        Ok(_) => Exit::Fine,
        Err(error) => tell_unasked(cli, error),
    }
}

/// Without the database nothing is run.
fn tell_unasked(cli: &Cli, error: &CommandError) -> Exit {
    tell(
        cli,
        format_args!("{error}: nothing is rotated while the replicas cannot use it, either"),
        error.advice(),
    );
    Exit::Failed
}

/// Who does not do what is planned.
fn tell_leader(cli: &Cli, view: &View, advice: Option<&str>) {
    if let Some(Replica { name, fingerprint, .. }) = view.other_leader() {
        let message = format!(
            "replica {name} leads and has another configuration ({fingerprint}): what only stands in this one is run by \
             nobody until they agree"
        );
        return tell(cli, message, Some(AGREE));
    }
    let alive = || view.replicas.iter().filter(|replica| replica.is_alive());
    if !alive().any(|replica| replica.role == Role::Leading) {
        let found = if alive().next().is_some() { "no replica leads" } else { "no replica is running" };
        tell(cli, format_args!("{found}: nothing is rotated"), advice);
    }
}

fn tell_letters(cli: &Cli, view: &View) {
    for DeadLetter { rotation, occurrence, attempt, class, replica, at } in &view.dead_letters {
        let (occurrence, at) = (rfc3339(*occurrence), rfc3339(*at));
        let advice = format!("`tokenferry explain {rotation}` says what to change");
        let message = format!(
            "{rotation}: the run for {occurrence} was given up until the next planned time ({class}; attempt {attempt} on \
             {replica} at {at})"
        );
        tell(cli, message, Some(&advice));
    }
}

/// All that is known, for machines.
#[derive(Serialize)]
struct Shown {
    /// Of this configuration.
    configuration: String,
    replicas: Vec<Row>,
    waiting_runs: u64,
    oldest_wait_seconds: Option<u64>,
    dead_letters: Vec<Letter>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    state: &'static str,
    /// Nobody knows what becomes of one that is lost.
    role: Option<&'static str>,
    version: String,
    configuration: String,
    concurrency: u32,
    heartbeat_limit_seconds: u64,
    seen_seconds_ago: u64,
    #[serde(skip)]
    seen: String,
}

/// A run that was given up until the next planned time.
#[derive(Debug, Serialize)]
pub(super) struct Letter {
    #[serde(skip_serializing_if = "String::is_empty")]
    rotation: String,
    occurrence: String,
    attempt: u32,
    class: String,
    replica: String,
    at: String,
}

impl Letter {
    /// Those of one rotation, which need not say so.
    pub(super) fn of(view: Option<&View>, rotation: &str) -> Vec<Letter> {
        let letters = view.into_iter().flat_map(|view| &view.dead_letters);
        let ours = letters.filter(|letter| *letter.rotation == *rotation).map(Letter::from);
        ours.map(|letter| Letter { rotation: String::new(), ..letter }).collect()
    }
}

impl From<&DeadLetter> for Letter {
    fn from(letter: &DeadLetter) -> Self {
        Letter {
            rotation: letter.rotation.to_string(),
            occurrence: rfc3339(letter.occurrence),
            attempt: letter.attempt,
            class: letter.class.to_string(),
            replica: letter.replica.to_string(),
            at: rfc3339(letter.at),
        }
    }
}

impl Shown {
    fn new(view: Option<&View>, fingerprint: &str) -> Self {
        Shown {
            configuration: fingerprint.to_owned(),
            replicas: view.into_iter().flat_map(|view| &view.replicas).map(Row::from).collect(),
            waiting_runs: view.map_or(0, |view| view.waiting),
            oldest_wait_seconds: view.and_then(|view| view.oldest_wait).map(|wait| wait.as_secs()),
            dead_letters: view.into_iter().flat_map(|view| &view.dead_letters).map(Letter::from).collect(),
        }
    }
}

impl From<&Replica> for Row {
    fn from(replica: &Replica) -> Self {
        let seconds = replica.silent_for.as_secs();
        Row {
            name: replica.name.to_string(),
            state: state(replica),
            role: (!replica.is_lost).then(|| replica.role.name()),
            version: replica.version.clone(),
            configuration: replica.fingerprint.clone(),
            concurrency: replica.concurrency,
            heartbeat_limit_seconds: replica.heartbeat_limit.as_secs(),
            seen_seconds_ago: seconds,
            seen: human(Duration::from_secs(seconds)),
        }
    }
}

fn state(replica: &Replica) -> &'static str {
    match replica {
        Replica { is_lost: true, .. } => "lost",
        Replica { role: Role::Disconnected, .. } => "disconnected",
        Replica { has_namesake: true, .. } => "the name of another one",
        Replica { drifted: true, .. } => "another configuration or version",
        Replica { reaches_vault: Some(false), .. } => "cannot reach Vault",
        _ => ALIVE,
    }
}

/// All in one: where each start has a name of its own, as in Kubernetes, there may be many.
fn lost(view: &View) -> Option<String> {
    let lost = view.replicas.iter().filter(|replica| replica.is_lost);
    let names: Vec<&str> = lost.map(|replica| &*replica.name).collect();
    match names.as_slice() {
        [] => None,
        [one] => Some(format!("replica {one}: lost")),
        [first @ .., other] if names.len() <= NAMED => {
            Some(format!("replicas {} and {other}: lost", first.join(", ")))
        }
        _ => Some(format!("replicas {} and {} more: lost", names[..NAMED].join(", "), names.len() - NAMED)),
    }
}

fn text(view: &View, shown: &Shown) -> String {
    if shown.replicas.is_empty() {
        return "No replica has been seen for a day: nothing is rotated.\n".to_owned();
    }
    let oldest = view.oldest_wait.map(|wait| human(Duration::from_secs(wait.as_secs()))).unwrap_or_default();
    let waiting = match view.waiting {
        0 => "No run waits for a replica to take it.".to_owned(),
        1 => format!("One run has waited for {oldest} for a replica to take it."),
        waiting => format!("{waiting} runs wait for a replica to take them, the oldest for {oldest}."),
    };
    format!("{}\n{waiting}\n", table(&shown.replicas).on(Terminal::stdout()))
}

fn table(rows: &[Row]) -> Table<7> {
    let heading = ["REPLICA", "STATE", "ROLE", "SEEN", "VERSION", "CONFIGURATION", "RUNS AT ONCE"];
    let mut table = Table::new(heading).spare(&[6, 4]);
    for row in rows {
        table.row([
            row.name.clone(),
            row.state.to_owned(),
            row.role.unwrap_or("-").to_owned(),
            format!("{} ago", row.seen),
            row.version.clone(),
            row.configuration.clone(),
            row.concurrency.to_string(),
        ]);
    }
    table
}

const ALIVE: &str = "alive";
const AGREE: &str = "give all replicas the same sources, rotations and destinations; what is a cluster of its own needs another \
                     `name`; `tokenferry status --replicas` shows all of them";
/// So many that are lost are named.
const NAMED: usize = 3;
const MORE: &str = "`tokenferry status --replicas` shows all of them, `tokenferry doctor` what to do";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::samples::cluster;

    #[test]
    fn all_that_is_known_is_told_to_machines() {
        let view = cluster();
        let shown = serde_json::to_value(Shown::new(Some(&view), "7558b7c1ff2a53bb")).unwrap();
        let states: Vec<_> =
            (0..3).map(|index| shown["replicas"][index]["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["alive", "another configuration or version", "lost"]);
        assert_eq!((&shown["replicas"][1]["role"], &shown["waiting_runs"]), (&"leading".into(), &5.into()));
        assert_eq!(shown["dead_letters"][0]["rotation"], "held");
        assert_eq!(shown["dead_letters"][0]["class"], "login_refused");
        assert_eq!(shown["replicas"][2]["role"], serde_json::Value::Null, "nobody knows");
        let alone = serde_json::to_value(Shown::new(None, "7558b7c1ff2a53bb")).unwrap();
        assert_eq!(alone["replicas"], serde_json::json!([]));
    }

    #[test]
    fn people_are_told_how_many_runs_wait_and_that_there_is_nobody() {
        let shown = |view: &View| text(view, &Shown::new(Some(view), ""));
        let told = shown(&cluster());
        assert!(told.ends_with("\n5 runs wait for a replica to take them, the oldest for 3s.\n"), "{told}");
        let lost = told.lines().find(|line| line.starts_with("rotator-2")).unwrap();
        assert!(lost.contains(" - "), "it leads no longer: {lost}");
        assert!(shown(&View { waiting: 1, ..cluster() }).contains("One run has waited for 3s"));
        assert!(shown(&View { waiting: 0, ..cluster() }).contains("No run waits"));
        let nobody = View { replicas: Vec::new(), ..cluster() };
        assert_eq!(shown(&nobody), "No replica has been seen for a day: nothing is rotated.\n");
    }

    #[test]
    fn who_is_gone_or_called_as_another_one_is_told_of() {
        use crate::observe::samples::replica;
        let gone = replica("gone", Role::Disconnected);
        assert_eq!((state(&gone), gone.is_alive()), ("disconnected", false));
        let twin = Replica { has_namesake: true, ..replica("twin", Role::Standby) };
        assert_eq!((state(&twin), twin.is_alive()), ("the name of another one", true));
    }

    #[test]
    fn those_that_are_lost_are_told_of_in_one_line() {
        use crate::observe::samples::{now, replica};
        let told = |count| {
            let of =
                |index| Replica { is_lost: true, ..replica(&format!("pod-{index}"), Role::Disconnected) };
            let alive = replica("alive", Role::Leading);
            let replicas = [alive].into_iter().chain((0..count).map(of)).collect();
            lost(&View { replicas, ..View::new(now()) })
        };
        assert_eq!(told(0), None);
        assert_eq!(told(1).unwrap(), "replica pod-0: lost");
        assert_eq!(told(3).unwrap(), "replicas pod-0, pod-1 and pod-2: lost");
        assert_eq!(told(8).unwrap(), "replicas pod-0, pod-1, pod-2 and 5 more: lost");
    }

    #[test]
    fn a_rotation_has_its_own_dead_letters() {
        let view = cluster();
        assert_eq!(Letter::of(Some(&view), "held").len(), 1);
        assert!(Letter::of(Some(&view), "fine").is_empty() && Letter::of(None, "held").is_empty());
        assert!(table(&Shown::new(Some(&view), "").replicas).to_string().contains("6m40s ago"));
    }
}
