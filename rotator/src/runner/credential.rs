//! Naming what a source logs in with, without reading it.

use tokenferry_sources::{ExposeSecret, FieldRole, Given};

use crate::run::CredentialKey;
use crate::source::{Reference, Setting, Source};

/// System, address and identity, as configured: two sources with the same ones log in as the same user. An identity
/// that is referred to counts by where it is kept, so that nothing has to be read.
pub(super) fn key(source: &Source) -> CredentialKey {
    let mut key = source.system.name.to_owned();
    for field in source.system.fields {
        if !matches!(field.role, FieldRole::Identity | FieldRole::Url) {
            continue;
        }
        key.push_str(&match source.fields.get(field.name) {
            Some(Setting::Literal(Given::Text(text))) => format!("\n={}", text.expose_secret()),
            Some(Setting::Reference(Reference::Env(name))) => format!("\n${name}"),
            Some(Setting::Reference(Reference::File(path))) => format!("\n@{}", path.display()),
            _ => format!("\n={}", field.default.unwrap_or_default()),
        });
    }
    CredentialKey(key.into())
}
