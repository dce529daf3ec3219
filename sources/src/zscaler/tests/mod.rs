mod api;
mod keys;
mod one_api;
mod reads;
mod removal;
mod trial;

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::*;
use crate::jwt::tests::token as jwt;
use crate::test_server::{Reply, Seen, TestServer, default_context, status};
use crate::{Expiry, FailureClass, Given, GivenFields, Session, SourceError, SystemClock, TokenSource};

const SECRET: &str = "hunter2/+ö";

fn source(server: &TestServer, ttl: Option<&str>) -> Arc<dyn TokenSource> {
    let mut given = GivenFields::from([
        ("api_key".to_owned(), Given::from("key-1")),
        ("secret_key".to_owned(), SECRET.into()),
        ("base_url".to_owned(), server.url("/papi/").as_str().into()),
    ]);
    given.extend(ttl.map(|ttl| ("ttl".to_owned(), ttl.into())));
    let (settings, problems) = SYSTEM.resolve(&given, &std::collections::BTreeMap::<String, String>::new());
    assert_eq!(problems, []);
    SYSTEM.build(&settings, &default_context()).unwrap()
}

fn login_ok(token: &str) -> Reply {
    status(200, &format!(r#"{{"jwtToken":"{token}","message":null}}"#))
}

fn is_login(seen: &Seen) -> bool {
    seen.path() == "/papi/auth/v1/login"
}

async fn login_failure(reply: Reply) -> SourceError {
    let server = TestServer::scripted(vec![reply]).await;
    let error = source(&server, None).login().await.unwrap_err();
    assert_eq!(server.seen().len(), 1);
    let all = format!("{error}{error:?}{}{}", error.summary(), error.advice());
    assert!(!all.contains("hunter2"), "{all}");
    error
}

#[tokio::test]
async fn a_login_sends_what_the_vendor_documents() {
    let server = TestServer::scripted(vec![login_ok("opaque")]).await;
    let token = source(&server, None).login().await.unwrap();
    let seen = server.seen().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.path()), ("POST", "/papi/auth/v1/login"));
    assert!(seen.target.contains("?_="), "{}", seen.target);
    assert_eq!(seen.body, format!(r#"{{"apiKey":"key-1","secretKey":"{SECRET}"}}"#));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("cache-control"), Some("no-cache"));
    assert_eq!(seen.header("auth-token").or(seen.header("authorization")), None);
    assert_eq!(token.header_value().expose_secret(), "opaque");
    assert_eq!((&*token.usage.header_name, &*token.usage.token_type), ("auth-token", "JWT"));
    assert_eq!(token.identity.issuer, server.url("/papi"));
    assert_eq!(token.identity.subject, "key-1");
    assert_eq!(token.expiry, Expiry::Unknown);
}

#[tokio::test]
async fn the_end_of_a_token_is_read_from_it_or_assumed() {
    let ends = chrono::Utc::now().timestamp() + 3600;
    let server = TestServer::scripted(vec![login_ok(&jwt(&format!(r#"{{"exp":{ends}}}"#)))]).await;
    let token = source(&server, None).login().await.unwrap();
    assert_eq!(token.expires_at().unwrap().timestamp(), ends);

    let server = TestServer::scripted(vec![login_ok("opaque")]).await;
    let token = source(&server, Some("15m")).login().await.unwrap();
    assert_eq!(token.life(), Some(Duration::from_mins(15)));
    assert!(matches!(token.expiry, Expiry::Assumed(_)));

    let over = login_failure(login_ok(&jwt(r#"{"exp":1000000000}"#))).await;
    assert_eq!(over.class(), FailureClass::ExpiredOnArrival);
    assert!(over.to_string().contains("2001-09-09T01:46:40Z"), "{over}");
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let cases = [
        (status(200, r#"{"jwtToken":null,"message":"Invalid key"}"#), FailureClass::LoginRefused),
        (status(200, r#"{"jwtToken":"","message":null}"#), FailureClass::LoginRefused),
        (status(200, r#"{"jwtToken":"  ","message":null}"#), FailureClass::LoginRefused),
        (status(200, r#"{"jwtToken":"a ","message":null}"#), FailureClass::Malformed),
        (status(200, r#"{"message":"hunter2/+ö is wrong"}"#), FailureClass::LoginRefused),
        (status(200, "<html>hunter2"), FailureClass::Malformed),
        (status(200, r#"{"jwtToken":"a\nb"}"#), FailureClass::Malformed),
        (status(400, ""), FailureClass::BadRequest),
        (status(401, r#"{"message":"no"}"#), FailureClass::LoginRefused),
        (status(403, r#"{"message":"no"}"#), FailureClass::NoAccess),
        (status(403, "<p>Only reachable through Zscaler OneAPI</p>"), FailureClass::NotAllowedHere),
        (status(404, "404 Not Found"), FailureClass::NotFound),
        (status(302, ""), FailureClass::UnexpectedStatus),
    ];
    for (reply, class) in cases {
        let told = format!("{reply:?}");
        assert_eq!(login_failure(reply).await.class(), class, "{told}");
    }
}

#[tokio::test]
async fn refusals_say_what_the_vendor_said_and_what_to_do() {
    let error = login_failure(status(200, r#"{"jwtToken":null,"message":"Invalid key"}"#)).await;
    assert!(
        error.to_string().ends_with(": the answer has no token (HTTP 200), saying \"Invalid key\""),
        "{error}"
    );
    let refused = login_failure(status(401, "")).await;
    assert_eq!((error.summary(), error.advice()), (refused.summary(), refused.advice()));
    assert!(login_failure(status(400, "")).await.advice().contains("`secret_key`"));
    let denied = login_failure(status(403, "")).await.advice();
    assert!(["role", "not enabled", "OneAPI"].iter().all(|cause| denied.contains(cause)), "{denied}");
    let error = login_failure(status(404, "")).await;
    assert!(error.advice().contains("`base_url`"));
    assert!(error.to_string().ends_with(": there is nothing at /papi/auth/v1/login (HTTP 404)"), "{error}");
}

#[test]
fn an_unreachable_cloud_is_given_the_other_host_to_try() {
    let given = GivenFields::from([
        ("api_key".to_owned(), Given::from("key-1")),
        ("secret_key".to_owned(), SECRET.into()),
        ("cloud".to_owned(), "zscalertwo.net".into()),
    ]);
    let (settings, _) = SYSTEM.resolve(&given, &std::collections::BTreeMap::<String, String>::new());
    let source = SYSTEM.build(&settings, &default_context()).unwrap();
    assert_eq!(source.identity().issuer, "https://api-mobile.zscalertwo.net/papi");
    let mut attempt =
        crate::Attempt::new(&SYSTEM, crate::Action::Login, "api-mobile.zscalertwo.net".to_owned());
    attempt.hint = Some(cloud::CloudName::parse("zscalertwo").unwrap().hint().into());
    let error = SourceError::Unreachable { attempt, cause: "dns".to_owned() };
    assert!(error.advice().starts_with("Check the network"), "{}", error.advice());
    assert!(error.advice().contains("https://mobile.zscalertwo.net/papi"), "{}", error.advice());
    assert!(!format!("{source:?}{given:?}").contains("hunter2"));
}
