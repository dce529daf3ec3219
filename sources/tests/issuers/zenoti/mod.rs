//! The fact sheet on Zenoti, section by section; here those on credentials, logins and the use of a token.

mod errors;
mod later;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokenferry_sandbox::{Fault, Sandbox, ZenotiForm, ZenotiMode, ZenotiUser};
use tokenferry_sources::{
    Expiry, ExposeSecret, FailureClass, Predecessor, Retry, Revocation, SourceError, Token, system,
};

use crate::desk::{Outcome, answering, assert_outcome, build, source, start, written};

const NAME: &str = "zenoti";
const TOKENS: &str = "/zenoti/v1/tokens";
const USER: &[(&str, &str)] = &[
    ("account_name", "acme"),
    ("username", "anna"),
    ("password", "hunter2"),
    ("app_id", "app"),
    ("app_secret", "hunter2-app"),
];

fn text(token: &Token) -> &str {
    token.value.expose_secret()
}

/// Method and path of all requests.
fn asked(sandbox: &Sandbox) -> Vec<String> {
    let requests = sandbox.control().requests();
    requests.iter().map(|request| format!("{} {}", request.method, request.path)).collect()
}

/// The status of a call with this token or key.
async fn used(sandbox: &Sandbox, token: &Token) -> u16 {
    // reqwest looks for it even where nothing is encrypted; another test may have been faster.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/v1/centers", sandbox.zenoti_base_url());
    let request = client.get(url).header(&*token.usage.header_name, token.header_value().expose_secret());
    request.send().await.unwrap().status().as_u16()
}

#[test]
fn section_1_the_host_is_configurable() {
    let issuer = |settings: &[(&str, &str)]| {
        let source = build(NAME, &written(&[USER, settings].concat()), true).unwrap();
        source.identity().issuer.clone()
    };
    assert_eq!(issuer(&[]), "https://api.zenoti.com/v1/tokens?account_name=acme&app_id=app");
    let european = issuer(&[("base_url", "https://api.zenoti.eu/"), ("account_name", "a b&c")]);
    assert_eq!(european, "https://api.zenoti.eu/v1/tokens?account_name=a%20b%26c&app_id=app");
}

#[tokio::test]
async fn section_2_an_api_key_is_passed_on_and_nothing_is_sent() {
    let sandbox = start(|_| ()).await;
    let base_url = sandbox.zenoti_base_url();
    let with = |settings: &[(&str, &str)]| {
        let key = [("base_url", base_url.as_str()), ("api_key", "sandbox-api-key")];
        build(NAME, &written(&[&key, settings].concat()), false).unwrap()
    };
    let token = with(&[]).login().await.unwrap();
    assert_eq!((&*token.usage.header_name, &*token.usage.value_prefix), ("Authorization", "apikey "));
    assert_eq!((token.expiry, token.identity.subject.as_str()), (Expiry::Unknown, ""));
    assert_eq!(with(&[]).revoke(&token).await.unwrap(), Revocation::CannotRevoke);
    assert_eq!(asked(&sandbox), [""; 0]);
    assert_eq!(used(&sandbox, &token).await, 200);

    let token = with(&[("account_name", "acme"), ("api_key_expires_at", "2999-01-31T00:00:00+01:00")]);
    let token = token.login().await.unwrap();
    let end = DateTime::parse_from_rfc3339("2999-01-30T23:00:00Z").unwrap().to_utc();
    assert_eq!((token.expiry, token.identity.subject.as_str()), (Expiry::Assumed(end), "acme"));

    let over = with(&[("api_key_expires_at", "2020-01-31T00:00:00Z")]).login().await.unwrap_err();
    assert!(matches!(over, SourceError::KeyExpired { .. }) && over.retry() == Retry::Never, "{over}");
    assert!(over.to_string().contains("2020-01-31T00:00:00Z") && over.advice().contains("`api_key`"));
}

#[test]
fn section_2_one_of_the_two_ways_is_meant() {
    let key = [("api_key", "hunter2")];
    let system = system(NAME).unwrap();
    let chosen = |settings: &[(&str, &str)]| {
        let nothing = std::collections::BTreeMap::<String, String>::new();
        let (settings, problems) = system.resolve(&written(settings), &nothing);
        (settings.credential(), problems.len())
    };
    assert_eq!(chosen(USER), (Some("password"), 0));
    assert_eq!(chosen(&key), (Some("api_key"), 0));
    assert_eq!(chosen(&[USER, &key].concat()).1, 1);
    assert_eq!(chosen(&[USER, &key, &[("method", "password")]].concat()), (Some("password"), 0));
    assert_eq!(chosen(&[USER, &key, &[("method", "api_key")]].concat()), (Some("api_key"), 0));
    for wrong in [("api_key_expires_at", "2027-01-31"), ("api_key_expires_at", "soon"), ("ttl", "0s")] {
        assert_eq!(system.check(&written(&[wrong])).len(), 1, "{wrong:?}");
    }
}

#[tokio::test]
async fn section_3_the_password_grant() {
    let sandbox = start(|_| ()).await;
    // The sandbox refuses any other body than the seven texts, any other label, and any authorization.
    let token = source(&sandbox, NAME, &[]).login().await.unwrap();
    let request = sandbox.control().requests().pop().unwrap();
    assert_eq!((request.method.as_str(), request.path.as_str(), request.query), ("POST", TOKENS, None));
    assert!(request.headers.contains(&"accept".to_owned()) && request.authorization_scheme.is_none());
    assert!(text(&token).starts_with("AN:sandbox|$ARD#") && text(&token).ends_with("+/=="));
    assert_eq!(token.identity.subject, "sandbox");
    for wrong in ["account_name", "username", "password", "app_id", "app_secret"] {
        let outcome = source(&sandbox, NAME, &[(wrong, "wrong")]).login().await;
        let expected =
            Outcome::Fails(FailureClass::LoginRefused, &["ZENOTI_APP_SECRET", "code: 401; Invalid user"]);
        assert_outcome(&outcome, expected, wrong);
    }
    source(&sandbox, NAME, &[("device_id", "own")]).login().await.unwrap();
    for missing in ["account_name", "app_id"] {
        let given = written(&USER.iter().copied().filter(|(name, _)| *name != missing).collect::<Vec<_>>());
        assert_eq!(build(NAME, &given, false).unwrap_err()[0].field, missing);
    }
}

#[tokio::test]
async fn section_3_success_is_a_token_without_an_error() {
    use FailureClass as Class;
    let no_token = Outcome::Fails(Class::LoginRefused, &["the answer has no token (HTTP 200)"]);
    let malformed = Outcome::Fails(Class::Malformed, &["is not understood"]);
    let denied = Outcome::Fails(Class::LoginRefused, &["does not let the user log in", "login policy"]);
    let cases = [
        (200, r#"{"credentials":{"access_token":"AN:a|$#+/="},"error":null}"#, Outcome::Token("AN:a|$#+/=")),
        (200, r#"{"credentials":{"access_token":"abc"}}"#, Outcome::Token("abc")),
        (201, r#"{"credentials":{"access_token":"abc","later":[{}]},"later":1}"#, Outcome::Token("abc")),
        (200, r#"{"Credentials":{"Access_Token":"abc"},"Error":null}"#, Outcome::Token("abc")),
        (
            200,
            r#"{"credentials":{"access_token":"abc"},"login_policy_evaluation":{"allowlogin":true}}"#,
            Outcome::Token("abc"),
        ),
        (
            200,
            r#"{"credentials":{"access_token":"abc"},"login_policy_evaluation":null}"#,
            Outcome::Token("abc"),
        ),
        (
            200,
            r#"{"credentials":{"access_token":"hunter2"},"login_policy_evaluation":{"allowlogin":false}}"#,
            denied,
        ),
        (
            200,
            r#"{"credentials":{"access_token":"hunter2"},"Login_Policy_Evaluation":{"AllowLogin":false}}"#,
            denied,
        ),
        (
            200,
            r#"{"credentials":{"access_token":"hunter2"},"error":{"code":12,"message":"no"}}"#,
            Outcome::Fails(Class::LoginRefused, &["(HTTP 200), saying \"code: 12; no\""]),
        ),
        (
            200,
            r#"{"credentials":{"access_token":"hunter2"},"error":{}}"#,
            Outcome::Fails(Class::LoginRefused, &["the login was refused (HTTP 200)"]),
        ),
        (200, r#"{"credentials":{"access_token":""},"error":null}"#, no_token),
        (200, r#"{"credentials":{"access_token":null},"error":null}"#, no_token),
        (200, r#"{"credentials":null,"error":null}"#, no_token),
        (200, "{}", no_token),
        (200, r#"{"credentials":{"access_token":7}}"#, malformed),
        (200, r#"{"credentials":{"access_token":"a\nb"}}"#, malformed),
        (200, r#"["hunter2"]"#, malformed),
        (200, "<html>hunter2</html>", malformed),
        (200, "", malformed),
    ];
    for (status, body, expected) in cases {
        let sandbox = answering(status, &[], body).await;
        assert_outcome(&source(&sandbox, NAME, &[]).login().await, expected, body);
        assert_eq!(asked(&sandbox).len(), 1);
    }
    for (mode, class) in [
        (ZenotiMode::DeniedByPolicy, Class::LoginRefused),
        (ZenotiMode::Forbidden, Class::NoAccess),
        (ZenotiMode::NoToken, Class::LoginRefused),
    ] {
        let user = ZenotiUser::new("sandbox", "sandbox", "sandbox-password").mode(mode);
        let sandbox = start(|options| options.zenoti.users = vec![user]).await;
        let error = source(&sandbox, NAME, &[]).login().await.unwrap_err();
        assert_eq!((error.class(), error.retry()), (class, Retry::Never), "{mode:?}");
    }
}

/// A login whose answer has this member for its end.
async fn with_expiry(member: &str, ttl: &str) -> Result<Token, SourceError> {
    let body = format!(r#"{{"credentials":{{"access_token":"abc"{member}}}}}"#);
    let sandbox = answering(200, &[], &body).await;
    source(&sandbox, NAME, &[("ttl", ttl)]).login().await
}

#[tokio::test]
async fn section_3_the_stated_end_is_trusted_in_every_form() {
    let end = DateTime::parse_from_rfc3339("2999-06-08T11:19:18Z").unwrap().to_utc();
    let cases = [
        ("2999-06-08T11:19:18.7016839Z", 701_683_900),
        ("2999-06-08T11:19:18Z", 0),
        ("2999-06-08T11:19:18.7Z", 700_000_000),
        ("2999-06-08T11:19:18.701683912Z", 701_683_912),
        ("2999-06-08T13:19:18.7016839+02:00", 701_683_900),
        ("2999-06-08T11:19:18.7016839", 701_683_900),
        ("2999-06-08T11:19:18", 0),
    ];
    for (stated, nanos) in cases {
        let token = with_expiry(&format!(r#","access_token_expiry":"{stated}""#), "1h").await.unwrap();
        assert_eq!(token.expiry, Expiry::Reported(end + TimeDelta::nanoseconds(nanos)), "{stated}");
    }
    let over = with_expiry(r#","access_token_expiry":"2020-06-08T11:19:18.7016839Z""#, "1h").await;
    assert_eq!(over.unwrap_err().class(), FailureClass::ExpiredOnArrival);
}

#[tokio::test]
async fn section_3_without_a_readable_end_the_configured_life_counts() {
    let unreadable = ["", r#","access_token_expiry":null"#, r#","access_token_expiry":"soon""#];
    for member in unreadable.into_iter().chain([r#","access_token_expiry":1654687158"#]) {
        let token = with_expiry(member, "10h").await.unwrap();
        assert_eq!(token.expiry, Expiry::Assumed(token.issued_at + TimeDelta::hours(10)), "{member}");
        assert_eq!(with_expiry(member, "").await.unwrap().expiry, Expiry::Unknown, "{member}");
    }
    let sandbox = start(|options| options.zenoti.form = ZenotiForm::NoDates).await;
    assert_eq!(source(&sandbox, NAME, &[]).login().await.unwrap().expiry, Expiry::Unknown);
}

#[tokio::test]
async fn section_3_the_lifetimes_of_both_tokens() {
    let sandbox = start(|_| ()).await;
    let token = source(&sandbox, NAME, &[]).login().await.unwrap();
    let hours = |end: DateTime<Utc>| (end - token.issued_at + TimeDelta::minutes(1)).num_hours();
    assert!(matches!(token.expiry, Expiry::Reported(end) if hours(end) == 24), "{:?}", token.expiry);
    let refresh = token.refresh.clone().unwrap();
    assert_eq!(hours(refresh.expires_at.unwrap()), 90 * 24);
    assert!(!format!("{token:?}").contains(refresh.value.expose_secret()));
    assert_eq!(system(NAME).unwrap().documented_life, Some(Duration::from_hours(24)));
    assert_eq!(system(NAME).unwrap().predecessor, Predecessor::Unknown);
    // An issuer whose clock is wrong does no harm.
    for skew in [-7200, 7200] {
        sandbox.control().clear_faults();
        sandbox.control().fault(Fault::clock_skew(skew));
        source(&sandbox, NAME, &[]).login().await.unwrap();
    }
}

#[tokio::test]
async fn section_4_the_word_before_the_token_is_in_lower_case() {
    let sandbox = start(|_| ()).await;
    let token = source(&sandbox, NAME, &[]).login().await.unwrap();
    assert_eq!(&*token.usage.header_name, "Authorization");
    assert_eq!(token.header_value().expose_secret(), format!("bearer {}", text(&token)));
    assert_eq!(used(&sandbox, &token).await, 200);
}
