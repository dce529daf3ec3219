//! The first page: what there is, how it is configured, which environment variables count.

use std::collections::BTreeMap;

use tfplugin::{Attribute, AttributeKind, Schema};

use crate::guides::Guide;
use crate::links::{Kind, Links};
use crate::page::Subject;
use crate::schema;
use crate::text::{example, first_sentence, front_matter, paragraphs};

/// The page, with this example.
pub(crate) fn text(
    provider: &Schema,
    subjects: &[Subject<'_>],
    guides: &[Guide],
    example_text: &str,
    links: &Links,
) -> String {
    let (first, rest) = paragraphs(&provider.description);
    let link = |text: &str| links.link(text, PAGE, None);
    [
        front_matter("tokenferry Provider", "", first_sentence(first)),
        format!("# tokenferry Provider\n\n{}\n\n{}\n\n", link(first), link(rest)),
        format!("{}\n", example(example_text)),
        format!("## What There Is\n\n{}\n", offers(subjects, links)),
        format!("## Guides\n\n{}\n\n", guides.iter().map(guide).collect::<Vec<_>>().join("\n")),
        format!("## Environment Variables\n\n{}\n", environment(provider)),
        format!("## Schema\n\n{}", link(&schema::sections(provider))),
    ]
    .concat()
}

/// Where it is, below `docs/`.
pub(crate) const PAGE: &str = "index.md";

fn guide(guide: &Guide) -> String {
    format!("- [{}]({}): {}", guide.title, guide.page, guide.description)
}

/// One line for each name, those of one system together.
fn offers(subjects: &[Subject<'_>], links: &Links) -> String {
    let mut table: BTreeMap<(bool, &str, &str), String> = BTreeMap::new();
    for subject in subjects {
        let pages =
            links.pages(subject.name).iter().map(|(kind, page)| format!("[{}]({page})", kind.words()));
        let pages = pages.collect::<Vec<_>>().join(", ");
        let is_function = subject.kind == Kind::Function;
        let of = if is_function { "Functions" } else { subject.subcategory() };
        let gives = first_sentence(subject.description);
        let line = format!("| {of} | `{}` | {gives} | {pages} |\n", subject.name);
        // Functions are of no system; they come last.
        table.entry((is_function, of, subject.name)).or_insert(line);
    }
    format!(
        "| of | name | what it does | as |\n| --- | --- | --- | --- |\n{}",
        table.into_values().collect::<String>()
    )
}

/// Which variable stands for which attribute: as the attributes themselves say.
fn environment(provider: &Schema) -> String {
    let attributes = provider.attributes.iter().flat_map(with_inner);
    let lines = attributes.flat_map(|(system, attribute)| {
        let line =
            move |(variable, remark)| format!("| `{variable}` | `{system}{}`{remark} |\n", attribute.name);
        variables(&attribute.description).into_iter().map(line)
    });
    [ENVIRONMENT.to_owned()].into_iter().chain(lines).collect()
}

/// An attribute and those within it, each with what stands before its name.
fn with_inner(attribute: &Attribute) -> Vec<(String, &Attribute)> {
    match &attribute.kind {
        AttributeKind::Nested(_, inner) => {
            inner.iter().map(|inner| (format!("{}.", attribute.name), inner)).collect()
        }
        _ => vec![(String::new(), attribute)],
    }
}

/// The variables that a description names as a way to set its attribute, each with the remark in brackets after it.
fn variables(description: &str) -> Vec<(&str, &str)> {
    let said = description.split_once(SET_BY).map_or("", |(_, said)| said);
    let parts = said.split(VARIABLE).skip(1).filter_map(|part| {
        let (name, after) = part.split_once('`')?;
        let remark = after.find(')').filter(|_| after.starts_with(" (")).and_then(|end| after.get(..=end));
        Some((name, remark.unwrap_or_default()))
    });
    parts.collect()
}

const SET_BY: &str = "Can also be set by ";
const VARIABLE: &str = "the environment variable `";

const ENVIRONMENT: &str = "\
What the configuration does not set is taken from the environment. An empty variable counts as unset.

| variable | stands for |
| --- | --- |
";

#[cfg(test)]
mod tests {
    use super::*;
    use tokenferry_sources::SYSTEMS;

    #[test]
    fn variables_are_found_with_their_remarks() {
        let text = "The cloud. Can also be set by the environment variable `A_CLOUD` (with `legacy`) or the environment \
                    variable `B_CLOUD`.";
        assert_eq!(variables(text), [("A_CLOUD", " (with `legacy`)"), ("B_CLOUD", "")]);
        assert_eq!(variables("Not the environment variable `OTHER`."), []);
    }

    #[test]
    fn functions_come_last_in_a_group_of_their_own() {
        let subject = |kind, name| Subject { kind, name, description: "Reads.", reference: String::new() };
        let subjects = [subject(Kind::Function, "ends"), subject(Kind::DataSource, "tokenferry_zscaler_otp")];
        let table = offers(&subjects, &Links::default());
        let last: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            last,
            ["| Zscaler | `tokenferry_zscaler_otp` | Reads. |  |", "| Functions | `ends` | Reads. |  |"]
        );
    }

    #[test]
    fn every_variable_of_every_system_is_listed() {
        let listed = environment(&terraform_provider_tokenferry::description().provider);
        for system in SYSTEMS {
            for (variable, _) in system.fields.iter().flat_map(|field| system.variables(field)) {
                assert!(
                    listed.contains(&format!("| `{variable}` | `{}.", system.name)),
                    "{variable}\n{listed}"
                );
            }
        }
        assert!(listed.contains("| `VAULT_ADDR` | `vault.address` |"), "{listed}");
    }
}
