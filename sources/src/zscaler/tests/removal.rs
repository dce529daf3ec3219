//! Section 5.5 of the fact sheet: the removal of devices.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::calls::Calls;
use super::super::kept::Kept;
use super::*;
use crate::Clock;
use crate::test_server::with_headers;

const LIST: &str = r#"[
    {"udid":"U1:501","user":"Anna@example.com","type":4,"state":1,"agentVersion":"4.5.0.33"},
    {"udid":"U2:502","user":"anna@example.com","type":3,"state":3,"agentVersion":"4.5.0.33"},
    {"udid":"U3:503","user":"ben@example.com","type":4,"state":2,"agentVersion":"4.4"},
    {"udid":"U3:503","user":"ben@example.com","type":4,"state":1,"agentVersion":"4.4"},
    {"udid":"U4:504","user":"ben@example.com","type":"4","state":6},
    {"udid":"U5:505"},
    {"user":"anna@example.com","type":4}
]"#;

fn reader(server: &TestServer) -> ApiReader {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    ApiReader::new(Session::new(source(server, None), clock)).unwrap()
}

/// Logs in and lists; removals are answered by their number.
async fn api(reply: impl Fn(usize) -> Reply + Send + Sync + 'static) -> TestServer {
    let removals = AtomicUsize::new(0);
    TestServer::start(move |n, seen| match seen.path().rsplit('/').next() {
        Some("login") => login_ok(&format!("token-{n}")),
        Some("getDevices") => status(200, LIST),
        _ => reply(removals.fetch_add(1, Ordering::SeqCst)),
    })
    .await
}

fn udids<const N: usize>(texts: [&str; N]) -> Vec<Udid> {
    texts.map(|text| Udid::try_from(text).unwrap()).to_vec()
}

fn removals(server: &TestServer) -> Vec<Seen> {
    server.seen().into_iter().filter(|seen| seen.path().ends_with("emoveDevices")).collect()
}

fn removed(count: u64) -> Reply {
    status(200, &format!(r#"{{"devicesRemoved":{count}}}"#))
}

async fn removal_failure(reply: Reply) -> (RemovalFailure, usize) {
    let server = api(move |_| reply.clone()).await;
    let error = reader(&server).remove(&udids(["U1:501"]), Removal::Soft).await.unwrap_err();
    (error, removals(&server).len())
}

#[tokio::test]
async fn devices_are_removed_by_their_udids_alone_and_all_fit_on_the_page() {
    for (removal, path) in [(Removal::Soft, "removeDevices"), (Removal::Forced, "forceRemoveDevices")] {
        let server = api(|_| removed(2)).await;
        let outcome = reader(&server).remove(&udids(["U1:501", "a/b"]), removal).await.unwrap();
        assert_eq!((outcome.count, outcome.said.text()), (2, None));
        let [seen] = &removals(&server)[..] else { panic!("one call") };
        assert_eq!((seen.method.as_str(), seen.body.as_str()), ("POST", r#"{"udids":["U1:501","a/b"]}"#));
        let target = format!("/papi/public/v1/{path}?pageSize=2&_=");
        assert!(seen.target.starts_with(&target), "{}", seen.target);
        assert_eq!(seen.header("content-type"), Some("application/json"));
        assert_eq!(seen.header("auth-token"), Some("token-0"));
    }
}

#[tokio::test]
async fn to_remove_nothing_is_no_call() {
    let server = api(|_| removed(7)).await;
    assert_eq!(reader(&server).remove(&[], Removal::Forced).await.unwrap().count, 0);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn candidates_meet_every_criterion_and_can_be_removed() {
    let server = api(|_| removed(0)).await;
    let reader = reader(&server);
    let filter =
        |username: Option<&str>, os_type| DeviceFilter { username: username.map(str::to_owned), os_type };
    let with_filter = |filter| DeviceCriteria { filter, ..DeviceCriteria::default() };
    let with_versions = |all: &[&str]| DeviceCriteria {
        versions: Some(all.iter().map(|&version| version.to_owned()).collect()),
        ..DeviceCriteria::default()
    };
    let with_udids = |all: Vec<Udid>| DeviceCriteria {
        udids: Some(all.into_iter().collect::<BTreeSet<Udid>>()),
        ..DeviceCriteria::default()
    };
    let cases = [
        (with_filter(filter(Some("anna@example.com"), None)), Removal::Soft, vec!["U1:501"], 1),
        (with_filter(filter(Some("anna@example.com"), None)), Removal::Forced, vec!["U1:501", "U2:502"], 0),
        (
            with_filter(filter(Some("anna@example.com"), Some(OsType::Windows))),
            Removal::Forced,
            vec!["U2:502"],
            0,
        ),
        (with_filter(filter(Some("anna"), None)), Removal::Forced, vec![], 0),
        (with_filter(filter(None, Some(OsType::MacOs))), Removal::Forced, vec!["U1:501", "U3:503"], 1),
        (
            with_filter(filter(None, Some(OsType::MacOs))),
            Removal::Soft,
            vec!["U1:501", "U3:503", "U4:504"],
            0,
        ),
        (with_versions(&["4.4", "4.5"]), Removal::Soft, vec!["U3:503"], 0),
        (with_udids(udids(["U5:505", "u1:501", "U9:509"])), Removal::Soft, vec!["U5:505"], 0),
        (with_udids(Vec::new()), Removal::Soft, vec![], 0),
    ];
    for (criteria, removal, chosen, passed_over) in cases {
        let candidates = reader.candidates(&criteria, removal).await.unwrap();
        let found: Vec<&str> = candidates.udids.iter().map(Udid::as_str).collect();
        assert_eq!((found, candidates.passed_over), (chosen, passed_over), "{criteria:?} {removal:?}");
    }
    assert!(removals(&server).is_empty());
}

#[tokio::test]
async fn candidates_are_listed_anew_each_time_and_lists_are_read_again_after_a_removal() {
    let server = api(|_| removed(1)).await;
    let reader = reader(&server);
    let lists = || server.seen().iter().filter(|seen| seen.path().ends_with("getDevices")).count();
    for _ in 0..2 {
        reader.devices(&DeviceFilter::default(), None).await.unwrap();
        reader.candidates(&DeviceCriteria::default(), Removal::Soft).await.unwrap();
    }
    assert_eq!(lists(), 3);
    reader.remove(&udids(["U1:501"]), Removal::Soft).await.unwrap();
    reader.devices(&DeviceFilter::default(), None).await.unwrap();
    assert_eq!(lists(), 4);
}

#[tokio::test]
async fn a_count_may_be_a_text_or_come_with_a_400() {
    let cases = [
        (status(200, r#"{"devicesRemoved":"1"}"#), 1, None),
        (status(400, r#"{"devicesRemoved":0,"errorMsg":"nothing found"}"#), 0, Some("nothing found")),
        (status(200, r#"{"devicesRemoved":0,"errorMsg":"token-0 is odd"}"#), 0, Some("*** is odd")),
    ];
    for (reply, count, said) in cases {
        let server = api(move |_| reply.clone()).await;
        let outcome = reader(&server).remove(&udids(["U1:501"]), Removal::Forced).await.unwrap();
        assert_eq!((outcome.count, outcome.said.text()), (count, said));
    }
}

#[tokio::test]
async fn a_removal_that_may_have_been_carried_out_is_not_sent_again() {
    let redirect = |code, to: &str| with_headers(code, &format!("Location: {to}\r\n"), "");
    let cases = [
        (redirect(301, "/papi/public/v1/removeDevices"), FailureClass::Redirected),
        (redirect(302, "removeDevices?again"), FailureClass::Redirected),
        (redirect(303, "/done"), FailureClass::Redirected),
        (redirect(307, "/forceRemoveDevices"), FailureClass::Redirected),
        (redirect(308, "/forceRemoveDevices"), FailureClass::Redirected),
        (redirect(302, "https://elsewhere.example/"), FailureClass::Redirected),
        (status(500, ""), FailureClass::ServerError),
        (status(503, ""), FailureClass::ServerError),
        (status(408, ""), FailureClass::TimedOut),
        (Reply::Cut, FailureClass::BrokenAnswer),
        (status(200, ""), FailureClass::Malformed),
        (status(200, r#"{"devicesRemoved":-1}"#), FailureClass::Malformed),
        (status(200, r#"{"devicesRemoved":0.5}"#), FailureClass::Malformed),
        (status(200, "{}"), FailureClass::Malformed),
        (status(304, ""), FailureClass::UnexpectedStatus),
    ];
    for (reply, class) in cases {
        let told = format!("{reply:?}");
        let (error, calls) = removal_failure(reply).await;
        assert!(
            matches!(&error, RemovalFailure::Unconfirmed(error) if error.class() == class),
            "{told}: {error:?}"
        );
        assert_eq!(calls, 1, "{told}");
    }
}

#[tokio::test]
async fn a_removal_that_was_turned_down_removed_nothing() {
    let cases = [
        (status(400, ""), FailureClass::BadRequest),
        (status(403, ""), FailureClass::NoAccess),
        (status(403, "Use OneAPI"), FailureClass::NotAllowedHere),
        (status(404, "404 Not Found"), FailureClass::NotFound),
        (status(413, ""), FailureClass::UnexpectedStatus),
    ];
    for (reply, class) in cases {
        let told = format!("{reply:?}");
        let (error, calls) = removal_failure(reply).await;
        let RemovalFailure::NothingRemoved(error) = error else { panic!("{told}: {error:?}") };
        assert_eq!((error.class(), calls), (class, 1), "{told}");
        assert!(error.to_string().contains("removing devices from Zscaler"), "{error}");
        assert_eq!(
            class == FailureClass::NoAccess,
            error.advice().starts_with("Removing devices needs"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn a_removal_whose_token_was_rejected_is_sent_once_more_with_a_new_one() {
    let server = api(|n| if n == 0 { status(401, "") } else { removed(1) }).await;
    assert_eq!(reader(&server).remove(&udids(["U1:501"]), Removal::Soft).await.unwrap().count, 1);
    let tokens: Vec<_> =
        removals(&server).iter().map(|seen| seen.header("auth-token").unwrap().to_owned()).collect();
    assert_eq!(tokens, ["token-0", "token-2"]);

    let server = api(|_| status(401, "")).await;
    let error = reader(&server).remove(&udids(["U1:501"]), Removal::Soft).await.unwrap_err();
    assert!(matches!(error, RemovalFailure::NothingRemoved(SourceError::TokenRejected { .. })), "{error:?}");
    assert_eq!(removals(&server).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_removal_beyond_the_limit_is_sent_again_when_the_system_says_so() {
    let limited = with_headers(429, "Retry-After: 1\r\n", "");
    let server = api(move |n| if n == 0 { limited.clone() } else { removed(1) }).await;
    assert_eq!(reader(&server).remove(&udids(["U1:501"]), Removal::Soft).await.unwrap().count, 1);
    assert_eq!(removals(&server).len(), 2);

    let limited = with_headers(429, "X-Rate-Limit-Retry-After-Seconds: 1800\r\n", "");
    let (error, calls) = removal_failure(limited).await;
    assert!(matches!(error, RemovalFailure::NothingRemoved(SourceError::RateLimited { .. })), "{error:?}");
    assert_eq!(calls, 1);
}

#[tokio::test(start_paused = true)]
async fn a_removal_without_an_answer_may_have_been_carried_out() {
    let (error, calls) = removal_failure(Reply::Hang).await;
    assert!(matches!(error, RemovalFailure::Unconfirmed(SourceError::TimedOut { .. })), "{error:?}");
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn what_was_read_before_a_removal_is_not_kept_after_it() {
    const QUESTION: u8 = 7;
    let server = api(|_| removed(1)).await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let calls = Calls::new(Session::new(source(&server, None), clock)).unwrap();
    let kept = Kept::<u8, u8>::default();
    let overtaken = async {
        kept.clear();
        Ok(1)
    };
    assert_eq!(*kept.get(&calls, &QUESTION, None, overtaken).await.unwrap(), 1);
    for _ in 0..2 {
        assert_eq!(*kept.get(&calls, &QUESTION, None, async { Ok(2) }).await.unwrap(), 2);
    }
    assert_eq!(*kept.get(&calls, &QUESTION, None, async { Ok(3) }).await.unwrap(), 2);
}

#[tokio::test]
async fn lists_are_read_again_after_a_removal_that_was_given_up() {
    let server = api(|_| Reply::Hang).await;
    let reader = reader(&server);
    let lists = || server.seen().iter().filter(|seen| seen.path().ends_with("getDevices")).count();
    reader.devices(&DeviceFilter::default(), None).await.unwrap();
    let device = udids(["U1:501"]);
    let sent = async {
        while removals(&server).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        outcome = reader.remove(&device, Removal::Soft) => panic!("{outcome:?}"),
        () = sent => {}
    }
    reader.devices(&DeviceFilter::default(), None).await.unwrap();
    assert_eq!(lists(), 2);
}

#[tokio::test]
async fn a_device_that_others_have_enrolled_too_is_left_alone() {
    const SHARED: &str = r#"[
        {"udid":"U1:501","user":"anna@example.com","state":1},
        {"udid":"U1:501","user":"ben@example.com","state":1},
        {"udid":"U2:502","user":"ben@example.com","state":2},
        {"udid":"U2:502","user":"anna@example.com","state":1}
    ]"#;
    let server = TestServer::start(|n, seen| match seen.path().rsplit('/').next() {
        Some("login") => login_ok(&format!("token-{n}")),
        _ => status(200, SHARED),
    })
    .await;
    let filter = DeviceFilter { username: Some("anna@example.com".to_owned()), os_type: None };
    let criteria = DeviceCriteria { filter, ..DeviceCriteria::default() };
    for removal in [Removal::Soft, Removal::Forced] {
        let candidates = reader(&server).candidates(&criteria, removal).await.unwrap();
        assert_eq!(candidates, Candidates { udids: udids(["U2:502"]), passed_over: 0, shared: 1 });
    }
    let candidates = reader(&server).candidates(&DeviceCriteria::default(), Removal::Soft).await.unwrap();
    assert_eq!((candidates.udids.len(), candidates.shared), (2, 0));
}
