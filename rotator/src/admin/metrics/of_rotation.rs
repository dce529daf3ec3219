//! What is told of each rotation.

use super::{Family, Kind, Samples};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "tokenferry_token_alive",
        kind: Kind::Gauge,
        help: "1 if readers find a token that is not over, 0 if they find none or a dead one.",
        samples: Samples::Rotation(|row, now, sampler| {
            if row.is_read() {
                sampler.put_of(row, None, u8::from(row.is_alive(now)));
            }
        }),
    },
    Family {
        name: "tokenferry_token_expiry_timestamp_seconds",
        kind: Kind::Gauge,
        help: "When the token that readers find ends. Missing if nobody knows.",
        samples: Samples::Rotation(|row, _, sampler| {
            if let Some(end) = row.end() {
                sampler.put_of(row, None, end.timestamp());
            }
        }),
    },
    Family {
        name: "tokenferry_token_time_to_expiry_seconds",
        kind: Kind::Gauge,
        help: "How long the token that readers find still lives. Negative if it is over, missing if nobody knows.",
        samples: Samples::Rotation(|row, now, sampler| {
            if let Some(end) = row.end() {
                sampler.put_of(row, None, (end - now).num_seconds());
            }
        }),
    },
    Family {
        name: "tokenferry_token_renewal_timestamp_seconds",
        kind: Kind::Gauge,
        help: "When the token is to be replaced at the latest: renew_before its end.",
        samples: Samples::Rotation(|row, _, sampler| {
            if let Some(at) = row.renewal() {
                sampler.put_of(row, None, at.timestamp());
            }
        }),
    },
    Family {
        name: "tokenferry_outage_budget_seconds",
        kind: Kind::Gauge,
        help: "How long from now on the system or Vault may stay down before a reader holds a dead token: the life left, \
               less reader_lag and the time of a run. Negative, too, where nothing is tried before that is over.",
        samples: Samples::Rotation(|row, now, sampler| {
            if let Some(budget) = row.outage_budget(now) {
                sampler.put_of(row, None, budget.num_seconds());
            }
        }),
    },
    Family {
        name: "tokenferry_last_success_timestamp_seconds",
        kind: Kind::Gauge,
        help: "When the token was issued that readers find. Survives restarts.",
        samples: Samples::Rotation(|row, _, sampler| {
            if let Some(living) = row.living {
                sampler.put_of(row, None, living.issued_at.timestamp());
            }
        }),
    },
    Family {
        name: "tokenferry_next_run_timestamp_seconds",
        kind: Kind::Gauge,
        help: "When the next run begins. Missing while a run is under way.",
        samples: Samples::Rotation(|row, _, sampler| {
            if let Some(at) = row.begins() {
                sampler.put_of(row, None, at.timestamp());
            }
        }),
    },
    Family {
        name: "tokenferry_consecutive_failures",
        kind: Kind::Gauge,
        help: "How many runs failed since the last success. Survives restarts.",
        samples: Samples::Rotation(|row, _, sampler| {
            if row.is_read() {
                sampler.put_of(row, None, row.failing.as_ref().map_or(0, |failing| failing.count));
            }
        }),
    },
    Family {
        name: "tokenferry_rotation_failing",
        kind: Kind::Gauge,
        help: "1 for each rotation whose last run failed, with the class of that failure.",
        samples: Samples::Rotation(|row, _, sampler| {
            if let Some(failing) = &row.failing {
                sampler.put_of(row, Some(("class", failing.class.name())), 1);
            }
        }),
    },
    Family {
        name: "tokenferry_rotation_held",
        kind: Kind::Gauge,
        help: "1 for each rotation that waits on purpose, with what for: backoff (after a failure), breaker (a refused login \
               is to be changed), disabled, lasting_failure (somebody has to change something), rate (of its source), \
               retry_after (the other side asked for it).",
        samples: Samples::Rotation(|row, now, sampler| {
            if let Some(by) = row.waits_for(now) {
                sampler.put_of(row, Some(("by", by.name())), 1);
            }
        }),
    },
    Family {
        name: "tokenferry_destinations_missed",
        kind: Kind::Gauge,
        help: "How many destinations the last run left without the new token, while others got it. Missing if it is none.",
        samples: Samples::Rotation(|row, _, sampler| {
            if row.runs.missed > 0 {
                sampler.put_of(row, None, row.runs.missed);
            }
        }),
    },
    Family {
        name: "tokenferry_login_held_until_timestamp_seconds",
        kind: Kind::Gauge,
        help: "Until when the same login is not tried again, as it was refused or the system asks us to wait.",
        samples: Samples::Rotation(|row, now, sampler| {
            if let (Some(until), Some(failing)) = (row.held_until(now), &row.failing) {
                sampler.put_of(row, Some(("class", failing.class.name())), until.timestamp());
            }
        }),
    },
    Family {
        name: "tokenferry_runs_total",
        kind: Kind::Counter,
        help: "Runs since the start of the process, by outcome: rotated, already_done (by another process), failed (may \
               pass), partly (not in every destination), refused (lasts until somebody changes something).",
        samples: Samples::Rotation(|row, _, sampler| {
            let runs = row.runs;
            let by_outcome = [
                ("rotated", runs.rotated),
                ("already_done", runs.already_done),
                ("failed", runs.failed),
                ("partly", runs.partly),
                ("refused", runs.refused),
            ];
            for (outcome, count) in by_outcome {
                sampler.put_of(row, Some(("outcome", outcome)), count);
            }
        }),
    },
];
