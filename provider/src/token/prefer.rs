//! `prefer_rotated`: the rotator's token instead of a login, if it is the one that the login would give.

use std::time::Duration;

use tfplugin::{Attribute, AttributePath, ConfigReader, Diagnostic, Diagnostics, Setting};
use tokenferry_sources::{Expiry, Session, Token};
use tokenferry_vault::{Entry, KvPath};

use crate::rotated::{self, Standing, is_fresh};
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
         this resource would log in with and lives as long as asked for. It is never renewed, revoked or dropped \
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
        if let Some(mismatch) = self.mismatch(entry, session) {
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

    fn mismatch(&self, entry: &Entry, session: &Session) -> Option<Diagnostic> {
        let ours = session.identity();
        let pairs = [
            ("system", entry.system.as_str(), ours.system),
            ("issuer", entry.issuer.as_str(), ours.issuer.as_str()),
            ("subject", entry.subject.as_str(), ours.subject.as_str()),
        ];
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
            entry.origin.rotation
        );
        Some(Diagnostic::error("The rotated token is of another login", detail).at(path()))
    }
}

/// How it is sent is for its source to say, never for Vault.
fn borrowed(entry: &Entry, session: &Session) -> Token {
    let (usage, identity) = (session.source().usage(), session.identity().clone());
    let expiry = entry.expires_at.map_or(Expiry::Unknown, Expiry::Reported);
    Token::new(entry.token.clone(), usage, identity, entry.issued_at, expiry)
}

/// What stands in Vault is somebody else's text.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn path() -> AttributePath {
    AttributePath::root().attribute(NAME)
}

pub(super) const NAME: &str = "prefer_rotated";
