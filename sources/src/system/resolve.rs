//! What the environment adds, and what it must not.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::credential::{chosen, from_environment};
use super::settings::{Setting, missing};
use super::{Credential, Origin, Settings, System};
use crate::base_url::BaseUrl;
use crate::{Environment, Field, FieldKind, FieldProblem, Given, GivenFields};

pub(super) fn settings(
    system: &'static System,
    given: &GivenFields,
    environment: &dyn Environment,
) -> (Settings, Vec<FieldProblem>) {
    let credential = match chosen(system, given, environment) {
        Ok(credential) => credential,
        Err(problem) => return (completed(system, None, given, environment, &[]), vec![problem]),
    };
    let Some(credential) = credential else {
        return (completed(system, None, given, environment, &[]), Vec::new());
    };
    let login = Login { system, credential, given, environment };
    let strangers = login.strangers();
    let withheld: Vec<&str> = match &strangers {
        Some(_) => credential.secrets().collect(),
        None => login.proven_by_others().collect(),
    };
    let settings = completed(system, Some(credential), given, environment, &withheld);
    let mut problems = strangers.unwrap_or_else(|| login.half_a_pair(&settings));
    problems.extend(login.too_many_secrets(&settings));
    problems.extend(login.secret_to_configured_url(&settings));
    (settings, problems)
}

/// Written logins that cannot go together, whatever the environment holds.
pub(super) fn conflicts(system: &'static System, given: &GivenFields) -> Vec<FieldProblem> {
    let nothing = BTreeMap::new();
    match chosen(system, given, &nothing) {
        Err(problem) => vec![problem],
        Ok(None) => Vec::new(),
        Ok(Some(credential)) => {
            let settings = completed(system, Some(credential), given, &nothing, &[]);
            Login { system, credential, given, environment: &nothing }.too_many_secrets(&settings)
        }
    }
}

/// What is written, and for the rest the environment and the defaults, without what another credential would use.
fn completed(
    system: &'static System,
    credential: Option<&'static Credential>,
    given: &GivenFields,
    environment: &dyn Environment,
    withheld: &[&str],
) -> Settings {
    let used = |field: &&Field| credential.is_none_or(|credential| credential.uses(system, field.name));
    let value = |field: &'static Field| match given.get(field.name) {
        Some(Given::Unknown) => Some(Setting::Unknown),
        Some(Given::Text(text)) => Some(Setting::Known(text.clone(), Origin::Configured)),
        Some(Given::Flag(flag)) => Some(Setting::Known(flag.to_string().into(), Origin::Configured)),
        Some(structure @ (Given::List(_) | Given::Map(_) | Given::Reference(_))) => {
            Some(Setting::Structured(structure.clone()))
        }
        None if withheld.contains(&field.name) => None,
        None => from_environment(credential, field, environment)
            .map(|(name, text)| Setting::Known(text, Origin::Environment(name)))
            .or_else(|| field.default.map(|text| Setting::Known(text.into(), Origin::Default))),
    };
    let values = system.all_fields().filter(used);
    let values = values.filter_map(|field| Some((field.name, value(field)?)));
    Settings { system: system.name, credential, values: values.collect() }
}

/// One way to log in, with all that may be known of it.
struct Login<'a> {
    system: &'static System,
    credential: &'static Credential,
    given: &'a GivenFields,
    environment: &'a dyn Environment,
}

impl Login<'_> {
    /// First guard: where the configured id is not the one of the environment, the environment's secret belongs to
    /// somebody else. One problem for each secret that would be taken from there.
    fn strangers(&self) -> Option<Vec<FieldProblem>> {
        let id = self.field(self.credential.identity?)?;
        let Some(Given::Text(configured)) = self.given.get(id.name) else { return None };
        let (id_variable, found) = from_environment(Some(self.credential), id, self.environment)?;
        if configured.expose_secret() == found.expose_secret() {
            return None;
        }
        let problem = |(secret, secret_variable): (&'static str, &'static str)| {
            FieldProblem::error(
                secret,
                format!("The secret in the environment is not the one of `{}`", self.qualified(id.name)),
                format!(
                    "`{id}` is \"{configured}\", but the environment variable {id_variable} is \"{found}\", so the value \
                     of {secret_variable} is not used: it belongs to the other one. Set `{secret}` too, or make the \
                     two the same.",
                    id = id.name,
                    configured = shown(configured.expose_secret()),
                    found = shown(found.expose_secret()),
                ),
            )
        };
        let problems: Vec<FieldProblem> = self.unset_secrets().map(problem).collect();
        (!problems.is_empty()).then_some(problems)
    }

    /// The secrets that would come from the environment, with their variables.
    fn unset_secrets(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let open = self.credential.secrets.iter().filter(|group| !self.is_written(group));
        open.flat_map(|group| group.iter()).filter_map(|secret| {
            let (variable, _) =
                from_environment(Some(self.credential), self.field(secret)?, self.environment)?;
            Some((*secret, variable))
        })
    }

    /// The secrets in whose place another one is written: those of the environment do not matter then.
    fn proven_by_others(&self) -> impl Iterator<Item = &'static str> {
        let written = self.credential.secrets.iter().filter(|group| self.is_written(group));
        written.flat_map(|group| group.iter().copied())
    }

    fn is_written(&self, group: &[&str]) -> bool {
        group.iter().any(|secret| self.given.contains_key(*secret))
    }

    /// One half of a credential alone is a mistake, wherever it is needed. What is not known yet may turn out to be
    /// nothing: whoever logs in then learns what is missing.
    fn half_a_pair(&self, settings: &Settings) -> Vec<FieldProblem> {
        let identity = self.credential.identity.as_ref().map(std::slice::from_ref);
        let groups = identity.into_iter().chain(self.credential.secrets.iter().copied());
        let is_there = |group: &&[&'static str]| group.iter().any(|field| settings.has(field));
        let (present, absent): (Vec<_>, Vec<_>) = groups.partition(is_there);
        let mut written = present.iter().flat_map(|group| group.iter());
        if present.is_empty() || written.any(|field| settings.is_unknown(field)) {
            return Vec::new();
        }
        // Whoever configured nothing may not know of the half that is there.
        let found: String = present
            .iter()
            .flat_map(|group| group.iter())
            .filter_map(|field| origin(field, settings))
            .collect();
        let problem = |group: &'static [&'static str]| {
            let problem = missing(self.system, Some(self.credential), group);
            FieldProblem { detail: format!("{}{found}", problem.detail), ..problem }
        };
        absent.into_iter().map(problem).collect()
    }

    /// Where one secret is enough, nobody can tell which of two is meant.
    fn too_many_secrets(&self, settings: &Settings) -> Vec<FieldProblem> {
        let several = |group: &'static [&'static str]| {
            let known = |field: &&&str| settings.text(field).is_some();
            let [first, second, ..] = group.iter().filter(known).copied().collect::<Vec<_>>()[..] else {
                return None;
            };
            let found: String = [first, second].iter().filter_map(|field| origin(field, settings)).collect();
            let (first_name, second_name) = (self.qualified(first), self.qualified(second));
            Some(FieldProblem::error(
                second,
                format!("Both `{first_name}` and `{second_name}`"),
                format!(
                    "One of `{first_name}` and `{second_name}` is enough, and there are both. Set only one.{found}"
                ),
            ))
        };
        self.credential.secrets.iter().filter_map(|group| several(group)).collect()
    }

    /// Second guard: a secret of the environment is used at a host that somebody wrote into the configuration.
    fn secret_to_configured_url(&self, settings: &Settings) -> Vec<FieldProblem> {
        let is_url = |field: &&Field| matches!(field.kind, FieldKind::Url);
        let configured = |field: &&Field| settings.origin(field.name) == Some(Origin::Configured);
        let urls = self.system.fields.iter().filter(is_url).filter(configured);
        urls.flat_map(|url| self.warnings(url, settings)).collect()
    }

    fn warnings(&self, url: &'static Field, settings: &Settings) -> Vec<FieldProblem> {
        let host = settings.text(url.name).and_then(|text| BaseUrl::parse(text.expose_secret(), true).ok());
        let Some(host) = host.map(|url| url.host()) else { return Vec::new() };
        let way_out = self.credential.variable(url).map_or_else(String::new, |variable| {
            format!("set the URL in the environment variable {variable} instead of the configuration, or ")
        });
        let warning = |secret: &'static str| {
            let Some(Origin::Environment(variable)) = settings.origin(secret) else { return None };
            Some(FieldProblem::warning(
                url.name,
                format!("The secret in {variable} is used at {host}"),
                format!(
                    "`{url}` is configured, and `{secret}` comes from the environment variable {variable}. If {host} \
                     may have it, say so: {way_out}set `{secret}` in the configuration as well.",
                    url = self.qualified(url.name),
                ),
            ))
        };
        self.credential.secrets().filter_map(warning).collect()
    }

    fn field(&self, name: &str) -> Option<&'static Field> {
        self.system.field(name)
    }

    fn qualified(&self, field: &str) -> String {
        self.system.qualified(field)
    }
}

fn origin(field: &str, settings: &Settings) -> Option<String> {
    let Some(Origin::Environment(variable)) = settings.origin(field) else { return None };
    Some(format!(" `{field}` comes from the environment variable {variable}."))
}

fn shown(id: &str) -> String {
    id.chars().filter(|c| !c.is_control()).take(80).collect()
}
