//! The database that replicas share the work through: reached, good enough, and who else is there.

use std::time::Duration;

use tokenferry_sources::ProcessEnvironment;
use tokenferry_sources::cause::with_causes;
use tokio::time::timeout;

use super::Patient;
use super::finding::{Check, Finding, Group, counted};
use crate::cluster::{
    CONNECTIONS, Database, DatabaseError, Examination, LEAST_VERSION, Replica, Room, Settings, View,
};
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
            let fingerprint = patient.app.config.fingerprint();
            findings.extend(judge(&subject, &examination, view.as_ref(), &fingerprint));
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

/// Whoever lacks a right may be unable to see who else is there.
async fn look(
    patient: &Patient<'_>,
    settings: &Settings,
    database: &Database,
) -> Result<(Examination, Option<View>), DatabaseError> {
    let app = patient.app;
    let examination = database.examine().await?;
    let is_configured = |name: &str| app.find(name).is_ok();
    let view = database.look(settings, &app.config.fingerprint(), is_configured, app.clock.now()).await;
    match view {
        Err(_) if !examination.missing.is_empty() => Ok((examination, None)),
        view => Ok((examination, Some(view?))),
    }
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

fn judge(subject: &str, examination: &Examination, view: Option<&View>, fingerprint: &str) -> Vec<Finding> {
    let mut findings = server(subject, examination);
    findings.push(rights(subject, examination));
    findings.push(sessions(subject, examination));
    let alive = view.map_or(0, |view| alive(view).count());
    findings.extend(connections(subject, examination, alive));
    let Some(view) = view else { return findings };
    findings.extend(replicas(view, fingerprint));
    if let Some(letter) = view.dead_letters.first() {
        let count = counted(view.dead_letters.len(), "run");
        let found = format!("{count} given up; the last one of {} ({})", letter.rotation, letter.class);
        let advice = "`tokenferry status` names them, `tokenferry explain ROTATION` says what to change.";
        findings.push(Finding::warning(Group::Cluster, Check::DeadLetters, "dead letters", found, advice));
    }
    findings
}

fn server(subject: &str, examination: &Examination) -> Vec<Finding> {
    let Examination { version, is_standby, is_read_only, is_encrypted, .. } = *examination;
    let problem =
        |found: String, advice| Finding::problem(Group::Cluster, Check::Database, subject, found, advice);
    let reached = if is_standby {
        problem(format!("PostgreSQL {version}, which only follows another server"), FOLLOWS)
    } else if is_read_only {
        problem(format!("PostgreSQL {version}, which this role cannot write"), READ_ONLY)
    } else if u32::try_from(version).is_ok_and(|version| version < LEAST_VERSION) {
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
    [reached].into_iter().chain(way(subject, examination)).collect()
}

/// What can happen between here and a server on another machine.
fn way(subject: &str, examination: &Examination) -> Option<Finding> {
    let found = match *examination {
        Examination { is_local: true, .. } => return None,
        Examination { is_encrypted: false, .. } => {
            "without TLS: whoever is on the way can read which rotations there are, and take their place"
        }
        Examination { is_proven: false, .. } => {
            "by TLS, but the server has not to prove who it is: whoever is on the way can be it"
        }
        _ => return None,
    };
    Some(Finding::warning(Group::Cluster, Check::Encryption, subject, found, ENCRYPT))
}

fn rights(subject: &str, examination: &Examination) -> Finding {
    let Examination { is_migrated, missing, missing_extensions, .. } = examination;
    let problem =
        |found: String, advice| Finding::problem(Group::Cluster, Check::Grants, subject, found, advice);
    let ok = |found| Finding::ok(Group::Cluster, Check::Grants, subject, found);
    match (missing.as_slice(), missing_extensions.as_slice()) {
        ([], []) if *is_migrated => ok("schemas and tables are there, and may be used"),
        ([], []) => ok("schemas and tables are missing; the first replica makes them"),
        ([], missing) => {
            problem(format!("the queue needs what cannot be had: {}", missing.join(", ")), EXTENSIONS)
        }
        (missing, _) => problem(format!("the role lacks {}", missing.join(", ")), GRANT),
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

/// All that may leave too little room for replicas, of which so many are alive.
fn connections(subject: &str, examination: &Examination, alive: usize) -> Vec<Finding> {
    let Examination { connections, of_database, of_role, .. } = *examination;
    let limits = [
        (Some(connections), "on this server", CONNECT),
        (of_database, "in this database", CONNECT_TO_DATABASE),
        (of_role, "by this role", CONNECT_BY_ROLE),
    ];
    let limited = limits.into_iter().filter_map(|(room, whose, advice)| Some((room?, whose, advice)));
    limited.map(|(room, whose, advice)| connect(subject, room, whose, alive, advice)).collect()
}

/// Of those there are now, the living replicas have their share already.
fn connect(subject: &str, room: Room, whose: &str, alive: usize, advice: &'static str) -> Finding {
    let Room { most, used } = room;
    let replica = i64::from(CONNECTIONS);
    let alive = i64::try_from(alive).unwrap_or(i64::MAX);
    let found = format!("{used} of {most} in use {whose}; a replica takes up to {replica}");
    // One that is started, and one that steps in for it.
    if most < replica.saturating_mul(alive.max(2)) {
        return Finding::problem(Group::Cluster, Check::Connections, subject, found, advice);
    }
    if most - used < replica {
        return Finding::warning(Group::Cluster, Check::Connections, subject, found, advice);
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
        let Replica { name, version, fingerprint: theirs, heartbeat_limit, is_lost, .. } = replica;
        findings.push(if *is_lost {
            warning(name, format!("was not seen for {}", silent(replica)), LOST)
        } else if *theirs == *fingerprint && *version == env!("CARGO_PKG_VERSION") {
            let found = format!("has a `heartbeat_limit` of {}, here it is another", human(*heartbeat_limit));
            warning(name, found, LIMITS)
        } else if *theirs == *fingerprint {
            warning(name, format!("runs version {version}, this is {}", env!("CARGO_PKG_VERSION")), VERSIONS)
        } else {
            let found = format!("has the configuration {theirs}, here it is {fingerprint}");
            if view.other_leader() == Some(replica) {
                let found = format!("leads, and {found}: what only stands here is run by nobody");
                Finding::problem(Group::Cluster, Check::Replicas, name.to_string(), found, DRIFT)
            } else {
                warning(name, found, DRIFT)
            }
        });
    }
    if let Some(one) = view.replicas.iter().find(|replica| replica.has_namesake) {
        findings.push(warning(&one.name, "another replica has the same name".to_owned(), NAMESAKES));
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
    view.replicas.iter().filter(|replica| replica.is_alive())
}

const LONGEST: Duration = Duration::from_secs(15);
const AWAY: &str = "See whether PostgreSQL runs and can be reached from here.";
const CONNECT: &str = "Raise max_connections, or run fewer replicas.";
const CONNECT_BY_ROLE: &str = "Raise it (ALTER ROLE … CONNECTION LIMIT …), or run fewer replicas.";
const CONNECT_TO_DATABASE: &str = "Raise it (ALTER DATABASE … CONNECTION LIMIT …), or run fewer replicas.";
const DRIFT: &str = "Give all replicas the same rotations, sources and destinations: they share no work until then. While an \
                     update is under way it is so by itself. What is a cluster of its own needs another `name`.";
const ENCRYPT: &str = "Set sslmode=verify-full in the URL, and `ca_cert_file`.";
const FOLLOWS: &str = "Let `database_url` lead to the primary, also after a failover.";
const EXTENSIONS: &str =
    "Install these extensions on the server (Debian: postgresql-contrib), or have the provider allow them.";
const GRANT: &str = "GRANT it; before the tables are there, a role that may make them can run the first replica instead. The \
                     operator's guide has all that is needed.";
const LIMITS: &str =
    "Give all replicas the same `heartbeat_limit`, and start those that have not; work is shared meanwhile.";
const LOST: &str = "If it was stopped for good, nothing: it is forgotten a day later.";
const NAMESAKES: &str = "Give each a `replica` of its own in the `cluster` block, or leave it out.";
const NO_LEADER: &str = "Their logs say why; within seconds one of them should.";
const POOLER: &str = "Go around the pooler, or have it pool by session (PgBouncer: pool_mode = session).";
const READ_ONLY: &str = "See default_transaction_read_only of the server, of the database and of the role; and whether \
                         `database_url` leads to the primary.";
const VERSIONS: &str = "Finish the update; work is shared meanwhile.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;
    use crate::observe::samples::{cluster, now, replica};

    const INSERT: &str = "INSERT ON tokenferry.outcomes";
    const FEW: Option<Room> = Some(Room { most: 3, used: 1 });
    const OURS: &str = "7558b7c1ff2a53bb";

    fn good() -> Examination {
        Examination {
            version: 15,
            connections: Room { most: 97, used: 12 },
            of_database: None,
            of_role: None,
            is_standby: false,
            is_read_only: false,
            is_local: false,
            is_encrypted: true,
            is_proven: true,
            is_migrated: true,
            missing: Vec::new(),
            missing_extensions: Vec::new(),
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
        let findings = judge("db.example:5432/t", examination, Some(view), OURS);
        let trouble = findings.iter().filter(|finding| finding.state != State::Ok);
        trouble.map(|finding| (finding.check, finding.state)).collect()
    }

    #[test]
    fn a_good_database_and_replicas_alike_are_fine() {
        assert_eq!(trouble(&good(), &two()), []);
        assert_eq!(trouble(&good(), &view(Vec::new())), [], "nothing has to run");
        assert_eq!(trouble(&Examination { is_migrated: false, ..good() }, &two()), []);
    }

    #[test]
    fn what_will_not_do_is_a_problem() {
        let good = good();
        let cases = [
            (Examination { is_standby: true, ..good.clone() }, Check::Database),
            (Examination { version: 13, ..good.clone() }, Check::Database),
            (Examination { is_read_only: true, ..good.clone() }, Check::Database),
            (Examination { missing: vec![INSERT.to_owned()], ..good.clone() }, Check::Grants),
            (
                Examination {
                    is_migrated: false,
                    missing_extensions: vec!["hstore".to_owned()],
                    ..good.clone()
                },
                Check::Grants,
            ),
            (Examination { keeps_sessions: false, ..good.clone() }, Check::Sessions),
            (Examination { connections: Room { most: 7, used: 1 }, ..good.clone() }, Check::Connections),
            (Examination { of_database: FEW, ..good.clone() }, Check::Connections),
            (Examination { of_role: FEW, ..good.clone() }, Check::Connections),
        ];
        for (examination, check) in cases {
            assert_eq!(trouble(&examination, &two()), [(check, State::Problem)], "{examination:?}");
        }
    }

    #[test]
    fn the_right_that_is_missing_is_named() {
        let lacking = Examination { missing: vec![INSERT.to_owned()], ..good() };
        assert_eq!(rights("", &lacking).found, "the role lacks INSERT ON tokenferry.outcomes");
        let unmade = Examination { missing_extensions: vec!["pgcrypto".to_owned()], ..good() };
        assert!(rights("", &unmade).found.ends_with(": pgcrypto"));
    }

    #[test]
    fn the_limit_that_is_too_low_is_named_with_its_remedy() {
        let limited = Examination { of_database: FEW, of_role: FEW, ..good() };
        let told: Vec<_> = connections("", &limited, 0).into_iter().map(|finding| finding.found).collect();
        let expected = [
            "12 of 97 in use on this server; a replica takes up to 6",
            "1 of 3 in use in this database; a replica takes up to 6",
            "1 of 3 in use by this role; a replica takes up to 6",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_works_but_should_not_stay_so_is_a_warning() {
        let plain = Examination { is_encrypted: false, ..good() };
        assert_eq!(trouble(&plain, &two()), [(Check::Encryption, State::Warning)]);
        let unproven = Examination { is_proven: false, ..good() };
        assert_eq!(trouble(&unproven, &two()), [(Check::Encryption, State::Warning)]);
        let local = Examination { is_local: true, ..plain };
        let local = judge("127.0.0.1:5432/t", &local, Some(&two()), OURS);
        assert!(local.iter().all(|finding| finding.state == State::Ok));
        let full = Examination { connections: Room { most: 97, used: 95 }, ..good() };
        assert_eq!(trouble(&full, &two()), [(Check::Connections, State::Warning)]);
        let full = Examination { of_role: Some(Room { most: 14, used: 13 }), ..good() };
        assert_eq!(trouble(&full, &two()), [(Check::Connections, State::Warning)]);
        let leaderless = view(vec![replica("rotator-0", Role::Standby)]);
        assert_eq!(trouble(&good(), &leaderless), [(Check::Replicas, State::Warning)]);
    }

    #[test]
    fn replicas_that_differ_or_are_lost_are_named() {
        let findings = judge("db.example:5432/t", &good(), Some(&cluster()), OURS);
        let told: Vec<_> = findings.iter().filter(|finding| finding.state != State::Ok).collect();
        let told: Vec<String> =
            told.iter().map(|finding| format!("{} {}", finding.subject, finding.found)).collect();
        assert_eq!(findings.iter().filter(|finding| finding.state == State::Problem).count(), 1);
        let expected = [
            "rotator-1 leads, and has the configuration 0123456789abcdef, here it is 7558b7c1ff2a53bb: what only stands \
             here is run by nobody",
            "rotator-2 was not seen for 6m40s",
            "dead letters 1 run given up; the last one of held (login_refused)",
        ];
        assert_eq!(told, expected);
        let mut led = cluster();
        led.replicas.iter_mut().for_each(|replica| replica.role = Role::Standby);
        led.replicas.push(replica("rotator-3", Role::Leading));
        assert!(replicas(&led, OURS).iter().all(|finding| finding.state != State::Problem), "it stands by");
        let twin = Replica { has_namesake: true, ..replica("twin", Role::Leading) };
        assert_eq!(replicas(&view(vec![twin]), OURS)[0].found, "another replica has the same name");
        let newer = Replica { drifted: true, version: "9.9.9".to_owned(), ..replica("new", Role::Leading) };
        let found = &replicas(&view(vec![newer]), OURS)[0].found;
        assert!(found.starts_with("runs version 9.9.9, this is "), "{found}");
        let limit = Duration::from_secs(20);
        let hasty = Replica { drifted: true, heartbeat_limit: limit, ..replica("hasty", Role::Leading) };
        let found = &replicas(&view(vec![hasty]), OURS)[0].found;
        assert_eq!(found, "has a `heartbeat_limit` of 20s, here it is another");
    }

    #[test]
    fn advice_of_the_engine_becomes_a_sentence() {
        assert_eq!(sentence("see user and password"), "See user and password.");
    }
}
