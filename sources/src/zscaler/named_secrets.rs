//! Passwords by what they are for, as the API answers them: one member of an object for each.

use std::borrow::Cow;
use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use crate::json::Fields;

/// The passwords of an answer by the names they have in configurations, in the order of these. A plan may keep those
/// of thousands of devices, hence no map.
#[derive(Debug)]
pub(super) struct NamedSecrets(Box<[(Name, SecretString)]>);

/// One that we know costs no memory.
type Name = Cow<'static, str>;

impl NamedSecrets {
    /// Takes them out of an answer, empty ones left out; `None` if there is none at all. The vendor adds some from
    /// time to time: with the suffix `Otp`, `newThingOtp` is `new_thing`.
    pub(super) fn from_fields(
        fields: Fields,
        suffix: &str,
        known: impl Fn(&str) -> Option<&'static str>,
    ) -> Option<Self> {
        let name = |field: &str| match known(field) {
            Some(name) => Some(Name::Borrowed(name)),
            None => stem(field, suffix).map(|stem| Name::Owned(snake_case(stem))),
        };
        let secrets: BTreeMap<Name, SecretString> = fields
            .into_texts()
            .filter(|(_, secret)| !secret.expose_secret().is_empty())
            .filter_map(|(field, secret)| Some((name(&field)?, secret)))
            .collect();
        (!secrets.is_empty()).then(|| NamedSecrets(secrets.into_iter().collect()))
    }

    pub(super) fn get(&self, name: &str) -> Option<&SecretString> {
        self.iter().find(|(known, _)| *known == name).map(|(_, secret)| secret)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &SecretString)> {
        self.0.iter().map(|(name, secret)| (name.as_ref(), secret))
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.iter().map(|(name, _)| name.to_owned()).collect()
    }
}

fn stem<'a>(field: &'a str, suffix: &str) -> Option<&'a str> {
    let stem = field.strip_suffix(suffix)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (!stem.is_empty() && stem.len() <= 64 && stem.chars().all(allowed)).then_some(stem)
}

fn snake_case(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    let mut after_lower = false;
    for c in camel.chars() {
        if c.is_ascii_uppercase() && after_lower {
            snake.push('_');
        }
        after_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        snake.push(if c == '-' { '_' } else { c.to_ascii_lowercase() });
    }
    snake
}
