//! Who may log in to the simulated ZetaSafe, and as what.

use std::fmt;

/// The simulated ZetaSafe.
#[derive(Clone, Debug)]
pub struct ZetasafeOptions {
    /// Who may log in; the first one is announced to users.
    pub users: Vec<ZetasafeUser>,
    /// The clients; the first one is announced to users.
    pub clients: Vec<ZetasafeClient>,
    /// Whether a user who is not an admin of the client is told so with status 400 instead of 200: the vendor's
    /// documentation can be read both ways.
    pub refuses_strangers: bool,
}

/// One user.
#[derive(Clone)]
pub struct ZetasafeUser {
    /// Its name.
    pub username: String,
    /// Its password.
    pub password: String,
    /// What a login brings.
    pub mode: ZetasafeMode,
    /// For the token by role.
    pub roles: Vec<ZetasafeRole>,
}

/// What a login with the right password brings.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ZetasafeMode {
    /// Status 400 and `USER_HAS_NO_APPLICABLE_ROLE`.
    NoApplicableRole,
    /// A token, if the user may have it.
    #[default]
    Normal,
    /// Status 200, but no token in it.
    NoToken,
    /// Status 400 and `PASSWORD_EXPIRED`.
    PasswordExpired,
    /// Status 400 and `UNEXPECTED_ERROR`.
    UnexpectedError,
}

/// One role of a user.
#[derive(Clone, Debug)]
pub struct ZetasafeRole {
    /// Its id.
    pub id: String,
    /// The ids of the clients at which it holds.
    pub clients: Vec<String>,
}

/// One client.
#[derive(Clone, Debug)]
pub struct ZetasafeClient {
    /// Its id.
    pub id: String,
    /// The names of the users who are admins of it.
    pub admins: Vec<String>,
}

impl Default for ZetasafeOptions {
    fn default() -> Self {
        Self {
            users: vec![
                ZetasafeUser::new("sandbox", "sandbox-password").role("sandbox-role", &["sandbox-client"]),
            ],
            clients: vec![
                ZetasafeClient::new("sandbox-client", &["sandbox"]),
                ZetasafeClient::new("other-client", &["anna", "berta"]),
            ],
            refuses_strangers: false,
        }
    }
}

impl ZetasafeUser {
    /// A user without a role.
    pub fn new(username: &str, password: &str) -> Self {
        Self {
            username: username.to_owned(),
            password: password.to_owned(),
            mode: ZetasafeMode::Normal,
            roles: Vec::new(),
        }
    }

    /// Sets what a login brings.
    pub fn mode(mut self, mode: ZetasafeMode) -> Self {
        self.mode = mode;
        self
    }

    /// Adds a role at these clients.
    pub fn role(mut self, id: &str, clients: &[&str]) -> Self {
        self.roles.push(ZetasafeRole { id: id.to_owned(), clients: owned(clients) });
        self
    }
}

impl fmt::Debug for ZetasafeUser {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ZetasafeUser")
            .field("username", &self.username)
            .field("mode", &self.mode)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

impl ZetasafeClient {
    /// A client with these admins.
    pub fn new(id: &str, admins: &[&str]) -> Self {
        Self { id: id.to_owned(), admins: owned(admins) }
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
