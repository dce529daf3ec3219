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
    Section { heading: "10,000 rotations at rest, and the program", subjects: ALONE, measures: REST },
];

const PEERS: &[Subject] = &[Subject::Ours, Subject::ShellScript, Subject::PythonScript];
const WITH_LOAD: &[Subject] = &[Subject::Ours, Subject::LoadGenerator];
const ALONE: &[Subject] = &[Subject::Ours];

/// What one daemon and the load generator do in turn on one server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) share: Measure,
    pub(super) rate: Measure,
    pub(super) client: Measure,
    pub(super) server: Measure,
    pub(super) sandbox: Measure,
}

pub(super) const MEMORY_8: Rates = Rates {
    share: MEMORY_8_SHARE,
    rate: MEMORY_8_RATE,
    client: MEMORY_8_CLIENT,
    server: MEMORY_8_SERVER,
    sandbox: MEMORY_8_SANDBOX,
};
pub(super) const RAFT_8: Rates = Rates {
    share: RAFT_8_SHARE,
    rate: RAFT_8_RATE,
    client: RAFT_8_CLIENT,
    server: RAFT_8_SERVER,
    sandbox: RAFT_8_SANDBOX,
};
pub(super) const RAFT_32: Rates = Rates {
    share: RAFT_32_SHARE,
    rate: RAFT_32_RATE,
    client: RAFT_32_CLIENT,
    server: RAFT_32_SERVER,
    sandbox: RAFT_32_SANDBOX,
};

/// The least share of the server's own limit.
const SHARE: Option<Bar> = Some(Bar::AtLeast(80.0));
/// The most CPU time for a run in the daemon.
const RUN: Option<Bar> = Some(Bar::AtMost(0.25));

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
        MEMORY_8_RATE "memory_8_writes_per_s" "in memory, 8 at once: writes" PerSecond None;
        MEMORY_8_CLIENT "memory_8_client_cpu_ms" "in memory, 8 at once: client CPU" Milliseconds RUN;
        MEMORY_8_SERVER "memory_8_openbao_cpu_ms" "in memory, 8 at once: OpenBao CPU" Milliseconds None;
        MEMORY_8_SANDBOX "memory_8_sandbox_cpu_ms" "in memory, 8 at once: sandbox CPU" Milliseconds None;
        RAFT_8_SHARE "raft_8_share_percent" "on raft, 8 at once: share" Percent SHARE;
        RAFT_8_RATE "raft_8_writes_per_s" "on raft, 8 at once: writes" PerSecond None;
        RAFT_8_CLIENT "raft_8_client_cpu_ms" "on raft, 8 at once: client CPU" Milliseconds RUN;
        RAFT_8_SERVER "raft_8_openbao_cpu_ms" "on raft, 8 at once: OpenBao CPU" Milliseconds None;
        RAFT_8_SANDBOX "raft_8_sandbox_cpu_ms" "on raft, 8 at once: sandbox CPU" Milliseconds None;
        RAFT_32_SHARE "raft_32_share_percent" "on raft, 32 at once: share" Percent SHARE;
        RAFT_32_RATE "raft_32_writes_per_s" "on raft, 32 at once: writes" PerSecond None;
        RAFT_32_CLIENT "raft_32_client_cpu_ms" "on raft, 32 at once: client CPU" Milliseconds RUN;
        RAFT_32_SERVER "raft_32_openbao_cpu_ms" "on raft, 32 at once: OpenBao CPU" Milliseconds None;
        RAFT_32_SANDBOX "raft_32_sandbox_cpu_ms" "on raft, 32 at once: sandbox CPU" Milliseconds None;
    }
    REST {
        REST_PEAK "rest_10000_peak_rss_mib" "10,000 rotations, peak RSS" Mebibytes Some(Bar::AtMost(32.0));
        REST_RSS "rest_10000_rss_mib" "10,000 rotations, RSS at rest" Mebibytes None;
        REST_CPU "rest_10000_cpu_percent" "10,000 rotations, CPU at rest" Percent Some(Bar::AtMost(0.1));
        VERSION_CPU "version_cpu_ms" "`--version`, CPU" Milliseconds None;
        BINARY "binary_mib" "stripped binary" Mebibytes None;
    }
}
