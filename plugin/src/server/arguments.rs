//! The command line: a provider is started by Terraform without arguments, and by people by mistake or to debug.

use std::ffi::OsString;

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

/// The text of `--help`.
pub(super) fn help(about: &About) -> String {
    let About { name, version, address, description, .. } = about;
    format!(
        "{name} {version}: {description}\n\
         \n\
         Terraform and OpenTofu start this program themselves. To use it, name the provider in a configuration and\n\
         run `terraform init`:\n\
         \n    \
         terraform {{\n      \
           required_providers {{\n        \
             {local} = {{ source = \"{address}\" }}\n      \
           }}\n    \
         }}\n\
         \n\
         Options:\n  \
           --debug    serve until interrupted, and print the TF_REATTACH_PROVIDERS setting that attaches Terraform\n  \
           --version  print the version\n  \
           --help     print this text\n\
         \n\
         Environment:\n  \
           TF_LOG_PROVIDER, TF_LOG    log level: trace, debug, info, warn, error, off\n",
        local = address.rsplit('/').next().unwrap_or(address),
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
}
