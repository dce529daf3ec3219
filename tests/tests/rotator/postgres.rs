//! What the other tests take for granted about PostgreSQL.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokenferry_tests::authority::Authority;
use tokenferry_tests::outcome::Outcome;
use tokenferry_tests::postgres::{Database, Postgres, psql};
use tokenferry_tests::process::Process;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep};

/// Longer than any answer takes, however busy the machine.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_database_is_served_to_its_owner_and_has_nothing_of_others() {
    let postgres = Postgres::start().await;
    let other = postgres.database("other").await;
    let table = "CREATE TABLE runs (name text, at int); INSERT INTO runs VALUES ('a b', 1), ('c|d\ne', NULL)";
    client(&postgres.url(), table).await.ok();

    let rows = postgres.query("SELECT name, at FROM runs ORDER BY name").await;
    assert_eq!(rows, [["a b", "1"], ["c|d\ne", ""]]);
    assert_eq!(postgres.query("SELECT name FROM runs WHERE at = 7").await, Vec::<Vec<String>>::new());
    assert_eq!(postgres.query("SELECT at FROM runs WHERE at IS NULL").await, [[""]]);
    assert_ne!((other.name(), other.url()), (postgres.name(), postgres.url()));
    let missing = client(&other.url(), "SELECT * FROM runs").await.failed_with(1);
    assert!(missing.stderr.contains("relation \"runs\" does not exist"), "{}", missing.stderr);
}

#[tokio::test]
async fn only_the_right_password_lets_a_client_in() {
    let postgres = Postgres::start().await;
    let url = postgres.url().replace(postgres.password(), "another-password");
    let refused = client(&url, "SELECT 1").await.failed_with(2);
    assert!(refused.stderr.contains("password authentication failed"), "{}", refused.stderr);
    let method = "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = ";
    let by_scram = postgres.administrator().query(&format!("{method}'{}'", postgres.user())).await;
    assert_eq!(by_scram, [["t"]]);
}

#[tokio::test]
async fn an_owner_can_create_the_extensions_of_a_queue_and_is_no_administrator() {
    let postgres = Postgres::start().await;
    let extensions = "CREATE EXTENSION hstore; CREATE EXTENSION pgcrypto; SELECT 'a=>1'::hstore -> 'a'";
    assert_eq!(client(&postgres.url(), extensions).await.ok().stdout, "1\n");
    let refused = client(&postgres.url(), "CREATE ROLE another").await.failed_with(1);
    assert!(refused.stderr.contains("permission denied"), "{}", refused.stderr);
}

#[tokio::test]
async fn what_was_committed_survives_a_crash_and_what_was_not_is_gone() {
    let mut postgres = Postgres::start().await;
    let url = postgres.url();
    postgres.execute("CREATE TABLE runs (name text); INSERT INTO runs VALUES ('committed')").await;
    let open = "BEGIN; INSERT INTO runs VALUES ('open'); SELECT 'inserted'; SELECT pg_sleep(600)";
    let session = client_process(&url, open);
    until_it_sleeps(&postgres, 1).await;

    postgres.crash().await;
    let lost = Outcome::of(session, PATIENCE).await.failed_with(2);
    assert!(lost.stderr.contains("server closed the connection"), "{}", lost.stderr);
    let down = client(&url, "SELECT 1").await.failed_with(2);
    assert!(down.stderr.contains("Connection refused"), "{}", down.stderr);

    postgres.restart().await;
    assert!(postgres.log().contains("database system was not properly shut down"));
    assert_eq!(client(&url, "SELECT name FROM runs").await.ok().stdout, "committed\n");
}

#[tokio::test]
async fn a_restart_in_good_order_needs_no_recovery() {
    let mut postgres = Postgres::start().await;
    postgres.execute("CREATE TABLE runs (name text)").await;
    let before = postgres.id();
    postgres.restart().await;
    assert_ne!(postgres.id(), before);
    assert!(postgres.log().contains("database system was shut down at"), "{}", postgres.log());
    assert!(postgres.query("SELECT * FROM runs").await.is_empty());

    postgres.stop().await;
    client(&postgres.url(), "SELECT 1").await.failed_with(2);
}

#[tokio::test]
async fn sessions_are_ended_by_the_name_that_they_gave_and_others_are_not() {
    let postgres = Postgres::start().await;
    let other = postgres.database("other").await;
    let sleeper = |database: &Database, name: &str| {
        let url = format!("{}?application_name={name}", database.url());
        client_process(&url, "SELECT pg_sleep(600)")
    };
    let named = [sleeper(&postgres, "it's"), sleeper(&postgres, "it's")];
    let mut others = [sleeper(&postgres, "its"), sleeper(&other, "it's")];
    until_it_sleeps(&postgres, 4).await;

    assert_eq!(postgres.terminate_sessions("it's").await, 2);
    for session in named {
        let ended = Outcome::of(session, PATIENCE).await.failed_with(2);
        assert!(ended.stderr.contains("terminating connection due to administrator command"));
    }
    assert!(others.iter_mut().all(Process::is_running));
    until_it_sleeps(&postgres, 2).await;
    assert_eq!(postgres.terminate_sessions("it's").await, 0);
}

#[tokio::test]
async fn a_server_with_tls_refuses_plain_connections_and_shows_a_certificate_that_can_be_checked() {
    let postgres = Postgres::with_tls().await;
    let with = |parameters: &str| format!("{}?{parameters}", postgres.url());
    let plain = client(&with("sslmode=disable"), "SELECT 1").await.failed_with(2);
    assert!(plain.stderr.contains("no pg_hba.conf entry") && plain.stderr.contains("no encryption"));

    let trusting = |ca_file: &Path| with(&format!("sslmode=verify-full&sslrootcert={}", ca_file.display()));
    let is_encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let encrypted = client(&trusting(postgres.ca_file()), is_encrypted).await.ok();
    assert_eq!(encrypted.stdout, "t\n");

    let folder = tempfile::tempdir().unwrap();
    let stranger = Authority::new(folder.path());
    let refused = client(&trusting(&stranger.ca_file), "SELECT 1").await.failed_with(2);
    assert!(refused.stderr.contains("certificate verify failed"), "{}", refused.stderr);
}

/// So that the search for secrets in logs finds one that a client hands to the database.
#[tokio::test]
async fn the_log_tells_what_clients_say_and_not_what_a_test_looks_at() {
    let postgres = Postgres::start().await;
    let sql = "PREPARE put(text) AS SELECT $1; EXECUTE put('said by a client')";
    client(&postgres.url(), sql).await.ok();
    postgres.query("SELECT 'said by a test'").await;
    assert!(postgres.log().contains("said by a client"));
    assert!(!postgres.log().contains("said by a test") && !postgres.log().contains(postgres.password()));
}

#[test]
fn a_test_that_panics_leaves_nothing_behind() {
    let (sender, receiver) = mpsc::channel();
    let panicking = AssertUnwindSafe(|| {
        run(async {
            let postgres = Postgres::start().await;
            let id = postgres.id();
            assert!(postgres.directory().is_dir() && runs(id) && shared_memory_of(id) == 1);
            sender.send((id, postgres.directory().to_owned())).unwrap();
            panic!("as a test that fails");
        });
    });
    catch_unwind(panicking).unwrap_err();
    let (id, directory) = receiver.recv().unwrap();
    assert!(!directory.exists() && !runs(id));
    assert_eq!(shared_memory_of(id), 0);
}

/// The runtime that started the server ends with its test, before another one has done with it.
#[test]
fn tests_that_run_at_the_same_time_share_a_server() {
    let share = || thread::spawn(|| run(Postgres::shared("same"))).join().unwrap();
    let (first, second) = (share(), share());
    assert_eq!(first.port(), second.port());
    assert_ne!(first.name(), second.name());
    drop(first);
    run(async {
        assert_eq!(
            client(&second.url(), "SELECT current_database()").await.ok().stdout.trim(),
            second.name()
        );
    });
}

/// Runs what a test does, in a runtime that ends with it.
fn run<T>(test: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

async fn client(url: &str, sql: &str) -> Outcome {
    Outcome::of(client_process(url, sql), PATIENCE).await
}

fn client_process(url: &str, sql: &str) -> Process {
    let mut psql = psql(url);
    Process::spawn(psql.args(sql.split("; ").map(|statement| format!("--command={statement}"))))
}

/// Waits until so many sessions of the server sleep.
async fn until_it_sleeps(postgres: &Postgres, count: usize) {
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    let wanted = count.to_string();
    let deadline = Instant::now() + PATIENCE;
    while postgres.administrator().query(sleeping).await != [[wanted.as_str()]] {
        assert!(Instant::now() < deadline, "not {count} sessions sleep:\n{}", postgres.log());
        sleep(Duration::from_millis(50)).await;
    }
}

fn runs(id: u32) -> bool {
    Path::new(&format!("/proc/{id}")).exists()
}

/// How many segments of System V shared memory the process `id` has made: the fifth number of a line.
fn shared_memory_of(id: u32) -> usize {
    let segments = fs::read_to_string("/proc/sysvipc/shm").unwrap();
    let creators = segments.lines().filter_map(|line| line.split_whitespace().nth(4));
    creators.filter(|creator| *creator == id.to_string()).count()
}
