//! Systems that misbehave: one error each, which says what to do and gives nothing away.

use std::collections::HashMap;
use std::time::SystemTime;

use prost_types::Timestamp;
use tokenferry_sandbox::{Answer, Fault};
use tokenferry_tests::issuer::{DEVICE, Issuer, ZETTELSTORE_LOGIN, ZSCALER_LOGIN, ZSCALER_OTP, json_answer};
use tokenferry_tests::leak;
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::reply::Problem;
use tokenferry_tests::strangers::deserted_url;
use tokenferry_tests::value::{Value, object};

const ZSCALER: &str = "tokenferry_zscaler_token";
const ZETTELSTORE: &str = "tokenferry_zettelstore_token";
const OTP: &str = "tokenferry_zscaler_otp";

/// Stands in every made-up body; no message may repeat a body.
const BODY: &str = "planted-text-of-the-body";

/// What a system does, the class that it belongs to, and words that the message must have.
struct Row {
    class: &'static str,
    fault: Fault,
    says: &'static [&'static str],
}

fn row(class: &'static str, fault: Fault, says: &'static [&'static str]) -> Row {
    Row { class, fault, says }
}

fn status(status: u16) -> Fault {
    Fault::answer(Answer::new(status).header("content-type", "text/plain").body(BODY))
}

fn too_many(header: &str, value: &str) -> Fault {
    Fault::answer(Answer::new(429).header(header, value).body(BODY))
}

/// What can happen to every request.
fn common() -> Vec<Row> {
    vec![
        row("no access", status(403), &["403"]),
        row("rate limit", Fault::answer(Answer::new(429).body(BODY)), &["later"]),
        row("rate limit", too_many("retry-after", "3600"), &["try again after"]),
        row("rate limit", too_many("x-rate-limit-retry-after-seconds", "1800"), &["try again after"]),
        row("rate limit", too_many("x-ratelimit-reset", "900"), &["try again after"]),
        row("proxy", status(407), &["HTTPS_PROXY"]),
        row("server error", status(500), &["500", "later"]),
        row("server error", status(503), &["503", "later"]),
        row("not understood", Fault::answer(json_answer(BODY)), &["base_url"]),
        row("not understood", Fault::answer(Answer::new(200)), &["base_url"]),
        row("not understood", Fault::garbage(), &["base_url"]),
        row("too large", Fault::large_body(true), &["base_url"]),
        row("too large", Fault::large_body(false), &["base_url"]),
        row("broken answer", Fault::cut(), &["base_url"]),
        row("timeout", Fault::hang(), &["`timeout`"]),
    ]
}

fn zscaler_login() -> Vec<Row> {
    let null =
        json_answer(r#"{"jwtToken":null,"message":"The key is asleep","detail":"planted-text-of-the-body"}"#);
    let nothing = json_answer(r#"{"detail":"planted-text-of-the-body"}"#);
    let one_api = Answer::new(403).body("This resource is accessible only through Zscaler OneAPI.");
    let mut rows = common();
    rows.extend([
        row("not found", status(404), &["base_url"]),
        row("refused", status(401), &["secret_key"]),
        row("refused", Fault::answer(null), &["secret_key", "The key is asleep"]),
        row("bad request", Fault::answer(Answer::new(400)), &["400"]),
        row("no access", Fault::answer(Answer::new(403)), &["role"]),
        row("OneAPI", Fault::answer(one_api), &["OneAPI"]),
        row("refused", Fault::answer(nothing), &["secret_key"]),
    ]);
    rows
}

#[tokio::test]
async fn case_32_each_failure_of_a_zscaler_login_is_one_error_of_its_class() {
    judge("zscaler-login", ZSCALER, &object([]), ZSCALER_LOGIN, zscaler_login()).await;
}

#[tokio::test]
async fn case_32_each_failure_of_an_otp_read_is_one_error_of_its_class() {
    let no_record = Answer::new(404)
        .header("content-type", "application/json")
        .body(r#"{"code":3199,"message":"Record not available"}"#);
    let mut rows = common();
    rows.extend([
        row("rejected token", status(401), &["token"]),
        row("unknown device", Fault::answer(Answer::new(400)), &["udid"]),
        row("unknown device", Fault::answer(no_record), &["udid", "base_url"]),
        row("not found", status(404), &["base_url"]),
        row("no access", Fault::answer(Answer::new(403)), &["role"]),
        row("no password", Fault::answer(json_answer("{}")), &["one-time password"]),
        row(
            "no password",
            Fault::answer(json_answer(r#"{"exitOtp":"","otp":null}"#)),
            &["one-time password"],
        ),
    ]);
    judge("otp", OTP, &object([("udid", DEVICE.into())]), ZSCALER_OTP, rows).await;
}

#[tokio::test]
async fn case_32_each_failure_of_a_zettelstore_login_is_one_error_of_its_class() {
    let text = |body: &str| Fault::answer(Answer::new(200).body(body));
    let mut rows = common();
    rows.extend([
        row("not found", status(404), &["base_url"]),
        row("refused", status(401), &["password"]),
        row("bad request", Fault::answer(Answer::new(400)), &["400"]),
        row("not understood", Fault::truncate(12), &["base_url"]),
        row("not understood", text(r#"("Bearer" "planted-text-of-the-body" 600"#), &["base_url"]),
        row("not understood", text(r#"("Bearer" "planted-text-of-the-body")"#), &["base_url"]),
        row("not understood", text(r#"("Bearer" "planted-text-of-the-body" "600")"#), &["base_url"]),
        row("not understood", text(r#"("Bearer" "planted-text-of-the-body" -1)"#), &["base_url"]),
        row("not understood", text(r#"("Bearer" "planted-text-of-the-body" 600) more"#), &["base_url"]),
        row("not understood", text(r#"("Bearer" "" 600)"#), &["base_url"]),
        row("no life", text(r#"("Bearer" "planted-text-of-the-body" 0)"#), &["token-lifetime-api"]),
    ]);
    judge("zettelstore", ZETTELSTORE, &object([]), ZETTELSTORE_LOGIN, rows).await;
}

/// Lets every row happen to a provider of its own, and holds the one error against the row and the rules.
async fn judge(test: &str, kind: &str, config: &Value, path: &str, rows: Vec<Row>) {
    let issuer = Issuer::start(test).await;
    let mut summaries: HashMap<&str, String> = HashMap::new();
    for Row { class, fault, says } in rows {
        issuer.control().reset();
        let what = format!("{class} ({:?})", fault.effect);
        issuer.fault(fault.path(path));
        let error = only_error(&issuer, &hurried(&issuer), kind, config).await;
        assert!(error.says(says), "{what}: {says:?} is not in {error:?}");
        assert!(error.detail.len() > 20, "{what}: no detail in {error:?}");
        let known = summaries.entry(class).or_insert_with(|| error.summary.clone());
        assert_eq!(*known, error.summary, "{what}");
    }
    let mut distinct: Vec<&String> = summaries.values().collect();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), summaries.len(), "two classes share a summary: {summaries:#?}");
}

/// A configuration that leaves no time for further tries.
fn hurried(issuer: &Issuer) -> Value {
    object([
        ("zscaler", issuer.zscaler()),
        ("zettelstore", issuer.zettelstore()),
        ("timeout", "1s".into()),
        ("max_wait", "1s".into()),
    ])
}

async fn only_error(issuer: &Issuer, provider: &Value, kind: &str, config: &Value) -> Problem {
    let plugin = Plugin::configured(provider).await;
    let error = plugin.read(kind, config).await.error().clone();
    let place = format!("{} {} {error:?}", plugin.output(), error.text());
    leak::assert_none(place.as_bytes(), &issuer.planted.secrets(), "the message or the output");
    assert!(!place.contains(BODY), "the body of the answer: {place}");
    plugin.finish().await;
    error
}

#[tokio::test]
async fn a_wrong_secret_is_a_refused_login_that_names_the_setting() {
    let issuer = Issuer::start("wrong-secret").await;
    for (system, kind, attribute) in
        [("zscaler", ZSCALER, "secret_key"), ("zettelstore", ZETTELSTORE, "password")]
    {
        let Value::Object(mut settings) = issuer.config().member(system).clone() else { panic!("an object") };
        settings.insert(attribute.to_owned(), "planted-wrong-word".into());
        let config = object([(system, Value::Object(settings))]);
        let error = only_error(&issuer, &config, kind, &object([])).await;
        assert!(error.says(&[attribute]), "{error:?}");
        assert!(!error.text().contains("planted-wrong-word"), "{error:?}");
    }
}

#[tokio::test]
async fn a_message_that_repeats_the_credentials_is_masked_and_shortened() {
    let issuer = Issuer::start("masked").await;
    let long = "y".repeat(5000);
    let message = format!("no such \u{1b}[31mkey: {} {long}", issuer.planted.secret_key);
    let body = serde_json::json!({"message": message, "jwtToken": null}).to_string();
    issuer.fault(Fault::answer(Answer::new(401).header("content-type", "application/json").body(&body)));
    let error = only_error(&issuer, &hurried(&issuer), ZSCALER, &object([])).await;
    assert!(error.says(&["no such"]), "{error:?}");
    assert!(!error.text().contains('\u{1b}') && !error.text().contains(&"y".repeat(201)), "{error:?}");
}

#[tokio::test]
async fn the_time_to_come_back_is_that_of_the_first_header() {
    let issuer = Issuer::start("headers").await;
    for (kind, path) in [(ZSCALER, ZSCALER_LOGIN), (ZETTELSTORE, ZETTELSTORE_LOGIN)] {
        for (headers, seconds) in [
            (vec![("retry-after", "3600"), ("x-ratelimit-reset", "60")], 3600),
            (vec![("retry-after", "120s")], 120),
            (vec![("x-rate-limit-retry-after-seconds", "1800"), ("x-ratelimit-reset", "60")], 1800),
            (vec![("x-ratelimit-reset", "900")], 900),
        ] {
            issuer.control().reset();
            let answer =
                headers.iter().fold(Answer::new(429), |answer, (name, value)| answer.header(name, value));
            issuer.fault(Fault::answer(answer).path(path));
            let error = only_error(&issuer, &hurried(&issuer), kind, &object([])).await;
            let wait = instant_in(&error.text()) - Timestamp::from(SystemTime::now()).seconds;
            assert!((seconds - 10..=seconds + 2).contains(&wait), "{headers:?}: {wait} s in {error:?}");
        }
    }
}

#[tokio::test]
async fn a_throttled_login_says_until_when() {
    let issuer = Issuer::start("throttled").await;
    let root = issuer.zscaler_url().trim_end_matches("/papi").to_owned();
    let one_api = [
        ("client_id", "sandbox-client".to_owned()),
        ("client_secret", "sandbox-client-secret".to_owned()),
        ("token_url", format!("{root}/oauth2/v1/token")),
        ("base_url", format!("{root}/zcc/papi")),
    ];
    let zenoti = [
        ("account_name", "sandbox".to_owned()),
        ("username", "sandbox".to_owned()),
        ("password", "sandbox-password".to_owned()),
        ("app_id", "00000000-0000-4000-8000-000000000001".to_owned()),
        ("app_secret", "sandbox-app-secret".to_owned()),
        ("base_url", issuer.zenoti_url()),
    ];
    for (system, settings, kind, path, header) in [
        ("zscaler", &one_api[..], ZSCALER, "/zscaler/oauth2/v1/token", "x-ratelimit-reset"),
        ("zscaler", &one_api, ZSCALER, "/zscaler/oauth2/v1/token", "retry-after"),
        ("zenoti", &zenoti, "tokenferry_zenoti_token", "/zenoti/v1/tokens", "ratelimit-reset"),
        ("zenoti", &zenoti, "tokenferry_zenoti_token", "/zenoti/v1/tokens", "retry-after"),
    ] {
        issuer.control().reset();
        issuer.fault(Fault::answer(Answer::new(429).header(header, "3600")).path(path));
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into()));
        let provider = object([(system, Value::Object(settings.collect())), ("max_wait", "1s".into())]);
        let error = only_error(&issuer, &provider, kind, &object([])).await;
        assert!(error.says(&["429", "try again after"]), "{system}: {error:?}");
        let wait = instant_in(&error.text()) - Timestamp::from(SystemTime::now()).seconds;
        assert!((3590..=3602).contains(&wait), "{system}, {header}: {wait} s in {error:?}");
        assert_eq!(issuer.control().requests().len(), 1, "{system}, {header}: it waits for nobody");
    }
}

/// The first point in time that stands in `text`, in Unix seconds.
fn instant_in(text: &str) -> i64 {
    let words = text.split([' ', '\n', '(', ')', ',']).map(|word| word.trim_end_matches(['.', ';']));
    let mut times = words.filter(|word| word.starts_with("20") && word.ends_with('Z'));
    let time = times.next().unwrap_or_else(|| panic!("no time in: {text}"));
    time.parse::<Timestamp>().unwrap().seconds
}

#[tokio::test]
async fn a_short_wait_is_kept_and_the_read_succeeds() {
    let issuer = Issuer::start("short-wait").await;
    issuer.fault(Fault::answer(Answer::new(429).header("retry-after", "1")).path(ZSCALER_LOGIN).times(1));
    let plugin = Plugin::configured(&issuer.config()).await;
    plugin.read(ZSCALER, &object([])).await.ok();
    assert_eq!(issuer.zscaler_logins().attempted, 2);
    plugin.finish().await;
}

#[tokio::test]
async fn a_passing_server_error_is_survived() {
    let issuer = Issuer::start("passing").await;
    issuer.fault(Fault::status(503).times(1));
    let plugin = Plugin::configured(&issuer.config()).await;
    plugin.read(ZETTELSTORE, &object([])).await.ok();
    plugin.finish().await;
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed_and_names_it() {
    let issuer = Issuer::start("redirect").await;
    let other = Issuer::start("redirect-target").await;
    let otp = object([("udid", DEVICE.into())]);
    for status in [301, 302, 307, 308] {
        for (kind, config, path) in [
            (ZSCALER, &object([]), ZSCALER_LOGIN),
            (OTP, &otp, ZSCALER_OTP),
            (ZETTELSTORE, &object([]), ZETTELSTORE_LOGIN),
        ] {
            issuer.control().reset();
            let target = other.zscaler_url();
            issuer.fault(
                Fault::redirect(status, &format!("{target}?code=planted-text-of-the-body")).path(path),
            );
            let error = only_error(&issuer, &hurried(&issuer), kind, config).await;
            let host = target.trim_start_matches("http://").split('/').next().unwrap();
            assert!(error.says(&[host, "base_url"]), "{status}: {error:?}");
        }
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_host_that_is_not_there_is_named() {
    let issuer = Issuer::start("deserted").await;
    let url = deserted_url().await;
    for (system, kind) in [("zscaler", ZSCALER), ("zettelstore", ZETTELSTORE)] {
        let error = only_error(&issuer, &elsewhere(&issuer, system, &url), kind, &object([])).await;
        assert!(error.says(&[url.trim_start_matches("http://"), "network"]), "{error:?}");
    }
}

/// A configuration with another URL, and no time to try again.
fn elsewhere(issuer: &Issuer, system: &str, url: &str) -> Value {
    let Value::Object(mut settings) = issuer.config().member(system).clone() else { panic!("an object") };
    settings.insert("base_url".to_owned(), url.into());
    object([(system, Value::Object(settings)), ("timeout", "1s".into())])
}

#[tokio::test]
async fn a_server_without_authentication_is_warned_about() {
    let issuer = Issuer::with("freeaccess", |options| {
        options.zettelstore.authentication = tokenferry_sandbox::Authentication::Disabled;
    })
    .await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let reply = plugin.read(ZETTELSTORE, &object([])).await;
    assert_eq!(reply.text("token"), "freeaccess");
    assert!(reply.problems.iter().any(|problem| problem.says(&["authentication"])), "{reply:?}");
    plugin.finish().await;
}
