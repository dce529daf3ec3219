//! The commands: one file each.

mod destinations;
mod next;
mod once;
mod run;
mod status;
mod validate;

use std::fmt::Display;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use serde::Serialize;
use thiserror::Error;
use tokenferry_sources::Timestamp;
use tokenferry_vault::VaultError;

use crate::app::{App, UnknownRotation};
use crate::cli::{Cli, Command, LogFormat, Output};
use crate::config::{ConfigErrors, Problem};
use crate::run::Living;

/// How a command ended, as scripts and supervisors see it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Exit {
    /// All is well.
    Fine = 0,
    /// Something that nobody thought of.
    Unexpected = 1,
    /// The configuration or the command line is wrong.
    Configuration = 2,
    /// Something failed; readers still hold living tokens.
    Failed = 3,
    /// A reader may hold a dead token.
    DeadToken = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Why a command could not do its work at all.
#[derive(Debug, Error)]
enum CommandError {
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    #[error("the result could not be written: {0}")]
    Output(std::io::Error),
    #[error("cannot listen to signals: {0}")]
    Signals(std::io::Error),
    #[error("{0}")]
    UnknownRotation(#[from] UnknownRotation),
}

impl CommandError {
    fn exit(&self) -> Exit {
        match self {
            CommandError::Config(_) | CommandError::UnknownRotation(_) => Exit::Configuration,
            CommandError::Output(_) | CommandError::Signals(_) => Exit::Unexpected,
        }
    }
}

/// Does what the command line asks for.
pub async fn execute(cli: Cli) -> Exit {
    let ended = match cli.command {
        Command::Next(ref arguments) => next::execute(&cli, arguments).await,
        Command::Once(ref arguments) => once::execute(&cli, arguments).await,
        Command::Run => run::execute(&cli).await,
        Command::Status(ref arguments) => status::execute(&cli, arguments).await,
        Command::Validate(ref arguments) => validate::execute(&cli, arguments).await,
    };
    ended.unwrap_or_else(|error| {
        report(&error, &cli);
        error.exit()
    })
}

/// Tells in the form that was asked for why a command could not do its work.
fn report(error: &CommandError, cli: &Cli) {
    let problems = match error {
        CommandError::Config(problems) => problems.iter().map(Mistake::from).collect(),
        other => vec![Mistake { message: other.to_string(), ..Mistake::default() }],
    };
    match cli.command.output() {
        // If not even that can be written, nobody is there to be told.
        Some(Output::Json) => drop(show(Output::Json, &Mistakes { problems }, "")),
        None if cli.log_format == LogFormat::Json => problems.iter().for_each(Mistake::log),
        None | Some(Output::Table) => tell(error),
    }
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

fn load(cli: &Cli) -> Result<App, ConfigErrors> {
    App::load(&cli.config, false)
}

/// Prints a result. When nobody reads any more, nobody misses it.
fn print(text: impl Display) -> Result<(), CommandError> {
    let mut stdout = std::io::stdout().lock();
    match write!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CommandError::Output(error)),
        _ => Ok(()),
    }
}

/// Prints a result in the form that was asked for.
fn show<T: Serialize>(output: Output, result: &T, table: impl Display) -> Result<(), CommandError> {
    match output {
        // Our results are made of texts, numbers and lists: they always have a JSON form.
        Output::Json => print(format_args!("{}\n", serde_json::to_string_pretty(result).unwrap_or_default())),
        Output::Table => print(table),
    }
}

/// Tells a person what went wrong.
fn tell(text: impl Display) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// Tells a person why Vault could not be read.
fn tell_unread(error: &VaultError) {
    tell(format_args!("Vault could not be read: {error}\nhelp: {}", error.advice()));
}

/// What a failure means for readers, given the token that they find.
fn exit_of_failure(living: Option<&Living>, now: Timestamp) -> Exit {
    match living {
        Some(living) if living.expires_at.is_none_or(|end| end > now) => Exit::Failed,
        _ => Exit::DeadToken,
    }
}
