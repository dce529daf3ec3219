//! Real Terraform (or OpenTofu) in a directory of its own, with the provider in a filesystem mirror and no
//! other way to get one, unless a test says otherwise.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use tempfile::TempDir;
use tokenferry_leaks::open_log;
use tokenferry_packaging::{Mirror, Platform, Release, mirror_only};
use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::binaries;
use crate::outcome::Outcome;
use crate::process::Process;

const PATIENCE: Duration = Duration::from_secs(90);

/// The provider as a release: its version is that of the workspace.
pub const RELEASE: Release<'_> =
    Release { name: "terraform-provider-tokenferry", version: env!("CARGO_PKG_VERSION") };

/// The provider's address, without a host.
const SOURCE: &str = "tokenferry/tokenferry";

static DEFAULT_HOST: OnceCell<String> = OnceCell::const_new();

/// A working directory and what its commands are to see.
#[derive(Debug)]
pub struct Terraform {
    program: PathBuf,
    directory: TempDir,
    environment: BTreeMap<String, String>,
    /// Of all commands, and of the providers that they start.
    log: PathBuf,
}

impl Terraform {
    /// A directory with `configuration`, the provider's requirement added, not initialised.
    pub async fn new(configuration: &str) -> Self {
        Self::with(&binaries::terraform(), configuration).await
    }

    /// The same for another program than the suite's.
    pub async fn with(program: &Path, configuration: &str) -> Self {
        let terraform = Self::uninstalled(program, SOURCE, configuration);
        terraform.install_mirror(&default_host(program).await);
        terraform
    }

    /// A directory with `configuration`, the provider required from this address, and no way to get it.
    pub fn uninstalled(program: &Path, source: &str, configuration: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("tf").tempdir().unwrap();
        for name in ["work", "home", "tmp"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        let log = open_log("terraform").unwrap().map(|(path, _)| path);
        let log = log.unwrap_or_else(|| directory.path().join("trace.log"));
        let terraform = Self { program: program.to_owned(), directory, environment: BTreeMap::new(), log };
        terraform.write("requirement.tf", &requirement(source));
        terraform.write("main.tf", configuration);
        terraform.configure("provider_installation {}\n");
        terraform
    }

    /// Sets a variable for all commands.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a variable for all commands.
    pub fn without(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// Replaces the configuration of the command line, which says where providers come from.
    pub fn configure(&self, text: &str) {
        fs::write(self.directory.path().join("cli.tfrc"), text).unwrap();
    }

    /// What the commands, and the providers that they start, take for the system's temporary directory.
    pub fn temporary(&self) -> PathBuf {
        self.directory.path().join("tmp")
    }

    /// Where the configuration is.
    pub fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    /// Writes a file of the configuration, and the directories above it.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Everything that the commands and their providers logged.
    pub fn log(&self) -> Vec<u8> {
        fs::read(&self.log).unwrap_or_else(|error| panic!("{}: {error}", self.log.display()))
    }

    /// A file of the working directory.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.work().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Initialises the directory from the mirror.
    pub async fn init(&self) {
        self.run(&["init"]).await.ok();
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(self.start(arguments), PATIENCE).await
    }

    /// Starts a command, in a process group of its own as a shell would.
    pub fn start(&self, arguments: &[&str]) -> Process {
        let (command, options) = arguments.split_first().expect("a command");
        let mut process = self.command();
        process.arg(command).args(plain(command)).args(options).process_group(0);
        Process::spawn(&mut process)
    }

    /// What `show -json` says about the state, or about a saved plan.
    pub async fn show(&self, plan: Option<&str>) -> serde_json::Value {
        let arguments: Vec<&str> = ["show", "-json"].into_iter().chain(plan).collect();
        serde_json::from_str(&self.run(&arguments).await.ok().stdout).unwrap()
    }

    fn command(&self) -> Command {
        let root = self.directory.path();
        let mut command = Command::new(&self.program);
        command
            .current_dir(self.work())
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", root.join("home"))
            .env("TMPDIR", root.join("tmp"))
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_INPUT", "0")
            .env("TF_CLI_CONFIG_FILE", root.join("cli.tfrc"))
            .env("TF_LOG", "trace")
            .env("TF_LOG_PATH", &self.log)
            .envs(&self.environment);
        command
    }

    fn install_mirror(&self, host: &str) {
        let mirror = Mirror::new(&self.directory.path().join("mirror"));
        let address = format!("{host}/{SOURCE}");
        mirror.add_program(&address, RELEASE, &Platform::here(), &binaries::provider()).unwrap();
        self.configure(&mirror_only(&mirror, &[address]));
    }
}

/// The host that a source address without one means; it differs between Terraform and OpenTofu.
async fn default_host(program: &Path) -> String {
    if program == binaries::terraform() {
        return DEFAULT_HOST.get_or_init(|| ask_for_default_host(program)).await.clone();
    }
    ask_for_default_host(program).await
}

async fn ask_for_default_host(program: &Path) -> String {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("main.tf"), requirement(SOURCE)).unwrap();
    let mut command = Command::new(program);
    command
        .args(["providers", "-no-color"])
        .current_dir(directory.path())
        .env_clear()
        .env("HOME", directory.path())
        .env("CHECKPOINT_DISABLE", "1");
    let output = command.output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.split("provider[").nth(1).and_then(|rest| rest.split('/').next());
    host.unwrap_or_else(|| panic!("no provider address in: {text}")).to_owned()
}

fn requirement(source: &str) -> String {
    format!("terraform {{\n  required_providers {{\n    tokenferry = {{ source = {source:?} }}\n  }}\n}}\n")
}

fn plain(command: &str) -> &'static [&'static str] {
    match command {
        "plan" | "apply" | "destroy" => &["-no-color", "-input=false"],
        "providers" => &[],
        _ => &["-no-color"],
    }
}
