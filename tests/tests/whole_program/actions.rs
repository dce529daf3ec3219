//! The removal of devices as a client sees it that knows actions: Terraform 1.14 and later.

use std::time::Duration;

use tokenferry_sandbox::{AccountMode, DeviceForm, Fault, ZscalerDevice};
use tokenferry_tests::calls::Invoked;
use tokenferry_tests::issuer::{DEVICE, GENERIC_DEVICE, Issuer, ZSCALER_LOGIN};
use tokenferry_tests::plugin::Plugin;
use tokenferry_tests::schema;
use tokenferry_tests::value::{Value, object};
use tokio::time::timeout;

const REMOVE: &str = "tokenferry_zscaler_remove_devices";
const API: &str = "/zscaler/papi/public/v1/";
const LIST: &str = "/zscaler/papi/public/v1/getDevices";
const SOFT: &str = "/zscaler/papi/public/v1/removeDevices";
const FORCE: &str = "/zscaler/papi/public/v1/forceRemoveDevices";
const ANNA: &str = "anna@example.com";

/// As many devices of anna as that, of which ben has the last.
async fn issuer(test: &str, count: usize) -> Issuer {
    Issuer::with(test, |options| {
        let device = |number| ZscalerDevice::new(&format!("U{number}:501"), DeviceForm::Live);
        let (username, agent_version) = ("ben@example.com".to_owned(), "4.4".to_owned());
        let of_ben = ZscalerDevice { username, agent_version, ..device(count - 1) };
        options.zscaler.devices = (0..count - 1).map(device).chain([of_ben]).collect();
    })
    .await
}

fn of_anna<const N: usize>(more: [(&str, Value); N]) -> Value {
    let Value::Object(mut config) = object(more) else { panic!("an object") };
    config.insert("username".to_owned(), ANNA.into());
    Value::Object(config)
}

fn texts<const N: usize>(all: [&str; N]) -> Value {
    Value::List(all.map(Value::from).to_vec())
}

fn calls(issuer: &Issuer, path: &str) -> usize {
    issuer.control().requests().iter().filter(|request| request.path == path).count()
}

/// UDID and state of every device that the provider's data source shows.
async fn states(plugin: &Plugin) -> Vec<(String, i64)> {
    let reply = plugin.read("tokenferry_zscaler_devices", &object([])).await;
    let Value::List(all) = reply.ok().member("devices") else { panic!("a list") };
    let one = |device: &Value| match device.member("state") {
        Value::Int(state) => (device.member("udid").text().unwrap().to_owned(), *state),
        other => panic!("{other:?}"),
    };
    all.iter().map(one).collect()
}

fn said(invoked: &Invoked) -> String {
    invoked.progress.join("\n")
}

#[tokio::test]
async fn the_action_is_listed_with_its_arguments_and_computes_nothing() {
    let block = schema::action(REMOVE).await;
    let mut names: Vec<&str> = block.attributes.iter().map(|attribute| attribute.name.as_str()).collect();
    names.sort_unstable();
    let expected = ["client_connector_version", "force", "max_devices", "os_type", "udids", "username"];
    assert_eq!(names, expected);
    for attribute in &block.attributes {
        assert!(attribute.optional && !attribute.computed && !attribute.sensitive, "{}", attribute.name);
        assert!(!attribute.description.is_empty(), "{}", attribute.name);
    }
    for words in ["1.14", "cannot be undone", "max_devices", "getDevices"] {
        assert!(block.description.contains(words), "{words}");
    }
}

#[tokio::test]
async fn a_removal_is_soft_and_says_how_far_it_is() {
    let issuer = issuer("remove-soft", 3).await;
    let plugin = Plugin::configured(&issuer.config()).await;
    plugin.validate_action(REMOVE, &of_anna([])).await.ok();
    plugin.plan_action(REMOVE, &of_anna([])).await.ok();
    assert_eq!(issuer.connections(), 0, "validating or planning asked somebody");
    assert_eq!(states(&plugin).await.len(), 3);

    let invoked = plugin.invoke_action(REMOVE, &of_anna([])).await;
    assert!(invoked.reply.problems.is_empty(), "{invoked:?}");
    let [listed, removing, removed] = &invoked.progress[..] else { panic!("{invoked:?}") };
    assert_eq!(listed, "Listed the devices: 2 devices to remove.");
    assert_eq!(removing, "Removing 2 devices (call 1 of 1): U0:501, U1:501.");
    assert!(removed.starts_with("Removed 2 of 2 devices; each leaves when"), "{removed}");
    assert_eq!((calls(&issuer, SOFT), calls(&issuer, FORCE)), (1, 0));
    assert_eq!(issuer.zscaler_logins().attempted, 1);
    // The list that was read before does not stand any longer.
    let after = [("U0:501", 3), ("U1:501", 3), ("U2:501", 1)];
    assert_eq!(states(&plugin).await, after.map(|(udid, state)| (udid.to_owned(), state)));

    let again = plugin.invoke_action(REMOVE, &of_anna([])).await;
    assert!(again.reply.problems.is_empty(), "{again:?}");
    assert!(said(&again).contains("none to remove. Pending already: the removal of 2 devices."), "{again:?}");
    assert_eq!(calls(&issuer, SOFT), 1);
    plugin.finish().await;
}

#[tokio::test]
async fn what_is_sent_names_the_counted_devices_and_a_page_that_holds_them() {
    let issuer = issuer("remove-sent", 41).await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let config = of_anna([("force", true.into()), ("max_devices", Value::Int(40))]);
    let invoked = plugin.invoke_action(REMOVE, &config).await;
    assert!(invoked.reply.problems.is_empty(), "{invoked:?}");
    assert!(said(&invoked).contains("U9:501 and 30 more"), "{invoked:?}");
    let requests = issuer.control().requests();
    let [login, list, removal] = &requests[..] else { panic!("{requests:#?}") };
    assert_eq!(login.path, ZSCALER_LOGIN);
    assert_eq!((list.method.as_str(), list.path.as_str()), ("GET", LIST));
    assert!(list.query.as_ref().unwrap().starts_with("username=anna%40example.com&page=1&pageSize=5000&_="));
    assert_eq!((removal.method.as_str(), removal.path.as_str()), ("POST", FORCE));
    assert!(removal.query.as_ref().unwrap().starts_with("pageSize=40&_="), "{removal:?}");
    assert!(removal.headers.contains(&"auth-token".to_owned()), "{removal:?}");
    assert_eq!(states(&plugin).await, [("U40:501".to_owned(), 1)]);
    plugin.finish().await;
}

#[tokio::test]
async fn more_devices_than_allowed_are_all_left_alone() {
    let issuer = issuer("remove-too-many", 12).await;
    let plugin = Plugin::configured(&issuer.config()).await;
    for (config, limit) in [(of_anna([]), "10"), (of_anna([("max_devices", Value::Int(2))]), "2")] {
        let invoked = plugin.invoke_action(REMOVE, &config).await;
        let error = invoked.reply.error();
        assert_eq!(error.path, "max_devices");
        assert!(error.says(&["11 devices", &format!("is {limit}."), "nothing was removed"]), "{error:?}");
    }
    assert_eq!((calls(&issuer, SOFT), calls(&issuer, FORCE)), (0, 0));
    let invoked = plugin.invoke_action(REMOVE, &of_anna([("max_devices", Value::Int(11))])).await;
    assert!(invoked.reply.problems.is_empty(), "{invoked:?}");
    plugin.finish().await;
}

#[tokio::test]
async fn every_criterion_narrows_the_choice_and_unknown_devices_are_passed_over() {
    let issuer = issuer("remove-criteria", 4).await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let udids = texts(["U0:501", "U3:501", "U9:501"]);
    let none = object([("udids", udids.clone()), ("username", ANNA.into()), ("os_type", "Windows".into())]);
    let invoked = plugin.invoke_action(REMOVE, &none).await;
    assert!(invoked.reply.problems.is_empty(), "{invoked:?}");
    assert!(said(&invoked).contains("none to remove. 3 of 3 UDIDs"), "{invoked:?}");
    assert_eq!((calls(&issuer, SOFT), calls(&issuer, FORCE)), (0, 0));

    let versions = texts(["4.4", "4.5"]);
    let one = object([("udids", udids), ("client_connector_version", versions), ("force", true.into())]);
    let invoked = plugin.invoke_action(REMOVE, &one).await;
    assert!(said(&invoked).contains("1 device to remove. 2 of 3 UDIDs"), "{invoked:?}");
    assert_eq!(states(&plugin).await.len(), 3);
    assert!(!states(&plugin).await.contains(&("U3:501".to_owned(), 1)));
    plugin.finish().await;
}

#[tokio::test]
async fn each_problem_is_found_before_the_network_and_points_at_its_attribute() {
    let plugin = Plugin::start().await;
    let cases = [
        (object([]), "udids", "at least one of"),
        (object([("force", true.into()), ("max_devices", Value::Int(3))]), "udids", "every device"),
        (object([("udids", texts([]))]), "udids", "empty"),
        (object([("udids", texts(["U1:501", " "]))]), "udids[1]", "empty"),
        (object([("udids", texts(["*"]))]), "udids[0]", "wildcards"),
        (object([("udids", Value::List(vec![Value::Null]))]), "udids[0]", "required"),
        (object([("username", "".into())]), "username", "empty"),
        (object([("username", "%".into())]), "username", "wildcards"),
        (object([("os_type", "0".into())]), "os_type", "macos"),
        (object([("client_connector_version", texts([]))]), "client_connector_version", "empty"),
        (object([("client_connector_version", texts(["4.*"]))]), "client_connector_version[0]", "in full"),
        (of_anna([("max_devices", Value::Int(0))]), "max_devices", "at least 1"),
        (of_anna([("max_devices", Value::Int(-1))]), "max_devices", "at least 1"),
        (of_anna([("max_devices", Value::Float(1.5))]), "max_devices", "whole number"),
    ];
    for (config, path, words) in cases {
        let reply = plugin.validate_action(REMOVE, &config).await;
        assert_eq!(reply.error().path, path, "{config:?}");
        assert!(reply.error().says(&[words]), "{reply:?}");
    }
    let several =
        object([("udids", texts(["", "*"])), ("os_type", "9".into()), ("max_devices", Value::Int(0))]);
    assert_eq!(plugin.validate_action(REMOVE, &several).await.errors().len(), 4);
    plugin.finish().await;
}

#[tokio::test]
async fn what_is_wrong_or_unknown_when_invoked_removes_nothing() {
    let issuer = issuer("remove-wrong", 2).await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let unknown_udid = Value::List(vec!["U0:501".into(), Value::unknown()]);
    for config in [
        object([]),
        object([("udids", texts([]))]),
        object([("username", Value::unknown())]),
        of_anna([("os_type", Value::unknown())]),
        of_anna([("udids", unknown_udid.clone())]),
        of_anna([("force", Value::unknown())]),
        of_anna([("max_devices", Value::unknown())]),
    ] {
        let invoked = plugin.invoke_action(REMOVE, &config).await;
        assert!(!invoked.reply.errors().is_empty(), "{config:?}");
    }
    for config in [object([("username", Value::unknown())]), object([("udids", unknown_udid)])] {
        plugin.validate_action(REMOVE, &config).await.ok();
        plugin.plan_action(REMOVE, &config).await.ok();
    }
    assert_eq!(issuer.connections(), 0);
    plugin.finish().await;
}

#[tokio::test]
async fn a_missing_credential_is_found_by_the_plan() {
    let plugin = Plugin::configured(&object([])).await;
    plugin.validate_action(REMOVE, &of_anna([])).await.ok();
    assert!(!plugin.plan_action(REMOVE, &of_anna([])).await.errors().is_empty());
    assert!(!plugin.invoke_action(REMOVE, &of_anna([])).await.reply.errors().is_empty());
    plugin.finish().await;
    // What is not known yet may be there when it is needed.
    let plugin = Plugin::configured(&object([("zscaler", Value::unknown())])).await;
    plugin.plan_action(REMOVE, &of_anna([])).await.ok();
    let invoked = plugin.invoke_action(REMOVE, &of_anna([])).await;
    assert!(invoked.reply.error().says(&["not known yet"]), "{invoked:?}");
    plugin.finish().await;
}

#[tokio::test]
async fn an_action_that_does_not_exist_is_an_error_and_nothing_more() {
    let issuer = issuer("remove-other", 2).await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let invoked = plugin.invoke_raw("tokenferry_zscaler_enrol", object([]).dynamic()).await;
    assert!(invoked.reply.error().says(&["tokenferry_zscaler_enrol"]), "{invoked:?}");
    let garbage = tfplugin_proto::tfplugin6::DynamicValue { msgpack: vec![0xc1], json: Vec::new() };
    assert!(!plugin.invoke_raw(REMOVE, garbage).await.reply.errors().is_empty());
    assert!(plugin.invoke_action(REMOVE, &of_anna([])).await.reply.problems.is_empty());
    plugin.finish().await;
}

#[tokio::test]
async fn a_removal_that_may_have_been_carried_out_is_not_sent_again() {
    let issuer = issuer("remove-doubt", 2).await;
    let plugin = Plugin::configured(&issuer.config()).await;
    for fault in [Fault::status(503), Fault::redirect(302, SOFT), Fault::cut(), Fault::garbage()] {
        issuer.control().reset();
        issuer.fault(fault.path(SOFT));
        let invoked = plugin.invoke_action(REMOVE, &of_anna([])).await;
        let error = invoked.reply.error();
        assert!(
            error.says(&["nobody knows", "may have been carried out", "no device was removed before"]),
            "{error:?}"
        );
        assert_eq!(calls(&issuer, SOFT), 1);
        issuer.control().clear_faults();
    }
    // To invoke it again is what the message advises.
    assert!(plugin.invoke_action(REMOVE, &of_anna([])).await.reply.problems.is_empty());
    plugin.finish().await;
}

#[tokio::test]
async fn a_removal_that_is_refused_says_why() {
    let issuer = Issuer::with("remove-read-only", |options| {
        options.zscaler.accounts[0].mode = AccountMode::ReadOnly;
    })
    .await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let config = object([("udids", texts([DEVICE, GENERIC_DEVICE]))]);
    let invoked = plugin.invoke_action(REMOVE, &config).await;
    let error = invoked.reply.error();
    assert!(error.says(&["denied access", "role that may write", "no device was removed"]), "{error:?}");
    issuer.fault(Fault::status(401).path(SOFT).times(1));
    assert!(plugin.invoke_action(REMOVE, &config).await.reply.error().says(&["denied access"]));
    assert_eq!(issuer.zscaler_logins().attempted, 2);
    plugin.finish().await;
}

#[tokio::test]
async fn fewer_removals_than_asked_for_are_a_warning_and_none_is_an_error() {
    let issuer = issuer("remove-fewer", 3).await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let answer = |body: &str| Fault::answer(tokenferry_tests::issuer::json_answer(body)).path(SOFT).times(1);
    issuer.fault(answer(r#"{"devicesRemoved":1,"errorMsg":"one is busy"}"#));
    let invoked = plugin.invoke_action(REMOVE, &of_anna([])).await;
    invoked.reply.ok();
    let [warning] = &invoked.reply.problems[..] else { panic!("{invoked:?}") };
    assert!(warning.says(&["to remove 2 devices", "removed 1.", "one is busy"]), "{warning:?}");
    issuer.fault(answer(r#"{"devicesRemoved":0,"errorMsg":"all are busy"}"#));
    let invoked = plugin.invoke_action(REMOVE, &of_anna([])).await;
    assert!(invoked.reply.error().says(&["no device was removed", "all are busy"]), "{invoked:?}");
    assert_eq!(invoked.progress.last().unwrap(), "Removed 0 of 2 devices.");
    plugin.finish().await;
}

#[tokio::test]
async fn more_removals_than_asked_for_are_an_error_and_end_the_action() {
    let issuer = issuer("remove-more", 5003).await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let answer = tokenferry_tests::issuer::json_answer(r#"{"devicesRemoved":5007}"#);
    issuer.fault(Fault::answer(answer).path(SOFT));
    let invoked = plugin.invoke_action(REMOVE, &of_anna([("max_devices", Value::Int(6000))])).await;
    let error = invoked.reply.error();
    assert!(
        error.says(&["More devices were removed than asked for", "5000 devices", "removed 5007."]),
        "{error:?}"
    );
    assert_eq!(calls(&issuer, SOFT), 1);
    plugin.finish().await;
}

#[tokio::test]
async fn an_interrupt_lets_the_call_under_way_finish_and_begins_no_other() {
    let issuer = issuer("remove-interrupt", 5003).await;
    issuer.fault(Fault::latency(Duration::from_secs(1)).path(SOFT));
    let plugin = Plugin::configured(&issuer.config()).await;
    let connection = plugin.connection.clone();
    let config = of_anna([("max_devices", Value::Int(6000))]);
    let invocation = tokio::spawn(async move { connection.invoke_action(REMOVE, &config).await });
    issuer.asked(SOFT).await;
    assert_eq!(plugin.stop_provider().await, "");
    let invoked = invocation.await.unwrap();
    assert!(said(&invoked).contains("Removing 5000 devices (call 1 of 2)"), "{invoked:?}");
    assert!(invoked.reply.error().says(&["stopped", "Removed 5000 of 5002 devices before"]), "{invoked:?}");
    assert_eq!(calls(&issuer, SOFT), 1);
    issuer.control().clear_faults();
    let config = of_anna([("max_devices", Value::Int(2))]);
    assert!(plugin.invoke_action(REMOVE, &config).await.reply.problems.is_empty());
    plugin.finish().await;
}

#[tokio::test]
async fn an_interrupt_ends_a_list_at_once_and_a_call_without_answer_soon() {
    for (path, words) in [(LIST, "before any device was removed"), (SOFT, "may have been carried out")] {
        let issuer = issuer("remove-hanging", 2).await;
        issuer.fault(Fault::hang().path(path));
        let plugin = Plugin::configured(&issuer.config()).await;
        let connection = plugin.connection.clone();
        let invocation = tokio::spawn(async move { connection.invoke_action(REMOVE, &of_anna([])).await });
        issuer.asked(path).await;
        plugin.stop_provider().await;
        let invoked = timeout(Duration::from_secs(10), invocation).await.expect("an end soon").unwrap();
        assert!(invoked.reply.error().says(&[words]), "{invoked:?}");
        plugin.finish().await;
    }
}

#[tokio::test]
async fn no_password_of_a_device_is_shown() {
    let issuer = issuer("remove-passwords", 2).await;
    let plugin = Plugin::configured(&issuer.config()).await;
    let otps = plugin.read("tokenferry_zscaler_otp", &object([("udid", "U0:501".into())])).await;
    let exit = otps.ok().member("otps").member("exit").text().unwrap().to_owned();
    let invoked = plugin.invoke_action(REMOVE, &of_anna([("force", true.into())])).await;
    invoked.reply.ok();
    assert!(!format!("{invoked:?}").contains(&exit) && !plugin.output().contains(&exit));
    assert!(
        issuer
            .control()
            .requests()
            .iter()
            .all(|request| !request.path.starts_with(&format!("{API}getDeviceD")))
    );
    // What was read of the device before does not outlive it.
    let gone = plugin.read("tokenferry_zscaler_otp", &object([("udid", "U0:501".into())])).await;
    assert!(gone.error().says(&["UDID"]), "{gone:?}");
    plugin.finish().await;
}
