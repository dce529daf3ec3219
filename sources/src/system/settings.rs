//! What a source is built from: every setting with its origin.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::{capitalized, check};
use crate::base_url::BaseUrl;
use crate::{Credential, Field, FieldProblem, Given, GivenFields, System, parse_duration};

/// The settings of one system after environment and defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) system: &'static str,
    pub(super) credential: Option<&'static Credential>,
    pub(super) values: BTreeMap<&'static str, Setting>,
}

/// Where a setting comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// The user wrote it.
    Configured,
    /// It has the field's default.
    Default,
    /// It is the value of this environment variable.
    Environment(&'static str),
}

#[derive(Clone, Debug)]
pub(super) enum Setting {
    Known(SecretString, Origin),
    Structured(Given),
    Unknown,
}

impl Settings {
    /// The name of the system they are for.
    pub fn system(&self) -> &'static str {
        self.system
    }

    /// The name of the credential that is used; `None` if that is not known yet, or the system knows none.
    pub fn credential(&self) -> Option<&'static str> {
        self.credential.map(|credential| credential.name)
    }

    /// Whether it is known with which credential to log in.
    pub(super) fn is_decided(&self, system: &System) -> bool {
        self.credential.is_some() || system.credentials.is_empty()
    }

    /// Where a setting comes from; `None` if it is missing or not known yet.
    pub fn origin(&self, field: &str) -> Option<Origin> {
        match self.values.get(field)? {
            Setting::Known(_, origin) => Some(*origin),
            Setting::Structured(_) => Some(Origin::Configured),
            Setting::Unknown => None,
        }
    }

    /// Whether a setting is decided only later.
    pub fn is_unknown(&self, field: &str) -> bool {
        matches!(self.values.get(field), Some(Setting::Unknown))
    }

    /// Whether a setting is there, malformed, or on its way.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.values.contains_key(field)
    }

    pub(crate) fn text(&self, field: &str) -> Option<&SecretString> {
        match self.values.get(field)? {
            Setting::Known(text, _) => Some(text),
            Setting::Structured(_) | Setting::Unknown => None,
        }
    }

    /// All settings in the form in which they are written.
    pub(crate) fn given(&self) -> GivenFields {
        let given = |setting: &Setting| match setting {
            Setting::Known(text, _) => Given::Text(text.clone()),
            Setting::Structured(given) => given.clone(),
            Setting::Unknown => Given::Unknown,
        };
        self.values.iter().map(|(name, setting)| ((*name).to_owned(), given(setting))).collect()
    }

    pub(crate) fn flag(&self, field: &str) -> bool {
        self.text(field).is_some_and(|text| text.expose_secret() == "true")
    }
}

/// Reads settings into types and collects everything that stands in the way.
pub(crate) struct Reader<'a> {
    system: &'static System,
    settings: &'a Settings,
    problems: Vec<FieldProblem>,
    /// What nobody wrote; of each several one is enough.
    missing: Vec<Vec<&'static str>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(system: &'static System, settings: &'a Settings) -> Self {
        let mut reader = Reader { system, settings, problems: Vec::new(), missing: Vec::new() };
        for field in system.fields.iter().filter(|field| settings.is_unknown(field.name)) {
            reader.problems.push(not_known_yet(system, field.name));
        }
        reader
    }

    /// A secret that must be there.
    pub(crate) fn secret(&mut self, field: &'static str) -> SecretString {
        let text = self.optional(field, |text| Ok(SecretString::from(text)));
        self.required(field, text)
    }

    /// A text that must be there.
    pub(crate) fn text(&mut self, field: &'static str) -> String {
        let text = self.optional(field, |text| Ok(text.to_owned()));
        self.required(field, text)
    }

    pub(crate) fn url(&mut self, field: &'static str) -> Option<BaseUrl> {
        let allow_http = self.settings.flag("allow_http") || self.settings.is_unknown("allow_http");
        // Its own parser tells all there is to tell of its kind: no URL is parsed twice, at each login.
        self.parsed(field, |described, text| {
            check::form_problem(described, text).map_or(Ok(()), Err)?;
            let url = BaseUrl::parse(text, allow_http).map_err(|error| error.to_string())?;
            described.rule.map_or(Ok(()), |rule| rule(text)).map(|()| url)
        })
    }

    pub(crate) fn duration(&mut self, field: &'static str) -> Option<Duration> {
        self.optional(field, |text| parse_duration(text).map_err(|error| error.to_string()))
    }

    /// Whether a flag is set.
    pub(crate) fn flag(&self, field: &str) -> bool {
        self.settings.flag(field)
    }

    /// A setting that may be left out; a malformed one is a problem.
    pub(crate) fn optional<T>(
        &mut self,
        field: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.parsed(field, |described, text| {
            check::text_problem(described, text, true).map_or(Ok(()), Err)?;
            parse(text)
        })
    }

    fn parsed<T>(
        &mut self,
        field: &'static str,
        parse: impl FnOnce(&Field, &str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.settings.text(field)?.expose_secret();
        let described = self.system.field(field)?;
        let origin = self.settings.origin(field);
        let parsed = parse(described, text);
        parsed.map_err(|wrong| self.problems.push(malformed(self.system, field, origin, &wrong))).ok()
    }

    /// Whether a setting is there, malformed, or on its way.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.settings.has(field)
    }

    /// Takes back what stands against a setting that is not needed.
    pub(crate) fn ignore(&mut self, field: &str) {
        self.missing.retain(|fields| fields.first() != Some(&field));
        self.problems.retain(|problem| problem.field != field);
    }

    /// Takes back what stands against a setting that another one's choice makes meaningless, and refuses it where
    /// somebody wrote it all the same. A variable may stand there for others.
    pub(crate) fn unused(&mut self, field: &'static str, choice: &str, chosen: &str) {
        self.ignore(field);
        if self.settings.origin(field) == Some(Origin::Configured) {
            let wrong = no_meaning(choice, chosen);
            self.problems.push(malformed(self.system, field, Some(Origin::Configured), &wrong));
        }
    }

    /// Reports that none of these settings is there, malformed, or on its way.
    pub(crate) fn require_one(&mut self, fields: &[&'static str]) {
        if !fields.iter().any(|field| self.has(field)) {
            self.missing.push(fields.to_vec());
        }
    }

    /// What was read, if nothing stands in the way.
    pub(crate) fn finish<T>(self, value: impl FnOnce() -> Option<T>) -> Result<T, Vec<FieldProblem>> {
        let missing = self.missing();
        let problems: Vec<FieldProblem> = self.problems.into_iter().chain(missing).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        value().ok_or_else(Vec::new)
    }

    /// One problem for each field that is missing; only one for all where nobody has said who logs in, and that takes
    /// more than a pair.
    fn missing(&self) -> Vec<FieldProblem> {
        let credential = self.settings.credential;
        let of_login = credential.into_iter().flat_map(|way| way.identity.into_iter().chain(way.secrets()));
        if self.missing.len() > 2 && !of_login.into_iter().any(|field| self.has(field)) {
            return vec![nothing_there(self.system, credential, &self.missing)];
        }
        self.missing.iter().map(|fields| missing(self.system, credential, fields)).collect()
    }

    fn required<T: Default>(&mut self, field: &'static str, value: Option<T>) -> T {
        self.require_one(&[field]);
        value.unwrap_or_default()
    }
}

/// What is wrong with a setting that another one's choice makes meaningless.
pub(crate) fn no_meaning(choice: &str, chosen: &str) -> String {
    format!("it has no meaning with `{choice} = \"{chosen}\"`; leave it out")
}

/// The problem of a field that is needed and nowhere to be found, or of several of which one is enough.
pub(super) fn missing(
    system: &System,
    credential: Option<&Credential>,
    fields: &[&'static str],
) -> FieldProblem {
    let name = |field: &&str| format!("`{}`", system.qualified(field));
    let way = |field: &&str| match variable(system, credential, field) {
        Some(variable) => format!("`{field}` or the environment variable {variable}"),
        None => format!("`{field}`"),
    };
    let names = fields.iter().map(name).collect::<Vec<_>>().join(" or ");
    let bare = fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(" or ");
    let ways = fields.iter().map(way).collect::<Vec<_>>().join(", or ");
    let problem = FieldProblem::error(
        fields.first().copied().unwrap_or_default(),
        format!("Missing {names}"),
        format!("{} needs {names} to log in. Set {ways}.", capitalized(system.title)),
    );
    FieldProblem { reason: format!("missing {bare}"), ..problem }
}

fn not_known_yet(system: &System, field: &'static str) -> FieldProblem {
    let name = system.qualified(field);
    FieldProblem::error(field, format!("`{name}` is not known yet"), decided_later(&name, system))
}

/// The problem of a login of which there is nothing.
fn nothing_there(
    system: &System,
    credential: Option<&Credential>,
    missing: &[Vec<&'static str>],
) -> FieldProblem {
    let way = |field: &&str| match variable(system, credential, field) {
        Some(variable) => format!("`{field}` ({variable})"),
        None => format!("`{field}`"),
    };
    let one = |fields: &Vec<&'static str>| fields.iter().map(way).collect::<Vec<_>>().join(" or ");
    let all = missing.iter().map(one).collect::<Vec<_>>().join(", ");
    let title = capitalized(system.title);
    let problem = FieldProblem::error(
        missing.iter().flatten().next().copied().unwrap_or_default(),
        format!("No credential for {}", system.title),
        format!(
            "{title} needs all of the following to log in, and nothing of it is there. Set them in `{}`, or in the \
             environment variables in brackets: {all}.",
            system.name
        ),
    );
    FieldProblem { reason: format!("missing {all}"), ..problem }
}

fn variable(system: &System, credential: Option<&Credential>, field: &str) -> Option<&'static str> {
    let field = system.field(field)?;
    credential.map_or(field.environment, |credential| credential.variable(field))
}

/// What to do where a value is not known while planning.
pub(crate) fn decided_later(name: &str, system: &System) -> String {
    format!(
        "`{name}` depends on something that is created only during apply, so {} cannot be asked for a token now. Apply \
         that first, with `-target`, or set `{name}` to a value that is known while planning, such as that of a variable.",
        system.title
    )
}

fn malformed(system: &System, field: &'static str, origin: Option<Origin>, wrong: &str) -> FieldProblem {
    if let Some(Origin::Environment(variable)) = origin {
        let detail = format!(
            "The environment variable {variable}, which is read because `{field}` is not set: {wrong}."
        );
        return FieldProblem::error(field, format!("Invalid value in {variable}"), detail);
    }
    FieldProblem::malformed(field, &system.qualified(field), wrong.to_owned())
}
