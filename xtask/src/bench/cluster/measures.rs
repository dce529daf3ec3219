//! What is measured of replicas.

use crate::bench::measures::{Bar, Measure, Section, Subject, Unit, measures};

/// The parts of the report.
pub(super) const SECTIONS: &[Section] = &[
    Section {
        heading: "Empty runs: queue, lock of the credential, outcome",
        subjects: OURS,
        measures: EMPTY,
    },
    Section { heading: "All due at once: login and KV v2 write", subjects: OURS, measures: BURST },
    Section { heading: "One of three killed while it logs in", subjects: OURS, measures: FAILOVER },
];

/// By the number of replicas, of which there are one, two and three.
pub(super) const EMPTY_RATES: [Measure; 3] = [EMPTY_1, EMPTY_2, EMPTY_3];
pub(super) const REAL_RATES: [Measure; 3] = [REAL_1, REAL_2, REAL_3];
pub(super) const WALLS: [Measure; 3] = [WALL_1, WALL_2, WALL_3];
pub(super) const PEAKS: [Measure; 3] = [PEAK_1, PEAK_2, PEAK_3];

/// After so much silence the runs of a replica are given to others; what the rotator does by itself.
pub(super) const HEARTBEAT_LIMIT: f64 = 60.0;

const OURS: &[Subject] = &[Subject::Ours];
const EMPTY_RATE: Option<Bar> = Some(Bar::AtLeast(1000.0));
const REAL_RATE: Option<Bar> = Some(Bar::AtLeast(300.0));
const MEMORY: Option<Bar> = Some(Bar::AtMost(32.0));
/// Reading so few entries takes no time worth counting.
const TAKEN_OVER: Option<Bar> = Some(Bar::AtMost(HEARTBEAT_LIMIT + 3.0));
const NONE: Option<Bar> = Some(Bar::AtMost(0.0));

measures! {
    EMPTY {
        EMPTY_1 "empty_1_runs_per_s" "1 replica: runs" PerSecond EMPTY_RATE;
        EMPTY_2 "empty_2_runs_per_s" "2 replicas: runs" PerSecond EMPTY_RATE;
        EMPTY_3 "empty_3_runs_per_s" "3 replicas: runs" PerSecond EMPTY_RATE;
    }
    BURST {
        REAL_1 "burst_1_runs_per_s" "1 replica: runs" PerSecond REAL_RATE;
        REAL_2 "burst_2_runs_per_s" "2 replicas: runs" PerSecond REAL_RATE;
        REAL_3 "burst_3_runs_per_s" "3 replicas: runs" PerSecond REAL_RATE;
        WALL_1 "burst_1_wall_s" "1 replica: until the last is written" Seconds None;
        WALL_2 "burst_2_wall_s" "2 replicas: until the last is written" Seconds None;
        WALL_3 "burst_3_wall_s" "3 replicas: until the last is written" Seconds None;
        PEAK_1 "burst_1_peak_rss_mib" "1 replica: peak RSS" Mebibytes MEMORY;
        PEAK_2 "burst_2_peak_rss_mib" "2 replicas: peak RSS of the larger" Mebibytes MEMORY;
        PEAK_3 "burst_3_peak_rss_mib" "3 replicas: peak RSS of the largest" Mebibytes MEMORY;
        OVERLAPS "burst_overlaps" "credentials used twice at one time" Count NONE;
        LOST "burst_lost" "times without a new version" Count NONE;
        TWICE "burst_written_twice" "times with more than one" Count NONE;
    }
    FAILOVER {
        LEADS "failover_leader_followed_s" "the leader: until another leads" Seconds None;
        LEADER "failover_leader_taken_over_s" "the leader: until its runs are written" Seconds TAKEN_OVER;
        OTHER "failover_other_taken_over_s" "another: until its runs are written" Seconds TAKEN_OVER;
        FAILOVER_OVERLAPS "failover_overlaps" "credentials used twice at one time" Count NONE;
        FAILOVER_LOST "failover_lost" "entries without a token" Count NONE;
    }
}
