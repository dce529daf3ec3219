//! Everything that has to stand before the curtain rises: sandbox, mirror, project.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;

use crate::cargo::{self, Program};
use crate::error::{Attempt, Result};
use crate::mirror;
use crate::openbao::OpenBao;
use crate::sandbox::Sandbox;
use crate::terminal::Terminal;
use crate::terraform::{Project, Terraform};

/// Zettelstore's tokens live 30 s, so that the rotator has something to do.
const TOKEN_LIFE: [&str; 2] = ["--token-life", "30"];

/// The secret of the test vectors in RFC 6238, appendix B: in base32 the digits 1 to 9 and 0, twice.
const TOTP_SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// What the sandbox knows and no variable of the provider's stands for: an API client of ZIdentity, the password of the
/// service with a login in two steps, and an enrolled user of Zscaler.
const API_CLIENT: (&str, &str) = ("sandbox-client", "sandbox-client-secret");
const SERVICE_PASSWORD: &str = "sandbox-password";
const USERNAME: &str = "anna@example.com";

/// Where every example is played. Dropping it stops the sandbox, then removes the folder.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) openbao: OpenBao,
    pub(super) rotator: PathBuf,
    pub(super) terraform: Terraform,
    provider: PathBuf,
    pub(super) sandbox: Sandbox,
    pub(super) folder: TempDir,
}

/// Starts the sandbox and makes the folder.
pub(super) fn set(
    terminal: &Terminal,
    terraform: Terraform,
    openbao: OpenBao,
    built: &BTreeMap<String, PathBuf>,
) -> Result<Stage> {
    let folder = mirror::temporary_folder("tokenferry-demo-")?;
    let sandbox = terminal.step("sandbox started", || {
        Sandbox::start(Program::SANDBOX.path(built)?, &TOKEN_LIFE, &folder.path().join("sandbox.log"))
    })?;
    terminal.detail(&format!("every issuer at {}, below its name", sandbox.access().url));
    let rotator = Program::ROTATOR.path(built)?.to_owned();
    let provider = Program::PROVIDER.path(built)?.to_owned();
    Ok(Stage { openbao, rotator, terraform, provider, sandbox, folder })
}

impl Stage {
    /// A copy of `examples/demo/NAME`, which gets its provider from a mirror that holds the one just built.
    pub(super) fn project(&self, name: &str) -> Result<Project> {
        let folder = self.folder.path().join(name);
        mirror::make_folder(&folder)?;
        let example = cargo::root().join("examples/demo").join(name).join("main.tf");
        fs::copy(&example, folder.join("main.tf")).attempt(|| format!("copy {}", example.display()))?;

        let mut project = Project::new(&self.terraform, &folder);
        let address = project.provider_address("tokenferry/tokenferry")?;
        mirror::filesystem_mirror(self.folder.path(), &address, &self.provider)?;
        for (name, value) in self.variables() {
            project.set(name, value);
        }
        Ok(project)
    }

    /// Where the second example puts the ephemeral values.
    pub(super) fn handover(&self) -> PathBuf {
        self.folder.path().join("handover")
    }

    /// The variables that the projects need besides those of any shell: all issuers among them.
    pub(super) fn variables(&self) -> Vec<(&str, String)> {
        let access = self.sandbox.access();
        let url = &access.url;
        let oneapi = json!({
            "base_url": format!("{url}/zscaler/zcc/papi"),
            "token_url": format!("{url}/zscaler/oauth2/v1/token"),
            "client_id": API_CLIENT.0,
            "client_secret": API_CLIENT.1,
        });
        let ours = [
            ("SERVICE_PASSWORD", SERVICE_PASSWORD.to_owned()),
            ("TF_CLI_CONFIG_FILE", self.folder.path().join("mirror.tfrc").display().to_string()),
            ("TF_VAR_handover", self.handover().display().to_string()),
            ("TF_VAR_oneapi", oneapi.to_string()),
            ("TF_VAR_service_url", format!("{url}/http")),
            ("TF_VAR_totp_secret", TOTP_SECRET.to_owned()),
            ("TF_VAR_udid", access.zscaler.udid.clone()),
            ("TF_VAR_username", USERNAME.to_owned()),
        ];
        let issuers = access.environment.iter().map(|(name, value)| (name.as_str(), value.clone()));
        ours.into_iter().chain(issuers).collect()
    }
}
