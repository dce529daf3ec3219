//! Sections 3 to 6: other statuses, the life of a token, the call for a role, and settings.

use std::sync::Arc;
use std::time::Duration;

use tokenferry_sandbox::{Sandbox, ZetasafeUser};
use tokenferry_sources::{Expiry, ExposeSecret, FailureClass, Predecessor, Retry, TokenSource, system};

use super::{NAME, ROLE, asked, tries};
use crate::desk::{Outcome, Pairs, answering, assert_outcome, build, patient_source, source, start, written};

#[tokio::test]
async fn section_3_other_statuses() {
    let later: &[(&str, &str)] = &[("retry-after", "3600")];
    let elsewhere: &[(&str, &str)] = &[("location", "http://127.0.0.1:9/ext")];
    let cases = [
        (401, &[][..], FailureClass::LoginRefused, "never"),
        (500, &[], FailureClass::ServerError, "back-off"),
        (429, later, FailureClass::RateLimited, "when told"),
        (502, later, FailureClass::ServerError, "when told"),
        (503, later, FailureClass::ServerError, "when told"),
        (504, later, FailureClass::ServerError, "when told"),
        (301, elsewhere, FailureClass::Redirected, "never"),
        (302, elsewhere, FailureClass::Redirected, "never"),
        (303, elsewhere, FailureClass::Redirected, "never"),
        (307, elsewhere, FailureClass::Redirected, "never"),
        (308, elsewhere, FailureClass::Redirected, "never"),
    ];
    for (status, headers, class, again) in cases {
        let sandbox = answering(status, headers, "hunter2").await;
        let outcome = patient_source_unless(&sandbox, again).login().await;
        assert_outcome(&outcome, Outcome::Fails(class, &[]), &status.to_string());
        let retry = match outcome.unwrap_err().retry() {
            Retry::Never => "never",
            Retry::Backoff => "back-off",
            Retry::At(_) => "when told",
        };
        assert_eq!((retry, tries(&sandbox)), (again, 1), "{status}");
    }
}

/// Retries are on wherever they would do harm, and off where they would take time.
fn patient_source_unless(sandbox: &Sandbox, again: &str) -> Arc<dyn TokenSource> {
    if again == "back-off" { source(sandbox, NAME, &[]) } else { patient_source(sandbox, NAME) }
}

#[tokio::test]
async fn section_3_a_wrong_user_or_password_is_refused() {
    let sandbox = start(|_| ()).await;
    for settings in [("username", "nobody"), ("password", "wrong")] {
        let outcome = source(&sandbox, NAME, &[settings]).login().await;
        let expected = Outcome::Fails(FailureClass::LoginRefused, &["`password`", "ZETASAFE_PASSWORD"]);
        assert_outcome(&outcome, expected, settings.0);
    }
}

#[tokio::test]
async fn section_4_the_token_and_its_lifetime() {
    let sandbox = start(|_| ()).await;
    let token = source(&sandbox, NAME, &[]).login().await.unwrap();
    assert_eq!((&*token.usage.header_name, &*token.usage.value_prefix), ("x-auth-token", ""));
    assert_eq!(token.header_value().expose_secret(), token.value.expose_secret());
    assert_eq!((token.expiry, token.expires_at()), (Expiry::Unknown, None));

    let token = source(&sandbox, NAME, &[("ttl", "45m")]).login().await.unwrap();
    assert_eq!(token.expiry, Expiry::Assumed(token.issued_at + Duration::from_mins(45)));
    assert_eq!(system(NAME).unwrap().predecessor, Predecessor::Unknown);

    // It is opaque: what looks like a JSON Web Token is not read.
    let jwt = "e30.eyJpYXQiOjEsImV4cCI6Mn0.e30";
    let sandbox = answering(200, &[], &format!(r#"{{"token":"{jwt}"}}"#)).await;
    assert_eq!(source(&sandbox, NAME, &[]).login().await.unwrap().expiry, Expiry::Unknown);
}

#[tokio::test]
async fn section_4_a_token_belongs_to_one_client() {
    let sandbox = start(|_| ()).await;
    let identity = |settings: &[(&str, &str)]| source(&sandbox, NAME, settings).identity().clone();
    let (one, other) = (identity(&[]), identity(&[("admin_client_id", "other-client")]));
    let role = identity(&[("token_kind", "role"), ("admin_client_id", ""), ("client_id", "sandbox-client")]);
    assert_eq!((one.system, one.subject.as_str(), other.subject.as_str()), (NAME, "sandbox", "sandbox"));
    assert_eq!(
        one.issuer,
        format!("{}/ext/userclientauthtoken/get?adminClientId=sandbox-client", sandbox.zetasafe_base_url())
    );
    assert!(one != other && one != role && one == identity(&[]));
}

#[tokio::test]
async fn section_5_the_call_by_role_and_client() {
    let sandbox = start(|options| {
        let user =
            ZetasafeUser::new("many", "sandbox-password").role("r 1", &["c/1", "c2"]).role("r2", &["c2"]);
        options.zetasafe.users.push(user);
    })
    .await;
    let id = "id=7e67e260-202c-4bf5-b486-98502508cfe0";
    let many = ("username", "many");
    let cases: [(Pairs<'_>, &str, Option<&str>); 5] = [
        (&[], "", None),
        (&[("role_id", "sandbox-role")], "&roleId=sandbox-role", None),
        (&[many, ("role_id", "r 1"), ("client_id", "c/1")], "&roleId=r%201&clientId=c%2F1", None),
        (&[many], "", Some("NO_ACCESS_TO_ROLE: Access denied")),
        (
            &[many, ("role_id", "r2"), ("client_id", "c9")],
            "&roleId=r2&clientId=c9",
            Some("NO_ACCESS_TO_CLIENT"),
        ),
    ];
    for (settings, query, refusal) in cases {
        let settings = [ROLE, settings].concat();
        let outcome = source(&sandbox, NAME, &settings).login().await;
        let path = "/zetasafe/ext/x-auth/get".to_owned();
        assert_eq!(asked(&sandbox), ("POST".to_owned(), path, format!("{id}{query}")));
        match (outcome, refusal) {
            (Ok(token), None) => assert_eq!(token.value.expose_secret().len(), 40),
            (Err(error), Some(text)) => assert!(error.to_string().contains(text), "{error}"),
            (outcome, refusal) => panic!("{outcome:?} {refusal:?}"),
        }
    }
}

#[tokio::test]
async fn section_5_the_token_is_in_the_header() {
    let no_token = Outcome::Fails(FailureClass::LoginRefused, &["the answer has no token (HTTP 200)"]);
    let cases = [
        (200, &[("X-Auth-Token", "abc.1")][..], "", Outcome::Token("abc.1")),
        (200, &[("x-auth-token", "abc.1")], r#"{"token":"other"}"#, Outcome::Token("abc.1")),
        (200, &[], "", no_token),
        (200, &[("x-auth-token", "")], "<html>hunter2</html>", no_token),
        (200, &[], r#"{"token":"hunter2"}"#, no_token),
        (401, &[("x-auth-token", "abc.1")], "", Outcome::Fails(FailureClass::LoginRefused, &["(HTTP 401)"])),
        (500, &[("x-auth-token", "abc.1")], "", Outcome::Fails(FailureClass::ServerError, &["(HTTP 500)"])),
    ];
    for (status, headers, body, expected) in cases {
        let sandbox = answering(status, headers, body).await;
        let outcome = source(&sandbox, NAME, ROLE).login().await;
        assert_outcome(&outcome, expected, &format!("{status} {headers:?} {body}"));
    }
}

#[test]
fn section_6_the_environment_says_where() {
    let base = [("username", "anna"), ("password", "hunter2"), ("admin_client_id", "42")];
    let issuer = |settings: &[(&str, &str)]| {
        let source = build(NAME, &written(&[&base, settings].concat()), true).unwrap();
        source.identity().issuer.clone()
    };
    let call = "ext/userclientauthtoken/get?adminClientId=42";
    assert_eq!(issuer(&[]), format!("https://api.zetasafe.net/{call}"));
    assert_eq!(issuer(&[("environment", "production")]), format!("https://api.zetasafe.net/{call}"));
    assert_eq!(issuer(&[("environment", "development")]), format!("https://api.zetasafe.net/dev/{call}"));
    let own = [("environment", "development"), ("base_url", "https://proxy.example/z/")];
    assert_eq!(issuer(&own), format!("https://proxy.example/z/{call}"));
}

#[test]
fn section_6_what_the_kind_of_token_does_not_use_is_refused() {
    let base = [("username", "anna"), ("password", "hunter2")];
    let problems = |settings: &[(&str, &str)]| {
        let given = written(&[&base, settings].concat());
        let mut problems = system(NAME).unwrap().check(&given);
        if problems.is_empty() {
            problems = build(NAME, &given, true).unwrap_err();
        }
        problems.into_iter().map(|problem| (problem.field, problem.reason)).collect::<Vec<_>>()
    };
    assert_eq!(problems(&[])[0].0, "admin_client_id");
    let role = problems(&[("token_kind", "role"), ("admin_client_id", "42")]);
    assert_eq!(role.len(), 1);
    assert!(role[0].0 == "admin_client_id" && role[0].1.contains("token_kind = \"role\""), "{role:?}");
    let client = problems(&[("admin_client_id", "42"), ("role_id", "1"), ("client_id", "2")]);
    assert_eq!(client.iter().map(|(field, _)| *field).collect::<Vec<_>>(), ["role_id", "client_id"]);
}
