//! Everything that has to stand before the curtain rises: sandbox, mirror, project.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;

use crate::cargo::{self, Program};
use crate::error::{Attempt, Error, Result};
use crate::mirror;
use crate::sandbox::{Access, Sandbox};
use crate::terminal::Terminal;
use crate::terraform::{Project, Terraform};

/// The plan file's name.
pub(super) const PLAN: &str = "demo.tfplan";

/// The data source whose state is shown.
pub(super) const DATA_SOURCE: &str = "data.tokenferry_zscaler_otp.support_laptop";

/// A device that the sandbox knows besides the one that it announces; it has one password, of purpose `generic`.
const SECOND_DEVICE: &str = "GENERIC-0000-1111-2222-333344445555:502";

/// A project that is ready to be planned. Dropping it stops the sandbox, then removes the folder.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) project: Project,
    pub(super) sandbox: Sandbox,
    pub(super) folder: TempDir,
}

impl Stage {
    /// Where the example puts the ephemeral values.
    pub(super) fn handover(&self) -> PathBuf {
        self.folder.path().join("handover")
    }

    /// The variables that the project needs besides those of any shell.
    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        let access = self.sandbox.access();
        vec![
            ("TF_CLI_CONFIG_FILE", self.folder.path().join("mirror.tfrc").display().to_string()),
            ("TF_VAR_handover", self.handover().display().to_string()),
            ("TF_VAR_sales_laptop", SECOND_DEVICE.to_owned()),
            ("TF_VAR_support_laptop", access.zscaler.udid.clone()),
            ("TF_VAR_zettelstore", zettelstore(access)),
            ("TF_VAR_zscaler", zscaler(access)),
        ]
    }
}

/// Starts the sandbox and prepares a folder in which `terraform init` has run.
pub(super) fn set(
    terminal: &Terminal,
    terraform: &Terraform,
    built: &BTreeMap<String, PathBuf>,
) -> Result<Stage> {
    let folder = tempfile::Builder::new()
        .prefix("tokenferry-demo-")
        .tempdir()
        .attempt(|| "create a temporary folder".into())?;
    let sandbox = terminal.step("sandbox started", || {
        Sandbox::start(Program::SANDBOX.path(built)?, &[], &folder.path().join("sandbox.log"))
    })?;
    terminal.detail(&format!("Zscaler      {}", sandbox.access().zscaler.base_url));
    terminal.detail(&format!("Zettelstore  {}", sandbox.access().zettelstore.base_url));

    let project = folder.path().join("project");
    mirror::make_folder(&project)?;
    let example = cargo::root().join("examples/demo/main.tf");
    fs::copy(&example, project.join("main.tf")).attempt(|| format!("copy {}", example.display()))?;
    let mut stage = Stage { project: Project::new(terraform, &project), sandbox, folder };

    let init = format!("{} init, from a mirror with the provider just built", terraform.program());
    terminal.step(&init, || {
        let addresses = stage.project.provider_addresses()?;
        let address = addresses.first().ok_or_else(|| Error::unexpected("the example names no provider"))?;
        mirror::filesystem_mirror(stage.folder.path(), address, Program::PROVIDER.path(built)?)?;
        for (name, value) in stage.variables() {
            stage.project.set(name, value);
        }
        stage.project.run(&["init", "-no-color"])
    })?;
    Ok(stage)
}

fn zscaler(access: &Access) -> String {
    let zscaler = &access.zscaler;
    json!({"base_url": zscaler.base_url, "api_key": zscaler.api_key, "secret_key": zscaler.secret_key})
        .to_string()
}

fn zettelstore(access: &Access) -> String {
    let zettelstore = &access.zettelstore;
    json!({"base_url": zettelstore.base_url, "username": zettelstore.username, "password": zettelstore.password})
        .to_string()
}
