//! Zscaler Client Connector: the removal of devices.

use serde_json::{Value, json};
use tokenferry_sandbox::{AccountMode, DeviceForm, Sandbox, ZscalerAccount, ZscalerDevice};

use crate::client::{Ask, Reply, start};

const JSON: &str = "application/json;charset=UTF-8";
const SOFT: &str = "removeDevices";
const FORCE: &str = "forceRemoveDevices";

/// Registered, pending, unregistered, quarantined, in this order; the last one belongs to somebody else.
async fn four_devices() -> Sandbox {
    start(|options| {
        let device =
            |udid: &str, state| ZscalerDevice { state, ..ZscalerDevice::new(udid, DeviceForm::Live) };
        options.zscaler.devices =
            vec![device("a:1", 1), device("b:2", 3), device("c:3", 2), device("d:4", 6)];
        options.zscaler.devices[3].username = "ben@example.com".to_owned();
        options.zscaler.devices[3].agent_version = "4.4".to_owned();
        options.zscaler.devices[3].os_type = 3;
    })
    .await
}

async fn token(sandbox: &Sandbox) -> String {
    let body = r#"{"apiKey":"sandbox-key","secretKey":"sandbox-secret"}"#;
    let login =
        Ask::new("POST /zscaler/papi/auth/v1/login").body("application/json", body).send(sandbox).await;
    login.json()["jwtToken"].as_str().unwrap().to_owned()
}

async fn remove(sandbox: &Sandbox, call: &str, body: &str) -> Reply {
    let token = token(sandbox).await;
    let ask = Ask::new(&format!("POST /zscaler/papi/public/v1/{call}")).body("application/json", body);
    ask.header("auth-token", &token).send(sandbox).await
}

/// UDID and state of what is left.
async fn listed(sandbox: &Sandbox) -> Vec<(String, u64)> {
    let token = token(sandbox).await;
    let ask = Ask::new("GET /zscaler/papi/public/v1/getDevices?pageSize=5000").header("auth-token", &token);
    let all: Vec<Value> = serde_json::from_slice(&ask.send(sandbox).await.body).unwrap();
    let one =
        |device: &Value| (device["udid"].as_str().unwrap().to_owned(), device["state"].as_u64().unwrap());
    all.iter().map(one).collect()
}

fn states(devices: &[(&str, u64)]) -> Vec<(String, u64)> {
    devices.iter().map(|&(udid, state)| (udid.to_owned(), state)).collect()
}

#[tokio::test]
async fn a_soft_removal_is_pending_and_a_forced_one_done() {
    let sandbox = four_devices().await;
    let both = r#"{"udids":["a:1","b:2","x:9"]}"#;
    let reply = remove(&sandbox, SOFT, both).await;
    assert_eq!(reply.seen(), (200, Some(JSON), r#"{"devicesRemoved":1}"#));
    assert_eq!(listed(&sandbox).await, states(&[("a:1", 3), ("b:2", 3), ("c:3", 2), ("d:4", 6)]));
    let again = remove(&sandbox, SOFT, both).await;
    assert_eq!((again.status, &again.json()["devicesRemoved"]), (200, &json!(0)));
    assert_eq!(remove(&sandbox, FORCE, both).await.json(), json!({"devicesRemoved": 2}));
    assert_eq!(listed(&sandbox).await, states(&[("c:3", 2), ("d:4", 6)]));
    let rest = remove(&sandbox, FORCE, r#"{"udids":["a:1","c:3","d:4"]}"#).await;
    assert_eq!((rest.status, rest.header("content-type")), (400, Some(JSON)));
    assert_eq!(rest.json()["devicesRemoved"], 0);
    assert!(rest.json()["errorMsg"].is_string());
    assert_eq!(listed(&sandbox).await.len(), 2);
}

#[tokio::test]
async fn each_criterion_narrows_the_choice() {
    for (body, removed) in [
        (r#"{"userName":"ben@example.com"}"#, 1),
        (r#"{"username":"anna@example.com","udids":[]}"#, 2),
        (r#"{"osType":3}"#, 1),
        (r#"{"osType":"4","clientConnectorVersion":["4.5.0.33"]}"#, 2),
        (r#"{"clientConnectorVersion":["4.5"]}"#, 0),
        (r#"{"osType":3,"userName":"anna@example.com"}"#, 0),
    ] {
        let reply = remove(&four_devices().await, SOFT, body).await;
        assert_eq!((reply.status, &reply.json()["devicesRemoved"]), (200, &json!(removed)), "{body}");
    }
}

#[tokio::test]
async fn what_could_mean_every_device_is_refused() {
    let sandbox = four_devices().await;
    for body in ["{}", r#"{"udids":[],"osType":0,"userName":""}"#, r#"{"udids":null}"#] {
        for call in [SOFT, FORCE] {
            let reply = remove(&sandbox, call, body).await;
            assert_eq!((reply.status, &reply.json()["devicesRemoved"]), (400, &json!(0)), "{body}");
        }
    }
    for body in
        ["", "[]", r#"{"udid":"a:1"}"#, r#"{"udids":"a:1"}"#, r#"{"osType":9}"#, r#"{"osType":"mac"}"#]
    {
        assert_eq!(remove(&sandbox, SOFT, body).await.seen(), (400, None, ""), "{body}");
    }
    assert_eq!(listed(&sandbox).await[0].1, 1);
}

#[tokio::test]
async fn a_call_removes_no_more_than_its_page_holds() {
    let sandbox = start(|options| {
        let one = |number| ZscalerDevice::new(&format!("u:{number}"), DeviceForm::Empty);
        options.zscaler.devices = (0..40).map(one).collect();
    })
    .await;
    let body = r#"{"osType":4}"#;
    for (call, removed) in [
        ("forceRemoveDevices", 30),
        ("forceRemoveDevices?pageSize=3", 3),
        ("forceRemoveDevices?pageSize=5000", 7),
    ] {
        assert_eq!(remove(&sandbox, call, body).await.json()["devicesRemoved"], removed, "{call}");
    }
    for size in ["0", "5001", "x"] {
        let reply = remove(&sandbox, &format!("removeDevices?pageSize={size}"), body).await;
        assert_eq!(reply.seen(), (400, None, ""), "{size}");
    }
}

#[tokio::test]
async fn a_removal_needs_a_token_that_may_write_and_is_posted() {
    let sandbox = four_devices().await;
    let ask =
        Ask::new("POST /zscaler/papi/public/v1/removeDevices").body("application/json", r#"{"osType":4}"#);
    assert_eq!(ask.send(&sandbox).await.seen(), (401, None, ""));
    let get =
        Ask::new("GET /zscaler/papi/public/v1/removeDevices").header("auth-token", &token(&sandbox).await);
    assert_eq!(get.send(&sandbox).await.status, 404);

    let account = ZscalerAccount::new("sandbox-key", "sandbox-secret").mode(AccountMode::ReadOnly);
    let sandbox = start(|options| options.zscaler.accounts = vec![account]).await;
    assert_eq!(remove(&sandbox, SOFT, r#"{"osType":4}"#).await.seen(), (403, None, ""));
    assert_eq!(listed(&sandbox).await.len(), 2);
}
