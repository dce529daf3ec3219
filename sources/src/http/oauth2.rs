//! OAuth 2 client credentials (RFC 6749, section 4.4), with all ways for a client to prove who it is.

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::issue::{Taken, Terms, life, unusable};
use super::notes::{Notes, Spot};
use super::plan::{BEARER, Secrets, is_scheme};
use super::reading::text;
use super::request::basic;
use super::target::{Reach, Target};
use super::template::{Known, has_braces};
use crate::assertion::{Claims, Signer};
use crate::expiry::Arrival;
use crate::json::Fields;
use crate::transport::{self, Answer, Body, Patience, Request};
use crate::{Attempt, BuildContext, Given, GivenFields, Said, SourceError, Timestamp, Token};

/// One client of one authorization server.
pub(super) struct Preset {
    url: Url,
    client_id: String,
    authentication: Authentication,
    scope: Option<String>,
    audience: Option<String>,
}

/// How the client proves who it is.
enum Authentication {
    Basic(SecretString),
    Body(SecretString),
    PrivateKey { signer: Box<Signer>, audience: String, key_id: Option<String> },
}

impl Preset {
    pub(super) fn read(
        given: &GivenFields,
        spot: &Spot,
        secrets: &Secrets,
        reach: Reach,
        notes: &mut Notes,
    ) -> Option<Self> {
        let before = notes.count();
        let mut optional = |name| text(given, name, spot, notes).map(str::to_owned);
        let (scope, audience) = (optional("scope"), optional("audience"));
        let (assertion_audience, key_id) = (optional("assertion_audience"), optional("key_id"));
        let way = optional("authentication");
        let client_id = required(given, "client_id", spot, notes);
        let url = required(given, "token_url", spot, notes)
            .and_then(|text| url(text, &spot.name("token_url"), reach, notes));
        let secret = match (way.as_deref(), given.get("authentication")) {
            (None, Some(Given::Unknown)) => any_secret(secrets, notes),
            (way, _) => secret(way, secrets, notes),
        };
        if notes.count() != before {
            return None;
        }
        let (url, secret) = (url?, secret?);
        let authentication = match way.as_deref() {
            Some(PRIVATE_KEY_JWT) => {
                let signer = Signer::parse(secret.expose_secret());
                let spot = Spot::field("secrets").name("private_key");
                let signer = signer.map_err(|error| notes.wrong(&spot, error.to_string())).ok()?;
                let audience = assertion_audience.unwrap_or_else(|| url.to_string());
                Authentication::PrivateKey { signer: Box::new(signer), audience, key_id }
            }
            Some("body") => Authentication::Body(secret.clone()),
            _ => Authentication::Basic(secret.clone()),
        };
        Some(Preset { url, client_id: client_id?.to_owned(), authentication, scope, audience })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    /// What its tokens are good for, as the query of a URL: tokens of one client differ in that.
    pub(super) fn good_for(&self) -> String {
        let pairs = [("scope", &self.scope), ("audience", &self.audience)];
        let mut query = form_urlencoded::Serializer::for_suffix(String::from("?"), 1);
        for (name, value) in pairs.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            query.append_pair(name, value);
        }
        let query = query.finish();
        if query.len() > 1 { query } else { String::new() }
    }

    pub(super) async fn login(
        &self,
        context: &BuildContext,
        terms: &Terms,
        attempt: Attempt,
        allow_link_local: bool,
    ) -> Result<Token, SourceError> {
        let mut request = self.request(attempt, context.clock.now())?;
        request.refuse_link_local = !allow_link_local;
        let answer = transport::send(context, &request).await?;
        token(terms, &request, &answer)
    }

    fn request(&self, attempt: Attempt, now: Timestamp) -> Result<Request, SourceError> {
        let mut request = Request::new(attempt, Method::POST, self.url.clone(), Patience::Login);
        request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let mut form = form_urlencoded::Serializer::new(String::with_capacity(8192));
        form.append_pair("grant_type", "client_credentials");
        match &self.authentication {
            Authentication::Basic(secret) => {
                // Both are encoded as in a form before they become a pair (section 2.3.1).
                let pair = basic(&form_encoded(&self.client_id), &form_encoded(secret.expose_secret()));
                request.secret_header(AUTHORIZATION, &format!("Basic {}", pair.expose_secret()).into());
                request.secrets.extend([secret.clone(), pair]);
            }
            Authentication::Body(secret) => {
                form.append_pair("client_id", &self.client_id);
                form.append_pair("client_secret", secret.expose_secret());
                request.secrets.push(secret.clone());
            }
            Authentication::PrivateKey { signer, audience, key_id } => {
                let claims =
                    Claims { client_id: &self.client_id, audience, now, life_secs: ASSERTION_LIFE_SECS };
                let assertion = signer.sign(&claims, key_id.as_deref());
                let assertion = assertion.map_err(|error| {
                    unusable(&request.attempt, "secrets.private_key", "to sign with", &error.to_string())
                })?;
                form.append_pair("client_id", &self.client_id);
                form.append_pair("client_assertion_type", JWT_BEARER);
                form.append_pair("client_assertion", assertion.expose_secret());
                request.secrets.push(assertion);
            }
        }
        for (name, value) in [("scope", &self.scope), ("audience", &self.audience)] {
            if let Some(value) = value {
                form.append_pair(name, value);
            }
        }
        let bytes = Zeroizing::new(form.finish().into_bytes());
        request.body = Some(Body { content_type: "application/x-www-form-urlencoded", bytes });
        Ok(request)
    }
}

fn required<'a>(given: &'a GivenFields, name: &str, spot: &Spot, notes: &mut Notes) -> Option<&'a str> {
    if !given.contains_key(name) {
        notes.missing(&spot.name(name), &format!("`{name}`"));
    }
    text(given, name, spot, notes)
}

fn url(text: &str, spot: &Spot, reach: Reach, notes: &mut Notes) -> Option<Url> {
    if has_braces(text) {
        notes.wrong(spot, "no placeholder can stand here");
        return None;
    }
    let target = Target::parse(text, reach).map_err(|wrong| notes.wrong(spot, wrong)).ok()?;
    target.fill(&Known::new(&std::collections::BTreeMap::new()), &[]).ok()
}

/// The secret that the way to authenticate needs.
fn secret<'a>(way: Option<&str>, secrets: &'a Secrets, notes: &mut Notes) -> Option<&'a SecretString> {
    let name = if way == Some(PRIVATE_KEY_JWT) { PRIVATE_KEY } else { CLIENT_SECRET };
    if secrets.names.as_ref().is_some_and(|names| !names.contains(name)) {
        let what = format!("the secret `{name}`: say in `secrets` where it is kept");
        notes.missing(&Spot::field("secrets").name(name), &what);
    }
    secrets.texts.get(name)
}

/// While the way is not known yet, either secret may be the right one.
fn any_secret<'a>(secrets: &'a Secrets, notes: &mut Notes) -> Option<&'a SecretString> {
    let declared = |name: &str| secrets.names.as_ref().is_none_or(|names| names.contains(name));
    if !declared(CLIENT_SECRET) && !declared(PRIVATE_KEY) {
        return secret(None, secrets, notes);
    }
    None
}

fn form_encoded(text: &str) -> Zeroizing<String> {
    Zeroizing::new(form_urlencoded::byte_serialize(text.as_bytes()).collect())
}

fn token(terms: &Terms, request: &Request, answer: &Answer) -> Result<Token, SourceError> {
    let attempt = &request.attempt;
    if !answer.status.is_success() {
        return Err(failure(request, answer));
    }
    let fields =
        Fields::parse(&answer.body).map_err(|_| answer.malformed(attempt, "it is not a JSON object"))?;
    let Some(text) = fields.text("access_token") else {
        let said = Said::from_fields(&fields, &request.secrets);
        return Err(SourceError::NoToken { attempt: attempt.clone(), status: answer.status.as_u16(), said });
    };
    let taken = |text: &SecretString| Taken {
        text: text.clone(),
        arrival: Arrival::of(answer),
        attempt: attempt.clone(),
    };
    let seconds = fields.number("expires_in").map(|number| number.to_string().into());
    let seconds = seconds.as_ref().or_else(|| fields.text("expires_in")).map(taken);
    let stated = seconds.map(|taken| Ok((life(&taken)?, taken.arrival))).transpose()?;
    let scheme = match fields.text("token_type").map(ExposeSecret::expose_secret) {
        Some(word) if !is_scheme(word) => {
            return Err(answer.malformed(attempt, "its `token_type` is not a word"));
        }
        Some(word) if word.eq_ignore_ascii_case(BEARER) => Some(BEARER),
        other => other,
    };
    terms.token(&taken(text), stated, scheme)
}

/// Errors of section 5.2. Most come with status 400, whatever they mean.
fn failure(request: &Request, answer: &Answer) -> SourceError {
    let (attempt, status) = (request.attempt.clone(), answer.status.as_u16());
    let fields = Fields::parse(&answer.body).ok();
    let error = fields.as_ref().and_then(|fields| fields.text("error")).map(ExposeSecret::expose_secret);
    match (status, error) {
        (400, Some("invalid_scope")) => {
            let said = Said::from_body(&answer.body, &request.secrets);
            SourceError::NoAccess { attempt, status, said }
        }
        _ => answer.failure(&attempt, &request.secrets),
    }
}

const CLIENT_SECRET: &str = "client_secret";
const PRIVATE_KEY: &str = "private_key";
const PRIVATE_KEY_JWT: &str = "private_key_jwt";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Long enough for clocks that differ a little.
const ASSERTION_LIFE_SECS: i64 = 300;
