//! Other names for the fields of an entry, for readers that look for something else.

use std::collections::BTreeMap;

use thiserror::Error;

/// The names of the fields of an entry, where they are not those that the fields have by themselves.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FieldNames(Option<Box<[Renamed]>>);

/// A field, and what it is called.
type Renamed = (&'static str, Box<str>);

/// Why fields cannot have these names.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum FieldNamesError {
    /// Two fields would have one name.
    #[error("`{field}` would have the name of `{other}`")]
    Taken {
        /// The renamed field.
        field: &'static str,
        /// The other one.
        other: &'static str,
    },
    /// There is no such field.
    #[error("an entry has no such field")]
    Unknown,
    /// The name says nothing, or is none that anybody means.
    #[error(
        "the name of `{field}` is empty, begins or ends with white space, or contains a control character"
    )]
    Unusable {
        /// The renamed field.
        field: &'static str,
    },
}

impl FieldNames {
    /// Nothing is renamed.
    pub const NONE: &'static FieldNames = &FieldNames(None);

    /// The field that is called so by itself.
    ///
    /// # Errors
    /// [`FieldNamesError::Unknown`] if there is none.
    pub fn field(name: &str) -> Result<&'static str, FieldNamesError> {
        FIELDS.into_iter().find(|field| *field == name).ok_or(FieldNamesError::Unknown)
    }

    /// These names instead of those that the fields have by themselves.
    ///
    /// # Errors
    /// When a name cannot be one, or two fields would share one.
    pub fn new(renamed: impl IntoIterator<Item = (&'static str, String)>) -> Result<Self, FieldNamesError> {
        let renamed: BTreeMap<&'static str, String> = renamed.into_iter().collect();
        if let Some((field, _)) = renamed.iter().find(|(_, name)| !crate::is_word(name)) {
            return Err(FieldNamesError::Unusable { field });
        }
        // What is called as before is not renamed.
        let is_other = |(field, name): &(&'static str, String)| field != name;
        let names = renamed.into_iter().filter(is_other).map(|(field, name)| (field, name.into()));
        let names: Box<[_]> = names.collect();
        let names = FieldNames(Some(names).filter(|names| !names.is_empty()));
        names.shared().map_or(Ok(()), Err)?;
        Ok(names)
    }

    /// What a field is called.
    pub fn of<'a>(&'a self, field: &'a str) -> &'a str {
        self.renamed().find(|(renamed, _)| *renamed == field).map_or(field, |(_, name)| name)
    }

    /// Those that are renamed, and what they are called.
    pub fn renamed(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().flatten().map(|(field, name)| (*field, &**name))
    }

    fn shared(&self) -> Option<FieldNamesError> {
        self.renamed().find_map(|(field, name)| {
            let other = FIELDS.into_iter().find(|other| *other != field && self.of(other) == name)?;
            Some(FieldNamesError::Taken { field, other })
        })
    }
}

/// What stands in an entry.
pub const FIELDS: [&str; 17] = [
    "token",
    "token_type",
    "header_name",
    "header_value",
    "issued_at",
    "expires_at",
    "refresh_after",
    "ttl",
    "system",
    "issuer",
    "subject",
    "source",
    "rotation",
    "occurrence",
    "serial",
    "writer",
    "schema",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn names(renamed: &[(&'static str, &str)]) -> Result<FieldNames, FieldNamesError> {
        FieldNames::new(renamed.iter().map(|(field, name)| (*field, (*name).to_owned())))
    }

    #[test]
    fn fields_are_called_as_they_are_told_and_all_others_as_before() {
        let names = names(&[("token", "access_token"), ("ttl", "ttl")]).unwrap();
        assert_eq!(
            (names.of("token"), names.of("ttl"), names.of("serial")),
            ("access_token", "ttl", "serial")
        );
        assert_eq!(names.renamed().collect::<Vec<_>>(), [("token", "access_token")]);
        assert_eq!(names.of("x"), FieldNames::NONE.of("x"));
    }

    #[test]
    fn two_fields_never_share_a_name_but_may_swap_theirs() {
        let taken = |field, other| Err(FieldNamesError::Taken { field, other });
        assert_eq!(names(&[("token", "subject")]), taken("token", "subject"));
        assert_eq!(names(&[("token", "x"), ("ttl", "x")]), taken("token", "ttl"));
        assert!(names(&[("token", "subject"), ("subject", "token")]).is_ok());
    }

    #[test]
    fn a_name_says_something() {
        for name in ["", " ", "a ", "a\nb"] {
            assert_eq!(
                names(&[("token", name)]),
                Err(FieldNamesError::Unusable { field: "token" }),
                "{name:?}"
            );
        }
        assert_eq!(FieldNames::field("tokens"), Err(FieldNamesError::Unknown));
    }
}
