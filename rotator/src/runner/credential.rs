//! Naming what a source logs in with, without reading it.

use tokenferry_sources::{ExposeSecret, Field, FieldKind, Given, System};

use crate::run::CredentialKey;
use crate::source::{Reference, Setting, Source};

/// System, address and identity, as configured: two sources with the same ones log in as the same user. An identity
/// that is referred to counts by where it is kept, so that nothing has to be read.
pub(super) fn key(source: &Source) -> CredentialKey {
    let fields = source.system.fields.iter();
    let telling = fields.filter(|field| tells(source.system, field));
    let values = telling.map(|field| {
        let written = source.field(field.name).and_then(place);
        written.unwrap_or_else(|| format!("\n={}", field.default.unwrap_or_default()))
    });
    let key: String = std::iter::once(source.system.name.to_owned()).chain(values).collect();
    CredentialKey(key.into())
}

/// What is written, or where it is kept.
fn place(setting: &Setting) -> Option<String> {
    match setting {
        Setting::InVault(kept) => Some(format!("\n%{kept}")),
        Setting::Literal(Given::Text(text)) => Some(format!("\n={}", text.expose_secret())),
        Setting::Reference(Reference::Env(name)) => Some(format!("\n${name}")),
        Setting::Reference(Reference::File(path)) => Some(format!("\n@{}", path.display())),
        Setting::Blocks(_) | Setting::Literal(_) | Setting::Map(_) => None,
    }
}

/// Whether a field says where to log in, or who does. A secret does where nothing else says so.
fn tells(system: &System, field: &Field) -> bool {
    let nameless = || system.credentials.iter().filter(|credential| credential.identity.is_none());
    matches!(field.kind, FieldKind::Url)
        || system.is_identity(field.name)
        || nameless().any(|credential| credential.secrets().any(|secret| secret == field.name))
}

#[cfg(test)]
mod tests {
    use tokenferry_sources::{HttpSettings, system};

    use super::*;

    fn key_of(fields: &[(&'static str, Setting)]) -> CredentialKey {
        key(&Source {
            name: "zettelstore.home".into(),
            system: system("zettelstore").unwrap(),
            fields: fields.into(),
            http: HttpSettings::default(),
            ttl: None,
        })
    }

    fn text(text: &str) -> Setting {
        Setting::Literal(text.into())
    }

    #[test]
    fn sources_of_one_user_share_a_key_and_others_do_not() {
        let anna = key_of(&[("username", text("anna")), ("password", text("one"))]);
        let default_url = ("base_url", text("http://127.0.0.1:23123/"));
        assert_eq!(anna, key_of(&[("username", text("anna")), ("method", text("form")), default_url]));
        assert_ne!(anna, key_of(&[("username", text("ben"))]));
        assert_ne!(anna, key_of(&[("username", text("anna")), ("base_url", text("https://z.example/"))]));
        assert!(!format!("{anna:?}").contains("one"));
    }

    #[test]
    fn an_identity_that_is_kept_elsewhere_counts_by_its_place() {
        let variable = |name: &str| Setting::Reference(Reference::Env(name.to_owned()));
        let user = key_of(&[("username", variable("ANNA"))]);
        assert_eq!(user, key_of(&[("username", variable("ANNA"))]));
        assert_ne!(user, key_of(&[("username", text("ANNA"))]));
        let file = Setting::Reference(Reference::File("ANNA".into()));
        assert_ne!(user, key_of(&[("username", file)]));
    }
}
