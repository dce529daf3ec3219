use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokenferry_sandbox::ExampleKey;

use super::{build_in, given, place, source};
use crate::test_server::{Reply, Seen, TestServer, default_context, status};
use crate::{Expiry, FailureClass};

use super::super::SYSTEM;

const SECRET: &str = "hunter2 +:&ö";

fn settings(server: &TestServer, members: &Value) -> Value {
    let mut preset = json!({ "token_url": server.url("/oauth/token"), "client_id": "client:1 a" });
    preset.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    json!({ "secrets": { "client_secret": SECRET }, "oauth2_client_credentials": preset })
}

fn issued() -> Reply {
    status(200, r#"{"access_token":"t0ken","token_type":"bearer","expires_in":600}"#)
}

fn form(seen: &Seen) -> Vec<(String, String)> {
    url::form_urlencoded::parse(seen.body.as_bytes()).into_owned().collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[tokio::test]
async fn basic_authentication_encodes_both_halves_as_in_a_form() {
    let server = TestServer::scripted(vec![issued()]).await;
    let scope = json!({ "scope": "read write", "audience": "https://api.example" });
    let token = source(settings(&server, &scope)).login().await.unwrap();
    let seen = server.seen().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/oauth/token"));
    assert_eq!(seen.header("accept"), Some("application/json"));
    let basic = seen.header("authorization").unwrap().strip_prefix("Basic ").unwrap();
    let basic = String::from_utf8(STANDARD.decode(basic).unwrap()).unwrap();
    assert_eq!(basic, "client%3A1+a:hunter2+%2B%3A%26%C3%B6");
    let expected = [
        pair("grant_type", "client_credentials"),
        pair("scope", "read write"),
        pair("audience", "https://api.example"),
    ];
    assert_eq!(form(&seen), expected);
    assert_eq!(token.header_value().expose_secret(), "Bearer t0ken");
    assert_eq!(
        (token.identity.issuer, token.identity.subject),
        (
            server.url("/oauth/token?scope=read+write&audience=https%3A%2F%2Fapi.example"),
            "client:1 a".to_owned()
        )
    );
    assert_eq!(token.expiry, Expiry::Reported(token.issued_at + chrono::TimeDelta::seconds(600)));
}

#[tokio::test]
async fn in_the_body_the_client_has_no_header() {
    let server = TestServer::scripted(vec![issued()]).await;
    source(settings(&server, &json!({ "authentication": "body" }))).login().await.unwrap();
    let seen = server.seen().pop().unwrap();
    assert_eq!(seen.header("authorization"), None);
    let expected = [
        pair("grant_type", "client_credentials"),
        pair("client_id", "client:1 a"),
        pair("client_secret", SECRET),
    ];
    assert_eq!(form(&seen), expected);
}

#[tokio::test]
async fn an_assertion_is_signed_anew_for_each_login() {
    let server = TestServer::scripted(vec![issued()]).await;
    let members = json!({ "authentication": "private_key_jwt", "key_id": "k1" });
    let mut settings = settings(&server, &members);
    settings["secrets"] = json!({ "private_key": ExampleKey::new().pkcs8_pem() });
    let source = source(settings.clone());
    source.login().await.unwrap();
    source.login().await.unwrap();
    let part =
        |text: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap() };
    let mut ids = Vec::new();
    for seen in server.seen() {
        let form = form(&seen);
        let names: Vec<&str> = form.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["grant_type", "client_id", "client_assertion_type", "client_assertion"]);
        assert_eq!(form[2].1, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        let (signed, signature) = form[3].1.rsplit_once('.').unwrap();
        assert!(ExampleKey::new().verifies(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()));
        let (header, claims) = signed.split_once('.').unwrap();
        assert_eq!(part(header), json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" }));
        let claims = part(claims);
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("client:1 a"), &json!("client:1 a")));
        assert_eq!(claims["aud"], json!(server.url("/oauth/token")));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
        ids.push(claims["jti"].clone());
    }
    assert_ne!(ids[0], ids[1]);

    settings["oauth2_client_credentials"]["assertion_audience"] = json!("https://id.example");
    super::source(settings).login().await.unwrap();
    let form = form(&server.seen().pop().unwrap());
    assert_eq!(part(form[3].1.split('.').nth(1).unwrap())["aud"], json!("https://id.example"));
}

#[tokio::test]
async fn answers_are_read_as_the_rfc_and_real_servers_write_them() {
    let cases = [
        (r#"{"access_token":"t","token_type":"BEARER"}"#, json!({}), Some(("Bearer t", None))),
        (r#"{"access_token":"t"}"#, json!({ "ttl": "1m" }), Some(("Bearer t", Some(60)))),
        (
            r#"{"access_token":"t","token_type":"DPoP","expires_in":"60"}"#,
            json!({}),
            Some(("DPoP t", Some(60))),
        ),
        (
            r#"{"access_token":"t","token_type":"mac","expires_in":60}"#,
            json!({ "scheme": "none" }),
            Some(("t", Some(60))),
        ),
        (r#"{"access_token":"t","token_type":"a b"}"#, json!({}), None),
        (r#"{"access_token":"t","expires_in":"soon"}"#, json!({}), None),
        (r#"{"access_token":5}"#, json!({}), None),
        ("<html>", json!({}), None),
    ];
    for (body, more, expected) in cases {
        let server = TestServer::scripted(vec![status(200, body)]).await;
        let mut all = settings(&server, &json!({}));
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let token = source(all).login().await;
        match expected {
            None => assert!(token.is_err(), "{body}"),
            Some((header, life)) => {
                let token = token.unwrap();
                assert_eq!(token.header_value().expose_secret(), header, "{body}");
                assert_eq!(token.life().map(|life| life.as_secs()), life, "{body}");
            }
        }
    }
}

#[tokio::test]
async fn refusals_mean_what_their_error_says() {
    let cases = [
        (401, "invalid_client", FailureClass::LoginRefused),
        (400, "invalid_client", FailureClass::LoginRefused),
        (400, "unauthorized_client", FailureClass::LoginRefused),
        (400, "access_denied", FailureClass::LoginRefused),
        (400, "invalid_grant", FailureClass::LoginRefused),
        (400, "invalid_scope", FailureClass::NoAccess),
        (400, "invalid_request", FailureClass::BadRequest),
        (400, "unsupported_grant_type", FailureClass::BadRequest),
        (403, "access_denied", FailureClass::NoAccess),
        (200, "invalid_client", FailureClass::LoginRefused),
    ];
    for (code, error, class) in cases {
        let body = json!({ "error": error, "error_description": format!("not {SECRET}") }).to_string();
        let server = TestServer::scripted(vec![status(code, &body)]).await;
        let failure = source(settings(&server, &json!({}))).login().await.unwrap_err();
        assert_eq!((failure.class(), server.seen().len()), (class, 1), "{code} {error}");
        let text = format!("{failure} {failure:?}");
        assert!(
            text.contains(&format!("saying \"{error}; not ***\"")) && !text.contains("hunter2"),
            "{text}"
        );
    }
}

#[test]
fn what_is_missing_or_wrong_is_named_at_its_place() {
    let preset = |members: Value, secrets: Value| {
        let given = given(json!({ "secrets": secrets, "oauth2_client_credentials": members }));
        let problems = SYSTEM.check(&given);
        problems
            .iter()
            .map(|problem| place(problem).replace("oauth2_client_credentials", "o"))
            .collect::<Vec<_>>()
    };
    let good = json!({ "token_url": "https://id.example/token?a=b", "client_id": "c" });
    assert_eq!(preset(good.clone(), json!({ "client_secret": SECRET })), Vec::<String>::new());
    assert_eq!(preset(json!({}), json!({})), ["o.client_id", "o.token_url", "secrets.client_secret"]);
    let by_key =
        json!({ "token_url": "https://id.example/", "client_id": "c", "authentication": "private_key_jwt" });
    assert_eq!(preset(by_key.clone(), json!({ "client_secret": SECRET })), ["secrets.private_key"]);
    assert_eq!(preset(by_key, json!({ "private_key": "hunter2" })), ["secrets.private_key"]);
    for url in [
        "http://id.example/",
        "https://id.example/#a",
        "https://{{secrets.a}}/",
        "https://id.example/{{secrets.client_secret}}",
    ] {
        let preset =
            preset(json!({ "token_url": url, "client_id": "c" }), json!({ "client_secret": SECRET }));
        assert_eq!(preset, ["o.token_url"], "{url}");
    }
    let wrong = json!({ "token_url": "https://id.example/", "client_id": "c", "authentication": "digest" });
    assert_eq!(preset(wrong, json!({ "client_secret": SECRET })), ["o.authentication"]);
    let unread = json!({ "secrets": { "client_secret": { "?": null } }, "oauth2_client_credentials": good });
    assert_eq!(SYSTEM.check(&given(unread.clone())), []);
    assert_eq!(place(&build_in(unread, &default_context()).unwrap_err()[0]), "secrets.client_secret");
}
