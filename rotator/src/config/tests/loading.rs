//! Files and folders.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::super::{Config, ConfigErrors};
use super::{RIGHT, variables};
use crate::source::{Reference, Setting};

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

fn load(path: &Path) -> Result<Config, ConfigErrors> {
    Config::load(path, &variables(&[("VAULT_ADDR", "https://vault.example")]))
}

/// File, place and message of each problem.
fn said(errors: &ConfigErrors, folder: &TempDir) -> Vec<String> {
    errors
        .to_string()
        .lines()
        .filter(|line| !line.starts_with("  ") && !line.is_empty())
        .map(|line| line.replace(&format!("{}/", folder.path().display()), ""))
        .collect()
}

fn halves() -> (&'static str, &'static str) {
    RIGHT.split_at(RIGHT.find("rotation").unwrap())
}

#[test]
fn the_example_loads_from_its_file() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/rotator/tokenferry.hcl");
    let config = Config::load(&path, &variables(&[])).unwrap();
    assert_eq!((config.sources.len(), config.rotations.len()), (2, 2));
}

#[test]
fn the_files_of_a_folder_are_one_configuration() {
    let (sources, rotations) = halves();
    let folder = folder(&[
        ("b.hcl", sources.as_bytes()),
        ("a.hcl", rotations.as_bytes()),
        ("c.hcl", b"concurrency = 2\n"),
        (".#c.hcl", b"concurrency = 3\n"),
        ("d.hcl~", b"concurrency = 4\n"),
        ("notes.txt", b"nothing"),
    ]);
    fs::create_dir(folder.path().join("e.hcl")).unwrap();
    let config = load(folder.path()).unwrap();
    assert_eq!((config.rotations.len(), config.concurrency), (1, 2));
}

#[test]
fn what_stands_in_two_files_is_said_with_the_place_of_the_first() {
    let (sources, _) = halves();
    let top = "concurrency = 2\nvault {\n}\n";
    let folder = folder(&[
        ("a.hcl", format!("{top}{RIGHT}").as_bytes()),
        ("b.hcl", format!("{top}{sources}").as_bytes()),
    ]);
    let errors = load(folder.path()).unwrap_err();
    let path = folder.path().display();
    assert!(
        errors.to_string().contains(&format!("`concurrency` stands at {path}/a.hcl:1 already")),
        "{errors}"
    );
    assert_eq!(
        said(&errors, &folder),
        [
            "b.hcl:1:15: `concurrency` stands at a.hcl:1 already",
            "b.hcl:2:1: there is more than one `vault` block",
            "b.hcl:5:1: the source `zettelstore.notes` stands at a.hcl:5 already",
        ]
    );
}

#[test]
fn a_file_that_does_not_parse_has_one_problem_and_the_others_are_still_checked() {
    let (sources, rotations) = halves();
    let broken = format!("vault {{\n  address = \"https://hunter2\n}}\n{sources}");
    let wrong = rotations.replace("\"0 * * * *\"", "5");
    let folder = folder(&[("a.hcl", broken.as_bytes()), ("b.hcl", wrong.as_bytes()), ("c.hcl", b"\xff\n")]);
    let errors = load(folder.path()).unwrap_err();
    assert_eq!(
        said(&errors, &folder),
        [
            "a.hcl:2:13: the text that begins here has no closing quote in its line",
            "b.hcl:3:14: `schedule` must be a text, not a number",
            "c.hcl: this file is not UTF-8",
        ]
    );
    assert!(!errors.to_string().contains("hunter2"));
}

#[test]
fn a_broken_file_excuses_only_sources_that_might_stand_in_it() {
    let (_, rotations) = halves();
    let unknown = rotations.replace("\"notes\"", "\"other\"").replace("zettelstore.notes", "foo.notes");
    let folder = folder(&[
        ("a.hcl", b"source \"zettelstore\" {{\n"),
        ("b.hcl", rotations.as_bytes()),
        ("c.hcl", unknown.replace("\"other\"\n", "\"else\"\n").as_bytes()),
    ]);
    let found = said(&load(folder.path()).unwrap_err(), &folder);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("a.hcl:1:"));
    assert_eq!(found[1], "c.hcl:2:14: there is no such source");
}

#[test]
fn what_cannot_be_read_is_said() {
    let empty = folder(&[("a.txt", b"")]);
    let errors = load(empty.path()).unwrap_err();
    assert!(
        errors.to_string().ends_with(": there is no file in this folder that ends in `.hcl`"),
        "{errors}"
    );
    let errors = load(&empty.path().join("none.hcl")).unwrap_err();
    assert_eq!(said(&errors, &empty), ["none.hcl: cannot read it: No such file or directory (os error 2)"]);
    let errors = Config::parse(Vec::new(), &variables(&[])).unwrap_err();
    assert_eq!(errors.iter().count(), 1);
    let nothing = folder(&[("a.hcl", b"# nothing yet\n")]);
    let errors = load(nothing.path()).unwrap_err();
    assert_eq!(said(&errors, &nothing), ["a.hcl: there is no `rotation`: nothing to do"]);
}

#[cfg(unix)]
#[test]
fn a_link_to_nowhere_is_not_passed_over() {
    let folder = folder(&[("a.hcl", RIGHT.as_bytes())]);
    std::os::unix::fs::symlink("nowhere", folder.path().join("b.hcl")).unwrap();
    let errors = load(folder.path()).unwrap_err();
    assert_eq!(said(&errors, &folder), ["b.hcl: cannot read it: No such file or directory (os error 2)"]);
}

#[test]
fn paths_start_from_the_folder_of_the_file_that_names_them() {
    let text = RIGHT
        .replace("{ env = \"ZETTELSTORE_PASSWORD\" }", "{ file = \"secrets/password\" }")
        .replace("  username", "  ca_cert_file = \"ca.pem\"\n  username");
    let file = PathBuf::from("conf/t.hcl");
    let environment = variables(&[("VAULT_ADDR", "https://vault.example")]);
    let config = Config::parse(vec![(file, text)], &environment).unwrap();
    let source = &config.sources[0];
    assert_eq!(source.http.ca_cert_file, Some(PathBuf::from("conf/ca.pem")));
    let Setting::Reference(password) = source.field("password").unwrap() else { panic!("no reference") };
    assert_eq!(*password, Reference::File(PathBuf::from("conf/secrets/password")));
}

#[test]
fn what_is_the_same_as_before_is_not_made_once_more() {
    let second = "rotation \"second\" {\n  source = \"zettelstore.notes\"\n  schedule = \"@daily\"\n  \
                  destination {\n    mount = \"secret\"\n    path = \"second\"\n  }\n}\n";
    let folder = folder(&[("a.hcl", RIGHT.as_bytes()), ("b.hcl", second.as_bytes())]);
    let before = load(folder.path()).unwrap();
    fs::write(folder.path().join("b.hcl"), second.replace("@daily", "@hourly")).unwrap();
    let environment = variables(&[("VAULT_ADDR", "https://vault.example")]);
    let after = Config::load_after(&before.rotations, folder.path(), &environment).unwrap();
    let pairs = before.rotations.iter().zip(&after.rotations);
    assert_eq!(pairs.map(|(before, after)| Arc::ptr_eq(before, after)).collect::<Vec<_>>(), [true, false]);
}
