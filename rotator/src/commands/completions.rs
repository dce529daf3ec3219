//! `tokenferry completions`.

use clap::CommandFactory as _;

use super::print::print_bytes;
use super::{CommandError, Exit};
use crate::cli::{self, Cli};

pub(super) fn execute(arguments: &cli::Completions) -> Result<Exit, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), NAME, &mut script);
    print_bytes(&script)?;
    Ok(Exit::Fine)
}

const NAME: &str = "tokenferry";

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;
    use clap_complete::Shell;

    use super::*;

    #[test]
    fn every_shell_gets_a_script_that_knows_the_commands() {
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), NAME, &mut script);
            let script = String::from_utf8(script).unwrap();
            for word in ["explain", "validate", "--offline", "--output"] {
                let word = if shell.to_string() == "fish" { word.trim_start_matches("--") } else { word };
                assert!(script.contains(word), "{shell} lacks {word}");
            }
        }
    }
}
