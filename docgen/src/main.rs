//! Writes the provider's documentation in the layout of the registry: `docs/`, from the schemas and from `examples/`.
//! The guides in `docs/guides` are written by hand. `cargo xtask docs` starts this program.

mod error;
mod folder;
mod function;
mod guides;
mod index;
mod links;
mod page;
mod pages;
mod schema;
mod text;

use std::env;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use crate::error::{Error, Result};

fn main() -> ExitCode {
    match run(env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do if even this cannot be written.
            drop(writeln!(io::stderr(), "{error}"));
            ExitCode::FAILURE
        }
    }
}

/// Writes the pages, or with `--check` says which are not as they should be.
fn run(arguments: impl Iterator<Item = String>) -> Result {
    let mut check = false;
    for argument in arguments {
        match argument.as_str() {
            "--check" => check = true,
            _ => return Err(Error::UnknownArgument(argument)),
        }
    }
    let docs = root().join("docs");
    let pages = pages::all(&terraform_provider_tokenferry::description(), root())?;
    if !check {
        return folder::write(&docs, &pages);
    }
    let differences = folder::differences(&docs, &pages)?;
    if differences.is_empty() { Ok(()) } else { Err(Error::NotUpToDate(differences.join("\n"))) }
}

/// The folder of the workspace.
fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn the_documentation_is_what_the_schemas_and_examples_say() {
        if let Err(error) = run(["--check".to_owned()].into_iter()) {
            panic!("type `cargo xtask docs`, and commit what it changes:\n{error}");
        }
    }

    #[test]
    fn every_link_leads_somewhere_and_no_page_is_too_large() {
        let docs = root().join("docs");
        let mut pages = pages::all(&terraform_provider_tokenferry::description(), root()).unwrap();
        for guide in guides::read(&docs).unwrap() {
            pages.insert(guide.page.clone(), fs::read_to_string(docs.join(&guide.page)).unwrap());
        }
        let mut links = 0;
        for (page, text) in &pages {
            assert!(text.len() < 500_000, "{page}");
            let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            for target in targets.filter(|target| !target.starts_with("https:")) {
                let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
                let folder = Path::new(page).parent().unwrap();
                let path = file.strip_prefix("../").map_or_else(|| folder.join(file), PathBuf::from);
                let there = if file.is_empty() { page.clone() } else { path.display().to_string() };
                let found = pages.get(&there).unwrap_or_else(|| panic!("{page}: {target}"));
                assert!(anchor.is_empty() || found.contains(&format!("id=\"{anchor}\"")), "{page}: {target}");
                links += 1;
            }
        }
        assert!(links > 50, "only {links} links");
    }

    #[test]
    fn an_unknown_argument_is_named() {
        let error = run(["--chek".to_owned()].into_iter()).unwrap_err();
        assert!(error.to_string().starts_with("`--chek` is no argument"));
    }
}
