//! The ways to log in to a system, and which of them is meant.

use secrecy::{ExposeSecret, SecretString};

use super::System;
use crate::{Environment, Field, FieldKind, FieldProblem, Given, GivenFields};

/// One way to log in: who does, and what proves it.
#[derive(Clone, Copy, Debug)]
pub struct Credential {
    /// Its name; where a system knows several, also the word for it in the field `method`.
    pub name: &'static str,
    /// The field that says who logs in; not secret. `None` if the secret alone does.
    pub identity: Option<&'static str>,
    /// The fields that prove it: one of each group is enough, and all groups are needed.
    pub secrets: &'static [&'static [&'static str]],
    /// Other fields that only this way uses.
    pub settings: &'static [&'static str],
    /// Fields that take another environment variable than their own, or one at all, with this way.
    pub variables: &'static [(&'static str, &'static str)],
}

impl Credential {
    /// The environment variable that is read if a field is not written.
    pub fn variable(&self, field: &Field) -> Option<&'static str> {
        let own = self.variables.iter().find(|(name, _)| *name == field.name);
        own.map(|(_, variable)| *variable).or(field.environment)
    }

    /// The fields that prove who logs in.
    pub fn secrets(&self) -> impl Iterator<Item = &'static str> {
        self.secrets.iter().flat_map(|group| group.iter().copied())
    }

    /// The fields that are of no use to any other way.
    fn own(&self) -> impl Iterator<Item = &'static str> {
        self.identity.into_iter().chain(self.secrets()).chain(self.settings.iter().copied())
    }

    fn owns(&self, field: &str) -> bool {
        self.own().any(|own| own == field)
    }

    /// Whether a field means anything with this way: it is its own, or no other's.
    pub(super) fn uses(&self, system: &System, field: &str) -> bool {
        self.owns(field) || !system.credentials.iter().any(|other| other.owns(field))
    }
}

impl System {
    /// The variables from which a field can come, each with the name of the credential it holds for if that matters.
    pub fn variables(&self, field: &Field) -> Vec<(&'static str, Option<&'static str>)> {
        let with = |credential: &Credential| Some((credential.variable(field)?, Some(credential.name)));
        let users = self.credentials.iter().filter(|credential| credential.uses(self, field.name));
        let found: Vec<_> = users.filter_map(with).collect();
        match found.as_slice() {
            [] => field.environment.map(|variable| (variable, None)).into_iter().collect(),
            [(first, _), rest @ ..] if rest.iter().all(|(variable, _)| variable == first) => {
                vec![(*first, None)]
            }
            _ => found,
        }
    }

    /// Whether a field says who logs in.
    pub fn is_identity(&self, field: &str) -> bool {
        self.credentials.iter().any(|credential| credential.identity == Some(field))
    }
}

/// The value of a field's variable, with its name.
pub(super) fn from_environment(
    credential: Option<&Credential>,
    field: &Field,
    environment: &dyn Environment,
) -> Option<(&'static str, SecretString)> {
    let name = credential.map_or(field.environment, |credential| credential.variable(field))?;
    let text = environment.var(name).filter(|text| !text.is_empty())?;
    Some((name, text.into()))
}

/// The way to log in that is meant: `None` if that is not known yet, or the system knows none.
///
/// # Errors
/// When two are meant.
pub(super) fn chosen(
    system: &'static System,
    given: &GivenFields,
    environment: &dyn Environment,
) -> Result<Option<&'static Credential>, FieldProblem> {
    let first = match system.credentials {
        [] => return Ok(None),
        [only] => return Ok(Some(only)),
        [first, ..] => first,
    };
    if has_method(system) && given.contains_key(METHOD) {
        let named = match given.get(METHOD) {
            Some(Given::Text(name)) => by_name(system, name.expose_secret()),
            _ => None,
        };
        return Ok(named);
    }
    match configured(system, given)?.as_slice() {
        [] => Ok(Some(in_environment(system, environment)?.unwrap_or(first))),
        [only] => Ok(Some(only)),
        _ => Ok(None),
    }
}

/// Whether the system has a field in which the credential is named.
fn has_method(system: &System) -> bool {
    let names = |word: &&str| by_name(system, word).is_some();
    let words = system.field(METHOD).map(|field| field.kind);
    matches!(words, Some(FieldKind::Choice(words)) if words.iter().all(names))
}

fn by_name(system: &System, name: &str) -> Option<&'static Credential> {
    system.credentials.iter().find(|credential| credential.name == name)
}

/// The ways that written fields belong to: several only while it is not known which of them stay written.
fn configured(
    system: &'static System,
    given: &GivenFields,
) -> Result<Vec<&'static Credential>, FieldProblem> {
    let with = |is_meant: fn(&Given) -> bool| -> Vec<(&'static Credential, &'static str)> {
        let written = |field: &&str| given.get(*field).is_some_and(is_meant);
        let mark = |credential: &'static Credential| Some((credential, credential.own().find(written)?));
        system.credentials.iter().filter_map(mark).collect()
    };
    match with(|given| !matches!(given, Given::Unknown)).as_slice() {
        [] => Ok(with(|_| true).into_iter().map(|(credential, _)| credential).collect()),
        [(credential, _)] => Ok(vec![*credential]),
        [first, second, ..] => Err(two_configured(system, *first, *second)),
    }
}

/// The way whose identity the environment holds; else the one of which it holds a secret.
fn in_environment(
    system: &'static System,
    environment: &dyn Environment,
) -> Result<Option<&'static Credential>, FieldProblem> {
    let variable = |credential: &'static Credential, field: &str| {
        from_environment(Some(credential), system.field(field)?, environment).map(|(name, _)| name)
    };
    let of_secret =
        |credential: &'static Credential| credential.secrets().find_map(|field| variable(credential, field));
    let id = |credential: &'static Credential| match credential.identity {
        Some(field) => variable(credential, field),
        None => of_secret(credential),
    };
    let all = || system.credentials.iter();
    let found: Vec<_> = all().filter_map(|credential| Some((credential, id(credential)?))).collect();
    match found.as_slice() {
        [] => Ok(all().find(|credential| of_secret(credential).is_some())),
        [(credential, _)] => Ok(Some(*credential)),
        [first, second, ..] => Err(two_in_environment(system, *first, *second)),
    }
}

fn two_configured(
    system: &System,
    (first, of_first): (&Credential, &'static str),
    (second, of_second): (&Credential, &'static str),
) -> FieldProblem {
    let name = |field| system.qualified(field);
    let remedy = if has_method(system) {
        format!("Set `method` to \"{}\" or \"{}\", or leave", first.name, second.name)
    } else {
        "Leave".to_owned()
    };
    FieldProblem::error(
        of_second,
        format!("Two ways to log in to {}", system.title),
        format!(
            "`{}` belongs to the login by `{}`, `{}` to the one by `{}`, and only one of them can be used. {remedy} the \
             fields of one of them out.",
            name(of_first),
            first.name,
            name(of_second),
            second.name
        ),
    )
}

fn two_in_environment(
    system: &System,
    (first, of_first): (&Credential, &'static str),
    (second, of_second): (&Credential, &'static str),
) -> FieldProblem {
    let (field, remedy) = if has_method(system) {
        (METHOD, format!("Set `method` to \"{}\" or \"{}\"", first.name, second.name))
    } else {
        (second.own().next().unwrap_or_default(), "Set the fields of one of them".to_owned())
    };
    FieldProblem::error(
        field,
        format!("Two ways to log in to {}", system.title),
        format!(
            "The environment holds {of_first} for the login by `{}` and {of_second} for the one by `{}`, and nothing \
             says which to use. {remedy}, or unset the other one's variables.",
            first.name, second.name
        ),
    )
}

const METHOD: &str = "method";

#[cfg(test)]
mod tests;
