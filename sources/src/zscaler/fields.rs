//! The settings of the system.

use super::cloud::{CloudName, VanityDomain};
use crate::assertion::Signer;
use crate::transport::positive;
use crate::{Credential, Field, FieldKind, system};

/// With an API key of the Client Connector portal.
pub(super) const LEGACY: Credential = Credential {
    name: "legacy",
    identity: Some(API_KEY.name),
    secrets: &[&[SECRET_KEY.name]],
    settings: &[],
    variables: &[(CLOUD.name, "ZCC_CLOUD"), (BASE_URL.name, "ZCC_OVERRIDE_URL")],
};

/// With an API client of ZIdentity.
pub(super) const ONE_API: Credential = Credential {
    name: "oneapi",
    identity: Some(CLIENT_ID.name),
    secrets: &[&[CLIENT_SECRET.name, PRIVATE_KEY.name]],
    settings: &[VANITY_DOMAIN.name, TOKEN_URL.name, PARTNER_ID.name],
    variables: &[(CLOUD.name, "ZSCALER_CLOUD")],
};

pub(super) const METHOD: Field = Field {
    name: "method",
    kind: FieldKind::Choice(&[LEGACY.name, ONE_API.name]),
    description: "How to log in: `legacy` with an API key of the Client Connector portal, `oneapi` with an API client \
                  of ZIdentity. Without it, the fields that are set decide, and then the environment.",
    default: None,
    environment: None,
    rule: None,
};

pub(super) const API_KEY: Field = Field {
    name: "api_key",
    kind: FieldKind::Text,
    description: "The client id of the API key, as shown in the Client Connector portal. It is not secret: tokens show it \
                  as their `subject`, which data sources store in the state.",
    default: None,
    environment: Some("ZCC_CLIENT_ID"),
    rule: None,
};

pub(super) const SECRET_KEY: Field = Field {
    name: "secret_key",
    kind: FieldKind::Secret,
    description: "The secret of the API key. The portal shows it once, when the key is made.",
    default: None,
    environment: Some("ZCC_CLIENT_SECRET"),
    rule: None,
};

pub(super) const CLIENT_ID: Field = Field {
    name: "client_id",
    kind: FieldKind::Text,
    description: "With OneAPI: the id of the API client in ZIdentity. It is not secret: tokens show it as their \
                  `subject`, which data sources store in the state.",
    default: None,
    environment: Some("ZSCALER_CLIENT_ID"),
    rule: None,
};

pub(super) const CLIENT_SECRET: Field = Field {
    name: "client_secret",
    kind: FieldKind::Secret,
    description: "With OneAPI: the secret of the API client. ZIdentity lets it expire after the time that was chosen \
                  when it was made. Either this or `private_key`.",
    default: None,
    environment: Some("ZSCALER_CLIENT_SECRET"),
    rule: None,
};

pub(super) const PRIVATE_KEY: Field = Field {
    name: "private_key",
    kind: FieldKind::SecretLines,
    description: "With OneAPI: the private key of the API client, instead of a secret. An RSA key of at least 2048 bits, \
                  unencrypted, in PEM form (PKCS#8 or PKCS#1): the text of the file, not its path. The key itself is \
                  never sent.",
    default: None,
    environment: Some("ZSCALER_PRIVATE_KEY"),
    rule: Some(private_key_rule),
};

fn private_key_rule(text: &str) -> Result<(), String> {
    Signer::parse_rsa(text).map(drop).map_err(|error| error.to_string())
}

pub(super) const VANITY_DOMAIN: Field = Field {
    name: "vanity_domain",
    kind: FieldKind::Text,
    description: "With OneAPI: the tenant's name in ZIdentity, such as `acme` where people log in at `acme.zslogin.net`. \
                  Not needed with `token_url`.",
    default: None,
    environment: Some("ZSCALER_VANITY_DOMAIN"),
    rule: Some(|text| VanityDomain::parse(text).map(drop)),
};

pub(super) const CLOUD: Field = Field {
    name: "cloud",
    kind: FieldKind::Text,
    description: "The cloud of the tenant. For API keys: `zscaler`, `zscalerone`, `zscalertwo`, `zscalerthree`, \
                  `zscloud`, `zscalerbeta`, `zscalergov` or `zscalerten`; a trailing `.net` is accepted. The API is \
                  then called at `https://api-mobile.{cloud}.net/papi` (`https://mobile6.zscalerten.net/papi` for \
                  `zscalerten`). For OneAPI: `production`, which holds if nothing is set, `beta`, `gov`, `govus` or \
                  another; the API is then called at `https://api.zsapi.net/zcc/papi` or the cloud's own host. Not \
                  needed with `base_url`.",
    default: None,
    environment: None,
    rule: Some(|text| CloudName::parse(text).map(drop)),
};

pub(super) const TOKEN_URL: Field = Field {
    name: "token_url",
    kind: FieldKind::Url,
    description: "With OneAPI: the full URL where tokens are issued, if it is not the one of `vanity_domain` and `cloud`, \
                  `https://{vanity_domain}.zslogin.net/oauth2/v1/token` for most tenants.",
    default: None,
    environment: None,
    rule: None,
};

pub(super) const BASE_URL: Field = Field {
    name: "base_url",
    kind: FieldKind::Url,
    description: "The URL of the API up to and including `/papi` (with OneAPI, `/zcc/papi`), if it is not the one of \
                  `cloud`. Some tenants with API keys are at `https://mobile.{cloud}.net/papi`. It takes precedence \
                  over `cloud`, wherever either is set.",
    default: None,
    environment: None,
    rule: None,
};

pub(super) const PARTNER_ID: Field = Field {
    name: "partner_id",
    kind: FieldKind::Text,
    description: "With OneAPI: the id of a partner of Zscaler, sent in the header `x-partner-id` with every call.",
    default: None,
    environment: Some("ZSCALER_PARTNER_ID"),
    rule: Some(header_rule),
};

fn header_rule(text: &str) -> Result<(), String> {
    if text.is_ascii() { Ok(()) } else { Err("it must be plain ASCII to be sent in a header".to_owned()) }
}

pub(super) const TTL: Field = Field {
    name: "ttl",
    kind: FieldKind::Duration,
    description: "How long a token lives, for example `1h`: the *session validity interval* of the API key, or the token \
                  lifetime of the API client. Needed only where neither the login nor the token itself says when it \
                  ends; where one does, the earlier end counts.",
    default: None,
    environment: None,
    rule: Some(positive),
};

pub(super) const ALLOW_HTTP: Field = Field {
    description: "Whether `base_url` and `token_url` may be plain `http` to another machine. The credential and the \
                  token are then sent unprotected.",
    ..system::ALLOW_HTTP
};
