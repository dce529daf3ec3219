//! The form of single values.

use secrecy::ExposeSecret;

use crate::base_url::BaseUrl;
use crate::nearest::did_you_mean;
use crate::{Field, FieldKind, FieldProblem, Given, GivenFields, Place, parse_duration};

/// What is wrong with the form of values that belong to `owner`: at most one problem for each. Unknown values pass.
pub fn fields(owner: &str, fields: &'static [Field], given: &GivenFields) -> Vec<FieldProblem> {
    let allow_http = allows_http(given);
    let problems = |field: &'static Field| Some(value(owner, field, given.get(field.name)?, allow_http));
    fields.iter().filter_map(problems).flatten().collect()
}

/// Whether plain http is allowed to any host; what is not known yet may come to that.
pub fn allows_http(given: &GivenFields) -> bool {
    matches!(given.get("allow_http"), Some(Given::Flag(true) | Given::Unknown))
}

fn value(owner: &str, field: &'static Field, given: &Given, allow_http: bool) -> Vec<FieldProblem> {
    let name = qualified(owner, field.name);
    let wrong = match (given, field.kind) {
        (Given::Unknown, _)
        | (Given::Flag(_), FieldKind::Flag)
        | (Given::Map(_), FieldKind::Secrets)
        | (Given::Reference(_), FieldKind::Secret | FieldKind::SecretLines) => None,
        (Given::List(blocks), FieldKind::Blocks(inner)) => return in_blocks(&name, field, inner, blocks),
        (Given::Map(object), FieldKind::Object(inner)) => {
            let problems = fields(&name, inner, object).into_iter();
            return problems.map(|problem| problem.within(field.name, Vec::new())).collect();
        }
        (Given::Map(objects), FieldKind::Objects(inner)) => return in_objects(&name, field, inner, objects),
        (Given::Map(texts), FieldKind::Texts) => return in_texts(&name, field, texts),
        (Given::Text(text), FieldKind::Flag) if matches!(text.expose_secret(), "true" | "false") => None,
        (_, FieldKind::Flag) => Some("it must be true or false".to_owned()),
        (Given::Text(text), FieldKind::Json) => json_problem(text.expose_secret()),
        (Given::Text(text), kind) if holds_a_text(kind) => {
            text_problem(field, text.expose_secret(), allow_http)
        }
        (_, kind) => Some(format!("it must be {}", wanted(kind))),
    };
    wrong.map(|wrong| FieldProblem::malformed(field.name, &name, wrong)).into_iter().collect()
}

fn in_blocks(
    owner: &str,
    field: &'static Field,
    inner: &'static [Field],
    blocks: &[GivenFields],
) -> Vec<FieldProblem> {
    let in_block = |(index, block): (usize, &GivenFields)| {
        let problems = fields(&format!("{owner}[{index}]"), inner, block).into_iter();
        problems.map(move |problem| problem.within(field.name, vec![Place::Index(index)]))
    };
    blocks.iter().enumerate().flat_map(in_block).collect()
}

fn in_objects(
    owner: &str,
    field: &'static Field,
    inner: &'static [Field],
    objects: &GivenFields,
) -> Vec<FieldProblem> {
    let in_object = |(key, object): (&String, &Given)| -> Vec<FieldProblem> {
        let (name, place) = (format!("{owner}.{key}"), vec![Place::Name(key.clone())]);
        match object {
            Given::Map(object) => {
                let problems = fields(&name, inner, object).into_iter();
                problems.map(|problem| problem.within(field.name, place.clone())).collect()
            }
            Given::Unknown => Vec::new(),
            _ => vec![FieldProblem {
                within: place,
                ..FieldProblem::malformed(field.name, &name, "it must be an object".to_owned())
            }],
        }
    };
    objects.iter().flat_map(in_object).collect()
}

fn in_texts(owner: &str, field: &'static Field, texts: &GivenFields) -> Vec<FieldProblem> {
    let in_text = |(key, text): (&String, &Given)| match text {
        Given::Text(_) | Given::Unknown => None,
        _ => Some(FieldProblem {
            within: vec![Place::Name(key.clone())],
            ..FieldProblem::malformed(field.name, &format!("{owner}.{key}"), "it must be a text".to_owned())
        }),
    };
    texts.iter().filter_map(in_text).collect()
}

fn holds_a_text(kind: FieldKind) -> bool {
    use FieldKind as K;
    matches!(kind, K::Choice(_) | K::Duration | K::Secret | K::SecretLines | K::Text | K::Url)
}

fn wanted(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Blocks(_) => "one or more blocks",
        FieldKind::Object(_) => "an object",
        FieldKind::Objects(_) => "a map of objects",
        FieldKind::Secrets => "a map that says where each secret is kept",
        FieldKind::Texts => "a map of texts",
        _ => "a text",
    }
}

/// The parser's own words could repeat parts of the text.
fn json_problem(text: &str) -> Option<String> {
    let parsed = serde_json::from_str::<serde::de::IgnoredAny>(text);
    parsed.err().map(|error| format!("it is not JSON (line {}, column {})", error.line(), error.column()))
}

pub(super) fn qualified(owner: &str, field: &str) -> String {
    if owner.is_empty() { field.to_owned() } else { format!("{owner}.{field}") }
}

/// What is wrong with a text, without repeating it: it may be a secret in the wrong place.
pub(crate) fn text_problem(field: &Field, text: &str, allow_http: bool) -> Option<String> {
    form_problem(field, text)
        .or_else(|| match field.kind {
            FieldKind::Choice(words) if !words.contains(&text) => {
                Some(format!("{} must be one of {}", did_you_mean(text, words), quoted(words)))
            }
            FieldKind::Duration => parse_duration(text).err().map(|error| error.to_string()),
            FieldKind::Url => BaseUrl::parse(text, allow_http).err().map(|error| error.to_string()),
            _ => None,
        })
        .or_else(|| field.rule.and_then(|rule| rule(text).err()))
}

/// What is wrong with it whatever it means.
pub(super) fn form_problem(field: &Field, text: &str) -> Option<String> {
    if text.trim().is_empty() {
        return Some("it is empty; leave it out instead".to_owned());
    }
    if !matches!(field.kind, FieldKind::SecretLines) && text.contains(['\r', '\n']) {
        return Some(
            "it contains a line break; if it was read from a file, take the last line break off".to_owned(),
        );
    }
    if !field.kind.is_secret() && text.chars().any(char::is_control) {
        return Some("it contains a control character".to_owned());
    }
    // A password may end in a blank.
    if matches!(field.kind, FieldKind::Text | FieldKind::Url) && text.trim() != text {
        return Some("it begins or ends with white space; take that off".to_owned());
    }
    None
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}
