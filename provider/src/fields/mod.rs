//! Settings that the sources describe, as Terraform users meet them: as schema, as configuration, and as places in it.

mod given;
mod place;

pub(crate) use given::read;
pub(crate) use place::{placed, report};

use tfplugin::{Attribute, AttributeKind, NestedBlock, Nesting, Presence, Schema, Type};
use tokenferry_sources::{Field, FieldKind};

/// The fields that are attributes where blocks can stand, too.
pub(crate) fn attributes(fields: &'static [Field]) -> Vec<Attribute> {
    fields.iter().filter(|field| !is_repeated(field)).map(on_its_own).collect()
}

/// The fields that are blocks.
pub(crate) fn blocks(fields: &'static [Field]) -> Vec<NestedBlock> {
    let block = |field: &Field| match field.kind {
        FieldKind::Blocks(inner) => {
            Some(NestedBlock::list(field.name, schema(description(field, &[]), inner)))
        }
        _ => None,
    };
    fields.iter().filter_map(block).collect()
}

/// A variable that can set a field, and the credential that it is good for if that matters.
type Variable = (&'static str, Option<&'static str>);

/// A field where only attributes can stand: with its default and the environment variables that can set it.
pub(crate) fn attribute(field: &'static Field, variables: &[Variable]) -> Attribute {
    let nested = |nesting, inner: &'static [Field]| {
        AttributeKind::Nested(nesting, inner.iter().map(on_its_own).collect())
    };
    let kind = match field.kind {
        FieldKind::Blocks(inner) => nested(Nesting::List, inner),
        FieldKind::Flag => AttributeKind::Plain(Type::Bool),
        FieldKind::Object(inner) => nested(Nesting::Single, inner),
        FieldKind::Objects(inner) => nested(Nesting::Map, inner),
        FieldKind::Secrets => AttributeKind::Nested(Nesting::Map, given::reference_attributes()),
        FieldKind::Texts => AttributeKind::Plain(Type::map(Type::String)),
        _ => AttributeKind::Plain(Type::String),
    };
    Attribute {
        kind,
        presence: Presence::Optional,
        // Of secrets that are kept elsewhere, only the places are written here.
        sensitive: matches!(field.kind, FieldKind::Secret | FieldKind::SecretLines),
        ..Attribute::string(field.name).describe(description(field, variables))
    }
}

fn on_its_own(field: &'static Field) -> Attribute {
    let variables: Vec<Variable> = field.environment.into_iter().map(|name| (name, None)).collect();
    attribute(field, &variables)
}

fn schema(description: String, fields: &'static [Field]) -> Schema {
    blocks(fields).into_iter().fold(Schema::new(description).with_all(attributes(fields)), Schema::with_block)
}

fn is_repeated(field: &Field) -> bool {
    matches!(field.kind, FieldKind::Blocks(_))
}

fn description(field: &Field, variables: &[Variable]) -> String {
    let form = match field.kind {
        FieldKind::Choice(words) => {
            let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
            Some(format!("One of {}.", words.join(", ")))
        }
        FieldKind::Json => Some("A text in JSON form: write it with `jsonencode`.".to_owned()),
        FieldKind::Secrets => Some(
            "Each has either `env` or `file`, and is read only when it is needed: its value stands in neither \
             configuration nor state nor plan."
                .to_owned(),
        ),
        _ => None,
    };
    let sentences = [
        Some(field.description.to_owned()),
        form,
        field.default.map(|default| format!("Default: `{default}`.")),
        (!variables.is_empty()).then(|| format!("Can also be set by {}.", listed(variables))),
    ];
    sentences.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn listed(variables: &[Variable]) -> String {
    let one = |(name, credential): &Variable| match credential {
        Some(credential) => format!("the environment variable `{name}` (with `{credential}`)"),
        None => format!("the environment variable `{name}`"),
    };
    variables.iter().map(one).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests;
