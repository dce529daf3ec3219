//! Zscaler Client Connector by OneAPI: tokens of ZIdentity, the API below `/zcc/papi`, devices and profiles.

use serde_json::Value;
use tokenferry_sandbox::{ClientMode, DeviceForm, Fault, Sandbox, ZscalerApiClient, ZscalerDevice};

use crate::client::{Ask, Reply, start};

const TOKEN: &str = "POST /zscaler/oauth2/v1/token";
const GOOD: &str = "grant_type=client_credentials&client_id=sandbox-client&client_secret=sandbox-client-secret\
                    &audience=https%3A%2F%2Fapi.zscaler.com";
const UDID: &str = "1F2E3D4C-0000-1111-2222-333344445555%3A501";

async fn log_in(sandbox: &Sandbox) -> Reply {
    Ask::new(TOKEN).form(GOOD).send(sandbox).await
}

async fn token(sandbox: &Sandbox) -> String {
    log_in(sandbox).await.json()["access_token"].as_str().unwrap().to_owned()
}

fn call(target: &str) -> Ask {
    Ask::new(&format!("GET /zscaler/zcc/papi/public/v1/{target}"))
}

async fn read(sandbox: &Sandbox, target: &str) -> Reply {
    call(target).bearer(&token(sandbox).await).send(sandbox).await
}

#[tokio::test]
async fn a_client_gets_a_token_in_the_form_of_its_mode() {
    for (mode, life) in [
        (ClientMode::Normal, Value::from(3600)),
        (ClientMode::ExpiresInText, Value::from("3600")),
        (ClientMode::NoExpiry, Value::Null),
    ] {
        let sandbox = start(|options| options.zscaler.api_clients[0].mode = mode).await;
        let reply = log_in(&sandbox).await;
        assert_eq!((reply.status, &reply.json()["token_type"]), (200, &Value::from("Bearer")));
        assert_eq!(reply.json()["expires_in"], life, "{mode:?}");
        assert_eq!(reply.header("x-ratelimit-limit"), Some("500, 500;w=1, 100000;w=60"));
        assert_eq!(sandbox.control().counters().logins("zscaler", "sandbox-client").succeeded, 1);
    }
}

#[tokio::test]
async fn token_requests_that_zidentity_would_refuse_are_refused() {
    let sandbox = start(|options| {
        options.zscaler.api_clients.push(ZscalerApiClient::signing("signer", vec![0; 270]));
    })
    .await;
    let assertion = "grant_type=client_credentials&client_id=signer&audience=https%3A%2F%2Fapi.zscaler.com\
                     &client_assertion=e30.e30.e30&client_assertion_type=\
                     urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    for (body, status, error) in [
        (GOOD.replace("client_credentials", "password"), 400, "unsupported_grant_type"),
        (GOOD.replace("api.zscaler.com", "api.beta.zsapi.net"), 400, "invalid_request"),
        (GOOD.replace("&audience=https%3A%2F%2Fapi.zscaler.com", ""), 400, "invalid_request"),
        (GOOD.replace("-secret&", "-wrong&"), 401, "invalid_client"),
        (GOOD.replace("=sandbox-client&", "=unknown&"), 401, "invalid_client"),
        (GOOD.replace("client_secret=", "secret="), 400, "invalid_request"),
        (format!("{GOOD}&client_id=sandbox-client"), 400, "invalid_request"),
        (format!("{GOOD}&client_assertion=x"), 400, "invalid_request"),
        (assertion.to_owned(), 401, "invalid_client"),
    ] {
        let reply = Ask::new(TOKEN).form(&body).send(&sandbox).await;
        assert_eq!((reply.status, &reply.json()["error"]), (status, &Value::from(error)), "{body}");
    }
    for content_type in ["application/json", "text/plain"] {
        assert_eq!(Ask::new(TOKEN).body(content_type, GOOD).send(&sandbox).await.status, 400);
    }
    sandbox.control().fault(Fault::key_revoked("sandbox-client"));
    assert_eq!(log_in(&sandbox).await.status, 401);
}

#[tokio::test]
async fn a_token_is_good_in_its_own_world_and_header_only() {
    let sandbox = start(|_| ()).await;
    let (one_api, legacy) = (token(&sandbox).await, {
        let body = r#"{"apiKey":"sandbox-key","secretKey":"sandbox-secret"}"#;
        let login = Ask::new("POST /zscaler/papi/auth/v1/login").body("application/json", body);
        login.send(&sandbox).await.json()["jwtToken"].as_str().unwrap().to_owned()
    });
    let target = format!("getOtp?udid={UDID}");
    let old = || Ask::new(&format!("GET /zscaler/papi/public/v1/{target}"));
    for (ask, status) in [
        (call(&target).bearer(&one_api), 200),
        (call(&target).header("auth-token", &one_api), 401),
        (call(&target).bearer(&one_api).header("auth-token", &legacy), 401),
        (call(&target).bearer(&legacy), 401),
        (call(&target).header("authorization", &one_api), 401),
        (call(&target), 401),
        (old().header("auth-token", &legacy), 200),
        (old().header("auth-token", &one_api), 401),
    ] {
        assert_eq!(ask.clone().send(&sandbox).await.status, status, "{ask:?}");
    }
    let sandbox = start(|options| options.zscaler.api_clients[0].mode = ClientMode::NoRole).await;
    assert_eq!(read(&sandbox, &target).await.status, 403);
}

#[tokio::test]
async fn devices_come_in_pages_and_by_filter() {
    let sandbox = start(|options| {
        let mut device = ZscalerDevice::new("OTHER:1", DeviceForm::Live);
        (device.username, device.os_type, device.state) = ("ben@example.com".to_owned(), 3, 6);
        options.zscaler.devices.push(device);
    })
    .await;
    for (query, count) in [
        ("", 3),
        ("?pageSize=2", 2),
        ("?pageSize=2&page=2", 1),
        ("?pageSize=2&page=3", 0),
        ("?username=ben%40example.com", 1),
        ("?osType=4", 2),
        ("?osType=3&username=anna%40example.com", 0),
    ] {
        let reply = read(&sandbox, &format!("getDevices{query}")).await;
        assert_eq!(reply.json().as_array().unwrap().len(), count, "{query}");
        assert!(!reply.text().contains("Otp"), "{query}");
    }
    for query in ["?page=0", "?pageSize=5001", "?pageSize=0", "?osType=6", "?osType=windows"] {
        assert_eq!(read(&sandbox, &format!("getDevices{query}")).await.seen(), (400, None, ""), "{query}");
    }
}

#[tokio::test]
async fn details_hold_the_passwords_in_clear_text_in_the_recorded_order() {
    let sandbox = start(|_| ()).await;
    let otps = read(&sandbox, &format!("getOtp?udid={UDID}")).await.json();
    let details = read(&sandbox, &format!("getDeviceDetails?udid={UDID}")).await.json();
    let array = details["deviceOtpArray"].as_array().unwrap();
    assert_eq!(array.len(), 10);
    for (index, name) in
        [(0, "logoutOtp"), (1, "revertOtp"), (3, "exitOtp"), (6, "zdxDisableOtp"), (9, "zdpDisableOtp")]
    {
        assert_eq!(array[index], otps[name], "{name}");
    }
    let by_user = read(&sandbox, "getDeviceDetails?username=anna%40example.com").await.json();
    assert_eq!(by_user["unique_id"], details["unique_id"]);
    for query in ["", "?udid=unknown", "?username=unknown", "?hostname=x"] {
        assert_eq!(read(&sandbox, &format!("getDeviceDetails{query}")).await.seen(), (400, None, ""));
    }
}

#[tokio::test]
async fn profile_passwords_are_for_a_user_on_a_system() {
    let sandbox = start(|_| ()).await;
    let reply = read(&sandbox, "getPasswords?username=anna%40example.com&osType=4").await;
    assert_eq!(reply.json().as_object().unwrap().len(), 7);
    for query in [
        "?username=anna%40example.com&osType=3",
        "?username=x&osType=4",
        "?osType=4",
        "",
        "?username=anna%40example.com",
    ] {
        assert_eq!(read(&sandbox, &format!("getPasswords{query}")).await.seen(), (400, None, ""), "{query}");
    }
}

#[tokio::test]
async fn a_client_that_spent_its_calls_waits_for_the_full_hour() {
    let sandbox = start(|options| options.zscaler.requests_per_window = Some(1)).await;
    // At the issuer it is half past.
    let skew = 1800 - chrono::Utc::now().timestamp() % 3600;
    sandbox.control().fault(Fault::clock_skew(skew));
    let token = token(&sandbox).await;
    let read = || call("getDevices").bearer(&token).send(&sandbox);
    let (first, second) = (read().await, read().await);
    assert_eq!((first.status, first.header("x-ratelimit-remaining")), (200, Some("0")), "the login is free");
    assert_eq!((second.status, second.header("x-ratelimit-limit")), (429, Some("1, 1;w=3600, 1;w=3600")));
    let reset: i64 = second.header("x-ratelimit-reset").unwrap().parse().unwrap();
    assert!((1700..=1800).contains(&reset), "{reset}");
}
