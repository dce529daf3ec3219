//! What is measured of the rotator.

use crate::bench::measures::{Bar, Measure, Section, Subject, Unit, measures};

/// The parts of the report.
pub(super) const SECTIONS: &[Section] = &[
    Section { heading: "One rotation, entry there", subjects: PEERS, measures: ONE },
    Section { heading: "200 rotations, no entry there", subjects: PEERS, measures: MANY },
    Section {
        heading: "Second and later runs back to back, CPU time of each",
        subjects: WITH_LOAD,
        measures: RATES,
    },
    Section { heading: "10,000 rotations, all due at once", subjects: WITH_LOAD, measures: BURST },
    Section { heading: "10,000 rotations, due times spread out", subjects: ALONE, measures: SPREAD },
    Section { heading: "10,000 rotations at rest", subjects: ALONE, measures: REST },
    Section { heading: "The program", subjects: ALONE, measures: PROGRAM },
];

const PEERS: &[Subject] = &[Subject::Ours, Subject::ShellScript, Subject::PythonScript];
const WITH_LOAD: &[Subject] = &[Subject::Ours, Subject::LoadGenerator, Subject::ShortestClient];
const ALONE: &[Subject] = &[Subject::Ours];

/// What one daemon and the load generator do in turn on one server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) share: Measure,
    /// Of what a client reaches that logs in, too.
    pub(super) pairs_share: Measure,
    pub(super) rate: Measure,
    pub(super) client: Measure,
    pub(super) server: Measure,
    pub(super) sandbox: Measure,
}

pub(super) const MEMORY_8: Rates = Rates {
    share: MEMORY_8_SHARE,
    pairs_share: MEMORY_8_PAIRS_SHARE,
    rate: MEMORY_8_RATE,
    client: MEMORY_8_CLIENT,
    server: MEMORY_8_SERVER,
    sandbox: MEMORY_8_SANDBOX,
};
pub(super) const RAFT_8: Rates = Rates {
    share: RAFT_8_SHARE,
    pairs_share: RAFT_8_PAIRS_SHARE,
    rate: RAFT_8_RATE,
    client: RAFT_8_CLIENT,
    server: RAFT_8_SERVER,
    sandbox: RAFT_8_SANDBOX,
};
pub(super) const RAFT_32: Rates = Rates {
    share: RAFT_32_SHARE,
    pairs_share: RAFT_32_PAIRS_SHARE,
    rate: RAFT_32_RATE,
    client: RAFT_32_CLIENT,
    server: RAFT_32_SERVER,
    sandbox: RAFT_32_SANDBOX,
};

/// The least share of the server's own limit.
const SHARE: Option<Bar> = Some(Bar::AtLeast(80.0));
/// The most CPU time for a run in the daemon.
const RUN: Option<Bar> = Some(Bar::AtMost(0.25));
/// The most memory for all that is kept of 10,000 rotations.
const KEPT: Option<Bar> = Some(Bar::AtMost(32.0));

measures! {
    ONE {
        ONCE_CPU "once_cpu_ms" "`once`, CPU" Milliseconds Some(Bar::AtMost(6.0));
        ONCE_WALL "once_wall_ms" "`once`, wall" Milliseconds None;
        ONCE_RSS "once_peak_rss_mib" "`once`, peak RSS" Mebibytes None;
    }
    MANY {
        SEQUENCE_WALL "sequence_200_wall_s" "in sequence, wall" Seconds None;
        SEQUENCE_CPU "sequence_200_cpu_ms" "in sequence, CPU for each" Milliseconds None;
        PARALLEL_WALL "parallel_200_wall_s" "8 at once, wall" Seconds None;
        PARALLEL_CPU "parallel_200_cpu_ms" "8 at once, CPU for each" Milliseconds None;
        PARALLEL_RSS "parallel_200_peak_rss_mib" "8 at once, peak RSS" Mebibytes None;
        DAEMON_SEQUENCE_WALL "daemon_sequence_200_wall_s" "daemon, in sequence, wall" Seconds None;
        DAEMON_PARALLEL_WALL "daemon_parallel_200_wall_s" "daemon, 8 at once, wall" Seconds None;
        DAEMON_RSS "daemon_200_peak_rss_mib" "daemon, 8 at once, peak RSS" Mebibytes Some(Bar::AtMost(12.0));
    }
    RATES {
        MEMORY_8_SHARE "memory_8_share_percent" "in memory, 8 at once: share" Percent SHARE;
        MEMORY_8_PAIRS_SHARE "memory_8_pairs_share_percent" "in memory, 8 at once: with logins" Percent None;
        MEMORY_8_RATE "memory_8_writes_per_s" "in memory, 8 at once: writes" PerSecond None;
        MEMORY_8_CLIENT "memory_8_client_cpu_ms" "in memory, 8 at once: client CPU" Milliseconds RUN;
        MEMORY_8_SERVER "memory_8_openbao_cpu_ms" "in memory, 8 at once: OpenBao CPU" Milliseconds None;
        MEMORY_8_SANDBOX "memory_8_sandbox_cpu_ms" "in memory, 8 at once: sandbox CPU" Milliseconds None;
        RAFT_8_SHARE "raft_8_share_percent" "on raft, 8 at once: share" Percent SHARE;
        RAFT_8_PAIRS_SHARE "raft_8_pairs_share_percent" "on raft, 8 at once: with logins" Percent None;
        RAFT_8_RATE "raft_8_writes_per_s" "on raft, 8 at once: writes" PerSecond None;
        RAFT_8_CLIENT "raft_8_client_cpu_ms" "on raft, 8 at once: client CPU" Milliseconds RUN;
        RAFT_8_SERVER "raft_8_openbao_cpu_ms" "on raft, 8 at once: OpenBao CPU" Milliseconds None;
        RAFT_8_SANDBOX "raft_8_sandbox_cpu_ms" "on raft, 8 at once: sandbox CPU" Milliseconds None;
        RAFT_32_SHARE "raft_32_share_percent" "on raft, 32 at once: share" Percent SHARE;
        RAFT_32_PAIRS_SHARE "raft_32_pairs_share_percent" "on raft, 32 at once: with logins" Percent None;
        RAFT_32_RATE "raft_32_writes_per_s" "on raft, 32 at once: writes" PerSecond None;
        RAFT_32_CLIENT "raft_32_client_cpu_ms" "on raft, 32 at once: client CPU" Milliseconds RUN;
        RAFT_32_SERVER "raft_32_openbao_cpu_ms" "on raft, 32 at once: OpenBao CPU" Milliseconds None;
        RAFT_32_SANDBOX "raft_32_sandbox_cpu_ms" "on raft, 32 at once: sandbox CPU" Milliseconds None;
    }
    BURST {
        BURST_SHARE "burst_10000_share_percent" "share of the load generator's rate" Percent SHARE;
        BURST_PAIRS_SHARE "burst_10000_pairs_share_percent" "share of the rate with logins" Percent None;
        BURST_RATE "burst_10000_writes_per_s" "writes" PerSecond None;
        BURST_CLIENT "burst_10000_client_cpu_ms" "client CPU" Milliseconds RUN;
        BURST_WALL "burst_10000_wall_s" "until the last is written" Seconds None;
        BURST_PEAK "burst_10000_peak_rss_mib" "entries read and all run, peak RSS" Mebibytes KEPT;
    }
    SPREAD {
        SPREAD_P50 "spread_10000_lag_p50_ms" "due to start, median" Milliseconds None;
        SPREAD_P99 "spread_10000_lag_p99_ms" "due to start, 99th percentile" Milliseconds Some(Bar::AtMost(250.0));
        SPREAD_MAX "spread_10000_lag_max_ms" "due to start, latest" Milliseconds None;
        SPREAD_CLIENT "spread_10000_client_cpu_ms" "CPU for each" Milliseconds None;
        SPREAD_PEAK "spread_10000_peak_rss_mib" "entries read and all run, peak RSS" Mebibytes KEPT;
    }
    REST {
        FIRST_WALL "first_10000_wall_s" "first runs of all, wall" Seconds None;
        FIRST_PEAK "first_10000_peak_rss_mib" "first runs of all, peak RSS" Mebibytes KEPT;
        REST_RSS "rest_10000_rss_mib" "all entries read, RSS" Mebibytes KEPT;
        REST_CPU "rest_10000_cpu_percent" "nothing due for a minute, CPU" Percent Some(Bar::AtMost(0.1));
    }
    PROGRAM {
        VERSION_CPU "version_cpu_ms" "`--version`, CPU" Milliseconds None;
        BINARY "binary_mib" "stripped binary" Mebibytes None;
    }
}
