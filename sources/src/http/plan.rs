//! The settings as a whole: what a login does, in its order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use reqwest::header::HeaderName;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::fields::{OAUTH2, REQUEST, SECRETS};
use super::issue::Terms;
use super::names::is_refused_header;
use super::notes::{Notes, Spot};
use super::oauth2::Preset;
use super::reading::{Scope, text};
use super::request::RequestPlan;
use super::take::NO_HEADER;
use super::target::Reach;
use super::template::is_name;
use super::trial::Trial;
use crate::{Given, GivenFields, Identity, parse_duration};

/// What a login needs.
pub(super) struct Plan {
    pub(super) secrets: BTreeMap<String, SecretString>,
    pub(super) way: Way,
    pub(super) terms: Terms,
    /// How a new token is tried out, if it is.
    pub(super) trial: Option<Trial>,
    pub(super) allow_link_local: bool,
}

pub(super) enum Way {
    Chain(Vec<RequestPlan>),
    ClientCredentials(Preset),
}

impl Plan {
    /// Reads the settings, and notes everything that is wrong with them, or not known yet. Without a note there is a
    /// plan.
    pub(super) fn read(given: &GivenFields) -> (Option<Self>, Notes) {
        let mut notes = Notes::default();
        let secrets = secrets(given, &mut notes);
        let way = way(given, &secrets, &mut notes);
        let terms = terms(given, way.as_ref(), &mut notes);
        let trial = Trial::read(given, &secrets, reach(given), &mut notes);
        let plan = match (way, terms) {
            (Some(way), Some(terms)) if notes.count() == 0 => {
                let allow_link_local = allows(given, "allow_link_local");
                Some(Plan { secrets: secrets.texts, way, terms, trial, allow_link_local })
            }
            _ => None,
        };
        (plan, notes)
    }
}

/// What is declared, and what of it was read already.
pub(super) struct Secrets {
    /// `None` if that is not known yet.
    pub(super) names: Option<BTreeSet<String>>,
    pub(super) texts: BTreeMap<String, SecretString>,
}

fn secrets(given: &GivenFields, notes: &mut Notes) -> Secrets {
    let mut secrets = Secrets { names: Some(BTreeSet::new()), texts: BTreeMap::new() };
    let declared = match given.get(SECRETS) {
        Some(Given::Map(declared)) => declared,
        Some(_) => {
            notes.unknown(&Spot::field(SECRETS));
            return Secrets { names: None, ..secrets };
        }
        None => return secrets,
    };
    for (name, secret) in declared {
        let spot = Spot::field(SECRETS).name(name);
        if !is_name(name) {
            notes.wrong(
                &spot,
                "its name must begin with a letter, and go on with letters, digits, `_` and `-`",
            );
        }
        match secret {
            Given::Text(text) => drop(secrets.texts.insert(name.clone(), text.clone())),
            // Where it is kept is not looked at before a login.
            _ => notes.unknown(&spot),
        }
    }
    Secrets { names: Some(declared.keys().cloned().collect()), ..secrets }
}

fn way(given: &GivenFields, secrets: &Secrets, notes: &mut Notes) -> Option<Way> {
    let (requests, preset) = (given.get(REQUEST), given.get(OAUTH2));
    let requests = requests.filter(|given| !matches!(given, Given::List(blocks) if blocks.is_empty()));
    match (requests, preset) {
        // What is not known yet may turn out to be nothing.
        (Some(Given::Unknown), Some(_)) => {
            notes.unknown(&Spot::field(REQUEST));
            None
        }
        (Some(_), Some(Given::Unknown)) => {
            notes.unknown(&Spot::field(OAUTH2));
            None
        }
        (Some(_), Some(_)) => {
            let wrong = "it takes the place of `request` blocks: leave it or them out";
            notes.wrong(&Spot::field(OAUTH2), wrong);
            None
        }
        (Some(Given::List(blocks)), None) => Some(Way::Chain(chain(given, blocks, secrets, notes)?)),
        (None, Some(Given::Map(preset))) => {
            let spot = Spot::field(OAUTH2);
            Preset::read(preset, &spot, secrets, reach(given), notes).map(Way::ClientCredentials)
        }
        (Some(_), None) => {
            notes.unknown(&Spot::field(REQUEST));
            None
        }
        (None, Some(_)) => {
            notes.unknown(&Spot::field(OAUTH2));
            None
        }
        (None, None) => {
            notes.missing(
                &Spot::field(REQUEST),
                "at least one `request`, or `oauth2_client_credentials`, to log in",
            );
            None
        }
    }
}

fn chain(
    given: &GivenFields,
    blocks: &[GivenFields],
    secrets: &Secrets,
    notes: &mut Notes,
) -> Option<Vec<RequestPlan>> {
    let mut scope =
        Scope { secrets: secrets.names.clone(), values: Some(BTreeSet::new()), reach: reach(given) };
    let spot = Spot::field(REQUEST);
    let mut requests = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        requests.push(RequestPlan::read(block, &spot.index(index), &mut scope, notes));
    }
    one_token(blocks, &spot, &scope, notes);
    requests.into_iter().collect()
}

/// The token is taken from one answer, and from one only.
fn one_token(blocks: &[GivenFields], spot: &Spot, scope: &Scope, notes: &mut Notes) {
    let takes = |block: &GivenFields| matches!(block.get("values"), Some(Given::Map(values)) if values.contains_key(TOKEN));
    let of_token: Vec<usize> = (0..blocks.len()).filter(|index| takes(&blocks[*index])).collect();
    if of_token.is_empty() && scope.values.is_some() {
        let wrong = "none of the requests takes the token: one of them needs `values = { token = … }`";
        notes.wrong(spot, wrong);
    }
    for index in of_token.iter().skip(1) {
        let spot = spot.index(*index).name("values").name(TOKEN);
        notes.wrong(&spot, "an earlier request takes the token already; give this value another name");
    }
}

fn terms(given: &GivenFields, way: Option<&Way>, notes: &mut Notes) -> Option<Terms> {
    let (top, before) = (Spot::field(""), notes.count());
    let read = |name: &'static str, notes: &mut Notes| match given.get(name) {
        Some(Given::Unknown) => {
            notes.unknown(&Spot::field(name));
            None
        }
        _ => text(given, name, &top, notes),
    };
    let header = read("header", notes).unwrap_or("Authorization");
    if header.parse::<HeaderName>().is_err() || is_refused_header(header) {
        notes.wrong(&Spot::field("header"), NO_HEADER);
    }
    let scheme = read("scheme", notes);
    if scheme.is_some_and(|scheme| !is_scheme(scheme)) {
        notes.wrong(&Spot::field("scheme"), "it must be one word, such as \"Bearer\", or \"none\"");
    }
    let ttl = read("ttl", notes).and_then(|text| parse_duration(text).ok());
    let account = read("account", notes);
    if notes.count() != before {
        return None;
    }
    Some(build_terms(header, scheme, ttl, account, way?))
}

fn build_terms(
    header: &str,
    scheme: Option<&str>,
    ttl: Option<Duration>,
    account: Option<&str>,
    way: &Way,
) -> Terms {
    let (issuer, subject) = match way {
        Way::Chain(requests) => {
            let taker = requests.iter().find(|request| request.takes(TOKEN));
            let username = requests.iter().find_map(RequestPlan::username);
            (taker.map(|request| issuer(request.origin(), &request.target.shown_path())), username)
        }
        Way::ClientCredentials(preset) => {
            let (url, good_for) = (preset.url(), preset.good_for());
            (Some(format!("{}{good_for}", issuer(url, url.path()))), Some(preset.client_id().to_owned()))
        }
    };
    let subject = account.map(str::to_owned).or(subject).unwrap_or_default();
    let issuer = issuer.unwrap_or_default();
    let identity = Identity { system: super::SYSTEM.name, issuer, subject };
    let scheme = scheme.or(if let Way::Chain(_) = way { Some(BEARER) } else { None });
    Terms { header: header.to_owned(), scheme: scheme.map(str::to_owned), ttl, identity }
}

/// Who gives the token: one host may serve several realms, which differ in their paths. What is filled in there is not
/// shown.
fn issuer(origin: &Url, path: &str) -> String {
    format!("{}{path}", origin.origin().ascii_serialization())
}

fn reach(given: &GivenFields) -> Reach {
    Reach { http: allows(given, "allow_http"), link_local: allows(given, "allow_link_local") }
}

/// What is not known yet may still allow it.
fn allows(given: &GivenFields, name: &str) -> bool {
    match given.get(name) {
        Some(Given::Flag(flag)) => *flag,
        Some(Given::Text(text)) => text.expose_secret() == "true",
        Some(Given::Unknown) => true,
        _ => false,
    }
}

/// One word, of the letters that HTTP allows in it.
pub(super) fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.parse::<HeaderName>().is_ok()
}

pub(super) const TOKEN: &str = "token";
pub(super) const BEARER: &str = "Bearer";
