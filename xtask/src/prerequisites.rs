//! What a command needs from the machine: all that is missing is said in one message, each with its remedy.

use std::env;
use std::ffi::{OsStr, OsString};
use std::process::Command;

use crate::bench;
use crate::browser;
use crate::debian::Packaged;
use crate::error::{Error, Result};
use crate::kubernetes;
use crate::openbao;
use crate::postgres;
use crate::process;
use crate::promtool;
use crate::terraform::{self, Terraform};

/// Things that a command cannot do without.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    /// A browser with its driver, or the right to install them.
    Browser,
    CCompiler,
    Curl,
    /// The schemas of Kubernetes, or what it takes to fetch them.
    KubernetesSchemas,
    /// `wrk`, or the right to install it.
    LoadGenerator,
    /// A Vault-like server, or what it takes to fetch one.
    OpenBao,
    /// The programs of PostgreSQL, or the right to install them.
    Postgres,
    /// Prometheus' checker, or the right to fetch it.
    Promtool,
    Python,
    /// `systemd-analyze`, or the right to install it.
    Systemd,
    Terraform,
}

/// What judges units of systemd.
pub(crate) const SYSTEMD: Packaged = Packaged { program: "systemd-analyze", package: "systemd" };

/// The Python to use: `PYTHON`, else `python3`.
pub(crate) fn python() -> OsString {
    env::var_os("PYTHON").unwrap_or_else(|| OsString::from("python3"))
}

/// Passes if everything is there.
pub(crate) fn check(needs: &[Need]) -> Result {
    let mut missing = Vec::new();
    for need in needs {
        match need.problem() {
            Ok(()) => {}
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(problem) => missing.push(format!("  {problem}\n      {}", need.remedy())),
        }
    }
    // Two needs may lack the same thing.
    missing.dedup();
    if missing.is_empty() { Ok(()) } else { Err(Error::Missing(message(&missing))) }
}

fn message(missing: &[String]) -> String {
    let count = match missing.len() {
        1 => "one thing is missing or does not work".to_owned(),
        more => format!("{more} things are missing or do not work"),
    };
    format!("{count} on this machine\n\n{}\n", missing.join("\n"))
}

impl Need {
    /// An error that says what is missing.
    fn problem(self) -> Result {
        match self {
            Self::Browser => browser::check(),
            Self::CCompiler => works(
                Command::new(env::var_os("CC").unwrap_or_else(|| OsString::from("cc"))).arg("--version"),
                "a C compiler (`cc`, or the one that CC names): the TLS library has parts in C",
                Some("CC"),
            ),
            Self::Curl => {
                works(Command::new("curl").arg("--version"), "`curl`, for a script to compare with", None)
            }
            Self::KubernetesSchemas => kubernetes::check(python_works),
            Self::LoadGenerator => bench::check_load_generator(),
            Self::OpenBao => openbao::check(python_works),
            Self::Postgres => postgres::check(),
            Self::Promtool => promtool::check(),
            Self::Python => python_works(),
            Self::Systemd => SYSTEMD.check(),
            Self::Terraform => Terraform::find().map(drop),
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Browser => {
                "Debian, Ubuntu: apt-get install chromium chromium-driver fonts-dejavu-core (done by itself if you are \
                 root)"
            }
            Self::CCompiler => {
                "Debian, Ubuntu: apt-get install gcc libc6-dev · macOS: xcode-select --install"
            }
            Self::Curl => "Debian, Ubuntu: apt-get install curl",
            Self::LoadGenerator => "Debian, Ubuntu: apt-get install wrk (done by itself if you are root)",
            Self::OpenBao if env::var_os(openbao::VARIABLE).is_some() => {
                "name another program in that variable, or unset it to have one fetched"
            }
            Self::KubernetesSchemas | Self::OpenBao | Self::Python => {
                "Debian, Ubuntu: apt-get install python3-venv · macOS: xcode-select --install"
            }
            Self::Postgres if env::var_os(postgres::VARIABLE).is_some() => {
                "name another folder in that variable, or unset it to take one on PATH or in /usr/lib/postgresql"
            }
            Self::Postgres => {
                "Debian, Ubuntu: apt-get install postgresql (done by itself if you are root) · macOS: brew install \
                 postgresql; TOKENFERRY_POSTGRES names another folder with them"
            }
            Self::Promtool => {
                "Debian, Ubuntu: apt-get install prometheus (if you are root, it is only unpacked, by itself); \
                 TOKENFERRY_PROMTOOL names another"
            }
            Self::Systemd => "Debian, Ubuntu: apt-get install systemd (done by itself if you are root)",
            Self::Terraform if env::var_os(terraform::VARIABLE).is_some() => {
                "name another program in that variable, or unset it to take the one on PATH"
            }
            Self::Terraform => {
                "unpack it from developer.hashicorp.com/terraform/install or opentofu.org/docs/intro/install \
                 into a folder on PATH, or name it in TOKENFERRY_TERRAFORM"
            }
        }
    }
}

fn python_works() -> Result {
    works(
        Command::new(python()).args(["-c", "import ensurepip, venv"]),
        "Python 3 with the module venv (`python3`, or the one that PYTHON names)",
        Some("PYTHON"),
    )
}

/// An error with this text unless the program runs and says that all is well. If `variable` chose the program, the
/// error names both.
fn works(command: &mut Command, otherwise: &str, variable: Option<&str>) -> Result {
    match process::output(command) {
        Ok(output) if output.status.success() => Ok(()),
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Ok(_) | Err(_) => {
            let chosen = variable.and_then(|name| env::var_os(name).map(|value| chosen(name, &value)));
            Err(Error::Missing([otherwise.to_owned(), chosen.unwrap_or_default()].concat()))
        }
    }
}

/// Says that a program does not work which somebody has chosen.
fn chosen(variable: &str, value: &OsStr) -> String {
    format!("; {variable}={} does not work", value.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_missing_is_said_at_once() {
        let text =
            message(&["  a C compiler\n      install one".into(), "  Python\n      install it".into()]);
        assert!(text.starts_with("2 things are missing or do not work on this machine\n"));
        assert!(text.contains("a C compiler") && text.contains("Python"));
    }

    #[test]
    fn a_program_that_does_not_exist_does_not_work() {
        let error = works(&mut Command::new("no-such-program-anywhere"), "the thing", None).unwrap_err();
        assert_eq!(error.to_string(), "the thing");
    }

    #[test]
    fn a_chosen_program_is_named_with_its_variable() {
        let error =
            works(&mut Command::new("no-such-program-anywhere"), "the thing", Some("PATH")).unwrap_err();
        assert!(error.to_string().starts_with("the thing; PATH="));
        assert_eq!(chosen("CC", OsStr::new("/none")), "; CC=/none does not work");
    }
}
