//! `tokenferry man`: the manual page, or one for each command.

use std::fs;
use std::io;
use std::path::Path;

use clap::CommandFactory as _;
use clap_mangen::Man;

use super::print::print_bytes;
use super::{CommandError, Exit};
use crate::cli::{self, Cli, EXAMPLE, EXIT_CODES};

pub(super) fn execute(arguments: &cli::Man) -> Result<Exit, CommandError> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    match &arguments.folder {
        None => print_bytes(&whole_page(&program).map_err(CommandError::Output)?)?,
        Some(folder) => write_pages(&program, folder)?,
    }
    Ok(Exit::Fine)
}

/// One page for the program with all its commands.
fn whole_page(program: &clap::Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    head(program, &mut page)?;
    page.extend(b".SH COMMANDS\n");
    for command in program.get_subcommands() {
        page.extend(format!(".SS {}\n", escaped(&usage(command))).bytes());
        let man = Man::new(own(command));
        let mut parts = Vec::new();
        man.render_description_section(&mut parts)?;
        man.render_options_section(&mut parts)?;
        page.extend(without_headings(&parts));
    }
    tail(&mut page);
    Ok(page)
}

/// A page for the program, and one for each of its commands.
fn write_pages(program: &clap::Command, folder: &Path) -> Result<(), CommandError> {
    let failed = |path: &Path, error| CommandError::File(path.to_owned(), error);
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let write = |name: String, page: io::Result<Vec<u8>>| {
        let path = folder.join(name);
        page.and_then(|page| fs::write(&path, page)).map_err(|error| failed(&path, error))
    };
    write("tokenferry.1".to_owned(), program_page(program))?;
    program
        .get_subcommands()
        .try_for_each(|command| write(format!("tokenferry-{}.1", command.get_name()), command_page(command)))
}

fn program_page(program: &clap::Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    head(program, &mut page)?;
    Man::new(program.clone()).render_subcommands_section(&mut page)?;
    tail(&mut page);
    Ok(page)
}

fn command_page(command: &clap::Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let title = format!("tokenferry-{}", command.get_name());
    let usage = command.get_bin_name().unwrap_or_default().to_owned();
    let man = Man::new(command.clone().display_name(title).bin_name(usage));
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    page.extend(EXIT_STATUS_SECTION.bytes());
    page.extend(listed(EXIT_CODES));
    page.extend(b".SH SEE ALSO\n.BR tokenferry (1)\n");
    Ok(page)
}

fn head(program: &clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(program.clone());
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)
}

fn tail(page: &mut Vec<u8>) {
    page.extend(EXIT_STATUS_SECTION.bytes());
    page.extend(listed(EXIT_CODES));
    page.extend(b".SH ENVIRONMENT\n");
    page.extend(listed(ENVIRONMENT));
    page.extend(b".SH FILES\n");
    page.extend(listed(FILES));
    page.extend(b".SH EXAMPLE\n.nf\n");
    page.extend(EXAMPLE.lines().flat_map(|line| format!("{}\n", escaped(line)).into_bytes()));
    page.extend(b".fi\n");
}

/// A command without what all commands have.
fn own(command: &clap::Command) -> clap::Command {
    let common: Vec<_> = command
        .get_arguments()
        .filter(|argument| argument.is_global_set())
        .map(|argument| argument.get_id().clone())
        .collect();
    let hide = |command: clap::Command, id: clap::Id| command.mut_arg(id, |argument| argument.hide(true));
    common.into_iter().chain([clap::Id::from("help")]).fold(command.clone(), hide)
}

/// `tokenferry once [OPTIONS] [ROTATION]...`
fn usage(command: &clap::Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage: ").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn without_headings(parts: &[u8]) -> Vec<u8> {
    let lines = parts.split_inclusive(|byte| *byte == b'\n').filter(|line| !line.starts_with(b".SH"));
    lines.flatten().copied().collect()
}

/// Terms with what they mean.
fn listed(terms: &[(&str, &str)]) -> Vec<u8> {
    let term = |(term, meaning): &(&str, &str)| format!(".TP\n.B {}\n{}\n", escaped(term), escaped(meaning));
    terms.iter().flat_map(|pair| term(pair).into_bytes()).collect()
}

/// Text that means nothing to roff.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

const EXIT_STATUS_SECTION: &str = ".SH EXIT STATUS\n";

const ENVIRONMENT: &[(&str, &str)] = &[
    ("VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT", "Where Vault is, for what the block vault leaves out."),
    (
        "VAULT_TOKEN",
        "The Vault token, if the block vault has no auth; without it the token file of Vault\u{2019}s own command line.",
    ),
    ("HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "The proxy to go through."),
    ("NO_COLOR", "With any value: no colours on a terminal."),
];

const FILES: &[(&str, &str)] = &[(
    "tokenferry.hcl",
    "The configuration, if \u{2010}\u{2010}config names no other file and no folder of *.hcl files.",
)];

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> clap::Command {
        let mut program = Cli::command().disable_help_subcommand(true);
        program.build();
        program
    }

    #[test]
    fn the_page_has_all_commands_and_what_users_look_for() {
        let page = String::from_utf8(whole_page(&program()).unwrap()).unwrap();
        for heading in ["NAME", "SYNOPSIS", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLE"] {
            assert!(page.contains(&format!(".SH {heading}\n")), "{heading}");
        }
        for command in ["once", "explain", "validate", "status"] {
            assert!(page.contains(&format!(".SS tokenferry {command}")), "{command}");
        }
        assert_eq!(
            page.matches("Least severity that is logged").count(),
            1,
            "it is said once for all commands"
        );
    }

    #[test]
    fn each_command_has_a_page_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        write_pages(&program(), &folder.path().join("man1")).unwrap();
        let page = |name: &str| fs::read_to_string(folder.path().join("man1").join(name)).unwrap();
        assert!(page("tokenferry.1").contains("tokenferry\\-once(1)"));
        let once = page("tokenferry-once.1");
        assert!(once.contains("tokenferry\\-once") && once.contains("force"), "{once}");
    }

    #[test]
    fn nothing_in_an_example_is_taken_for_roff() {
        assert_eq!(escaped(".x \\ -"), "\\&.x \\e \\-");
    }
}
