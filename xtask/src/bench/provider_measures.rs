//! What is measured of the provider.

use super::measures::{Bar, Measure, Section, Subject, Unit, measures};

/// The report has one part.
pub(super) const SECTIONS: &[Section] =
    &[Section { heading: "", subjects: &[Subject::Ours, Subject::GoProvider], measures: ALL }];

measures! {
    ALL {
        BINARY "binary_mib" "stripped binary" Mebibytes Some(Bar::AtMost(8.0));
        HANDSHAKE_CPU "handshake_cpu_ms" "exec to handshake line, CPU" Milliseconds Some(Bar::AtMost(3.0));
        HANDSHAKE_WALL "handshake_wall_ms" "exec to handshake line, wall" Milliseconds None;
        HANDSHAKE_RSS "handshake_rss_mib" "RSS at the handshake line" Mebibytes Some(Bar::AtMost(7.0));
        HANDSHAKE_PEAK "handshake_peak_rss_mib" "peak RSS at the handshake line" Mebibytes None;
        SCHEMA_CPU "schema_cpu_ms" "one start and schema, CPU" Milliseconds Some(Bar::AtMost(6.0));
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
    }
}
