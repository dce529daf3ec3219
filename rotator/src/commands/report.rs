//! Why a command could not do its work at all, in the form that was asked for.

use std::ffi::OsString;
use std::path::PathBuf;
#[cfg(feature = "cluster")]
use std::sync::Arc;

use clap::error::ErrorKind;
use serde::Serialize;
use thiserror::Error;
#[cfg(feature = "cluster")]
use tokenferry_sources::cause::with_causes;

use super::{Exit, show, tell};
use crate::admin::ListenError;
use crate::app::UnknownRotation;
use crate::cli::{Cli, LogFormat, Output};
#[cfg(feature = "cluster")]
use crate::cluster::DatabaseError;
use crate::config::{ConfigErrors, Problem};
use crate::explain::BadMoment;
use crate::spared;

/// Why a command could not do its work at all.
#[derive(Debug, Error)]
pub(super) enum CommandError {
    #[error("`--at`: {0}")]
    BadMoment(#[from] BadMoment),
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    #[cfg(feature = "cluster")]
    #[error("{}", with_causes(.0))]
    Database(#[from] Arc<DatabaseError>),
    #[error("{path} could not be written: {error}", path = .0.display(), error = .1)]
    File(PathBuf, std::io::Error),
    #[error("{0}")]
    Listen(#[from] ListenError),
    #[error("the result could not be written: {0}")]
    Output(std::io::Error),
    #[error("{}. {}", spared::NO_TRY, spared::ADVICE)]
    Spared,
    #[error("cannot listen to signals: {0}")]
    Signals(std::io::Error),
    #[error("{0}")]
    UnknownRotation(#[from] UnknownRotation),
}

impl CommandError {
    pub(super) fn exit(&self) -> Exit {
        match self {
            #[cfg(feature = "cluster")]
            CommandError::Database(error) if error.may_pass() => Exit::Failed,
            #[cfg(feature = "cluster")]
            CommandError::Database(_) => Exit::Configuration,
            CommandError::BadMoment(_)
            | CommandError::Config(_)
            | CommandError::Listen(_)
            | CommandError::Spared
            | CommandError::UnknownRotation(_) => Exit::Configuration,
            CommandError::File(..) | CommandError::Output(_) | CommandError::Signals(_) => Exit::Unexpected,
        }
    }

    /// What to do about it, if that can be said.
    pub(super) fn advice(&self) -> Option<&str> {
        match self {
            #[cfg(feature = "cluster")]
            CommandError::Database(error) => Some(error.advice()),
            _ => None,
        }
    }

    /// Tells it in the form that was asked for.
    pub(super) fn report(&self, cli: &Cli) {
        let problems = match self {
            CommandError::Config(problems) => problems.iter().map(Mistake::from).collect(),
            other => {
                let (message, advice) = (other.to_string(), other.advice().map(str::to_owned));
                vec![Mistake { message, advice, ..Mistake::default() }]
            }
        };
        match cli.command.output() {
            // If not even that can be written, nobody is there to be told.
            Some(Output::Json) => drop(show(Output::Json, &Mistakes { problems }, "")),
            _ if cli.log_format == LogFormat::Json => problems.iter().for_each(Mistake::log),
            None | Some(Output::Table) => tell(cli, self, self.advice()),
        }
    }
}

#[cfg(feature = "cluster")]
impl From<DatabaseError> for CommandError {
    fn from(error: DatabaseError) -> Self {
        CommandError::Database(Arc::new(error))
    }
}

/// Tells what is wrong with a command line, or what it asks to be told.
pub fn report_usage(error: &clap::Error, arguments: &[OsString]) -> Exit {
    let is_question = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if is_question || !wants_json(arguments) {
        drop(error.print());
        return if is_question { Exit::Fine } else { Exit::Configuration };
    }
    let text = error.render().to_string();
    drop(show(Output::Json, &Mistakes { problems: vec![mistake(&text)] }, ""));
    Exit::Configuration
}

/// What is told as a text: what is wrong, what may have been meant, and how it goes.
fn mistake(text: &str) -> Mistake {
    let (message, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    let message = message.strip_prefix("error: ").unwrap_or(message).split_whitespace().collect::<Vec<_>>();
    let tip = rest.lines().find_map(|line| line.trim().strip_prefix("tip: "));
    let advice = tip.map_or_else(|| TRY_HELP.to_owned(), |tip| format!("{tip}; {TRY_HELP}"));
    Mistake { message: message.join(" "), advice: Some(advice), ..Mistake::default() }
}

/// Whether a command line that cannot be read as a whole asks for JSON.
fn wants_json(arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| argument == "--output=json")
        || arguments.windows(2).any(|pair| pair[0] == "--output" && pair[1] == "json")
}

/// What `--output json` shows instead of a result.
#[derive(Serialize)]
struct Mistakes {
    problems: Vec<Mistake>,
}

/// One thing that is wrong, for machines.
#[derive(Default, Serialize)]
struct Mistake {
    file: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
    message: String,
    advice: Option<String>,
}

impl Mistake {
    fn log(&self) {
        let Mistake { file, line, column, message, advice } = self;
        tracing::error!(file, line, column, advice, "{message}");
    }
}

impl From<&Problem> for Mistake {
    fn from(problem: &Problem) -> Self {
        Mistake {
            file: Some(problem.file.display().to_string()),
            line: problem.place.map(|place| place.line),
            column: problem.place.map(|place| place.column),
            message: problem.message.clone(),
            advice: problem.advice.clone(),
        }
    }
}

const TRY_HELP: &str = "`tokenferry --help` tells what can be written";

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn what_may_have_been_meant_is_told_as_json_too() {
        let error = Cli::try_parse_from(["tokenferry", "stauts", "--output", "json"]).unwrap_err();
        let mistake = mistake(&error.render().to_string());
        assert_eq!(mistake.message, "unrecognized subcommand 'stauts'");
        let advice = mistake.advice.unwrap();
        assert!(advice.contains("'status'") && advice.ends_with(TRY_HELP), "{advice}");
    }

    #[test]
    fn json_is_wanted_where_it_is_asked_for() {
        let wants =
            |arguments: &[&str]| wants_json(&arguments.iter().map(OsString::from).collect::<Vec<_>>());
        assert!(wants(&["status", "--output", "json"]) && wants(&["status", "--output=json", "--nonsense"]));
        assert!(!wants(&["status", "--output", "table"]) && !wants(&["json", "--output"]));
    }
}
