//! Naming what a source logs in with, without reading it.

use std::iter;

use tokenferry_sources::{Credential, ExposeSecret, Field, FieldKind, Given, Home, System};

use crate::run::CredentialKey;
use crate::source::{Reference, Setting, Settings, Source};

/// System, address and identity, as configured: two sources with the same ones log in as the same user. An identity
/// that is referred to counts by where it is kept, so that nothing has to be read.
pub(crate) fn key(source: &Source) -> CredentialKey {
    let fields = source.system.fields.iter();
    let telling = fields.filter(|field| tells(source.system, field));
    let values = telling.map(|field| {
        let written = source.field(field.name).map(place);
        written.unwrap_or_else(|| format!("\n={}", field.default.unwrap_or_default()))
    });
    let who: String = iter::once(source.system.name.to_owned()).chain(values).collect();
    CredentialKey::of(&who)
}

/// What a source logs in with, as configured: its credential, and where the secrets of it are kept. Whatever has the same
/// sends the same login.
pub(crate) fn login_key(source: &Source) -> CredentialKey {
    let secrets = source.system.credentials.iter().flat_map(Credential::secrets);
    let written = |secret| source.field(secret).map(|setting| format!("\n{secret}{}", place(setting)));
    let login: String = iter::once(key(source).to_string()).chain(secrets.filter_map(written)).collect();
    CredentialKey::of(&login)
}

/// What is written, or where it is kept.
fn place(setting: &Setting) -> String {
    match setting {
        Setting::Blocks(blocks) => blocks.iter().map(places).collect(),
        Setting::InVault(kept) => format!("\n%{kept}"),
        Setting::Literal(Given::Text(text)) => format!("\n={}", text.expose_secret()),
        Setting::Literal(Given::Flag(flag)) => format!("\n={flag}"),
        Setting::Literal(_) => String::new(),
        Setting::Map(settings) => places(settings),
        Setting::Reference(Reference::Env(name)) => format!("\n${name}"),
        Setting::Reference(Reference::File(path)) => format!("\n@{}", path.display()),
    }
}

fn places(settings: &Settings) -> String {
    let named = settings.iter().map(|(name, setting)| format!("\n{name}{}", place(setting)));
    format!("\n{{{}\n}}", named.collect::<String>())
}

/// Whether a field says where to log in, or who does. A secret does where nothing else says so. Where a system leaves
/// it to its users what says so, everything may.
fn tells(system: &System, field: &Field) -> bool {
    let nameless = || system.credentials.iter().filter(|credential| credential.identity.is_none());
    system.home == Home::Resource
        || matches!(field.kind, FieldKind::Url)
        || system.is_identity(field.name)
        || system.realm.contains(&field.name)
        || nameless().any(|credential| credential.secrets().any(|secret| secret == field.name))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokenferry_sources::system;
    use tokenferry_vault::KvPath;

    use super::*;
    use crate::source::VaultField;

    fn key_of(fields: &[(&'static str, Setting)]) -> CredentialKey {
        key(&Source {
            name: "zettelstore.home".into(),
            system: system("zettelstore").unwrap(),
            fields: fields.into(),
            http: Arc::default(),
            ttl: None,
            rate: None,
            session: None,
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
        let in_vault = |field: &str| {
            let entry = KvPath::new("kv", "ANNA");
            Setting::InVault(Box::new(VaultField { entry, field: field.to_owned() }))
        };
        let kept = key_of(&[("username", in_vault("user"))]);
        assert_eq!(kept, key_of(&[("username", in_vault("user"))]));
        assert_ne!(kept, key_of(&[("username", in_vault("other"))]));
    }

    #[test]
    fn structures_count_by_everything_in_them() {
        let settings = |scope: &str| Settings::from([("scope".to_owned(), text(scope))]);
        let both = |one, other| place(&Setting::Blocks(vec![settings(one), settings(other)]));
        assert_eq!(both("a", "b"), both("a", "b"));
        assert_ne!(both("a", "b"), both("b", "a"));
        assert_ne!(place(&Setting::Map(settings("a"))), place(&Setting::Map(settings("b"))));
    }
}
