//! The settings of the simulated server.

use std::fmt;
use std::io;
use std::time::Duration;

/// Above this a server takes the maximum for a token's life.
const LONGEST_LIFE: Duration = Duration::from_hours(1);

/// The shortest signing secret with which a server starts.
const SHORTEST_SECRET: usize = 16;

/// The simulated server.
#[derive(Clone)]
pub struct ZettelstoreOptions {
    /// Who may log in; the first one is announced to users.
    pub users: Vec<ZettelstoreUser>,
    /// From a login to the end of its token: ten minutes; more than an hour counts as one, and zero makes tokens
    /// that are dead at once. A real server knows whole minutes only, the sandbox seconds, too.
    pub token_lifetime: Duration,
    /// Pad logins to half a second, as real servers do against guessing. Off by default.
    pub login_delay: bool,
    /// Which release the server speaks like.
    pub release: Release,
    /// Whether and how the server authenticates.
    pub authentication: Authentication,
    /// What tokens are signed with, at least 16 characters. Tokens survive a restart, but not another secret.
    pub secret: String,
}

/// One user.
#[derive(Clone)]
pub struct ZettelstoreUser {
    /// Case matters.
    pub username: String,
    /// Compared byte by byte, as UTF-8.
    pub password: String,
}

/// Whether and how the server authenticates.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Authentication {
    /// It does not: whoever asks gets the token `freeaccess`.
    Disabled,
    /// It trusts the loopback device: logins work as ever, but no token can be renewed.
    LoopbackIdent,
    /// With user name and password.
    #[default]
    Required,
}

/// The release that is simulated, which decides path and form of the answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Release {
    /// Until 2021: JSON with the member `access_token`.
    V0_0_13,
    /// JSON with the member `token`, at `/v` instead of `/a`.
    V0_0_14,
    /// 0.0.15 to 0.11.2: JSON with the member `token`.
    V0_11,
    /// 0.13 and later: an S-expression.
    #[default]
    V2_1,
}

impl Default for ZettelstoreOptions {
    fn default() -> Self {
        Self {
            users: vec![ZettelstoreUser::new("sandbox", "sandbox-password")],
            token_lifetime: Duration::from_mins(10),
            login_delay: false,
            release: Release::default(),
            authentication: Authentication::default(),
            secret: "sandbox-signing-secret".to_owned(),
        }
    }
}

impl ZettelstoreOptions {
    /// A token's life in seconds.
    pub(crate) fn lifetime_secs(&self) -> i64 {
        i64::try_from(self.token_lifetime.min(LONGEST_LIFE).as_secs()).unwrap_or_default()
    }

    /// Refuses what a real server would not start with.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.authentication != Authentication::Disabled && self.secret.len() < SHORTEST_SECRET {
            let problem = "the signing secret of Zettelstore needs at least 16 characters";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        Ok(())
    }
}

impl fmt::Debug for ZettelstoreOptions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ZettelstoreOptions")
            .field("users", &self.users)
            .field("token_lifetime", &self.token_lifetime)
            .field("login_delay", &self.login_delay)
            .field("release", &self.release)
            .field("authentication", &self.authentication)
            .finish_non_exhaustive()
    }
}

impl ZettelstoreUser {
    /// A user.
    pub fn new(username: &str, password: &str) -> Self {
        Self { username: username.to_owned(), password: password.to_owned() }
    }
}

impl fmt::Debug for ZettelstoreUser {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ZettelstoreUser").field("username", &self.username).finish_non_exhaustive()
    }
}

impl Release {
    /// The path at which tokens are made.
    pub(crate) fn endpoint(self) -> &'static str {
        if self == Self::V0_0_14 { "/zettelstore/v" } else { "/zettelstore/a" }
    }

    /// Does it answer in JSON, and sign tokens as JWT?
    pub(crate) fn speaks_json(self) -> bool {
        self != Self::V2_1
    }
}
