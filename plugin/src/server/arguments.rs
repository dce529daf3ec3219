//! The command line: a provider is started by Terraform without arguments, and by people by mistake or to debug.

use std::ffi::OsString;
use std::path::Path;

use super::About;

/// What the process is to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Debug,
    Help,
    Plugin,
    Version,
}

/// Reads the arguments; an unknown one comes back as the error. One dash is Go's way to write `--debug`.
pub(super) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, OsString> {
    let mut command = Command::Plugin;
    for argument in arguments {
        command = match argument.to_str() {
            Some("--debug" | "-debug") => Command::Debug,
            Some("--help" | "-help" | "-h" | "help") => Command::Help,
            Some("--version" | "-version" | "-V" | "version") => Command::Version,
            _ => return Err(argument),
        };
    }
    Ok(command)
}

/// The text of `--help`. `folder` is where the program stands.
pub(super) fn help(about: &About, folder: &Path) -> String {
    let About { name, version, address, description, .. } = about;
    format!(
        "{name} {version}: {description}\n\
         \n\
         Terraform and OpenTofu start this program themselves. To use it, name the provider in a configuration, and\n\
         run `terraform init`:\n\
         \n\
         {requirement}\
         \n\
         To use this very file, without a registry, write this into a file that TF_CLI_CONFIG_FILE names, and leave out\n\
         `terraform init`:\n\
         \n    \
         provider_installation {{\n      \
           dev_overrides {{\n        \
             {address:?} = {folder:?}\n      \
           }}\n      \
           direct {{}}\n    \
         }}\n\
         \n\
         What can be configured and read: `terraform providers schema -json`.\n\
         \n\
         Options:\n  \
           --debug    serve until interrupted, and print the TF_REATTACH_PROVIDERS setting that attaches Terraform\n  \
           --version  print the version\n  \
           --help     print this text\n\
         \n\
         Environment:\n  \
           TF_LOG_PROVIDER, TF_LOG    log level: trace, debug, info, warn, error, off\n",
        requirement = requirement(about),
        folder = folder.display().to_string(),
    )
}

/// What a configuration needs to have.
pub(super) fn requirement(about: &About) -> String {
    let address = about.address;
    let local = address.rsplit('/').next().unwrap_or(address);
    format!(
        "    terraform {{\n      required_providers {{\n        {local} = {{ source = {address:?} }}\n      }}\n    }}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_in_both_spellings_and_unknown_ones_named() {
        let parsed = |list: &[&str]| parse(list.iter().map(OsString::from));
        assert_eq!(parsed(&[]), Ok(Command::Plugin));
        assert_eq!(parsed(&["-debug"]), Ok(Command::Debug));
        assert_eq!(parsed(&["--debug"]), Ok(Command::Debug));
        assert_eq!(parsed(&["--version"]), Ok(Command::Version));
        assert_eq!(parsed(&["--debug", "--what"]), Err("--what".into()));
    }

    #[test]
    fn the_help_shows_both_ways_to_install() {
        let about = About {
            name: "terraform-provider-demo",
            version: "1.2.3",
            address: "acme/demo",
            description: "Does nothing",
            log_crates: &[],
        };
        let help = help(&about, Path::new("/opt/demo"));
        assert!(help.starts_with("terraform-provider-demo 1.2.3: Does nothing\n"), "{help}");
        assert!(help.contains("        demo = { source = \"acme/demo\" }\n"), "{help}");
        assert!(help.contains("        \"acme/demo\" = \"/opt/demo\"\n"), "{help}");
        assert!(help.lines().all(|line| line.len() <= 120), "{help}");
    }
}
