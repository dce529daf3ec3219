//! The service for `http` sources: what each endpoint takes, and what it refuses.

use tokenferry_sandbox::{Fault, Sandbox, Stated};

use crate::client::{Ask, Reply, start, token_part};

const LOGIN: &str = "POST /http/v1/tenants/acme/login";
const GOOD: &str = r#"{"user":"sandbox","password":"sandbox-password"}"#;
const OAUTH: &str = "POST /http/oauth/token";
const GRANT: &str = "grant_type=client_credentials";
/// Both halves as in a form.
const BASIC: &str = "sandbox%3Aclient:sandbox%2Bsecret+%26+more";

/// The path and the proof of a fresh session.
async fn session(sandbox: &Sandbox) -> (String, String) {
    let reply = Ask::new(LOGIN).body("application/json", GOOD).send(sandbox).await;
    assert_eq!(reply.status, 200);
    let id = reply.json()["session"]["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("../") && id.ends_with('='), "{id}");
    let escaped = id.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D");
    (format!("POST /http/v1/token/{escaped}"), reply.header("x-csrf").unwrap().to_owned())
}

async fn exchanged(sandbox: &Sandbox) -> Reply {
    let (line, csrf) = session(sandbox).await;
    Ask::new(&line).header("x-csrf", &csrf).form("grant_type=session").send(sandbox).await
}

#[tokio::test]
async fn a_session_is_given_for_a_password_in_json_only() {
    let sandbox = start(|_| ()).await;
    let ask = || Ask::new(LOGIN);
    for (what, ask, status) in [
        ("good", ask().body("application/json", GOOD), 200),
        ("wrong password", ask().body("application/json", r#"{"user":"sandbox","password":"x"}"#), 401),
        ("something more", ask().body("application/json", r#"{"user":"sandbox","password":"x","a":1}"#), 400),
        ("without its label", ask().body("text/plain", GOOD), 400),
        ("a form", ask().form("user=sandbox&password=sandbox-password"), 400),
        ("a read", Ask::new("GET /http/v1/tenants/acme/login"), 405),
        ("elsewhere", Ask::new("POST /http/v1/tenants/other/login").body("application/json", GOOD), 404),
    ] {
        assert_eq!(ask.send(&sandbox).await.status, status, "{what}");
    }
    let counts = sandbox.control().counters().logins("http", "sandbox");
    assert_eq!((counts.attempted, counts.succeeded), (3, 1));
}

#[tokio::test]
async fn a_session_is_good_for_one_token_with_its_proof() {
    let sandbox = start(|_| ()).await;
    let (line, csrf) = session(&sandbox).await;
    let ask = |line: &str, csrf: &str| Ask::new(line).header("x-csrf", csrf).form("grant_type=session");
    assert_eq!(Ask::new(&line).header("x-csrf", &csrf).send(&sandbox).await.status, 400);
    let issued = ask(&line, &csrf).send(&sandbox).await;
    assert_eq!((issued.status, &issued.json()["expires_in"]), (200, &900.into()));
    assert_eq!(ask(&line, &csrf).send(&sandbox).await.status, 403);
    let (line, _) = session(&sandbox).await;
    assert_eq!(ask(&line, "wrong").send(&sandbox).await.status, 403);

    let token = issued.json()["access_token"].as_str().unwrap().to_owned();
    let me = || Ask::new("GET /http/v1/me").bearer(&token);
    assert_eq!(me().send(&sandbox).await.text(), r#"{"owner":"sandbox"}"#);
    assert_eq!(Ask::new("GET /http/v1/me").send(&sandbox).await.status, 401);
    sandbox.control().fault(Fault::clock_skew(901));
    assert_eq!(me().send(&sandbox).await.status, 401);
}

#[tokio::test]
async fn the_end_of_a_token_is_stated_as_wanted() {
    for (stated, name, is) in [
        (Stated::Seconds, "expires_in", "900"),
        (Stated::SecondsAsText, "expires_in", "\"900\""),
        (Stated::DateTime, "expires_at", "+00:00\""),
        (Stated::UnixTime, "expires_at", ""),
    ] {
        let sandbox = start(|options| options.http.stated = stated).await;
        let answer = exchanged(&sandbox).await.json();
        assert!(answer[name].to_string().ends_with(is) && answer.as_object().unwrap().len() == 2, "{answer}");
    }
    for stated in [Stated::Silent, Stated::InToken] {
        let sandbox = start(|options| options.http.stated = stated).await;
        let answer = exchanged(&sandbox).await.json();
        assert_eq!(answer.as_object().unwrap().len(), 1);
        if stated == Stated::InToken {
            assert!(token_part(answer["access_token"].as_str().unwrap(), 1).contains("\"exp\":"));
        }
    }
}

#[tokio::test]
async fn the_token_endpoint_is_as_strict_as_the_rfc() {
    let sandbox = start(|_| ()).await;
    let ask = |form: &str| Ask::new(OAUTH).form(&format!("{GRANT}{form}"));
    let in_body = "&client_id=sandbox:client&client_secret=sandbox%2Bsecret+%26+more";
    for (what, ask, status, error) in [
        ("basic", ask("").basic(BASIC), 200, ""),
        ("body", ask(in_body), 200, ""),
        ("scopes", ask("&scope=read+write").basic(BASIC), 200, ""),
        ("audience", ask("&audience=https://api.sandbox.example").basic(BASIC), 200, ""),
        (
            "basic without encoding",
            ask("").basic("sandbox:client:sandbox+secret & more"),
            401,
            "invalid_client",
        ),
        ("wrong secret", ask("").basic("sandbox%3Aclient:x"), 401, "invalid_client"),
        ("no client", ask(""), 400, "invalid_request"),
        ("two ways", ask(in_body).basic(BASIC), 400, "invalid_request"),
        ("twice", ask("&grant_type=x").basic(BASIC), 400, "invalid_request"),
        ("json", Ask::new(OAUTH).body("application/json", "{}").basic(BASIC), 400, "invalid_request"),
        ("no grant", Ask::new(OAUTH).form("a=b").basic(BASIC), 400, "invalid_request"),
        (
            "other grant",
            Ask::new(OAUTH).form("grant_type=password").basic(BASIC),
            400,
            "unsupported_grant_type",
        ),
        ("other scope", ask("&scope=admin").basic(BASIC), 400, "invalid_scope"),
        ("other audience", ask("&audience=x").basic(BASIC), 400, "invalid_target"),
        ("bad assertion", ask("&client_assertion=a.b.c&client_assertion_type=x"), 401, "invalid_client"),
    ] {
        let reply = ask.send(&sandbox).await;
        assert_eq!((reply.status, reply.header("cache-control")), (status, Some("no-store")), "{what}");
        let answer = reply.json();
        match error {
            "" => assert_eq!(answer["token_type"], "bearer", "{what}"),
            error => assert_eq!(answer["error"], error, "{what}"),
        }
    }
    sandbox.control().fault(Fault::key_revoked("sandbox:client"));
    let revoked = ask("").basic(BASIC).send(&sandbox).await;
    assert_eq!((revoked.status, revoked.header("www-authenticate")), (401, Some("Basic realm=\"sandbox\"")));
    assert_eq!(Ask::new("GET /http/oauth/token").send(&sandbox).await.status, 405);
}
