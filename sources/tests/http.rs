//! `http` sources against the sandbox, from settings to tokens that work, by the public interface alone.
#![expect(clippy::unwrap_used, reason = "these are tests, their helpers included")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokenferry_sandbox::{ExampleKey, Fault, Options, Sandbox, Stated};
use tokenferry_sources::totp::{Parameters, Totp};
use tokenferry_sources::{
    BuildContext, Clock, Expiry, ExposeSecret, FailureClass, Given, GivenFields, HttpClient, HttpSettings,
    Session, SystemClock, system,
};

type Members<'a> = &'a [(&'a str, Given)];

fn object(members: Members<'_>) -> Given {
    Given::Map(fields(members))
}

fn fields(members: Members<'_>) -> GivenFields {
    members.iter().map(|(name, given)| ((*name).to_owned(), given.clone())).collect()
}

fn session(given: &GivenFields) -> Arc<Session> {
    let http = system("http").unwrap();
    assert_eq!(http.check(given), []);
    let (settings, problems) = http.resolve(given, &BTreeMap::<String, String>::new());
    assert_eq!(problems, []);
    let context = BuildContext {
        http: Arc::new(HttpClient::new(HttpSettings::default())),
        clock: Arc::new(SystemClock),
    };
    Session::new(http.build(&settings, &context).unwrap(), Arc::new(SystemClock))
}

fn pointer(text: &str) -> Given {
    object(&[("json_pointer", text.into())])
}

/// The two requests for a token; `ends` is the value that says when it ends, if any does.
fn two_steps(sandbox: &Sandbox, password: &str, ends: Option<&str>) -> GivenFields {
    let url = |path: &str| Given::from(format!("{}/http/v1/{path}", sandbox.url()).as_str());
    let login = fields(&[
        ("url", url("tenants/acme/login")),
        ("json", r#"{"user":"sandbox","password":"{{secrets.password}}"}"#.into()),
        (
            "values",
            object(&[("session", pointer("/session/id")), ("csrf", object(&[("header", "X-CSRF".into())]))]),
        ),
    ]);
    let mut values = vec![("token", pointer("/access_token"))];
    values.extend(ends.map(|name| (name, pointer(&format!("/{name}")))));
    let exchange = fields(&[
        ("url", url("token/{{values.session}}")),
        ("headers", object(&[("X-CSRF", "{{values.csrf}}".into())])),
        ("form", object(&[("grant_type", "session".into())])),
        ("values", object(&values)),
    ]);
    fields(&[
        ("secrets", object(&[("password", password.into())])),
        ("request", Given::List(vec![login, exchange])),
        ("account", "sandbox".into()),
    ])
}

async fn start(adapt: impl FnOnce(&mut Options)) -> Sandbox {
    let mut options = Options::default();
    adapt(&mut options);
    Sandbox::start(options).await.unwrap()
}

#[tokio::test]
async fn two_steps_give_one_token_for_all_reads_however_its_end_is_stated() {
    let cases = [
        (Stated::Seconds, Some("expires_in"), true),
        (Stated::SecondsAsText, Some("expires_in"), true),
        (Stated::DateTime, Some("expires_at"), true),
        (Stated::UnixTime, Some("expires_at"), true),
        (Stated::InToken, None, true),
        (Stated::Silent, None, false),
    ];
    for (stated, ends, known) in cases {
        let sandbox = start(|options| options.http.stated = stated).await;
        let session = session(&two_steps(&sandbox, "sandbox-password", ends));
        let (one, two) = tokio::join!(session.token(None), session.token(None));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one.value.expose_secret(), two.value.expose_secret());
        assert_eq!(matches!(one.expiry, Expiry::Reported(_)), known, "{stated:?}");
        if known {
            assert!(one.life().unwrap().as_secs().abs_diff(900) <= 3, "{stated:?}");
        }
        assert_eq!(
            (one.identity.issuer.as_str(), one.identity.subject.as_str()),
            (format!("{}/http/v1/token/{{{{values.session}}}}", sandbox.url()).as_str(), "sandbox")
        );
        assert_eq!(sandbox.control().counters().logins("http", "sandbox").attempted, 1);
    }
}

#[tokio::test]
async fn failures_of_each_step_are_told_apart() {
    let exchange = "/http/v1/token/";
    let cases = [
        ("wrong", None, FailureClass::LoginRefused, "(request[0], one of 2)"),
        (
            "sandbox-password",
            Some(Fault::key_revoked("sandbox")),
            FailureClass::LoginRefused,
            "(request[0], one of 2)",
        ),
        (
            "sandbox-password",
            Some(Fault::status(403).path(exchange)),
            FailureClass::NoAccess,
            "(request[1], one of 2)",
        ),
        (
            "sandbox-password",
            Some(Fault::status(503).path(exchange)),
            FailureClass::ServerError,
            "(request[1], one of 2)",
        ),
        (
            "sandbox-password",
            Some(Fault::cut().path(exchange)),
            FailureClass::BrokenAnswer,
            "(request[1], one of 2)",
        ),
        (
            "sandbox-password",
            Some(Fault::garbage().path(exchange)),
            FailureClass::Malformed,
            "(request[1], one of 2)",
        ),
        (
            "sandbox-password",
            Some(Fault::truncate(10).path(exchange)),
            FailureClass::Malformed,
            "(request[1], one of 2)",
        ),
        (
            "sandbox-password",
            Some(Fault::large_body(true)),
            FailureClass::AnswerTooLarge,
            "(request[0], one of 2)",
        ),
    ];
    for (password, fault, class, request) in cases {
        let sandbox = start(|_| ()).await;
        let told = format!("{fault:?}");
        if let Some(fault) = fault {
            sandbox.control().fault(fault);
        }
        let error = session(&two_steps(&sandbox, password, None)).token(None).await.unwrap_err();
        assert_eq!(error.class(), class, "{told}");
        assert!(error.to_string().contains(request), "{error}");
        assert_eq!(sandbox.control().counters().logins("http", "sandbox").attempted, 1, "{told}");
    }
}

/// The preset with these members and secrets.
fn client(sandbox: &Sandbox, members: Members<'_>, secrets: Members<'_>) -> GivenFields {
    let url = format!("{}/http/oauth/token", sandbox.url());
    let mut preset = fields(&[("token_url", url.as_str().into()), ("client_id", "sandbox:client".into())]);
    preset.extend(fields(members));
    fields(&[("secrets", object(secrets)), ("oauth2_client_credentials", Given::Map(preset))])
}

#[tokio::test]
async fn a_client_gets_a_token_in_every_way_that_it_can_authenticate() {
    let secret: Members<'_> = &[("client_secret", "sandbox+secret & more".into())];
    let key: Members<'_> = &[("private_key", ExampleKey::new().pkcs1_pem().as_str().into())];
    for (way, secrets) in [("basic", secret), ("body", secret), ("private_key_jwt", key)] {
        let sandbox = start(|_| ()).await;
        let members: Members<'_> = &[
            ("authentication", way.into()),
            ("scope", "read write".into()),
            ("audience", "https://api.sandbox.example".into()),
        ];
        let token = session(&client(&sandbox, members, secrets)).token(None).await.unwrap();
        assert_eq!(token.usage.token_type, "Bearer", "{way}");
        assert_eq!(token.life(), Some(Duration::from_mins(15)), "{way}");
        assert_eq!(token.identity.subject, "sandbox:client");
    }
}

#[tokio::test]
async fn a_client_is_told_why_it_gets_none() {
    let right: Members<'_> = &[("client_secret", "sandbox+secret & more".into())];
    let wrong: Members<'_> = &[("client_secret", "wrong".into())];
    let cases: [(Members<'_>, Members<'_>, _, _); 5] = [
        (&[], wrong, FailureClass::LoginRefused, "invalid_client"),
        (&[("authentication", "body".into())], wrong, FailureClass::LoginRefused, "invalid_client"),
        (&[("client_id", "stranger".into())], right, FailureClass::LoginRefused, "invalid_client"),
        (&[("scope", "admin".into())], right, FailureClass::NoAccess, "invalid_scope"),
        (&[("audience", "elsewhere".into())], right, FailureClass::BadRequest, "invalid_target"),
    ];
    for (members, secrets, class, said) in cases {
        let sandbox = start(|_| ()).await;
        let error = session(&client(&sandbox, members, secrets)).token(None).await.unwrap_err();
        assert_eq!(error.class(), class, "{said}");
        assert!(error.to_string().contains(said), "{error}");
    }
    let sandbox = start(|_| ()).await;
    let key: Members<'_> = &[("private_key", ExampleKey::new().pkcs8_pem().as_str().into())];
    let by_key: Members<'_> =
        &[("authentication", "private_key_jwt".into()), ("assertion_audience", "elsewhere".into())];
    let error = session(&client(&sandbox, by_key, key)).token(None).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::LoginRefused);
}

#[tokio::test]
async fn a_code_is_taken_by_those_who_want_one() {
    let sandbox = start(|_| ()).await;
    let access = sandbox.access().iter().find(|access| access.system == "http").unwrap();
    let (_, secret) = access.settings.iter().find(|(name, _)| *name == "totp_secret").unwrap();
    let totp = Totp::parse(&secret.as_str().into(), Parameters::default()).unwrap();
    let clock = SystemClock;
    // Not the last moment of a code, or it would be another one that is wanted.
    let code = totp.wait_for(Duration::from_secs(2), Duration::from_secs(30), &clock).await.unwrap();
    assert!(code.valid_from <= clock.now() && code.seconds_left(clock.now()) >= 1);
    let taken = |code: &str| {
        let request = fields(&[
            ("url", format!("{}/http/v1/code", sandbox.url()).as_str().into()),
            ("form", object(&[("code", "{{secrets.code}}".into())])),
            ("values", object(&[("token", object(&[("header", "Date".into())]))])),
        ]);
        session(&fields(&[
            ("secrets", object(&[("code", code.into())])),
            ("request", Given::List(vec![request])),
        ]))
    };
    taken(code.value.expose_secret()).token(None).await.unwrap();
    let other = if code.value.expose_secret() == "000000" { "000001" } else { "000000" };
    assert_eq!(taken(other).token(None).await.unwrap_err().class(), FailureClass::LoginRefused);
}
