//! The fact sheet of Zscaler Client Connector, table by table, against the sandbox.
#![expect(clippy::unwrap_used, reason = "these are tests, their helpers included")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPublicKey;
use rsa::pkcs8::EncodePrivateKey;
use rsa::rand_core::OsRng;
use tokenferry_sandbox::{
    Answer, CacheBuster, ClientMode, DeviceForm, Fault, Options, Sandbox, ZscalerApiClient, ZscalerDevice,
};
use tokenferry_sources::zscaler::{ApiReader, DeviceFilter, DeviceKey, OsType, ProfileQuery, Udid};
use tokenferry_sources::{
    BuildContext, ExposeSecret, FailureClass, Given, GivenFields, HttpClient, HttpSettings, Retry, Session,
    SourceError, SystemClock, system,
};

const UDID: &str = "1F2E3D4C-0000-1111-2222-333344445555:501";
const SECRET: (&str, &str) = ("client_secret", "sandbox-client-secret");

/// A session in one of the two worlds, which never waits longer than it must.
fn session(pairs: &[(&str, &str)]) -> Arc<Session> {
    let system = system("zscaler").unwrap();
    let given: GivenFields =
        pairs.iter().map(|(name, text)| ((*name).to_owned(), Given::from(*text))).collect();
    assert_eq!(system.check(&given), []);
    let (settings, problems) = system.resolve(&given, &BTreeMap::<String, String>::new());
    assert_eq!(problems, []);
    let settings_of_http = HttpSettings { max_wait: Duration::ZERO, ..HttpSettings::default() };
    let context =
        BuildContext { http: Arc::new(HttpClient::new(settings_of_http)), clock: Arc::new(SystemClock) };
    Session::new(system.build(&settings, &context).unwrap(), Arc::new(SystemClock))
}

fn legacy(sandbox: &Sandbox) -> Arc<Session> {
    let base_url = sandbox.zscaler_base_url();
    session(&[("api_key", "sandbox-key"), ("secret_key", "sandbox-secret"), ("base_url", base_url.as_str())])
}

fn one_api(sandbox: &Sandbox, proof: (&str, &str)) -> Arc<Session> {
    let (base_url, token_url) = (sandbox.zscaler_one_api_base_url(), sandbox.zscaler_token_url());
    let place = [("base_url", base_url.as_str()), ("token_url", token_url.as_str())];
    session(&[&[("client_id", "sandbox-client"), proof], &place[..]].concat())
}

fn reader(session: Arc<Session>) -> ApiReader {
    ApiReader::new(session).unwrap()
}

fn udid() -> Udid {
    Udid::try_from(UDID).unwrap()
}

fn anna() -> ProfileQuery {
    ProfileQuery { username: "anna@example.com".to_owned(), os_type: OsType::MacOs }
}

/// One key for all tests: making it takes a while.
fn key() -> &'static RsaPrivateKey {
    static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
    KEY.get_or_init(|| RsaPrivateKey::new(&mut OsRng, 2048).unwrap())
}

fn pem(key: &RsaPrivateKey) -> String {
    let label = "PRIVATE KEY";
    let body = STANDARD.encode(key.to_pkcs8_der().unwrap().as_bytes());
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

/// Sections 4 and 10: both variants of the token request, and both forms of the answer.
#[tokio::test]
async fn api_clients_log_in_with_their_secret_or_their_key() {
    let public = key().to_public_key().to_pkcs1_der().unwrap().as_bytes().to_vec();
    let pem = pem(key());
    for (mode, life) in [
        (ClientMode::Normal, Some(3600)),
        (ClientMode::ExpiresInText, Some(3600)),
        (ClientMode::NoExpiry, None),
    ] {
        for proof in [SECRET, ("private_key", pem.as_str())] {
            let mut options = Options::default();
            options.zscaler.api_clients[0].mode = mode;
            options.zscaler.api_clients[0].public_key = Some(public.clone());
            let sandbox = Sandbox::start(options).await.unwrap();
            let token = one_api(&sandbox, proof).token(None).await.unwrap();
            assert_eq!(token.life(), life.map(Duration::from_secs), "{mode:?} {}", proof.0);
            assert_eq!(token.identity.subject, "sandbox-client");
        }
    }
}

#[tokio::test]
async fn the_signature_of_another_key_is_refused() {
    let other = RsaPrivateKey::new(&mut OsRng, 2048).unwrap();
    let public = other.to_public_key().to_pkcs1_der().unwrap().as_bytes().to_vec();
    let mut options = Options::default();
    options.zscaler.api_clients = vec![ZscalerApiClient::signing("sandbox-client", public)];
    let sandbox = Sandbox::start(options).await.unwrap();
    let session = one_api(&sandbox, ("private_key", &pem(key())));
    for _ in 0..2 {
        assert_eq!(session.token(None).await.unwrap_err().class(), FailureClass::LoginRefused);
    }
    let logins = sandbox.control().counters().logins("zscaler", "sandbox-client");
    assert_eq!((logins.attempted, logins.succeeded), (1, 0), "a refused login is remembered");
}

/// Section 5 in both worlds: every read, one login, each question once; and section 9: no two requests are alike.
#[tokio::test]
async fn everything_is_read_once_with_one_login_in_either_world() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    for (session, key) in [(legacy(&sandbox), "sandbox-key"), (one_api(&sandbox, SECRET), "sandbox-client")] {
        let reader = reader(session);
        for _ in 0..2 {
            let otps = reader.otps(&udid(), None).await.unwrap();
            assert_eq!(otps.iter().count(), 8);
            assert_eq!(reader.profile_passwords(&anna(), None).await.unwrap().iter().count(), 7);
            assert_eq!(reader.devices(&DeviceFilter::default(), None).await.unwrap().len(), 2);
            let by_name = DeviceKey::Hostname("MAC-1f2e3d4c".to_owned());
            let device = reader.device(&by_name, None).await.unwrap();
            assert_eq!((device.text("udid"), device.text("os_type")), (Some(UDID), Some("macos")));
            let printed = format!("{device:?}");
            assert!(otps.iter().all(|(_, otp)| !printed.contains(otp.expose_secret())), "{printed}");
        }
        assert_eq!(sandbox.control().counters().logins("zscaler", key).attempted, 1);
    }
    let requests = sandbox.control().requests();
    assert_eq!(requests.len(), 2 * 5);
    for request in requests.iter().filter(|request| request.path.contains("papi")) {
        assert_eq!(request.cache_buster, CacheBuster::Fresh, "{}", request.path);
        assert!(request.headers.iter().any(|name| name == "cache-control"));
        let sent = |name: &str| request.headers.iter().any(|header| header == name);
        let expected = match (request.path.contains("/zcc/"), request.path.ends_with("/login")) {
            (_, true) => (false, false),
            (one_api, false) => (!one_api, one_api),
        };
        assert_eq!((sent("auth-token"), sent("authorization")), expected, "{}", request.path);
    }
    let queries: BTreeSet<_> = requests.iter().filter_map(|request| request.query.clone()).collect();
    assert!(
        queries.iter().any(|query| query.starts_with("udid=1F2E3D4C-0000-1111-2222-333344445555%3A501&"))
    );
}

/// Section 5.3: a page of 5000 is followed by another.
#[tokio::test]
async fn a_tenant_of_more_than_one_page_is_listed_in_full() {
    let mut options = Options::default();
    options.zscaler.devices =
        (0..5001).map(|number| ZscalerDevice::new(&format!("N{number}:1"), DeviceForm::Live)).collect();
    let sandbox = Sandbox::start(options).await.unwrap();
    let devices = reader(legacy(&sandbox)).devices(&DeviceFilter::default(), None).await.unwrap();
    assert_eq!(devices.len(), 5001);
    assert_eq!(sandbox.control().counters().requests("/zscaler/papi/public/v1/getDevices", 200), 2);
}

/// Section 7: which header says how long to wait, in the order in which they count.
#[tokio::test]
async fn a_limit_says_when_to_come_back() {
    let all = [
        ("retry-after", "13"),
        ("x-rate-limit-retry-after-seconds", "1800"),
        ("x-ratelimit-reset", "2400"),
        ("x-ratelimit-remaining", "7"),
    ];
    let cases: [(&[(&str, &str)], Option<i64>); 7] = [
        (&all, Some(13)),
        (&all[1..], Some(1800)),
        (&all[2..], Some(2400)),
        (&all[3..], None),
        (&[("retry-after", "13s")], Some(13)),
        (&[("retry-after", "\"0 seconds\"")], Some(0)),
        (&[], None),
    ];
    for (headers, wait) in cases {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let answer =
            headers.iter().fold(Answer::new(429), |answer, (name, value)| answer.header(name, value));
        sandbox.control().fault(Fault::answer(answer).path("/zscaler/zcc/"));
        let reader = reader(one_api(&sandbox, SECRET));
        let asked = chrono::Utc::now().timestamp();
        let error = reader.otps(&udid(), None).await.unwrap_err();
        assert_eq!(error.class(), FailureClass::RateLimited);
        let told = match error {
            SourceError::RateLimited { until, .. } => until.map(|until| until.timestamp() - asked),
            other => panic!("{other}"),
        };
        // A second is added to be safe, and one may have passed.
        let close = |wait: i64| (wait + 1..=wait + 3).contains(&told.unwrap());
        assert!(wait.map_or(told.is_none(), close), "{headers:?}: {told:?}");
    }
}

/// Section 7: windows of OneAPI end with the full hour, and the message says so.
#[tokio::test]
async fn a_spent_budget_of_one_api_holds_until_the_full_hour() {
    let mut options = Options::default();
    options.zscaler.requests_per_window = Some(1);
    let sandbox = Sandbox::start(options).await.unwrap();
    // At the issuer it is half past.
    let skew = 1800 - chrono::Utc::now().timestamp() % 3600;
    sandbox.control().fault(Fault::clock_skew(skew));
    let reader = reader(one_api(&sandbox, SECRET));
    reader.otps(&udid(), None).await.unwrap();
    let error = reader.devices(&DeviceFilter::default(), None).await.unwrap_err();
    let Retry::At(until) = error.retry() else { panic!("{error}") };
    // The second that is added, and those that the two requests took.
    assert!((until.timestamp() + skew) % 3600 <= 60, "{until}");
    assert!(error.to_string().contains("come back at"), "{error}");
    for _ in 0..2 {
        assert!(reader.profile_passwords(&anna(), None).await.is_err());
    }
    assert_eq!(sandbox.control().counters().requests("/zscaler/zcc/papi/public/v1/getPasswords", 429), 0);
}

/// Section 8, row by row: what a status means for a read, and how often it is asked.
#[tokio::test]
async fn every_status_of_a_read_has_its_meaning() {
    let plain = "404 Not Found";
    let json = r#"{"code":3199,"message":"Record not available"}"#;
    let cases = [
        (200, "{}", FailureClass::MissingOtp, 1, 1),
        (400, "", FailureClass::UnknownDevice, 1, 1),
        (400, r#"{"devicesRemoved":0,"errorMsg":"no such device"}"#, FailureClass::UnknownDevice, 1, 1),
        (401, "", FailureClass::TokenRejected, 2, 2),
        (401, "Resource Access Blocked", FailureClass::TokenRejected, 2, 2),
        (403, "", FailureClass::NoAccess, 1, 1),
        (404, plain, FailureClass::NotFound, 1, 1),
        (404, json, FailureClass::UnknownDevice, 1, 1),
        (408, "", FailureClass::TimedOut, 1, 3),
        (413, "", FailureClass::UnexpectedStatus, 1, 1),
        (429, "", FailureClass::RateLimited, 1, 1),
        (500, "", FailureClass::ServerError, 1, 3),
        (502, "", FailureClass::ServerError, 1, 3),
        (503, "", FailureClass::ServerError, 1, 3),
        (504, "", FailureClass::ServerError, 1, 3),
    ];
    let checks = cases.map(|(status, body, class, logins, reads)| async move {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let answer = Answer::new(status).header("content-type", "application/json").body(body);
        sandbox.control().fault(Fault::answer(answer).path("/zscaler/papi/public/"));
        let error = reader(legacy(&sandbox)).otps(&udid(), None).await.unwrap_err();
        let counters = sandbox.control().counters();
        let seen = (
            error.class(),
            counters.logins("zscaler", "sandbox-key").attempted,
            counters.requests("/zscaler/papi/public/v1/getOtp", status),
        );
        assert_eq!(seen, (class, logins, reads), "{status} {body}");
        if body.contains("errorMsg") {
            assert!(error.to_string().contains("no such device"), "{error}");
        }
    });
    for check in checks.map(tokio::spawn) {
        check.await.unwrap();
    }
}

/// Section 8 for logins, in both worlds.
#[tokio::test]
async fn every_status_of_a_login_has_its_meaning() {
    let cases = [
        (400, FailureClass::BadRequest, 1),
        (401, FailureClass::LoginRefused, 1),
        (403, FailureClass::NoAccess, 1),
        (404, FailureClass::NotFound, 1),
        (408, FailureClass::TimedOut, 1),
        (413, FailureClass::UnexpectedStatus, 1),
        (429, FailureClass::RateLimited, 1),
        (500, FailureClass::ServerError, 3),
        (502, FailureClass::ServerError, 3),
        (503, FailureClass::ServerError, 3),
        (504, FailureClass::ServerError, 3),
    ];
    let checks = cases.map(|(status, class, tries)| async move {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        sandbox.control().fault(Fault::status(status));
        let [legacy, one_api] = [legacy(&sandbox), one_api(&sandbox, SECRET)];
        let (legacy, one_api) = tokio::join!(legacy.token(None), one_api.token(None));
        for outcome in [legacy, one_api] {
            assert_eq!(outcome.unwrap_err().class(), class, "{status}");
        }
        for path in ["/zscaler/papi/auth/v1/login", "/zscaler/oauth2/v1/token"] {
            assert_eq!(sandbox.control().counters().requests(path, status), tries, "{status} {path}");
        }
    });
    for check in checks.map(tokio::spawn) {
        check.await.unwrap();
    }
}
