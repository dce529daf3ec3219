//! What a release is built for, and how its programs become independent of the machine that they run on.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tokenferry_packaging::Platform;

use crate::cargo;
use crate::error::{Attempt, Error, Result};
use crate::mirror;
use crate::process;

/// A target of Rust's that has its standard library here.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    name: String,
    platform: Platform,
    is_host: bool,
}

impl Target {
    /// The one to build for where none is asked for: this machine, with musl if it is installed.
    pub(crate) fn of_this_machine() -> Result<Self> {
        let host = host()?;
        let musl = host.replace("-linux-gnu", "-linux-musl");
        if musl != host && is_installed(&musl) && works("musl-gcc") {
            return Self::named(&musl);
        }
        Self::named(&host)
    }

    /// The one that Rust calls `name`.
    pub(crate) fn named(name: &str) -> Result<Self> {
        let platform = Platform::of_target(name)
            .ok_or_else(|| Error::Missing(format!("Terraform has no name for machines of target {name}")))?;
        if !is_installed(name) {
            let remedy = format!("`rustup target add {name}`, if the name is right");
            return Err(Error::Missing(format!("Rust has no standard library for target {name}: {remedy}")));
        }
        Ok(Self { name: name.to_owned(), platform, is_host: name == host()? })
    }

    /// Rust's name for it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Terraform's name for it.
    pub(crate) fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Whether its programs can be linked statically: nothing but Linux has a stable interface below its C library.
    pub(crate) fn can_be_static(&self) -> bool {
        self.name.contains("-linux-")
    }

    /// Whether its programs can be started on this machine.
    pub(crate) fn runs_here(&self) -> bool {
        self.platform == Platform::here()
    }

    /// Makes cargo build for it, in the same way on every machine.
    ///
    /// The target is named even if it is the host: only then do the flags leave build scripts and macros alone, which
    /// cannot be static. Flags of the user's own (`RUSTFLAGS`) do not get into a release.
    pub(crate) fn apply(&self, command: &mut Command) -> Result {
        command.args(["--target", &self.name]);
        if let Some((variable, linker)) = self.linker() {
            command.env(variable, linker);
        }
        command.env("CARGO_ENCODED_RUSTFLAGS", self.flags()?.join("\u{1f}"));
        Ok(())
    }

    fn flags(&self) -> Result<Vec<String>> {
        let mut flags = Vec::new();
        if self.can_be_static() {
            flags.push("-Ctarget-feature=+crt-static".to_owned());
        }
        if self.name.contains("-linux-gnu") {
            flags.push(format!("-Clink-arg={}", self.name_service()?.display()));
        }
        let home = env::home_dir().unwrap_or_default().join(".cargo");
        let crates = env::var_os("CARGO_HOME").map_or(home, PathBuf::from);
        for (folder, name) in [(cargo::root(), "tokenferry"), (&crates, "cargo")] {
            flags.push(format!("--remap-path-prefix={}={name}", folder.display()));
        }
        Ok(flags)
    }

    /// Compiles what keeps a static glibc from loading modules of the machine's own. The path is relative where it
    /// can be, so that the flags are the same wherever the workspace is.
    fn name_service(&self) -> Result<PathBuf> {
        let folder = cargo::metadata()?.target_directory.join("dist-parts");
        mirror::make_folder(&folder)?;
        let object = folder.join("name_service.o");
        let fresh = folder.join("name_service.new.o");
        let source = cargo::root().join("xtask/src/dist/name_service.c");
        process::stdout(Command::new(self.compiler()).args(["-O2", "-c", "-o"]).arg(&fresh).arg(source))?;
        fs::rename(&fresh, &object).attempt(|| format!("create {}", object.display()))?;
        Ok(object.strip_prefix(cargo::root()).map(Path::to_owned).unwrap_or(object))
    }

    /// The C compiler, by the variables and names by which the crate `cc` finds it, too.
    fn compiler(&self) -> OsString {
        let own = env::var_os(format!("CC_{}", self.name.replace('-', "_")));
        own.or_else(|| self.cross_compiler().map(OsString::from))
            .or_else(|| env::var_os("CC"))
            .unwrap_or_else(|| OsString::from("cc"))
    }

    /// For another machine rustc does not find the linker by itself.
    fn linker(&self) -> Option<(String, OsString)> {
        let variable = format!("CARGO_TARGET_{}_LINKER", self.name.to_uppercase().replace('-', "_"));
        self.cross_compiler()?;
        env::var_os(&variable).is_none().then(|| (variable, self.compiler()))
    }

    fn cross_compiler(&self) -> Option<String> {
        let (processor, _) = self.name.split_once("-unknown-linux-gnu")?;
        (!self.is_host).then(|| format!("{processor}-linux-gnu-gcc"))
    }
}

fn rustc() -> Command {
    Command::new(env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc")))
}

/// The target that Rust itself was built for.
fn host() -> Result<String> {
    let text = process::stdout(rustc().arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Error::unexpected("`rustc -vV` names no host"))
}

fn is_installed(target: &str) -> bool {
    let folder = process::stdout(rustc().args(["--print", "target-libdir", "--target", target]));
    folder.is_ok_and(|folder| Path::new(folder.trim()).is_dir())
}

fn works(program: &str) -> bool {
    process::output(Command::new(program).arg("--version")).is_ok_and(|output| output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_without_a_standard_library_is_refused_with_a_remedy() {
        let error = Target::named("x86_64-unknown-linux-nothing").unwrap_err();
        assert!(error.to_string().contains("`rustup target add x86_64-unknown-linux-nothing`"), "{error}");
        let error = Target::named("wasm32-unknown-unknown").unwrap_err();
        assert!(error.to_string().starts_with("Terraform has no name"), "{error}");
    }

    #[test]
    fn paths_of_this_machine_stay_out_of_the_programs() {
        let target = Target::named(&host().unwrap()).unwrap();
        let flags = target.flags().unwrap();
        let root = cargo::root().display();
        assert!(flags.contains(&format!("--remap-path-prefix={root}=tokenferry")), "{flags:?}");
        assert_eq!(target.can_be_static(), flags.contains(&"-Ctarget-feature=+crt-static".to_owned()));
    }
}
