use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use chrono::TimeDelta;
use tokio::time::{advance, sleep};

use super::*;
use crate::token::tests::example;
use crate::{Action, Attempt, FailureClass, Said, TestClock, TokenUsage, zettelstore};

/// Takes a second for each answer, and counts.
#[derive(Debug)]
struct Scripted {
    identity: Identity,
    clock: TestClock,
    outcomes: Mutex<VecDeque<Outcome>>,
    calls: Mutex<Vec<&'static str>>,
}

#[derive(Clone, Debug)]
enum Outcome {
    /// The old token once more.
    Again,
    Fails(SourceError),
    Lives(Option<i64>),
    Panics,
}

impl Scripted {
    async fn next(&self, call: &'static str, old: Option<&Token>) -> Result<Token, SourceError> {
        let number = {
            let mut calls = self.calls.lock().unwrap();
            calls.push(call);
            calls.len()
        };
        sleep(Duration::from_secs(1)).await;
        let outcome = self.outcomes.lock().unwrap().pop_front().expect("no call is expected any more");
        match outcome {
            Outcome::Again => Ok(old.expect("only a refresh can do that").clone()),
            Outcome::Fails(error) => Err(error),
            Outcome::Lives(life) => Ok(example(&format!("token-{number}"), self.clock.now(), life)),
            Outcome::Panics => panic!("as told"),
        }
    }

    fn calls(&self) -> Vec<&'static str> {
        self.calls.lock().unwrap().clone()
    }
}

#[async_trait]
impl TokenSource for Scripted {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn usage(&self) -> TokenUsage {
        TokenUsage::fixed("Bearer", "Authorization", "Bearer ")
    }

    async fn login(&self) -> Result<Token, SourceError> {
        self.next("login", None).await
    }

    async fn refresh(&self, old: &Token) -> Result<Token, SourceError> {
        self.next("refresh", Some(old)).await
    }

    async fn revoke(&self, _token: &Token) -> Result<Revocation, SourceError> {
        self.next("revoke", None).await.map(|_| Revocation::Done)
    }
}

fn session(outcomes: &[Outcome]) -> (Arc<Session>, Arc<Scripted>) {
    let clock = TestClock::new(Timestamp::UNIX_EPOCH);
    let source = Arc::new(Scripted {
        identity: example("", Timestamp::UNIX_EPOCH, None).identity,
        clock: clock.clone(),
        outcomes: Mutex::new(outcomes.iter().cloned().collect()),
        calls: Mutex::default(),
    });
    (Session::new(source.clone(), Arc::new(clock)), source)
}

fn attempt() -> Attempt {
    Attempt::new(&zettelstore::SYSTEM, Action::Login, "127.0.0.1:23123".to_owned())
}

fn refused() -> Outcome {
    Outcome::Fails(SourceError::LoginRefused { attempt: attempt(), status: 401, said: Said::default() })
}

fn failed() -> Outcome {
    let error =
        SourceError::ServerError { attempt: attempt(), status: 500, said: Said::default(), until: None };
    Outcome::Fails(error)
}

fn limited(secs: i64) -> Outcome {
    let until = Some(Timestamp::UNIX_EPOCH + TimeDelta::seconds(secs));
    Outcome::Fails(SourceError::RateLimited { attempt: attempt(), status: 429, until })
}

fn unreachable() -> Outcome {
    Outcome::Fails(SourceError::Unreachable { attempt: attempt(), cause: "refused".to_owned() })
}

const HOUR: Outcome = Outcome::Lives(Some(3600));

fn text(token: &Token) -> &str {
    token.value.expose_secret()
}

async fn together(session: &Arc<Session>, count: usize) -> Vec<Result<Token, SourceError>> {
    let reads: Vec<_> = (0..count)
        .map(|_| {
            let session = Arc::clone(session);
            tokio::spawn(async move { session.token(None).await })
        })
        .collect();
    let mut outcomes = Vec::new();
    for read in reads {
        outcomes.push(read.await.unwrap());
    }
    outcomes
}

#[tokio::test(start_paused = true)]
async fn reads_at_the_same_time_share_one_login() {
    let (session, source) = session(&[HOUR]);
    for outcome in together(&session, 50).await {
        assert_eq!(text(&outcome.unwrap()), "token-1");
    }
    session.token(None).await.unwrap();
    assert_eq!(source.calls(), ["login"]);
}

#[tokio::test(start_paused = true)]
async fn reads_at_the_same_time_share_one_failure_and_the_next_read_tries_again() {
    let (session, source) = session(&[failed(), HOUR]);
    for outcome in together(&session, 50).await {
        assert_eq!(outcome.unwrap_err().class(), FailureClass::ServerError);
    }
    assert_eq!(source.calls(), ["login"]);
    session.token(None).await.unwrap();
    assert_eq!(source.calls(), ["login", "login"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_is_never_tried_again() {
    let (session, source) = session(&[refused()]);
    for _ in 0..3 {
        assert_eq!(session.token(None).await.unwrap_err().class(), FailureClass::LoginRefused);
        advance(Duration::from_hours(24)).await;
    }
    assert_eq!(source.calls(), ["login"]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_respected_until_its_time() {
    let (session, source) = session(&[limited(100), HOUR]);
    for _ in 0..2 {
        assert_eq!(session.token(None).await.unwrap_err().class(), FailureClass::RateLimited);
        advance(Duration::from_secs(45)).await;
    }
    assert_eq!(source.calls(), ["login"]);
    advance(Duration::from_secs(10)).await;
    session.token(None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_host_is_remembered_for_as_long_as_it_took() {
    let (session, source) = session(&[unreachable(), HOUR]);
    assert!(session.token(None).await.is_err());
    advance(Duration::from_millis(900)).await;
    assert!(session.token(None).await.is_err());
    assert_eq!(source.calls(), ["login"]);
    advance(Duration::from_millis(200)).await;
    session.token(None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_gives_up_leaves_the_login_to_the_next() {
    let (session, source) = session(&[HOUR]);
    let impatient = Arc::clone(&session);
    let impatient = tokio::spawn(async move { impatient.token(None).await });
    tokio::task::yield_now().await;
    let patient = Arc::clone(&session);
    let patient = tokio::spawn(async move { patient.token(None).await });
    advance(Duration::from_millis(500)).await;
    impatient.abort();
    assert_eq!(text(&patient.await.unwrap().unwrap()), "token-2");
    assert_eq!(source.calls(), ["login", "login"]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_during_a_login_leaves_the_session_usable() {
    let (session, _) = session(&[Outcome::Panics, HOUR]);
    let unlucky = Arc::clone(&session);
    assert!(tokio::spawn(async move { unlucky.token(None).await }).await.unwrap_err().is_panic());
    session.token(None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_token_near_its_end_is_refreshed_and_one_past_it_is_not_used() {
    let (session, source) = session(&[HOUR, HOUR, HOUR, Outcome::Lives(Some(100))]);
    session.token(None).await.unwrap();
    advance(Duration::from_secs(3539)).await;
    assert_eq!(text(&session.token(None).await.unwrap()), "token-1");
    advance(Duration::from_secs(1)).await;
    assert_eq!(text(&session.token(None).await.unwrap()), "token-2");
    advance(Duration::from_hours(1)).await;
    assert_eq!(text(&session.token(None).await.unwrap()), "token-3");
    assert_eq!(source.calls(), ["login", "refresh", "login"]);
}

#[tokio::test(start_paused = true)]
async fn a_short_life_is_refreshed_in_its_last_tenth() {
    let (session, source) = session(&[Outcome::Lives(Some(100)), HOUR]);
    session.token(None).await.unwrap();
    advance(Duration::from_secs(89)).await;
    session.token(None).await.unwrap();
    assert_eq!(source.calls(), ["login"]);
    advance(Duration::from_secs(1)).await;
    session.token(None).await.unwrap();
    assert_eq!(source.calls(), ["login", "refresh"]);
}

#[tokio::test(start_paused = true)]
async fn a_login_follows_a_refresh_that_brings_the_old_token_again() {
    let (session, source) =
        session(&[HOUR, Outcome::Again, HOUR, Outcome::Again, failed(), Outcome::Again, HOUR]);
    session.token(None).await.unwrap();
    advance(Duration::from_secs(3550)).await;
    for _ in 0..3 {
        assert_eq!(text(&session.token(None).await.unwrap()), "token-3");
    }
    assert_eq!(source.calls(), ["login", "refresh", "login"]);
    advance(Duration::from_secs(3550)).await;
    assert_eq!(text(&session.token(None).await.unwrap()), "token-3");
    assert_eq!(text(&session.token(None).await.unwrap()), "token-7");
    assert_eq!(source.calls().len(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_passing_trouble_at_a_refresh_does_not_matter_while_the_old_token_lives() {
    let (session, source) = session(&[HOUR, failed(), failed(), HOUR]);
    session.token(None).await.unwrap();
    advance(Duration::from_secs(3550)).await;
    for outcome in together(&session, 5).await {
        assert_eq!(text(&outcome.unwrap()), "token-1");
    }
    assert_eq!(source.calls(), ["login", "refresh"]);
    advance(Duration::from_mins(1)).await;
    assert!(session.token(None).await.is_err());
    session.token(None).await.unwrap();
    assert_eq!(source.calls(), ["login", "refresh", "login", "login"]);
}

#[tokio::test(start_paused = true)]
async fn the_old_token_does_as_long_as_it_has_the_lifetime_asked_for() {
    let (session, source) = session(&[HOUR, failed(), failed()]);
    session.token(None).await.unwrap();
    advance(Duration::from_secs(3550)).await;
    let secs = |secs| Some(Duration::from_secs(secs));
    assert_eq!(text(&session.token(secs(30)).await.unwrap()), "token-1");
    assert_eq!(session.token(secs(55)).await.unwrap_err().class(), FailureClass::ServerError);
    assert_eq!(source.calls(), ["login", "refresh", "refresh"]);
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_that_the_cached_token_has_not_costs_one_login() {
    let (session, source) = session(&[HOUR, HOUR]);
    session.token(None).await.unwrap();
    advance(Duration::from_secs(1000)).await;
    let half_an_hour = Some(Duration::from_mins(30));
    assert_eq!(text(&session.token(half_an_hour).await.unwrap()), "token-1");
    advance(Duration::from_secs(1000)).await;
    assert_eq!(text(&session.token(half_an_hour).await.unwrap()), "token-2");
    assert_eq!(source.calls(), ["login", "login"]);
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_that_even_a_fresh_token_has_not_is_an_error_with_both_numbers() {
    let (session, source) = session(&[HOUR, HOUR]);
    session.token(None).await.unwrap();
    let two_hours = Some(Duration::from_hours(2));
    for _ in 0..3 {
        assert_eq!(
            session.token(two_hours).await.unwrap_err().to_string(),
            "a fresh token of Zettelstore lives 3600 s, less than the minimum_lifetime of 7200 s"
        );
    }
    assert_eq!(text(&session.token(None).await.unwrap()), "token-2");
    assert_eq!(source.calls(), ["login", "login"]);
}

#[tokio::test(start_paused = true)]
async fn reads_at_the_same_time_share_a_login_that_is_too_short_lived() {
    let (session, source) = session(&[HOUR]);
    let two_hours = Some(Duration::from_hours(2));
    let (first, second) = tokio::join!(session.token(two_hours), session.token(two_hours));
    for outcome in [first, second] {
        assert_eq!(outcome.unwrap_err().class(), FailureClass::TooShortLived);
    }
    assert_eq!(source.calls(), ["login"]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_expiry_is_used_until_rejected_and_promises_nothing() {
    let (session, source) = session(&[Outcome::Lives(None), Outcome::Lives(None)]);
    let token = session.token(None).await.unwrap();
    advance(Duration::from_hours(24)).await;
    assert_eq!(text(&session.token(None).await.unwrap()), text(&token));
    let error = session.token(Some(Duration::from_mins(1))).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::ExpiryUnknown);
    assert!(error.advice().contains("`ttl`"));
    session.reject(&token).await;
    assert_eq!(text(&session.token(None).await.unwrap()), "token-2");
    session.reject(&token).await;
    assert_eq!(text(&session.token(None).await.unwrap()), "token-2");
    assert_eq!(source.calls(), ["login", "login"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_goes_with_a_revocation_whether_it_is_confirmed_or_not() {
    let attempt = Attempt::new(&zettelstore::SYSTEM, Action::Login, "127.0.0.1:1".to_owned());
    let over = SourceError::TokenRejected { attempt: attempt.clone(), status: 401, said: Said::default() };
    let denied = SourceError::NoAccess { attempt, status: 403, said: Said::default() };
    let (session, source) =
        session(&[HOUR, HOUR, HOUR, Outcome::Fails(over), HOUR, Outcome::Fails(denied), HOUR]);
    let elsewhere = example("from-elsewhere", Timestamp::UNIX_EPOCH, None);
    for confirmed in [true, true, false] {
        session.token(None).await.unwrap();
        let revoked = session.revoke(&elsewhere).await;
        assert_eq!(matches!(revoked, Ok(Revocation::Done)), confirmed);
    }
    assert_eq!(text(&session.token(None).await.unwrap()), "token-7");
    assert_eq!(source.calls(), ["login", "revoke", "login", "revoke", "login", "revoke", "login"]);
}
