//! What `--keep` leaves behind, and how to go on with it.

use std::fs::{OpenOptions, Permissions, set_permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::stage::Stage;
use crate::error::{Attempt, Result};
use crate::terminal::Terminal;

/// Leaves sandbox and folder, and prints what to type. The values are in a file that only its owner can read,
/// lest they stay on the screen.
pub(super) fn behind(terminal: &Terminal, stage: Stage) -> Result {
    let file = stage.folder.path().join("environment");
    let access = stage.sandbox.access();
    let variables = stage.variables();
    let ours = variables.iter().map(|(name, value)| (*name, value.as_str()));
    // For a configuration of one's own, whose provider block is empty.
    let providers = access.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    write_environment(&file, ours.chain(providers))?;
    let url = access.url.clone();
    let folder = stage.folder.keep();
    let Some(process) = stage.sandbox.leave_running() else { return Ok(()) };

    terminal.heading("Go on by hand");
    terminal.detail(&format!(". {}", file.display()));
    terminal.detail(&format!("cd {}/ephemeral-resources    # or data-sources", folder.display()));
    terminal.detail("terraform plan");
    terminal.detail(&format!("curl {url}/_control/counters"));
    terminal.heading("End it");
    terminal.detail(&format!("kill {process} && rm -r {}", folder.display()));
    Ok(())
}

/// Writes `export` lines for a shell.
fn write_environment<'text>(
    file: &Path,
    variables: impl Iterator<Item = (&'text str, &'text str)>,
) -> Result {
    let lines: Vec<String> =
        variables.map(|(name, value)| format!("export {name}={}\n", quoted(value))).collect();
    let attempt = || format!("write {}", file.display());
    let mut options = OpenOptions::new();
    let mut open = options.write(true).create_new(true).mode(0o600).open(file).attempt(attempt)?;
    set_permissions(file, Permissions::from_mode(0o600)).attempt(attempt)?;
    open.write_all(lines.concat().as_bytes()).attempt(attempt)
}

/// A word as a shell reads it back.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_for_the_shell() {
        assert_eq!(quoted(r#"{"a":"it's"}"#), r#"'{"a":"it'\''s"}'"#);
    }
}
