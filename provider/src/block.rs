//! The provider block: one nested attribute for each system, with the fields that the system itself describes, and
//! the settings of all requests.

use std::collections::BTreeMap;

use tfplugin::{Attribute, AttributePath, ConfigReader, FromConfig, Presence, Schema, Setting};
use tokenferry_sources::{
    Field, FieldKind, FieldProblem, Given, GivenFields, HTTP_FIELDS, HttpSettings, SYSTEMS, System,
};

use crate::diagnostics::of_field;

const DESCRIPTION: &str = "\
Carries access tokens and one-time passwords from the systems that issue them into Terraform.

Set only what your reads need: each system has one attribute, and most of its settings can come from environment \
variables instead. `terraform validate` needs no credential and sends nothing.";

/// What the user wrote.
#[derive(Debug)]
pub(crate) struct Block {
    /// By system name; systems without an attribute are absent.
    pub(crate) systems: BTreeMap<&'static str, GivenFields>,
    /// What holds for all requests.
    pub(crate) http: HttpSettings,
    /// Attributes of the block that are not known yet as a whole.
    pub(crate) unknown: Vec<&'static str>,
}

/// The shape of the block.
pub(crate) fn schema() -> Schema {
    let systems = SYSTEMS.iter().map(|system| {
        let attribute = |field: &'static Field| attribute(field, &system.variables(field));
        Attribute::object(system.name, system.fields.iter().map(attribute))
            .optional()
            .describe(system.summary)
    });
    Schema::new(DESCRIPTION).with_all(systems).with_all(HTTP_FIELDS.iter().map(|field| attribute(field, &[])))
}

impl FromConfig for Block {
    fn from_config(reader: &mut ConfigReader<'_>) -> Self {
        let given = given(HTTP_FIELDS, reader);
        let http = HttpSettings::from_given(&given).unwrap_or_else(|problems| {
            report(reader, problems);
            HttpSettings::default()
        });
        let unknown =
            HTTP_FIELDS.iter().filter(|field| matches!(given.get(field.name), Some(Given::Unknown)));
        let mut unknown: Vec<_> = unknown.map(|field| field.name).collect();
        let mut systems = BTreeMap::new();
        for system in SYSTEMS {
            match reader.object(system.name) {
                Setting::Known(nested) => drop(systems.insert(system.name, system_block(system, nested))),
                Setting::Null => {}
                Setting::Unknown => unknown.push(system.name),
            }
        }
        Self { systems, http, unknown }
    }
}

fn system_block(system: &System, mut reader: ConfigReader<'_>) -> GivenFields {
    let given = given(system.fields, &mut reader);
    report(&mut reader, system.check(&given));
    given
}

fn given(fields: &'static [Field], reader: &mut ConfigReader<'_>) -> GivenFields {
    let entries = fields.iter().filter_map(|field| {
        let given = match field.kind {
            FieldKind::Flag => reader.bool(field.name).map(Given::Flag),
            _ => reader.string(field.name).map(Given::from),
        };
        match given {
            Setting::Known(given) => Some((field.name.to_owned(), given)),
            Setting::Null => None,
            Setting::Unknown => Some((field.name.to_owned(), Given::Unknown)),
        }
    });
    entries.collect()
}

fn report(reader: &mut ConfigReader<'_>, problems: Vec<FieldProblem>) {
    for problem in problems {
        let path: AttributePath = reader.path(problem.field);
        reader.report(of_field(problem).at(path));
    }
}

/// A field as Terraform shows it: with its default and its environment variables, each with the credential it is
/// good for if that matters.
fn attribute(field: &Field, variables: &[(&'static str, Option<&'static str>)]) -> Attribute {
    let attribute = match field.kind {
        FieldKind::Flag => Attribute::bool(field.name),
        _ => Attribute::string(field.name),
    };
    let words = match field.kind {
        FieldKind::Choice(words) => words.iter().map(|word| format!("`{word}`")).collect(),
        _ => Vec::new(),
    };
    let sentences = [
        Some(field.description.to_owned()),
        (!words.is_empty()).then(|| format!("One of {}.", words.join(", "))),
        field.default.map(|default| format!("Default: `{default}`.")),
        (!variables.is_empty()).then(|| format!("Can also be set by {}.", listed(variables))),
    ];
    let description = sentences.into_iter().flatten().collect::<Vec<_>>().join(" ");
    Attribute {
        presence: Presence::Optional,
        sensitive: field.kind.is_secret(),
        ..attribute.describe(description)
    }
}

fn listed(variables: &[(&'static str, Option<&'static str>)]) -> String {
    let one = |(name, credential): &(&str, Option<&str>)| match credential {
        Some(credential) => format!("the environment variable `{name}` (with `{credential}`)"),
        None => format!("the environment variable `{name}`"),
    };
    variables.iter().map(one).collect::<Vec<_>>().join(" or ")
}
