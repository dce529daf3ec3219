//! `prefer_rotated`: the rotator's token instead of a login, if it is the one that the login would give.

use std::time::Duration;

use tfplugin::{Attribute, AttributePath, ConfigReader, Diagnostic, Diagnostics, Setting};
use tokenferry_sources::{Expiry, Field, Identity, Session, Token, system};
use tokenferry_vault::{Entry, KvPath};

use crate::rotated::{self, Standing, is_fresh, shown};
use crate::systems::Systems;

/// Which entry, and what holds if it is of no use.
pub(super) struct PreferRotated {
    at: KvPath,
    on_miss: OnMiss,
}

/// What to do if the entry is absent or too old.
#[derive(Clone, Copy)]
enum OnMiss {
    Error,
    Login,
}

/// The argument.
pub(super) fn argument() -> Attribute {
    let on_miss = Attribute::string("on_miss").optional().describe(
        "What happens if there is no entry, or its token does not live long enough: `login` logs in, `error` fails. \
         Whatever else is wrong fails in any case: another login's token, or a Vault that is sealed, cannot be \
         reached or denies access. Default: `login`.",
    );
    let [mount, path] = rotated::place::arguments();
    Attribute::object(NAME, [mount, path, on_miss]).optional().describe(
        "Use the token that the tokenferry rotator keeps in Vault, if it is of the system, issuer and subject that \
         this resource would log in with, none of which may be empty, and lives as long as asked for. It is never renewed, revoked or dropped \
         here. The credential has to be configured all the same: it says whose token is meant.",
    )
}

/// Reads it. `None` where it is not set, not known yet, or there was a message about it.
pub(super) fn read(reader: &mut ConfigReader<'_>) -> Option<PreferRotated> {
    let Setting::Known(mut reader) = reader.object(NAME) else { return None };
    let on_miss = reader.parse("on_miss", |text| match text {
        "error" => Ok(OnMiss::Error),
        "login" => Ok(OnMiss::Login),
        _ => Err("it must be one of \"login\", \"error\""),
    });
    let on_miss = on_miss.known().unwrap_or(OnMiss::Login);
    rotated::place::read(&mut reader).map(|at| PreferRotated { at, on_miss })
}

impl PreferRotated {
    /// The rotator's token; `None` if a login is in order.
    ///
    /// # Errors
    /// When the entry is another login's, nobody can tell what is there, or it is of no use and must be.
    pub(super) async fn token(
        &self,
        systems: &Systems,
        session: &Session,
        minimum: Option<Duration>,
    ) -> Result<Option<Token>, Diagnostics> {
        let path = path();
        let now = systems.clock().now();
        let found = systems.entries().read(&self.at, &path, |found| is_fresh(found, minimum, now)).await?;
        let Some(found) = found else {
            return self.missed(rotated::absent(&self.at, &path));
        };
        let entry = &found.entry;
        if let Some(mismatch) = self.mismatch(entry, session.identity()) {
            return Err(mismatch.into());
        }
        let standing = Standing::of(entry, minimum, systems.clock().now());
        match standing.problem(&self.at, entry, &path) {
            None => Ok(Some(borrowed(entry, session))),
            // That is not its age: nobody knows that.
            Some(problem) if matches!(standing, Standing::Unknown { .. }) => Err(problem.into()),
            Some(problem) => self.missed(problem),
        }
    }

    fn missed(&self, problem: Diagnostic) -> Result<Option<Token>, Diagnostics> {
        match self.on_miss {
            OnMiss::Error => Err(problem.into()),
            OnMiss::Login => Ok(None),
        }
    }

    fn mismatch(&self, entry: &Entry, ours: &Identity) -> Option<Diagnostic> {
        let pairs = pairs(entry, ours);
        if let Some((what, theirs, _)) =
            pairs.iter().find(|(_, theirs, ours)| theirs.is_empty() || ours.is_empty())
        {
            return Some(nameless(what, theirs.is_empty(), &self.at, entry, ours.system));
        }
        let different = pairs.into_iter().filter(|(_, theirs, ours)| theirs != ours);
        let different: Vec<_> = different
            .map(|(what, theirs, ours)| {
                format!("the {what} is \"{}\" there, and \"{}\" here", shown(theirs), shown(ours))
            })
            .collect();
        if different.is_empty() {
            return None;
        }
        let detail = format!(
            "The entry at {} is not the token that this resource would log in for: {}. It was written by rotation \
             `{}`. Name the entry of the right rotation, or make the two logins the same.",
            self.at,
            different.join("; "),
            shown(&entry.origin.rotation)
        );
        Some(Diagnostic::error("The rotated token is of another login", detail).at(path()))
    }
}

/// What has to be the same: what it is, there, and here.
fn pairs<'a>(entry: &'a Entry, ours: &'a Identity) -> [(&'static str, &'a str, &'a str); 3] {
    [
        ("system", &entry.system, ours.system),
        ("issuer", &entry.issuer, &ours.issuer),
        ("subject", &entry.subject, &ours.subject),
    ]
}

/// Nothing is the same as nothing, and says nothing.
fn nameless(what: &str, there: bool, at: &KvPath, entry: &Entry, system: &str) -> Diagnostic {
    let field = account_field(system);
    let rotation = shown(&entry.origin.rotation);
    let detail = if there {
        format!(
            "The entry at {at} does not say the {what} of its token, so nobody can tell whether it is the one that this \
             resource would log in for. Set `{field}` in the source of rotation `{rotation}`, and let it write a new \
             entry."
        )
    } else {
        format!(
            "Nothing says the {what} of the token that this resource would log in for, so nobody can tell whether the \
             entry at {at} holds the same. Set `{field}`, here and in the source of rotation `{rotation}`."
        )
    };
    Diagnostic::error("Nobody can tell whose the rotated token is", detail).at(path())
}

/// The setting that names the account where nothing else does.
fn account_field(name: &str) -> &'static str {
    let fields = system(name).map_or(&[][..], |system| system.fields);
    let is_account = |field: &&Field| ["account", "account_name"].contains(&field.name);
    fields.iter().find(is_account).map_or("account", |field| field.name)
}

/// How it is sent is for its source to say, never for Vault.
fn borrowed(entry: &Entry, session: &Session) -> Token {
    let (usage, identity) = (session.source().usage(), session.identity().clone());
    let expiry = entry.expires_at.map_or(Expiry::Unknown, Expiry::Reported);
    Token::new(entry.token.clone(), usage, identity, entry.issued_at, expiry)
}

fn path() -> AttributePath {
    AttributePath::root().attribute(NAME)
}

pub(super) const NAME: &str = "prefer_rotated";

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokenferry_vault::FieldNames;

    use super::*;

    fn entry(system: &str, issuer: &str, subject: &str) -> Entry {
        let time = "2030-01-31T12:00:00Z";
        let fields = json!({
            "token": "t0ken", "issued_at": time, "occurrence": time, "rotation": "notes", "serial": 1, "schema": 1,
            "system": system, "issuer": issuer, "subject": subject,
        });
        Entry::from_json(fields.as_object().unwrap(), FieldNames::NONE).unwrap()
    }

    /// The detail of what is told, if anything is.
    fn told(theirs: [&str; 3], system: &'static str, issuer: &str, subject: &str) -> Option<String> {
        let prefer = PreferRotated { at: KvPath::new("kv", "a"), on_miss: OnMiss::Login };
        let ours = Identity { system, issuer: issuer.to_owned(), subject: subject.to_owned() };
        let [system, issuer, subject] = theirs;
        prefer.mismatch(&entry(system, issuer, subject), &ours).map(|problem| problem.detail().to_owned())
    }

    #[test]
    fn only_the_same_login_is_the_same() {
        let url = "https://one.example/realms/a/token";
        assert_eq!(told(["http", url, "anna"], "http", url, "anna"), None);
        let realm = told(["http", "https://one.example/realms/b/token", "anna"], "http", url, "anna");
        assert!(realm.unwrap().contains("/realms/b/token"));
    }

    #[test]
    fn nothing_is_not_the_same_as_nothing() {
        let url = "https://one.example/";
        for (theirs, subject, system, field) in [
            (["http", url, ""], "", "http", "`account`"),
            (["http", url, ""], "anna", "http", "`account`"),
            (["http", url, "anna"], "", "http", "`account`"),
            (["zenoti", url, "api_key"], "", "zenoti", "`account_name`"),
            (["", url, "anna"], "anna", "http", "`account`"),
            (["http", "", "anna"], "anna", "http", "`account`"),
        ] {
            let detail = told(theirs, system, url, subject).unwrap_or_else(|| panic!("{theirs:?}"));
            for part in [field, "`notes`", "kv/a"] {
                assert!(detail.contains(part), "{detail}");
            }
        }
    }
}
