//! A configuration that is right is read in pieces, and says the same as if it were read as a whole.

use std::fmt::Write as _;
use std::path::Path;

use tokenferry_sources::{ExposeSecret, Given};

use super::super::{Config, ConfigErrors, File, assemble_whole, pieces};
use super::{EXAMPLE, RIGHT, problems, variables};
use crate::source::Setting;

/// Everything that the text says, if it can be read in pieces.
pub(super) fn in_pieces(text: &str) -> Option<String> {
    pieces::read(&[file(text)], &[], &environment()).as_ref().map(said)
}

/// Everything that the text says as a whole.
pub(super) fn whole(text: &str) -> Result<String, ConfigErrors> {
    assemble_whole(vec![file(text)], &environment()).as_ref().map(said).map_err(Clone::clone)
}

fn file(text: &str) -> File {
    File { path: Path::new("t.hcl").into(), text: Ok(text.to_owned()) }
}

fn environment() -> std::collections::BTreeMap<String, String> {
    variables(&[("VAULT_ADDR", "https://vault.example")])
}

/// With the literals, which are shown nowhere else.
fn said(config: &Config) -> String {
    let mut said = format!("{config:?}");
    for setting in config.sources.iter().flat_map(|source| source.fields.iter().map(|(_, setting)| setting)) {
        if let Setting::Literal(Given::Text(text)) = setting {
            write!(said, " {}", text.expose_secret()).unwrap();
        }
    }
    said
}

/// Many sources and rotations, in this order and mixed.
fn many() -> String {
    let numbered = |number| {
        let text = RIGHT.replace("\"notes\"", &format!("\"notes-{number}\""));
        text.replace("zettelstore.notes", &format!("zettelstore.notes-{number}"))
    };
    (0..50).map(numbered).collect()
}

#[test]
fn what_people_write_is_read_in_pieces() {
    let parts = many();
    let (sources, rotations): (Vec<&str>, Vec<&str>) =
        parts.split_inclusive("\n}\n").partition(|part| part.contains("source \""));
    for text in [
        EXAMPLE.to_owned(),
        RIGHT.to_owned(),
        RIGHT.trim().to_owned(),
        RIGHT.replace('\n', "\r\n"),
        format!("# Ours\n{RIGHT}\nconcurrency = 2 # at once\n"),
        format!("vault {{\n  addresses = [\n    \"https://a.example\",\n  ]\n}}\n{parts}"),
        [rotations, sources].concat().concat(),
    ] {
        assert!(in_pieces(&text) == Some(whole(&text).unwrap()), "{text}");
    }
}

#[test]
fn what_cannot_be_cut_is_read_as_a_whole() {
    let indented = RIGHT.replace("\n}\nrotation", "\n}\n  rotation");
    for text in [
        format!("{RIGHT}/*\n{}*/\n", RIGHT.replace("notes", "old")),
        RIGHT.replace("  username", "username"),
        indented,
        format!("\u{feff}{}", RIGHT.trim()),
    ] {
        assert!(in_pieces(&text).is_none(), "{text}");
        assert!(whole(&text).is_ok(), "{text}");
    }
}

#[test]
fn a_mistake_among_many_blocks_is_told_as_seen_in_the_whole() {
    let right = many();
    let (before, after) = right.split_at(right.find("rotation \"notes-25\"").unwrap());
    let with = |mistake: &str| format!("{before}{mistake}{after}");
    for mistake in [
        &RIGHT.repeat(2),
        "concurrency = 2\ngrace_period = \"5s\"\nconcurrency = 2\n",
        "x = <<EOT\nsource \"zettelstore\" \"old\" {\n}\nEOT\n",
        "rotation \"old\" {\n",
        "sources = 5\n",
        "}\n",
        "\"\n",
        "/*\n",
    ] {
        let text = with(mistake);
        assert!(in_pieces(&text).is_none(), "{mistake}");
        assert_eq!(Err(problems(&text)), whole(&text), "{mistake}");
    }
    let twice = problems(&with(&RIGHT.repeat(2))).to_string();
    assert!(
        twice.contains("t.hcl:345:1: the source `zettelstore.notes` stands at t.hcl:332 already"),
        "{twice}"
    );
}
