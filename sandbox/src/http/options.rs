//! The settings of the simulated service.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use serde_json::{Map, Value, json};

/// The simulated service.
#[derive(Clone)]
pub struct HttpOptions {
    /// Who may log in, in two steps.
    pub username: String,
    /// Proves it.
    pub password: String,
    /// From a login to the end of its token.
    pub token_lifetime: Duration,
    /// How an answer says when its token ends.
    pub stated: Stated,
    /// Clients of the OAuth 2 token endpoint; the first one is announced to users. Each may also sign with
    /// [`ExampleKey`](crate::ExampleKey).
    pub clients: Vec<OAuth2Client>,
    /// The secret of the one-time passwords, in base32: SHA-1, six digits, 30 seconds.
    pub totp_secret: String,
}

/// One client.
#[derive(Clone)]
pub struct OAuth2Client {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// What it may ask for.
    pub scopes: Vec<String>,
    /// Whom its tokens may be for.
    pub audiences: Vec<String>,
}

/// How an answer says when its token ends.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Stated {
    /// By `expires_at`, a date and time.
    DateTime,
    /// In the token, which is a JSON Web Token.
    InToken,
    /// By `expires_in`, seconds as a number.
    #[default]
    Seconds,
    /// By `expires_in`, seconds as a text.
    SecondsAsText,
    /// Not at all.
    Silent,
    /// By `expires_at`, in Unix seconds.
    UnixTime,
}

impl Default for HttpOptions {
    fn default() -> Self {
        let scopes = ["read", "write"].map(str::to_owned).into();
        Self {
            username: "sandbox".to_owned(),
            password: "sandbox-password".to_owned(),
            token_lifetime: Duration::from_mins(15),
            stated: Stated::default(),
            clients: vec![OAuth2Client {
                id: "sandbox:client".to_owned(),
                secret: "sandbox+secret & more".to_owned(),
                scopes,
                audiences: vec!["https://api.sandbox.example".to_owned()],
            }],
            totp_secret: "ONQW4ZDCN54C25DPORYC243FMNZGK5BN".to_owned(),
        }
    }
}

impl Stated {
    /// A token of its own.
    pub(crate) fn token(self, now: i64, life: i64) -> String {
        let id = format!("{:032x}", fastrand::u128(..));
        if self != Self::InToken {
            return format!("sandbox-{id}");
        }
        let claims = json!({ "iat": now, "exp": now.saturating_add(life), "jti": id }).to_string();
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(r#"{"alg":"none"}"#), part(&claims), part("sandbox"))
    }

    /// What stands beside the token.
    pub(crate) fn members(self, now: i64, life: i64) -> Map<String, Value> {
        let end = now.saturating_add(life);
        let (name, value) = match self {
            Self::DateTime => {
                let end = DateTime::from_timestamp(end, 0).map(|end| end.to_rfc3339());
                ("expires_at", end.unwrap_or_default().into())
            }
            Self::Seconds => ("expires_in", life.into()),
            Self::SecondsAsText => ("expires_in", life.to_string().into()),
            Self::UnixTime => ("expires_at", end.into()),
            Self::InToken | Self::Silent => return Map::new(),
        };
        Map::from_iter([(name.to_owned(), value)])
    }
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HttpOptions")
            .field("username", &self.username)
            .field("token_lifetime", &self.token_lifetime)
            .field("stated", &self.stated)
            .field("clients", &self.clients)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for OAuth2Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("OAuth2Client").field("id", &self.id).finish_non_exhaustive()
    }
}
