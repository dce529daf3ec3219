//! The settings of the system, and the source they describe.

use std::sync::Arc;
use std::time::Duration;

use super::cloud::CloudName;
use super::legacy::{self, Legacy};
use crate::error::Guidance;
use crate::system::{ALLOW_HTTP, Reader};
use crate::transport::positive;
use crate::{
    BuildContext, Credential, Field, FieldKind, FieldProblem, Home, Predecessor, Settings, System,
    TokenSource,
};

/// Zscaler Client Connector, with an API key of its portal.
pub static SYSTEM: System = System {
    name: "zscaler",
    title: "Zscaler",
    summary: "Zscaler Client Connector, with an API key made in its portal (*Administration > Public API*). Gives \
              the JWT that its API wants in the header `auth-token`, and the one-time passwords of enrolled \
              devices. The API allows about 100 calls an hour for each organisation and source address.",
    details: "",
    home: Home::ProviderBlock,
    predecessor: Predecessor::Unknown,
    documented_life: Some(Duration::from_secs(3600)),
    verifies: false,
    revokes: false,
    credentials: &[Credential {
        name: "legacy",
        identity: Some(API_KEY.name),
        secrets: &[&[SECRET_KEY.name]],
        settings: &[],
        variables: &[(CLOUD.name, "ZCC_CLOUD"), (BASE_URL.name, "ZCC_OVERRIDE_URL")],
    }],
    fields: &[API_KEY, SECRET_KEY, CLOUD, BASE_URL, TTL, ALLOW_HTTP],
    guidance: Guidance {
        login_refused: "Check `api_key` and `secret_key` (ZCC_CLIENT_ID and ZCC_CLIENT_SECRET): they are a pair made \
                        in the Client Connector portal under Administration > Public API, and must belong to the \
                        cloud that was asked.",
        no_access: "One of three things is the cause: the role of the API key does not allow this (`Read` or \
                    `Write`), the API is not enabled for this tenant (Zscaler's support does that), or this is \
                    available through OneAPI only.",
        address: "Check `cloud` and `base_url` (ZCC_CLOUD and ZCC_OVERRIDE_URL): `base_url` is everything before \
                  `/auth/v1/login` and ends with `/papi`, as in \"https://api-mobile.zscalertwo.net/papi\".",
    },
    check: None,
    build,
};

fn build(settings: &Settings, context: &BuildContext) -> Result<Arc<dyn TokenSource>, Vec<FieldProblem>> {
    let mut reader = Reader::new(&SYSTEM, settings);
    let credential =
        legacy::Credential { api_key: reader.text(API_KEY.name), secret_key: reader.secret(SECRET_KEY.name) };
    let configured = reader.url(BASE_URL.name);
    // Where a URL is set, the cloud is not asked for, so one that is malformed or not known yet does not matter.
    let by_name = !reader.has(BASE_URL.name);
    if !by_name {
        reader.ignore(CLOUD.name);
    }
    let cloud = by_name.then(|| reader.optional(CLOUD.name, CloudName::parse)).flatten();
    let ttl = reader.duration(TTL.name);
    reader.require_one(&[CLOUD.name, BASE_URL.name]);
    // A hint at another host is of use only where we chose the host.
    let hint = cloud.as_ref().map(CloudName::hint);
    let base_url = configured.or_else(|| cloud.as_ref().and_then(CloudName::base_url));
    reader.finish(|| {
        let legacy = Legacy::new(credential, base_url?, hint, ttl, context.clone());
        Some(Arc::new(legacy) as Arc<dyn TokenSource>)
    })
}

const API_KEY: Field = Field {
    name: "api_key",
    kind: FieldKind::Text,
    description: "The client id of the API key, as shown in the Client Connector portal. It is not secret: tokens show it \
                  as their `subject`, which data sources store in the state.",
    default: None,
    environment: Some("ZCC_CLIENT_ID"),
    rule: None,
};

const SECRET_KEY: Field = Field {
    name: "secret_key",
    kind: FieldKind::Secret,
    description: "The secret of the API key. The portal shows it once, when the key is made.",
    default: None,
    environment: Some("ZCC_CLIENT_SECRET"),
    rule: None,
};

const CLOUD: Field = Field {
    name: "cloud",
    kind: FieldKind::Text,
    description: "The cloud of the tenant: `zscaler`, `zscalerone`, `zscalertwo`, `zscalerthree`, `zscloud`, \
                  `zscalerbeta`, `zscalergov` or `zscalerten`; a trailing `.net` is accepted. The API is then \
                  called at `https://api-mobile.{cloud}.net/papi` (`https://mobile6.zscalerten.net/papi` for \
                  `zscalerten`). Not needed with `base_url`.",
    default: None,
    environment: None,
    rule: Some(cloud_rule),
};

fn cloud_rule(text: &str) -> Result<(), String> {
    CloudName::parse(text).map(drop)
}

const BASE_URL: Field = Field {
    name: "base_url",
    kind: FieldKind::Url,
    description: "The URL of the API up to and including `/papi`, if it is not the one of `cloud`. Some tenants are \
                  at `https://mobile.{cloud}.net/papi`. It takes precedence over `cloud`, wherever either is set.",
    default: None,
    environment: None,
    rule: None,
};

const TTL: Field = Field {
    name: "ttl",
    kind: FieldKind::Duration,
    description: "How long a token lives, for example `1h`: the *session validity interval* of the API key. Needed \
                  only where the token itself does not say when it ends; where it does, the earlier end counts.",
    default: None,
    environment: None,
    rule: Some(positive),
};
