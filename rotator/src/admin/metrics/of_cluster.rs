//! What is told of the replicas. Where there is no `cluster` block there are no samples.

use std::collections::BTreeMap;

use super::{Family, Kind, Samples};
use crate::cluster::{Replica, View};
use crate::dispatch::Role;
use crate::observe::Snapshot;

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "tokenferry_cluster_role",
        kind: Kind::Gauge,
        help: "1 for what this replica is: leading (it dispatches), standby, or disconnected from the database.",
        samples: Samples::Whole(|snapshot, sampler| {
            for role in Role::ALL.into_iter().filter(|_| snapshot.cluster.is_some()) {
                sampler.put(&[("role", role.name())], u8::from(snapshot.health.role == role));
            }
        }),
    },
    Family {
        name: "tokenferry_cluster_another_configuration_leads",
        kind: Kind::Gauge,
        help: "1 while this replica stands by and has another configuration than the one that leads: nothing is run here. \
               Missing while it is disconnected.",
        samples: Samples::Whole(|snapshot, sampler| {
            if let Some(view) = current(snapshot) {
                sampler.put(&[], u8::from(view.other_leader().is_some()));
            }
        }),
    },
    Family {
        name: "tokenferry_cluster_replicas",
        kind: Kind::Gauge,
        help: "Replicas by state, as this one knows them: same, drifted (alive with another configuration or version), \
               lost (its session is gone; forgotten after a day). Missing while it is disconnected.",
        samples: Samples::Whole(|snapshot, sampler| {
            let Some(view) = current(snapshot) else { return };
            for state in ["same", "drifted", "lost"] {
                let is_so = |replica: &&Replica| self::state(replica) == state;
                sampler.put(&[("state", state)], view.replicas.iter().filter(is_so).count());
            }
        }),
    },
    Family {
        name: "tokenferry_cluster_replica_info",
        kind: Kind::Gauge,
        help: "Always 1, for each replica that is alive, with its version, the fingerprint of its configuration and its role. \
               While this one is disconnected it knows of no other.",
        samples: Samples::Whole(|snapshot, sampler| {
            let is_current = current(snapshot).is_some();
            let replicas = snapshot.cluster.iter().flat_map(|view| &view.replicas);
            for replica in replicas.filter(|replica| replica.is_self || is_current && replica.is_alive()) {
                let labels = [
                    ("replica", &*replica.name),
                    ("version", &*replica.version),
                    ("configuration", &*replica.fingerprint),
                    ("role", replica.role.name()),
                ];
                sampler.put(&labels, 1);
            }
        }),
    },
    Family {
        name: "tokenferry_cluster_replica_silent_seconds",
        kind: Kind::Gauge,
        help: "How long ago each replica was seen, by the clock of the database. Missing while this one is disconnected.",
        samples: Samples::Whole(|snapshot, sampler| {
            for replica in current(snapshot).into_iter().flat_map(|view| &view.replicas) {
                sampler.put(&[("replica", &replica.name)], replica.silent_for.as_secs());
            }
        }),
    },
    Family {
        name: "tokenferry_cluster_runs_waiting",
        kind: Kind::Gauge,
        help: "Runs that wait for a replica to take them. Missing while it is disconnected.",
        samples: Samples::Whole(|snapshot, sampler| {
            if let Some(view) = current(snapshot) {
                sampler.put(&[], view.waiting);
            }
        }),
    },
    Family {
        name: "tokenferry_cluster_oldest_wait_seconds",
        kind: Kind::Gauge,
        help: "How long the oldest of them has waited. Missing if there is none.",
        samples: Samples::Whole(|snapshot, sampler| {
            if let Some(wait) = current(snapshot).and_then(|view| view.oldest_wait) {
                sampler.put(&[], wait.as_secs());
            }
        }),
    },
    Family {
        name: "tokenferry_cluster_dead_letters",
        kind: Kind::Gauge,
        help: "Runs of the last days that were given up until the next planned time of their rotations, unless something \
               is changed. A hundred at most. Missing while this one is disconnected.",
        samples: Samples::Whole(|snapshot, sampler| {
            if let Some(view) = current(snapshot) {
                sampler.put(&[], view.dead_letters.len());
            }
        }),
    },
    Family {
        name: "tokenferry_cluster_dead_letters_by_rotation",
        kind: Kind::Gauge,
        help: "The same by rotation and class of the failure.",
        samples: Samples::Whole(|snapshot, sampler| {
            let mut letters: BTreeMap<(&str, &str), u32> = BTreeMap::new();
            for letter in current(snapshot).into_iter().flat_map(|view| &view.dead_letters) {
                *letters.entry((&letter.rotation, letter.class.name())).or_default() += 1;
            }
            for ((rotation, class), count) in letters {
                sampler.put(&[("rotation", rotation), ("class", class)], count);
            }
        }),
    },
];

/// What is known of all, unless this one is cut off from them.
fn current(snapshot: &Snapshot) -> Option<&View> {
    snapshot.cluster.as_ref().filter(|view| view.is_current())
}

fn state(replica: &Replica) -> &'static str {
    match replica {
        replica if !replica.is_alive() => "lost",
        Replica { drifted: true, .. } => "drifted",
        _ => "same",
    }
}
