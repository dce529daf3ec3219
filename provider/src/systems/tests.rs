use tokenferry_sources::{Given, HttpSettings, Reference, zettelstore};

use super::*;

fn block(unknown: Vec<&'static str>) -> Block {
    let vault = Some(GivenFields::new());
    Block { systems: BTreeMap::new(), vault, http: HttpSettings::default(), unknown }
}

fn systems(variables: &[(&str, &str)]) -> Systems {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let environment: BTreeMap<String, String> = variables.collect();
    let block = block(Vec::new());
    Systems::new(&block, Arc::new(environment)).unwrap().value
}

/// Any system may be asked with settings of a data source.
fn session(systems: &Systems, username: &str, password: Given) -> Result<Arc<Session>, Diagnostics> {
    let given =
        GivenFields::from([("username".to_owned(), username.into()), ("password".to_owned(), password)]);
    systems.session_of(&zettelstore::SYSTEM, &given)
}

fn env(name: &str) -> Given {
    Given::Reference(Reference::Env(name.to_owned()))
}

#[test]
fn the_same_login_is_shared_and_another_never() {
    let systems = systems(&[("ONE", "hunter2"), ("ALSO_ONE", "hunter2"), ("TWO", "hunter3")]);
    let first = session(&systems, "anna", "hunter2".into()).unwrap();
    for same in ["hunter2".into(), env("ONE"), env("ALSO_ONE")] {
        assert!(Arc::ptr_eq(&first, &session(&systems, "anna", same).unwrap()));
    }
    for (username, password) in [("anna", env("TWO")), ("anna", "hunter".into()), ("bert", env("ONE"))] {
        assert!(!Arc::ptr_eq(&first, &session(&systems, username, password).unwrap()));
    }
}

#[test]
fn a_secret_is_read_again_for_every_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let password = || Given::Reference(Reference::File(file.path().to_owned()));
    let systems = systems(&[]);
    std::fs::write(file.path(), "hunter2\n").unwrap();
    let first = session(&systems, "anna", password()).unwrap();
    std::fs::write(file.path(), "hunter3\n").unwrap();
    assert!(!Arc::ptr_eq(&first, &session(&systems, "anna", password()).unwrap()));
}

#[test]
fn what_stands_against_a_login_is_said_at_its_argument() {
    let systems = systems(&[]);
    let unset = session(&systems, "anna", env("NONE")).unwrap_err();
    let paths: Vec<_> = unset.iter().map(|problem| problem.path().to_string()).collect();
    assert_eq!(paths, ["password"]);
    let nothing = systems.session_of(&zettelstore::SYSTEM, &GivenFields::new()).unwrap_err();
    let paths: Vec<_> = nothing.iter().map(|problem| problem.path().to_string()).collect();
    assert_eq!(paths, ["username", "password"]);
}

#[test]
fn no_login_is_made_for_a_provider_block_that_is_not_wholly_known() {
    let systems = Systems::new(&block(vec!["timeout", "zscaler"]), Arc::new(BTreeMap::new())).unwrap().value;
    let problems = session(&systems, "anna", "hunter2".into()).unwrap_err();
    let paths: Vec<_> = problems.iter().map(|problem| problem.path().to_string()).collect();
    assert_eq!(paths, ["timeout"]);
}
