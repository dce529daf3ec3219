//! The fact sheet on Zettelstore, section by section.

use std::time::Duration;

use tokenferry_sandbox::{Answer, Authentication, Fault, Release, Sandbox, ZettelstoreUser};
use tokenferry_sources::{
    ExposeSecret, FailureClass, Given, Predecessor, Retry, TokenNote, TokenSource, Verification, system,
};

use crate::desk::{Outcome, answering, assert_outcome, build, source, start, written};

const NAME: &str = "zettelstore";
const FREE: &str = r#"("Bearer" "freeaccess" 316224000)"#;

async fn with_life(secs: u64) -> Sandbox {
    start(|options| options.zettelstore.token_lifetime = Duration::from_secs(secs)).await
}

/// Method and path of all requests.
fn asked(sandbox: &Sandbox) -> Vec<String> {
    let requests = sandbox.control().requests();
    requests.iter().map(|request| format!("{} {}", request.method, request.path)).collect()
}

fn travel(sandbox: &Sandbox, seconds: i64) {
    sandbox.control().clear_faults();
    sandbox.control().fault(Fault::clock_skew(seconds));
}

#[tokio::test]
async fn section_1_the_prefix_of_the_server_belongs_to_its_url() {
    let sandbox = start(|_| ()).await;
    for base_url in [format!("{}/zettelstore", sandbox.url()), sandbox.zettelstore_base_url()] {
        let token = source(&sandbox, NAME, &[("base_url", &base_url)]).login().await.unwrap();
        assert_eq!(token.identity.issuer, sandbox.zettelstore_base_url());
    }
    assert_eq!(asked(&sandbox), ["POST /zettelstore/a", "POST /zettelstore/a"]);
    let outcome = source(&sandbox, NAME, &[("base_url", &sandbox.url())]).login().await;
    let expected = Outcome::Fails(FailureClass::NotFound, &["nothing at /a (HTTP 404)", "`url-prefix`"]);
    assert_outcome(&outcome, expected, "without the prefix");

    let default = build(NAME, &written(&[("username", "anna"), ("password", "hunter2")]), true).unwrap();
    assert_eq!(default.identity().issuer, "http://127.0.0.1:23123/");
}

#[tokio::test]
async fn section_2_credentials_of_every_kind_arrive() {
    let users =
        [("sandbox", "sandbox-password"), ("zoë", "pass:wörd & more="), ("an:na", "hunter2"), ("x", " ")];
    let users = users.map(|(name, password)| ZettelstoreUser::new(name, password));
    let sandbox = start(|options| options.zettelstore.users = users.to_vec()).await;
    for user in &users {
        for method in ["basic", "form"] {
            if user.password.trim().is_empty() {
                continue;
            }
            let settings = [("username", &*user.username), ("password", &user.password), ("method", method)];
            let token = source(&sandbox, NAME, &settings).login().await.unwrap();
            assert_eq!(token.identity.subject, user.username);
            let scheme = sandbox.control().requests().pop().unwrap().authorization_scheme;
            let as_form = method == "form" || user.username.contains(':');
            assert_eq!(scheme.as_deref(), (!as_form).then_some("basic"), "{user:?} {method}");
        }
    }
}

#[tokio::test]
async fn section_2_every_form_of_the_answer_is_read_or_refused() {
    let malformed = Outcome::Fails(FailureClass::Malformed, &["is not understood"]);
    let cases = [
        (r#"("Bearer" "abc.def" 600)"#, Outcome::Token("abc.def")),
        (" (\n\"bEARER\"\t\"abc.def\"\r\n 600 ) \n", Outcome::Token("abc.def")),
        (r#"("Bearer" "a\"b\\c\x41\u0042\U000043" 600)"#, Outcome::Token(r#"a"b\cABC"#)),
        (r#"("Bearer" "abc" 9223372036854775807)"#, malformed),
        (r#"("Bearer" "a\nb" 600)"#, malformed),
        (r#"("Bearer" "abc" 600) x"#, malformed),
        (r#"("Bearer" "abc" 600)("Bearer" "abc" 600)"#, malformed),
        (r#"("Bearer" "abc")"#, malformed),
        (r#"("Bearer" 600 "abc")"#, malformed),
        (r#"("Bearer" abc 600)"#, malformed),
        (r#"("Bearer" "abc" "600")"#, malformed),
        (r#"("Bearer" "abc" -1)"#, malformed),
        (r#"("Bearer" "abc" 9223372036854775808)"#, malformed),
        (r#"("Bearer" "" 600)"#, malformed),
        (r#"("Basic" "hunter2" 600)"#, malformed),
        (r#"("Bearer" "hunter2"#, malformed),
        ("hunter2", malformed),
        ("", malformed),
        // Older releases, and what their manual says of them.
        ("{\"token\":\"abc.def\",\"token_type\":\"Bearer\",\"expires_in\":600}\n", Outcome::Token("abc.def")),
        (r#" {"access_token":"abc.def","token_type":"bearer","expires_in":600}"#, Outcome::Token("abc.def")),
        (r#"{"access_token":"abc.def","expires_in":600}"#, Outcome::Token("abc.def")),
        (r#"{"token":"hunter2","token_type":7,"expires_in":600}"#, malformed),
        (r#"{"token":"hunter2","token_type":"MAC","expires_in":600}"#, malformed),
        (r#"{"token":"hunter2","token_type":"Bearer"}"#, malformed),
        (r#"{"token":"hunter2","token_type":"Bearer","expires_in":"600"}"#, malformed),
        (r#"{"token":"hunter2","token_type":"Bearer","expires_in":-1}"#, malformed),
        (r#"{"token":"","token_type":"Bearer","expires_in":600}"#, malformed),
        (r#"{"token":7,"token_type":"Bearer","expires_in":600}"#, malformed),
    ];
    for (body, expected) in cases {
        // The content type says nothing in some releases, and the wrong thing in others.
        for content_type in ["text/plain; charset=utf-8", "application/json"] {
            let sandbox = answering(200, &[("content-type", content_type)], body).await;
            assert_outcome(&source(&sandbox, NAME, &[]).login().await, expected, body);
        }
    }
}

#[tokio::test]
async fn section_2_the_table_of_older_releases() {
    for (release, understood) in
        [(Release::V0_0_13, true), (Release::V0_0_14, false), (Release::V0_11, true), (Release::V2_1, true)]
    {
        let sandbox = start(|options| options.zettelstore.release = release).await;
        let source = source(&sandbox, NAME, &[]);
        if understood {
            let token = source.login().await.unwrap();
            assert_eq!(token.life(), Some(Duration::from_mins(10)), "{release:?}");
            source.refresh(&token).await.unwrap();
        } else {
            assert_eq!(source.login().await.unwrap_err().class(), FailureClass::NotFound);
            assert!(system(NAME).unwrap().details.contains("except 0.0.14"));
        }
    }
}

#[tokio::test]
async fn section_2_a_new_token_need_not_differ() {
    let sandbox = answering(200, &[], r#"("Bearer" "same" 600)"#).await;
    let source = source(&sandbox, NAME, &[]);
    let (one, two) = (source.login().await.unwrap(), source.login().await.unwrap());
    assert_eq!(one.value.expose_secret(), two.value.expose_secret());
    assert!(two.issued_at >= one.issued_at);
    assert_eq!(system(NAME).unwrap().predecessor, Predecessor::LivesOn);
}

#[tokio::test]
async fn section_3_a_young_token_comes_back_with_what_is_left_of_its_life() {
    let sandbox = with_life(60).await;
    let source = source(&sandbox, NAME, &[]);
    let old = source.login().await.unwrap();
    travel(&sandbox, 5);
    let same = source.refresh(&old).await.unwrap();
    assert_eq!(same.value.expose_secret(), old.value.expose_secret());
    // It is no fresh token: its life began with the old one.
    assert_eq!(same.issued_at, old.issued_at);
    let left = same.expires_at().unwrap() - old.issued_at;
    assert!((53..=57).contains(&left.num_seconds()), "{left}");
    assert_eq!(asked(&sandbox), ["POST /zettelstore/a", "PUT /zettelstore/a"]);

    travel(&sandbox, 20);
    let fresh = source.refresh(&old).await.unwrap();
    assert_ne!(fresh.value.expose_secret(), old.value.expose_secret());
    assert_eq!(fresh.life(), Some(Duration::from_mins(1)));
    assert_eq!(asked(&sandbox).len(), 3);
}

#[tokio::test]
async fn section_3_whatever_keeps_a_token_from_being_renewed_a_login_follows() {
    let refusals = [
        Fault::answer(Answer::new(400).body("Not authenticated\n")),
        Fault::status(401),
        Fault::status(404),
        Fault::status(405),
        Fault::status(500),
        Fault::answer(Answer::new(200).body(r#"("Bearer" "abc" 0)"#)),
        Fault::garbage(),
        Fault::cut(),
    ];
    for refusal in refusals {
        let sandbox = start(|_| ()).await;
        sandbox.control().fault(refusal.clone().method("PUT"));
        assert_eq!(renewed(&sandbox).await, ["POST", "PUT", "POST"], "{refusal:?}");
    }
    // A server that trusts its own machine never renews.
    let sandbox = start(|options| options.zettelstore.authentication = Authentication::LoopbackIdent).await;
    assert_eq!(renewed(&sandbox).await, ["POST", "PUT", "POST"]);
    // A token that is over.
    let sandbox = with_life(60).await;
    let source = source(&sandbox, NAME, &[]);
    let old = source.login().await.unwrap();
    travel(&sandbox, 61);
    source.refresh(&old).await.unwrap();
    assert_eq!(asked(&sandbox).len(), 3);
}

async fn renewed(sandbox: &Sandbox) -> Vec<String> {
    let source = source(sandbox, NAME, &[]);
    let old = source.login().await.unwrap();
    source.refresh(&old).await.unwrap();
    asked(sandbox).iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn section_4_a_token_is_tested_without_using_it() {
    let cases = [
        (204, Ok(Verification::Good)),
        (401, Err(FailureClass::TokenRejected)),
        (200, Ok(Verification::CannotTell)),
        (400, Ok(Verification::CannotTell)),
    ];
    for (status, expected) in cases {
        let sandbox = start(|_| ()).await;
        let source = source(&sandbox, NAME, &[]);
        let token = source.login().await.unwrap();
        assert_eq!(token.header_value().expose_secret(), format!("Bearer {}", token.value.expose_secret()));
        sandbox.control().fault(Fault::status(status));
        assert_eq!(source.verify(&token).await.map_err(|error| error.class()), expected, "{status}");
        let last = sandbox.control().requests().pop().unwrap();
        assert_eq!((last.method.as_str(), last.path.as_str()), ("POST", "/zettelstore/x"));
        assert_eq!(last.query.as_deref(), Some("cmd=authenticated"));
    }
}

#[tokio::test]
async fn section_5_a_server_without_authentication_is_noted_or_refused() {
    for release in [Release::V0_11, Release::V2_1] {
        let sandbox = start(|options| {
            options.zettelstore.authentication = Authentication::Disabled;
            options.zettelstore.release = release;
        })
        .await;
        let token = source(&sandbox, NAME, &[]).login().await.unwrap();
        assert_eq!(token.notes, [TokenNote::FreeAccess]);
        assert_eq!(token.life(), Some(Duration::from_hours(87840)));

        let error = protected(&sandbox).login().await.unwrap_err();
        assert_eq!((error.class(), error.retry()), (FailureClass::Unprotected, Retry::Never));
        let all = format!("{error} {} {}", error.summary(), error.advice());
        assert!(all.contains("`require_authentication`") && all.contains("(HTTP 200)"), "{all}");
    }
    let sandbox = start(|_| ()).await;
    let source = protected(&sandbox);
    let token = source.login().await.unwrap();
    assert!(token.notes.is_empty());
    // Authentication is switched off later.
    sandbox.control().fault(Fault::answer(Answer::new(200).body(FREE)));
    assert_eq!(source.refresh(&token).await.unwrap_err().class(), FailureClass::Unprotected);
}

fn protected(sandbox: &Sandbox) -> std::sync::Arc<dyn TokenSource> {
    let base_url = sandbox.zettelstore_base_url();
    let login = [("base_url", &*base_url), ("username", "sandbox"), ("password", "sandbox-password")];
    let mut given = written(&login);
    given.insert("require_authentication".to_owned(), Given::Flag(true));
    build(NAME, &given, false).unwrap()
}

#[tokio::test]
async fn section_6_statuses() {
    let cases = [
        (400, "form data invalid\n", FailureClass::BadRequest),
        (401, "Authentication failed\n", FailureClass::LoginRefused),
        (403, "authentication is not active\n", FailureClass::NoAccess),
        (404, "404 page not found\n", FailureClass::NotFound),
        (405, "Method Not Allowed\n", FailureClass::UnexpectedStatus),
        (500, "Internal Server Error\n", FailureClass::ServerError),
    ];
    for (status, body, class) in cases {
        let sandbox = answering(status, &[("content-type", "text/plain; charset=utf-8")], body).await;
        let error = source(&sandbox, NAME, &[]).login().await.unwrap_err();
        let retry = if status == 500 { Retry::Backoff } else { Retry::Never };
        assert_eq!((error.class(), error.retry()), (class, retry), "{status}");
        assert!(!error.to_string().contains(body.trim()), "{error}");
    }
    let sandbox = start(|_| ()).await;
    for wrong in [("username", "Sandbox"), ("password", "wrong")] {
        let error = source(&sandbox, NAME, &[wrong]).login().await.unwrap_err();
        assert_eq!(error.class(), FailureClass::LoginRefused);
    }
}

#[tokio::test]
async fn section_7_the_deliberate_delay_is_waited_for() {
    let sandbox = start(|options| options.zettelstore.login_delay = true).await;
    source(&sandbox, NAME, &[]).login().await.unwrap();
}

#[tokio::test]
async fn section_8_lifetimes_that_servers_can_be_set_to() {
    for (configured, life) in [(1, 1), (60, 60), (600, 600), (3600, 3600), (7200, 3600)] {
        let token = source(&with_life(configured).await, NAME, &[]).login().await.unwrap();
        assert_eq!(token.life(), Some(Duration::from_secs(life)));
    }
    let outcome = source(&with_life(0).await, NAME, &[]).login().await;
    let expected =
        Outcome::Fails(FailureClass::LifetimeZero, &["lifetime of 0 seconds", "`token-lifetime-api`"]);
    assert_outcome(&outcome, expected, "0");
}
