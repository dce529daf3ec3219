//! Counters and request log.

use std::time::Duration;

use tokenferry_sandbox::CacheBuster::{Absent, Fresh, Repeated};
use tokenferry_sandbox::{Counters, Fault, RequestRecord, Sandbox};
use tokio::time::timeout;

use crate::client::{Ask, start};

const UDID: &str = "1F2E3D4C-0000-1111-2222-333344445555%3A501";
const OTP: &str = "/zscaler/papi/public/v1/getOtp";

fn zscaler_login(secret: &str) -> Ask {
    let body = format!(r#"{{"apiKey":"sandbox-key","secretKey":"{secret}"}}"#);
    Ask::new("POST /zscaler/papi/auth/v1/login?_=1").body("application/json", body)
}

fn zettelstore_login() -> Ask {
    Ask::new("POST /zettelstore/a").form("username=sandbox&password=sandbox-password")
}

async fn counters_over_http(sandbox: &Sandbox) -> Counters {
    let reply = Ask::new("GET /_control/counters").send(sandbox).await;
    serde_json::from_slice(&reply.body).unwrap()
}

#[tokio::test]
async fn logins_renewals_and_reads_are_counted_by_who_and_what() {
    let sandbox = start(|_| ()).await;
    zscaler_login("wrong").send(&sandbox).await;
    let jwt =
        zscaler_login("sandbox-secret").send(&sandbox).await.json()["jwtToken"].as_str().unwrap().to_owned();
    sandbox.control().fault(Fault::status(500).path(OTP).times(1));
    for status in [500, 200] {
        let ask = Ask::new(&format!("GET {OTP}?udid={UDID}")).header("auth-token", &jwt);
        assert_eq!(ask.send(&sandbox).await.status, status);
    }
    let token = zettelstore_login().send(&sandbox).await.text().split('"').nth(3).unwrap().to_owned();
    Ask::new("PUT /zettelstore/a").bearer(&token).send(&sandbox).await;
    Ask::new("PUT /zettelstore/a").bearer("bad").send(&sandbox).await;

    let counters = sandbox.control().counters();
    let logins = counters.logins("zscaler", "sandbox-key");
    assert_eq!((logins.attempted, logins.succeeded, logins.running, logins.peak), (2, 1, 0, 1));
    assert_eq!(counters.all_logins("zscaler"), logins);
    assert_eq!(counters.reads("zscaler", "1F2E3D4C-0000-1111-2222-333344445555:501"), 2, "faults included");
    assert_eq!(counters.renewals("zettelstore", "sandbox").succeeded, 1);
    assert_eq!(counters.renewals("zettelstore", "").attempted, 1, "by nobody");
    assert_eq!(
        (counters.requests(OTP, 200), counters.requests(OTP, 500), counters.requests(OTP, 404)),
        (1, 1, 0)
    );
    assert_eq!(counters.connections.accepted, 7);

    let over_http = counters_over_http(&sandbox).await;
    assert_eq!((&over_http.systems, &over_http.requests), (&counters.systems, &counters.requests));
    assert_eq!(Ask::new("POST /_control/reset").send(&sandbox).await.status, 204);
    assert_eq!(sandbox.control().counters().systems.len(), 0);
    assert_eq!(sandbox.control().requests(), []);
}

#[tokio::test]
async fn overlapping_logins_show_even_under_a_fault() {
    let sandbox = start(|_| ()).await;
    sandbox.control().fault(Fault::latency(Duration::from_millis(200)));
    let login = || zettelstore_login().send(&sandbox);
    login().await;
    login().await;
    assert_eq!(sandbox.control().counters().logins("zettelstore", "sandbox").peak, 1, "one after the other");
    tokio::join!(login(), login(), login());
    let counters = sandbox.control().counters();
    assert_eq!(counters.logins("zettelstore", "sandbox").peak, 3);
    assert_eq!(counters.connections.peak, 3);
}

#[tokio::test]
async fn who_gives_up_is_counted_as_unanswered() {
    let sandbox = start(|_| ()).await;
    sandbox.control().fault(Fault::hang());
    assert!(timeout(Duration::from_millis(200), zettelstore_login().send_raw(&sandbox)).await.is_err());
    timeout(Duration::from_secs(5), async {
        while sandbox.control().counters().requests("/zettelstore/a", 0) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    let counters = sandbox.control().counters();
    assert_eq!(counters.logins("zettelstore", "sandbox").running, 0);
    assert_eq!(sandbox.control().requests()[0].status, Some(0));
}

#[tokio::test]
async fn the_log_shows_requests_as_sent_but_no_secret() {
    let sandbox = start(|_| ()).await;
    let jwt =
        zscaler_login("sandbox-secret").send(&sandbox).await.json()["jwtToken"].as_str().unwrap().to_owned();
    for cache_buster in ["7", "8", "8"] {
        let line = format!("GET {OTP}?udid={UDID}&user=a%20b&_={cache_buster}");
        Ask::new(&line).header("auth-token", &jwt).bearer("hidden-token").send(&sandbox).await;
    }
    zettelstore_login().header("authorization", "hidden-without-scheme").send(&sandbox).await;
    Ask::new("POST /zettelstore/a?password=hidden-in-query")
        .basic("sandbox:sandbox-password")
        .send(&sandbox)
        .await;

    let reply = Ask::new("GET /_control/requests").send(&sandbox).await;
    for secret in ["sandbox-secret", "sandbox-password", "hidden-", jwt.as_str(), "c2FuZGJveDpz"] {
        assert!(!reply.text().contains(secret), "{secret}");
    }
    let log: Vec<RequestRecord> = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(log, sandbox.control().requests());
    assert_eq!(log[1].query.as_deref(), Some(format!("udid={UDID}&user=a%20b&_=7").as_str()));
    assert_eq!(log[1].headers, ["host", "connection", "auth-token", "authorization", "content-length"]);
    let schemes: Vec<_> = log.iter().map(|record| record.authorization_scheme.as_deref()).collect();
    assert_eq!(schemes, [None, Some("bearer"), Some("bearer"), Some("bearer"), Some("other"), Some("basic")]);
    let seen: Vec<_> = log.iter().map(|record| record.cache_buster).collect();
    assert_eq!(seen, [Fresh, Fresh, Fresh, Repeated, Absent, Absent]);
    let counted = sandbox.control().counters().systems["zscaler"].cache_busters;
    assert_eq!((counted.absent, counted.fresh, counted.repeated), (0, 3, 1));
}

#[tokio::test]
async fn neither_log_nor_counters_grow_without_end() {
    let sandbox = start(|_| ()).await;
    let mut stream =
        tokio::net::TcpStream::connect(sandbox.url().trim_start_matches("http://")).await.unwrap();
    for number in 0..2100 {
        let ask = format!("GET /nowhere/{number} HTTP/1.1\r\nhost: sandbox\r\n\r\n");
        tokio::io::AsyncWriteExt::write_all(&mut stream, ask.as_bytes()).await.unwrap();
        let mut piece = [0; 4096];
        tokio::io::AsyncReadExt::read(&mut stream, &mut piece).await.unwrap();
    }
    let log = sandbox.control().requests();
    assert_eq!((log.len(), log[0].sequence), (2000, 101));
    let counters = sandbox.control().counters();
    assert_eq!((counters.requests.len(), counters.requests("(other)", 404)), (1001, 1100));
    assert_eq!(counters.connections.accepted, 1, "one connection serves them all");
}
