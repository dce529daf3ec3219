//! Signatures: detached and binary, as registries check them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Result;
use crate::process;
use crate::terminal::Terminal;

/// Signs the checksums with `key`, or says how to do it.
pub(super) fn or_tell_how(terminal: &Terminal, sums: &[PathBuf], key: Option<&str>) -> Result {
    let Some(key) = key else {
        terminal.heading("Sign before publishing (with an RSA or DSA key)");
        for file in sums {
            terminal.detail(&format!("gpg --detach-sign {}", file.display()));
        }
        return Ok(());
    };
    terminal.line("");
    for file in sums {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        // gpg may ask for the passphrase meanwhile.
        terminal.long_step(&format!("{name} signed"), || sign(file, key))?;
    }
    Ok(())
}

fn sign(file: &Path, key: &str) -> Result {
    let mut command = Command::new("gpg");
    command.args(["--yes", "--local-user", key, "--detach-sign"]).arg(file);
    process::stdout(&mut command).map(drop)
}
