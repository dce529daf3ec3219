//! The validator of Kubernetes manifests, with the schemas that Kubernetes publishes.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo;
use crate::error::{Error, Result};
use crate::mirror;
use crate::prerequisites::python;
use crate::process;
use crate::terminal::Terminal;

/// It and all that it needs, each of one version.
const REQUIREMENTS: &str = "attrs==26.1.0\n\
                            importlib_resources==7.1.0\n\
                            jsonschema==4.26.0\n\
                            jsonschema-specifications==2025.9.1\n\
                            kubernetes-validate==1.37.0\n\
                            packaging==26.3\n\
                            PyYAML==6.0.3\n\
                            referencing==0.37.0\n\
                            rpds-py==2026.9.1\n\
                            typing_extensions==4.16.0\n";

/// Sees to it that it stands in `target/tools`, where tests find it.
pub(crate) fn get(terminal: &Terminal) -> Result {
    let tools = cargo::tools()?;
    let folder = folder(&tools);
    if is_there(&folder) {
        return Ok(());
    }
    terminal.line("fetching the schemas of Kubernetes (10 MB); this happens once");
    terminal.step("schemas of Kubernetes fetched", || install(&folder).map_err(explain))
}

/// Passes if it is there or can be fetched.
pub(crate) fn check(can_fetch: impl FnOnce() -> Result) -> Result {
    if is_there(&folder(&cargo::tools()?)) { Ok(()) } else { can_fetch() }
}

fn folder(tools: &Path) -> PathBuf {
    tools.join("kubernetes-validate")
}

/// The list of what was installed is written last, and differs where something else is wanted.
fn is_there(folder: &Path) -> bool {
    std::fs::read_to_string(folder.join(INSTALLED)).is_ok_and(|installed| installed == REQUIREMENTS)
}

/// Into an environment of its own, since its commands name the folder that they were installed into.
fn install(folder: &Path) -> Result {
    process::stdout(Command::new(python()).args(["-m", "venv", "--clear"]).arg(folder))?;
    let wanted = mirror::write(&folder.join("requirements.txt"), REQUIREMENTS)?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--requirement"]);
    process::stdout(pip.arg(wanted))?;
    mirror::write(&folder.join(INSTALLED), REQUIREMENTS).map(drop)
}

fn explain(error: Error) -> Error {
    match error {
        Error::Program { output, .. } => {
            Error::Missing(format!("the schemas of Kubernetes could not be fetched with pip\n{output}"))
        }
        other => other,
    }
}

const INSTALLED: &str = "installed.txt";
