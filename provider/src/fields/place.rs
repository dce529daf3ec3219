//! From a place in a field to a path in the configuration.

use tfplugin::{AttributePath, ConfigReader, Diagnostic};
use tokenferry_sources::{Field, FieldKind, FieldProblem, Place};

use crate::diagnostics::of_field;

/// Reports problems with the fields of what `reader` reads.
pub(crate) fn report(reader: &mut ConfigReader<'_>, fields: &'static [Field], problems: Vec<FieldProblem>) {
    for problem in problems {
        let diagnostic = placed(problem, reader.here(), fields);
        reader.report(diagnostic);
    }
}

/// The message of a problem with one of the fields that stand at `path`.
pub(crate) fn placed(problem: FieldProblem, path: &AttributePath, fields: &'static [Field]) -> Diagnostic {
    let way = std::iter::once(Place::Name(problem.field.to_owned())).chain(problem.within.clone());
    let path = in_object(path.clone(), fields, &way.collect::<Vec<_>>());
    of_field(problem).at(path)
}

/// Names are attributes in objects and blocks.
fn in_object(path: AttributePath, fields: &'static [Field], way: &[Place]) -> AttributePath {
    let Some((Place::Name(name), rest)) = way.split_first() else { return path };
    let path = path.attribute(name);
    match fields.iter().find(|field| field.name == name) {
        Some(field) => in_field(path, field, rest),
        None => path,
    }
}

/// Names are keys in maps.
fn in_field(path: AttributePath, field: &'static Field, way: &[Place]) -> AttributePath {
    let Some((first, rest)) = way.split_first() else { return path };
    match (field.kind, first) {
        (FieldKind::Object(inner), Place::Name(_)) => in_object(path, inner, way),
        (FieldKind::Blocks(inner), Place::Index(index)) => in_object(path.index(*index), inner, rest),
        (FieldKind::Objects(inner), Place::Name(key)) => in_object(path.key(key), inner, rest),
        (FieldKind::Secrets, Place::Name(key)) => in_object(path.key(key), &[], rest),
        (FieldKind::Texts, Place::Name(key)) => path.key(key),
        _ => path,
    }
}
