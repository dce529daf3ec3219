//! What Zscaler has besides tokens and one-time passwords, and OneAPI, over the wire.

use tokenferry_tests::issuer::{DEVICE, Issuer};
use tokenferry_tests::launch::Launch;
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::value::{Value, object};

const PASSWORDS: &str = "tokenferry_zscaler_profile_passwords";
const LIST: &str = "tokenferry_zscaler_devices";
const ONE: &str = "tokenferry_zscaler_device";

fn one_api(issuer: &Issuer, more: [(&str, Value); 1]) -> Value {
    let root = issuer.zscaler_url().trim_end_matches("/papi").to_owned();
    let [more] = more;
    object([(
        "zscaler",
        object([
            ("client_id", "sandbox-client".into()),
            ("client_secret", "sandbox-client-secret".into()),
            ("token_url", format!("{root}/oauth2/v1/token").into()),
            ("base_url", format!("{root}/zcc/papi").into()),
            more,
        ]),
    )])
}

#[tokio::test]
async fn everything_comes_by_one_api_as_well_with_one_login() {
    let issuer = Issuer::start("one-api").await;
    let plugin = Plugin::configured(&one_api(&issuer, [("method", "oneapi".into())])).await;
    let token = plugin.read("tokenferry_zscaler_token", &object([])).await;
    assert_eq!((token.text("header_name"), token.text("subject")), ("Authorization", "sandbox-client"));
    assert_eq!(token.text("header_value"), format!("Bearer {}", token.text("token")));
    plugin.read("tokenferry_zscaler_otp", &object([("udid", DEVICE.into())])).await.ok();
    plugin.read(LIST, &object([])).await.ok();
    plugin.read(ONE, &object([("udid", DEVICE.into())])).await.ok();
    assert_eq!(issuer.counters().logins("zscaler", "sandbox-client").attempted, 1);
    plugin.finish().await;
}

#[tokio::test]
async fn two_ways_to_log_in_are_refused_until_one_is_named() {
    let issuer = Issuer::start("two-ways").await;
    let config = one_api(&issuer, [("api_key", "key".into())]);
    let plugin = Launch::new().start().await;
    let reply = plugin.configure(&config).await;
    assert!(reply.error().says(&["legacy", "oneapi", "method"]), "{reply:?}");
    plugin.finish().await;
}

#[tokio::test]
async fn profile_passwords_come_by_purpose() {
    let issuer = Issuer::start("profile").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let ask = |os: &str, purpose: Value| {
        object([("username", "anna@example.com".into()), ("os_type", os.into()), ("purpose", purpose)])
    };
    let all = plugin.read(PASSWORDS, &ask("macOS", Value::Null)).await;
    let passwords = all.ok().member("passwords");
    assert_eq!(passwords.names().len(), 7);
    assert_eq!(*all.ok().member("password"), Value::Null);
    let exit = plugin.read(PASSWORDS, &ask("4", "exit".into())).await;
    assert_eq!(exit.ok().member("password"), passwords.member("exit"));
    let reply = plugin.read(PASSWORDS, &ask("macos", "zdp_disable".into())).await;
    assert!(reply.error().says(&["zdp_disable", "zia_disable"]), "{reply:?}");
    let reply = plugin.read(PASSWORDS, &ask("windows", Value::Null)).await;
    assert!(reply.error().says(&["username", "os_type"]), "{reply:?}");
    assert_eq!(issuer.counters().requests("/zscaler/papi/public/v1/getPasswords", 200), 1);
    plugin.finish().await;
}

#[tokio::test]
async fn devices_come_without_their_passwords() {
    let issuer =
        Issuer::with("devices", |options| options.zscaler.devices[1].hostname = "other".to_owned()).await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let otps = plugin.read("tokenferry_zscaler_otp", &object([("udid", DEVICE.into())])).await;
    let exit = otps.ok().member("otps").member("exit").text().unwrap().to_owned();
    let all = plugin.read(LIST, &object([])).await;
    assert!(format!("{:?}", all.ok()).contains(DEVICE));
    let none = plugin.read(LIST, &object([("os_type", "Linux".into())])).await;
    assert_eq!(*none.ok().member("devices"), Value::List(Vec::new()));

    let hostname = "mac-0a1b2c3d";
    let one = plugin.read(ONE, &object([("hostname", hostname.to_uppercase().into())])).await;
    assert_eq!((one.text("udid"), one.text("os_type")), (DEVICE, "macos"));
    assert_eq!(one.text("hostname"), hostname.to_uppercase(), "what is written stays as it is");
    assert!(!format!("{one:?}").contains(&exit));
    plugin.finish().await;
}

#[tokio::test]
async fn a_device_is_asked_for_in_exactly_one_way_and_must_be_there() {
    let issuer = Issuer::start("device").await;
    let plugin = Plugin::configured(&issuer.config()).await;
    for arguments in [object([]), object([("udid", DEVICE.into()), ("hostname", "x".into())])] {
        let reply = plugin.read(ONE, &arguments).await;
        assert!(reply.error().says(&["exactly one", "hostname"]), "{reply:?}");
    }
    let reply = plugin.read(ONE, &object([("hostname", "nowhere".into())])).await;
    assert!(reply.error().says(&["nowhere", "enrolled"]), "{reply:?}");
    assert_eq!(issuer.counters().requests("/zscaler/papi/public/v1/getDeviceDetails", 200), 0);
    plugin.finish().await;
}
