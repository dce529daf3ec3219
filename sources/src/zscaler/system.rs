//! What the system is, and the source that its settings describe.

use std::sync::Arc;
use std::time::Duration;

use super::client::{Login, Place, Zscaler};
use super::cloud::{CloudName, VanityDomain};
use super::fields::{
    ALLOW_HTTP, API_KEY, BASE_URL, CLIENT_ID, CLIENT_SECRET, CLOUD, LEGACY, METHOD, ONE_API, PARTNER_ID,
    PRIVATE_KEY, SECRET_KEY, TOKEN_URL, TTL, VANITY_DOMAIN,
};
use super::legacy::ApiKey;
use super::one_api::{ApiClient, Proof};
use crate::assertion::Signer;
use crate::error::Guidance;
use crate::system::Reader;
use crate::{BuildContext, FieldProblem, Home, Predecessor, Settings, System, TokenSource, Trial};

/// Zscaler Client Connector, with an API key of its portal or an API client of ZIdentity.
pub static SYSTEM: System = System {
    name: "zscaler",
    title: "Zscaler",
    summary: "Zscaler Client Connector, with an API key made in its portal (*Administration > Public API*) or with an \
              API client of ZIdentity (OneAPI). Gives the token that its API wants, the one-time passwords of \
              enrolled devices, the passwords of app profiles, and the devices themselves. The API allows about 100 \
              calls an hour for each organisation and source address.",
    details: "",
    home: Home::ProviderBlock,
    predecessor: Predecessor::Unknown,
    documented_life: Some(Duration::from_hours(1)),
    trial: Trial::OnRequest,
    refreshes: false,
    revokes: false,
    realm: &[],
    credentials: &[LEGACY, ONE_API],
    fields: &[
        METHOD,
        API_KEY,
        SECRET_KEY,
        CLIENT_ID,
        CLIENT_SECRET,
        PRIVATE_KEY,
        VANITY_DOMAIN,
        CLOUD,
        BASE_URL,
        TOKEN_URL,
        PARTNER_ID,
        TTL,
        ALLOW_HTTP,
    ],
    rotator_fields: &[],
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

/// What differs with OneAPI.
pub(super) static ONE_API_GUIDANCE: Guidance = Guidance {
    login_refused: "Check `client_id` and `client_secret` or `private_key` (ZSCALER_CLIENT_ID, ZSCALER_CLIENT_SECRET, \
                    ZSCALER_PRIVATE_KEY), and `vanity_domain`: the API client must belong to that tenant. If it worked \
                    before, the secret may have expired: ZIdentity lets client secrets expire after 30 to 365 days. \
                    Make a new one there.",
    no_access: "The API client has no role for Client Connector: give it one in ZIdentity, under the API resources of \
                the client. If it has one, that role does not allow this.",
    address: "Check `vanity_domain` and `cloud` (ZSCALER_VANITY_DOMAIN and ZSCALER_CLOUD), or `token_url` and \
              `base_url` if they are set: `token_url` is the whole URL and ends with `/oauth2/v1/token`; `base_url` is \
              everything before `/public/v1` and ends with `/zcc/papi`, as in \"https://api.zsapi.net/zcc/papi\".",
};

fn build(settings: &Settings, context: &BuildContext) -> Result<Arc<dyn TokenSource>, Vec<FieldProblem>> {
    let reader = Reader::new(&SYSTEM, settings);
    match settings.credential() {
        Some(name) if name == ONE_API.name => one_api(reader, context),
        Some(_) => legacy(reader, context),
        // Its problem stands in the reader.
        None => reader.finish(|| None),
    }
}

fn legacy(mut reader: Reader<'_>, context: &BuildContext) -> Result<Arc<dyn TokenSource>, Vec<FieldProblem>> {
    let key = ApiKey { api_key: reader.text(API_KEY.name), secret_key: reader.secret(SECRET_KEY.name) };
    let (configured, cloud) = (reader.url(BASE_URL.name), cloud(&mut reader, &[BASE_URL.name]));
    let ttl = reader.duration(TTL.name);
    reader.require_one(&[CLOUD.name, BASE_URL.name]);
    // A hint at another host is of use only where we chose the host.
    let hint = cloud.as_ref().map(CloudName::hint);
    let base_url = configured.or_else(|| cloud.as_ref().and_then(CloudName::base_url));
    reader.finish(|| {
        let place = Place { base_url: base_url?, hint: hint.map(Arc::from), partner_id: None };
        Some(source(Login::Legacy(key), place, ttl, context))
    })
}

fn one_api(
    mut reader: Reader<'_>,
    context: &BuildContext,
) -> Result<Arc<dyn TokenSource>, Vec<FieldProblem>> {
    let client_id = reader.text(CLIENT_ID.name);
    let proof = proof(&mut reader);
    let (token_url, base_url) = (reader.url(TOKEN_URL.name), reader.url(BASE_URL.name));
    // What follows from these is not asked for where it is set.
    let vanity = if reader.has(TOKEN_URL.name) {
        reader.ignore(VANITY_DOMAIN.name);
        None
    } else {
        reader.require_one(&[VANITY_DOMAIN.name, TOKEN_URL.name]);
        reader.optional(VANITY_DOMAIN.name, VanityDomain::parse)
    };
    let cloud = cloud(&mut reader, &[BASE_URL.name, TOKEN_URL.name]).unwrap_or_default();
    let partner_id = reader.optional(PARTNER_ID.name, |text| Ok(text.to_owned()));
    let ttl = reader.duration(TTL.name);
    reader.finish(|| {
        let token_url = token_url.or_else(|| cloud.token_url(&vanity?))?;
        let place = Place {
            base_url: base_url.or_else(|| cloud.one_api())?,
            hint: Some(ONE_API_HINT.into()),
            partner_id,
        };
        let client = ApiClient { client_id, proof: proof?, token_url };
        Some(source(Login::OneApi(Box::new(client)), place, ttl, context))
    })
}

fn proof(reader: &mut Reader<'_>) -> Option<Proof> {
    reader.require_one(&[CLIENT_SECRET.name, PRIVATE_KEY.name]);
    let parse = |text: &str| Signer::parse_rsa(text).map_err(|error| error.to_string());
    let key = reader.optional(PRIVATE_KEY.name, parse).map(|key| Proof::Key(Box::new(key)));
    key.or_else(|| reader.optional(CLIENT_SECRET.name, |text| Ok(Proof::Secret(text.into()))))
}

/// The cloud, unless everything that follows from it is set: one that is malformed or not known yet does not matter
/// then.
fn cloud(reader: &mut Reader<'_>, instead: &[&str]) -> Option<CloudName> {
    if instead.iter().all(|field| reader.has(field)) {
        reader.ignore(CLOUD.name);
        return None;
    }
    reader.optional(CLOUD.name, CloudName::parse)
}

fn source(login: Login, place: Place, ttl: Option<Duration>, context: &BuildContext) -> Arc<dyn TokenSource> {
    Arc::new(Zscaler::new(login, place, ttl, context.clone()))
}

const ONE_API_HINT: &str = "The hosts follow from `vanity_domain` and `cloud`; if the tenant's are others, set `token_url` \
                            and `base_url`.";
