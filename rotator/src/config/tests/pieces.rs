//! A configuration is read in pieces, and says the same as if it were read as a whole.

use std::fmt::Write as _;
use std::path::Path;

use tokenferry_sources::{ExposeSecret, Given};

use super::super::{Config, ConfigErrors, File, assemble_whole, pieces};
use super::{EXAMPLE, RIGHT, problems, variables};
use crate::source::Setting;

/// Everything that the text says, or that is wrong with it, if it can be read in pieces.
pub(super) fn in_pieces(text: &str) -> Option<Result<String, ConfigErrors>> {
    Some(pieces::read(&[file(text)], &[], &environment())?.as_ref().map(said).map_err(Clone::clone))
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
        assert!(whole(&text).is_ok() && in_pieces(&text) == Some(whole(&text)), "{text}");
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
        "concurrency = 2\ngrace_period = \"5s\"\nconcurrency = 2\n",
        "x = <<EOT\nsource \"zettelstore\" \"old\" {\n}\nEOT\n",
        "rotation \"old\" {\n",
        "}\n",
        "\"\n",
        "/*\n",
    ] {
        let text = with(mistake);
        assert!(in_pieces(&text).is_none(), "{mistake}");
        assert_eq!(Err(problems(&text)), whole(&text), "{mistake}");
    }
}

#[test]
fn mistakes_in_sources_and_rotations_are_found_in_pieces_at_the_same_places() {
    let right = many();
    for (text, mistakes) in [
        (right.clone() + &RIGHT.repeat(2), 3),
        (right.replace("rotation \"notes-25\" {", "rotation \"notes-25\" {\n  nonsense = 1"), 1),
        (
            right.replace(
                "source \"zettelstore\" \"notes-7\" {",
                "source \"zettelstore\" \"notes-7\" {\n  u = 1",
            ),
            1,
        ),
        (right.replace("source \"zettelstore\" \"notes-7\"", "source \"zettelstore\" \"else\""), 1),
        (right.clone() + "sources = 5\n", 1),
        (right.replace("0 * * * *", "@never"), 50),
    ] {
        let found = in_pieces(&text).unwrap().unwrap_err();
        assert_eq!(Err(found.clone()), whole(&text));
        assert_eq!(found.iter().len(), mistakes, "{found}");
    }
    let twice = problems(&(right + &RIGHT.repeat(2))).to_string();
    assert!(twice.contains(": the source `zettelstore.notes` stands at t.hcl:"), "{twice}");
}
