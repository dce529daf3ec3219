//! The sources against the sandbox, from settings to values, by the public interface alone.
#![expect(clippy::unwrap_used, reason = "these are tests, their helpers included")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokenferry_sandbox::{
    AccountMode, Authentication, DeviceForm, Fault, Options, Sandbox, ZscalerAccount, ZscalerDevice,
};
use tokenferry_sources::zscaler::{ApiReader, Purpose, Udid};
use tokenferry_sources::{
    BuildContext, ExposeSecret, FailureClass, Given, GivenFields, HttpClient, HttpSettings, Session,
    SystemClock, TokenNote, system,
};

fn session(sandbox: &Sandbox, name: &str, settings: &[(&str, &str)]) -> Arc<Session> {
    tokenferry_leaks::record_events();
    let access = sandbox.access().iter().find(|access| access.system == name).unwrap();
    let known = access.settings.iter().map(|(name, text)| (*name, text.as_str()));
    let system = system(name).unwrap();
    let given: GivenFields = known
        .chain(settings.iter().copied())
        .filter(|(name, _)| system.field(name).is_some())
        .map(|(name, text)| (name.to_owned(), Given::from(text)))
        .collect();
    assert_eq!(system.check(&given), []);
    let (settings, problems) = system.resolve(&given, &BTreeMap::<String, String>::new());
    assert_eq!(problems, []);
    let http = Arc::new(HttpClient::new(HttpSettings::default()));
    let context = BuildContext { http, clock: Arc::new(SystemClock) };
    Session::new(system.build(&settings, &context).unwrap(), Arc::new(SystemClock))
}

fn zscaler(mode: AccountMode) -> Options {
    let mut options = Options::default();
    options.zscaler.accounts = vec![ZscalerAccount::new("key", "secret").mode(mode)];
    options
}

async fn login_class(options: Options, system: &str) -> FailureClass {
    let sandbox = Sandbox::start(options).await.unwrap();
    session(&sandbox, system, &[]).token(None).await.unwrap_err().class()
}

#[tokio::test]
async fn every_way_zscaler_answers_a_login_is_understood() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let token = session(&sandbox, "zscaler", &[]).token(Some(Duration::from_hours(1))).await.unwrap();
    assert_eq!(token.life(), Some(Duration::from_hours(1)));

    for mode in [AccountMode::OnePart, AccountMode::NoExpiry] {
        let sandbox = Sandbox::start(zscaler(mode)).await.unwrap();
        let token = session(&sandbox, "zscaler", &[]).token(None).await.unwrap();
        assert_eq!(token.expires_at(), None);
        let token = session(&sandbox, "zscaler", &[("ttl", "1h")]).token(None).await.unwrap();
        assert_eq!(token.life(), Some(Duration::from_hours(1)));
    }
    assert_eq!(login_class(zscaler(AccountMode::NullToken), "zscaler").await, FailureClass::LoginRefused);
    assert_eq!(login_class(zscaler(AccountMode::OneApiOnly), "zscaler").await, FailureClass::NotAllowedHere);
}

#[tokio::test]
async fn a_token_that_is_dead_on_arrival_is_found_out_when_it_is_used() {
    let sandbox = Sandbox::start(zscaler(AccountMode::Expired)).await.unwrap();
    let session = session(&sandbox, "zscaler", &[]);
    session.token(None).await.unwrap();
    let reader = ApiReader::new(session).unwrap();
    let error = reader.otps(&Udid::try_from("any:1").unwrap(), None).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::TokenRejected);
    assert_eq!(sandbox.control().counters().logins("zscaler", "key").attempted, 2);
}

#[tokio::test]
async fn a_skewed_issuer_does_no_harm() {
    for skew in [-7200, 7200] {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        sandbox.control().fault(Fault::clock_skew(skew));
        let session = session(&sandbox, "zscaler", &[]);
        let token = session.token(None).await.unwrap();
        assert_eq!(token.life(), Some(Duration::from_hours(1)), "{skew}");
    }
}

#[tokio::test]
async fn one_time_passwords_of_every_form_are_read_with_one_login() {
    let mut options = Options::default();
    let forms = [
        ("live:1", DeviceForm::Live),
        ("old:2", DeviceForm::GettingStarted),
        ("odd:3", DeviceForm::UnknownKey),
        ("none:4", DeviceForm::Empty),
        ("blank:5", DeviceForm::EmptyStrings),
    ];
    options.zscaler.devices = forms.map(|(udid, form)| ZscalerDevice::new(udid, form)).into();
    let sandbox = Sandbox::start(options).await.unwrap();
    let reader = ApiReader::new(session(&sandbox, "zscaler", &[])).unwrap();
    let udid = |text| Udid::try_from(text).unwrap();

    let live = reader.otps(&udid("live:1"), None).await.unwrap();
    assert_eq!(live.iter().count(), 8);
    assert_eq!(live.get(&Purpose::Uninstall).unwrap().expose_secret().len(), 10);
    assert!(live.get(&Purpose::Generic).is_err());
    assert!(reader.otps(&udid("old:2"), None).await.unwrap().generic().is_some());
    let odd = reader.otps(&udid("odd:3"), None).await.unwrap();
    assert_eq!(odd.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["quarantine_release"]);
    for empty in ["none:4", "blank:5"] {
        assert_eq!(reader.otps(&udid(empty), None).await.unwrap_err().class(), FailureClass::MissingOtp);
    }
    let stranger = reader.otps(&udid("stranger:6"), None).await.unwrap_err();
    assert_eq!(stranger.class(), FailureClass::UnknownDevice);
    let logins = sandbox.control().counters().logins("zscaler", "sandbox-key");
    assert_eq!(logins.attempted, 1);
}

#[tokio::test]
async fn a_revoked_key_and_a_broken_server_are_told_apart() {
    let faults = [
        (Fault::key_revoked("sandbox-key"), FailureClass::LoginRefused),
        (Fault::garbage(), FailureClass::Malformed),
        (Fault::cut(), FailureClass::BrokenAnswer),
        (Fault::status(503), FailureClass::ServerError),
    ];
    for (fault, class) in faults {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        sandbox.control().fault(fault);
        assert_eq!(session(&sandbox, "zscaler", &[]).token(None).await.unwrap_err().class(), class);
    }
}

#[tokio::test]
async fn zettelstore_tokens_are_issued_and_refreshed() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    for settings in [&[][..], &[("method", "form")][..]] {
        let session = session(&sandbox, "zettelstore", settings);
        let token = session.token(None).await.unwrap();
        assert_eq!(token.life(), Some(Duration::from_mins(10)));
        let refreshed = session.source().refresh(&token).await.unwrap();
        assert_eq!(refreshed.value.expose_secret(), token.value.expose_secret());
    }
}

#[tokio::test]
async fn zettelstore_without_authentication_is_noted_and_one_without_life_refused() {
    let mut options = Options::default();
    options.zettelstore.authentication = Authentication::Disabled;
    let sandbox = Sandbox::start(options).await.unwrap();
    let token = session(&sandbox, "zettelstore", &[]).token(None).await.unwrap();
    assert_eq!(token.notes, [TokenNote::FreeAccess]);

    let mut options = Options::default();
    options.zettelstore.token_lifetime = Duration::ZERO;
    assert_eq!(login_class(options, "zettelstore").await, FailureClass::LifetimeZero);
}
