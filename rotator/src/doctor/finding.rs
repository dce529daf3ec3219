//! One thing that was looked at, and what was found.

use serde::Serialize;

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What it belongs to.
    pub group: Group,
    /// What was looked for.
    pub check: Check,
    /// What it was looked for at.
    pub subject: String,
    /// How it is.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub advice: Option<String>,
}

/// How something is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, and will not for ever, or allows more than it should.
    Warning,
    /// It does not work.
    Problem,
}

/// What findings belong to, in the order of reports.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// What is written down.
    Configuration,
    /// What logins are made with.
    Secrets,
    /// The servers that issue tokens.
    Systems,
    /// Where tokens are written.
    Vault,
    /// What the work is shared through, and with whom.
    Cluster,
    /// What is rotated.
    Rotations,
}

/// What was looked for, in the order of reports.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// That it can be read.
    Configuration,
    /// That a secret can be read, and by whom else.
    Secret,
    /// That what a source is given makes a login.
    Source,
    /// That a server answers.
    Server,
    /// That its certificate does not end soon.
    Certificate,
    /// That its clock and ours agree.
    Clock,
    /// That what is sent to it is protected.
    PlainHttp,
    /// That Vault is ready.
    Health,
    /// That we can log in there.
    Login,
    /// That our token there lasts.
    Token,
    /// That it may do what is needed.
    Capability,
    /// That it may do no more.
    Privilege,
    /// That a mount is what it should be.
    Mount,
    /// That a run is over before others take its work over.
    TimeRule,
    /// That the database of the replicas answers and will do.
    Database,
    /// That nobody reads on the way to it.
    Encryption,
    /// That its tables are there, or may be made.
    Grants,
    /// That locks hold there.
    Sessions,
    /// That there are enough connections.
    Connections,
    /// That the replicas are alike.
    Replicas,
    /// That no run was given up.
    DeadLetters,
    /// That an entry is ours, and its token alive.
    Destination,
    /// That an entry for a refresh token is ours, and of use.
    Session,
    /// That the last run was good.
    LastRun,
    /// That no reader can hold a dead token.
    Proof,
}

impl Check {
    /// What many good ones are called, and what is said of them.
    pub fn many(self) -> Option<(&'static str, &'static str)> {
        match self {
            Check::Destination => Some(("destinations", "ours, and no token in them is over")),
            Check::Mount => Some(("mounts", "KV version 2")),
            Check::Proof => Some(("proofs", "no reader can hold a dead token")),
            Check::Secret => Some(("secrets", "can be read here")),
            Check::Server => Some(("servers", "reached")),
            _ => None,
        }
    }
}

impl Group {
    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Group::Configuration => "CONFIGURATION",
            Group::Secrets => "SECRETS",
            Group::Systems => "SYSTEMS",
            Group::Vault => "VAULT",
            Group::Cluster => "CLUSTER",
            Group::Rotations => "ROTATIONS",
        }
    }
}

impl State {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Problem => "problem",
        }
    }
}

impl Finding {
    pub(super) fn ok(
        group: Group,
        check: Check,
        subject: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        let (subject, found) = (subject.into(), found.into());
        Finding { group, check, subject, state: State::Ok, found, advice: None }
    }

    pub(super) fn warning(
        group: Group,
        check: Check,
        subject: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let advice = Some(advice.into());
        Finding { state: State::Warning, advice, ..Self::ok(group, check, subject, found) }
    }

    pub(super) fn problem(
        group: Group,
        check: Check,
        subject: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Finding { state: State::Problem, ..Self::warning(group, check, subject, found, advice) }
    }
}

/// A number of things.
pub fn counted(number: usize, thing: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{end}")
}
