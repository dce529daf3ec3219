//! The command line.

mod explain;
mod shell;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tracing::level_filters::LevelFilter;

pub use self::explain::Explain;
pub use self::shell::{Completions, Man};
use crate::logging::Format;

/// Logs in on a schedule and writes fresh tokens into HashiCorp Vault or OpenBao.
///
/// A configuration in HCL names sources (where to log in), rotations (when), and destinations (where in
/// Vault the token is written). `tokenferry validate` proves that no reader can hold a dead token;
/// `tokenferry run` does the work.
#[derive(Debug, Parser)]
#[command(name = "tokenferry", version, after_long_help = more_help(), verbatim_doc_comment)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Configuration: an HCL file, or a folder of *.hcl files
    #[arg(short, long, global = true, value_name = "PATH", default_value = "tokenferry.hcl")]
    pub config: PathBuf,

    /// How log lines on standard error look
    #[arg(long, global = true, value_enum, value_name = "FORM", default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// Least severity that is logged [default: info for `run`, warn for all others]
    #[arg(long, global = true, value_enum, value_name = "LEVEL")]
    pub log_level: Option<LogLevel>,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "what their arguments say of them is the help that users see")]
pub enum Command {
    Completions(Completions),
    Doctor(Doctor),
    Explain(Explain),
    Man(Man),
    Next(Next),
    Once(Once),
    Policy(Policy),
    /// Rotate until stopped: the daemon
    ///
    /// Reads what stands in Vault first, so that a start costs no login unless something is due. On SIGTERM or SIGINT
    /// nothing new begins, what was issued is still stored, and it ends within `grace_period`. Its log is on standard
    /// error.
    #[command(verbatim_doc_comment)]
    Run,
    Status(Status),
    Validate(Validate),
}

impl Command {
    /// How its result is printed, if it has one.
    pub fn output(&self) -> Option<Output> {
        match self {
            Command::Doctor(arguments) => Some(arguments.output),
            Command::Explain(arguments) => Some(arguments.output),
            Command::Next(arguments) => Some(arguments.output),
            Command::Once(arguments) => Some(arguments.output),
            Command::Policy(arguments) => Some(arguments.output.into()),
            Command::Completions(_) | Command::Man(_) | Command::Run => None,
            Command::Status(arguments) => Some(arguments.output),
            Command::Validate(arguments) => Some(arguments.output),
        }
    }
}

/// Check everything that can be checked: secrets, systems, Vault and its policies, rotations
///
/// No system is logged in to, so no token is spent and no account can be locked, and nothing is written.
/// Run it as the user that the rotator runs as, with the same environment, before the first run and whenever
/// something is wrong:
///
///   secrets    each one can be read here, and by nobody else
///   systems    each server is reached: its name, TLS, certificate and clock; by which proxy
///   Vault      reached, unsealed, our login, how long its token lasts, what it may do and should not
///   cluster    PostgreSQL, where replicas share the work: its rights, sessions and connections; the replicas
///   rotations  each destination is ours and its token alive; the last failure; the proof of `validate`
///
/// A wrapping token (`wrapped = true`) is left to the rotator: what only Vault could tell is not looked at, which is a
/// problem. With --offline that is wanted, and a warning.
///
/// Exit code 3: there is a problem, and readers still hold living tokens; 4: a reader may hold a dead one,
/// there is none yet, or nobody looked; 2: the configuration is wrong, or only the proof was refused.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Doctor {
    /// Rotations to look at, with what they need [default: all]
    #[arg(value_name = "ROTATION")]
    pub rotations: Vec<String>,

    /// Exit with 3 for warnings, too
    #[arg(long)]
    pub strict: bool,

    /// Do not log in to Vault: a warning says that nobody looked at what stands there
    #[arg(long)]
    pub offline: bool,

    /// How to print
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Output::Table)]
    pub output: Output,
}

/// Show the next runs of each rotation
///
/// The first run takes the token in Vault into account: it is the earlier of the next time of the schedule
/// and `renew_before` before the token's end. Later ones are those of the schedule alone, since nobody
/// knows yet when those tokens will end. Exit code 3: Vault could not be read. A wrapping token
/// (`wrapped = true`) is left to the rotator: then it is as with --offline.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Next {
    /// Rotations to show [default: all]
    #[arg(value_name = "ROTATION")]
    pub rotations: Vec<String>,

    /// How many runs to show of each
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub count: u16,

    /// Ask neither Vault nor the database of replicas: show the schedules alone
    #[arg(long)]
    pub offline: bool,

    /// How to print
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Output::Table)]
    pub output: Output,
}

/// Do what is due, then exit
///
/// For CronJobs and for trying things out. Each run is tried once. A wrapping token (`wrapped = true`) is used
/// up: the next one needs a fresh one; --dry-run leaves it to the rotator and does nothing. A rotation whose
/// login was refused is not tried with the same login again before its time, even with --force.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Once {
    /// Rotations to look at [default: all]
    #[arg(value_name = "ROTATION")]
    pub rotations: Vec<String>,

    /// Log in (never refresh) and verify, but write nothing
    ///
    /// A login that is refused counts as any other: it is noted beside the entry, and not sent again for a while.
    #[arg(long)]
    pub dry_run: bool,

    /// Rotate even what is not due
    #[arg(long)]
    pub force: bool,

    /// How to print
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Output::Table)]
    pub output: Output,
}

/// Print the least policy that Vault has to give to the rotator, or to readers
///
/// As HCL, with a comment that says what needs each path:
///
///   tokenferry policy | bao policy write tokenferry -
///   tokenferry policy --reader notes | bao policy write notes-reader -
///
/// Nothing but the configuration is read, and nothing is asked, unless a source keeps secrets in Vault: then
/// Vault is asked which version of KV they are in. Where it does not tell, both paths are printed with a note.
/// Whether a token has what it needs, and no more, is what `tokenferry doctor` checks.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Policy {
    /// Rotations to print it for [default: all]
    #[arg(value_name = "ROTATION")]
    pub rotations: Vec<String>,

    /// Print the policy of those who read the tokens
    #[arg(long)]
    pub reader: bool,

    /// Do not ask Vault which version of KV holds the secrets of sources
    #[arg(long)]
    pub offline: bool,

    /// How to print
    #[arg(long, value_enum, value_name = "FORM", default_value_t = PolicyOutput::Hcl)]
    pub output: PolicyOutput,
}

/// Show what stands in Vault for each rotation
///
/// Life left, how long source and Vault may be away from now on before a reader holds a dead token, the next run with its
/// reason, and the last failure. Exit code 3: something fails, 4: a reader may hold a dead token, or nobody can tell.
/// A wrapping token (`wrapped = true`) is left to the rotator: then nobody looks.
///
/// Where replicas share the work (`cluster`), their database is asked as well: which of them are lost or differ, and
/// which runs were given up. Exit code 3, too, if it cannot be.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Status {
    /// Rotations to show [default: all]
    #[arg(value_name = "ROTATION")]
    pub rotations: Vec<String>,

    /// Show the replicas that share the work instead; Vault is not asked
    #[arg(long, conflicts_with = "rotations")]
    pub replicas: bool,

    /// How to print
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Output::Table)]
    pub output: Output,
}

/// Check the configuration, and prove that no reader can hold a dead token
///
/// All mistakes are reported at once. Then, for each rotation, the greatest age at which a token is
/// replaced, plus the time that the slowest reader takes to notice, is compared with the token's life: as
/// configured (`ttl`), but no longer than last seen in Vault; else as last seen; else as documented by the
/// system. For the login it reckons with one try that hangs until its `timeout`, the wait of 10 s after it,
/// and 5 s for a login and a write where all goes well. Longer troubles are not proven against.
///
/// Exit code 2: something is wrong, or refused, or with --strict not provable. A Vault that cannot be read
/// is no reason. A wrapping token (`wrapped = true`) is left to the rotator: then it is as with --offline.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Validate {
    /// Fail, too, if something can be neither proven nor refused
    #[arg(long)]
    pub strict: bool,

    /// Do not ask Vault how long the tokens lived that were seen last
    #[arg(long)]
    pub offline: bool,

    /// How to print
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Output::Table)]
    pub output: Output,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Output {
    /// For machines
    Json,
    /// For people
    Table,
}

/// How policies are printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum PolicyOutput {
    /// For Vault
    Hcl,
    /// For machines
    Json,
}

impl From<PolicyOutput> for Output {
    fn from(output: PolicyOutput) -> Self {
        match output {
            PolicyOutput::Hcl => Output::Table,
            PolicyOutput::Json => Output::Json,
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line
    Json,
    /// For people
    Text,
}

impl From<LogFormat> for Format {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Json => Format::Json,
            LogFormat::Text => Format::Text,
        }
    }
}

/// The least severity that is logged.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it, and help shows them bare")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
            LogLevel::Trace => LevelFilter::TRACE,
        }
    }
}

impl Cli {
    /// The level to log at.
    pub fn level(&self) -> LevelFilter {
        let default = if matches!(self.command, Command::Run) { LogLevel::Info } else { LogLevel::Warn };
        self.log_level.unwrap_or(default).into()
    }
}

/// What exit codes mean.
pub(crate) const EXIT_CODES: &[(&str, &str)] = &[
    ("0", "all is well"),
    ("1", "something unexpected"),
    ("2", "the configuration or the command line is wrong, or the proof was refused"),
    ("3", "something failed, and readers still hold living tokens"),
    ("4", "a reader may hold a dead token"),
];

/// A configuration to begin with.
pub(crate) const EXAMPLE: &str = r#"source "zettelstore" "notes" {
  base_url = "https://zettel.example/"
  username = "anna"
  password = { file = "/run/secrets/zettelstore" }
}
rotation "notes" {
  source     = "zettelstore.notes"
  schedule   = "*/5 * * * *"
  reader_lag = "1m"
  destination {
    mount = "secret"
    path  = "tokens/notes"
  }
}"#;

/// What stands below the options in the long help.
fn more_help() -> String {
    let codes: Vec<String> =
        EXIT_CODES.iter().map(|(code, meaning)| format!("  {code}  {meaning}")).collect();
    let example: Vec<String> = EXAMPLE.lines().map(|line| format!("  {line}")).collect();
    let (codes, example) = (codes.join("\n"), example.join("\n"));
    format!(
        "Exit codes:\n{codes}\n\nA configuration:\n\n{example}\n\nVault's address and token come from VAULT_ADDR and \
         VAULT_TOKEN if there is no `vault` block.\n"
    )
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_daemon_logs_more_than_the_others() {
        let level = |arguments: &[&str]| Cli::parse_from(arguments).level();
        assert_eq!(level(&["tokenferry", "run"]), LevelFilter::INFO);
        assert_eq!(level(&["tokenferry", "status"]), LevelFilter::WARN);
        assert_eq!(level(&["tokenferry", "run", "--log-level", "debug"]), LevelFilter::DEBUG);
    }
}
