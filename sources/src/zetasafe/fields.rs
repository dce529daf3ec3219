//! The settings of the system, and the source they describe.

use std::sync::Arc;

use secrecy::ExposeSecret;

use super::call::Call;
use super::login::{self, ZetaSafe};
use crate::base_url::BaseUrl;
use crate::error::Guidance;
use crate::system::{ALLOW_HTTP, Reader, no_meaning};
use crate::transport::positive;
use crate::{
    BuildContext, Credential, Field, FieldKind, FieldProblem, Given, GivenFields, Home, Predecessor,
    Settings, System, TokenSource, Trial,
};

/// ZetaSafe.
pub static SYSTEM: System = System {
    name: "zetasafe",
    title: "ZetaSafe",
    summary: "ZetaSafe. Gives the token that its API wants in the header `x-auth-token`, for a user name and a \
              password. A token is good for one client. ZetaSafe does not say how long it lives: say so by `ttl`.",
    details: "A token of ZetaSafe has no end that anybody could read: neither the answer to the login nor the \
              documentation names one, and the token itself is opaque. Without `ttl` its `expires_at` is therefore \
              null, and nothing is renewed in time because of it. With `ttl` the end is an assumption of yours; take \
              one that is rather too short.\n\n\
              Each token belongs to one client (or to one role), so its `issuer` is the URL that it was asked from, \
              with the ids of client and role; its `subject` is the user name. There is no call that renews or \
              revokes a token. Whether a login ends the tokens before it is not documented.\n\n\
              A wrong password is not tried again: ZetaSafe does not document after how many attempts an account is \
              locked.",
    home: Home::ProviderBlock,
    predecessor: Predecessor::Unknown,
    documented_life: None,
    trial: Trial::Never,
    refreshes: false,
    revokes: false,
    realm: &[],
    credentials: &[Credential {
        name: "password",
        identity: Some(USERNAME.name),
        secrets: &[&[PASSWORD.name]],
        settings: &[],
        variables: &[],
    }],
    fields: &[
        USERNAME,
        PASSWORD,
        TOKEN_KIND,
        ADMIN_CLIENT_ID,
        ROLE_ID,
        CLIENT_ID,
        ENVIRONMENT,
        BASE_URL,
        TTL,
        ALLOW_HTTP,
    ],
    rotator_fields: &[],
    guidance: Guidance {
        login_refused: "Check `username` and `password` (ZETASAFE_USERNAME and ZETASAFE_PASSWORD), and that the user \
                        belongs to the `environment` that was asked.",
        no_access: "The server does not let this user use the API. Check the rights of the user, and any proxy in \
                    between.",
        address: "Check `environment` and `base_url` (ZETASAFE_ENVIRONMENT and ZETASAFE_BASE_URL): `base_url` is \
                  everything before `/ext`, as in \"https://api.zetasafe.net\".",
    },
    check: Some(check),
    build,
};

fn build(settings: &Settings, context: &BuildContext) -> Result<Arc<dyn TokenSource>, Vec<FieldProblem>> {
    let mut reader = Reader::new(&SYSTEM, settings);
    let username = reader.text(USERNAME.name);
    let credential = login::Credential { username, password: reader.secret(PASSWORD.name) };
    let call = call(&mut reader);
    let base_url = base_url(&mut reader);
    let ttl = reader.duration(TTL.name);
    reader.finish(|| {
        let source = ZetaSafe::new(credential, &base_url?, &call?, ttl, context.clone());
        Some(Arc::new(source) as Arc<dyn TokenSource>)
    })
}

/// A token is for a client or for a role, and each has fields of its own.
fn check(given: &GivenFields) -> Vec<FieldProblem> {
    let is_written = |field: &&Field| !matches!(given.get(field.name), None | Some(Given::Unknown));
    let of_role = || [&ROLE_ID, &CLIENT_ID].into_iter().filter(is_written);
    let kind = match given.get(TOKEN_KIND.name) {
        Some(Given::Text(kind)) => Some(kind.expose_secret()),
        Some(_) => return Vec::new(),
        None => None,
    };
    let malformed = |field: &Field, wrong: String| {
        FieldProblem::malformed(field.name, &SYSTEM.qualified(field.name), wrong)
    };
    let unused = |field: &Field, kind: &str| malformed(field, no_meaning(TOKEN_KIND.name, kind));
    match kind {
        Some(ROLE) => {
            Some(&ADMIN_CLIENT_ID).filter(is_written).map(|field| unused(field, ROLE)).into_iter().collect()
        }
        Some(USER_CLIENT) => of_role().map(|field| unused(field, USER_CLIENT)).collect(),
        None if is_written(&&ADMIN_CLIENT_ID) => {
            let wrong = "a token is either for a role or for the client `admin_client_id`, which is set, too; leave one \
                         of them out";
            of_role().map(|field| malformed(field, wrong.to_owned())).collect()
        }
        _ => Vec::new(),
    }
}

fn call(reader: &mut Reader) -> Option<Call> {
    let kind = reader.optional(TOKEN_KIND.name, |text| Ok(text.to_owned()))?;
    let id = |reader: &mut Reader, field| reader.optional(field, |text| Ok(text.to_owned()));
    if kind == ROLE {
        reader.unused(ADMIN_CLIENT_ID.name, TOKEN_KIND.name, &kind);
        return Some(Call::Role { role_id: id(reader, ROLE_ID.name), client_id: id(reader, CLIENT_ID.name) });
    }
    reader.unused(ROLE_ID.name, TOKEN_KIND.name, &kind);
    reader.unused(CLIENT_ID.name, TOKEN_KIND.name, &kind);
    Some(Call::UserClient { admin_client_id: reader.text(ADMIN_CLIENT_ID.name) })
}

/// The configured one. Where there is one, the environment is not asked for, so it does not matter what is wrong
/// with it.
fn base_url(reader: &mut Reader) -> Option<BaseUrl> {
    if reader.has(BASE_URL.name) {
        reader.ignore(ENVIRONMENT.name);
        return reader.url(BASE_URL.name);
    }
    let environment = reader.optional(ENVIRONMENT.name, |text| Ok(text.to_owned()))?;
    BaseUrl::parse(if environment == DEVELOPMENT { DEVELOPMENT_URL } else { PRODUCTION_URL }, false).ok()
}

const USERNAME: Field = Field {
    name: "username",
    kind: FieldKind::Text,
    description: "The name of the user. It is not secret: tokens show it as their `subject`, which data sources store \
                  in the state.",
    default: None,
    environment: Some("ZETASAFE_USERNAME"),
    rule: None,
};

const PASSWORD: Field = Field {
    name: "password",
    kind: FieldKind::Secret,
    description: "The password of the user.",
    default: None,
    environment: Some("ZETASAFE_PASSWORD"),
    rule: None,
};

const TOKEN_KIND: Field = Field {
    name: "token_kind",
    kind: FieldKind::Choice(&[USER_CLIENT, ROLE]),
    description: "What the token is for: `user_client` for the user's work as an admin of the client \
                  `admin_client_id`, `role` for the work with the role `role_id` at the client `client_id`.",
    default: Some(USER_CLIENT),
    environment: Some("ZETASAFE_TOKEN_KIND"),
    rule: None,
};

const ADMIN_CLIENT_ID: Field = Field {
    name: "admin_client_id",
    kind: FieldKind::Text,
    description: "The id of the client that the user is an admin of. Needed with `token_kind = \"user_client\"`, and \
                  only there. It is not secret: tokens show it in their `issuer`.",
    default: None,
    environment: Some("ZETASAFE_ADMIN_CLIENT_ID"),
    rule: None,
};

const ROLE_ID: Field = Field {
    name: "role_id",
    kind: FieldKind::Text,
    description: "The id of the role, with `token_kind = \"role\"`. Users with several roles, or with a role at \
                  several clients, need both `role_id` and `client_id`; others may leave them out.",
    default: None,
    environment: Some("ZETASAFE_ROLE_ID"),
    rule: None,
};

const CLIENT_ID: Field = Field {
    name: "client_id",
    kind: FieldKind::Text,
    description: "The id of the client, with `token_kind = \"role\"`. See `role_id`.",
    default: None,
    environment: Some("ZETASAFE_CLIENT_ID"),
    rule: None,
};

const ENVIRONMENT: Field = Field {
    name: "environment",
    kind: FieldKind::Choice(&["production", DEVELOPMENT]),
    description: "Which ZetaSafe is asked: `production` at `https://api.zetasafe.net`, or `development` at \
                  `https://api.zetasafe.net/dev`. Without effect if there is a `base_url`.",
    default: Some("production"),
    environment: Some("ZETASAFE_ENVIRONMENT"),
    rule: None,
};

const BASE_URL: Field = Field {
    name: "base_url",
    kind: FieldKind::Url,
    description: "The URL of the API, everything before `/ext`, if it is not the one of `environment`. It takes \
                  precedence over `environment`, wherever either is set.",
    default: None,
    environment: Some("ZETASAFE_BASE_URL"),
    rule: Some(|text| BaseUrl::without(text, "/ext")),
};

const TTL: Field = Field {
    name: "ttl",
    kind: FieldKind::Duration,
    description: "How long a token is assumed to live, for example `1h`: ZetaSafe does not say it. Without it the end \
                  of a token is not known.",
    default: None,
    environment: None,
    rule: Some(positive),
};

const USER_CLIENT: &str = "user_client";
const ROLE: &str = "role";
const DEVELOPMENT: &str = "development";
const PRODUCTION_URL: &str = "https://api.zetasafe.net";
const DEVELOPMENT_URL: &str = "https://api.zetasafe.net/dev";
