//! `cargo xtask dist`: what users install.

mod empty_root;
mod hosts;
mod output;
mod sign;
mod target;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use tokenferry_packaging::{Linkage, linkage};

use self::empty_root::{EmptyRoot, Verdict};
use self::output::Output;
use self::target::Target;
use crate::cargo::{self, Program};
use crate::error::{Attempt, Error, Result};
use crate::mirror::PROVIDER;
use crate::prerequisites::{self, Need};
use crate::terminal::{Look, Terminal};

/// Make what users install: archives, checksums, and mirrors of the provider.
///
/// Builds provider and rotator with profile dist, for Linux linked statically (with musl where its target and `musl-gcc`
/// are installed, else with glibc), makes sure of that, and starts both in an empty root directory. Then writes into
/// target/dist-archives, anew each time:
///
///   terraform-provider-tokenferry_VERSION_OS_ARCH.zip, ..._manifest.json, ..._SHA256SUMS
///                        what a registry takes for a release; ..._SHA256SUMS.sig with --sign
///   tokenferry_VERSION_OS_ARCH.zip, ..._SHA256SUMS
///                        the rotator
///   packed/, unpacked/   the provider as filesystem mirrors, for copying to other machines
///   packed.tfrc, unpacked.tfrc
///                        configurations of Terraform's command line that install from them here
///
/// The same sources, toolchain and C library make the same files.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Build for this target of Rust's (more than one: repeat it) [default: this machine].
    #[arg(long, value_name = "TARGET")]
    target: Vec<String>,

    /// Put the provider below this registry's host into the mirrors (more than one: repeat it) [default: the hosts that
    /// terraform and tofu on this machine take for theirs].
    #[arg(long, value_name = "HOST")]
    host: Vec<String>,

    /// Sign the checksums with this GPG key, by its id or address.
    #[arg(long, value_name = "KEY")]
    sign: Option<String>,
}

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result {
    prerequisites::check(&[Need::CCompiler])?;
    let targets = targets(&arguments.target)?;
    let addresses = hosts::addresses(&arguments.host)?;
    let mut output = Output::begin(&cargo::metadata()?.target_directory.join("dist-archives"))?;
    for target in &targets {
        terminal.heading(&format!("tokenferry {} for {}", PROVIDER.version, target.platform()));
        let built = build(terminal, target, &[Program::PROVIDER, Program::ROTATOR])?;
        let (provider, rotator) = (Program::PROVIDER.path(&built)?, Program::ROTATOR.path(&built)?);
        terminal.detail(&format!("provider {}, rotator {}", size(provider)?, size(rotator)?));
        inspect(terminal, target, &[provider, rotator])?;
        terminal.step("packed", || output.pack(target.platform(), provider, rotator))?;
        terminal.step("mirrors filled", || output.add_to_mirrors(target.platform(), &addresses))?;
    }
    let sums = terminal.step("checksums and manifest written", || output.finish(&addresses))?;
    output.list(terminal)?;
    sign::or_tell_how(terminal, &sums, arguments.sign.as_deref())?;
    output.tell_how_to_install(terminal, &addresses);
    Ok(())
}

/// The provider as users get it, for this machine.
pub(crate) fn provider(terminal: &Terminal) -> Result<PathBuf> {
    let built = build(terminal, &Target::of_this_machine()?, &[Program::PROVIDER])?;
    Program::PROVIDER.path(&built).map(Path::to_owned)
}

fn targets(names: &[String]) -> Result<Vec<Target>> {
    if names.is_empty() {
        return Ok(vec![Target::of_this_machine()?]);
    }
    names.iter().map(|name| Target::named(name)).collect()
}

fn build(terminal: &Terminal, target: &Target, programs: &[Program]) -> Result<BTreeMap<String, PathBuf>> {
    let names: Vec<&str> = programs.iter().map(|program| program.name).collect();
    let what = format!("{} (dist, {})", names.join(" and "), target.name());
    let folder = format!("{}/dist", target.name());
    cargo::announce_build(terminal, &what, &folder, "terraform_provider_tokenferry-");
    terminal.long_step(&format!("{what} built"), || {
        let mut command = cargo::build_command("dist", programs);
        target.apply(&mut command)?;
        cargo::run_build(&mut command)
    })
}

/// Makes sure that the programs need nothing of the machine that they will run on.
fn inspect(terminal: &Terminal, target: &Target, programs: &[&Path]) -> Result {
    if !target.can_be_static() {
        return Ok(());
    }
    terminal.step("linked statically: no loader, no libraries", || {
        programs.iter().try_for_each(|program| check_linkage(program))
    })?;
    if !target.runs_here() {
        terminal.detail(&terminal.paint(Look::Warning, "not started: they are for another kind of machine"));
        return Ok(());
    }
    start_in_an_empty_root(terminal, programs)
}

fn check_linkage(program: &Path) -> Result {
    let found = linkage(program).attempt(|| format!("read {}", program.display()))?;
    if found == Some(Linkage::Static) {
        return Ok(());
    }
    let advice = "it would need the libraries of the machine that it was built on";
    Err(Error::unexpected(format!("{} is not a static program: {advice}", program.display())))
}

/// Both programs tell their version, the provider starts as Terraform starts it, and the rotator reads a configuration.
fn start_in_an_empty_root(terminal: &Terminal, programs: &[&Path]) -> Result {
    for program in programs {
        let root = EmptyRoot::with(program)?;
        if let Verdict::NotTried(why) = root.version(PROVIDER.version)? {
            let text = format!("not started in an empty root, which this machine does not allow: {why}");
            terminal.line(&format!("{} {text}", terminal.paint(Look::Warning, "!")));
            return Ok(());
        }
        if program.ends_with(Program::PROVIDER.name) {
            root.shake_hands()?;
        } else {
            root.validate(&cargo::root().join("examples/rotator/tokenferry.hcl"))?;
        }
    }
    terminal.verdict(
        true,
        "started in an empty root: both tell their version, the provider shakes hands, the rotator reads",
    );
    Ok(())
}

/// The size of a file for people.
fn size(file: &Path) -> Result<String> {
    let bytes = fs::metadata(file).attempt(|| format!("look at {}", file.display()))?.len();
    let tenths = (bytes * 10) >> 20;
    Ok(if tenths == 0 { format!("{bytes} bytes") } else { format!("{}.{} MiB", tenths / 10, tenths % 10) })
}
