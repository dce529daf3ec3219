//! Passwords by what they are for, as the API answers them: one member of an object for each.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use crate::json::Fields;

/// The passwords of an answer by the names they have in configurations, empty ones left out. The vendor adds some from
/// time to time: with the suffix `Otp`, `newThingOtp` is `new_thing`.
pub(super) fn named_secrets(
    fields: Fields,
    suffix: &str,
    known: impl Fn(&str) -> Option<&'static str>,
) -> BTreeMap<String, SecretString> {
    let name = |field: &str| match known(field) {
        Some(name) => Some(name.to_owned()),
        None => stem(field, suffix).map(snake_case),
    };
    fields
        .into_texts()
        .filter(|(_, secret)| !secret.expose_secret().is_empty())
        .filter_map(|(field, secret)| Some((name(&field)?, secret)))
        .collect()
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
