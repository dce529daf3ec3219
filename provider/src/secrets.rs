//! Secrets that are kept elsewhere, read when a login needs them and not before.

use tfplugin::{AttributePath, Diagnostics, sentence};
use tokenferry_sources::{
    Environment, Field, FieldKind, FieldProblem, Given, GivenFields, Place, Reference, ReferenceError,
    SecretString, Severity,
};

use crate::diagnostics::chain;
use crate::fields::placed;

/// The same settings, every secret in its place.
///
/// # Errors
/// One message for each secret that cannot be read.
pub(crate) fn read(
    fields: &'static [Field],
    given: &GivenFields,
    environment: &dyn Environment,
) -> Result<GivenFields, Diagnostics> {
    let mut problems = Diagnostics::new();
    let read = fields.iter().filter_map(|field| {
        let mut reader = Reader { environment, field, way: Vec::new(), problems: Vec::new() };
        let value = reader.read(given.get(field.name)?);
        let here = AttributePath::root();
        problems.extend(reader.problems.into_iter().map(|problem| placed(problem, &here, fields)));
        Some((field.name.to_owned(), value))
    });
    let read = read.collect();
    if problems.is_empty() { Ok(read) } else { Err(problems) }
}

struct Reader<'a> {
    environment: &'a dyn Environment,
    field: &'static Field,
    way: Vec<Place>,
    problems: Vec<FieldProblem>,
}

impl Reader<'_> {
    fn read(&mut self, given: &Given) -> Given {
        match given {
            Given::List(blocks) => {
                let blocks = blocks.iter().enumerate();
                Given::List(blocks.map(|(index, block)| self.inside(Place::Index(index), block)).collect())
            }
            Given::Map(values) => Given::Map(self.all(values)),
            Given::Reference(reference) => match self.secret(reference) {
                Ok(secret) => Given::Text(secret),
                Err(error) => {
                    self.note(sentence(&chain(&error)));
                    Given::Unknown
                }
            },
            Given::Flag(_) | Given::Text(_) | Given::Unknown => given.clone(),
        }
    }

    /// Among secrets by name may be keys, which have several lines.
    fn secret(&self, reference: &Reference) -> Result<SecretString, ReferenceError> {
        match self.field.kind {
            FieldKind::Secret => reference.read(self.environment),
            _ => reference.read_lines(self.environment),
        }
    }

    fn inside(&mut self, place: Place, block: &GivenFields) -> GivenFields {
        self.way.push(place);
        let read = self.all(block);
        self.way.pop();
        read
    }

    fn all(&mut self, values: &GivenFields) -> GivenFields {
        let read = values.iter().map(|(name, value)| {
            self.way.push(Place::Name(name.clone()));
            let read = self.read(value);
            self.way.pop();
            (name.clone(), read)
        });
        read.collect()
    }

    fn note(&mut self, detail: String) {
        self.problems.push(FieldProblem {
            field: self.field.name,
            within: self.way.clone(),
            severity: Severity::Error,
            summary: "A secret cannot be read".to_owned(),
            reason: detail.clone(),
            detail,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tokenferry_sources::ExposeSecret;

    use super::*;

    static FIELDS: &[Field] = &[Field {
        name: "secrets",
        kind: FieldKind::Secrets,
        description: "Secrets.",
        default: None,
        environment: None,
        rule: None,
    }];

    fn secrets(variables: &[&str]) -> GivenFields {
        let reference =
            |name: &&str| ((*name).to_owned(), Given::Reference(Reference::Env((*name).to_owned())));
        let map = variables.iter().map(reference).collect();
        GivenFields::from([("secrets".to_owned(), Given::Map(map))])
    }

    #[test]
    fn a_secret_is_read_where_it_is_kept() {
        for secret in ["hunter2", "a key\nof two lines"] {
            let environment = BTreeMap::from([("A".to_owned(), secret.to_owned())]);
            let read = read(FIELDS, &secrets(&["A"]), &environment).unwrap();
            let Given::Map(map) = &read["secrets"] else { panic!("a map") };
            let Given::Text(text) = &map["A"] else { panic!("a text") };
            assert_eq!(text.expose_secret(), secret);
        }
    }

    #[test]
    fn every_secret_that_cannot_be_read_is_named_at_its_key() {
        let environment = BTreeMap::from([("B".to_owned(), "hunter2".to_owned())]);
        let problems = read(FIELDS, &secrets(&["A", "B", "C"]), &environment).unwrap_err();
        let shown: Vec<_> = problems
            .iter()
            .map(|problem| (problem.path().to_string(), problem.detail().to_owned()))
            .collect();
        assert_eq!(shown[0].0, "secrets[\"A\"]");
        assert_eq!(shown[1].0, "secrets[\"C\"]");
        assert!(shown[1].1.contains("variable C is not set"), "{}", shown[1].1);
        assert!(!format!("{problems:?}").contains("hunter2"));
    }
}
