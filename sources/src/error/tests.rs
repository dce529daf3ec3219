use std::collections::BTreeSet;

use secrecy::SecretString;

use super::*;
use crate::{System, http, zettelstore, zscaler};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn attempt(system: &'static System, action: Action) -> Attempt {
    Attempt::new(system, action, "host.example:8443".to_owned())
}

/// One of each, with texts as they would come from a system that repeats what it was sent.
fn one_of_each(system: &'static System, said: &Said) -> Vec<SourceError> {
    let attempt = attempt(system, Action::Login);
    let otp = || Attempt { action: Action::Otp, ..attempt.clone() };
    let said = || said.clone();
    let udid = || Udid::try_from("A:1").unwrap();
    let (at, title) = (|| attempt.clone(), system.title);
    let redirected = |status, detour| {
        let target = "https://other.example".to_owned();
        SourceError::Redirected { attempt: at(), status, target, detour }
    };
    vec![
        SourceError::AnswerTooLarge { attempt: at(), limit: 1_048_576 },
        SourceError::BadRequest { attempt: at(), status: 400, said: said() },
        SourceError::BrokenAnswer { attempt: at(), cause: "connection closed".to_owned() },
        SourceError::CaFile { path: "ca.pem".into(), cause: "it contains no certificate".to_owned() },
        SourceError::CaStore { cause: "No CA certificates were loaded from the system".to_owned() },
        SourceError::ExpiredOnArrival { attempt: at(), ended_at: NOW, now: NOW },
        SourceError::ExpiryUnknown { system: title, minimum: Duration::from_secs(90) },
        SourceError::GatewayTimedOut { attempt: at(), status: 408, said: said() },
        SourceError::KeyExpired { system: title, ended_at: NOW, now: NOW },
        SourceError::LifetimeZero { attempt: at() },
        SourceError::LinkLocal { attempt: at(), address: [169, 254, 169, 254].into() },
        SourceError::LoginRefused { attempt: at(), status: 401, said: said() },
        SourceError::Malformed { attempt: at(), status: 200, problem: "it is not a JSON object" },
        SourceError::AmbiguousDevice {
            device: Box::new(DeviceKey::Hostname("host-1".to_owned())),
            matches: "1A2B:501 (state 1, user anna); 1A2C:501 (state 2, user ben)".to_owned(),
        },
        SourceError::MissingPassword { purpose: "exit".to_owned(), present: vec!["logout".to_owned()] },
        SourceError::NoSuchDevice { device: Box::new(DeviceKey::Hostname("host-1".to_owned())) },
        SourceError::MissingOtp { purpose: Purpose::Exit, present: vec!["logout".to_owned()] },
        SourceError::MissingValue {
            attempt: Attempt { step: Some(Step { index: 0, of: 2 }), ..at() },
            status: 200,
            value: "session".into(),
            problem: "nothing is at the header X-Session".into(),
        },
        SourceError::NoAccess { attempt: at(), status: 403, said: said() },
        SourceError::NoOtp { attempt: otp(), udid: udid() },
        SourceError::NotAllowedHere { attempt: at(), status: 403 },
        SourceError::NoToken { attempt: at(), status: 200, said: said() },
        SourceError::NotFound { attempt: at(), path: "/papi/x".into(), status: 404, said: said() },
        SourceError::ProxyRefused { attempt: at() },
        SourceError::RateLimited { attempt: otp(), status: 429, until: Some(NOW) },
        redirected(302, Detour::Change),
        redirected(302, Detour::Elsewhere),
        redirected(302, Detour::Loop),
        redirected(303, Detour::NotRepeatable),
        SourceError::ServerError { attempt: at(), status: 500, said: said(), until: None },
        SourceError::TimedOut { attempt: at(), limit: Duration::from_secs(30) },
        SourceError::Tls { attempt: at(), cause: "unknown issuer".to_owned(), certificate: true },
        SourceError::TokenRejected { attempt: otp(), status: 401, said: said() },
        SourceError::TooShortLived {
            system: title,
            left: Duration::from_mins(10),
            minimum: Duration::from_hours(1),
        },
        SourceError::UnexpectedStatus { attempt: at(), status: 418, said: said() },
        SourceError::UnknownDevice {
            attempt: otp(),
            device: Box::new(DeviceKey::Udid(udid())),
            status: 404,
            said: said(),
        },
        SourceError::UnusableValue {
            attempt: at(),
            value: "values.session".into(),
            problem: "in the path: it is empty".into(),
        },
        SourceError::Unreachable { attempt: at(), cause: "Connection refused".to_owned() },
    ]
}

#[test]
fn messages_say_what_was_attempted_and_what_came_back() {
    let messages: Vec<String> = one_of_each(&zscaler::SYSTEM, &Said::default())
        .iter()
        .map(|error| format!("{}: {error}", error.class()))
        .collect();
    let login = "logging in to Zscaler at host.example:8443";
    let otp = "reading one-time passwords from Zscaler at host.example:8443";
    assert_eq!(
        messages,
        [
            format!("answer_too_large: {login}: the answer is larger than 1048576 bytes and was not read"),
            format!("bad_request: {login}: the request was turned down as faulty (HTTP 400)"),
            format!(
                "broken_answer: {login}: the connection broke before there was a complete HTTP answer: connection \
                 closed"
            ),
            "ca_file: cannot use the CA certificates in ca.pem: it contains no certificate".to_owned(),
            "ca_store: cannot load the CA certificates of this machine: No CA certificates were loaded from the \
             system"
                .to_owned(),
            format!(
                "expired_on_arrival: {login}: the token that came ended at 1970-01-01T00:00:00Z, and it is \
                 1970-01-01T00:00:00Z now"
            ),
            "expiry_unknown: Zscaler does not say how long its token lives, so a minimum_lifetime of 90 s cannot be \
             promised"
                .to_owned(),
            format!("timed_out: {login}: a gateway gave up waiting (HTTP 408)"),
            "expired_on_arrival: the configured API key of Zscaler ended at 1970-01-01T00:00:00Z, and it is \
             1970-01-01T00:00:00Z now"
                .to_owned(),
            format!("lifetime_zero: {login}: the token that came has a lifetime of 0 seconds and is of no use"),
            format!("link_local: {login}: the host has the link-local or metadata address 169.254.169.254, which is not asked"),
            format!("login_refused: {login}: the login was refused (HTTP 401)"),
            format!("malformed_answer: {login}: the answer (HTTP 200) is not understood: it is not a JSON object"),
            "ambiguous_device: the host name \"host-1\" belongs to more than one device: 1A2B:501 (state 1, user anna); \
             1A2C:501 (state 2, user ben)"
                .to_owned(),
            "missing_password: the app profile has no password for `exit`; it has one for `logout`".to_owned(),
            "unknown_device: no device was found for the host name \"host-1\"".to_owned(),
            "missing_otp: the device has no one-time password for `exit`; it has one for `logout`".to_owned(),
            format!(
                "malformed_answer: {login} (request[0], one of 2): the answer (HTTP 200) has no `session`: nothing is at the \
                 header X-Session"
            ),
            format!("no_access: {login}: access was denied (HTTP 403)"),
            format!("missing_otp: {otp}: the answer holds no one-time password for the device \"A:1\""),
            format!(
                "not_allowed_here: {login}: the answer (HTTP 403) says that this is reachable only through OneAPI"
            ),
            format!("login_refused: {login}: the answer has no token (HTTP 200)"),
            format!("not_found: {login}: there is nothing at /papi/x (HTTP 404)"),
            format!("proxy_refused: {login}: the proxy in between wants credentials (HTTP 407)"),
            format!(
                "rate_limited: {otp}: too many requests (HTTP 429); it asks to come back at 1970-01-01T00:00:00Z"
            ),
            format!(
                "redirected: {login}: the answer (HTTP 302) is a redirect to https://other.example, which is not \
                 followed because a change is never sent twice"
            ),
            format!(
                "redirected: {login}: the answer (HTTP 302) is a redirect to https://other.example, which is not \
                 followed"
            ),
            format!(
                "redirected: {login}: the answer (HTTP 302) is a redirect to https://other.example, which is not \
                 followed after so many others to the same place"
            ),
            format!(
                "redirected: {login}: the answer (HTTP 303) is a redirect to https://other.example, which is not \
                 followed because it asks for a read instead of what was sent"
            ),
            format!("server_error: {login}: the server failed (HTTP 500)"),
            format!("timed_out: {login}: no answer within 30 s"),
            format!("tls: {login}: no secure connection: unknown issuer"),
            format!("token_rejected: {otp}: even a fresh token was rejected (HTTP 401)"),
            "too_short_lived: a fresh token of Zscaler lives 600 s, less than the minimum_lifetime of 3600 s"
                .to_owned(),
            format!("unexpected_status: {login}: the answer has the unexpected status HTTP 418"),
            format!("unknown_device: {otp}: nothing was found for the device \"A:1\" (HTTP 404)"),
            format!("malformed_answer: {login}: `values.session` cannot be used in the path: it is empty"),
            format!("unreachable: {login}: the host cannot be reached: Connection refused"),
        ]
    );
}

#[test]
fn headlines_differ_and_advice_is_whole_sentences() {
    for system in [&http::SYSTEM, &zscaler::SYSTEM, &zettelstore::SYSTEM] {
        let errors = one_of_each(system, &Said::default());
        let headlines: BTreeSet<String> = errors.iter().map(SourceError::summary).collect();
        // A login without a token is a refused one in everything but its words.
        assert_eq!(headlines.len() + 1, errors.len());
        for error in errors {
            assert!(error.advice().ends_with('.') && error.advice() != "Try again later.", "{error}");
            assert!(!error.advice().contains('*'), "{}", error.advice());
            assert!(!error.summary().ends_with('.') && !error.to_string().ends_with('.'), "{error}");
        }
    }
}

#[test]
fn advice_names_the_setting_that_helps() {
    let cases = [
        ("bad_request", "`secret_key`"),
        ("ca_file", "`ca_cert_file`"),
        ("ca_store", "SSL_CERT_FILE"),
        ("expiry_unknown", "`ttl`"),
        ("login_refused", "`secret_key`"),
        ("missing_otp", "`otps`"),
        ("no_access", "OneAPI"),
        ("not_found", "`base_url`"),
        ("proxy_refused", "HTTPS_PROXY"),
        ("redirected", "`base_url`"),
        ("timed_out", "`timeout`"),
        ("too_short_lived", "`minimum_lifetime` of at most 600 s"),
        ("rate_limited", "`max_wait` (default 60s); raise it"),
        ("unreachable", "HTTPS_PROXY"),
    ];
    let errors = one_of_each(&zscaler::SYSTEM, &Said::default());
    for (class, word) in cases {
        let error = errors.iter().find(|error| error.class().name() == class).unwrap();
        assert!(error.advice().contains(word), "{class}: {}", error.advice());
    }
}

#[test]
fn a_host_that_does_not_answer_may_be_the_wrong_one() {
    let begins = [
        (&zscaler::SYSTEM, "Check `base_url` (environment variable ZCC_OVERRIDE_URL), then the network"),
        (
            &zettelstore::SYSTEM,
            "Check `base_url` (environment variable ZETTELSTORE_BASE_URL, default http://127.0.0.1:23123/), then",
        ),
    ];
    for (system, begin) in begins {
        let at = || attempt(system, Action::Login);
        let unreachable = SourceError::Unreachable { attempt: at(), cause: "refused".to_owned() };
        let timed_out = SourceError::TimedOut { attempt: at(), limit: Duration::from_secs(30) };
        for error in [unreachable, timed_out] {
            assert!(error.advice().starts_with(begin), "{}", error.advice());
        }
    }
}

#[test]
fn only_a_redirect_elsewhere_suggests_its_target() {
    for error in one_of_each(&zscaler::SYSTEM, &Said::default()) {
        if let SourceError::Redirected { detour, .. } = &error {
            assert_eq!(error.advice().contains("https://other.example"), *detour == Detour::Elsewhere);
            assert_eq!(error.summary().contains("elsewhere"), *detour == Detour::Elsewhere);
        }
    }
}

#[test]
fn an_unknown_device_that_is_not_found_may_be_a_wrong_address() {
    let unknown = |status| SourceError::UnknownDevice {
        attempt: attempt(&zscaler::SYSTEM, Action::Otp),
        device: Box::new(DeviceKey::Udid(Udid::try_from("A:1").unwrap())),
        status,
        said: Said::default(),
    };
    assert!(unknown(404).advice().contains("`base_url`") && !unknown(400).advice().contains("`base_url`"));
}

#[test]
fn advice_for_a_system_without_base_url_names_none() {
    for error in one_of_each(&http::SYSTEM, &Said::default()) {
        let class = error.class();
        // Only a verified token can be rejected, and this system does not verify.
        if class != FailureClass::TokenRejected {
            assert!(!error.advice().contains("base_url"), "{class}: {}", error.advice());
        }
    }
}

#[test]
fn only_passing_troubles_are_worth_another_try() {
    let errors = one_of_each(&zscaler::SYSTEM, &Said::default());
    let again: Vec<&str> = errors
        .iter()
        .filter(|error| error.retry() != Retry::Never)
        .map(|error| error.class().name())
        .collect();
    assert_eq!(
        again,
        ["broken_answer", "timed_out", "rate_limited", "server_error", "timed_out", "unreachable"]
    );
}

#[test]
fn no_error_shows_a_secret_in_any_form_however_the_system_repeats_it() {
    let secret = "hunter2+/ ö:%";
    let forms = [
        secret.to_owned(),
        "aHVudGVyMisvIMO2OiU=".to_owned(),
        "hunter2%2B%2F%20%C3%B6%3A%25".to_owned(),
        "hunter2%2B%2F+%C3%B6%3A%25".to_owned(),
    ];
    for form in forms {
        let body = serde_json::json!({ "message": format!("bad key {form}!"), "error": form, "stack": form });
        let said = Said::from_body(body.to_string().as_bytes(), &[SecretString::from(secret)]);
        assert_eq!(said.text(), Some("bad key ***!; ***"), "{form}");
        for error in one_of_each(&zscaler::SYSTEM, &said) {
            let all = format!("{error} {error:?} {error:#?} {} {}", error.summary(), error.advice());
            assert!(!all.contains(&form) && !all.contains("hunter2") && !all.contains("aHVu"), "{all}");
        }
    }
}
