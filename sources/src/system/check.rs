//! The form of single values.

use secrecy::ExposeSecret;

use crate::base_url::BaseUrl;
use crate::{Field, FieldKind, FieldProblem, Given, GivenFields, parse_duration};

/// One problem at most for each field; unknown values pass.
pub(crate) fn fields(owner: &str, fields: &'static [Field], given: &GivenFields) -> Vec<FieldProblem> {
    let allow_http = allows_http(given);
    fields.iter().filter_map(|field| value(owner, field, given.get(field.name)?, allow_http)).collect()
}

/// Plain http is fine as long as it may still be allowed.
fn allows_http(given: &GivenFields) -> bool {
    matches!(given.get("allow_http"), Some(Given::Flag(true) | Given::Unknown))
}

fn value(owner: &str, field: &'static Field, given: &Given, allow_http: bool) -> Option<FieldProblem> {
    let wrong = match (given, field.kind) {
        (Given::Unknown, _) | (Given::Flag(_), FieldKind::Flag) => return None,
        (Given::Text(text), FieldKind::Flag) if matches!(text.expose_secret(), "true" | "false") => {
            return None;
        }
        (Given::Text(_), FieldKind::Flag) => "it must be true or false".to_owned(),
        (Given::Flag(_), _) => "it must be a text".to_owned(),
        (Given::Text(text), _) => text_problem(field, text.expose_secret(), allow_http)?,
    };
    Some(FieldProblem::malformed(field.name, &qualified(owner, field.name), wrong))
}

pub(crate) fn qualified(owner: &str, field: &str) -> String {
    if owner.is_empty() { field.to_owned() } else { format!("{owner}.{field}") }
}

/// What is wrong with a text, without repeating it: it may be a secret in the wrong place.
pub(crate) fn text_problem(field: &Field, text: &str, allow_http: bool) -> Option<String> {
    if text.trim().is_empty() {
        return Some("it is empty; leave it out instead".to_owned());
    }
    if text.contains(['\r', '\n']) {
        return Some(
            "it contains a line break; if it was read from a file, take the last line break off".to_owned(),
        );
    }
    if field.kind != FieldKind::Secret && text.chars().any(char::is_control) {
        return Some("it contains a control character".to_owned());
    }
    // A password may end in a blank.
    if matches!(field.kind, FieldKind::Text | FieldKind::Url) && text.trim() != text {
        return Some("it begins or ends with white space; take that off".to_owned());
    }
    let by_kind = match field.kind {
        FieldKind::Choice(words) if !words.contains(&text) => {
            Some(format!("it must be one of {}", quoted(words)))
        }
        FieldKind::Duration => parse_duration(text).err().map(|error| error.to_string()),
        FieldKind::Url => BaseUrl::parse(text, allow_http).err().map(|error| error.to_string()),
        _ => None,
    };
    by_kind.or_else(|| field.rule.and_then(|rule| rule(text).err()))
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}
