//! The token endpoint of ZIdentity: `POST /oauth2/v1/token`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use super::login::json;
use super::token::{Grant, opaque};
use super::{ClientMode, World, Zscaler, ZscalerApiClient};
use crate::answer::granted;
use crate::conditions::Conditions;
use crate::urlencoded;

const AUDIENCE: &str = "https://api.zscaler.com";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long an assertion may be good for, in seconds.
const LONGEST_ASSERTION: i64 = 600;
/// How far ahead of ours the client's clock may be, in seconds.
const LEEWAY: i64 = 60;

/// The members of a token request.
type Form = BTreeMap<String, String>;

/// The key that a token request names.
pub(crate) fn client_id(body: &[u8]) -> Option<String> {
    form(body)?.remove("client_id")
}

/// Answers a token request.
pub(crate) async fn token(
    State(zscaler): State<Arc<Zscaler>>,
    Extension(conditions): Extension<Arc<Conditions>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut response = match zscaler.grant(&conditions, &headers, &body) {
        Ok(client) => zscaler.token_for(client, conditions.now()),
        Err((status, error, description)) => {
            json(status, &json!({"error": error, "error_description": description}))
        }
    };
    // Its budget is its own, and large.
    for (name, value) in
        [("x-ratelimit-limit", "500, 500;w=1, 100000;w=60"), ("x-ratelimit-remaining", "499")]
    {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

type Refusal = (StatusCode, &'static str, &'static str);

impl Zscaler {
    /// The client that proves itself, or what is wrong with the request.
    fn grant(
        &self,
        conditions: &Conditions,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<&ZscalerApiClient, Refusal> {
        let faulty = |what| (StatusCode::BAD_REQUEST, "invalid_request", what);
        if headers.get(CONTENT_TYPE).is_none_or(|value| value != "application/x-www-form-urlencoded") {
            return Err(faulty("the content type is not that of a form"));
        }
        let form = form(body).ok_or(faulty("the form is malformed"))?;
        let member = |name| form.get(name).map(String::as_str);
        if member("grant_type") != Some("client_credentials") {
            return Err((StatusCode::BAD_REQUEST, "unsupported_grant_type", "only client_credentials"));
        }
        if member("audience") != Some(AUDIENCE) {
            return Err(faulty("the audience is not https://api.zscaler.com"));
        }
        let unknown = (StatusCode::UNAUTHORIZED, "invalid_client", "client authentication failed");
        let client = member("client_id").and_then(|id| self.api_client(id, conditions)).ok_or(unknown)?;
        let proven = match (member("client_secret"), member("client_assertion")) {
            (Some(secret), None) => client.client_secret.as_deref() == Some(secret),
            (None, Some(assertion)) => {
                member("client_assertion_type") == Some(ASSERTION_TYPE)
                    && is_signed(client, assertion, conditions.now()).is_some()
            }
            _ => return Err(faulty("either a secret or an assertion")),
        };
        if proven { Ok(client) } else { Err(unknown) }
    }

    fn token_for(&self, client: &ZscalerApiClient, now: i64) -> Response {
        let life = self.options.token_lifetime.as_secs();
        let expires_at = now.saturating_add(i64::try_from(life).unwrap_or(i64::MAX));
        let grant = Grant { world: World::OneApi, key: client.client_id.clone(), expires_at };
        let token = self.tokens.issue(opaque(), grant);
        let mut answer = json!({"access_token": &*token, "token_type": "Bearer"});
        match client.mode {
            ClientMode::NoExpiry => {}
            ClientMode::ExpiresInText => answer["expires_in"] = Value::from(life.to_string()),
            ClientMode::NoRole | ClientMode::Normal => answer["expires_in"] = Value::from(life),
        }
        granted(json(StatusCode::OK, &answer))
    }
}

/// Checks an assertion: its header, its claims, and its signature.
fn is_signed(client: &ZscalerApiClient, assertion: &str, now: i64) -> Option<()> {
    let (signed, signature) = assertion.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let (header, claims) = (part(header)?, part(claims)?);
    let number = |name: &str| claims[name].as_i64();
    let ends = number("exp")?;
    let fits = header["alg"] == "RS256"
        && header["typ"] == "JWT"
        && ["iss", "sub"].iter().all(|claim| claims[*claim] == client.client_id)
        && claims["aud"] == AUDIENCE
        && (now..=now + LONGEST_ASSERTION + LEEWAY).contains(&ends)
        && number("iat").is_none_or(|issued| issued <= now + LEEWAY);
    let key =
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, client.public_key.as_ref().filter(|_| fits)?);
    key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()
}

fn part(text: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

/// All members, or nothing if the form is malformed or names one twice.
fn form(body: &[u8]) -> Option<Form> {
    let mut form = Form::new();
    for (name, value) in urlencoded::parse(body)? {
        let (name, value) = (String::from_utf8(name).ok()?, String::from_utf8(value).ok()?);
        if form.insert(name, value).is_some() {
            return None;
        }
    }
    Some(form)
}
