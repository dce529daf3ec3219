//! Proofs in words.

use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;

use super::share::cycle;
use super::{Basis, Life, Missing, Proof, Remedy, Share, Sum, Verdict};

/// A duration as it is written in the configuration: `5m45s`.
pub fn human(duration: Duration) -> String {
    let (secs, millis) = (duration.as_secs(), u64::from(duration.subsec_millis()));
    let mut text = String::new();
    for (number, unit) in [(secs / 3600, "h"), (secs / 60 % 60, "m"), (secs % 60, "s"), (millis, "ms")] {
        if number > 0 {
            text.extend([&number.to_string(), unit]);
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

impl Verdict {
    /// Its stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::NotProvable { .. } => "not_provable",
            Verdict::Proven { .. } => "proven",
            Verdict::NotCarried | Verdict::Refused { .. } => "refused",
        }
    }
}

impl Verdict {
    /// How long source or Vault may be away at the worst moment before a reader holds a dead token. Negative where that
    /// happens without any outage, `None` where it cannot be told.
    pub fn outage_budget(&self) -> Option<TimeDelta> {
        let (sum, life) = match self {
            Verdict::NotCarried | Verdict::NotProvable { .. } => return None,
            Verdict::Proven { sum, life, .. } | Verdict::Refused { sum, life, .. } => (sum, life),
        };
        let without = TimeDelta::from_std(sum.total().saturating_sub(sum.outage())).ok()?;
        let needed = without.checked_add(&TimeDelta::from_std(sum.rate_after_outage).ok()?)?;
        TimeDelta::from_std(life.duration).ok()?.checked_sub(&needed)
    }
}

impl Basis {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Basis::Configured => "configured",
            Basis::Documented => "documented",
            Basis::LastSeen => "last_seen",
        }
    }
}

/// One or more lines, without a line break at the end.
impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verdict {
            Verdict::NotCarried => f.write_str(
                "refused: the rate of its source does not carry the logins of its rotations; raise `rate`, write rarer \
                 schedules, or give some of the rotations a source with another credential",
            )?,
            Verdict::NotProvable { missing: Missing::Life } => f.write_str(
                "not provable: nobody knows how long its tokens live; set `ttl` in its source, or let it run once if \
                 its system says so with each token",
            )?,
            Verdict::Proven { sum, life, margin } => {
                write!(f, "proven: no reader holds a token longer than {sum}; {life}: {} to spare", human(*margin))?;
            }
            Verdict::Refused { sum, life, remedy } => {
                write!(f, "refused: a reader may hold a token for {sum}, but {life}\n{}", Advice(sum, *life, *remedy))?;
            }
        }
        if let Some(share) = self.share {
            write!(f, "\n{share}")?;
        }
        if let Some(dead) = self.dead_at_each_rotation {
            let dead = human(dead);
            write!(
                f,
                "\nat each rotation readers hold a dead token for up to {dead}, because a login ends the token before it"
            )?;
        }
        if let Some(before) = self.too_early {
            let before = human(before);
            write!(
                f,
                "\n`renew_before` ({before}) is not shorter than that life: half of the life is taken instead"
            )?;
        }
        Ok(())
    }
}

/// The sum with its parts, as in `11m (schedule 4m + …)`.
impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let planned = self.planned_age();
        let by = match () {
            () if planned == self.schedule_gap => "largest gap of the schedule",
            () if planned == self.renewal_age => "age at which it is renewed",
            () => "least time between two runs",
        };
        write!(f, "{} ({} {by}", human(self.total()), human(planned))?;
        for part in self.parts_on_top() {
            write!(f, " + {part}")?;
        }
        f.write_str(")")
    }
}

impl Sum {
    /// What comes on top of the planned age, in words.
    fn parts_on_top(&self) -> Vec<String> {
        let reader = self.reader.map(|reader| format!(" of {}", reader.name)).unwrap_or_default();
        let parts = [
            (self.spread, "spread"),
            (self.rate_waits, "waiting for the rate, twice: before one more try, too"),
            (self.login_and_retry, "login and one more try"),
            (self.survive_outage, "survive_outage"),
            (self.outage().saturating_sub(self.survive_outage), "waiting for the rate after that"),
            (self.reader_lag, &format!("reader_lag{reader}")),
        ];
        let parts = parts.into_iter().filter(|(part, _)| !part.is_zero());
        parts.map(|(part, name)| format!("{} {name}", human(part))).collect()
    }

    fn waits_for_rate(&self) -> bool {
        !self.rate_waits.is_zero() || self.outage() > self.survive_outage
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Share { rate, rotations, wanted, wait, .. } = *self;
        let of_all = if rotations == 1 {
            "its only rotation".to_owned()
        } else {
            format!("its {rotations} rotations")
        };
        let within = human(rate.period());
        write!(
            f,
            "the rate of its source is {rate}; {of_all} may want {wanted} logins within {within}, a second try included: "
        )?;
        match wait {
            None => f.write_str("that is never made good"),
            Some(Duration::ZERO) => f.write_str("no login waits for it"),
            Some(wait) => {
                let cycle = cycle(rate);
                let cycles = wait.div_duration_f64(cycle).round();
                let (wait, cycle) = (human(wait), human(cycle));
                write!(
                    f,
                    "a login may wait for it for {wait}: for {cycles} times its period with the login itself ({cycle}), \
                     since it takes so many until all that is wanted meanwhile is made good, too"
                )
            }
        }
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = match self.basis {
            Basis::Configured => "as `ttl` says",
            Basis::Documented => "as its system documents",
            Basis::LastSeen => "as the last one did",
        };
        write!(f, "it lives {} ({by})", human(self.duration))
    }
}

/// The remedy in words.
struct Advice<'a>(&'a Sum, Life, Remedy);

impl fmt::Display for Advice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Advice(sum, life, remedy) = self;
        let renew = remedy.suggested_renew_before(life.duration).zip(remedy.renew_before);
        let renew = renew.map(|(write, least)| {
            let least = if write == least { String::new() } else { format!(" (at least {})", human(least)) };
            format!("set `renew_before = \"{}\"`{least}", human(write))
        });
        let gap =
            remedy.schedule_gap.map(|gap| format!("a schedule without gaps of more than {}", human(gap)));
        match (renew, gap) {
            (Some(renew), Some(gap)) => write!(f, "{renew}, or write {gap}"),
            (Some(one), None) => f.write_str(&one),
            (None, Some(gap)) => write!(f, "write {gap}"),
            (None, None) => write!(
                f,
                "no schedule and no renew_before can help: {} ({}) leave too little of that life; {}let the readers \
                 look more often, or let the tokens live longer",
                human(sum.on_top()),
                sum.parts_on_top().join(" + "),
                if sum.waits_for_rate() { "raise `rate`, " } else { "" },
            ),
        }
    }
}
