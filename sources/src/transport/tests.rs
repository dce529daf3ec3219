use std::time::Duration;

use reqwest::Method;
use tokio::time::Instant;
use url::Url;

use super::*;
use crate::test_server::{Reply, TestServer, context, default_context, status, with_headers};
use crate::{Action, Attempt, BuildContext, Detour, FailureClass, Retry, SourceError, zscaler};

fn request(method: Method, url: &str, patience: Patience) -> Request {
    let url = Url::parse(url).unwrap();
    let host = crate::base_url::host_and_port(&url);
    Request::new(Attempt::new(&zscaler::SYSTEM, Action::Login, host), method, url, patience)
}

async fn get(context: &BuildContext, url: &str) -> Result<Answer, SourceError> {
    send(context, &request(Method::GET, url, Patience::Read)).await
}

async fn failure(context: &BuildContext, url: &str) -> SourceError {
    get(context, url).await.err().expect("a failure")
}

#[tokio::test]
async fn every_copy_of_a_request_has_its_own_argument_against_caches() {
    let server = TestServer::scripted(vec![status(500, ""), status(200, "ok")]).await;
    let mut request = request(Method::POST, &server.url("/login?udid=a%3Ab"), Patience::Login);
    request.bust_caches = true;
    request.body = Some(Body { content_type: "application/json", bytes: b"{}".to_vec().into() });
    assert_eq!(send(&default_context(), &request).await.unwrap().body.as_slice(), b"ok");
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert_ne!(seen[0].target, seen[1].target);
    for seen in seen {
        assert!(seen.target.starts_with("/login?udid=a%3Ab&_="), "{}", seen.target);
        assert_eq!((seen.method.as_str(), seen.body.as_str()), ("POST", "{}"));
        assert_eq!(seen.header("content-type"), Some("application/json"));
        assert_eq!(seen.header("user-agent"), Some(concat!("tokenferry/", env!("CARGO_PKG_VERSION"))));
    }
}

#[tokio::test]
async fn failures_of_the_server_are_tried_three_times_with_growing_waits() {
    let server = TestServer::scripted(vec![status(503, r#"{"message":"down"}"#)]).await;
    let started = Instant::now();
    let error = failure(&default_context(), &server.url("/")).await;
    assert!((3.0..5.0).contains(&started.elapsed().as_secs_f64()), "{:?}", started.elapsed());
    assert_eq!(server.seen().len(), 3);
    assert_eq!(
        error.to_string(),
        format!("logging in to Zscaler at {}: the server failed (HTTP 503), saying \"down\"", server.address)
    );
    assert_eq!(error.retry(), Retry::Backoff);
}

#[tokio::test]
async fn what_another_try_would_not_change_is_sent_once() {
    for code in [400, 401, 403, 404, 405, 413, 501, 505, 520] {
        let server = TestServer::scripted(vec![status(code, "")]).await;
        let answer = get(&default_context(), &server.url("/")).await.unwrap();
        assert_eq!((answer.status.as_u16(), server.seen().len()), (code, 1));
    }
}

#[tokio::test]
async fn a_request_that_took_too_long_is_tried_again_if_it_reads() {
    let server = TestServer::scripted(vec![status(408, ""), status(200, "ok")]).await;
    assert_eq!(get(&default_context(), &server.url("/")).await.unwrap().status.as_u16(), 200);
    let server = TestServer::scripted(vec![status(408, ""), status(200, "ok")]).await;
    let login = request(Method::POST, &server.url("/"), Patience::Login);
    let answer = send(&default_context(), &login).await.unwrap();
    assert_eq!(answer.status.as_u16(), 408);
    let server = TestServer::scripted(vec![status(408, "")]).await;
    let last = failure(&default_context(), &server.url("/")).await;
    for error in [answer.failure(&login.attempt, &[]), last] {
        assert_eq!((error.class(), error.retry()), (FailureClass::TimedOut, Retry::Backoff));
        assert!(!error.advice().contains("`base_url`"));
    }
}

#[tokio::test]
async fn a_cut_connection_is_tried_again() {
    let server = TestServer::scripted(vec![Reply::Cut, status(200, "ok")]).await;
    assert_eq!(get(&default_context(), &server.url("/")).await.unwrap().status.as_u16(), 200);
    let server = TestServer::scripted(vec![Reply::Cut]).await;
    let once = request(Method::PUT, &server.url("/"), Patience::Once);
    let error = send(&default_context(), &once).await.err().unwrap();
    assert_eq!((error.class(), server.seen().len()), (FailureClass::BrokenAnswer, 1));
}

#[tokio::test]
async fn a_broken_or_garbled_answer_is_not_called_an_unreachable_host() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
    for bytes in [half, "HTTP/1.1 200 O", "SSH-2.0-OpenSSH_9.6\r\n", "hunter2\0\r\n\r\n"] {
        let server = TestServer::scripted(vec![Reply::Bytes(bytes.to_owned()), status(200, "ok")]).await;
        assert_eq!(get(&default_context(), &server.url("/")).await.unwrap().status.as_u16(), 200);
        let server = TestServer::scripted(vec![Reply::Bytes(bytes.to_owned())]).await;
        let once = request(Method::GET, &server.url("/"), Patience::Once);
        let error = send(&default_context(), &once).await.err().unwrap();
        assert_eq!(error.class(), FailureClass::BrokenAnswer, "{bytes}");
        assert!(error.advice().contains("`base_url`") && !format!("{error:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn the_length_of_no_body_is_stated() {
    for (method, length) in [(Method::POST, Some("0")), (Method::PUT, Some("0")), (Method::GET, None)] {
        let server = TestServer::scripted(vec![status(200, "")]).await;
        let request = request(method, &server.url("/"), Patience::Once);
        send(&default_context(), &request).await.unwrap();
        let seen = server.seen().pop().unwrap();
        assert_eq!((seen.header("content-length"), seen.header("transfer-encoding")), (length, None));
    }
}

#[tokio::test]
async fn one_request_can_have_less_time_than_the_settings_allow() {
    let server = TestServer::scripted(vec![Reply::Hang]).await;
    let mut hurried = request(Method::PUT, &server.url("/"), Patience::Once);
    hurried.limit = Some(Duration::from_millis(200));
    let error = send(&default_context(), &hurried).await.err().unwrap();
    assert!(error.to_string().ends_with("no answer within 0.2 s"), "{error}");
}

#[tokio::test]
async fn a_short_wait_that_is_asked_for_is_kept_and_does_not_count_as_time_spent() {
    let limited = with_headers(429, "Retry-After: 1\r\n", "");
    let server = TestServer::scripted(vec![limited, status(200, "ok")]).await;
    let started = Instant::now();
    let context = context(Duration::from_millis(1500), Duration::from_secs(2));
    assert_eq!(get(&context, &server.url("/")).await.unwrap().status.as_u16(), 200);
    assert!((2.0..3.0).contains(&started.elapsed().as_secs_f64()), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_wait_longer_than_allowed_fails_at_once_and_says_when_to_come_back() {
    let headers = ["Retry-After: 3600", "X-Rate-Limit-Retry-After-Seconds: 3600", "x-ratelimit-reset: 3600"];
    for header in headers {
        let server = TestServer::scripted(vec![with_headers(429, &format!("{header}\r\n"), "")]).await;
        let started = Instant::now();
        let before = chrono::Utc::now();
        let error = failure(&default_context(), &server.url("/")).await;
        assert!(started.elapsed() < Duration::from_secs(1));
        let Retry::At(until) = error.retry() else { panic!("{error}") };
        assert!((3600..3603).contains(&(until - before).num_seconds()), "{until}");
        let time = until.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        assert!(error.to_string().ends_with(&format!("it asks to come back at {time}")), "{error}");
        assert!(error.advice().contains(&time));
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_failing_server_is_waited_for_if_it_asks_but_not_for_the_end_of_a_window() {
    let failing = with_headers(503, "x-ratelimit-reset: 1800\r\n", "");
    let server = TestServer::scripted(vec![failing, status(200, "ok")]).await;
    assert_eq!(get(&default_context(), &server.url("/")).await.unwrap().status.as_u16(), 200);

    let server = TestServer::scripted(vec![with_headers(503, "Retry-After: 1800\r\n", "")]).await;
    let error = failure(&default_context(), &server.url("/")).await;
    assert!(matches!(error.retry(), Retry::At(_)), "{error}");
    assert_eq!((error.class(), server.seen().len()), (FailureClass::ServerError, 1));
}

#[tokio::test]
async fn all_waits_together_stay_within_the_limit() {
    let limited = with_headers(429, "Retry-After: 0\r\n", "");
    let server = TestServer::scripted(vec![limited]).await;
    let context = context(Duration::from_secs(30), Duration::from_millis(1500));
    assert_eq!(failure(&context, &server.url("/")).await.class(), FailureClass::RateLimited);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn the_timeout_bounds_all_tries_together() {
    let server = TestServer::scripted(vec![status(500, ""), Reply::Hang]).await;
    let started = Instant::now();
    let error = failure(&context(Duration::from_secs(2), Duration::ZERO), &server.url("/")).await;
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(error.to_string().ends_with("no answer within 2 s"), "{error}");
    assert_eq!(error.class(), FailureClass::TimedOut);
}

#[tokio::test]
async fn a_refused_connection_names_host_and_cause() {
    let address = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let error = failure(
        &context(Duration::from_millis(500), Duration::ZERO),
        &format!("http://{address}/login?secret=hunter2"),
    )
    .await;
    assert_eq!(
        error.to_string(),
        format!(
            "logging in to Zscaler at {address}: the host cannot be reached: Connection refused (os error 111)"
        )
    );
}

#[tokio::test]
async fn redirects_within_the_same_place_are_followed_with_method_and_body() {
    for code in [301, 302, 307, 308] {
        let server = TestServer::start(move |_, seen| match seen.path() {
            "/a" => with_headers(code, "Location: /b?x=1\r\n", ""),
            _ => status(200, "ok"),
        })
        .await;
        let mut login = request(Method::POST, &server.url("/a"), Patience::Login);
        login.body = Some(Body { content_type: "text/plain", bytes: b"secret".to_vec().into() });
        assert_eq!(send(&default_context(), &login).await.unwrap().status.as_u16(), 200);
        let seen = server.seen().pop().unwrap();
        let told = (seen.method.as_str(), seen.target.as_str(), seen.body.as_str());
        assert_eq!(told, ("POST", "/b?x=1", "secret"));
    }
}

#[tokio::test]
async fn redirects_elsewhere_are_not_followed_and_named_without_path() {
    let other = TestServer::scripted(vec![status(200, "ok")]).await;
    let port = other.address.rsplit(':').next().unwrap().to_owned();
    let targets = [
        (format!("http://{}/x?token=hunter2", other.address), format!("http://{}", other.address)),
        (format!("http://localhost:{port}/"), format!("http://localhost:{port}")),
        ("https://127.0.0.1/".to_owned(), "https://127.0.0.1".to_owned()),
        (format!("http://:hunter2@{}/", other.address), format!("http://{}", other.address)),
        ("//user:hunter2@elsewhere.example/".to_owned(), "http://elsewhere.example".to_owned()),
    ];
    for (location, shown) in targets {
        let server =
            TestServer::scripted(vec![with_headers(302, &format!("Location: {location}\r\n"), "")]).await;
        let error = failure(&default_context(), &server.url("/")).await;
        assert!(error.to_string().contains(&format!("is a redirect to {shown}, which")), "{error}");
        assert!(error.advice().contains("`base_url`"));
        assert!(!format!("{error:?}{error}{}", error.advice()).contains("hunter2"));
    }
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn a_secret_in_the_host_of_a_redirect_is_masked_and_a_long_one_cut() {
    let long = format!("{}.example", ["abcdefgh"; 30].join("."));
    for (host, shown) in [("Hunter2.example", "to http://***.example, which"), (long.as_str(), "…, which")]
    {
        let location = format!("Location: http://{host}/\r\n");
        let server = TestServer::scripted(vec![with_headers(302, &location, "")]).await;
        let mut request = request(Method::GET, &server.url("/"), Patience::Once);
        request.secrets.push("HUNTER2".into());
        let error = send(&default_context(), &request).await.err().unwrap().to_string();
        assert!(error.contains(shown), "{error}");
        assert!(!error.to_ascii_lowercase().contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_login_is_not_turned_into_a_read_and_circles_end() {
    let server = TestServer::scripted(vec![with_headers(303, "Location: /b\r\n", "")]).await;
    let login = request(Method::POST, &server.url("/a"), Patience::Login);
    let error = send(&default_context(), &login).await.err().unwrap();
    assert!(matches!(error, SourceError::Redirected { detour: Detour::NotRepeatable, .. }), "{error:?}");
    assert_eq!(server.seen().len(), 1);

    let server = TestServer::scripted(vec![with_headers(302, "Location: /a\r\n", "")]).await;
    let error = failure(&default_context(), &server.url("/a")).await;
    assert!(matches!(error, SourceError::Redirected { detour: Detour::Loop, .. }), "{error:?}");
    assert_eq!(server.seen().len(), 6);

    let server = TestServer::start(|_, seen| {
        let host = seen.header("host").unwrap();
        with_headers(302, &format!("Location: http://:hunter2@{host}/\r\n"), "")
    })
    .await;
    let error = failure(&default_context(), &server.url("/a")).await;
    assert!(matches!(error, SourceError::Redirected { detour: Detour::Elsewhere, .. }), "{error:?}");
}

#[tokio::test]
async fn answers_beyond_a_mebibyte_are_refused() {
    let large = "x".repeat(1024 * 1024 + 1);
    let announced = Reply::Bytes("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx".to_owned());
    let streamed = Reply::Bytes(format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{large}"));
    for reply in [announced, streamed] {
        let server = TestServer::scripted(vec![reply]).await;
        let error = failure(&default_context(), &server.url("/")).await;
        assert_eq!((error.class(), server.seen().len()), (FailureClass::AnswerTooLarge, 1));
    }
    let server = TestServer::scripted(vec![status(200, large.split_at(1).1)]).await;
    assert_eq!(get(&default_context(), &server.url("/")).await.unwrap().body.len(), 1024 * 1024);
    let server = TestServer::scripted(vec![status(401, &large)]).await;
    assert_eq!(get(&default_context(), &server.url("/")).await.unwrap().status.as_u16(), 401);
}

#[tokio::test]
async fn a_bad_ca_file_is_named_and_does_not_concern_plain_http() {
    let directory = tempfile::tempdir().unwrap();
    let junk = directory.path().join("junk.pem");
    std::fs::write(&junk, "no certificate").unwrap();
    let server = TestServer::scripted(vec![status(200, "ok")]).await;
    for (path, cause) in [(directory.path().join("missing.pem"), "No such file"), (junk, "no certificate")] {
        let settings = HttpSettings { ca_cert_file: Some(path.clone()), ..HttpSettings::default() };
        let http = std::sync::Arc::new(HttpClient::new(settings));
        let context = BuildContext { http, ..default_context() };
        assert!(get(&context, &server.url("/")).await.is_ok());
        let error = failure(&context, "https://127.0.0.1:1/").await;
        assert_eq!(error.class(), FailureClass::CaFile);
        assert!(error.to_string().contains(path.to_str().unwrap()) && error.to_string().contains(cause));
        assert!(error.advice().contains("`ca_cert_file`"));
    }
}
