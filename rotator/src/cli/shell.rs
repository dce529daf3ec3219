//! What the program tells about itself: completions for shells, and manual pages.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// Print a script that completes command lines in a shell
///
/// Where it goes, for the shell that you use:
///
///   bash  tokenferry completions bash > ~/.local/share/bash-completion/completions/tokenferry
///   fish  tokenferry completions fish > ~/.config/fish/completions/tokenferry.fish
///   zsh   tokenferry completions zsh > DIR/_tokenferry, with DIR in your fpath before compinit
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Completions {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// Print the manual page, or write one for each command
///
/// As in `tokenferry man | man -l -`. With --folder there is a page for the program and one for each command, where
/// `man` finds them: tokenferry.1, tokenferry-once.1, and so on.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Man {
    /// Write pages into this folder, which is made if it is not there
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
}
