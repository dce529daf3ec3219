//! The commands: one file each.

mod completions;
mod destinations;
mod doctor;
mod explain;
mod man;
mod next;
mod once;
mod policy;
mod print;
mod replicas;
mod report;
mod run;
mod state;
mod status;
mod validate;

use std::process::ExitCode;

use tokenferry_sources::Timestamp;

use self::print::{note_unread, show, tell};
use self::report::CommandError;
use crate::app::App;
use crate::cli::{Cli, Command, LogFormat, Output};
use crate::config::ConfigErrors;
use crate::run::Living;
use crate::spared::{self, is_spared};

pub use self::report::report_usage;

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

/// Does what the command line asks for.
pub async fn execute(cli: Cli) -> Exit {
    let ended = match cli.command {
        Command::Completions(ref arguments) => completions::execute(arguments),
        Command::Doctor(ref arguments) => doctor::execute(&cli, arguments).await,
        Command::Explain(ref arguments) => explain::execute(&cli, arguments).await,
        Command::Man(ref arguments) => man::execute(arguments),
        Command::Next(ref arguments) => next::execute(&cli, arguments).await,
        Command::Once(ref arguments) => once::execute(&cli, arguments).await,
        Command::Policy(ref arguments) => policy::execute(&cli, arguments).await,
        Command::Run => run::execute(&cli).await,
        Command::Status(ref arguments) => status::execute(&cli, arguments).await,
        Command::Validate(ref arguments) => validate::execute(&cli, arguments).await,
    };
    ended.unwrap_or_else(|error| {
        error.report(&cli);
        error.exit()
    })
}

fn load(cli: &Cli) -> Result<App, ConfigErrors> {
    load_to(cli, false)
}

/// The same; with `dry_run` nothing will be written to Vault.
fn load_to(cli: &Cli, dry_run: bool) -> Result<App, ConfigErrors> {
    let app = App::load(&cli.config, dry_run)?;
    let for_people = cli.command.output() == Some(Output::Table) && cli.log_format == LogFormat::Text;
    Ok(App { is_watched: for_people, ..app })
}

/// Whether a command that only looks asks Vault: not if it is told not to, nor if that would cost the rotator its login,
/// which people are told.
fn asks_vault(cli: &Cli, app: &App, offline: bool) -> bool {
    let spares = !offline && is_spared(&app.config.vault.auth);
    if spares {
        tell(cli, format_args!("note: {}", spared::WHY), Some(spared::ADVICE));
    }
    !offline && !spares
}

/// What a failure means for readers, given the token that they find.
fn exit_of_failure(living: Option<&Living>, now: Timestamp) -> Exit {
    match living {
        Some(living) if living.expires_at.is_none_or(|end| end > now) => Exit::Failed,
        _ => Exit::DeadToken,
    }
}
