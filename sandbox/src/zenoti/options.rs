//! Who may log in to the simulated Zenoti, and how it answers.

use std::fmt;
use std::time::Duration;

/// The simulated Zenoti.
#[derive(Clone)]
pub struct ZenotiOptions {
    /// Who may log in, to which app; the first one is announced to users.
    pub users: Vec<ZenotiUser>,
    /// The API keys that are good.
    pub api_keys: Vec<String>,
    /// From a login to the end of its token: 24 hours.
    pub token_lifetime: Duration,
    /// From a login to the end of its refresh token: 90 days.
    pub refresh_lifetime: Duration,
    /// The form of successful answers.
    pub form: ZenotiForm,
    /// The form of errors.
    pub errors: ZenotiErrors,
    /// Whether errors come with status 200 instead of their own.
    pub errors_look_good: bool,
}

/// One user of one app.
#[derive(Clone)]
pub struct ZenotiUser {
    /// The organisation's account.
    pub account_name: String,
    /// The user's name.
    pub username: String,
    /// The user's password.
    pub password: String,
    /// The app.
    pub app_id: String,
    /// The app's secret.
    pub app_secret: String,
    /// What a login brings.
    pub mode: ZenotiMode,
}

/// What a login with the right password brings.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ZenotiMode {
    /// An answer with a token, whose policy evaluation does not allow the login.
    DeniedByPolicy,
    /// Status 403.
    Forbidden,
    /// A token.
    #[default]
    Normal,
    /// An answer that looks good, without a token.
    NoToken,
}

/// The form of successful answers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ZenotiForm {
    /// As of now: `credentials` with a date of seven digits after the second.
    #[default]
    Current,
    /// As before 2020: flat, with `expires_in`.
    Legacy,
    /// As of now, but without any date.
    NoDates,
}

/// The form of errors.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ZenotiErrors {
    /// `{"error":{"code","message"}}`.
    #[default]
    Nested,
    /// `{"Error":{"StatusCode","Message"}}`.
    NestedLegacy,
    /// `{"code","message"}`.
    Flat,
    /// `{"Message"}`.
    FlatLegacy,
    /// `{"errors":[{"code","message","field"}],"status"}`.
    List,
}

impl Default for ZenotiOptions {
    fn default() -> Self {
        Self {
            users: vec![ZenotiUser::new("sandbox", "sandbox", "sandbox-password")],
            api_keys: vec!["sandbox-api-key".to_owned()],
            token_lifetime: Duration::from_hours(24),
            refresh_lifetime: Duration::from_hours(2160),
            form: ZenotiForm::default(),
            errors: ZenotiErrors::default(),
            errors_look_good: false,
        }
    }
}

impl fmt::Debug for ZenotiOptions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ZenotiOptions")
            .field("users", &self.users)
            .field("token_lifetime", &self.token_lifetime)
            .field("form", &self.form)
            .field("errors", &self.errors)
            .finish_non_exhaustive()
    }
}

impl ZenotiUser {
    /// A user of the app `00000000-0000-4000-8000-000000000001` with the secret `sandbox-app-secret`.
    pub fn new(account_name: &str, username: &str, password: &str) -> Self {
        Self {
            account_name: account_name.to_owned(),
            username: username.to_owned(),
            password: password.to_owned(),
            app_id: "00000000-0000-4000-8000-000000000001".to_owned(),
            app_secret: "sandbox-app-secret".to_owned(),
            mode: ZenotiMode::Normal,
        }
    }

    /// Sets what a login brings.
    pub fn mode(mut self, mode: ZenotiMode) -> Self {
        self.mode = mode;
        self
    }
}

impl fmt::Debug for ZenotiUser {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ZenotiUser")
            .field("account_name", &self.account_name)
            .field("username", &self.username)
            .field("app_id", &self.app_id)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}
