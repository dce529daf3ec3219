//! Whatever becomes of a file, reading it ends, and shows no value.

use std::path::PathBuf;

use proptest::prelude::*;

use super::super::Config;
use super::pieces::{in_pieces, whole};
use super::{EXAMPLE, variables};

const PLANTED: &str = "7planted.secret";

/// The example with the same text for every value, and in every comment.
fn planted() -> String {
    let plant = |line: &str| match line.split_once(" = ") {
        Some((name, value)) => {
            let parts = value.split('"').enumerate();
            let value: Vec<&str> =
                parts.map(|(index, part)| if index % 2 == 1 { PLANTED } else { part }).collect();
            format!("{name} = {} # {PLANTED}\n", value.join("\"").split(" #").next().unwrap_or_default())
        }
        None => format!("{line}\n"),
    };
    EXAMPLE.lines().map(plant).collect()
}

#[derive(Clone, Debug)]
enum Edit {
    Cut(usize, usize),
    Insert(usize, &'static str),
    Repeat(usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let snippets = prop::sample::select(vec![
        "\"", "{", "}", "[", "]", "=", "\n", "#", "/*", "*/", "${", "<<EOT\n", "\\", ",", "ü", "\t", "\u{0}",
        "x", ".", "(",
    ]);
    prop_oneof![
        (any::<usize>(), 1..30usize).prop_map(|(at, length)| Edit::Cut(at, length)),
        (any::<usize>(), snippets).prop_map(|(at, text)| Edit::Insert(at, text)),
        (any::<usize>(), 1..60usize).prop_map(|(at, length)| Edit::Repeat(at, length)),
    ]
}

fn apply(text: &str, edit: &Edit) -> String {
    let chars: Vec<char> = text.chars().collect();
    let (Edit::Cut(at, _) | Edit::Insert(at, _) | Edit::Repeat(at, _)) = edit;
    let (before, after) = chars.split_at(at % (chars.len() + 1));
    let head = |length: usize| after[..length.min(after.len())].iter().collect::<String>();
    let middle = match edit {
        Edit::Cut(..) => String::new(),
        Edit::Insert(_, text) => (*text).to_owned(),
        Edit::Repeat(_, length) => head(*length).repeat(2),
    };
    let skipped = match edit {
        Edit::Cut(_, length) | Edit::Repeat(_, length) => (*length).min(after.len()),
        Edit::Insert(..) => 0,
    };
    before.iter().collect::<String>() + &middle + &after[skipped..].iter().collect::<String>()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mutation_of_the_example_shows_a_value(edits in prop::collection::vec(edit(), 0..6)) {
        let text = edits.iter().fold(planted(), |text, edit| apply(&text, edit));
        let environment = variables(&[("VAULT_ADDR", PLANTED)]);
        let errors = Config::parse(vec![(PathBuf::from("t.hcl"), text)], &environment).unwrap_err();
        // A name has no dot in it, so no mutation makes this part a name.
        prop_assert!(!format!("{errors} {errors:?}").contains("planted.sec"), "{errors}");
        prop_assert!(errors.iter().next().is_some());
    }

    #[test]
    fn what_is_read_in_pieces_says_the_same_as_a_whole(edits in prop::collection::vec(edit(), 0..4)) {
        let text = edits.iter().fold(EXAMPLE.to_owned(), |text, edit| apply(&text, edit));
        if let Some(read) = in_pieces(&text) {
            prop_assert_eq!(read, whole(&text));
        }
    }

    #[test]
    fn no_text_at_all_is_too_much(text in "[a-z\"{}=\\[\\]$<>#/*\\\\ \n\t.ü時-]{0,80}") {
        let read = Config::parse(vec![(PathBuf::from("t.hcl"), text)], &variables(&[]));
        prop_assert!(read.is_err_and(|errors| errors.iter().next().is_some()));
    }
}
