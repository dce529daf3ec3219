//! Sections 5.2 to 5.4 of the fact sheet: the passwords of app profiles, and devices.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn reader(server: &TestServer) -> ApiReader {
    ApiReader::new(Session::new(source(server, None), Arc::new(SystemClock))).unwrap()
}

/// Logs in, and answers reads by their number.
async fn api(reply: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> TestServer {
    TestServer::start(move |n, seen| if is_login(seen) { login_ok("token-1") } else { reply(n - 1, seen) })
        .await
}

fn anna(os_type: OsType) -> ProfileQuery {
    ProfileQuery { username: "anna+b@example.com".to_owned(), os_type }
}

fn targets(server: &TestServer) -> Vec<String> {
    let cut = |seen: &Seen| {
        seen.target.split("&_=").next().unwrap().trim_start_matches("/papi/public/v1/").to_owned()
    };
    server.seen().iter().filter(|seen| !is_login(seen)).map(cut).collect()
}

#[tokio::test]
async fn profile_passwords_are_asked_for_once_for_each_user_and_system() {
    let server = api(|_, _| status(200, r#"{"exitPass":"a1","logoutPass":""}"#)).await;
    let reader = reader(&server);
    for os in [OsType::Windows, OsType::Windows, OsType::Linux] {
        let set = reader.profile_passwords(&anna(os), None).await.unwrap();
        assert_eq!(set.get("exit").unwrap().expose_secret(), "a1");
    }
    let asked = "getPasswords?username=anna%2Bb%40example.com&osType=";
    assert_eq!(targets(&server), [format!("{asked}3"), format!("{asked}5")]);
    assert_eq!(server.seen()[1].header("auth-token"), Some("token-1"));
}

#[tokio::test]
async fn profile_passwords_that_do_not_come_are_told_apart() {
    let cases = [
        (status(400, ""), FailureClass::MissingPassword, "`username`"),
        (
            status(404, r#"{"code":3199,"message":"Record not available"}"#),
            FailureClass::MissingPassword,
            "`os_type`",
        ),
        (status(404, "404 Not Found"), FailureClass::NotFound, "`base_url`"),
        (status(403, ""), FailureClass::NoAccess, "role"),
        (status(200, "{}"), FailureClass::MissingPassword, "app profile"),
        (status(200, r#"{"exitPass":""}"#), FailureClass::MissingPassword, "app profile"),
        (status(200, "[]"), FailureClass::Malformed, "address"),
    ];
    for (reply, class, word) in cases {
        let told = format!("{reply:?}");
        let server = api(move |_, _| reply.clone()).await;
        let reader = reader(&server);
        for _ in 0..2 {
            let error = reader.profile_passwords(&anna(OsType::Ios), None).await.unwrap_err();
            assert_eq!(error.class(), class, "{told}");
            assert!(error.advice().contains(word), "{told}: {}", error.advice());
        }
        assert_eq!(server.seen().len(), 2, "{told}");
    }
}

fn list(count: usize, from: usize) -> Reply {
    let one =
        |number: usize| format!(r#"{{"udid":"U{number}:1","machineHostname":"Host-{number}","type":3}}"#);
    let all: Vec<String> = (from..from + count).map(one).collect();
    status(200, &format!("[{}]", all.join(",")))
}

#[tokio::test]
async fn devices_are_read_in_pages_of_the_largest_size_until_one_is_short() {
    let server = api(|n, _| list([5000, 5000, 1][n], n * 5000)).await;
    let reader = reader(&server);
    let devices = reader.devices(&DeviceFilter::default(), None).await.unwrap();
    assert_eq!(devices.len(), 10_001);
    assert_eq!(devices[10_000].text("udid"), Some("U10000:1"));
    reader.devices(&DeviceFilter::default(), None).await.unwrap();
    let page = |number| format!("getDevices?page={number}&pageSize=5000");
    assert_eq!(targets(&server), [page(1), page(2), page(3)]);
}

#[tokio::test]
async fn a_list_that_repeats_itself_or_overflows_is_not_taken_for_whole() {
    let repeated = api(|_, _| list(5000, 0)).await;
    let too_long = api(|_, _| list(5001, 0)).await;
    for (server, asked, said) in [(repeated, 2, "it repeats"), (too_long, 1, "more devices than")] {
        let error = reader(&server).devices(&DeviceFilter::default(), None).await.unwrap_err();
        assert_eq!((error.class(), targets(&server).len()), (FailureClass::Malformed, asked));
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn devices_are_filtered_by_the_system_and_may_be_none() {
    let server = api(|_, _| status(200, "[]")).await;
    let filter = DeviceFilter { username: Some("anna b".to_owned()), os_type: Some(OsType::MacOs) };
    assert!(reader(&server).devices(&filter, None).await.unwrap().is_empty());
    assert_eq!(targets(&server), ["getDevices?username=anna%20b&osType=4&page=1&pageSize=5000"]);
}

#[tokio::test]
async fn a_rejected_token_within_a_list_is_replaced_and_the_list_goes_on() {
    let (logins, reads) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let server = TestServer::start(move |_, seen| {
        let count = |counter: &AtomicUsize| counter.fetch_add(1, Ordering::SeqCst);
        if is_login(seen) {
            return login_ok(&format!("token-{}", count(&logins) + 1));
        }
        match count(&reads) {
            0 => list(5000, 0),
            1 => status(401, ""),
            _ => list(1, 5000),
        }
    })
    .await;
    assert_eq!(reader(&server).devices(&DeviceFilter::default(), None).await.unwrap().len(), 5001);
    let page = |number| format!("getDevices?page={number}&pageSize=5000");
    assert_eq!(targets(&server), [page(1), page(2), page(2)]);
    assert_eq!(server.seen()[4].header("auth-token"), Some("token-2"));
}

#[tokio::test]
async fn lists_that_are_none_are_told_apart() {
    let cases = [
        (status(200, r#"{"devices":[]}"#), FailureClass::Malformed),
        (status(200, "[1]"), FailureClass::Malformed),
        (status(400, ""), FailureClass::BadRequest),
        (status(404, "404 Not Found"), FailureClass::NotFound),
    ];
    for (reply, class) in cases {
        let told = format!("{reply:?}");
        let server = api(move |_, _| reply.clone()).await;
        let error = reader(&server).devices(&DeviceFilter::default(), None).await.unwrap_err();
        assert_eq!(error.class(), class, "{told}");
    }
}

#[tokio::test]
async fn a_long_list_is_taken_in_and_an_endless_one_is_not() {
    let padded = |bytes: usize| status(200, &format!(r#"[{{"udid":"A:1","x":"{}"}}]"#, "x".repeat(bytes)));
    for (megabytes, good) in [(15, true), (17, false)] {
        let server = api(move |_, _| padded(megabytes * 1024 * 1024)).await;
        let outcome = reader(&server).devices(&DeviceFilter::default(), None).await;
        assert_eq!(outcome.is_ok(), good, "{megabytes} MiB");
        assert_eq!(outcome.err().map(|error| error.class()), (!good).then_some(FailureClass::AnswerTooLarge));
    }
}

const DETAILS: &str = r#"{"id":"77","type":4,"state":1,"user_name":"anna","machineHostname":"Mac-1","unique_id":"U1:501",
    "rooted":"0","last_seen_time":"1767225600","serialNumber":"S1","ziaEnabled":"true",
    "logFetchInfo":{"error":1},"deviceOtpArray":["hunter2-0","hunter2-1"]}"#;

#[tokio::test]
async fn the_details_of_a_device_come_without_its_passwords() {
    for body in [DETAILS.to_owned(), format!("[{DETAILS}]")] {
        let server = api(move |_, _| status(200, &body)).await;
        let key = DeviceKey::Udid(Udid::try_from("U1:501").unwrap());
        let device = reader(&server).device(&key, None).await.unwrap();
        let texts =
            ["udid", "user", "os_type", "serial_number", "last_seen_at"].map(|name| device.text(name));
        assert_eq!(texts, ["U1:501", "anna", "macos", "S1", "2026-01-01T00:00:00Z"].map(Some));
        assert!(!format!("{device:?}").contains("hunter2"));
        assert_eq!(targets(&server), ["getDeviceDetails?udid=U1%3A501"]);
    }
}

#[tokio::test]
async fn a_device_is_found_by_its_user() {
    let server = api(|_, _| status(200, DETAILS)).await;
    let reader = reader(&server);
    let key = DeviceKey::Username("anna@example.com".to_owned());
    for _ in 0..2 {
        assert_eq!(reader.device(&key, None).await.unwrap().text("udid"), Some("U1:501"));
    }
    assert_eq!(targets(&server), ["getDeviceDetails?username=anna%40example.com"]);
}

/// A list with the host names `twin` (twice) and `Mac-1`.
async fn with_list() -> TestServer {
    let list = r#"[{"udid":"T1:1","machineHostname":"twin","user":"ben","state":2},
        {"udid":"U1:501","machineHostname":"Mac-1"},
        {"udid":"T2:1","machineHostname":"TWIN","user":"eve","registrationState":"Registered"}]"#;
    api(move |_, seen| status(200, if seen.path().ends_with("getDevices") { list } else { DETAILS })).await
}

#[tokio::test]
async fn a_device_is_found_by_its_host_name_in_the_list_of_all() {
    let server = with_list().await;
    let reader = reader(&server);
    for name in ["mac-1", "MAC-1"] {
        let device = reader.device(&DeviceKey::Hostname(name.to_owned()), None).await.unwrap();
        assert_eq!(device.text("serial_number"), Some("S1"));
    }
    let list = "getDevices?page=1&pageSize=5000";
    assert_eq!(targets(&server), [list, "getDeviceDetails?udid=U1%3A501"]);
}

#[tokio::test]
async fn none_or_several_devices_of_a_host_name_are_an_error() {
    let server = with_list().await;
    let reader = reader(&server);
    let error = reader.device(&DeviceKey::Hostname("twin".to_owned()), None).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::AmbiguousDevice);
    let text = error.to_string();
    assert!(text.contains("T1:1 (state 2, user ben); T2:1 (state Registered, user eve)"), "{text}");
    assert!(error.advice().contains("`udid`"));
    let error = reader.device(&DeviceKey::Hostname("none".to_owned()), None).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::UnknownDevice);
    assert!(error.to_string().contains("the host name \"none\""), "{error}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn many_devices_of_one_name_are_not_all_listed() {
    let one = |number| format!(r#"{{"udid":"T{number}:1","machineHostname":"twin"}}"#);
    let list = format!("[{}]", (0..25).map(one).collect::<Vec<_>>().join(","));
    let server = api(move |_, _| status(200, &list)).await;
    let error = reader(&server).device(&DeviceKey::Hostname("twin".to_owned()), None).await.unwrap_err();
    assert!(error.to_string().ends_with("T9:1 (state ?, user ?); 15 more"), "{error}");
}

#[tokio::test]
async fn details_that_do_not_come_are_told_apart() {
    let two = format!("[{DETAILS},{DETAILS}]");
    let cases = [
        (400, "", FailureClass::UnknownDevice),
        (404, r#"{"id":"resource.not.found"}"#, FailureClass::UnknownDevice),
        (404, "404 Not Found", FailureClass::NotFound),
        (200, "[]", FailureClass::UnknownDevice),
        (200, two.as_str(), FailureClass::AmbiguousDevice),
        (200, "{}", FailureClass::Malformed),
        (200, "7", FailureClass::Malformed),
    ];
    for (code, body, class) in cases {
        let reply = status(code, body);
        let server = api(move |_, _| reply.clone()).await;
        let error = reader(&server).device(&DeviceKey::Username("anna".to_owned()), None).await.unwrap_err();
        assert_eq!(error.class(), class, "{code} {body}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn reads_of_every_kind_share_one_login_and_one_limit() {
    let limited = crate::test_server::with_headers(429, "x-ratelimit-reset: 1800\r\n", "");
    let server = api(move |n, _| match n {
        0 => status(200, DETAILS),
        _ => limited.clone(),
    })
    .await;
    let reader = reader(&server);
    let key = DeviceKey::Udid(Udid::try_from("U1:501").unwrap());
    reader.device(&key, None).await.unwrap();
    let classes = [
        reader.devices(&DeviceFilter::default(), None).await.unwrap_err(),
        reader.profile_passwords(&anna(OsType::Ios), None).await.unwrap_err(),
        reader.otps(&Udid::try_from("U1:501").unwrap(), None).await.unwrap_err(),
    ]
    .map(|error| error.class());
    assert_eq!(classes, [FailureClass::RateLimited; 3]);
    reader.device(&key, None).await.unwrap();
    assert_eq!(server.seen().len(), 3, "a login, the details, and one refusal");
}
