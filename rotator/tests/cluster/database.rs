//! Connections, rights, tables, and what becomes of old rows.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokenferry_rotator::cluster::{BadCertificate, Cause, Database, DatabaseError, Guarded, Room, Settings};
use tokenferry_rotator::dispatch::Role;
use tokenferry_rotator::run::{Outcome, Work as _};
use tokenferry_tests::postgres::Postgres;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::replica::{PATIENCE, Replica, connect, outlive, settings, until};
use crate::way::Way;
use crate::world::{Fake, World, due};

fn database(url: &str, change: impl FnOnce(&mut Settings)) -> Database {
    let mut settings = settings("one");
    change(&mut settings);
    connect(url, &settings)
}

#[tokio::test]
async fn a_server_is_trusted_by_the_certificate_that_is_named_and_by_no_other() {
    let postgres = Postgres::with_tls().await;
    let url = format!("{}?sslmode=verify-full", postgres.url());
    let seen = database(&url, |settings| settings.ca_cert_file = Some(postgres.ca_file().into()));
    assert!(seen.examine().await.unwrap().is_encrypted);
    let error = database(&url, |_| {}).examine().await.unwrap_err();
    assert!(is_certificate(&error, BadCertificate::Authority), "{error:?}");
}

#[tokio::test]
async fn each_reason_why_there_is_no_secure_connection_is_told() {
    let (postgres, plain) = (Postgres::with_tls().await, Postgres::shared("plain").await);
    let ca = |settings: &mut Settings| settings.ca_cert_file = Some(postgres.ca_file().into());
    let by_name = postgres.url().replace("127.0.0.1", "localhost") + "?sslmode=verify-full";
    let error = database(&by_name, ca).examine().await.unwrap_err();
    assert!(is_certificate(&error, BadCertificate::Host), "{error:?}");
    let error = database(&(plain.url() + "?sslmode=require"), |_| {}).examine().await.unwrap_err();
    let place =
        format!("cannot connect to the database at 127.0.0.1:{}: the server has no TLS", plain.port());
    assert_eq!(error.to_string(), place);
    let nowhere = plain.url().replace("127.0.0.1", "database.invalid");
    let error = database(&nowhere, |_| {}).examine().await.unwrap_err();
    assert!(matches!(&error, DatabaseError::Unreachable { cause: Cause::UnknownHost, .. }), "{error:?}");
}

fn is_certificate(error: &DatabaseError, bad: BadCertificate) -> bool {
    matches!(error, DatabaseError::Unreachable { cause: Cause::Certificate(found), .. } if *found == bad)
}

#[tokio::test]
async fn what_the_server_says_is_told_by_its_code_and_nothing_tells_the_password() {
    let postgres = Postgres::shared("codes").await;
    let wrong = postgres.url().replace(postgres.password(), "hunter2");
    let error = database(&wrong, |_| {}).examine().await.unwrap_err();
    let said = format!("{error} {error:?} {}", error.advice());
    let refused = format!(
        "cannot connect to the database at 127.0.0.1:{}: SQLSTATE 28P01 (the login was refused)",
        postgres.port()
    );
    assert_eq!(error.to_string(), refused);
    assert!(!said.contains("hunter2") && said.contains("pg_hba.conf"), "{said}");
    let nowhere = postgres.url().replace(postgres.name(), "elsewhere");
    let error = database(&nowhere, |_| {}).examine().await.unwrap_err();
    assert!(error.to_string().contains("3D000 (there is no such database)"), "{error}");
}

#[tokio::test]
async fn limits_of_a_role_and_of_a_database_are_seen_and_told_of_where_they_are_too_low() {
    let postgres = Postgres::shared("limited").await;
    database(&postgres.url(), |_| {}).migrate().await.unwrap();
    let (administrator, user) = (postgres.administrator(), postgres.user());
    let role = format!("CREATE ROLE limited LOGIN PASSWORD '{}' IN ROLE {user}", postgres.password());
    administrator.execute(&role).await;
    let url = postgres.url().replace(&format!("//{user}:"), "//limited:");
    let seen = database(&url, |_| {}).examine().await.unwrap();
    assert_eq!((seen.of_role, seen.of_database), (None, None));
    assert!(seen.connections.most > 6 && seen.connections.used > 0, "{seen:?}");
    administrator.execute("ALTER ROLE limited CONNECTION LIMIT 1").await;
    administrator.execute(&format!("ALTER DATABASE {} CONNECTION LIMIT 50", postgres.name())).await;
    let seen = loop {
        // The connection before it may still be there.
        if let Ok(seen) = database(&url, |_| {}).examine().await {
            break seen;
        }
    };
    assert_eq!(seen.of_role, Some(Room { most: 1, used: 1 }));
    assert!(seen.of_database.is_some_and(|room| room.most == 50 && room.used >= 1), "{seen:?}");

    let world = Arc::<World>::default();
    let mut one = Replica::start(&url, "one", &world, Arc::new(Fake::new(&world, "one")), &[]);
    let is_told = |told: &str| told.contains("CONNECTION LIMIT of the role");
    one.sees(|view| view.trouble.as_deref().is_some_and(is_told)).await;
    administrator.execute("ALTER ROLE limited CONNECTION LIMIT 7").await;
    one.sees(|view| view.replicas.iter().any(|replica| replica.role == Role::Leading)).await;
    administrator.execute("ALTER ROLE limited SUPERUSER").await;
    let seen = database(&url, |_| {}).examine().await.unwrap();
    assert_eq!((seen.of_role, seen.of_database), (None, None), "they do not hold for superusers");
}

#[tokio::test]
async fn whoever_drops_what_somebody_has_damaged_gets_it_anew() {
    let (postgres, world) = (Postgres::shared("damaged").await, Arc::<World>::default());
    let mut one =
        Replica::start(&postgres.url(), "one", &world, Arc::new(Fake::new(&world, "one")), &[due(0)]);
    until("it works", || one.ended().len() == 1).await;
    postgres.execute("DROP TABLE tokenferry.replicas").await;
    let is_told =
        |told: &str| told.contains("42P01 (a table is missing); ") && told.contains("drop the schemas");
    one.sees(|view| view.trouble.as_deref().is_some_and(is_told)).await;
    postgres.execute("DROP SCHEMA apalis, tokenferry CASCADE").await;
    one.sees(|view| view.replicas.iter().any(|replica| replica.role == Role::Leading)).await;
}

#[tokio::test]
async fn who_may_not_create_anything_can_do_everything_once_the_tables_are_there() {
    let postgres = Postgres::shared("rights").await;
    let before = database(&postgres.url(), |_| {}).examine().await.unwrap();
    assert!(
        !before.is_migrated
            && before.missing.is_empty()
            && before.missing_extensions.is_empty()
            && before.keeps_sessions
    );
    assert!(!before.is_standby && before.version >= 14);
    database(&postgres.url(), |_| {}).migrate().await.unwrap();

    let administrator = postgres.administrator();
    administrator.execute(&format!("CREATE ROLE dml_only LOGIN PASSWORD '{}'", postgres.password())).await;
    for grant in documented("TO rotator;") {
        administrator.execute(&grant.replace("TO rotator", "TO dml_only")).await;
    }
    let url = postgres.url().replace(&format!("//{}:", postgres.user()), "//dml_only:");
    let after = database(&url, |_| {}).examine().await.unwrap();
    assert!(after.is_migrated && after.missing.is_empty(), "{after:?}");
    database(&url, |_| {}).migrate().await.unwrap();
    postgres.execute(OLD).await;

    let world = Arc::<World>::default();
    let hangs = Fake { gate: Some(Arc::new(Semaphore::new(0))), ..Fake::new(&world, "one") };
    let one = Replica::start(&url, "one", &world, Arc::new(hangs), &[due(0)]);
    until("it has begun", || world.begun.load(Ordering::Relaxed) == 1).await;
    drop(one);
    let two = Replica::start(&url, "two", &world, Arc::new(Fake::new(&world, "two")), &[due(0)]);
    outlive(&postgres, "one", "it is taken over", || two.ended().len() == 1).await;
    come_to(&postgres, LEFT, "101 3 0 0").await;
}

#[tokio::test]
async fn in_a_database_of_somebody_else_the_documented_rights_make_the_tables() {
    let postgres = Postgres::shared("shared").await;
    let (administrator, user, name) = (postgres.administrator(), postgres.user(), postgres.name());
    administrator.execute(&format!("ALTER DATABASE {name} OWNER TO CURRENT_USER")).await;
    let seen = database(&postgres.url(), |_| {});
    for grant in documented("in a database of somebody else") {
        let grant = grant.replace("DATABASE shared", &format!("DATABASE {name}"));
        let missing = seen.examine().await.unwrap().missing;
        assert!(missing.iter().any(|right| grant.contains(&**right)), "{grant}: {missing:?}");
        let error = seen.migrate().await.unwrap_err();
        assert!(missing.iter().all(|right| error.to_string().contains(&**right)), "{error}");
        administrator.execute(&grant.replace("TO tokenferry", &format!("TO {user}"))).await;
    }
    let before = seen.examine().await.unwrap();
    assert!(!before.is_migrated && before.missing.is_empty(), "{before:?}");
    seen.migrate().await.unwrap();
    let world = Arc::<World>::default();
    let work = Arc::new(Fake::new(&world, "one"));
    let one = Replica::start(&postgres.url(), "one", &world, work, &[due(0)]);
    until("it works", || one.ended().len() == 1).await;
}

#[tokio::test]
async fn two_that_come_first_at_the_same_time_make_the_tables_once() {
    let postgres = Postgres::shared("tables").await;
    let mine = database(&postgres.url(), |_| {});
    let made = tokio::join!(mine.migrate(), mine.migrate(), mine.migrate());
    assert!(made.0.is_ok() && made.1.is_ok() && made.2.is_ok(), "{made:?}");
}

#[tokio::test]
async fn the_leader_throws_away_what_is_older_than_three_days() {
    let postgres = Postgres::shared("old").await;
    database(&postgres.url(), |_| {}).migrate().await.unwrap();
    postgres.execute(OLD).await;
    let world = Arc::<World>::default();
    let _one = Replica::start(&postgres.url(), "one", &world, Arc::new(Fake::new(&world, "one")), &[]);
    come_to(&postgres, LEFT, "101 3 0 0").await;
}

#[tokio::test]
async fn what_was_a_dead_letter_is_none_once_its_rotation_is_heard_of_again() {
    let postgres = Postgres::shared("heard").await;
    database(&postgres.url(), |_| {}).migrate().await.unwrap();
    postgres.execute(LETTERS).await;
    let world = Arc::<World>::default();
    let _one = Replica::start(&postgres.url(), "one", &world, Arc::new(Fake::new(&world, "one")), &[]);
    come_to(&postgres, "SELECT key FROM tokenferry.outcomes WHERE is_dead ORDER BY key", "a2 b1 c1").await;
}

/// As after a failover to a server whose clock is an hour behind.
#[tokio::test]
async fn what_lies_in_the_future_of_the_database_is_run_and_missed_all_the_same() {
    let (postgres, world) = (Postgres::shared("future").await, Arc::<World>::default());
    let plan: Vec<_> = (0..20).map(due).collect();
    let hangs = Fake { gate: Some(Arc::new(Semaphore::new(0))), ..Fake::new(&world, "one") };
    let one = Replica::start(&postgres.url(), "one", &world, Arc::new(hangs), &plan);
    until("it has begun", || world.begun.load(Ordering::Relaxed) == 8).await;
    come_to(&postgres, "SELECT count(*) FROM apalis.jobs WHERE status = 'Pending'", "12").await;
    drop(one);
    postgres.terminate_sessions("tokenferry one").await;
    postgres.execute(AHEAD).await;

    let two = Replica::start(&postgres.url(), "two", &world, Arc::new(Fake::new(&world, "two")), &plan);
    until("what waited is run", || two.ended().len() == 12).await;
    come_to(&postgres, FUTURE, "0").await;
}

/// It is idle in a transaction then, with the row of its worker.
#[tokio::test]
async fn a_heartbeat_that_leads_nowhere_keeps_its_rows_from_nobody_for_long() {
    const BEATING: &str = "
        SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
        AND query LIKE '%AND id <> ALL ($2::text[])%' AND pid <> pg_backend_pid()";
    const IDLE: &str = "
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND state = 'idle in transaction'";
    let (postgres, world) = (Postgres::shared("beating").await, Arc::<World>::default());
    let way = Way::to(&postgres).await;
    let settings = Settings { heartbeat_limit: Duration::from_secs(8), ..settings("one") };
    let work = Arc::new(Fake::new(&world, "one"));
    let mut one = Replica::start_with(way.url(), &settings, &world, work, &[due(0)]);
    until("it works", || one.ended().len() == 1).await;
    tokio::join!(postgres.execute("BEGIN; LOCK TABLE apalis.jobs; SELECT pg_sleep(4); COMMIT"), async {
        come_to(&postgres, BEATING, "1").await;
        way.swallow();
    });
    come_to(&postgres, IDLE, "1").await;
    come_to(&postgres, IDLE, "0").await;
    one.is(Role::Leading).await;
}

#[tokio::test]
async fn work_beside_replicas_waits_for_the_lock_of_its_credential() {
    let (postgres, world) = (Postgres::shared("beside").await, Arc::<World>::default());
    let gate = Arc::new(Semaphore::new(0));
    let replica = Fake { gate: Some(Arc::clone(&gate)), credentials: 1, ..Fake::new(&world, "one") };
    let one = Replica::start(&postgres.url(), "one", &world, Arc::new(replica), &[due(0)]);
    until("it has begun", || world.begun.load(Ordering::Relaxed) == 1).await;

    let beside = Fake { credentials: 1, ..Fake::new(&world, "once") };
    let database = database(&postgres.url(), |_| {});
    let impatient = Settings { heartbeat_limit: Duration::from_secs(2), ..settings("once") };
    let guarded = Guarded::start(&impatient, database, Arc::new(beside)).await.unwrap();
    let busy = guarded.run(&due(1)).await;
    assert!(matches!(&busy, Outcome::Failed { class, .. } if class.name() == "credential_busy"), "{busy:?}");
    gate.add_permits(1);
    let rotated = || one.ended().iter().any(|ended| matches!(ended.outcome, Outcome::Rotated(_)));
    until("the replica is done", rotated).await;
    assert!(matches!(guarded.run(&due(1)).await, Outcome::Rotated(_)));
    assert_eq!(world.overlaps.load(Ordering::Relaxed), 0);
}

/// Waits until this is what a query answers.
async fn come_to(database: &tokenferry_tests::postgres::Database, query: &str, answer: &str) {
    let wait = async { while database.query(query).await.concat().join(" ") != answer {} };
    assert!(timeout(PATIENCE, wait).await.is_ok(), "{query}: {:?}", database.query(query).await);
}

/// The statements of the guide's block in which this is said.
fn documented(what: &str) -> Vec<String> {
    let guide = include_str!("../../../docs/rotator/cluster.md");
    let block = guide.split("```sql").skip(1).filter_map(|rest| rest.split("```").next());
    let block = block.into_iter().find(|block| block.contains(what)).unwrap();
    let lines = block.lines().skip_while(|line| !line.contains(what)).filter(|line| line.contains(';'));
    lines.map(|line| line.split_once(';').unwrap().0.to_owned()).collect()
}

const OLD: &str = "
    INSERT INTO apalis.jobs (id, job_type, job, status, run_at, done_at, idempotency_key)
    SELECT apalis.generate_ulid(), 'tokenferry:west:1:former', '', 'Done', at, at, n::text
    FROM (SELECT n, now() - CASE WHEN n > 1500 THEN interval '1 day' ELSE interval '4 days' END AS at
          FROM generate_series(1, 1600) AS n) AS old;
    INSERT INTO apalis.jobs (id, job_type, job, done_at) VALUES ('other', 'not ours', '', now() - interval '9 days');
    INSERT INTO apalis.workers (id, worker_type, storage_name, last_seen)
    VALUES ('gone', 'tokenferry:west:', 'tokenferry', now() - interval '2 days');
    INSERT INTO tokenferry.replicas (id, cluster, name, version, fingerprint, role, concurrency, seen_at)
    VALUES ('gone', 'west', 'gone', '', '', 'standby', 8, now() - interval '2 days');
    INSERT INTO tokenferry.outcomes (queue, key, rotation, occurrence, attempt, replica, is_dead, outcome, at)
    SELECT 'q', n::text, 'r', now(), 1, 'one', false, '', now() - (n || ' days')::interval
    FROM generate_series(0, 9) AS n;";
const LETTERS: &str = "
    INSERT INTO tokenferry.outcomes (queue, key, rotation, occurrence, attempt, replica, is_dead, outcome, at)
    SELECT queue, key, rotation, now(), 1, 'one', is_dead, '', now() - make_interval(mins => minutes)
    FROM (VALUES ('tokenferry:west:1:x', 'a1', 'a', true, 9), ('tokenferry:west:1:y', 'a2', 'a', true, 8),
                 ('tokenferry:west:1:x', 'b1', 'b', true, 9), ('tokenferry:east:1:x', 'b2', 'b', false, 8),
                 ('tokenferry:west:1:x', 'c1', 'c', true, 9),
                 ('tokenferry:west:1:x', 'd1', 'd', true, 9), ('tokenferry:west:1:y', 'd2', 'd', false, 8))
        AS outcome (queue, key, rotation, is_dead, minutes);";
const AHEAD: &str = "
    UPDATE apalis.jobs SET run_at = now() + interval '1 hour' WHERE status = 'Pending';
    UPDATE apalis.workers SET last_seen = now() + interval '1 hour';
    UPDATE tokenferry.replicas SET seen_at = now() + interval '1 hour';";
const FUTURE: &str = "
    SELECT count(*) FROM (SELECT run_at AS at FROM apalis.jobs UNION ALL SELECT last_seen FROM apalis.workers
        UNION ALL SELECT seen_at FROM tokenferry.replicas) AS seen
    WHERE at > now() + interval '1 minute'";
const LEFT: &str = "
    SELECT (SELECT count(*) FROM apalis.jobs WHERE job_type IN ('tokenferry:west:1:former', 'not ours')),
           (SELECT count(*) FROM tokenferry.outcomes WHERE queue = 'q'),
           (SELECT count(*) FROM apalis.workers WHERE id = 'gone'),
           (SELECT count(*) FROM tokenferry.replicas WHERE id = 'gone')";
