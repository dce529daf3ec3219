//! Faults on request.

use std::time::Duration;

use serde_json::json;
use tokenferry_sandbox::{Answer, Effect, Fault, Sandbox};
use tokio::time::{Instant, timeout};

use crate::client::{Ask, start};

fn login() -> Ask {
    Ask::new("POST /zettelstore/a").form("username=sandbox&password=sandbox-password")
}

async fn add(sandbox: &Sandbox, fault: serde_json::Value) -> (u16, String) {
    let reply =
        Ask::new("POST /_control/faults").body("application/json", fault.to_string()).send(sandbox).await;
    (reply.status, reply.text().to_owned())
}

#[tokio::test]
async fn any_answer_can_be_given_instead() {
    let sandbox = start(|_| ()).await;
    for answer in [
        Answer::new(401),
        Answer::new(403),
        Answer::new(404).header("Content-Type", "application/json").body("404 Not Found"),
        Answer::new(400),
        Answer::new(429),
        Answer::new(429).header("Retry-After", "13"),
        Answer::new(429).header("X-Rate-Limit-Retry-After-Seconds", "13"),
        Answer::new(429).header("x-ratelimit-reset", "13"),
        Answer::new(500).body("oops"),
        Answer::new(200).body("not json"),
        Answer::new(200).body("(\"Bearer\" \"abc"),
    ] {
        sandbox.control().fault(Fault::answer(answer.clone()).system("zettelstore").times(1));
        let reply = login().send(&sandbox).await;
        assert_eq!((reply.status, reply.text()), (answer.status, answer.body.as_str()));
        for name in ["content-type", "retry-after", "x-rate-limit-retry-after-seconds", "x-ratelimit-reset"] {
            let wanted = answer.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            assert_eq!(reply.header(name), wanted.map(|(_, value)| value.as_str()), "{answer:?}");
        }
        assert_eq!(login().send(&sandbox).await.status, 200, "back to normal");
    }
}

#[tokio::test]
async fn a_fault_hits_only_what_it_names() {
    let sandbox = start(|_| ()).await;
    let control = sandbox.control();
    let get = |line: &str| Ask::new(line).send(&sandbox);
    for (fault, hit, missed) in [
        (Fault::status(418).system("zettelstore"), "GET /zettelstore/a", "GET /zscaler/x"),
        (
            Fault::status(418).path("/zscaler/papi/public"),
            "GET /zscaler/papi/public/v1/x",
            "GET /zscaler/papi/auth",
        ),
        (Fault::status(418).method("put"), "PUT /zettelstore/a", "POST /zettelstore/a"),
    ] {
        control.fault(fault);
        assert_eq!(get(hit).await.status, 418, "{hit}");
        assert_ne!(get(missed).await.status, 418, "{missed}");
        control.clear_faults();
        assert_ne!(get(hit).await.status, 418, "cleared");
    }
    control.fault(Fault::status(418));
    assert_eq!(get("GET /anything").await.status, 418);
    assert_eq!(get("GET /_control/counters").await.status, 200, "never hit");
}

#[tokio::test]
async fn faults_take_turns_and_latency_adds_up() {
    let sandbox = start(|_| ()).await;
    sandbox.control().fault(Fault::status(500).times(2));
    sandbox.control().fault(Fault::status(503).times(1));
    sandbox.control().fault(Fault::latency(Duration::from_millis(200)).times(1));
    let begin = Instant::now();
    assert_eq!(login().send(&sandbox).await.status, 500);
    assert!(begin.elapsed() >= Duration::from_millis(200));
    let left: Vec<_> = sandbox.control().faults().iter().map(|fault| fault.times).collect();
    assert_eq!(left, [Some(1), Some(1)]);
    for status in [500, 503, 200] {
        assert_eq!(login().send(&sandbox).await.status, status);
    }
}

#[tokio::test]
async fn connections_are_cut_where_it_was_asked_for() {
    let sandbox = start(|_| ()).await;
    sandbox.control().fault(Fault::cut().times(1));
    assert_eq!(login().send_raw(&sandbox).await, b"");
    let logins = sandbox.control().counters().logins("zettelstore", "sandbox");
    assert_eq!((logins.attempted, logins.succeeded, logins.running), (1, 0, 0), "not carried out");
    for (asked, sent) in [(0, 0), (12, 12)] {
        sandbox.control().fault(Fault::cut_after(asked).times(1));
        let reply = login().send(&sandbox).await;
        let announced: usize = reply.header("content-length").unwrap().parse().unwrap();
        assert_eq!((reply.status, reply.body.len()), (200, sent));
        assert!(announced > 100);
    }
    assert_eq!(sandbox.control().counters().logins("zettelstore", "sandbox").succeeded, 2, "carried out");
    sandbox.control().fault(Fault::truncate(12).times(1));
    let reply = login().send(&sandbox).await;
    assert_eq!((reply.text(), reply.header("content-length")), ("(\"Bearer\" \"K", Some("12")));
}

#[tokio::test]
async fn bodies_can_be_garbage_or_too_large() {
    let sandbox = start(|_| ()).await;
    sandbox.control().fault(Fault::garbage().times(1));
    let reply = login().send(&sandbox).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    assert!(std::str::from_utf8(&reply.body).is_err());
    for (content_length, announced, coding) in
        [(true, Some("50000000"), None), (false, None, Some("chunked"))]
    {
        sandbox.control().fault(Fault::large_body(content_length).times(1));
        let reply = login().send(&sandbox).await;
        assert_eq!(reply.header("content-length"), announced);
        assert_eq!(reply.header("transfer-encoding"), coding);
        assert!(reply.body.len() >= 50_000_000 && reply.body.len() < 51_000_000);
    }
}

#[tokio::test]
async fn redirects_and_silence() {
    let sandbox = start(|_| ()).await;
    for status in [302, 307] {
        sandbox.control().fault(Fault::redirect(status, "http://127.0.0.1:9/elsewhere").times(1));
        let reply = login().send(&sandbox).await;
        assert_eq!((reply.status, reply.header("location")), (status, Some("http://127.0.0.1:9/elsewhere")));
    }
    sandbox.control().fault(Fault::hang().times(1));
    assert!(timeout(Duration::from_millis(300), login().send_raw(&sandbox)).await.is_err());
    assert_eq!(login().send(&sandbox).await.status, 200);
    assert_eq!(sandbox.control().requests().len(), 4);
}

#[tokio::test]
async fn a_revoked_key_is_as_good_as_none() {
    let sandbox = start(|_| ()).await;
    let token = login().send(&sandbox).await.text().split('"').nth(3).unwrap().to_owned();
    let key = r#"{"apiKey":"sandbox-key","secretKey":"sandbox-secret"}"#;
    let zscaler =
        || Ask::new("POST /zscaler/papi/auth/v1/login").body("application/json", key).send(&sandbox);
    let jwt = zscaler().await.json()["jwtToken"].as_str().unwrap().to_owned();
    let renew = || Ask::new("PUT /zettelstore/a").bearer(&token).send(&sandbox);
    let udid = "GET /zscaler/papi/public/v1/getOtp?udid=1F2E3D4C-0000-1111-2222-333344445555:501";
    let read = || Ask::new(udid).header("auth-token", &jwt).send(&sandbox);
    for (key, zettelstore_status, zscaler_status) in [("sandbox", 401, 200), ("sandbox-key", 200, 401)] {
        sandbox.control().fault(Fault::key_revoked(key));
        assert_eq!(login().send(&sandbox).await.status, zettelstore_status);
        assert_eq!(renew().await.status, if zettelstore_status == 200 { 200 } else { 400 });
        assert_eq!(zscaler().await.status, zscaler_status);
        assert_eq!(read().await.status, zscaler_status);
        sandbox.control().clear_faults();
    }
}

#[tokio::test]
async fn a_skewed_clock_shows_in_tokens_and_dates() {
    let sandbox = start(|_| ()).await;
    sandbox.control().fault(Fault::clock_skew(-86_400 * 400));
    let key = r#"{"apiKey":"sandbox-key","secretKey":"sandbox-secret"}"#;
    let reply =
        Ask::new("POST /zscaler/papi/auth/v1/login").body("application/json", key).send(&sandbox).await;
    let date = chrono::DateTime::parse_from_rfc2822(reply.header("date").unwrap()).unwrap();
    let behind = chrono::Utc::now().timestamp() - date.timestamp();
    assert!((86_400 * 400 - 5..=86_400 * 400 + 5).contains(&behind), "{behind}");
    let jwt = reply.json()["jwtToken"].as_str().unwrap().to_owned();
    let claims: serde_json::Value = serde_json::from_str(&crate::client::token_part(&jwt, 1)).unwrap();
    assert!((claims["iat"].as_i64().unwrap() - date.timestamp()).abs() <= 5);
}

#[tokio::test]
async fn the_same_faults_can_be_asked_for_over_http() {
    let sandbox = start(|_| ()).await;
    for (effect, wanted) in [
        (
            json!({"answer": {"status": 429, "headers": {"Retry-After": "1"}, "body": "x"}}),
            Effect::Answer(Answer::new(429).header("Retry-After", "1").body("x")),
        ),
        (json!({"clock_skew": {"seconds": -5}}), Effect::ClockSkew { seconds: -5 }),
        (json!({"cut": {}}), Effect::Cut { after_bytes: None }),
        (json!({"cut": {"after_bytes": 3}}), Effect::Cut { after_bytes: Some(3) }),
        (json!({"garbage": {}}), Effect::Garbage {}),
        (json!({"hang": {}}), Effect::Hang {}),
        (json!({"key_revoked": {}}), Effect::KeyRevoked { key: None }),
        (json!({"large_body": {}}), Effect::LargeBody { bytes: 50_000_000, content_length: false }),
        (json!({"latency": {"millis": 7}}), Effect::Latency { millis: 7 }),
        (json!({"redirect": {"location": "/b"}}), Effect::Redirect { status: 307, location: "/b".into() }),
        (json!({"truncate": {"bytes": 7}}), Effect::Truncate { bytes: 7 }),
    ] {
        let whole = json!({"system": "zettelstore", "path": "/zettelstore/a", "method": "PUT", "times": 2,
            "effect": effect});
        assert_eq!(add(&sandbox, whole.clone()).await, (204, String::new()), "{whole}");
        let fault = Fault::new(wanted).system("zettelstore").path("/zettelstore/a").method("PUT").times(2);
        assert_eq!(sandbox.control().faults(), [fault]);
        let listed = Ask::new("GET /_control/faults").send(&sandbox).await.json();
        assert_eq!(listed[0]["path"], "/zettelstore/a");
        assert_eq!(Ask::new("DELETE /_control/faults").send(&sandbox).await.status, 204);
        assert_eq!(sandbox.control().faults(), []);
    }
}

#[tokio::test]
async fn nonsense_is_refused_with_a_reason() {
    let sandbox = start(|_| ()).await;
    for (fault, reason) in [
        (json!({"effect": {"explode": {}}}), "unknown variant"),
        (json!({"time": 3, "effect": {"hang": {}}}), "unknown field `time`"),
        (json!({"effect": {"answer": {"code": 3}}}), "unknown field `code`"),
        (json!({"effect": {"cut": {"after": 3}}}), "unknown field `after`"),
        (json!({"effect": {"answer": {"status": 99}}}), "99 is not the status"),
        (json!({"effect": {"answer": {"headers": {"a b": "c"}}}}), "cannot be sent as a header"),
        (json!({"effect": {"redirect": {"location": "a\nb"}}}), "cannot be sent as a header"),
        (
            json!({"system": "zetel", "effect": {"hang": {}}}),
            "there are zscaler, zenoti, zetasafe, zettelstore",
        ),
        (json!({"path": "zscaler/papi", "effect": {"hang": {}}}), "begin with a slash"),
        (json!({"path": "", "effect": {"hang": {}}}), "begin with a slash"),
        (json!({"times": 0, "effect": {"hang": {}}}), "0 times"),
    ] {
        let (status, text) = add(&sandbox, fault.clone()).await;
        assert_eq!(status, 422, "{fault}");
        assert!(text.contains(reason), "{fault}: {text}");
    }
    assert_eq!(sandbox.control().faults(), []);
}
