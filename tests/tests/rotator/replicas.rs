//! Replicas that share the work through PostgreSQL, as commands, page, metrics and readiness tell of them.

use std::time::Duration;

use serde_json::Value;
use tokenferry_tests::postgres::{Database, Postgres};
use tokenferry_tests::rotator::{Daemon, Rotator};
use tokenferry_tests::tls::Identity;
use tokio::time::{Instant, sleep};

use crate::site::{PROVEN, Site};

/// One that shares its work by this database.
async fn site(test: &str, database: &Database, more: &str) -> Site {
    let mut site = Site::new(test).await;
    site.configure(|config| {
        config.top = format!(
            "cluster {{\n database_url = {{ file = \"database-url\" }}\n heartbeat_interval = \"1s\"\n {more}\n}}\n"
        );
        PROVEN.clone_into(&mut config.rotation);
    });
    tell(&site.rotator, database);
    site
}

fn tell(rotator: &Rotator, database: &Database) {
    rotator.guard(database.password());
    rotator.write_secret("database-url", &database.url());
}

async fn replicas(rotator: &Rotator) -> Value {
    rotator.run(&["status", "--replicas", "--output", "json"]).await.ok().json()
}

/// What is found of the replicas and their database, as `state check: found`.
async fn cluster_findings(rotator: &Rotator) -> Vec<String> {
    let findings = rotator.run(&["doctor", "--output", "json"]).await.json();
    let text = |finding: &Value, member: &str| finding[member].as_str().unwrap().to_owned();
    let findings = findings.as_array().unwrap().iter().filter(|finding| finding["group"] == "cluster");
    findings
        .map(|finding| {
            format!("{} {}: {}", text(finding, "state"), text(finding, "check"), text(finding, "found"))
        })
        .collect()
}

/// Waits for an answer of the daemon that is like this.
async fn answers(daemon: &Daemon, path: &str, is_it: impl Fn(u16, &str) -> bool) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = daemon.page(path).await;
        if is_it(page.status, &page.body) {
            return page.body;
        }
        assert!(Instant::now() < deadline, "{path} still says {}: {}", page.status, page.body);
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_replica_stands_by_and_steps_in_when_the_leader_is_stopped() {
    let postgres = Postgres::start().await;
    let site = site("replicas", &postgres, "").await;
    let nobody = site.rotator.run(&["status", "--replicas"]).await.ok().stdout;
    assert_eq!(nobody, "No replica has been seen for a day: nothing is rotated.\n");
    let said = site.rotator.run(&["next"]).await.ok().stderr;
    assert!(said.contains("no replica is running: nothing is rotated"), "{said}");
    let before = cluster_findings(&site.rotator).await;
    assert!(before.iter().all(|found| found.starts_with("ok ")), "{before:?}");
    let mut first = site.rotator.start();
    first.says(LEADS).await;
    site.version(1).await;
    let second = site.another();
    tell(&second, &postgres);
    let second = second.start();
    second.says("this replica stands by: it works on what another one dispatches").await;
    answers(&second, "/readyz", |status, _| status == 200).await;
    answers(&first, "/metrics", |_, body| body.contains("tokenferry_cluster_replicas{state=\"same\"} 2"))
        .await;
    let said = site.rotator.run(&["next"]).await.ok().stderr;
    assert!(!said.contains("nothing is rotated"), "{said}");
    let page = answers(&second, "/", |_, body| body.contains("(this one)")).await;
    assert!(page.contains("<span class=\"state\">leads</span>"), "{page}");

    let shown = replicas(&site.rotator).await;
    let rows = shown["replicas"].as_array().unwrap();
    assert!(rows.len() == 2 && rows.iter().all(|row| row["state"] == "alive"), "{shown}");
    let findings = cluster_findings(&site.rotator).await;
    assert!(
        findings.iter().any(|found| found.starts_with("ok replicas: 2 replicas alive, ")),
        "{findings:?}"
    );

    first.stop().await;
    second.says(LEADS).await;
    let left = replicas(&site.rotator).await;
    assert_eq!(left["replicas"].as_array().unwrap().len(), 1, "who is stopped takes leave: {left}");
    // Beside it, one credential at a time.
    site.rotator.run(&["once", "--force"]).await.ok();
    site.version(2).await;
}

#[tokio::test]
async fn without_postgresql_nothing_is_begun_and_everybody_says_so() {
    let mut postgres = Postgres::start().await;
    let site = site("replicas", &postgres, "").await;
    let daemon = site.rotator.start();
    site.version(1).await;
    answers(&daemon, "/metrics", |_, body| body.contains("tokenferry_cluster_replicas{state=\"same\"} 1"))
        .await;
    postgres.crash().await;
    let body = answers(&daemon, "/readyz", |status, _| status == 503).await;
    assert!(body.contains("database_unreachable") && body.contains("cannot be used: cannot "), "{body}");
    let page = answers(&daemon, "/", |_, body| body.contains(">disconnected<")).await;
    for part in
        ["Not ready: nothing is begun while PostgreSQL", "Tokens live on meanwhile", "as far as was known at"]
    {
        assert!(page.contains(part), "{page}");
    }
    answers(&daemon, "/metrics", |_, body| {
        body.contains("tokenferry_cluster_role{role=\"disconnected\"} 1")
            && body.contains("tokenferry_ready 0")
            && body.contains("role=\"disconnected\"} 1\n")
            && !body.contains("tokenferry_cluster_replicas{")
    })
    .await;
    for command in [["next", "notes"], ["explain", "notes"]] {
        let said = site.rotator.run(&command).await.failed_with(3).stderr;
        assert!(said.contains("nothing is rotated while the replicas cannot use it"), "{said}");
        site.rotator.run(&[command[0], "--offline", "notes"]).await.ok();
    }
    let status = site.rotator.run(&["status"]).await.failed_with(3);
    assert!(status.stdout.contains("fine") && status.stderr.contains("database"), "{status:?}");
    let once = site.rotator.run(&["once", "--force"]).await.failed_with(3);
    assert_eq!(once.stderr.matches("cannot connect to the database at 127.0.0.1:").count(), 1, "{once:?}");
    let findings = cluster_findings(&site.rotator).await;
    assert!(findings.iter().any(|found| found.starts_with("problem database: ")), "{findings:?}");

    postgres.restart().await;
    answers(&daemon, "/readyz", |status, _| status == 200).await;
    assert_eq!(site.entry().await.unwrap().version, 1, "no login was needed");
}

#[tokio::test]
async fn a_replica_that_begins_without_postgresql_reads_the_entries() {
    let mut postgres = Postgres::start().await;
    let site = site("replicas", &postgres, "").await;
    let mut daemon = site.rotator.start();
    site.version(1).await;
    daemon.stop().await;
    postgres.crash().await;
    let daemon = site.rotator.start();
    let body = answers(&daemon, "/readyz", |_, body| !body.contains("entries_unread")).await;
    assert!(body.contains("database_unreachable"), "{body}");
    answers(&daemon, "/", |_, body| body.contains("Entries are shown as they were read at")).await;
    answers(&daemon, "/metrics", |_, body| body.contains("tokenferry_rotations{state=\"fine\"} 1")).await;
}

#[tokio::test]
async fn a_database_with_a_certificate_is_known_by_its_authority_or_not_talked_to() {
    let postgres = Postgres::with_tls().await;
    let site = site("replicas", &postgres, "ca_cert_file = \"db-ca.pem\"").await;
    let ca = std::fs::read_to_string(postgres.ca_file()).unwrap();
    site.rotator.write("db-ca.pem", &ca);
    let url = format!("{}?sslmode=verify-full", postgres.url());
    site.rotator.write_secret("database-url", &url);
    let findings = cluster_findings(&site.rotator).await;
    assert!(findings.iter().any(|found| found.ends_with("reached, by TLS")), "{findings:?}");
    let other = Identity::new().pem();
    site.rotator.write("db-ca.pem", &other);
    let findings = cluster_findings(&site.rotator).await;
    let refused = "the server's certificate is of an authority that is not trusted here";
    let is_refused = |found: &String| found.starts_with("problem database: ") && found.ends_with(refused);
    assert!(findings.iter().any(is_refused), "{findings:?}");
}

#[tokio::test]
async fn the_right_to_look_at_the_tables_is_named_if_it_is_missing() {
    let postgres = Postgres::start().await;
    let site = site("replicas", &postgres, "").await;
    let mut daemon = site.rotator.start();
    daemon.says(LEADS).await;
    daemon.stop().await;
    postgres.execute(&format!("REVOKE USAGE ON SCHEMA apalis FROM {}", postgres.user())).await;
    let findings = cluster_findings(&site.rotator).await;
    let lacks = "problem grants: the role lacks USAGE ON SCHEMA apalis".to_owned();
    assert!(findings.contains(&lacks), "{findings:?}");
    let is_reached = |found: &String| found.starts_with("ok database: PostgreSQL ");
    assert!(findings.iter().any(is_reached), "{findings:?}");
}

#[tokio::test]
async fn a_replica_with_another_configuration_is_told_of() {
    let postgres = Postgres::start().await;
    let mut site = site("replicas", &postgres, "").await;
    let other = site.another();
    tell(&other, &postgres);
    let mut leader = other.start();
    leader.says(LEADS).await;
    site.configure(|config| "reader_lag = \"2m\"".clone_into(&mut config.rotation));
    let drifted = site.rotator.start();
    answers(&drifted, "/metrics", |_, body| {
        body.contains("tokenferry_cluster_replicas{state=\"drifted\"} 1")
    })
    .await;
    answers(&drifted, "/", |_, body| {
        body.contains("has another configuration: no work is shared with it, and nothing is run here")
    })
    .await;
    answers(&drifted, "/metrics", |_, body| body.contains("another_configuration_leads 1")).await;
    answers(&leader, "/metrics", |_, body| body.contains("another_configuration_leads 0")).await;
    drifted
        .says("the replica that leads has another configuration: nothing is run here until they agree")
        .await;
    assert!(drifted.page("/").await.body.contains(">leads, differs<"));
    let shown = replicas(&site.rotator).await;
    let states: Vec<&str> =
        shown["replicas"].as_array().unwrap().iter().map(|row| row["state"].as_str().unwrap()).collect();
    assert!(states.contains(&"alive") && states.contains(&"another configuration or version"), "{shown}");
    for command in [&["status"][..], &["next"], &["explain", "notes"]] {
        let said = site.rotator.run(command).await.failed_with(3).stderr;
        assert_eq!(said.matches("leads and has another configuration (").count(), 1, "{said}");
        assert!(!said.contains("another configuration or version"), "{said}");
        other.run(command).await.ok();
    }
    site.rotator.run(&["next", "--offline"]).await.ok();
    let findings = cluster_findings(&site.rotator).await;
    let is_told = |found: &String| {
        found.starts_with("problem replicas: leads, and has the configuration ")
            && found.ends_with(": what only stands here is run by nobody")
    };
    assert!(findings.iter().any(is_told), "{findings:?}");
    let findings = cluster_findings(&other).await;
    assert!(findings.iter().any(|found| found.starts_with("warning replicas: ")), "{findings:?}");
    leader.stop().await;
    drifted.says("no replica with another configuration leads any more").await;
}

#[tokio::test]
async fn a_database_that_refuses_the_login_is_not_called_unreachable() {
    let postgres = Postgres::start().await;
    let site = site("replicas", &postgres, "").await;
    site.rotator.write_secret("database-url", &postgres.url().replace(postgres.password(), "planted-wrong"));
    let daemon = site.rotator.start();
    let is_told = |body: &str| body.contains("SQLSTATE 28P01 (the login was refused)");
    let body = answers(&daemon, "/readyz", |status, body| status == 503 && is_told(body)).await;
    assert!(body.contains("cannot be used") && !body.contains("cannot be reached"), "{body}");
    answers(&daemon, "/", |_, body| is_told(body)).await;
}

#[tokio::test]
async fn two_replicas_of_one_name_are_warned_of() {
    let postgres = Postgres::start().await;
    let site = site("replicas", &postgres, "replica = \"twin\"").await;
    let first = site.rotator.start();
    first.says(LEADS).await;
    let second = site.another();
    tell(&second, &postgres);
    let second = second.start();
    second.says("another replica has the same name").await;
    first.says("another replica has the same name").await;
    let metrics = answers(&second, "/metrics", |_, body| body.contains("replicas{state=\"same\"} 2")).await;
    let mut series: Vec<&str> =
        metrics.lines().filter_map(|line| line.rsplit_once(' ')).map(|(name, _)| name).collect();
    series.sort_unstable();
    assert!(
        series.iter().zip(&series[1..]).all(|(one, next)| one != next || one.starts_with('#')),
        "{metrics}"
    );
    let findings = cluster_findings(&site.rotator).await;
    assert!(
        findings.iter().any(|found| found == "warning replicas: another replica has the same name"),
        "{findings:?}"
    );
}

#[tokio::test]
async fn a_run_that_may_outlive_the_limit_stops_the_start() {
    let postgres = Postgres::start().await;
    let site = site("replicas", &postgres, "heartbeat_limit = \"20s\"").await;
    for command in ["run", "validate", "doctor"] {
        let refused = site.rotator.run(&[command]).await.failed_with(2);
        let said = refused.stdout + &refused.stderr;
        assert!(
            said.contains("a run of zettelstore.notes may take")
                && said.contains("set `heartbeat_limit` to "),
            "{said}"
        );
    }
}

const LEADS: &str = "this replica leads: it dispatches what is due, once it has read each entry anew";
const PATIENCE: Duration = Duration::from_mins(1);
