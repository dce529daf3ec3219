use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use super::*;
use crate::test_server::with_headers;
use crate::{Clock, Timestamp};

const UDID: &str = "1F2E3D4C-0000-1111-2222-333344445555:501";

fn reader(server: &TestServer) -> ApiReader {
    ApiReader::new(Session::new(source(server, None), Arc::new(SystemClock))).unwrap()
}

fn other_device() -> Udid {
    Udid::try_from("a b+c/d@e").unwrap()
}

fn udid() -> Udid {
    Udid::try_from(UDID).unwrap()
}

/// Logs in with `token-1`, `token-2`, …, and answers reads by their number.
async fn otp_server(reply: impl Fn(usize) -> Reply + Send + Sync + 'static) -> TestServer {
    let (logins, reads) = (AtomicUsize::new(0), AtomicUsize::new(0));
    TestServer::start(move |_, seen| {
        let count = |counter: &AtomicUsize| counter.fetch_add(1, Ordering::SeqCst);
        if is_login(seen) { login_ok(&format!("token-{}", count(&logins) + 1)) } else { reply(count(&reads)) }
    })
    .await
}

fn counts(server: &TestServer) -> (usize, usize) {
    let seen = server.seen();
    let logins = seen.iter().filter(|seen| is_login(seen)).count();
    (logins, seen.len() - logins)
}

#[tokio::test]
async fn one_time_passwords_are_asked_for_once_for_each_device() {
    let server = otp_server(|_| status(200, r#"{"logoutOtp":"a1","exitOtp":"b2"}"#)).await;
    let reader = Arc::new(reader(&server));
    let reads: Vec<_> = (0..20)
        .map(|_| {
            let reader = Arc::clone(&reader);
            tokio::spawn(async move { reader.otps(&udid(), None).await })
        })
        .collect();
    for read in reads {
        let set = read.await.unwrap().unwrap();
        assert_eq!(set.get(&Purpose::Logout).unwrap().expose_secret(), "a1");
    }
    reader.otps(&other_device(), None).await.unwrap();
    assert_eq!(counts(&server), (1, 2));
    let seen = server.seen();
    assert!(
        seen[1]
            .target
            .starts_with("/papi/public/v1/getOtp?udid=1F2E3D4C-0000-1111-2222-333344445555%3A501&_="),
        "{}",
        seen[1].target
    );
    assert!(seen[2].target.contains("?udid=a%20b%2Bc%2Fd%40e&_="), "{}", seen[2].target);
    for read in &seen[1..] {
        assert_eq!((read.header("auth-token"), read.header("authorization")), (Some("token-1"), None));
        assert_eq!(read.header("cache-control"), Some("no-cache"));
    }
    let busters: BTreeSet<&str> = seen.iter().filter_map(|seen| seen.target.split("_=").nth(1)).collect();
    assert_eq!(busters.len(), 3);
}

#[tokio::test]
async fn a_rejected_token_is_replaced_once() {
    let server = otp_server(|n| if n == 0 { status(401, "") } else { status(200, r#"{"otp":"a1"}"#) }).await;
    let set = reader(&server).otps(&udid(), None).await.unwrap();
    assert_eq!(set.generic().unwrap().expose_secret(), "a1");
    assert_eq!(counts(&server), (2, 2));
    assert_eq!(server.seen()[3].header("auth-token"), Some("token-2"));
}

#[tokio::test]
async fn a_second_rejection_is_final_for_all_devices_and_costs_nothing_more() {
    let server = otp_server(|_| status(401, r#"{"message":"token-2 is bad"}"#)).await;
    let reader = reader(&server);
    let error = reader.otps(&udid(), None).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::TokenRejected);
    assert!(error.to_string().contains("*** is bad"), "{error}");
    assert_eq!(counts(&server), (2, 2));
    for device in [udid(), other_device()] {
        assert_eq!(reader.otps(&device, None).await.unwrap_err().to_string(), error.to_string());
    }
    assert_eq!(counts(&server), (2, 2));
}

#[tokio::test]
async fn the_token_after_a_rejected_one_gets_its_chance() {
    let server = otp_server(|n| if n < 2 { status(401, "") } else { status(200, r#"{"otp":"a1"}"#) }).await;
    let session = Session::new(source(&server, None), Arc::new(SystemClock));
    let reader = ApiReader::new(Arc::clone(&session)).unwrap();
    assert_eq!(reader.otps(&udid(), None).await.unwrap_err().class(), FailureClass::TokenRejected);
    session.reject(&session.token(None).await.unwrap()).await;
    reader.otps(&udid(), None).await.unwrap();
    assert_eq!(counts(&server), (3, 3));
}

#[tokio::test]
async fn id_and_code_of_a_refusal_are_shown() {
    let body = r#"{"id":"abc-1","code":3199,"message":"Record not available"}"#;
    for code in [403, 404] {
        let server = otp_server(move |_| status(code, body)).await;
        let error = reader(&server).otps(&udid(), None).await.unwrap_err().to_string();
        assert!(error.contains("id: abc-1; code: 3199; Record not available"), "{error}");
    }
}

#[tokio::test]
async fn failed_reads_are_told_apart_and_not_repeated() {
    let cases = [
        (status(400, ""), FailureClass::UnknownDevice),
        (status(404, r#"{"code":3199,"message":"Record not available"}"#), FailureClass::UnknownDevice),
        (status(404, ""), FailureClass::UnknownDevice),
        (status(404, " \n"), FailureClass::UnknownDevice),
        (status(404, "404 Not Found"), FailureClass::NotFound),
        (status(403, ""), FailureClass::NoAccess),
        (status(403, "Use OneAPI"), FailureClass::NotAllowedHere),
        (status(200, "{}"), FailureClass::MissingOtp),
        (status(200, r#"{"otp":"","exitOtp":null}"#), FailureClass::MissingOtp),
        (status(200, "[]"), FailureClass::Malformed),
        (status(200, r#"["OneAPI"]"#), FailureClass::Malformed),
    ];
    for (reply, class) in cases {
        let told = format!("{reply:?}");
        let server =
            otp_server(move |n| if n == 0 { reply.clone() } else { status(200, r#"{"otp":"a1"}"#) }).await;
        let reader = reader(&server);
        let error = reader.otps(&udid(), None).await.unwrap_err();
        assert_eq!(error.class(), class, "{told}");
        if class == FailureClass::UnknownDevice {
            assert!(
                error.to_string().contains(&format!("\"{UDID}\""))
                    && error.advice().starts_with("Unknown UDID?")
            );
        }
        if class == FailureClass::NotFound {
            assert!(error.advice().contains("`base_url`"), "{}", error.advice());
        }
        assert_eq!(reader.otps(&udid(), None).await.unwrap_err().class(), class, "{told}");
        assert_eq!(counts(&server), (1, 1), "{told}");
        assert!(reader.otps(&other_device(), None).await.is_ok(), "{told}");
    }
}

#[tokio::test]
async fn reads_at_the_same_time_share_a_failure() {
    let server = otp_server(|_| status(400, "")).await;
    let reader = reader(&server);
    let device = udid();
    let (first, second) = tokio::join!(reader.otps(&device, None), reader.otps(&device, None));
    assert!(first.is_err() && second.is_err());
    assert_eq!(counts(&server), (1, 1));
}

/// Logs in with tokens that live an hour.
async fn hour_server() -> TestServer {
    let now = chrono::Utc::now().timestamp();
    let token = jwt(&format!(r#"{{"iat":{now},"exp":{}}}"#, now + 3600));
    TestServer::start(
        move |_, seen| {
            if is_login(seen) { login_ok(&token) } else { status(200, r#"{"otp":"a1"}"#) }
        },
    )
    .await
}

#[tokio::test]
async fn the_lifetime_that_a_read_asks_for_is_its_own_matter() {
    let two_hours = Some(Duration::from_hours(2));
    for lifetimes in [[None, two_hours], [two_hours, None]] {
        let server = hour_server().await;
        let (reader, device) = (reader(&server), udid());
        let [first, second] = lifetimes.map(|lifetime| reader.otps(&device, lifetime));
        let (first, second) = tokio::join!(first, second);
        let (plain, strict) = if lifetimes[0].is_none() { (first, second) } else { (second, first) };
        assert_eq!(plain.unwrap().generic().unwrap().expose_secret(), "a1");
        assert_eq!(strict.unwrap_err().class(), FailureClass::TooShortLived);
        assert_eq!(counts(&server), (1, 1));
    }
}

#[tokio::test]
async fn a_set_that_is_there_does_not_stand_in_for_the_lifetime() {
    let server = hour_server().await;
    let reader = reader(&server);
    reader.otps(&udid(), None).await.unwrap();
    for _ in 0..2 {
        let strict = reader.otps(&udid(), Some(Duration::from_hours(2))).await;
        assert_eq!(strict.unwrap_err().class(), FailureClass::TooShortLived);
    }
    reader.otps(&udid(), None).await.unwrap();
    assert_eq!(counts(&server), (2, 1));
}

/// The time that it is told.
#[derive(Debug, Default)]
struct Told(AtomicI64);

impl Clock for Told {
    fn now(&self) -> Timestamp {
        chrono::Utc::now() + chrono::TimeDelta::seconds(self.0.load(Ordering::SeqCst))
    }
}

#[tokio::test]
async fn a_limit_holds_for_all_devices_until_its_time() {
    let limited = with_headers(429, "X-Rate-Limit-Retry-After-Seconds: 1800\r\n", "");
    let server =
        otp_server(move |n| if n == 1 { limited.clone() } else { status(200, r#"{"otp":"a1"}"#) }).await;
    let clock = Arc::new(Told::default());
    let reader = ApiReader::new(Session::new(source(&server, None), clock.clone())).unwrap();
    let known = Udid::try_from("known:1").unwrap();
    reader.otps(&known, None).await.unwrap();
    for device in [udid(), udid(), other_device()] {
        assert_eq!(reader.otps(&device, None).await.unwrap_err().class(), FailureClass::RateLimited);
    }
    reader.otps(&known, None).await.unwrap();
    assert_eq!(counts(&server), (1, 2));
    clock.0.store(1805, Ordering::SeqCst);
    reader.otps(&udid(), None).await.unwrap();
    reader.otps(&other_device(), None).await.unwrap();
    assert_eq!(counts(&server), (1, 4));
}

#[tokio::test]
async fn a_passing_failure_is_not_held_against_the_next_read() {
    let server = otp_server(|n| if n < 3 { status(503, "") } else { status(200, r#"{"otp":"a1"}"#) }).await;
    let reader = reader(&server);
    assert_eq!(reader.otps(&udid(), None).await.unwrap_err().class(), FailureClass::ServerError);
    reader.otps(&udid(), None).await.unwrap();
    assert_eq!(counts(&server), (1, 4));
}
