//! Zscaler Client Connector, legacy: logins, one-time passwords, limits.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokenferry_sandbox::{AccountMode, DeviceForm, Fault, Sandbox, ZscalerAccount, ZscalerDevice};

use crate::client::{Ask, Reply, start, token_part};

const UDID: &str = "1F2E3D4C-0000-1111-2222-333344445555%3A501";
const GENERIC: &str = "GENERIC-0000-1111-2222-333344445555%3A502";
const LOGIN: &str = "POST /zscaler/papi/auth/v1/login";
const JSON: &str = "application/json;charset=UTF-8";
const ONE_API: &str = "This resource is accessible only through Zscaler OneAPI.";

async fn log_in(sandbox: &Sandbox, key: &str) -> Reply {
    let body = json!({"apiKey": key, "secretKey": "sandbox-secret"}).to_string();
    Ask::new(LOGIN).body("application/json", body).send(sandbox).await
}

async fn token(sandbox: &Sandbox) -> String {
    log_in(sandbox, "sandbox-key").await.json()["jwtToken"].as_str().unwrap().to_owned()
}

fn otp(udid: &str) -> Ask {
    Ask::new(&format!("GET /zscaler/papi/public/v1/getOtp?udid={udid}&_=1"))
}

async fn with_mode(mode: AccountMode) -> Sandbox {
    let account = ZscalerAccount::new("sandbox-key", "sandbox-secret").mode(mode);
    start(|options| options.zscaler.accounts = vec![account]).await
}

#[tokio::test]
async fn a_login_brings_a_jwt_of_three_parts() {
    let sandbox = start(|_| ()).await;
    let reply = log_in(&sandbox, "sandbox-key").await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some(JSON)));
    let answer = reply.json();
    assert_eq!(answer.as_object().unwrap().len(), 2);
    assert_eq!(answer["message"], Value::Null);
    let jwt = answer["jwtToken"].as_str().unwrap();
    assert_eq!(jwt.split('.').count(), 3);
    assert_eq!(token_part(jwt, 0), r#"{"alg":"HS256","typ":"JWT"}"#);
    let claims: Value = serde_json::from_str(&token_part(jwt, 1)).unwrap();
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    assert_ne!(token(&sandbox).await, jwt, "each login makes another token");
    assert_eq!(
        otp(UDID).header("auth-token", jwt).send(&sandbox).await.status,
        200,
        "and the first stays good"
    );
}

#[tokio::test]
async fn logins_that_a_server_would_refuse_are_refused() {
    let sandbox = start(|_| ()).await;
    let good = r#"{"apiKey":"sandbox-key","secretKey":"sandbox-secret"}"#;
    for (content_type, body, status) in [
        ("application/json", r#"{"apiKey":"sandbox-key","secretKey":"wrong"}"#, 401),
        ("application/json", r#"{"apiKey":"unknown","secretKey":"sandbox-secret"}"#, 401),
        ("application/json", r#"{"apikey":"sandbox-key","secretkey":"sandbox-secret"}"#, 400),
        ("application/json", r#"{"apiKey":"sandbox-key"}"#, 400),
        ("application/json", r#"{"apiKey":1,"secretKey":2}"#, 400),
        ("application/json", "", 400),
        ("text/plain", good, 400),
        ("application/x-www-form-urlencoded", "apiKey=sandbox-key&secretKey=sandbox-secret", 400),
    ] {
        let reply = Ask::new(LOGIN).body(content_type, body).send(&sandbox).await;
        assert_eq!(reply.status, status, "{content_type} {body}");
        if status == 400 {
            assert_eq!(reply.seen(), (400, None, ""), "{body}");
        } else {
            assert_eq!(reply.json()["jwtToken"], Value::Null);
            assert!(reply.json()["message"].is_string());
        }
    }
    let reply = Ask::new(LOGIN).body("Application/JSON; charset=utf-8", good).send(&sandbox).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn each_account_answers_in_its_mode() {
    for (mode, login_status, parts, otp_status) in [
        (AccountMode::Normal, 200, 3, 200),
        (AccountMode::NoExpiry, 200, 3, 200),
        (AccountMode::NoMessage, 200, 3, 200),
        (AccountMode::OnePart, 200, 1, 200),
        (AccountMode::Expired, 200, 3, 401),
        (AccountMode::NoRole, 200, 3, 403),
        (AccountMode::OneApiOnlyReads, 200, 3, 403),
    ] {
        let sandbox = with_mode(mode).await;
        let reply = log_in(&sandbox, "sandbox-key").await;
        assert_eq!(reply.status, login_status, "{mode:?}");
        let answer = reply.json();
        assert_eq!(answer.get("message").is_none(), mode == AccountMode::NoMessage, "{mode:?}");
        let jwt = answer["jwtToken"].as_str().unwrap();
        assert_eq!(jwt.split('.').count(), parts, "{mode:?}");
        let read = otp(UDID).header("auth-token", jwt).send(&sandbox).await;
        assert_eq!(read.status, otp_status, "{mode:?}");
        if mode == AccountMode::OneApiOnlyReads {
            assert_eq!(read.seen(), (403, Some("text/html"), ONE_API));
        }
        if parts == 3 {
            let claims: Value = serde_json::from_str(&token_part(jwt, 1)).unwrap();
            let (issued_at, ends) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64());
            assert_eq!(ends.is_none(), mode == AccountMode::NoExpiry);
            let now = chrono::Utc::now().timestamp();
            assert_eq!(ends.unwrap_or(i64::MAX) < now, mode == AccountMode::Expired);
            assert!(issued_at <= now);
        }
    }
}

#[tokio::test]
async fn some_accounts_get_no_token() {
    let sandbox = with_mode(AccountMode::NullToken).await;
    let reply = log_in(&sandbox, "sandbox-key").await;
    assert_eq!((reply.status, &reply.json()["jwtToken"]), (200, &Value::Null));
    assert!(reply.json()["message"].is_string());
    assert_eq!(sandbox.control().counters().logins("zscaler", "sandbox-key").succeeded, 0);
    let sandbox = with_mode(AccountMode::OneApiOnly).await;
    assert_eq!(log_in(&sandbox, "sandbox-key").await.seen(), (403, Some("text/html"), ONE_API));
}

#[tokio::test]
async fn a_token_is_good_until_its_expiry_and_only_in_its_own_header() {
    let sandbox = start(|options| options.zscaler.token_lifetime = Duration::from_mins(1)).await;
    let jwt = token(&sandbox).await;
    let with = |name, value: &str| otp(UDID).header(name, value);
    for (ask, status) in [
        (with("auth-token", &jwt), 200),
        (otp(UDID), 401),
        (otp(UDID).bearer(&jwt), 401),
        (with("auth-token", &jwt).bearer(&jwt), 401),
        (with("auth-token", &format!("Bearer {jwt}")), 401),
        (with("auth-token", "unknown"), 401),
        (with("x-auth-token", &jwt), 401),
    ] {
        assert_eq!(ask.clone().send(&sandbox).await.status, status, "{ask:?}");
    }
    for (seconds, status) in [(55, 200), (61, 401)] {
        sandbox.control().clear_faults();
        sandbox.control().fault(Fault::clock_skew(seconds));
        assert_eq!(with("auth-token", &jwt).send(&sandbox).await.status, status, "after {seconds} s");
    }
}

#[tokio::test]
async fn one_time_passwords_come_in_the_form_of_the_device() {
    let forms = [
        ("empty", DeviceForm::Empty),
        ("strings", DeviceForm::EmptyStrings),
        ("unknown", DeviceForm::UnknownKey),
    ];
    let sandbox = start(|options| {
        options.zscaler.devices.extend(forms.map(|(udid, form)| ZscalerDevice::new(udid, form)));
    })
    .await;
    let jwt = token(&sandbox).await;
    let live =
        "exitOtp logoutOtp revertOtp uninstallOtp zdpDisableOtp zdxDisableOtp ziaDisableOtp zpaDisableOtp";
    for (udid, names, filled) in [
        (UDID, live, true),
        ("1F2E3D4C-0000-1111-2222-333344445555:501", live, true),
        (GENERIC, "otp", true),
        ("empty", "", true),
        ("strings", live, false),
        ("unknown", "quarantineReleaseOtp", true),
    ] {
        let reply = otp(udid).header("auth-token", &jwt).send(&sandbox).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some(JSON)));
        assert_eq!(reply.header("cache-control"), Some("no-cache"));
        let answer: std::collections::BTreeMap<String, String> = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(answer.keys().map(String::as_str).collect::<Vec<_>>().join(" "), names, "{udid}");
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        assert!(
            answer.values().all(|otp| otp.len() == if filled { 10 } else { 0 } && otp.bytes().all(plain))
        );
        if filled {
            assert_eq!(answer.values().collect::<BTreeSet<_>>().len(), answer.len(), "all differ");
        }
        let again = otp(udid).header("auth-token", &jwt).send(&sandbox).await;
        assert_eq!(again.body, reply.body, "reading changes nothing");
    }
}

#[tokio::test]
async fn what_is_not_there_is_refused_without_a_word() {
    let sandbox = start(|_| ()).await;
    let jwt = token(&sandbox).await;
    for target in [
        "?udid=unknown",
        "?_=1",
        "",
        "?udid=",
        "?udid=%zz",
        "?udid=1f2e3d4c-0000-1111-2222-333344445555%3A501",
    ] {
        let ask = Ask::new(&format!("GET /zscaler/papi/public/v1/getOtp{target}"));
        assert_eq!(ask.header("auth-token", &jwt).send(&sandbox).await.seen(), (400, None, ""), "{target}");
    }
    for line in [
        "GET /zscaler/papi/public/v1/getotp",
        "GET /zscaler/papi/auth/v1/login",
        "POST /zscaler/papi/public/v1/getOtp",
        "POST /zscaler/papi/auth/v1/login/",
        "POST /zscaler/auth/v1/login",
        "GET /zscaler/",
    ] {
        let reply = Ask::new(line).send(&sandbox).await;
        assert_eq!(reply.seen(), (404, Some("application/json"), "404 Not Found"), "{line}");
    }
}

#[tokio::test]
async fn a_key_that_spent_its_calls_has_to_wait() {
    let sandbox = start(|options| {
        options.zscaler.requests_per_window = Some(3);
        options.zscaler.accounts.push(ZscalerAccount::new("other", "sandbox-secret"));
    })
    .await;
    let login = log_in(&sandbox, "sandbox-key").await;
    assert_eq!(login.header("x-rate-limit-remaining"), Some("2"), "a login counts");
    let jwt = login.json()["jwtToken"].as_str().unwrap().to_owned();
    assert_eq!(
        Ask::new("GET /zscaler/papi/nowhere").send(&sandbox).await.header("x-rate-limit-remaining"),
        None
    );
    for (udid, status, left, wait) in
        [(UDID, 200, "1", None), ("unknown", 400, "0", None), (UDID, 429, "0", Some(3600))]
    {
        let reply = otp(udid).header("auth-token", &jwt).send(&sandbox).await;
        assert_eq!(reply.status, status);
        assert_eq!(reply.header("x-rate-limit-remaining"), Some(left));
        let told =
            reply.header("x-rate-limit-retry-after-seconds").map(|seconds| seconds.parse::<u64>().unwrap());
        assert_eq!(told.is_some(), wait.is_some());
        assert!(told <= wait && told >= wait.map(|seconds| seconds - 60), "{told:?}");
        assert_eq!(reply.header("retry-after"), None);
    }
    assert_eq!(log_in(&sandbox, "sandbox-key").await.seen(), (429, None, ""));
    assert_eq!(log_in(&sandbox, "other").await.status, 200, "each key has a budget of its own");
    sandbox.control().reset();
    assert_eq!(log_in(&sandbox, "sandbox-key").await.header("x-rate-limit-remaining"), Some("2"));
}
