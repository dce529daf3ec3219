//! The settings of the system, and the source they describe.

use std::sync::Arc;

use reqwest::header::HeaderName;

use super::plan::Plan;
use super::request_fields::{PRESET_FIELDS, REQUEST_FIELDS, TRIAL_FIELDS};
use super::service::HttpService;
use crate::error::Guidance;
use crate::transport::positive;
use crate::{
    BuildContext, Field, FieldKind, FieldProblem, GivenFields, Home, Predecessor, Settings, System,
    TokenSource, Trial,
};

/// Any HTTP service.
pub static SYSTEM: System = System {
    name: "http",
    title: "the HTTP service",
    summary: "Any HTTP service that gives access tokens: by one request or by several, each of which can use what the \
              answers before it gave, or by OAuth 2 client credentials.",
    details: DETAILS,
    home: Home::Resource,
    predecessor: Predecessor::Unknown,
    documented_life: None,
    trial: Trial::ByField(VERIFY),
    refreshes: false,
    revokes: false,
    realm: &[],
    credentials: &[],
    fields: &[
        SECRETS_FIELD,
        REQUEST_FIELD,
        OAUTH2_FIELD,
        TTL,
        HEADER,
        SCHEME,
        ACCOUNT,
        ALLOW_HTTP,
        ALLOW_LINK_LOCAL,
    ],
    rotator_fields: &[VERIFY_FIELD],
    guidance: Guidance {
        login_refused: "Check what is kept where `secrets` point to, and where the request sends it: in the header, form \
                        field or JSON member that the service expects.",
        no_access: "The service does not give a token to this account. Check its rights, and what is asked for, such as \
                    `scope`.",
        address: "Check the `url` of this request, or the `token_url`, with its path and its method.",
    },
    check: Some(check),
    build,
};

pub(super) const SECRETS: &str = "secrets";
pub(super) const REQUEST: &str = "request";
pub(super) const OAUTH2: &str = "oauth2_client_credentials";
pub(super) const VERIFY: &str = "verify";

fn check(given: &GivenFields) -> Vec<FieldProblem> {
    Plan::read(given).1.problems
}

fn build(settings: &Settings, context: &BuildContext) -> Result<Arc<dyn TokenSource>, Vec<FieldProblem>> {
    let given = settings.given();
    // The forms first: where they are wrong, the rest is not read at all.
    let mut problems = SYSTEM.check(&given);
    let (plan, notes) = Plan::read(&given);
    let late = notes.before_login();
    problems.extend(late.into_iter().filter(|problem| !problems.contains(problem)).collect::<Vec<_>>());
    match plan {
        Some(plan) if problems.is_empty() => Ok(Arc::new(HttpService::new(plan, context.clone()))),
        _ => Err(problems),
    }
}

const DETAILS: &str = "\
`{{secrets.NAME}}` and `{{values.NAME}}` are filled into a text of `json`, a value of `form`, `query` or `headers`, the \
path and the query values of `url`, and `basic_auth`. They never change more than that: in a path they stay one segment, \
in JSON one text, and what is filled in is not looked through for further placeholders. Scheme, host and port of a URL are \
fixed. Write `{{{{` where two opening braces are meant.

Credentials are not written down: a header, form field or JSON member that is known to carry one is refused unless its value \
comes from `secrets` or from an earlier answer.

Requests are sent one after the other and count as one login. A 2xx status lets it go on; redirects are followed within \
one scheme, host and port only; cookies are not kept, but can be taken with `header = \"Set-Cookie\"` and a `regex`, and \
sent on in a header. The value `token` is the token. `expires_in` (seconds) or `expires_at` (RFC 3339, or Unix seconds) say \
when it ends; without them the token itself is asked, if it is a JSON Web Token, and then `ttl`.

Hosts whose addresses are link-local (169.254.0.0/16, fe80::/10) or of the metadata service of a cloud (100.100.100.200, \
192.0.0.192, fd00:ec2::254, fd20:ce::254) are not asked unless `allow_link_local = true`: credentials are given at such \
addresses to whoever asks. The same goes for IPv6 addresses that stand for one of these IPv4 addresses (::/96, ::ffff:0:0/96, \
::ffff:0:0:0/96, 64:ff9b::/96, the last 32 bits in 64:ff9b:1::/48, and 2002::/16). Names are resolved before, also where \
requests go to a proxy; if only the proxy can resolve them, `metadata.google.internal`, `metadata` and `instance-data` are \
refused.";

const SECRETS_FIELD: Field = Field {
    name: SECRETS,
    kind: FieldKind::Secrets,
    description: "Secrets by name, each with the place where it is kept. They are filled in where \
                  `{{secrets.NAME}}` stands. `oauth2_client_credentials` takes `client_secret` or `private_key` from here.",
    default: None,
    environment: None,
    rule: None,
};

const REQUEST_FIELD: Field = Field {
    name: REQUEST,
    kind: FieldKind::Blocks(REQUEST_FIELDS),
    description: "One request of the login; may be repeated. They are sent in their order.",
    default: None,
    environment: None,
    rule: None,
};

const OAUTH2_FIELD: Field = Field {
    name: OAUTH2,
    kind: FieldKind::Object(PRESET_FIELDS),
    description: "OAuth 2 client credentials (RFC 6749, section 4.4), instead of `request` blocks.",
    default: None,
    environment: None,
    rule: None,
};

const VERIFY_FIELD: Field = Field {
    name: VERIFY,
    kind: FieldKind::Object(TRIAL_FIELDS),
    description: "A request that tries a new token out before it is published. It carries the token in its header. A token \
                  that is answered with 401 or 403 is not published.",
    default: None,
    environment: None,
    rule: None,
};

const TTL: Field = Field {
    name: "ttl",
    kind: FieldKind::Duration,
    description: "How long a token lives, if neither the service nor the token says so; it shortens what they say, for \
                  example `1h`.",
    default: None,
    environment: None,
    rule: Some(positive),
};

const HEADER: Field = Field {
    name: "header",
    kind: FieldKind::Text,
    description: "The header in which the token is sent later on.",
    default: Some("Authorization"),
    environment: None,
    rule: Some(is_header),
};

const SCHEME: Field = Field {
    name: "scheme",
    kind: FieldKind::Text,
    description: "The word before the token in that header; `none` if it stands alone. Default `Bearer`, or the \
                  `token_type` of an OAuth 2 answer.",
    default: None,
    environment: None,
    rule: None,
};

const ACCOUNT: Field = Field {
    name: "account",
    kind: FieldKind::Text,
    description: "Whose token it is. It is not secret: tokens show it as their `subject`, which data sources store in the \
                  state. Default: the `client_id`, or the user name of `basic_auth` if that is written down.",
    default: None,
    environment: None,
    rule: None,
};

const ALLOW_HTTP: Field = Field {
    name: "allow_http",
    kind: FieldKind::Flag,
    description: "Whether URLs may be plain `http` to another machine. Secrets are then sent unprotected.",
    default: Some("false"),
    environment: None,
    rule: None,
};

const ALLOW_LINK_LOCAL: Field = Field {
    name: "allow_link_local",
    kind: FieldKind::Flag,
    description: "Whether hosts are asked that have a link-local address, or that of the metadata service of a cloud.",
    default: Some("false"),
    environment: None,
    rule: None,
};

fn is_header(text: &str) -> Result<(), String> {
    text.parse::<HeaderName>().map(drop).map_err(|_| super::take::NO_HEADER.to_owned())
}
