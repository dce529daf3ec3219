//! What the environment adds, and what it must not.

use secrecy::{ExposeSecret, SecretString};

use super::settings::{Setting, missing};
use super::{Origin, Settings, System, check};
use crate::base_url::BaseUrl;
use crate::{Environment, Field, FieldProblem, FieldRole, Given, GivenFields};

pub(super) fn settings(
    system: &System,
    given: &GivenFields,
    environment: &dyn Environment,
) -> (Settings, Vec<FieldProblem>) {
    let mut settings = Settings { system: system.name, values: std::collections::BTreeMap::new() };
    let mut problems = Vec::new();
    let strangers = strangers(system, given, environment);
    for field in system.fields {
        let from_environment = || variable(field, environment);
        let setting = match given.get(field.name) {
            Some(Given::Unknown) => Some(Setting::Unknown),
            Some(Given::Text(text)) => Some(Setting::Known(text.clone(), Origin::Configured)),
            Some(Given::Flag(flag)) => Some(Setting::Known(flag.to_string().into(), Origin::Configured)),
            Some(structure @ (Given::List(_) | Given::Map(_) | Given::Reference(_))) => {
                Some(Setting::Structured(structure.clone()))
            }
            None if field.role == FieldRole::Secret && strangers.is_some() => None,
            None => from_environment()
                .map(|(name, text)| Setting::Known(text, Origin::Environment(name)))
                .or_else(|| field.default.map(|text| Setting::Known(text.into(), Origin::Default))),
        };
        settings.values.extend(setting.map(|setting| (field.name, setting)));
    }
    match strangers {
        Some(strangers) => problems.extend(strangers),
        None => problems.extend(half_a_pair(system, &settings)),
    }
    problems.extend(secret_to_configured_url(system, &settings));
    (settings, problems)
}

fn variable(field: &Field, environment: &dyn Environment) -> Option<(&'static str, SecretString)> {
    let name = field.environment?;
    let text = environment.var(name).filter(|text| !text.is_empty())?;
    Some((name, text.into()))
}

/// First guard: where the configured id is not the one of the environment, the environment's secret belongs to
/// somebody else. One problem for each secret that would be taken from there.
fn strangers(
    system: &System,
    given: &GivenFields,
    environment: &dyn Environment,
) -> Option<Vec<FieldProblem>> {
    let id = with_role(system, FieldRole::Identity).next()?;
    let Some(Given::Text(configured)) = given.get(id.name) else { return None };
    let (id_variable, found) = variable(id, environment)?;
    if configured.expose_secret() == found.expose_secret() {
        return None;
    }
    let problem = |secret: &'static Field| {
        FieldProblem::error(
            secret.name,
            format!(
                "The secret in the environment is not the one of `{}`",
                check::qualified(system.name, id.name)
            ),
            format!(
                "`{id}` is \"{configured}\", but the environment variable {id_variable} is \"{found}\", so the value \
                 of {secret_variable} is not used: it belongs to the other one. Set `{secret}` too, or make the two \
                 the same.",
                id = id.name,
                configured = shown(configured.expose_secret()),
                found = shown(found.expose_secret()),
                secret_variable = secret.environment.unwrap_or_default(),
                secret = secret.name,
            ),
        )
    };
    let unset = with_role(system, FieldRole::Secret)
        .filter(|secret| !given.contains_key(secret.name) && variable(secret, environment).is_some());
    let problems: Vec<FieldProblem> = unset.map(problem).collect();
    (!problems.is_empty()).then_some(problems)
}

/// One half of a credential alone is a mistake, wherever it is needed.
fn half_a_pair(system: &System, settings: &Settings) -> Vec<FieldProblem> {
    let is_there = |field: &&Field| settings.values.contains_key(field.name);
    let (present, absent): (Vec<&Field>, Vec<&Field>) = with_role(system, FieldRole::Identity)
        .chain(with_role(system, FieldRole::Secret))
        .partition(is_there);
    if present.is_empty() {
        return Vec::new();
    }
    // Whoever configured nothing may not know of the half that is there.
    let found: String = present.iter().filter_map(|field| origin(field, settings)).collect();
    let problem = |field: &Field| {
        let problem = missing(system, &[field.name]);
        FieldProblem { detail: format!("{}{found}", problem.detail), ..problem }
    };
    absent.into_iter().map(problem).collect()
}

fn origin(field: &Field, settings: &Settings) -> Option<String> {
    let Some(Origin::Environment(variable)) = settings.origin(field.name) else { return None };
    Some(format!(" `{}` comes from the environment variable {variable}.", field.name))
}

/// Second guard: a secret of the environment goes to a host that somebody wrote into the configuration.
fn secret_to_configured_url(system: &System, settings: &Settings) -> Vec<FieldProblem> {
    let configured = |field: &&Field| settings.origin(field.name) == Some(Origin::Configured);
    let Some(url) = with_role(system, FieldRole::Url).find(configured) else { return Vec::new() };
    let host = settings.text(url.name).and_then(|text| BaseUrl::parse(text.expose_secret(), true).ok());
    let Some(host) = host.map(|url| url.host()) else { return Vec::new() };
    let way_out = url.environment.map_or_else(String::new, |variable| {
        format!("set the URL in the environment variable {variable} instead of the configuration, or ")
    });
    let warning = |secret: &'static Field| {
        let Some(Origin::Environment(variable)) = settings.origin(secret.name) else { return None };
        Some(FieldProblem::warning(
            url.name,
            format!("The secret in {variable} is sent to {host}"),
            format!(
                "`{url}` is configured, and `{secret}` comes from the environment variable {variable}. If {host} may \
                 have it, say so: {way_out}set `{secret}` in the configuration as well.",
                url = check::qualified(system.name, url.name),
                secret = secret.name,
            ),
        ))
    };
    with_role(system, FieldRole::Secret).filter_map(warning).collect()
}

fn with_role(system: &System, role: FieldRole) -> impl Iterator<Item = &'static Field> {
    system.fields.iter().filter(move |field| field.role == role)
}

fn shown(id: &str) -> String {
    id.chars().filter(|c| !c.is_control()).take(80).collect()
}
