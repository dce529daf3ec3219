//! How a request is read from settings, with everything that is wrong with it.

use std::collections::BTreeSet;

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderName};
use secrecy::ExposeSecret;

use super::json::JsonTemplate;
use super::names::{carries_credential, header_carries_credential, is_refused_header};
use super::notes::{Notes, Spot};
use super::request::{BodyPlan, RequestPlan};
use super::take::{NO_HEADER, Take};
use super::target::{Reach, Target, query_pairs};
use super::template::{Placeholder, Template, has_braces, is_name};
use crate::{Given, GivenFields};

/// What may be filled in at a point of the chain; `None` where that is not known yet.
pub(super) struct Scope {
    pub(super) secrets: Option<BTreeSet<String>>,
    pub(super) values: Option<BTreeSet<String>>,
    pub(super) reach: Reach,
}

impl RequestPlan {
    /// Reads a block, and notes everything that is wrong with it. The scope is that of the next request then.
    pub(super) fn read(
        block: &GivenFields,
        spot: &Spot,
        scope: &mut Scope,
        notes: &mut Notes,
    ) -> Option<Self> {
        let before = notes.count();
        let mut reading = Reading { block, spot, scope, notes };
        let target = reading.target();
        let query = reading.pairs("query");
        let headers = reading.headers();
        let basic_auth = reading.basic_auth(&headers);
        let body = reading.body();
        let method = reading.method(body.is_some());
        let values = values(block, spot, scope, notes);
        if notes.count() != before {
            return None;
        }
        Some(RequestPlan { method, target: target?, query, headers, basic_auth, body, values })
    }
}

/// A text of a block, if it is there and known.
pub(super) fn text<'a>(
    given: &'a GivenFields,
    name: &str,
    spot: &Spot,
    notes: &mut Notes,
) -> Option<&'a str> {
    match given.get(name)? {
        Given::Text(text) => Some(text.expose_secret()),
        Given::Unknown => {
            notes.unknown(&spot.name(name));
            None
        }
        // The form of values is checked before.
        _ => None,
    }
}

/// A map of a block, if it is there and known.
pub(super) fn map<'a>(
    given: &'a GivenFields,
    name: &str,
    spot: &Spot,
    notes: &mut Notes,
) -> Option<&'a GivenFields> {
    match given.get(name)? {
        Given::Map(map) => Some(map),
        Given::Unknown => {
            notes.unknown(&spot.name(name));
            None
        }
        _ => None,
    }
}

struct Reading<'a> {
    block: &'a GivenFields,
    spot: &'a Spot,
    scope: &'a Scope,
    notes: &'a mut Notes,
}

impl Reading<'_> {
    fn target(&mut self) -> Option<Target> {
        let spot = self.spot.name("url");
        let Some(text) = text(self.block, "url", self.spot, self.notes) else {
            if !self.block.contains_key("url") {
                self.notes.missing(&spot, "the URL of each request");
            }
            return None;
        };
        let target = Target::parse(text, self.scope.reach).map_err(|wrong| self.notes.wrong(&spot, wrong));
        let clear = |(name, value): (&str, &str)| {
            carries_credential(name)
                && Template::parse(value).is_ok_and(|template| template.spells_credential_out())
        };
        if query_pairs(text).any(clear) {
            self.notes.wrong(&spot, CLEAR);
        }
        let target = target.ok()?;
        target.templates().for_each(|template| self.scope.check(template, &spot, self.notes));
        Some(target)
    }

    fn method(&mut self, has_body: bool) -> Method {
        let method = text(self.block, "method", self.spot, self.notes);
        if has_body && method == Some("GET") {
            self.notes.wrong(&self.spot.name("method"), "a GET has no body; use another method, or `query`");
        }
        let default = if has_body { Method::POST } else { Method::GET };
        method.and_then(|method| method.parse().ok()).unwrap_or(default)
    }

    fn headers(&mut self) -> Vec<(HeaderName, Template)> {
        let Some(headers) = map(self.block, "headers", self.spot, self.notes) else { return Vec::new() };
        let spot = self.spot.name("headers");
        let mut read = Vec::new();
        for (name, value) in headers {
            let spot = spot.name(name);
            let Ok(header) = name.parse::<HeaderName>() else {
                self.notes.wrong(&spot, NO_HEADER);
                continue;
            };
            if is_refused_header(name) {
                self.notes.wrong(&spot, "this header belongs to the connection and cannot be set");
            }
            if read.iter().any(|(other, _)| *other == header) {
                self.notes.wrong(&spot, "this header is there twice, in another spelling");
            }
            let template = self.template(value, &spot, header_carries_credential(name));
            read.extend(template.map(|template| (header, template)));
        }
        read
    }

    fn basic_auth(&mut self, headers: &[(HeaderName, Template)]) -> Option<(Template, Template)> {
        let pair = map(self.block, "basic_auth", self.spot, self.notes)?;
        let spot = self.spot.name("basic_auth");
        if headers.iter().any(|(name, _)| name == AUTHORIZATION) {
            self.notes.wrong(&spot, "it makes the header Authorization, which is set in `headers`, too");
        }
        let nothing = Given::from("");
        let [username, password] = ["username", "password"].map(|name| pair.get(name).unwrap_or(&nothing));
        // Services that take a user name alone take it for the credential.
        let is_alone = !pair.contains_key("password");
        let password = self.template(password, &spot.name("password"), true);
        let spot = spot.name("username");
        let template = self.template(username, &spot, is_alone)?;
        if has_colon(username) {
            self.notes.wrong(&spot, "Basic authentication cannot carry a colon in it");
        }
        Some((template, password?))
    }

    fn body(&mut self) -> Option<BodyPlan> {
        let is_known = |name| self.block.get(name).is_some_and(|given| !matches!(given, Given::Unknown));
        if is_known("json") && is_known("form") {
            self.notes.wrong(&self.spot.name("form"), "a request has one body: `json` or `form`, not both");
        }
        let json = text(self.block, "json", self.spot, self.notes).and_then(|json| self.json(json));
        let form = self.block.contains_key("form").then(|| BodyPlan::Form(self.pairs("form")));
        json.or(form)
    }

    fn json(&mut self, text: &str) -> Option<BodyPlan> {
        // That it is JSON was checked with the form of values.
        let value = serde_json::from_str(text).ok()?;
        let spot = self.spot.name("json");
        let mut flaws = Vec::new();
        let template = JsonTemplate::read(value, CLEAR, &mut flaws);
        for flaw in flaws {
            self.notes.wrong(&spot, format!("at \"{}\", {}", flaw.at, flaw.wrong));
        }
        template.templates().into_iter().for_each(|template| self.scope.check(template, &spot, self.notes));
        Some(BodyPlan::Json(template))
    }

    fn pairs(&mut self, name: &str) -> Vec<(String, Template)> {
        let Some(pairs) = map(self.block, name, self.spot, self.notes) else { return Vec::new() };
        let spot = self.spot.name(name);
        let mut read = Vec::new();
        for (name, value) in pairs {
            let spot = spot.name(name);
            if has_braces(name) {
                self.notes.wrong(&spot, "a placeholder can stand for a value, but not for a name");
            }
            let is_credential = carries_credential(name) && !has_braces(name);
            let template = self.template(value, &spot, is_credential);
            read.extend(template.map(|template| (name.clone(), template)));
        }
        read
    }

    /// Reads one text, which must not be a credential in clear text if it is meant for one.
    fn template(&mut self, given: &Given, spot: &Spot, is_credential: bool) -> Option<Template> {
        let text = match given {
            Given::Text(text) => text.expose_secret(),
            Given::Unknown => {
                self.notes.unknown(spot);
                return None;
            }
            _ => return None,
        };
        if text.chars().any(char::is_control) {
            self.notes.wrong(spot, "it contains a line break or another control character");
            return None;
        }
        let template = Template::parse(text).map_err(|wrong| self.notes.wrong(spot, wrong)).ok()?;
        if is_credential && template.spells_credential_out() {
            self.notes.wrong(spot, CLEAR);
        }
        self.scope.check(&template, spot, self.notes);
        Some(template)
    }
}

impl Scope {
    /// Notes placeholders that nothing stands for.
    pub(super) fn check(&self, template: &Template, spot: &Spot, notes: &mut Notes) {
        let unknown = |names: &Option<BTreeSet<String>>, name: &String| {
            names.as_ref().is_some_and(|names| !names.contains(name))
        };
        for placeholder in template.placeholders() {
            match placeholder {
                Placeholder::Secret(name) if unknown(&self.secrets, name) => {
                    notes.wrong(spot, format!("`{{{{{placeholder}}}}}` is not declared in `secrets`"));
                }
                Placeholder::Value(name) if unknown(&self.values, name) => notes.wrong(
                    spot,
                    format!("`{{{{{placeholder}}}}}` is not taken from the answer to an earlier request"),
                ),
                _ => {}
            }
        }
    }
}

fn values(block: &GivenFields, spot: &Spot, scope: &mut Scope, notes: &mut Notes) -> Vec<Take> {
    let Some(values) = map(block, "values", spot, notes) else {
        if block.contains_key("values") {
            scope.values = None;
        }
        return Vec::new();
    };
    let spot = spot.name("values");
    let mut read = Vec::new();
    for (name, given) in values {
        let spot = spot.name(name);
        if !is_name(name) {
            notes.wrong(
                &spot,
                "its name must begin with a letter, and go on with letters, digits, `_` and `-`",
            );
        }
        if let Some(values) = &mut scope.values {
            values.insert(name.clone());
        }
        match given {
            Given::Map(given) => read.extend(Take::read(name, given, &spot, notes)),
            _ => notes.unknown(&spot),
        }
    }
    read
}

fn has_colon(given: &Given) -> bool {
    matches!(given, Given::Text(text) if text.expose_secret().contains(':'))
}

/// Said of what would be a credential in the configuration.
const CLEAR: &str = "a credential must not be written down here, where it can be read; say in `secrets` \
                     where it is kept, and write `{{secrets.NAME}}` instead";
