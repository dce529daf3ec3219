//! `tokenferry doctor`.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{CommandError, Exit, load, show};
use crate::cli::{self, Cli, Output};
use crate::doctor::{Check, Finding, Group, Progress, Report, State, counted, examine};

pub(super) async fn execute(cli: &Cli, arguments: &cli::Doctor) -> Result<Exit, CommandError> {
    let app = load(cli)?;
    let selected = app.select(&arguments.rotations)?;
    let progress = Progress::default();
    let report = tokio::select! {
        report = examine(&app, &cli.config, &selected, arguments.offline, &progress) => report,
        never = watch(&progress, arguments.output) => match never {},
    };
    clear();
    show(arguments.output, &report.findings, Text(&report.findings))?;
    Ok(exit(&report, arguments.strict))
}

/// Refused proofs alone are the configuration's fault, as `validate` says; else it counts what readers risk.
fn exit(report: &Report, strict: bool) -> Exit {
    let worst = report.findings.iter().map(|finding| finding.state).max().unwrap_or(State::Ok);
    let problems = || report.findings.iter().filter(|finding| finding.state == State::Problem);
    match worst {
        State::Warning if strict => Exit::Failed,
        State::Ok | State::Warning => Exit::Fine,
        State::Problem if problems().all(|finding| finding.check == Check::Proof) => Exit::Configuration,
        State::Problem if report.readers_at_risk => Exit::DeadToken,
        State::Problem => Exit::Failed,
    }
}

/// Says on a terminal how far it is, where it takes long.
async fn watch(progress: &Progress, output: Output) -> std::convert::Infallible {
    if output == Output::Json || !std::io::stderr().is_terminal() {
        return std::future::pending().await;
    }
    let mut tick = interval_at(Instant::now() + PATIENCE, TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let (done, total) = progress.so_far();
        drop(write!(std::io::stderr().lock(), "\r\x1b[Klooking: {done} of {total} …"));
    }
}

fn clear() {
    if std::io::stderr().is_terminal() {
        drop(write!(std::io::stderr().lock(), "\r\x1b[K"));
    }
}

/// Findings for people: what is fine is summed up, what is not is said in full.
struct Text<'a>(&'a [Finding]);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = lines(self.0);
        let mut begin = true;
        for group in lines.chunk_by(|one, two| one.group == two.group) {
            let Some(first) = group.first() else { continue };
            let gap = if std::mem::take(&mut begin) { "" } else { "\n" };
            writeln!(f, "{gap}{}", first.group.title())?;
            // Subjects stand below each other as far as they are not too long.
            let width =
                group.iter().map(|line| line.subject.chars().count()).filter(|width| *width <= WIDEST);
            let width = width.max().unwrap_or(0);
            for Line { state, subject, found, advice, .. } in group {
                writeln!(f, "  {:<7}  {subject:<width$}  {found}", state.name())?;
                if let Some(advice) = advice.filter(|_| *state != State::Ok) {
                    writeln!(f, "           help: {advice}")?;
                }
            }
        }
        let count = |state| self.0.iter().filter(|finding| finding.state == state).count();
        let (problems, warnings) = (count(State::Problem), count(State::Warning));
        match (problems, warnings) {
            (0, 0) => writeln!(f, "\nall is well"),
            _ => writeln!(f, "\n{}, {}", counted(problems, "problem"), counted(warnings, "warning")),
        }
    }
}

/// One line of the report.
struct Line<'a> {
    group: Group,
    state: State,
    subject: String,
    found: &'a str,
    advice: Option<&'a str>,
}

/// What is not fine comes first in its group.
fn lines(findings: &[Finding]) -> Vec<Line<'_>> {
    let is_fine = |finding: &&Finding| finding.state == State::Ok;
    let mut fine: BTreeMap<(Group, Check), usize> = BTreeMap::new();
    for finding in findings.iter().filter(is_fine) {
        *fine.entry((finding.group, finding.check)).or_default() += 1;
    }
    let mut summed: Vec<(Group, Check)> = Vec::new();
    let mut lines = Vec::new();
    for finding in findings {
        let kind = (finding.group, finding.check);
        let many = finding.check.many().filter(|_| finding.state == State::Ok && fine[&kind] > MOST_SHOWN);
        match many {
            Some(_) if summed.contains(&kind) => {}
            Some((things, found)) => {
                summed.push(kind);
                let subject = format!("{} {things}", fine[&kind]);
                lines.push(Line { group: finding.group, state: State::Ok, subject, found, advice: None });
            }
            None => lines.push(Line {
                group: finding.group,
                state: finding.state,
                subject: finding.subject.clone(),
                found: &finding.found,
                advice: finding.advice.as_deref(),
            }),
        }
    }
    lines.sort_by_key(|line| (line.group, std::cmp::Reverse(line.state)));
    lines
}

/// More good ones of a kind are summed up.
const MOST_SHOWN: usize = 5;
const PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(250);
const WIDEST: usize = 44;
