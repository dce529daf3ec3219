use std::time::Duration;

use chrono::TimeDelta;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{build_in, source};
use crate::test_server::{Reply, TestServer, context, status, with_headers};
use crate::{Expiry, FailureClass, SourceError, Token, rfc3339};

const PASSWORD: &str = "hunter2 &=+\"\\/?%2e ö {{secrets.other}}";

/// The two requests that a service with a session wants.
fn two_steps(server: &TestServer) -> Value {
    json!({
        "secrets": { "password": PASSWORD },
        "request": [
            {
                "method": "POST",
                "url": server.url("/v1/tenants/acme/login"),
                "json": json!({ "user": "anna", "password": "{{secrets.password}}" }).to_string(),
                "values": { "session": { "json_pointer": "/session/id" }, "csrf": { "header": "X-CSRF" } },
            },
            {
                "method": "POST",
                "url": server.url("/v1/token/{{values.session}}"),
                "headers": { "X-CSRF": "{{values.csrf}}" },
                "form": { "grant_type": "session", "proof": "{{secrets.password}}" },
                "values": { "token": { "json_pointer": "/access_token" }, "expires_in": { "json_pointer": "/expires_in" } },
            },
        ],
    })
}

fn session() -> Reply {
    with_headers(200, "X-CSRF: c5rf t0ken\r\nX-CSRF: second\r\n", r#"{"session":{"id":"a/b ../?"}}"#)
}

fn issued() -> Reply {
    status(200, r#"{"access_token":"t0ken","expires_in":"600"}"#)
}

async fn fails(settings: Value) -> SourceError {
    source(settings).login().await.unwrap_err()
}

fn all(error: &SourceError) -> String {
    format!("{error} {error:?} {} {}", error.summary(), error.advice())
}

#[tokio::test]
async fn what_one_answer_gives_the_next_request_uses() {
    let server = TestServer::scripted(vec![session(), issued()]).await;
    let token = source(two_steps(&server)).login().await.unwrap();
    let [login, exchange] = server.seen().try_into().unwrap();

    assert_eq!((login.method.as_str(), login.target.as_str()), ("POST", "/v1/tenants/acme/login"));
    assert_eq!(login.header("content-type"), Some("application/json"));
    let sent: Value = serde_json::from_str(&login.body).unwrap();
    assert_eq!(sent, json!({ "user": "anna", "password": PASSWORD }));

    assert_eq!((exchange.method.as_str(), exchange.target.as_str()), ("POST", "/v1/token/a%2Fb%20..%2F%3F"));
    assert_eq!(exchange.header("x-csrf"), Some("c5rf t0ken"));
    assert_eq!(exchange.header("content-type"), Some("application/x-www-form-urlencoded"));
    let form: Vec<(String, String)> =
        url::form_urlencoded::parse(exchange.body.as_bytes()).into_owned().collect();
    assert_eq!(form, [("grant_type".into(), "session".into()), ("proof".into(), PASSWORD.into())]);

    assert_eq!(token.header_value().expose_secret(), "Bearer t0ken");
    assert_eq!(
        (token.usage.header_name.as_ref(), token.usage.token_type.as_ref()),
        ("Authorization", "Bearer")
    );
    assert_eq!(token.identity.system, "http");
    assert_eq!(
        (token.identity.issuer, token.identity.subject),
        (server.url("/v1/token/{{values.session}}"), String::new())
    );
    assert_eq!(token.expiry, Expiry::Reported(token.issued_at + TimeDelta::seconds(600)));
}

/// One request whose answer is this, with these members.
async fn one_step(reply: Reply, members: Value, settings: Value) -> (TestServer, Result<Token, SourceError>) {
    let server = TestServer::scripted(vec![reply]).await;
    let mut request =
        json!({ "url": server.url("/token"), "values": { "token": { "json_pointer": "/token" } } });
    request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let mut all = json!({ "secrets": { "password": "hunter2" }, "request": [request] });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let token = source(all).login().await;
    (server, token)
}

#[tokio::test]
async fn requests_are_sent_as_they_are_written() {
    let issued = || status(200, r#"{"token":"t"}"#);
    let cases = [
        (json!({}), "GET /token", "", None),
        (
            json!({ "query": { "a b": "{{secrets.password}}&c", "d": "" } }),
            "GET /token?a%20b=hunter2%26c&d=",
            "",
            None,
        ),
        (json!({ "form": {} }), "POST /token", "", None),
        (
            json!({ "method": "PUT", "json": "[1,\"{{secrets.password}}\"]" }),
            "PUT /token",
            "[1,\"hunter2\"]",
            None,
        ),
        (
            json!({ "basic_auth": { "username": "anna", "password": "{{secrets.password}}" } }),
            "GET /token",
            "",
            Some("Basic YW5uYTpodW50ZXIy"),
        ),
        (
            json!({ "basic_auth": { "username": "{{secrets.password}}" } }),
            "GET /token",
            "",
            Some("Basic aHVudGVyMjo="),
        ),
        (
            json!({ "headers": { "Authorization": "Key {{secrets.password}}" } }),
            "GET /token",
            "",
            Some("Key hunter2"),
        ),
    ];
    for (members, line, body, authorization) in cases {
        let (server, token) = one_step(issued(), members.clone(), json!({})).await;
        let seen = server.seen().pop().unwrap();
        assert_eq!(format!("{} {}", seen.method, seen.target), line, "{members}");
        assert_eq!((seen.body.as_str(), seen.header("authorization")), (body, authorization), "{members}");
        let subject = members["basic_auth"]["username"].as_str().filter(|name| *name == "anna");
        assert_eq!(token.unwrap().identity.subject, subject.unwrap_or_default());
    }
}

#[tokio::test]
async fn a_content_type_of_its_own_is_the_only_one() {
    let members = json!({ "json": "{}", "headers": { "content-type": "application/vnd.api+json" } });
    let (server, _) = one_step(status(200, r#"{"token":"t"}"#), members, json!({})).await;
    let seen = server.seen().pop().unwrap();
    let types: Vec<_> = seen.headers.iter().filter(|(name, _)| name == "content-type").collect();
    assert_eq!(types, [&("content-type".to_owned(), "application/vnd.api+json".to_owned())]);
}

#[tokio::test]
async fn values_are_taken_from_body_and_headers() {
    let reply = || {
        let cookies = "Set-Cookie: a=1; Path=/\r\nSet-Cookie: sid=s3ss; HttpOnly\r\nX-Token: from-header\r\n";
        with_headers(201, cookies, r#"{"n":5,"flag":true,"list":[{"t":"deep"}],"text":"<b id='x7'>"}"#)
    };
    let cases = [
        (json!({ "json_pointer": "/n" }), "5"),
        (json!({ "json_pointer": "/flag" }), "true"),
        (json!({ "json_pointer": "/list/0/t" }), "deep"),
        (json!({ "json_pointer": "/text", "regex": "id='(?:x)([0-9]+)'" }), "7"),
        (json!({ "header": "x-token" }), "from-header"),
        (json!({ "header": "Set-Cookie" }), "a=1; Path=/"),
        (json!({ "header": "Set-Cookie", "regex": "^sid=([^;]+)" }), "s3ss"),
        (json!({ "regex": "\"t\":\"([a-z]+)\"" }), "deep"),
    ];
    for (take, value) in cases {
        let (_, token) = one_step(reply(), json!({ "values": { "token": take } }), json!({})).await;
        assert_eq!(token.unwrap().value.expose_secret(), value, "{take}");
    }
}

#[tokio::test]
async fn a_value_that_is_not_there_is_named_and_nothing_of_the_answer() {
    let cases = [
        (json!({ "json_pointer": "/a/b" }), "no `token`: nothing is at the JSON pointer \"/a/b\""),
        (
            json!({ "json_pointer": "/o" }),
            "no `token`: an object, a list or null is at the JSON pointer \"/o\"",
        ),
        (json!({ "header": "X-Token" }), "no `token`: nothing is at the header X-Token"),
        (json!({ "regex": "id=(.)" }), "no `token`: nothing fits the expression in the body"),
    ];
    for (take, message) in cases {
        let reply = status(200, r#"{"o":{"planted":"planted"},"planted":1}"#);
        let (_, token) = one_step(reply, json!({ "values": { "token": take } }), json!({})).await;
        let error = token.unwrap_err();
        assert_eq!(error.class(), FailureClass::Malformed);
        assert!(error.to_string().contains(message) && error.to_string().contains("(request[0])"), "{error}");
        assert!(!all(&error).contains("planted"), "{}", all(&error));
    }
    let (_, token) = one_step(status(200, "<html>planted"), json!({}), json!({})).await;
    let error = token.unwrap_err();
    assert!(
        error.to_string().ends_with("not understood: it is not JSON") && !all(&error).contains("planted")
    );
}

#[tokio::test]
async fn the_end_of_a_token_is_what_was_said_first_of_these() {
    let now = chrono::Utc::now();
    let at = |seconds| now + TimeDelta::seconds(seconds);
    let jwt = crate::jwt::tests::token(
        &json!({ "iat": now.timestamp(), "exp": now.timestamp() + 300 }).to_string(),
    );
    let take = |names: &[&str]| -> Value {
        names.iter().map(|name| ((*name).to_owned(), json!({ "json_pointer": format!("/{name}") }))).collect()
    };
    let cases = [
        (
            json!({ "token": jwt, "expires_in": 600, "expires_at": rfc3339(at(900)) }),
            vec!["expires_in", "expires_at"],
            None,
            Some(600),
        ),
        (json!({ "token": jwt, "expires_at": rfc3339(at(900)) }), vec!["expires_at"], None, Some(900)),
        (json!({ "token": "t", "expires_at": at(900).timestamp() }), vec!["expires_at"], None, Some(900)),
        (
            json!({ "token": "t", "expires_at": at(900).timestamp().to_string() }),
            vec!["expires_at"],
            None,
            Some(900),
        ),
        (json!({ "token": "t", "expires_in": "60.9" }), vec!["expires_in"], None, Some(60)),
        (json!({ "token": jwt }), vec![], None, Some(300)),
        (json!({ "token": jwt, "expires_in": 600 }), vec!["expires_in"], Some("2m"), Some(120)),
        (json!({ "token": "t", "expires_in": 60 }), vec!["expires_in"], Some("2m"), Some(60)),
        (json!({ "token": "t" }), vec![], Some("2m"), Some(120)),
        (json!({ "token": "t" }), vec![], None, None),
    ];
    for (body, names, ttl, life) in cases {
        let values = take(&[names.as_slice(), &["token"]].concat());
        let ttl_setting = ttl.map_or(json!({}), |ttl| json!({ "ttl": ttl }));
        let (_, token) =
            one_step(status(200, &body.to_string()), json!({ "values": values }), ttl_setting).await;
        let token = token.unwrap();
        match life {
            None => assert_eq!(token.expiry, Expiry::Unknown, "{body}"),
            Some(life) => {
                let difference = token.life().unwrap().as_secs().abs_diff(life);
                assert!(difference <= 2, "{body}: {:?}", token.life());
            }
        }
        let assumed = names.is_empty() && ttl.is_some();
        assert_eq!(matches!(token.expiry, Expiry::Assumed(_)), assumed, "{body}");
    }
}

#[tokio::test]
async fn a_token_without_life_or_sense_is_refused() {
    let cases = [
        (json!({ "token": "t", "e": 0 }), "expires_in", FailureClass::ExpiredOnArrival),
        (json!({ "token": "t", "e": -5 }), "expires_in", FailureClass::ExpiredOnArrival),
        (json!({ "token": "t", "e": "soon" }), "expires_in", FailureClass::Malformed),
        (json!({ "token": "t", "e": "2020-01-01T00:00:00Z" }), "expires_at", FailureClass::ExpiredOnArrival),
        (json!({ "token": "t", "e": "tomorrow" }), "expires_at", FailureClass::Malformed),
        (json!({ "token": "", "e": 5 }), "expires_in", FailureClass::Malformed),
        (json!({ "token": "a\nb", "e": 5 }), "expires_in", FailureClass::Malformed),
    ];
    for (body, name, class) in cases {
        let values = json!({ "token": { "json_pointer": "/token" }, name: { "json_pointer": "/e" } });
        let (_, token) =
            one_step(status(200, &body.to_string()), json!({ "values": values }), json!({})).await;
        let error = token.unwrap_err();
        assert_eq!(error.class(), class, "{body}");
        assert!(!all(&error).contains("soon") && !all(&error).contains("tomorrow"));
    }
}

#[tokio::test]
async fn header_scheme_and_account_are_the_users() {
    let settings = json!({ "header": "X-Auth", "scheme": "none", "account": "team-a" });
    let (_, token) = one_step(status(200, r#"{"token":"t"}"#), json!({}), settings).await;
    let token = token.unwrap();
    assert_eq!((token.usage.header_name.as_ref(), token.header_value().expose_secret()), ("X-Auth", "t"));
    assert_eq!((token.usage.token_type.as_ref(), token.identity.subject.as_str()), ("none", "team-a"));
    let (_, token) = one_step(status(200, r#"{"token":"t"}"#), json!({}), json!({ "scheme": "Token" })).await;
    assert_eq!(token.unwrap().header_value().expose_secret(), "Token t");
}

#[tokio::test]
async fn a_failure_names_its_request_and_hides_all_that_was_sent_or_taken() {
    let statuses = [
        (400, FailureClass::BadRequest),
        (401, FailureClass::LoginRefused),
        (403, FailureClass::NoAccess),
        (404, FailureClass::NotFound),
        (418, FailureClass::UnexpectedStatus),
    ];
    for (code, class) in statuses {
        let echo = json!({ "message": format!("no {PASSWORD} s3ss10n c5rf!"), "error": "x" }).to_string();
        let first = with_headers(200, "X-CSRF: c5rf\r\n", r#"{"session":{"id":"s3ss10n"}}"#);
        let server = TestServer::scripted(vec![first, status(code, &echo)]).await;
        let error = fails(two_steps(&server)).await;
        assert_eq!((error.class(), server.seen().len()), (class, 2), "{code}");
        let text = all(&error);
        assert!(text.contains(&format!(
            "logging in to the HTTP service at {} (request[1], one of 2)",
            server.address
        )));
        for secret in ["hunter2", "s3ss10n", "c5rf"] {
            assert!(!text.contains(secret), "{text}");
        }
        if code == 404 {
            assert!(
                error.to_string().contains("nothing at /v1/token/{{values.session}} (HTTP 404)"),
                "{error}"
            );
        }
        if code == 400 {
            assert!(text.contains("saying \"no *** *** ***!; x\""), "{text}");
        }
    }
}

#[tokio::test]
async fn a_retry_of_one_request_does_not_repeat_those_before_it() {
    for setback in [status(503, ""), with_headers(429, "Retry-After: 0\r\n", ""), Reply::Cut] {
        let server = TestServer::scripted(vec![session(), setback, issued()]).await;
        source(two_steps(&server)).login().await.unwrap();
        let paths: Vec<String> = server.seen().iter().map(|seen| seen.path().to_owned()).collect();
        let exchange = "/v1/token/a%2Fb%20..%2F%3F";
        assert_eq!(paths, ["/v1/tenants/acme/login", exchange, exchange]);
    }
}

#[tokio::test]
async fn all_requests_share_the_time_of_one_exchange() {
    let server = TestServer::scripted(vec![session(), Reply::Hang]).await;
    let source = build_in(two_steps(&server), &context(Duration::from_millis(300), Duration::ZERO)).unwrap();
    let error = source.login().await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("(request[1], one of 2): no answer within 0.") && !text.contains("within 0.3 s"),
        "{text}"
    );
}

#[tokio::test]
async fn all_requests_share_the_waits_of_one_exchange() {
    let limited = || with_headers(429, "Retry-After: 0\r\n", "");
    let server = TestServer::scripted(vec![limited(), session(), limited(), issued()]).await;
    let limits = context(Duration::from_secs(30), Duration::from_millis(1500));
    let error = build_in(two_steps(&server), &limits).unwrap().login().await.unwrap_err();
    assert_eq!((error.class(), server.seen().len()), (FailureClass::RateLimited, 3), "{error}");
}

#[tokio::test]
async fn a_value_that_breaks_out_is_refused_without_being_repeated() {
    let cases = [
        (r#"{"session":{"id":".."}}"#, "c5rf", "`values.session` cannot be used in the path"),
        (r#"{"session":{"id":""}}"#, "c5rf", "`values.session` cannot be used in the path"),
    ];
    for (body, csrf, message) in cases {
        let first = with_headers(200, &format!("X-CSRF: {csrf}\r\n"), body);
        let server = TestServer::scripted(vec![first, issued()]).await;
        let error = fails(two_steps(&server)).await;
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(server.seen().len(), 1);
    }
    let mut settings = json!({
        "secrets": { "key": "hunter2\r\nX-Admin: 1" },
        "request": [{ "url": "http://127.0.0.1:9/", "headers": { "X-Key": "{{secrets.key}}" }, "values": { "token": { "header": "A" } } }],
    });
    let error = fails(settings.clone()).await;
    assert!(error.to_string().contains("`secrets.key` cannot be used in the header x-key"), "{error}");
    assert!(!all(&error).contains("hunter2") && !all(&error).contains("X-Admin"));
    settings["request"][0] = json!({
        "url": "http://127.0.0.1:9/",
        "basic_auth": { "username": "a{{secrets.key}}", "password": "{{secrets.key}}" },
        "values": { "token": { "header": "A" } },
    });
    let error = fails(settings.clone()).await;
    assert!(
        error.to_string().contains("`secrets.key` cannot be used as the user name of Basic authentication"),
        "{error}"
    );
    assert!(!all(&error).contains("hunter2"));
    // In JSON it is only a text.
    let server = TestServer::scripted(vec![with_headers(200, "A: t\r\n", "")]).await;
    settings["request"][0] = json!({ "url": server.url("/"), "json": "{\"key\":\"{{secrets.key}}\"}", "values": { "token": { "header": "A" } } });
    source(settings).login().await.unwrap();
    assert_eq!(server.seen()[0].body, r#"{"key":"hunter2\r\nX-Admin: 1"}"#);
}

#[tokio::test]
async fn redirects_are_followed_to_the_same_place_only() {
    let server = TestServer::start(|n, seen| match n {
        0 => with_headers(307, "Location: /v2\r\n", ""),
        _ if seen.path() == "/v2" => status(200, r#"{"token":"t"}"#),
        _ => status(500, ""),
    })
    .await;
    let chain = |url| json!({ "request": [{ "url": url, "form": {}, "values": { "token": { "json_pointer": "/token" } } }] });
    source(chain(server.url("/"))).login().await.unwrap();
    let away = with_headers(302, "Location: https://elsewhere.example/x?y=z\r\n", "");
    let server = TestServer::scripted(vec![away]).await;
    let error = fails(chain(server.url("/"))).await;
    assert_eq!(error.class(), FailureClass::Redirected);
    assert!(error.advice().contains("set `url` to it") && !all(&error).contains("y=z"), "{}", all(&error));
}

#[tokio::test]
async fn link_local_hosts_are_not_asked_unless_allowed() {
    for host in ["169.254.169.254", "[fe80::1]", "[::ffff:a9fe:a9fe]", "2852039166"] {
        let chain = json!({
            "allow_http": true,
            "request": [{ "url": format!("http://{host}/latest"), "values": { "token": { "regex": "(.+)" } } }],
        });
        let context = context(Duration::from_secs(1), Duration::ZERO);
        let problems = build_in(chain, &context).unwrap_err();
        assert!(problems[0].reason.contains("`allow_link_local = true`"), "{host}: {problems:?}");
    }
    // A redirect stays within one host, and the name of a host is resolved by the guard.
    let server = TestServer::scripted(vec![status(200, "t")]).await;
    let port = server.address.rsplit(':').next().unwrap();
    let by_name = json!({ "request": [{ "url": format!("http://localhost:{port}/"), "values": { "token": { "regex": "(.+)" } } }] });
    assert_eq!(source(by_name).login().await.unwrap().value.expose_secret(), "t");
}

#[test]
fn debug_of_a_source_shows_whose_tokens_it_gives_and_nothing_else() {
    let settings = json!({
        "secrets": { "key": "hunter2" },
        "account": "team-a",
        "request": [{ "url": "https://id.example/hook/{{secrets.key}}", "headers": { "X-Key": "{{secrets.key}}" }, "values": { "token": { "header": "A" } } }],
    });
    let text = format!("{:?}", source(settings));
    assert!(
        text.contains("team-a") && !text.contains("hunter2") && text.contains("/hook/{{secrets.key}}"),
        "{text}"
    );
}
