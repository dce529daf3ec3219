//! Starting a provider as Terraform does, up to the line in which it says where it listens.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::error::{Error, Result};

/// A certificate as Terraform makes one for each start: self-signed, P-521, CA:TRUE. Nobody connects, so its key
/// is not needed and does not exist any more.
const CLIENT_CERTIFICATE: &str = include_str!("client-certificate.pem");

/// Terraform's own value, by which a provider knows that Terraform started it.
const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

/// Gives a command that starts a provider what Terraform gives it, and nothing else. `scratch` takes its socket.
pub(crate) fn prepare(command: &mut Command, scratch: &Path) {
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.envs([
        ("PLUGIN_CLIENT_CERT", CLIENT_CERTIFICATE),
        ("PLUGIN_MAX_PORT", "25000"),
        ("PLUGIN_MIN_PORT", "10000"),
        ("PLUGIN_PROTOCOL_VERSIONS", "5,6"),
        ("TF_PLUGIN_MAGIC_COOKIE", COOKIE),
    ]);
    command.env("TMPDIR", scratch);
}

/// Waits for the line.
pub(crate) fn await_line(child: &mut Child) -> String {
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        // What could not be read is missing in the line, which is checked.
        BufReader::new(stdout).read_line(&mut line).ok();
    }
    line
}

/// An error unless the line is one that Terraform connects by: protocol 6, with a certificate.
pub(crate) fn check(line: &str, program: &Path) -> Result {
    if line.starts_with("1|6|") && line.len() > 100 {
        return Ok(());
    }
    Err(Error::unexpected(format!("{} does not shake hands, it says: {line}", program.display())))
}
