use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::*;
use crate::test_server::{Reply, TestServer, context, default_context, status, with_headers};
use crate::{
    BuildContext, Expiry, FailureClass, Given, GivenFields, HttpClient, HttpSettings, TokenNote, TokenSource,
    Verification,
};

const PASSWORD: &str = "hunter2 &=:ö";
const ISSUED: &str = r#"("Bearer" "abc.def" 600)"#;

fn source(server: &TestServer, settings: &[(&str, &str)]) -> Arc<dyn TokenSource> {
    source_in(&default_context(), server, settings)
}

fn source_in(context: &BuildContext, server: &TestServer, settings: &[(&str, &str)]) -> Arc<dyn TokenSource> {
    let mut given = GivenFields::from([
        ("base_url".to_owned(), Given::from(server.url("/notes").as_str())),
        ("username".to_owned(), "anna".into()),
        ("password".to_owned(), PASSWORD.into()),
    ]);
    given.extend(settings.iter().map(|(name, text)| ((*name).to_owned(), Given::from(*text))));
    let (settings, problems) = SYSTEM.resolve(&given, &std::collections::BTreeMap::<String, String>::new());
    assert_eq!(problems, []);
    SYSTEM.build(&settings, context).unwrap()
}

async fn scripted(replies: Vec<Reply>) -> (TestServer, Arc<dyn TokenSource>) {
    let server = TestServer::scripted(replies).await;
    let source = source(&server, &[]);
    (server, source)
}

#[tokio::test]
async fn a_login_is_basic_without_a_body() {
    let (server, source) = scripted(vec![status(200, ISSUED)]).await;
    let token = source.login().await.unwrap();
    let seen = server.seen().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/notes/a"));
    assert_eq!(seen.header("content-length"), Some("0"));
    assert_eq!(seen.header("authorization"), Some("Basic YW5uYTpodW50ZXIyICY9OsO2"));
    assert_eq!((seen.body.as_str(), seen.header("content-type")), ("", None));
    assert_eq!(token.header_value().expose_secret(), "Bearer abc.def");
    assert_eq!(token.identity.issuer, server.url("/notes/"));
    assert_eq!(token.identity.subject, "anna");
    assert_eq!(token.life(), Some(Duration::from_mins(10)));
    assert!(matches!(token.expiry, Expiry::Reported(_)) && token.notes.is_empty());
}

#[tokio::test]
async fn a_login_is_a_form_if_told_so_or_if_the_name_has_a_colon() {
    for (settings, name) in [(("method", "form"), "anna"), (("username", "an:na"), "an%3Ana")] {
        let server = TestServer::scripted(vec![status(200, ISSUED)]).await;
        source(&server, &[settings]).login().await.unwrap();
        let seen = server.seen().pop().unwrap();
        assert_eq!(seen.header("authorization"), None);
        assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(seen.body, format!("username={name}&password=hunter2+%26%3D%3A%C3%B6"));
    }
}

#[tokio::test]
async fn answers_of_all_releases_are_understood() {
    let bodies = [
        "{\"token\":\"abc.def\",\"token_type\":\"Bearer\",\"expires_in\":600}\n",
        "{\"access_token\":\"abc.def\",\"token_type\":\"Bearer\",\"expires_in\":600}",
        " \n(\"bearer\"\n\"abc.def\" 600 ) ",
    ];
    for body in bodies {
        let (_server, source) = scripted(vec![status(200, body)]).await;
        assert_eq!(source.login().await.unwrap().value.expose_secret(), "abc.def", "{body}");
    }
}

#[tokio::test]
async fn the_token_for_everybody_is_noted() {
    let (_server, source) = scripted(vec![status(200, r#"("Bearer" "freeaccess" 316224000)"#)]).await;
    assert_eq!(source.login().await.unwrap().notes, [TokenNote::FreeAccess]);
}

#[tokio::test]
async fn failed_logins_are_told_apart() {
    let cases = [
        (status(200, r#"("Bearer" "abc" 0)"#), FailureClass::LifetimeZero),
        (status(200, r#"("Bearer" "abc" -1)"#), FailureClass::Malformed),
        (status(200, "hunter2"), FailureClass::Malformed),
        (status(400, "form data invalid\n"), FailureClass::BadRequest),
        (status(401, "Authentication failed\n"), FailureClass::LoginRefused),
        (status(403, ""), FailureClass::NoAccess),
        (status(404, ""), FailureClass::NotFound),
        (status(405, "Method Not Allowed"), FailureClass::UnexpectedStatus),
    ];
    for (reply, class) in cases {
        let (server, source) = scripted(vec![reply]).await;
        let error = source.login().await.unwrap_err();
        assert_eq!((error.class(), server.seen().len()), (class, 1));
        let all = format!("{error}{error:?}{}{}", error.summary(), error.advice());
        assert!(!all.contains("hunter2") && !all.contains("Authentication failed"), "{all}");
    }
}

#[tokio::test]
async fn a_refresh_presents_the_old_token_alone() {
    let fresh = r#"("Bearer" "fresh" 600)"#;
    let (server, source) = scripted(vec![status(200, ISSUED), status(200, fresh)]).await;
    let old = source.login().await.unwrap();
    assert_eq!(source.refresh(&old).await.unwrap().value.expose_secret(), "fresh");
    let seen = server.seen().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.target.as_str(), seen.body.as_str()), ("PUT", "/notes/a", ""));
    assert_eq!(seen.header("authorization"), Some("Bearer abc.def"));
}

#[tokio::test]
async fn a_login_follows_a_refresh_that_failed() {
    let limited = with_headers(429, "Retry-After: 3600\r\n", "");
    let refusals = [status(400, "Not authenticated"), status(401, ""), status(500, ""), status(200, "x")];
    for refusal in refusals.into_iter().chain([limited, Reply::Cut]) {
        let told = format!("{refusal:?}");
        let (server, source) = scripted(vec![status(200, ISSUED), refusal, status(200, ISSUED)]).await;
        let old = source.login().await.unwrap();
        source.refresh(&old).await.unwrap();
        let methods: Vec<String> = server.seen().into_iter().map(|seen| seen.method).collect();
        assert_eq!(methods, ["POST", "PUT", "POST"], "{told}");
    }
}

#[tokio::test]
async fn a_refresh_that_hangs_leaves_time_for_the_login() {
    let context = context(Duration::from_secs(1), Duration::ZERO);
    for last in [status(200, ISSUED), Reply::Hang] {
        let works = matches!(last, Reply::Bytes(_));
        let server = TestServer::scripted(vec![status(200, ISSUED), Reply::Hang, last]).await;
        let source = source_in(&context, &server, &[]);
        let old = source.login().await.unwrap();
        let started = Instant::now();
        assert_eq!(source.refresh(&old).await.is_ok(), works);
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
        assert_eq!(server.seen().len(), 3);
    }
}

#[tokio::test]
async fn a_fresh_token_is_tried_out_and_only_a_plain_no_counts() {
    let cases = [
        (204, Ok(Verification::Good)),
        (200, Ok(Verification::CannotTell)),
        (400, Ok(Verification::CannotTell)),
        (404, Ok(Verification::CannotTell)),
        (401, Err(FailureClass::TokenRejected)),
        (503, Err(FailureClass::ServerError)),
    ];
    for (code, expected) in cases {
        let server = TestServer::scripted(vec![status(200, ISSUED), status(code, "")]).await;
        let source = source_in(&single_try(), &server, &[]);
        let token = source.login().await.unwrap();
        let verified = source.verify(&token).await.map_err(|error| error.class());
        assert_eq!(verified, expected, "{code}");
        let seen = server.seen().pop().unwrap();
        assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/notes/x?cmd=authenticated"));
        assert_eq!(seen.header("authorization"), Some("Bearer abc.def"));
    }
}

#[tokio::test]
async fn without_retries_a_passing_failure_is_final() {
    let server = TestServer::scripted(vec![status(503, ""), status(200, ISSUED)]).await;
    let error = source_in(&single_try(), &server, &[]).login().await.unwrap_err();
    assert_eq!((error.class(), server.seen().len()), (FailureClass::ServerError, 1));
}

fn single_try() -> BuildContext {
    let settings = HttpSettings { retries: false, ..HttpSettings::default() };
    BuildContext { http: Arc::new(HttpClient::new(settings)), ..default_context() }
}
