//! The database that replicas share the work through: reached, good enough, and who else is there.

use std::time::Duration;

use tokenferry_sources::ProcessEnvironment;
use tokenferry_sources::cause::with_causes;
use tokio::time::timeout;

use super::Patient;
use super::finding::{Check, Finding, Group, counted};
use crate::cluster::{CONNECTIONS, Database, DatabaseError, Examination, Replica, Settings, View};
use crate::dispatch::Role;
use crate::proof::human;

pub(super) async fn examine(patient: &Patient<'_>) -> Vec<Finding> {
    let Some(settings) = &patient.app.config.cluster else { return Vec::new() };
    let mut findings = vec![times(patient, settings)];
    let database = match Database::new(settings, &ProcessEnvironment) {
        Ok(database) => database,
        Err(error) => {
            findings.push(of_error("database_url", &error));
            return findings;
        }
    };
    patient.progress.expect(1);
    let subject = database.to_string();
    match timeout(LONGEST, look(patient, settings, &database)).await {
        Ok(Ok((examination, view))) => {
            findings.extend(judge(&subject, &examination, &view, &patient.app.config.fingerprint()));
        }
        Ok(Err(error)) => findings.push(of_error(&subject, &error)),
        Err(_) => {
            let found = format!("no answer within {} s", LONGEST.as_secs());
            findings.push(Finding::problem(Group::Cluster, Check::Database, subject, found, AWAY));
        }
    }
    patient.progress.step();
    findings
}

async fn look(
    patient: &Patient<'_>,
    settings: &Settings,
    database: &Database,
) -> Result<(Examination, View), DatabaseError> {
    let app = patient.app;
    let examination = database.examine().await?;
    let is_configured = |name: &str| app.find(name).is_ok();
    let view = database.look(settings, &app.config.fingerprint(), is_configured, app.clock.now()).await?;
    Ok((examination, view))
}

/// A configuration that breaks the rule cannot be read, so it holds.
fn times(patient: &Patient<'_>, settings: &Settings) -> Finding {
    let limit = human(settings.heartbeat_limit);
    let found = match patient.app.config.longest_run() {
        Some((source, longest)) => {
            format!("{limit}; the longest run, one of {source}, takes up to {}", human(longest))
        }
        None => limit,
    };
    Finding::ok(Group::Cluster, Check::TimeRule, "heartbeat_limit", found)
}

fn of_error(subject: &str, error: &DatabaseError) -> Finding {
    Finding::problem(Group::Cluster, Check::Database, subject, with_causes(error), sentence(error.advice()))
}

/// Advice of the engine, as it is written here.
fn sentence(advice: &str) -> String {
    let mut letters = advice.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str().trim_end_matches('.'))
}

fn judge(subject: &str, examination: &Examination, view: &View, fingerprint: &str) -> Vec<Finding> {
    let mut findings = server(subject, examination);
    findings.push(rights(subject, examination));
    findings.push(sessions(subject, examination));
    findings.push(connections(subject, examination, view));
    findings.extend(replicas(view, fingerprint));
    if let Some(letter) = view.dead_letters.first() {
        let count = counted(view.dead_letters.len(), "run");
        let found =
            format!("{count} nobody tries again; the last one of {} ({})", letter.rotation, letter.class);
        let advice = "`tokenferry status` names them, `tokenferry explain ROTATION` says what to change.";
        findings.push(Finding::warning(Group::Cluster, Check::DeadLetters, "dead letters", found, advice));
    }
    findings
}

fn server(subject: &str, examination: &Examination) -> Vec<Finding> {
    let Examination { version, is_standby, is_encrypted, .. } = *examination;
    let problem =
        |found: String, advice| Finding::problem(Group::Cluster, Check::Database, subject, found, advice);
    let reached = if is_standby {
        problem(format!("PostgreSQL {version}, which only follows another server"), FOLLOWS)
    } else if version < LEAST_VERSION {
        problem(format!("PostgreSQL {version}; {LEAST_VERSION} is needed"), "Upgrade it.")
    } else {
        let encrypted = if is_encrypted { ", by TLS" } else { "" };
        Finding::ok(
            Group::Cluster,
            Check::Database,
            subject,
            format!("PostgreSQL {version}, reached{encrypted}"),
        )
    };
    let is_local = ["localhost", "127.", "[::1]", "::1", "/"].iter().any(|local| subject.starts_with(local));
    let plain = (!is_encrypted && !is_local).then(|| {
        let found =
            "without TLS: whoever is on the way can read which rotations there are, and take their place";
        Finding::warning(Group::Cluster, Check::Encryption, subject, found, ENCRYPT)
    });
    [reached].into_iter().chain(plain).collect()
}

fn rights(subject: &str, examination: &Examination) -> Finding {
    let Examination { is_migrated, may_create, has_extensions, .. } = *examination;
    let problem = |found, advice| Finding::problem(Group::Cluster, Check::Grants, subject, found, advice);
    match (is_migrated, may_create, has_extensions) {
        (true, ..) => Finding::ok(Group::Cluster, Check::Grants, subject, "schemas and tables are there"),
        (_, false, _) => problem("the schemas are missing, and the role may not create them", GRANT),
        (_, _, false) => {
            problem("the extensions hstore and pgcrypto cannot be had, which the queue needs", EXTENSIONS)
        }
        _ => {
            let found = "schemas and tables are missing; the first replica makes them";
            Finding::ok(Group::Cluster, Check::Grants, subject, found)
        }
    }
}

fn sessions(subject: &str, examination: &Examination) -> Finding {
    if examination.keeps_sessions {
        return Finding::ok(
            Group::Cluster,
            Check::Sessions,
            subject,
            "statements of a connection share a session",
        );
    }
    let found = "statements of one connection go to different sessions, in which locks hold nothing";
    Finding::problem(Group::Cluster, Check::Sessions, subject, found, POOLER)
}

/// Of those there are now, the living replicas have their share already.
fn connections(subject: &str, examination: &Examination, view: &View) -> Finding {
    let Examination { max_connections, connections, .. } = *examination;
    let replica = i64::from(CONNECTIONS);
    let alive = i64::try_from(alive(view).count()).unwrap_or(i64::MAX);
    let free = i64::from(max_connections) - RESERVED - connections;
    let found = format!("{connections} of {max_connections} in use; a replica takes up to {replica}");
    // One that is started, and one that steps in for it.
    if i64::from(max_connections) - RESERVED < replica * alive.max(2) {
        return Finding::problem(Group::Cluster, Check::Connections, subject, found, CONNECT);
    }
    if free < replica {
        return Finding::warning(Group::Cluster, Check::Connections, subject, found, CONNECT);
    }
    Finding::ok(Group::Cluster, Check::Connections, subject, found)
}

fn replicas(view: &View, fingerprint: &str) -> Vec<Finding> {
    let ok = |found| Finding::ok(Group::Cluster, Check::Replicas, "replicas", found);
    let warning = |subject: &str, found: String, advice| {
        Finding::warning(Group::Cluster, Check::Replicas, subject, found, advice)
    };
    let silent = |replica: &Replica| human(Duration::from_secs(replica.silent_for.as_secs()));
    let mut findings = Vec::new();
    for replica in view.replicas.iter().filter(|replica| replica.is_lost || replica.drifted) {
        let Replica { name, version, fingerprint: theirs, is_lost, .. } = replica;
        findings.push(if *is_lost {
            warning(name, format!("was not seen for {}", silent(replica)), LOST)
        } else if *theirs == *fingerprint {
            warning(name, format!("runs version {version}, this is {}", env!("CARGO_PKG_VERSION")), VERSIONS)
        } else {
            warning(name, format!("has the configuration {theirs}, here it is {fingerprint}"), DRIFT)
        });
    }
    let leader = alive(view).find(|replica| replica.role == Role::Leading);
    let count = counted(alive(view).count(), "replica");
    findings.push(match leader {
        Some(leader) => ok(format!("{count} alive, {} leads", leader.name)),
        None if alive(view).next().is_none() => ok("none is running".to_owned()),
        None => warning("replicas", format!("{count} alive, and none leads"), NO_LEADER),
    });
    findings
}

fn alive(view: &View) -> impl Iterator<Item = &Replica> {
    view.replicas.iter().filter(|replica| !replica.is_lost)
}

const LONGEST: Duration = Duration::from_secs(15);
const LEAST_VERSION: i32 = 13;
/// What PostgreSQL keeps for superusers unless it is configured.
const RESERVED: i64 = 3;
const AWAY: &str = "See whether PostgreSQL runs and can be reached from here.";
const CONNECT: &str = "Raise max_connections, or run fewer replicas.";
const DRIFT: &str = "Give all replicas the same rotations, sources and destinations: they share no work until then. While an \
                     update is under way it is so by itself. What is a cluster of its own needs another `name`.";
const ENCRYPT: &str = "Set sslmode=verify-full in the URL, and `ca_cert_file`.";
const FOLLOWS: &str = "Let `database_url` lead to the primary, also after a failover.";
const GRANT: &str = "GRANT CREATE ON DATABASE … TO …, and ON SCHEMA public for extensions; or let a role that may \
                     create them run the first replica.";
const EXTENSIONS: &str =
    "Install them on the server (Debian: postgresql-contrib), or have the provider allow them.";
const LOST: &str = "If it was stopped for good, nothing: it is forgotten a day later.";
const NO_LEADER: &str = "Their logs say why; within seconds one of them should.";
const POOLER: &str = "Go around the pooler, or have it pool by session (PgBouncer: pool_mode = session).";
const VERSIONS: &str = "Finish the update; work is shared meanwhile.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;
    use crate::observe::samples::{cluster, now, replica};

    const OURS: &str = "7558b7c1ff2a53bb";

    fn good() -> Examination {
        Examination {
            version: 15,
            max_connections: 100,
            connections: 12,
            is_standby: false,
            is_encrypted: true,
            is_migrated: true,
            may_create: false,
            has_extensions: true,
            keeps_sessions: true,
        }
    }

    fn view(replicas: Vec<Replica>) -> View {
        View { replicas, ..View::new(now()) }
    }

    fn two() -> View {
        view(vec![replica("rotator-0", Role::Leading), replica("rotator-1", Role::Standby)])
    }

    /// What is not fine.
    fn trouble(examination: &Examination, view: &View) -> Vec<(Check, State)> {
        let findings = judge("db.example:5432/t", examination, view, OURS);
        let trouble = findings.iter().filter(|finding| finding.state != State::Ok);
        trouble.map(|finding| (finding.check, finding.state)).collect()
    }

    #[test]
    fn a_good_database_and_replicas_alike_are_fine() {
        assert_eq!(trouble(&good(), &two()), []);
        assert_eq!(trouble(&good(), &view(Vec::new())), [], "nothing has to run");
        assert_eq!(trouble(&Examination { is_migrated: false, may_create: true, ..good() }, &two()), []);
    }

    #[test]
    fn what_will_not_do_is_a_problem() {
        let good = good();
        let cases = [
            (Examination { is_standby: true, ..good.clone() }, Check::Database),
            (Examination { version: 12, ..good.clone() }, Check::Database),
            (Examination { is_migrated: false, ..good.clone() }, Check::Grants),
            (
                Examination { is_migrated: false, may_create: true, has_extensions: false, ..good.clone() },
                Check::Grants,
            ),
            (Examination { keeps_sessions: false, ..good.clone() }, Check::Sessions),
            (Examination { max_connections: 10, connections: 1, ..good.clone() }, Check::Connections),
        ];
        for (examination, check) in cases {
            assert_eq!(trouble(&examination, &two()), [(check, State::Problem)], "{examination:?}");
        }
    }

    #[test]
    fn what_works_but_should_not_stay_so_is_a_warning() {
        let plain = Examination { is_encrypted: false, ..good() };
        assert_eq!(trouble(&plain, &two()), [(Check::Encryption, State::Warning)]);
        let local = judge("127.0.0.1:5432/t", &plain, &two(), OURS);
        assert!(local.iter().all(|finding| finding.state == State::Ok));
        let full = Examination { connections: 95, ..good() };
        assert_eq!(trouble(&full, &two()), [(Check::Connections, State::Warning)]);
        let leaderless = view(vec![replica("rotator-0", Role::Standby)]);
        assert_eq!(trouble(&good(), &leaderless), [(Check::Replicas, State::Warning)]);
    }

    #[test]
    fn replicas_that_differ_or_are_lost_are_named() {
        let findings = judge("db.example:5432/t", &good(), &cluster(), OURS);
        let told: Vec<_> = findings.iter().filter(|finding| finding.state == State::Warning).collect();
        let told: Vec<String> =
            told.iter().map(|finding| format!("{} {}", finding.subject, finding.found)).collect();
        let expected = [
            "rotator-1 has the configuration 0123456789abcdef, here it is 7558b7c1ff2a53bb",
            "rotator-2 was not seen for 6m40s",
            "dead letters 1 run nobody tries again; the last one of held (login_refused)",
        ];
        assert_eq!(told, expected);
        let newer = Replica { drifted: true, version: "9.9.9".to_owned(), ..replica("new", Role::Leading) };
        let found = &replicas(&view(vec![newer]), OURS)[0].found;
        assert!(found.starts_with("runs version 9.9.9, this is "), "{found}");
    }

    #[test]
    fn advice_of_the_engine_becomes_a_sentence() {
        assert_eq!(sentence("see user and password"), "See user and password.");
    }
}
