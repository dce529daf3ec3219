//! What `--keep` leaves behind, and how to go on with it.

use super::rotator::Scene;
use super::stage::Stage;
use crate::error::Result;
use crate::mirror;
use crate::terminal::Terminal;

/// The name of the log of the rotator that is left.
const LOG: &str = "run-on";

/// Leaves sandbox, OpenBao, rotator and folder, and prints what to type. The values are in a file that only its owner
/// can read, lest they stay on the screen.
pub(super) fn behind(terminal: &Terminal, stage: Stage, scene: Scene) -> Result {
    let environment = stage.folder.path().join("environment");
    mirror::write_private(&environment, &exports(&stage, &scene))?;
    let daemon = scene.rotator.start(LOG)?;
    let (url, openbao) = (stage.sandbox.access().url.clone(), stage.openbao.program().to_owned());
    let folder = stage.folder.keep();
    let (Some(rotator), Some(sandbox)) = (daemon.leave_running(), stage.sandbox.leave_running()) else {
        return Ok(());
    };

    terminal.heading("Go on by hand");
    terminal.detail(&format!(". {}", environment.display()));
    terminal.detail(&format!("cd {}/ephemeral-resources    # or data-sources", folder.display()));
    terminal.detail("terraform plan");
    terminal.detail(&format!("tail -f {}", scene.rotator.log(LOG).display()));
    let (program, configuration) = (scene.rotator.program(), scene.rotator.configuration());
    terminal.detail(&format!("{} status --config {}", program.display(), configuration.display()));
    terminal.detail(&format!(
        "{} kv get secret/tokens/zettelstore/notes    # a reader's token",
        openbao.display()
    ));
    terminal.detail(&format!("curl {url}/_control/counters"));
    terminal.heading("End it");
    let openbao = scene.vault.leave_running();
    terminal.detail(&format!("kill {rotator} {openbao} {sandbox} && rm -r {}", folder.display()));
    Ok(())
}

/// `export` lines for a shell: what the examples need, which is also what a configuration of one's own needs.
fn exports(stage: &Stage, scene: &Scene) -> String {
    let ours = stage.variables();
    let vault = [("VAULT_ADDR", scene.vault.url()), ("VAULT_TOKEN", scene.vault.reader_token().to_owned())];
    let all = ours.into_iter().chain(vault);
    let lines: Vec<String> = all.map(|(name, value)| format!("export {name}={}\n", quoted(&value))).collect();
    lines.concat()
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
