//! Results on standard output, and what else people should know on standard error.

use std::fmt::Display;
use std::io::{ErrorKind, Write as _};
use std::time::Duration;

use serde::Serialize;
use tokenferry_vault::{Vault, VaultError};

use super::CommandError;
use crate::cli::{Cli, LogFormat, Output};
use crate::proof::human;
use crate::terminal::clear_progress;

/// Prints a result. When nobody reads any more, nobody misses it.
pub(super) fn print(text: impl Display) -> Result<(), CommandError> {
    let mut stdout = std::io::stdout().lock();
    match write!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CommandError::Output(error)),
        _ => Ok(()),
    }
}

/// The same for what is no text of ours.
pub(super) fn print_bytes(bytes: &[u8]) -> Result<(), CommandError> {
    print(String::from_utf8_lossy(bytes))
}

/// Prints a result in the form that was asked for.
pub(super) fn show<T: Serialize>(
    output: Output,
    result: &T,
    table: impl Display,
) -> Result<(), CommandError> {
    match output {
        // Our results are made of texts, numbers and lists: they always have a JSON form.
        Output::Json => print(format_args!("{}\n", serde_json::to_string_pretty(result).unwrap_or_default())),
        Output::Table => print(table),
    }
}

/// How long an outage may last, in words.
pub(super) fn budget(seconds: i64) -> String {
    match u64::try_from(seconds) {
        Ok(seconds) => human(Duration::from_secs(seconds)),
        Err(_) => "none".to_owned(),
    }
}

/// Tells something beside the result: as text for people, or as a line of the log where logs are for machines.
pub(super) fn tell(cli: &Cli, message: impl Display, advice: Option<&str>) {
    if cli.log_format == LogFormat::Json {
        tracing::warn!(advice, "{message}");
        return;
    }
    let mut stderr = std::io::stderr().lock();
    // If not even that can be written, nobody is there to be told.
    drop(writeln!(stderr, "{}{message}", clear_progress()));
    if let Some(advice) = advice {
        drop(writeln!(stderr, "help: {advice}"));
    }
}

/// Tells why Vault could not be read, and which one.
pub(super) fn note_unread(cli: &Cli, vault: &Vault, error: &VaultError) {
    let address = vault.address();
    tell(cli, format_args!("Vault at {address} could not be read: {error}"), Some(&error.advice()));
}
