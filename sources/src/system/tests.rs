use secrecy::ExposeSecret;

use super::*;
use crate::{FieldKind, Given, Severity};

type Variables = std::collections::BTreeMap<String, String>;

fn given(values: &[(&str, &str)]) -> GivenFields {
    values.iter().map(|(name, text)| ((*name).to_owned(), Given::from(*text))).collect()
}

fn variables(values: &[(&str, &str)]) -> Variables {
    values.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn zscaler() -> &'static System {
    system("zscaler").unwrap()
}

fn fields(problems: &[FieldProblem]) -> Vec<(&'static str, Severity)> {
    problems.iter().map(|problem| (problem.field, problem.severity)).collect()
}

fn build_problems(settings: &Settings) -> Vec<FieldProblem> {
    let context = crate::test_server::default_context();
    system(settings.system()).unwrap().build(settings, &context).err().unwrap_or_default()
}

#[test]
fn systems_are_found_by_name_and_described_in_full() {
    assert!(system("zscaler").is_some() && system("zettelstore").is_some() && system("x").is_none());
    for field in SYSTEMS.iter().flat_map(|system| system.fields).chain(crate::HTTP_FIELDS) {
        assert!(field.description.ends_with('.'), "{}", field.name);
        if let (Some(default), FieldKind::Choice(words)) = (field.default, field.kind) {
            assert!(words.contains(&default), "{}", field.name);
        }
    }
}

#[test]
fn a_credential_names_fields_that_exist_and_everything_secret_belongs_to_one() {
    for system in SYSTEMS {
        let is_secret = |name: &&str| system.field(name).unwrap().kind.is_secret();
        for credential in system.credentials {
            assert!(credential.secrets().all(|name| is_secret(&name)), "{}", system.name);
            assert!(!credential.identity.iter().any(is_secret), "{}", system.name);
            let others =
                credential.settings.iter().chain(credential.variables.iter().map(|(field, _)| field));
            assert!(others.into_iter().all(|name| system.field(name).is_some()), "{}", system.name);
        }
        let proves =
            |name| system.credentials.iter().any(|credential| credential.secrets().any(|n| n == name));
        let secrets = system
            .fields
            .iter()
            .filter(|field| matches!(field.kind, FieldKind::Secret | FieldKind::SecretLines));
        assert!(secrets.map(|field| field.name).all(proves), "{}", system.name);
    }
}

/// The fields within a field.
fn inner(kind: FieldKind) -> &'static [crate::Field] {
    match kind {
        FieldKind::Blocks(fields) | FieldKind::Object(fields) | FieldKind::Objects(fields) => fields,
        _ => &[],
    }
}

#[test]
fn inner_fields_are_described_too() {
    let mut fields: Vec<&crate::Field> = SYSTEMS.iter().flat_map(|system| system.fields).collect();
    while let Some(field) = fields.pop() {
        assert!(!field.name.is_empty() && field.description.ends_with('.'), "{}", field.name);
        fields.extend(inner(field.kind));
    }
}

#[test]
fn every_malformed_value_is_one_problem_that_does_not_repeat_it() {
    let mut values = given(&[
        ("api_key", ""),
        ("secret_key", "hunter2\n"),
        ("cloud", "hunter2.example"),
        ("base_url", "https://user:hunter2@host/papi"),
        ("ttl", "300"),
    ]);
    values.insert("allow_http".to_owned(), "hunter2".into());
    let problems = zscaler().check(&values);
    let names: Vec<&str> = problems.iter().map(|problem| problem.field).collect();
    assert_eq!(names, ["api_key", "secret_key", "cloud", "base_url", "ttl", "allow_http"]);
    assert!(!format!("{problems:?}").contains("hunter2"));
    assert!(problems[4].detail.contains("\"300s\""), "{}", problems[4].detail);
}

#[test]
fn plain_http_is_for_this_machine_unless_it_is_or_may_be_allowed() {
    let mut values = given(&[("base_url", "http://zettel.example/")]);
    assert!(zettelstore::SYSTEM.check(&values)[0].detail.contains("allow_http"));
    for allowed in [Given::Flag(true), Given::Unknown] {
        values.insert("allow_http".to_owned(), allowed);
        assert_eq!(zettelstore::SYSTEM.check(&values), []);
    }
    assert_eq!(zettelstore::SYSTEM.check(&given(&[("base_url", "http://127.0.0.1:1/notes/")])), []);
}

#[test]
fn choices_and_unknown_values_are_checked_as_far_as_possible() {
    let problems = zettelstore::SYSTEM.check(&given(&[("method", "digest")]));
    assert!(problems[0].detail.contains("\"basic\", \"form\""), "{}", problems[0].detail);
    let unknown = zscaler().fields.iter().map(|field| (field.name.to_owned(), Given::Unknown)).collect();
    assert_eq!(zscaler().check(&unknown), []);
}

#[test]
fn the_environment_and_the_defaults_fill_in_field_by_field() {
    let environment = variables(&[
        ("ZETTELSTORE_USERNAME", "anna"),
        ("ZETTELSTORE_PASSWORD", "hunter2"),
        ("ZETTELSTORE_BASE_URL", ""),
    ]);
    let (settings, problems) = zettelstore::SYSTEM.resolve(&GivenFields::new(), &environment);
    assert_eq!(problems, []);
    assert_eq!(settings.origin("username"), Some(Origin::Environment("ZETTELSTORE_USERNAME")));
    assert_eq!(settings.origin("base_url"), Some(Origin::Default));
    assert_eq!(settings.text("base_url").unwrap().expose_secret(), "http://127.0.0.1:23123/");
    assert!(!format!("{settings:?}").contains("hunter2"));
    assert_eq!(build_problems(&settings), []);
}

#[test]
fn a_malformed_variable_is_named() {
    let environment = variables(&[("ZETTELSTORE_BASE_URL", "zettel.example")]);
    let user = given(&[("username", "anna"), ("password", "hunter2")]);
    let (settings, problems) = zettelstore::SYSTEM.resolve(&user, &environment);
    assert_eq!(problems, []);
    let problems = build_problems(&settings);
    assert_eq!(fields(&problems), [("base_url", Severity::Error)]);
    assert_eq!(problems[0].summary, "Invalid value in ZETTELSTORE_BASE_URL");
    assert!(problems[0].detail.contains("`base_url` is not set"));
}

#[test]
fn a_malformed_variable_that_is_not_used_does_not_matter() {
    let environment = variables(&[("ZCC_CLOUD", "https://mobile.zscaler.net/")]);
    let mut values = given(&[("api_key", "id"), ("secret_key", "s")]);
    let (settings, _) = zscaler().resolve(&values, &environment);
    assert_eq!(build_problems(&settings)[0].summary, "Invalid value in ZCC_CLOUD");
    values.extend(given(&[("base_url", "https://mobile.zscaler.net/papi")]));
    let (settings, problems) = zscaler().resolve(&values, &environment);
    assert_eq!((problems, build_problems(&settings)), (vec![], vec![]));
}

#[test]
fn what_is_shown_as_the_subject_of_tokens_says_so() {
    for system in SYSTEMS {
        for id in system.fields.iter().filter(|field| system.is_identity(field.name)) {
            for word in ["not secret", "`subject`", "state"] {
                let place = format!("the description of {}.{}", system.name, id.name);
                assert!(id.description.contains(word), "{place} does not warn that it is shown: no {word:?}");
            }
        }
    }
}

#[test]
fn the_secret_of_another_id_in_the_environment_is_not_used() {
    let environment = variables(&[("ZCC_CLIENT_ID", "theirs"), ("ZCC_CLIENT_SECRET", "hunter2")]);
    let (settings, problems) = zscaler().resolve(&given(&[("api_key", "ours")]), &environment);
    assert_eq!(fields(&problems), [("secret_key", Severity::Error)]);
    let detail = &problems[0].detail;
    assert!(
        ["ours", "theirs", "ZCC_CLIENT_ID", "ZCC_CLIENT_SECRET"].iter().all(|name| detail.contains(name)),
        "{detail}"
    );
    assert!(settings.text("secret_key").is_none() && !detail.contains("hunter2"));

    let (settings, problems) = zscaler().resolve(&given(&[("api_key", "theirs")]), &environment);
    assert_eq!(problems, []);
    assert!(settings.text("secret_key").is_some());

    let own = given(&[("api_key", "ours"), ("secret_key", "own")]);
    let (settings, problems) = zscaler().resolve(&own, &environment);
    assert_eq!(problems, []);
    assert_eq!(settings.text("secret_key").unwrap().expose_secret(), "own");
}

#[test]
fn a_secret_of_the_environment_for_a_configured_url_is_a_warning() {
    let environment = variables(&[("ZCC_CLIENT_ID", "id"), ("ZCC_CLIENT_SECRET", "hunter2")]);
    let url = given(&[("base_url", "https://elsewhere.example:8443/papi")]);
    let (settings, problems) = zscaler().resolve(&url, &environment);
    assert_eq!(fields(&problems), [("base_url", Severity::Warning)]);
    for name in ["ZCC_CLIENT_SECRET", "elsewhere.example:8443"] {
        assert!(problems[0].summary.contains(name) && problems[0].detail.contains(name));
    }
    let detail = &problems[0].detail;
    assert!(detail.contains("ZCC_OVERRIDE_URL") && detail.contains("`secret_key` in the conf"), "{detail}");
    assert_eq!(build_problems(&settings), []);
}

#[test]
fn a_credential_and_its_url_from_the_environment_belong_together() {
    let environments = [
        variables(&[
            ("ZCC_CLIENT_ID", "id"),
            ("ZCC_CLIENT_SECRET", "hunter2"),
            ("ZCC_OVERRIDE_URL", "https://mobile.zscaler.net/papi"),
            ("ZCC_CLOUD", "https://malformed.example/"),
        ]),
        variables(&[
            ("ZETTELSTORE_USERNAME", "anna"),
            ("ZETTELSTORE_PASSWORD", "hunter2"),
            ("ZETTELSTORE_BASE_URL", "https://zettel.example/"),
        ]),
    ];
    for (system, environment) in [zscaler(), &zettelstore::SYSTEM].into_iter().zip(environments) {
        let (settings, problems) = system.resolve(&GivenFields::new(), &environment);
        assert!(matches!(settings.origin("base_url"), Some(Origin::Environment(_))));
        assert_eq!((problems, build_problems(&settings)), (vec![], vec![]));
    }
}

#[test]
fn white_space_around_a_text_is_refused_but_may_belong_to_a_secret() {
    for (field, text) in [("username", "anna "), ("base_url", " https://zettel.example/")] {
        let problems = zettelstore::SYSTEM.check(&given(&[(field, text)]));
        assert_eq!(fields(&problems), [(field, Severity::Error)]);
        assert!(problems[0].detail.contains("white space"), "{}", problems[0].detail);
    }
    assert_eq!(zettelstore::SYSTEM.check(&given(&[("password", "hunter2 ")])), []);
}

#[test]
fn half_a_credential_is_an_error_at_the_other_half() {
    let cases = [
        (given(&[("api_key", "id")]), variables(&[]), "secret_key", "ZCC_CLIENT_SECRET"),
        (given(&[]), variables(&[("ZCC_CLIENT_SECRET", "s")]), "api_key", "ZCC_CLIENT_ID"),
    ];
    for (values, environment, field, variable) in cases {
        let (_, problems) = zscaler().resolve(&values, &environment);
        assert_eq!(fields(&problems), [(field, Severity::Error)]);
        assert!(problems[0].detail.contains(&format!("`{field}`")) && problems[0].detail.contains(variable));
        let found = "`secret_key` comes from the environment variable ZCC_CLIENT_SECRET.";
        assert_eq!(problems[0].detail.ends_with(found), field == "api_key", "{}", problems[0].detail);
    }
    let unknown = GivenFields::from([
        ("api_key".to_owned(), Given::Unknown),
        ("secret_key".to_owned(), Given::Unknown),
    ]);
    assert_eq!(zscaler().resolve(&unknown, &variables(&[])).1, []);
    assert_eq!(zscaler().resolve(&GivenFields::new(), &variables(&[])).1, []);
}

#[test]
fn half_a_credential_that_may_turn_out_to_be_none_is_an_error_only_for_a_login() {
    for (there, missing) in [("api_key", "secret_key"), ("secret_key", "api_key")] {
        let mut values = given(&[("cloud", "zscaler")]);
        values.insert(there.to_owned(), Given::Unknown);
        let (settings, problems) = zscaler().resolve(&values, &variables(&[]));
        assert_eq!(problems, []);
        let names: Vec<&str> = build_problems(&settings).iter().map(|problem| problem.field).collect();
        assert_eq!(names, [there, missing]);
    }
}

#[test]
fn building_names_everything_that_is_missing() {
    let (settings, _) = zscaler().resolve(&GivenFields::new(), &variables(&[]));
    let problems = build_problems(&settings);
    let names: Vec<&str> = problems.iter().map(|problem| problem.field).collect();
    assert_eq!(names, ["api_key"]);
    assert_eq!(problems[0].summary, "No credential for Zscaler");
    for part in ["`api_key` (ZCC_CLIENT_ID)", "`secret_key`", "`cloud` (ZCC_CLOUD) or `base_url`"] {
        assert!(problems[0].detail.contains(part), "{}", problems[0].detail);
    }
    let (settings, _) = zscaler().resolve(&given(&[("cloud", "zscaler")]), &variables(&[]));
    let names: Vec<&str> = build_problems(&settings).iter().map(|problem| problem.field).collect();
    assert_eq!(names, ["api_key", "secret_key"], "a pair is told field by field");
}

#[test]
fn what_nobody_wrote_is_missing_and_what_is_not_known_yet_is_not() {
    let names = |given: &GivenFields| -> Vec<&str> {
        zscaler().flaws(given).iter().map(|problem| problem.field).collect()
    };
    assert_eq!(names(&GivenFields::new()), ["api_key"]);
    let mut values = given(&[("api_key", "id"), ("ttl", "soon")]);
    values.insert("base_url".to_owned(), Given::Unknown);
    assert_eq!(names(&values), ["secret_key"]);
    values.insert("secret_key".to_owned(), Given::Unknown);
    assert!(names(&values).is_empty());
}

#[test]
fn building_names_what_is_not_known_yet_and_only_that() {
    let mut values = given(&[("api_key", "id"), ("secret_key", "s")]);
    values.insert("base_url".to_owned(), Given::Unknown);
    let (settings, _) = zscaler().resolve(&values, &variables(&[]));
    let problems = build_problems(&settings);
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].summary, "`zscaler.base_url` is not known yet");
    values.insert("cloud".to_owned(), Given::Unknown);
    values.extend(given(&[("base_url", "https://mobile.zscaler.net/papi")]));
    let (settings, _) = zscaler().resolve(&values, &variables(&[]));
    assert_eq!(build_problems(&settings), []);
}

#[test]
fn building_refuses_what_the_check_refuses() {
    let values = given(&[
        ("api_key", "id"),
        ("secret_key", "s"),
        ("base_url", "http://elsewhere.example/papi"),
        ("ttl", "0s"),
    ]);
    let (settings, _) = zscaler().resolve(&values, &variables(&[]));
    let names: Vec<&str> = build_problems(&settings).iter().map(|problem| problem.field).collect();
    assert_eq!(names, ["base_url", "ttl"]);
}
