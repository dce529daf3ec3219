//! Rotations in every state, for tests.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokenferry_sources::Timestamp;
use tokenferry_vault::Counts;

use super::{Calls, Clock, Health, Logins, Row, Runs, Snapshot};
use crate::cluster::{DeadLetter, Replica, View};
use crate::config::Config;
use crate::dispatch::Role;
use crate::reload::LastReload;
use crate::rotation::Rotation;
use crate::run::{Class, Living, Reason};
use crate::scheduler::{Failing, Held, HeldBy, Next, Stage};

/// The moment of all samples.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000, 0).unwrap()
}

pub(crate) fn minutes(minutes: i64) -> Timestamp {
    now() + TimeDelta::minutes(minutes)
}

/// Rotations of these names, whose readers look every five minutes.
pub(crate) fn rotations(names: &[&str]) -> Vec<Arc<Rotation>> {
    let source = "source \"zettelstore\" \"notes\" {\n username = \"anna\"\n password = { env = \"P\" }\n}\n";
    let rotation = |name: &&str| {
        format!(
            "rotation \"{name}\" {{\n source = \"zettelstore.notes\"\n schedule = \"@hourly\"\n \
             renew_before = \"20m\"\n destination {{\n mount = \"secret\"\n path = \"{name}\"\n }}\n}}\n"
        )
    };
    let text = source.to_owned() + &names.iter().map(rotation).collect::<String>();
    let environment = BTreeMap::from([("VAULT_ADDR".to_owned(), "https://vault.example".to_owned())]);
    Config::parse(vec![(PathBuf::from("t.hcl"), text)], &environment).unwrap().rotations
}

/// A rotation that is fine: its token was issued ten minutes ago and lives for an hour.
pub(crate) fn fine(rotation: Arc<Rotation>) -> Row {
    let next = Next { at: minutes(30), occurrence: minutes(30), reason: Reason::Expiry };
    Row {
        rotation,
        stage: Stage::Planned(next),
        held: None,
        living: Some(Living { issued_at: minutes(-10), expires_at: Some(minutes(50)), version: 3 }),
        ended_by_refresh: false,
        failing: None,
        runs: Runs { rotated: 4, ..Runs::default() },
    }
}

/// Makes it fail for the third time.
pub(crate) fn fail(row: &mut Row, class: &'static str, held_until: Option<Timestamp>) {
    row.failing = Some(Box::new(Failing { class: Class::new(class), at: minutes(-2), count: 3, held_until }));
}

/// One rotation in each state, and one whose token nobody knows the end of.
pub(crate) fn every_state() -> Snapshot {
    let names = ["fine", "endless", "unread", "failing", "held", "at-risk", "over", "missing", "disabled"];
    let mut rows: Vec<Row> = rotations(&names).into_iter().map(fine).collect();
    let ends =
        |row: &mut Row, end| row.living = row.living.map(|living| Living { expires_at: end, ..living });
    ends(&mut rows[1], None);
    (rows[2].stage, rows[2].living) = (Stage::Unread, None);
    fail(&mut rows[3], "unreachable", None);
    rows[3].runs.missed = 2;
    let destinations = &mut Arc::make_mut(&mut rows[3].rotation).destinations;
    *destinations = destinations.iter().cycle().take(3).cloned().collect();
    fail(&mut rows[4], "login_refused", Some(minutes(13)));
    rows[4].held = Some(Held { by: HeldBy::Breaker, until: Some(minutes(13)) });
    fail(&mut rows[5], "server_error", None);
    rows[5].stage = Stage::InFlight;
    ends(&mut rows[5], Some(minutes(4)));
    ends(&mut rows[6], Some(minutes(-1)));
    fail(&mut rows[7], "vault_forbidden", None);
    rows[7].living = None;
    (rows[8].stage, rows[8].living) = (Stage::Disabled, None);
    rows[8].held = Some(Held { by: HeldBy::Disabled, until: None });
    snapshot(rows)
}

pub(crate) fn snapshot(rows: Vec<Row>) -> Snapshot {
    let unread = rows.iter().filter(|row| row.stage == Stage::Unread).count();
    let source = &rows[0].rotation.source;
    Snapshot {
        now: now(),
        read_at: None,
        health: Health {
            rotations: rows.len(),
            unread,
            lag: Duration::ZERO,
            role: Role::Leading,
            is_apart: false,
            trouble: None,
            gives_way: false,
        },
        running: rows.iter().filter(|row| row.stage == Stage::InFlight).count(),
        failures: vec![(Arc::clone(source), Class::new("unreachable"), 2)],
        calls: vec![Calls { system: "zettelstore", total: 40, last_hour: 12 }],
        logins: vec![Logins {
            source: Arc::clone(&source.name),
            system: "zettelstore",
            total: 20,
            last_hour: 6,
        }],
        adopted: 1,
        vault: Counts { logins: 1, failed_logins: 0, renewals: 2 },
        reload: LastReload { successful: true, at: minutes(-60) },
        clocks: vec![Clock { source: Arc::clone(source), ahead_secs: -7 }],
        vault_ahead_secs: Some(1),
        cluster: None,
        rows,
    }
}

/// A replica that was seen a moment ago.
pub(crate) fn replica(name: &str, role: Role) -> Replica {
    Replica {
        name: name.into(),
        is_self: false,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        fingerprint: "7558b7c1ff2a53bb".to_owned(),
        has_namesake: false,
        is_apart: false,
        drifted: false,
        role,
        concurrency: 8,
        reaches_vault: Some(true),
        heartbeat_limit: Duration::from_mins(1),
        silent_for: Duration::from_secs(2),
        is_lost: false,
    }
}

/// Three replicas, of which one is lost and one has another configuration, and something that was given up.
pub(crate) fn cluster() -> View {
    let ours = Replica { is_self: true, ..replica("rotator-0", Role::Standby) };
    let drifted = Replica {
        is_apart: true,
        drifted: true,
        version: "0.0.9".to_owned(),
        fingerprint: "0123456789abcdef".to_owned(),
        ..replica("rotator-1", Role::Leading)
    };
    let lost = Replica {
        is_lost: true,
        silent_for: Duration::from_secs(400),
        ..replica("rotator-2", Role::Standby)
    };
    let letter = DeadLetter {
        rotation: "held".into(),
        occurrence: minutes(-40),
        attempt: 2,
        class: Class::new("login_refused"),
        replica: "rotator-1".into(),
        at: minutes(-39),
    };
    View {
        role: Role::Standby,
        since: minutes(-90),
        trouble: None,
        gives_way: false,
        looked_at: Some(now()),
        replicas: vec![ours, drifted, lost],
        dead_letters: vec![letter],
        waiting: 5,
        oldest_wait: Some(Duration::from_secs(3)),
    }
}
