//! Zettelstore: logins, renewals, forms of the answer, and what is refused.

use std::time::Duration;

use tokenferry_sandbox::{Authentication, Fault, Release, Sandbox, ZettelstoreUser};
use tokio::time::Instant;

use crate::client::{Ask, FORM, Reply, start, token_part};

const GOOD: &str = "username=sandbox&password=sandbox-password";
const PLAIN: Option<&str> = Some("text/plain; charset=utf-8");
const FAILED: (u16, Option<&str>, &str) = (401, PLAIN, "Authentication failed\n");
const NOT_AUTHENTICATED: (u16, Option<&str>, &str) = (400, PLAIN, "Not authenticated\n");

async fn log_in(sandbox: &Sandbox) -> Reply {
    Ask::new("POST /zettelstore/a").form(GOOD).send(sandbox).await
}

/// Token and seconds of an S-expression that is exactly as the server writes it.
fn expression(reply: &Reply) -> (String, i64) {
    assert_eq!((reply.status, reply.header("content-type")), (200, PLAIN), "{reply:?}");
    assert_eq!(reply.header("content-length"), Some(reply.body.len().to_string().as_str()));
    let inner = reply.text().strip_prefix(r#"("Bearer" ""#).unwrap().strip_suffix(')').unwrap();
    let (token, seconds) = inner.split_once("\" ").unwrap();
    (token.to_owned(), seconds.parse().unwrap())
}

async fn token(sandbox: &Sandbox) -> String {
    expression(&log_in(sandbox).await).0
}

fn travel(sandbox: &Sandbox, seconds: i64) {
    sandbox.control().clear_faults();
    sandbox.control().fault(Fault::clock_skew(seconds));
}

#[tokio::test]
async fn only_the_documented_paths_and_methods_exist() {
    let sandbox = start(|_| ()).await;
    for (line, status, body) in [
        ("GET /zettelstore/a", 405, "Method Not Allowed\n"),
        ("DELETE /zettelstore/a", 405, "Method Not Allowed\n"),
        ("GET /zettelstore/a/", 405, "Method Not Allowed\n"),
        ("POST /a", 404, "no system of the sandbox lives at this path\n"),
        ("POST /zettelstore/", 404, "404 page not found\n"),
        ("POST /zettelstore", 404, "404 page not found\n"),
        ("POST /zettelstore/v", 404, "404 page not found\n"),
        ("POST /zettelstore/a/b", 404, "404 page not found\n"),
    ] {
        let reply = Ask::new(line).form(GOOD).send(&sandbox).await;
        assert_eq!(reply.seen(), (status, PLAIN, body), "{line}");
    }
    let slash = Ask::new("POST /zettelstore/a/").form(GOOD).send(&sandbox).await;
    assert_eq!(expression(&slash).1, 600);
}

#[tokio::test]
async fn credentials_count_where_the_server_looks_for_them() {
    let sandbox = start(|options| {
        options.zettelstore.users.push(ZettelstoreUser::new("zoë", "pass:wörd & more"));
    })
    .await;
    let ask = || Ask::new("POST /zettelstore/a");
    let multipart = "--b\r\ncontent-disposition: form-data; name=\"username\"\r\n\r\nsandbox\r\n--b\r\n\
        content-disposition: form-data; name=\"password\"\r\n\r\nsandbox-password\r\n--b--\r\n";
    for (what, ask, good) in [
        ("form", ask().form(GOOD), true),
        ("blanks around the name", ask().form("username=+sandbox+&password=sandbox-password"), true),
        ("blanks around the password", ask().form("username=sandbox&password=+sandbox-password"), false),
        ("form with a charset", ask().body("application/x-www-form-urlencoded; charset=UTF-8", GOOD), true),
        ("basic", ask().basic("sandbox:sandbox-password"), true),
        (
            "scheme in another case",
            ask().header("authorization", "bAsIc c2FuZGJveDpzYW5kYm94LXBhc3N3b3Jk"),
            true,
        ),
        ("good form, bad basic", ask().form(GOOD).basic("sandbox:wrong"), true),
        (
            "bad form, good basic",
            ask().form("username=sandbox&password=wrong").basic("sandbox:sandbox-password"),
            false,
        ),
        (
            "blank form, good basic",
            ask().form("username=++&password=x").basic("sandbox:sandbox-password"),
            true,
        ),
        ("broken form, good basic", ask().form("username=%zz").basic("sandbox:sandbox-password"), true),
        ("form in UTF-8", ask().form("username=zo%C3%AB&password=pass%3Aw%C3%B6rd+%26+more"), true),
        ("basic in UTF-8", ask().basic("zoë:pass:wörd & more"), true),
        ("basic in Latin-1", ask().basic(b"zo\xeb:pass:w\xf6rd & more"), false),
        ("name in another case", ask().form("username=Sandbox&password=sandbox-password"), false),
        ("wrong password", ask().form("username=sandbox&password=wrong"), false),
        ("unknown user", ask().form("username=nobody&password=sandbox-password"), false),
        ("nothing", ask(), false),
        ("broken form", ask().form("username=%zz"), false),
        ("form without its label", ask().body("text/plain", GOOD), false),
        (
            "json",
            ask().body("application/json", r#"{"username":"sandbox","password":"sandbox-password"}"#),
            false,
        ),
        ("multipart", ask().body("multipart/form-data; boundary=b", multipart), false),
        ("query", Ask::new(&format!("POST /zettelstore/a?{GOOD}")), false),
        ("query with an empty form", Ask::new(&format!("POST /zettelstore/a?{GOOD}")).body(FORM, ""), false),
    ] {
        let reply = ask.send(&sandbox).await;
        if good {
            assert_eq!(expression(&reply).1, 600, "{what}");
        } else {
            assert_eq!(reply.seen(), FAILED, "{what}");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"Default\""), "{what}");
        }
    }
}

#[tokio::test]
async fn two_logins_of_one_second_bring_the_identical_token() {
    let sandbox = start(|_| ()).await;
    loop {
        let (one, two) = (token(&sandbox).await, token(&sandbox).await);
        if issued_at(&one) == issued_at(&two) {
            assert_eq!(one, two);
            break;
        }
    }
    travel(&sandbox, 5);
    assert_ne!(token(&sandbox).await, token_of_now(&sandbox).await, "another second, another token");
}

async fn token_of_now(sandbox: &Sandbox) -> String {
    sandbox.control().clear_faults();
    token(sandbox).await
}

fn issued_at(token: &str) -> String {
    let expression = token_part(token, 0);
    assert!(expression.starts_with(r#"(1 "sandbox" "#), "{expression}");
    expression.split(' ').nth(2).unwrap().to_owned()
}

#[tokio::test]
async fn older_releases_answer_in_json() {
    for (release, path, member) in [
        (Release::V0_0_13, "a", "access_token"),
        (Release::V0_0_14, "v", "token"),
        (Release::V0_11, "a", "token"),
    ] {
        let sandbox = start(|options| options.zettelstore.release = release).await;
        let reply = Ask::new(&format!("POST /zettelstore/{path}")).form(GOOD).send(&sandbox).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
        assert!(reply.text().ends_with("}\n"));
        let answer = reply.json();
        assert_eq!((&answer["token_type"], &answer["expires_in"]), (&"Bearer".into(), &600.into()));
        let jwt = answer[member].as_str().unwrap();
        assert_eq!(token_part(jwt, 0), r#"{"alg":"HS512","typ":"JWT"}"#);
        assert!(token_part(jwt, 1).contains(r#""sub":"sandbox""#));
        let renewal = Ask::new(&format!("PUT /zettelstore/{path}")).bearer(jwt).send(&sandbox).await;
        assert_eq!(renewal.json()[member], jwt);
        let test = Ask::new("POST /zettelstore/x?cmd=authenticated").bearer(jwt).send(&sandbox).await;
        assert_eq!(test.seen(), (400, PLAIN, "Unknown command\n"));
    }
}

#[tokio::test]
async fn renewal_keeps_a_young_token_and_replaces_an_older_one() {
    let sandbox = start(|options| options.zettelstore.token_lifetime = Duration::from_secs(100)).await;
    let first = token(&sandbox).await;
    for (after, same, seconds) in [(20, true, 80), (30, false, 100), (90, false, 100)] {
        travel(&sandbox, after);
        let reply = Ask::new("PUT /zettelstore/a").bearer(&first).send(&sandbox).await;
        let (renewed, left) = expression(&reply);
        assert_eq!(renewed == first, same, "after {after} s");
        // The test itself may have taken some seconds.
        assert!((seconds - 3..=seconds).contains(&left), "after {after} s: {left}");
    }
    travel(&sandbox, 101);
    let late = Ask::new("PUT /zettelstore/a").bearer(&first).send(&sandbox).await;
    assert_eq!(late.seen(), NOT_AUTHENTICATED);
}

#[tokio::test]
async fn who_is_not_authenticated_cannot_renew() {
    let sandbox = start(|_| ()).await;
    let elsewhere =
        start(|options| options.zettelstore.secret = "another-secret-of-the-sandbox".into()).await;
    let good = token(&sandbox).await;
    let foreign = token(&elsewhere).await;
    let scheme = |text: &str| Ask::new("PUT /zettelstore/a").header("authorization", text);
    for (what, ask, good) in [
        ("good", scheme(&format!("Bearer {good}")), true),
        ("scheme in another case", scheme(&format!("bEARER {good}")), true),
        ("two blanks", scheme(&format!("Bearer  {good}")), false),
        ("no scheme", scheme(&good), false),
        ("foreign", scheme(&format!("Bearer {foreign}")), false),
        ("malformed", scheme("Bearer abc"), false),
        ("free access", scheme("Bearer freeaccess"), false),
        ("missing", Ask::new("PUT /zettelstore/a"), false),
        ("basic", Ask::new("PUT /zettelstore/a").basic("sandbox:sandbox-password"), false),
        ("form", Ask::new("PUT /zettelstore/a").form(GOOD), false),
    ] {
        let reply = ask.send(&sandbox).await;
        if good {
            expression(&reply);
        } else {
            assert_eq!(reply.seen(), NOT_AUTHENTICATED, "{what}");
        }
    }
}

#[tokio::test]
async fn a_token_can_be_tested_without_using_it() {
    let sandbox = start(|_| ()).await;
    let good = token(&sandbox).await;
    let ask = || Ask::new("POST /zettelstore/x?cmd=authenticated");
    for (what, ask, seen) in [
        ("good", ask().bearer(&good), (204, None, "")),
        ("bad", ask().bearer("bad"), (401, None, "")),
        ("none", ask(), (401, None, "")),
        ("basic", ask().basic("sandbox:sandbox-password"), (401, None, "")),
        (
            "other command",
            Ask::new("POST /zettelstore/x?cmd=other").bearer(&good),
            (400, PLAIN, "Unknown command\n"),
        ),
    ] {
        assert_eq!(ask.send(&sandbox).await.seen(), seen, "{what}");
    }
    travel(&sandbox, 601);
    assert_eq!(ask().bearer(&good).send(&sandbox).await.status, 401);
}

#[tokio::test]
async fn a_server_without_authentication_gives_free_access() {
    let sandbox = start(|options| {
        options.zettelstore.authentication = Authentication::Disabled;
        options.zettelstore.login_delay = true;
    })
    .await;
    let begin = Instant::now();
    for ask in [
        Ask::new("POST /zettelstore/a"),
        Ask::new("POST /zettelstore/a").form("username=x&password=y"),
        Ask::new("POST /zettelstore/a").form(GOOD),
        Ask::new("POST /zettelstore/a").basic("x:y"),
        Ask::new("POST /zettelstore/a").basic("sandbox:sandbox-password"),
        Ask::new("PUT /zettelstore/a"),
    ] {
        assert_eq!(ask.send(&sandbox).await.seen(), (200, PLAIN, r#"("Bearer" "freeaccess" 316224000)"#));
    }
    // Five delays would take 2.25 seconds.
    assert!(begin.elapsed() < Duration::from_secs(2), "at once");
    let test = Ask::new("POST /zettelstore/x?cmd=authenticated").send(&sandbox).await;
    assert_eq!(test.seen(), (200, None, ""));
}

#[tokio::test]
async fn a_server_that_trusts_loopback_renews_nothing() {
    let sandbox = start(|options| options.zettelstore.authentication = Authentication::LoopbackIdent).await;
    assert_eq!(Ask::new("POST /zettelstore/a").send(&sandbox).await.seen(), FAILED);
    let good = token(&sandbox).await;
    let renewal = Ask::new("PUT /zettelstore/a").bearer(&good).send(&sandbox).await;
    assert_eq!(renewal.seen(), NOT_AUTHENTICATED);
}

#[tokio::test]
async fn a_login_with_a_name_takes_half_a_second() {
    let sandbox = start(|options| options.zettelstore.login_delay = true).await;
    let begin = Instant::now();
    let wrong = || Ask::new("POST /zettelstore/a").form("username=nobody&password=x").send(&sandbox);
    let (good, ..) = tokio::join!(log_in(&sandbox), wrong(), wrong(), wrong(), wrong(), wrong(), wrong());
    let took = begin.elapsed();
    assert!((450..2000).contains(&took.as_millis()), "seven at once took {took:?}");
    let token = expression(&good).0;
    let begin = Instant::now();
    for _ in 0..4 {
        assert_eq!(Ask::new("POST /zettelstore/a").send(&sandbox).await.seen(), FAILED);
        Ask::new("PUT /zettelstore/a").bearer(&token).send(&sandbox).await;
    }
    // Eight delays would take 3.6 seconds.
    assert!(begin.elapsed() < Duration::from_secs(2), "no name or a renewal: no delay");
}

#[tokio::test]
async fn lifetimes_are_bounded_and_may_be_zero() {
    for (configured, announced) in [(600, 600), (7200, 3600), (0, 0)] {
        let sandbox =
            start(|options| options.zettelstore.token_lifetime = Duration::from_secs(configured)).await;
        let (token, seconds) = expression(&log_in(&sandbox).await);
        assert_eq!(seconds, announced);
        let renewal = Ask::new("PUT /zettelstore/a").bearer(&token).send(&sandbox).await;
        assert_eq!(renewal.status, if announced == 0 { 400 } else { 200 });
    }
}

#[tokio::test]
async fn tokens_survive_a_restart_but_not_another_secret() {
    let before = start(|_| ()).await;
    let token = token(&before).await;
    before.stop().await;
    for (secret, status) in [("sandbox-signing-secret", 204), ("sandbox-signing-secret-2", 401)] {
        let after = start(|options| options.zettelstore.secret = secret.into()).await;
        let test = Ask::new("POST /zettelstore/x?cmd=authenticated").bearer(&token).send(&after).await;
        assert_eq!(test.status, status, "{secret}");
    }
    let mut options = tokenferry_sandbox::Options::default();
    options.zettelstore.secret = "too short".into();
    assert!(Sandbox::start(options).await.unwrap_err().to_string().contains("16 characters"));
}
