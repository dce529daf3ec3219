//! The token endpoint of OAuth 2, for client credentials, as strict as RFC 6749 and RFC 7523 allow.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::options::OAuth2Client;
use super::{Http, TOKEN, form, member};
use crate::answer::granted;
use crate::conditions::Conditions;
use crate::example_key::ExampleKey;
use crate::urlencoded;

type Form = Vec<(String, String)>;

/// An error of section 5.2.
struct Refusal {
    error: &'static str,
    description: &'static str,
    by_basic: bool,
}

/// Answers a request for a token.
pub(crate) async fn token(
    State(service): State<Arc<Http>>,
    Extension(conditions): Extension<Arc<Conditions>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut response = match service.grant(&headers, &body, &conditions) {
        Ok(members) => granted(Json(Value::Object(members))),
        Err(refusal) => refusal.into_response(),
    };
    response.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
    response.headers_mut().insert("pragma", HeaderValue::from_static("no-cache"));
    response
}

/// Who asks, by whatever it names itself.
pub(crate) fn client_id(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let from_form = || member(&form(headers, body)?, "client_id").map(str::to_owned);
    basic(headers).map(|(id, _)| id).or_else(from_form)
}

impl Http {
    fn grant(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        conditions: &Conditions,
    ) -> Result<serde_json::Map<String, Value>, Refusal> {
        let form =
            form(headers, body).ok_or(Refusal::new("invalid_request", "not a form, or something twice"))?;
        let client = self.client(headers, &form, conditions)?;
        match member(&form, "grant_type") {
            Some("client_credentials") => {}
            Some(_) => return Err(Refusal::new("unsupported_grant_type", "only client_credentials")),
            None => return Err(Refusal::new("invalid_request", "no grant_type")),
        }
        let scopes = member(&form, "scope").unwrap_or_default().split(' ').filter(|scope| !scope.is_empty());
        if !scopes.clone().all(|scope| client.scopes.iter().any(|known| known == scope)) {
            return Err(Refusal::new("invalid_scope", "the client has no such scope"));
        }
        let audience = member(&form, "audience");
        if audience.is_some_and(|audience| !client.audiences.iter().any(|known| known == audience)) {
            return Err(Refusal::new("invalid_target", "the client has no such audience"));
        }
        let mut answer = self.issue(&client.id, conditions);
        answer.insert("token_type".to_owned(), "bearer".into());
        let scope = scopes.collect::<Vec<_>>().join(" ");
        if !scope.is_empty() {
            answer.insert("scope".to_owned(), scope.into());
        }
        Ok(answer)
    }

    /// The client, by the one way to authenticate that it used.
    fn client(
        &self,
        headers: &HeaderMap,
        form: &Form,
        conditions: &Conditions,
    ) -> Result<&OAuth2Client, Refusal> {
        let by_basic = headers.contains_key("authorization");
        let by_body = member(form, "client_secret").is_some();
        let by_key = member(form, "client_assertion").is_some();
        if [by_basic, by_body, by_key].into_iter().filter(|way| *way).count() != 1 {
            return Err(Refusal::new("invalid_request", "a client authenticates in one way"));
        }
        let refusal =
            || Refusal { by_basic, ..Refusal::new("invalid_client", "unknown client, or wrong proof") };
        let client = |id: &str| self.options.clients.iter().find(|client| client.id == id);
        let found = if by_key {
            let url = format!("http://{}{TOKEN}", text(headers, "host"));
            self.signer(form, &url, conditions.now()).and_then(|id| client(&id))
        } else {
            let from_form =
                || Some((member(form, "client_id")?.to_owned(), member(form, "client_secret")?.to_owned()));
            let (id, secret) = basic(headers).or_else(from_form).ok_or_else(refusal)?;
            client(&id).filter(|client| client.secret == secret)
        };
        found.filter(|client| !conditions.revokes(&client.id)).ok_or_else(refusal)
    }

    /// Who signed the assertion, if all of RFC 7523, section 3, holds.
    fn signer(&self, form: &Form, url: &str, now: i64) -> Option<String> {
        if member(form, "client_assertion_type")
            != Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        {
            return None;
        }
        let (signed, signature) = member(form, "client_assertion")?.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let part = |text: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(text).ok()?).ok();
        let (header, claims) = (part(header)?, part(claims)?);
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        if header["alg"] != "RS256" || !ExampleKey::new().verifies(signed.as_bytes(), &signature) {
            return None;
        }
        let id = claims["iss"].as_str()?;
        let end = claims["exp"].as_i64()?;
        let lives = end > now && end <= now + 3600 && claims["iat"].as_i64()? <= now + 60;
        let named = member(form, "client_id").is_none_or(|named| named == id);
        let fits = claims["sub"] == id && claims["aud"] == url && lives && named;
        (fits && self.store().is_new(claims["jti"].as_str()?)).then(|| id.to_owned())
    }
}

impl Refusal {
    fn new(error: &'static str, description: &'static str) -> Self {
        Self { error, description, by_basic: false }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { error, description, by_basic } = self;
        let status =
            if error == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        let mut response =
            (status, Json(json!({ "error": error, "error_description": description }))).into_response();
        if by_basic {
            let challenge = HeaderValue::from_static("Basic realm=\"sandbox\"");
            response.headers_mut().insert(HeaderName::from_static("www-authenticate"), challenge);
        }
        response
    }
}

/// Id and secret, each of them form-encoded before they were joined (section 2.3.1).
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, pair) = text(headers, "authorization").split_once(' ')?;
    let pair = String::from_utf8(STANDARD.decode(pair).ok()?).ok()?;
    let (id, secret) = pair.split_once(':').filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let decoded = |half: &str| urlencoded::query_value(Some(&format!("x={half}")), "x");
    // What stands there unencoded is not taken for what it looks like.
    let clean = |half: &str| !half.contains(['&', '=', ':', ' ']);
    (clean(id) && clean(secret)).then(|| Some((decoded(id)?, decoded(secret)?)))?
}

fn text<'headers>(headers: &'headers HeaderMap, name: &str) -> &'headers str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
