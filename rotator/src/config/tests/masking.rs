//! No value is shown, whatever the file looks like, and the caret stands where it should.

use super::super::Excerpt;
use super::problems;

/// The line and the caret of the first problem.
fn shown(text: &str) -> String {
    excerpt(problems(text).iter().find_map(|problem| problem.excerpt.as_ref()), text)
}

/// The same for the last problem in the text.
fn shown_last(text: &str) -> String {
    excerpt(problems(text).iter().filter_map(|problem| problem.excerpt.as_ref()).next_back(), text)
}

fn excerpt(excerpt: Option<&Excerpt>, text: &str) -> String {
    let errors = problems(text);
    assert!(!format!("{errors}{errors:?}").contains("hunter"), "{errors}");
    excerpt.map(|Excerpt { line, caret }| format!("{line}\n{caret}")).unwrap()
}

#[test]
fn lines_of_files_that_parse_show_names_only() {
    let cases = [
        ("x = \"hunter2\" # = { hunter3 }", "x = ***\n^"),
        ("x = 4711 // { hunter3 } = [", "x = ***\n^"),
        ("x = [hunter1, \"hunter2\", { hunter3 = 4 }] /* hunter5 */", "x = [***, ***, { *** = *** }]\n^"),
        ("x = hunter.two[\"hunter\"] + f(3)", "x = ***\n^"),
        ("/* hunter1 */ x = \"hunter2\"", "   x = ***\n   ^"),
        ("x = <<EOT\nx = hunter\nEOT", "x = ***\n^"),
        ("rotation \"corp\" \"hunter2\" {\n}", "rotation \"corp\" *** {\n^"),
        ("source \"corp\" \"hunter 2\" {\n}", "source \"corp\" *** {\n              ^"),
        ("secret_id \"hunter2\" {\n}", "secret_id *** {\n^"),
        ("vault \"hunter2\" {\n}", "vault *** {\n^"),
        ("x \"hunter2\" {\n}", "x *** {\n^"),
        ("vault { timeout = 5 }", "vault { timeout = *** }\n                  ^"),
        ("vault {\n\ttimeout\t= \"hunter\"\n}", "\ttimeout\t= ***\n\t       \t  ^"),
        ("vault {\n  addresses = [\n    \"hunter\"]\n}", "    ***]\n    ^"),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(&format!("{text}\n")), expected, "{text}");
    }
}

#[test]
fn lines_of_files_that_do_not_parse_show_a_known_first_word_at_most() {
    let cases = [
        ("password = \"hunter2", "password = ***\n           ^"),
        ("password = hunter2 hunter3", "password = ***\n           ^"),
        ("password = \"a\" hunter = 2", "password = ***\n           ^"),
        ("password \"hunter2\"", "password ***\n         ^"),
        ("password hunter2", "password ***\n         ^"),
        ("hunter2= hunter3 4", "***\n^"),
        ("password = hunter2=", "password = ***\n           ^"),
        ("password: hunter2", "password ***\n        ^"),
        ("hunter2 = ", "***\n^"),
        ("hunter2", "***\n^"),
        ("x = <<EOT\nhunter = 2", "***\n^"),
        ("vault = {\n  hunter = \"\n}", "  ***\n  ^"),
        ("rotation \"corp\" {\n  source = \"hunter\" }", "  source = ***\n           ^"),
    ];
    for (text, expected) in cases {
        assert_eq!(shown_last(text), expected, "{text}");
    }
    assert_eq!(shown("password = \"hunter\u{fc}\n\u{fc}"), "password = ***\n           ^");
}

#[test]
fn the_caret_stands_below_its_place_after_wide_characters_and_tabs() {
    assert_eq!(shown("\tvault { 時間 = 5 }\n"), "\tvault { 時間 = *** }\n\t        ^");
    assert_eq!(shown("時間 {\n}\n").lines().next(), Some("時間 {"));
    let errors = problems("vault \"時\" \"x\" {\n}\n");
    assert_eq!(errors.iter().find_map(|problem| problem.place).map(|place| place.column), Some(1));
}

#[test]
fn of_long_lines_only_the_part_around_the_caret_is_shown() {
    let name = "n".repeat(500);
    assert_eq!(shown(&format!("{name} = 1\n")), format!("{}…\n^", "n".repeat(160)));
    let inside = format!("vault {{ {name} = 1 }}\n");
    assert_eq!(shown(&inside), format!("vault {{ {}…\n        ^", "n".repeat(152)));
    let tabs = "\t".repeat(80);
    let behind = format!("{}vault \"x\" {{\n}}\n", "\t".repeat(200));
    assert_eq!(shown(&behind), format!("…{tabs}vault *** {{\n {tabs}^"));
}

#[test]
fn columns_are_counted_in_characters_and_lines_whatever_ends_them() {
    let place =
        |text: &str| problems(text).iter().find_map(|problem| problem.place).map(|place| place.to_string());
    assert_eq!(place("\u{feff}vault {\r\n  timeout = 5\r\n}\r\n").as_deref(), Some("2:13"));
    assert_eq!(place("/* äöü時 */ x = 1\n").as_deref(), Some("1:12"));
}

#[test]
fn a_text_over_several_lines_is_a_forgotten_quote() {
    let text =
        "source \"zettelstore\" \"a\" {\n  username = \"hunter\n  password = { env = \"hunter\" }\n}\n";
    assert_eq!(shown(text), "  username = ***\n             ^");
    let balanced = "source \"zettelstore\" \"a\" {\n  username = \"hunter\n  method = \"\n}\n";
    let errors = problems(balanced);
    assert!(errors.to_string().contains("does not end in its line"), "{errors}");
}

#[test]
fn names_cannot_move_the_cursor_or_turn_the_text() {
    let errors = problems("x = 1 \u{1b}[31m\u{202e}\n");
    assert!(!errors.to_string().contains(['\u{1b}', '\u{202e}']));
}
