//! What is told of the program as a whole, of its sources and of the systems.

use super::super::health;
use super::super::usage;
use super::{Family, Kind, Samples};
use crate::observe::{Clock, State};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "tokenferry_build_info",
        kind: Kind::Gauge,
        help: "Always 1, with the version of the program.",
        samples: Samples::Whole(|_, sampler| sampler.put(&[("version", env!("CARGO_PKG_VERSION"))], 1)),
    },
    Family {
        name: "tokenferry_ready",
        kind: Kind::Gauge,
        help: "1 if /readyz says that the daemon does its work.",
        samples: Samples::Whole(|snapshot, sampler| {
            sampler.put(&[], u8::from(health::reasons(&snapshot.health).is_empty()));
        }),
    },
    Family {
        name: "tokenferry_scheduler_lag_seconds",
        kind: Kind::Gauge,
        help: "How long the run that waits longest has been due without being begun.",
        samples: Samples::Whole(|snapshot, sampler| sampler.put(&[], snapshot.health.lag.as_secs_f64())),
    },
    Family {
        name: "tokenferry_entries_unread",
        kind: Kind::Gauge,
        help: "Rotations of which it is not known yet what stands in Vault. They are not run.",
        samples: Samples::Whole(|snapshot, sampler| sampler.put(&[], snapshot.health.unread)),
    },
    Family {
        name: "tokenferry_rotations",
        kind: Kind::Gauge,
        help: "Rotations by state, each in the worst that holds: dead, at_risk (the slowest reader may hold a dead token), \
               held, failing, unread, fine, disabled.",
        samples: Samples::Whole(|snapshot, sampler| {
            for state in State::ALL {
                let is_so = |row: &&crate::observe::Row| State::of(row, snapshot.now) == state;
                sampler.put(&[("state", state.name())], snapshot.rows.iter().filter(is_so).count());
            }
        }),
    },
    Family {
        name: "tokenferry_runs_in_flight",
        kind: Kind::Gauge,
        help: "Runs under way.",
        samples: Samples::Whole(|snapshot, sampler| sampler.put(&[], snapshot.running)),
    },
    Family {
        name: "tokenferry_run_failures_total",
        kind: Kind::Counter,
        help: "Failed runs since the start of the process, by source and class of the failure.",
        samples: Samples::Whole(|snapshot, sampler| {
            for (source, class, count) in &snapshot.failures {
                let labels =
                    [("source", &*source.name), ("system", source.system.name), ("class", class.name())];
                sampler.put(&labels, count);
            }
        }),
    },
    Family {
        name: "tokenferry_logins_total",
        kind: Kind::Counter,
        help: "Logins since the start of the process, refused ones included.",
        samples: Samples::Whole(|snapshot, sampler| {
            for logins in &snapshot.logins {
                sampler.put(&[("source", &logins.source), ("system", logins.system)], logins.total);
            }
        }),
    },
    Family {
        name: "tokenferry_logins_last_hour",
        kind: Kind::Gauge,
        help: "Logins in the last hour, counted in steps of five minutes.",
        samples: Samples::Whole(|snapshot, sampler| {
            for logins in &snapshot.logins {
                sampler.put(&[("source", &logins.source), ("system", logins.system)], logins.last_hour);
            }
        }),
    },
    Family {
        name: "tokenferry_calls_total",
        kind: Kind::Counter,
        help: "Requests to each system since the start of the process.",
        samples: Samples::Whole(|snapshot, sampler| {
            for calls in &snapshot.calls {
                sampler.put(&[("system", calls.system)], calls.total);
            }
        }),
    },
    Family {
        name: "tokenferry_calls_last_hour",
        kind: Kind::Gauge,
        help: "Requests to each system in the last hour, counted in steps of five minutes.",
        samples: Samples::Whole(|snapshot, sampler| {
            for calls in &snapshot.calls {
                sampler.put(&[("system", calls.system)], calls.last_hour);
            }
        }),
    },
    Family {
        name: "tokenferry_adopted_tokens_total",
        kind: Kind::Counter,
        help: "Destinations in which another process had put as good a token meanwhile, so that ours was dropped.",
        samples: Samples::Whole(|snapshot, sampler| sampler.put(&[], snapshot.adopted)),
    },
    Family {
        name: "tokenferry_config_last_reload_successful",
        kind: Kind::Gauge,
        help: "1 if the configuration could be used when it was read last; 0 if an older one is used since.",
        samples: Samples::Whole(|snapshot, sampler| sampler.put(&[], u8::from(snapshot.reload.successful))),
    },
    Family {
        name: "tokenferry_config_last_reload_timestamp_seconds",
        kind: Kind::Gauge,
        help: "When the configuration was read last.",
        samples: Samples::Whole(|snapshot, sampler| sampler.put(&[], snapshot.reload.at.timestamp())),
    },
    Family {
        name: "tokenferry_clock_skew_seconds",
        kind: Kind::Gauge,
        help: "By how much the clock of an issuer was ahead of ours at the last login; negative if it was behind. Missing for \
               those that were always in step.",
        samples: Samples::Whole(|snapshot, sampler| {
            for Clock { source, ahead_secs } in &snapshot.clocks {
                sampler.put(&[("source", &source.name), ("system", source.system.name)], ahead_secs);
            }
        }),
    },
    Family {
        name: "tokenferry_vault_clock_skew_seconds",
        kind: Kind::Gauge,
        help: "By how much Vault's clock is ahead of ours; negative if it is behind.",
        samples: Samples::Whole(|snapshot, sampler| {
            if let Some(ahead_secs) = snapshot.vault_ahead_secs {
                sampler.put(&[], ahead_secs);
            }
        }),
    },
    Family {
        name: "tokenferry_vault_logins_total",
        kind: Kind::Counter,
        help: "Our logins to Vault since the start of the process.",
        samples: Samples::Whole(|snapshot, sampler| {
            sampler.put(&[("result", "succeeded")], snapshot.vault.logins);
            sampler.put(&[("result", "failed")], snapshot.vault.failed_logins);
        }),
    },
    Family {
        name: "tokenferry_vault_token_renewals_total",
        kind: Kind::Counter,
        help: "How often our Vault token was renewed since the start of the process.",
        samples: Samples::Whole(|snapshot, sampler| sampler.put(&[], snapshot.vault.renewals)),
    },
    Family {
        name: "process_cpu_seconds_total",
        kind: Kind::Counter,
        help: "Processor time since the start of the process.",
        samples: Samples::Process(|_, sampler| {
            sampler.put(&[], usage::processor_time().as_secs_f64());
        }),
    },
    Family {
        name: "process_resident_memory_bytes",
        kind: Kind::Gauge,
        help: "Memory that the process holds.",
        samples: Samples::Process(|_, sampler| {
            if let Some(bytes) = usage::resident_memory() {
                sampler.put(&[], bytes);
            }
        }),
    },
    Family {
        name: "process_start_time_seconds",
        kind: Kind::Gauge,
        help: "When the process was started.",
        samples: Samples::Process(|started, sampler| sampler.put(&[], started.timestamp())),
    },
];
