//! What is measured of the provider.

use super::measures::{Bar, Measure, Section, Subject, Unit, measures};

/// The report has two parts.
pub(super) const SECTIONS: &[Section] = &[ROUNDS, LARGE_PLAN];

/// The report without a large plan.
pub(super) const ROUNDS_ONLY: &[Section] = &[ROUNDS];

const ROUNDS: Section =
    Section { heading: "", subjects: &[Subject::Ours, Subject::GoProvider], measures: ALL };
const LARGE_PLAN: Section =
    Section { heading: "One large plan", subjects: &[Subject::Ours], measures: LARGE };

measures! {
    ALL {
        BINARY "binary_mib" "stripped binary" Mebibytes Some(Bar::AtMost(8.0));
        HANDSHAKE_CPU "handshake_cpu_ms" "exec to handshake line, CPU" Milliseconds Some(Bar::AtMost(3.0));
        HANDSHAKE_WALL "handshake_wall_ms" "exec to handshake line, wall" Milliseconds Some(Bar::AtMost(200.0));
        HANDSHAKE_RSS "handshake_rss_mib" "RSS at the handshake line" Mebibytes Some(Bar::AtMost(7.0));
        HANDSHAKE_PEAK "handshake_peak_rss_mib" "peak RSS at the handshake line" Mebibytes None;
        SCHEMA_CPU "schema_cpu_ms" "one start and schema, CPU" Milliseconds Some(Bar::AtMost(6.0));
        SCHEMA_WALL "schema_wall_ms" "one start, schema and end, wall" Milliseconds Some(Bar::AtMost(50.0));
        PLAN_1_CPU "plan_1_read_cpu_ms" "plan with 1 read, CPU" Milliseconds Some(Bar::AtMost(18.0));
        PLAN_100_CPU "plan_100_reads_cpu_ms" "plan with 100 reads, CPU" Milliseconds Some(Bar::AtMost(60.0));
        PLAN_100_RSS "plan_100_reads_peak_rss_mib" "peak RSS with 100 reads" Mebibytes Some(Bar::AtMost(10.0));
        PLAN_100_LOGINS "plan_100_reads_logins" "logins for 100 reads" Count Some(Bar::AtMost(1.0));
        PLAN_100_CONNECTIONS "plan_100_reads_connections" "connections for 100 reads" Count Some(Bar::AtMost(10.0));
        PLAN_STARTS "plan_starts" "provider starts in a plan" Count None;
        PLAN_0_WALL "plan_without_provider_wall_ms" "plan without a provider, wall" Milliseconds None;
        PLAN_1_WALL "plan_1_read_wall_ms" "plan with 1 read, wall" Milliseconds None;
        PLAN_1_MIRROR_WALL "plan_1_read_from_mirror_wall_ms" "plan with 1 read from a mirror, wall" Milliseconds None;
        PLAN_100_WALL "plan_100_reads_wall_ms" "plan with 100 reads, wall" Milliseconds None;
    }    LARGE {
        LARGE_READS "large_plan_reads" "reads" Count None;
        LARGE_READ_CPU "large_plan_cpu_per_read_ms" "CPU per read" Milliseconds None;
        LARGE_RSS "large_plan_peak_rss_mib" "peak RSS" Mebibytes Some(Bar::AtMost(16.0));
        LARGE_DESCRIPTORS "large_plan_descriptors" "open descriptors at most" Count None;
        LARGE_LOGINS "large_plan_logins" "logins" Count Some(Bar::AtMost(1.0));
        LARGE_CONNECTIONS "large_plan_connections" "connections" Count Some(Bar::AtMost(10.0));
        LARGE_WALL "large_plan_wall_s" "wall, most of it Terraform's own" Seconds None;
    }
}
