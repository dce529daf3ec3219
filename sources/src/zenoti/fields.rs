//! The settings of the system, and the source they describe.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use percent_encoding::utf8_percent_encode;

use super::key::ApiKey;
use super::login::{self, Zenoti};
use crate::base_url::{BaseUrl, UNRESERVED};
use crate::error::Guidance;
use crate::system::{ALLOW_HTTP, Reader};
use crate::transport::{positive, secret_header_value};
use crate::{
    BuildContext, Credential, Field, FieldKind, FieldProblem, Home, Identity, Predecessor, Settings, System,
    Timestamp, TokenSource, Trial,
};

/// Zenoti.
pub static SYSTEM: System = System {
    name: "zenoti",
    title: "Zenoti",
    summary: "Zenoti. Gives an access token of its API for a user of an app, with the end that Zenoti states, 24 hours \
              later by default; or passes an API key on in the form that the API wants.",
    details: "Zenoti gives its one-time passwords to guests only, by mail or phone, and no call returns them. So there \
              is nothing that reads one.\n\n\
              Nothing can be fetched with an API key, and no call makes or renews one: with `api_key` nothing is \
              sent, and what comes out is the key with the header it belongs into. Set `api_key_expires_at` if you \
              know when it ends.\n\n\
              Revoking a token ends **all** sessions of its user at once, those of other programs, too. It never \
              happens unless somebody asks for it. An employee's tokens also end when the password changes.\n\n\
              The `issuer` of a token is the URL that it comes from, with account and app, because one user name may \
              stand for several people. `device_id` is sent with every login; unless configured, it is a GUID made \
              of account, user name and app, the same on every machine.\n\n\
              Zenoti allows about 60 calls a minute for each organisation. When it refuses a call for that, it says \
              how long to wait (`Retry-After`, `RateLimit-Reset`), and it is waited for up to `max_wait`.",
    home: Home::ProviderBlock,
    predecessor: Predecessor::Unknown,
    documented_life: Some(Duration::from_hours(24)),
    trial: Trial::Never,
    refreshes: true,
    revokes: true,
    realm: &[ACCOUNT_NAME.name],
    credentials: &[
        Credential {
            name: "password",
            identity: Some(USERNAME.name),
            secrets: &[&[PASSWORD.name], &[APP_SECRET.name]],
            settings: &[DEVICE_ID.name, TTL.name],
            variables: &[],
        },
        Credential {
            name: BY_KEY,
            identity: None,
            secrets: &[&[API_KEY.name]],
            settings: &[API_KEY_EXPIRES_AT.name],
            variables: &[],
        },
    ],
    fields: &[
        METHOD,
        ACCOUNT_NAME,
        USERNAME,
        PASSWORD,
        APP_ID,
        APP_SECRET,
        DEVICE_ID,
        TTL,
        API_KEY,
        API_KEY_EXPIRES_AT,
        BASE_URL,
        ALLOW_HTTP,
    ],
    rotator_fields: &[],
    guidance: Guidance {
        login_refused: "Check `account_name`, `username`, `password`, `app_id` and `app_secret` (ZENOTI_ACCOUNT_NAME, \
                        ZENOTI_USERNAME, ZENOTI_PASSWORD, ZENOTI_APP_ID and ZENOTI_APP_SECRET): the app is found in \
                        Zenoti under Configuration > Integrations > Apps, and the user must be one that may log in \
                        to it.",
        no_access: "The app or its user may not do this. Check the permissions of the app for access tokens, and the \
                    security roles of the user.",
        address: "Check `base_url` (ZENOTI_BASE_URL): it is everything before `/v1`, as in \
                  \"https://api.zenoti.com\".",
    },
    check: None,
    build,
};

fn build(settings: &Settings, context: &BuildContext) -> Result<Arc<dyn TokenSource>, Vec<FieldProblem>> {
    let mut reader = Reader::new(&SYSTEM, settings);
    let base_url = reader.url(BASE_URL.name);
    if settings.credential() == Some(BY_KEY) {
        by_key(reader, base_url, context)
    } else {
        by_password(reader, base_url, context)
    }
}

fn by_password(
    mut reader: Reader,
    base_url: Option<BaseUrl>,
    context: &BuildContext,
) -> Result<Arc<dyn TokenSource>, Vec<FieldProblem>> {
    let credential = login::Credential {
        account_name: reader.text(ACCOUNT_NAME.name),
        username: reader.text(USERNAME.name),
        password: reader.secret(PASSWORD.name),
        app_id: reader.text(APP_ID.name),
        app_secret: reader.secret(APP_SECRET.name),
        device_id: text(&mut reader, DEVICE_ID.name),
    };
    let ttl = reader.duration(TTL.name);
    reader.finish(|| {
        let base_url = base_url?;
        let issuer = issuer(&base_url, Some(&credential.account_name), Some(&credential.app_id));
        let identity = Identity { system: SYSTEM.name, issuer, subject: credential.username.clone() };
        let source = Zenoti::new(identity, credential, base_url, ttl, context.clone());
        Some(Arc::new(source) as Arc<dyn TokenSource>)
    })
}

fn by_key(
    mut reader: Reader,
    base_url: Option<BaseUrl>,
    context: &BuildContext,
) -> Result<Arc<dyn TokenSource>, Vec<FieldProblem>> {
    let (account_name, app_id) = (text(&mut reader, ACCOUNT_NAME.name), text(&mut reader, APP_ID.name));
    let value = reader.secret(API_KEY.name);
    let expires_at = reader.optional(API_KEY_EXPIRES_AT.name, time);
    reader.finish(|| {
        let issuer = issuer(&base_url?, account_name.as_deref(), app_id.as_deref());
        // A key does not say whose it is.
        let subject = account_name.unwrap_or_default();
        let identity = Identity { system: SYSTEM.name, issuer, subject };
        let context = context.clone();
        Some(Arc::new(ApiKey { identity, value, expires_at, context }) as Arc<dyn TokenSource>)
    })
}

fn text(reader: &mut Reader, field: &'static str) -> Option<String> {
    reader.optional(field, |text| Ok(text.to_owned()))
}

/// Where tokens come from, with what else tells those of one user name apart.
fn issuer(base_url: &BaseUrl, account_name: Option<&str>, app_id: Option<&str>) -> String {
    let mut url = base_url.join("v1/tokens");
    let argument = |name, value: &str| format!("{name}={}", utf8_percent_encode(value, UNRESERVED));
    let account = account_name.map(|value| argument(ACCOUNT_NAME.name, value));
    let app = app_id.map(|value| argument(APP_ID.name, value));
    let arguments: Vec<String> = account.into_iter().chain(app).collect();
    url.set_query((!arguments.is_empty()).then(|| arguments.join("&")).as_deref());
    url.to_string()
}

fn time(text: &str) -> Result<Timestamp, String> {
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    time.map_err(|_| "it is not a time such as \"2027-01-31T00:00:00Z\"".to_owned())
}

fn time_rule(text: &str) -> Result<(), String> {
    time(text).map(drop)
}

fn account_rule(text: &str) -> Result<(), String> {
    if text.contains("://") || text.to_ascii_lowercase().trim_end_matches('/').ends_with(".zenoti.com") {
        return Err(
            "it must be the first part of the host alone, such as \"acme\" of acme.zenoti.com".to_owned()
        );
    }
    Ok(())
}

fn header_rule(text: &str) -> Result<(), String> {
    secret_header_value(text).map(drop).ok_or_else(|| "it cannot be sent in a header".to_owned())
}

const METHOD: Field = Field {
    name: "method",
    kind: FieldKind::Choice(&["password", BY_KEY]),
    description: "What to log in with: `password` for an access token of a user, `api_key` to pass an API key on. Needed \
                  only if both are there.",
    default: None,
    environment: None,
    rule: None,
};

const ACCOUNT_NAME: Field = Field {
    name: "account_name",
    kind: FieldKind::Text,
    description: "The name of the organisation's account, which is the first part of its Zenoti URL: `acme` for \
                  `https://acme.zenoti.com`. With `api_key` it is optional and never sent: it says whose key it is, which \
                  `prefer_rotated` has to know.",
    default: None,
    environment: Some("ZENOTI_ACCOUNT_NAME"),
    rule: Some(account_rule),
};

const USERNAME: Field = Field {
    name: "username",
    kind: FieldKind::Text,
    description: "The name of the user who logs in to the app. It is not secret: tokens show it as their `subject`, \
                  which data sources store in the state.",
    default: None,
    environment: Some("ZENOTI_USERNAME"),
    rule: None,
};

const PASSWORD: Field = Field {
    name: "password",
    kind: FieldKind::Secret,
    description: "The password of the user.",
    default: None,
    environment: Some("ZENOTI_PASSWORD"),
    rule: None,
};

const APP_ID: Field = Field {
    name: "app_id",
    kind: FieldKind::Text,
    description: "The id of the app, a GUID from the app's page. With `api_key` it is optional and only shown.",
    default: None,
    environment: Some("ZENOTI_APP_ID"),
    rule: None,
};

const APP_SECRET: Field = Field {
    name: "app_secret",
    kind: FieldKind::Secret,
    description: "The secret of the app, from the app's page.",
    default: None,
    environment: Some("ZENOTI_APP_SECRET"),
    rule: None,
};

const DEVICE_ID: Field = Field {
    name: "device_id",
    kind: FieldKind::Text,
    description: "Any text that stands for this client. Without it, a GUID made of `account_name`, `username` and \
                  `app_id` is sent, which is always the same.",
    default: None,
    environment: Some("ZENOTI_DEVICE_ID"),
    rule: None,
};

const TTL: Field = Field {
    name: "ttl",
    kind: FieldKind::Duration,
    description: "How long a token is assumed to live, for example `24h`, where Zenoti does not say it in a way that can \
                  be read.",
    default: None,
    environment: None,
    rule: Some(positive),
};

const API_KEY: Field = Field {
    name: "api_key",
    kind: FieldKind::Secret,
    description: "An API key of an app, instead of user name, password and app secret.",
    default: None,
    environment: Some("ZENOTI_API_KEY"),
    rule: Some(header_rule),
};

const API_KEY_EXPIRES_AT: Field = Field {
    name: "api_key_expires_at",
    kind: FieldKind::Text,
    description: "When the API key ends, in the form of RFC 3339, as in `2027-01-31T00:00:00Z`. Without it the end of the \
                  key is not known.",
    default: None,
    environment: Some("ZENOTI_API_KEY_EXPIRES_AT"),
    rule: Some(time_rule),
};

const BASE_URL: Field = Field {
    name: "base_url",
    kind: FieldKind::Url,
    description: "The URL of the API, everything before `/v1`.",
    default: Some("https://api.zenoti.com"),
    environment: Some("ZENOTI_BASE_URL"),
    rule: Some(|text| BaseUrl::without(text, "/v1")),
};

const BY_KEY: &str = "api_key";
