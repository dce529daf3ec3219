//! Metrics, health and readiness, as monitoring systems meet them.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokenferry_sandbox::Fault;
use tokenferry_tests::binaries;
use tokenferry_tests::http::{self, Page};
use tokenferry_tests::issuer::ZETTELSTORE_LOGIN;
use tokenferry_tests::rotator::Rotator;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::site::{Site, parse, time};

/// So long does the kubelet wait, by `examples/deploy`.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
const LABELS: &str = "rotation=\"notes\",source=\"zettelstore.notes\",system=\"zettelstore\"";

/// A sample of that name and those labels.
pub(crate) fn sample(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.parse().ok()
}

fn of_notes(text: &str, name: &str) -> Option<f64> {
    sample(text, &format!("{name}{{{LABELS}}}"))
}

fn seconds(time: std::time::SystemTime) -> f64 {
    time.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_secs_f64().trunc()
}

#[tokio::test]
async fn metrics_tell_what_stands_in_vault_and_what_was_done() {
    let mut site = Site::new("metrics").await;
    site.configure(|config| config.rotation = "reader_lag = \"1m\"".to_owned());
    let mut daemon = site.rotator.start();
    daemon.says("rotated").await;
    let metrics = daemon.page("/metrics").await;
    assert_eq!(
        (metrics.status, metrics.header("content-type")),
        (200, "text/plain; version=0.0.4; charset=utf-8")
    );
    let text = metrics.body;
    let entry = site.entry().await.unwrap();
    let (issued, end) = (seconds(time(&entry, "issued_at")), seconds(time(&entry, "expires_at")));
    assert_eq!(of_notes(&text, "tokenferry_token_alive"), Some(1.0));
    assert_eq!(of_notes(&text, "tokenferry_token_expiry_timestamp_seconds"), Some(end));
    assert_eq!(of_notes(&text, "tokenferry_last_success_timestamp_seconds"), Some(issued));
    let refresh_after = seconds(time(&entry, "refresh_after"));
    assert_eq!(of_notes(&text, "tokenferry_token_renewal_timestamp_seconds"), Some(refresh_after));
    let next = daemon.event(|event| event.message() == "next run" && event.text("reason") == "expiry").await;
    assert_eq!(
        of_notes(&text, "tokenferry_next_run_timestamp_seconds"),
        Some(seconds(parse(next.text("at"))))
    );
    let left = of_notes(&text, "tokenferry_token_time_to_expiry_seconds").unwrap();
    let budget = of_notes(&text, "tokenferry_outage_budget_seconds").unwrap();
    assert!((500.0..=600.0).contains(&left) && (left - 65.0 - budget).abs() < 0.5, "{left} {budget}");
    assert_eq!(of_notes(&text, "tokenferry_consecutive_failures"), Some(0.0));
    assert_eq!(sample(&text, &format!("tokenferry_runs_total{{{LABELS},outcome=\"rotated\"}}")), Some(1.0));
    assert_eq!(sample(&text, "tokenferry_ready"), Some(1.0));
    assert_eq!(sample(&text, "tokenferry_rotations{state=\"fine\"}"), Some(1.0));
    let source = "{source=\"zettelstore.notes\",system=\"zettelstore\"}";
    assert_eq!(sample(&text, &format!("tokenferry_logins_last_hour{source}")), Some(1.0));
    // The login, and the question whether the token is good.
    assert_eq!(sample(&text, "tokenferry_calls_last_hour{system=\"zettelstore\"}"), Some(2.0));
    assert_eq!(sample(&text, "tokenferry_vault_logins_total{result=\"succeeded\"}"), Some(1.0));
    assert!(sample(&text, "process_resident_memory_bytes").unwrap() > 1e6);
    assert!(sample(&text, "process_cpu_seconds_total").unwrap() > 0.0);
    assert!(!text.contains(&site.issuer.planted.username), "users are nobody's business");
    assert!(daemon.stop().await.success());
}

#[tokio::test]
async fn a_failure_is_told_by_its_class_only() {
    let site = Site::new("metrics-failure").await;
    site.rotator.write_secret("password", "planted-wrong-password");
    let daemon = site.rotator.start();
    let is_told = |page: &Page| page.body.contains("tokenferry_rotation_failing{");
    let text = until(&daemon.address().await, "/metrics", is_told).await.body;
    assert_eq!(of_notes(&text, "tokenferry_token_alive"), Some(0.0));
    assert_eq!(of_notes(&text, "tokenferry_consecutive_failures"), Some(1.0));
    let of_class = format!("{{{LABELS},class=\"login_refused\"}}");
    assert_eq!(sample(&text, &format!("tokenferry_rotation_failing{of_class}")), Some(1.0));
    let held = sample(&text, &format!("tokenferry_login_held_until_timestamp_seconds{of_class}")).unwrap();
    assert!(held > seconds(std::time::SystemTime::now()) + 800.0, "{held}");
    let by_source = "{source=\"zettelstore.notes\",system=\"zettelstore\",class=\"login_refused\"}";
    assert_eq!(sample(&text, &format!("tokenferry_run_failures_total{by_source}")), Some(1.0));
    // One that fails is no reason to take the daemon away from the others.
    assert_eq!(daemon.page("/readyz").await.status, 200);
}

#[tokio::test]
async fn prometheus_finds_nothing_wrong_with_the_metrics() {
    let site = Site::new("promtool").await;
    let daemon = site.rotator.start();
    daemon.says("rotated").await;
    let metrics = daemon.page("/metrics").await.body;
    assert_eq!(promtool(&["check", "metrics"], &metrics).await, "");
    // It would have found something.
    let mut broken = Command::new(binaries::promtool());
    broken.args(["check", "metrics"]);
    assert!(!run(broken, "tokenferry_x{a=1} nonsense\n").await.0.success());

    let names: Vec<&str> =
        metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    for file in ["alerts.yml", "grafana-dashboard.json"] {
        let text = std::fs::read_to_string(monitoring().join(file)).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let wanted = words.filter(|word| word.starts_with("tokenferry_") || word.starts_with("process_"));
        let mut count = 0;
        for name in wanted {
            assert!(names.contains(&name), "there is no metric {name}, of {file}");
            count += 1;
        }
        assert!(count > 10, "{file} has {count} metrics only");
    }
}

#[tokio::test]
async fn each_alert_fires_when_it_should_and_only_then() {
    promtool(&["check", "rules", "alerts.yml"], "").await;
    let said = promtool(&["test", "rules", "alerts.test.yml"], "").await;
    assert!(said.contains("SUCCESS"), "{said}");
    let read = |file| std::fs::read_to_string(monitoring().join(file)).unwrap();
    let (rules, tests) = (read("alerts.yml"), read("alerts.test.yml"));
    for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        let fires = tests.lines().any(|line| line.trim() == format!("alertname: {alert}"));
        let rests = tests.contains(&format!("alertname: {alert} }}"));
        assert!(fires && rests, "{alert} is not tested to fire, or not to fire");
    }
}

#[tokio::test]
async fn each_query_of_the_dashboard_is_one() {
    let text = std::fs::read_to_string(monitoring().join("grafana-dashboard.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let queries = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let rule = |query: &serde_json::Value| format!("  - record: a:b\n    expr: {}\n", query["expr"]);
    let rules: String = queries.map(rule).collect();
    assert!(
        panels.len() > 10 && panels.iter().all(|panel| !panel["description"].as_str().unwrap().is_empty())
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yml");
    std::fs::write(&file, format!("groups:\n- name: dashboard\n  rules:\n{rules}")).unwrap();
    let mut check = Command::new(binaries::promtool());
    check.args(["check", "rules", "--lint=none"]).arg(&file);
    let (status, said) = run(check, "").await;
    assert!(status.success(), "{said}");
}

fn monitoring() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("examples/monitoring")
}

/// What promtool says when all is well.
async fn promtool(arguments: &[&str], input: &str) -> String {
    let mut command = Command::new(binaries::promtool());
    command.args(arguments).current_dir(monitoring());
    let (status, said) = run(command, input).await;
    assert!(status.success(), "{said}");
    said
}

async fn run(mut command: Command, input: &str) -> (ExitStatus, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let outcome = child.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&[outcome.stdout, outcome.stderr].concat()).into_owned();
    (outcome.status, said)
}

#[tokio::test]
async fn it_is_ready_once_vault_could_be_read() {
    let site = Site::on_disk("readiness", 600).await;
    site.openbao.seal().await;
    let mut daemon = site.rotator.start();
    let unready = daemon.page("/readyz").await;
    assert_eq!((unready.status, unready.header("content-type")), (503, "application/json"));
    let told: serde_json::Value = serde_json::from_str(&unready.body).unwrap();
    assert_eq!((&told["ready"], &told["reasons"][0]["reason"]), (&false.into(), &"entries_unread".into()));
    assert_eq!(daemon.page("/healthz").await.status, 200, "waiting for Vault is no reason to be killed");
    assert!(daemon.page("/metrics").await.body.contains("tokenferry_ready 0\n"));

    site.openbao.unseal().await;
    daemon.says("rotated").await;
    assert_eq!(daemon.page("/readyz").await.body, "{\"ready\":true,\"reasons\":[]}\n");
    daemon.stop().await;
}

#[tokio::test]
async fn a_daemon_that_stops_says_so_until_it_is_gone() {
    let site = Site::new("stopping-page").await;
    site.issuer.fault(Fault::latency(Duration::from_secs(4)).path(ZETTELSTORE_LOGIN));
    let mut daemon = site.rotator.start();
    let address = daemon.address().await;
    while site.logins() == 0 {
        sleep(Duration::from_millis(20)).await;
    }
    daemon.process.signal(Signal::SIGTERM);
    daemon.event(|event| event.message().starts_with("stopping")).await;
    let stopping = until(&address, "/readyz", |page| page.status == 503).await;
    assert!(stopping.body.contains("\"stopping\""), "{}", stopping.body);
    assert_eq!(http::get(&address, "/healthz").await.status, 200);
    assert!(daemon.exit().await.success());
    assert!(http::request(&address, "GET / HTTP/1.0\r\n\r\n").await.is_err());
}

pub(crate) async fn until(address: &str, path: &str, is_it: impl Fn(&Page) -> bool) -> Page {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let page = http::get(address, path).await;
        if is_it(&page) {
            return page;
        }
        assert!(Instant::now() < deadline, "{path} remains {}", page.body);
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn nothing_but_looking_is_possible_and_only_under_known_names() {
    let mut site = Site::new("manners").await;
    site.configure(|config| config.top = "allowed_hosts = [\"rotator.example\"]".to_owned());
    let daemon = site.rotator.start();
    let address = daemon.address().await;
    let ask = async |text: &str| http::request(&address, text).await.unwrap();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"] {
        let refused = ask(&format!("{method} /readyz HTTP/1.0\r\nHost: {address}\r\n\r\n")).await;
        assert_eq!((refused.status, refused.header("allow")), (405, "GET, HEAD"), "{method}");
    }
    for host in
        ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "rotator.example@evil.example"]
    {
        let refused = ask(&format!("GET /metrics HTTP/1.0\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(refused.status, 421, "{host}");
        assert!(refused.body.contains("allowed_hosts") && !refused.body.contains("evil"), "{}", refused.body);
    }
    assert_eq!(ask("GET /metrics HTTP/1.0\r\n\r\n").await.status, 421);
    let twice = format!("GET /metrics HTTP/1.0\r\nHost: {address}\r\nHost: evil.example\r\n\r\n");
    assert_eq!(ask(&twice).await.status, 421);
    let elsewhere = format!("GET http://evil.example/metrics HTTP/1.0\r\nHost: {address}\r\n\r\n");
    assert_eq!(ask(&elsewhere).await.status, 421);
    for host in ["rotator.example", "localhost:1", "[::1]:9321"] {
        assert_eq!(ask(&format!("GET / HTTP/1.0\r\nHost: {host}\r\n\r\n")).await.status, 200, "{host}");
    }
    for path in ["/", "/metrics", "/healthz", "/readyz", "/style.css", "/nothing", "/%2e%2e/etc/passwd"] {
        let page = daemon.page(path).await;
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        assert!(page.header("content-security-policy").starts_with("default-src 'none';"), "{path}");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert_eq!(page.header("access-control-allow-origin"), "");
    }
    let head = ask(&format!("HEAD / HTTP/1.0\r\nHost: {address}\r\n\r\n")).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let long = format!("GET / HTTP/1.1\r\nHost: {address}\r\nX: {}\r\n\r\n", "x".repeat(64 * 1024));
    if let Ok(page) = http::request(&address, &long).await {
        assert_eq!(page.status, 431);
    }
    let once =
        ask(&format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: keep-alive\r\n\r\n")).await;
    assert_eq!((once.status, once.header("connection")), (200, "close"));
}

#[tokio::test]
async fn those_who_say_nothing_are_hung_up_on_and_keep_nobody_out() {
    let site = Site::new("slow-clients").await;
    let daemon = site.rotator.start();
    let address = daemon.address().await;
    let mut idle = Vec::new();
    for _ in 0..40 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x").await.unwrap();
        idle.push(stream);
    }
    assert_eq!(daemon.page("/healthz").await.status, 200);
    assert_eq!(daemon.page("/metrics").await.status, 200);
}

#[tokio::test]
async fn those_who_come_again_and_again_and_say_nothing_keep_no_probe_waiting() {
    let site = Site::new("idle-clients").await;
    let daemon = site.rotator.start();
    daemon.says("rotated").await;
    let address: SocketAddr = daemon.address().await.parse().unwrap();
    let mut idle = JoinSet::new();
    for _ in 0..64 {
        idle.spawn(async move {
            loop {
                let socket = TcpSocket::new_v4().unwrap();
                socket.bind(([127, 0, 0, 2], 0).into()).unwrap();
                let Ok(mut stream) = socket.connect(address).await else { continue };
                drop(stream.write_all(b"G").await);
                drop(stream.read(&mut [0]).await);
                sleep(Duration::from_millis(50)).await;
            }
        });
    }
    for _ in 0..20 {
        for path in ["/healthz", "/readyz", "/metrics"] {
            let answer = timeout(PROBE_TIMEOUT, daemon.page(path)).await.expect("the probe waits no longer");
            assert_eq!(answer.status, 200, "{path}");
        }
    }
}

#[tokio::test]
async fn a_chosen_address_must_be_had_and_the_default_need_not() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut site = Site::new("taken").await;
    site.configure(|config| config.listen = address.to_string());
    let refused = site.rotator.run(&["run"]).await.failed_with(2);
    assert!(refused.stderr.contains(&format!("cannot listen to {address}: ")), "{}", refused.stderr);
    assert!(refused.stderr.contains("help: another program listens there"), "{}", refused.stderr);
    assert_eq!(site.logins(), 0);

    // Whether or not somebody has the default port: one of us gets it, and both do their work.
    site.configure(|config| config.listen = "off".to_owned());
    let text = std::fs::read_to_string(site.rotator.directory().join("tokenferry.hcl")).unwrap();
    let (first, second) = (default_address(&site, &text), default_address(&site, &text));
    let (mut one, mut other) = (first.start(), second.start());
    for daemon in [&one, &other] {
        daemon.says("next run").await;
    }
    let message = "no metrics and no status page: the default address cannot be had";
    let warned =
        [&one, &other].iter().filter(|daemon| daemon.count(|event| event.message() == message) > 0).count();
    assert!(warned >= 1, "two daemons cannot listen to one address");
    one.stop().await;
    other.stop().await;
}

/// One more rotator, at the address where they all are by default.
fn default_address(site: &Site, text: &str) -> Rotator {
    let rotator = site.another();
    rotator.write("tokenferry.hcl", &text.replace("listen = \"off\"", ""));
    rotator
}

#[tokio::test]
async fn whoever_wants_no_page_gets_none() {
    let mut site = Site::new("no-page").await;
    site.configure(|config| config.listen = "0.0.0.0:0".to_owned());
    let daemon = site.rotator.start();
    let port = daemon.address().await.rsplit_once(':').unwrap().1.to_owned();
    let loopback = format!("127.0.0.1:{port}");
    let page = http::get(&loopback, "/").await;
    assert_eq!(page.status, 404);
    assert!(page.body.contains("`page = true`"), "{}", page.body);
    assert_eq!(http::get(&loopback, "/style.css").await.status, 404);
    assert_eq!(http::get(&loopback, "/metrics").await.status, 200);
    drop(daemon);

    site.configure(|config| config.top = "page = true".to_owned());
    let daemon = site.rotator.start();
    let port = daemon.address().await.rsplit_once(':').unwrap().1.to_owned();
    assert_eq!(http::get(&format!("127.0.0.1:{port}"), "/").await.status, 200);
    drop(daemon);

    site.configure(|config| (config.top, config.listen) = (String::new(), "off".to_owned()));
    let mut daemon = site.rotator.start();
    daemon.says("rotated").await;
    assert_eq!(daemon.count(|event| event.message() == "listening"), 0);
    daemon.stop().await;
}
