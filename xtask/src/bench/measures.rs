//! What is measured, in which unit, and the bar for it.

use super::summary::Summary;

/// One line of the report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Measure {
    /// Its name in JSON; the unit is part of it.
    pub(super) key: &'static str,
    /// Its name on the screen.
    pub(super) name: &'static str,
    pub(super) unit: Unit,
    /// What our own median must not exceed.
    pub(super) bar: Option<u32>,
}

/// How numbers are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unit {
    Count,
    Mebibytes,
    Milliseconds,
}

macro_rules! measures {
    ($($constant:ident $key:literal $name:literal $unit:ident $bar:expr;)*) => {
        $(pub(super) const $constant: Measure =
            Measure { key: $key, name: $name, unit: Unit::$unit, bar: $bar };)*
        /// All measures, in the order of the report.
        pub(super) const ALL: &[Measure] = &[$($constant),*];
    };
}

measures! {
    BINARY "binary_mib" "stripped binary" Mebibytes Some(8);
    HANDSHAKE_CPU "handshake_cpu_ms" "exec to handshake line, CPU" Milliseconds Some(3);
    HANDSHAKE_WALL "handshake_wall_ms" "exec to handshake line, wall" Milliseconds None;
    HANDSHAKE_RSS "handshake_rss_mib" "RSS at the handshake line" Mebibytes Some(7);
    HANDSHAKE_PEAK "handshake_peak_rss_mib" "peak RSS at the handshake line" Mebibytes None;
    SCHEMA_CPU "schema_cpu_ms" "one start and schema, CPU" Milliseconds Some(6);
    PLAN_1_CPU "plan_1_read_cpu_ms" "plan with 1 read, CPU" Milliseconds Some(18);
    PLAN_100_CPU "plan_100_reads_cpu_ms" "plan with 100 reads, CPU" Milliseconds Some(60);
    PLAN_100_RSS "plan_100_reads_peak_rss_mib" "peak RSS with 100 reads" Mebibytes Some(10);
    PLAN_100_LOGINS "plan_100_reads_logins" "logins for 100 reads" Count Some(1);
    PLAN_100_CONNECTIONS "plan_100_reads_connections" "connections for 100 reads" Count Some(10);
    PLAN_STARTS "plan_starts" "provider starts in a plan" Count None;
    PLAN_0_WALL "plan_without_provider_wall_ms" "plan without a provider, wall" Milliseconds None;
    PLAN_1_WALL "plan_1_read_wall_ms" "plan with 1 read, wall" Milliseconds None;
    PLAN_1_MIRROR_WALL "plan_1_read_from_mirror_wall_ms" "plan with 1 read from a mirror, wall" Milliseconds None;
    PLAN_100_WALL "plan_100_reads_wall_ms" "plan with 100 reads, wall" Milliseconds None;
}

/// Whose figure it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Subject {
    Ours,
    Peer,
}

/// All figures of a run.
#[derive(Debug)]
pub(super) struct Results {
    /// What the peer is.
    pub(super) peer: String,
    /// With which Terraform.
    pub(super) terraform: String,
    /// Rounds that count.
    pub(super) runs: u32,
    values: Vec<(Measure, Subject, f64)>,
}

impl Results {
    pub(super) fn new(peer: String, terraform: String, runs: u32) -> Self {
        Self { peer, terraform, runs, values: Vec::new() }
    }

    /// Takes in one figure of one round.
    pub(super) fn add(&mut self, measure: Measure, subject: Subject, value: f64) {
        self.values.push((measure, subject, value));
    }

    /// Forgets what was measured so far.
    pub(super) fn clear(&mut self) {
        self.values.clear();
    }

    pub(super) fn summary(&self, measure: Measure, subject: Subject) -> Option<Summary> {
        let wanted = self.values.iter().filter(|(other, whose, _)| *other == measure && *whose == subject);
        Summary::of(&wanted.map(|(_, _, value)| *value).collect::<Vec<_>>())
    }

    /// Whether we are within the bar; nothing where there is none.
    pub(super) fn met(&self, measure: Measure) -> Option<bool> {
        Some(self.summary(measure, Subject::Ours)?.median <= f64::from(measure.bar?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_met_by_the_median_of_our_own_figures() {
        let mut results = Results::new("peer".into(), "terraform".into(), 3);
        for value in [2.0, 2.5, 30.0] {
            results.add(HANDSHAKE_CPU, Subject::Ours, value);
            results.add(HANDSHAKE_CPU, Subject::Peer, 10.0 * value);
        }
        assert_eq!(results.met(HANDSHAKE_CPU), Some(true));
        assert_eq!(results.met(HANDSHAKE_WALL), None);
        let peer = Summary { median: 25.0, min: 20.0, max: 300.0 };
        assert_eq!(results.summary(HANDSHAKE_CPU, Subject::Peer), Some(peer));
    }
}
