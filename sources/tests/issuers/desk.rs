//! What the tests of all systems need: sources built for a sandbox, and what came of a login at one look.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokenferry_sandbox::{Answer, Fault, Options, Sandbox};
use tokenferry_sources::{
    BuildContext, ExposeSecret, FailureClass, FieldProblem, Given, GivenFields, HttpClient, HttpSettings,
    SourceError, SystemClock, Token, TokenSource, system,
};

/// Settings or headers.
pub(crate) type Pairs<'a> = &'a [(&'a str, &'a str)];

pub(crate) async fn start(adapt: impl FnOnce(&mut Options)) -> Sandbox {
    tokenferry_leaks::record_events();
    let mut options = Options::default();
    adapt(&mut options);
    Sandbox::start(options).await.unwrap()
}

/// A sandbox that gives every request this answer.
pub(crate) async fn answering(status: u16, headers: &[(&str, &str)], body: &str) -> Sandbox {
    let answer = headers.iter().fold(Answer::new(status), |answer, (name, value)| answer.header(name, value));
    let sandbox = start(|_| ()).await;
    sandbox.control().fault(Fault::answer(answer.body(body)));
    sandbox
}

/// A source that tries once; a setting that is empty is left out.
pub(crate) fn source(sandbox: &Sandbox, name: &str, settings: &[(&str, &str)]) -> Arc<dyn TokenSource> {
    build(name, &given(sandbox, name, settings), false).unwrap()
}

/// The same with retries.
pub(crate) fn patient_source(sandbox: &Sandbox, name: &str) -> Arc<dyn TokenSource> {
    build(name, &given(sandbox, name, &[]), true).unwrap()
}

/// Builds from these settings alone.
pub(crate) fn build(
    name: &str,
    given: &GivenFields,
    retries: bool,
) -> Result<Arc<dyn TokenSource>, Vec<FieldProblem>> {
    let system = system(name).unwrap();
    assert_eq!(system.check(given), []);
    let (settings, problems) = system.resolve(given, &BTreeMap::<String, String>::new());
    assert_eq!(problems, []);
    let http = Arc::new(HttpClient::new(HttpSettings { retries, ..HttpSettings::default() }));
    system.build(&settings, &BuildContext { http, clock: Arc::new(SystemClock) })
}

pub(crate) fn written(settings: &[(&str, &str)]) -> GivenFields {
    let settings = settings.iter().filter(|(_, text)| !text.is_empty());
    settings.map(|(name, text)| ((*name).to_owned(), Given::from(*text))).collect()
}

fn given(sandbox: &Sandbox, name: &str, settings: &[(&str, &str)]) -> GivenFields {
    let access = sandbox.access().iter().find(|access| access.system == name).unwrap();
    let mut given: GivenFields =
        access.settings.iter().map(|(name, text)| ((*name).to_owned(), text.as_str().into())).collect();
    given.retain(|name, _| settings.iter().all(|(other, _)| other != name));
    given.extend(written(settings));
    given
}

/// What a login should come to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Token(&'static str),
    Fails(FailureClass, &'static [&'static str]),
}

/// A token of this text, or a failure of this class that says all of this and nothing secret.
pub(crate) fn assert_outcome(outcome: &Result<Token, SourceError>, expected: Outcome, told: &str) {
    match (outcome, expected) {
        (Ok(token), Outcome::Token(text)) => assert_eq!(token.value.expose_secret(), text, "{told}"),
        (Err(error), Outcome::Fails(class, texts)) => {
            assert_eq!(error.class(), class, "{told}: {error}");
            let all = format!("{error} {error:?} {} {}", error.summary(), error.advice());
            let missing = texts.iter().find(|text| !all.contains(**text));
            assert_eq!(missing, None, "{told}: {all}");
            assert!(!all.contains("sandbox-password") && !all.contains("hunter2"), "{told}: {all}");
        }
        (outcome, expected) => panic!("{told}: {outcome:?} instead of {expected:?}"),
    }
}
