//! What the rate of a source means for its rotations: how long a login may have to wait until the others are through.
//!
//! Nobody waits as long as all that may be wanted within one period is not more than the rate allows. Where it is more,
//! those who wait are through at the end of the first number of periods whose logins the rate allows together: from the
//! moment at which the first one has to wait, each period brings as many logins as the rate says.
//!
//! The tries of an outage may use up all that the rate allows, and each may hang until its timeout. So whoever is late
//! then waits until those count no more, and for the others that are late.

use std::collections::BTreeMap;
use std::time::Duration;

use tokenferry_sources::Timestamp;

use super::{Claim, GOOD_RUN, YEARS};
use crate::rate::Rate;
use crate::schedule::Schedule;
use crate::scheduler::{FLOOR, most_tries};

/// The part of a rotation in the rate of its source.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Share {
    /// How many logins the source may make in a time.
    pub rate: Rate,
    /// How many rotations share it.
    pub rotations: usize,
    /// How many logins they may want in one period, with one more try for each.
    pub wanted: u64,
    /// How long a login may have to wait for the others; `None` if the rate does not carry what is planned.
    pub wait: Option<Duration>,
    /// The same after an outage.
    pub wait_after_outage: Option<Duration>,
}

impl Share {
    /// Reckons for all rotations of one source. A try that fails may take as long as `timeout`.
    pub fn of(rate: Rate, claims: &[&Claim], timeout: Duration, now: Timestamp) -> Self {
        let load = Load::of(rate, claims, timeout, now);
        let (wanted, wait) = (load.wanted(1), load.wait());
        let late = load.after_outage(claims.len(), timeout);
        let wait_after_outage = late.wait_after_tries(claims.len());
        Share { rate, rotations: claims.len(), wanted, wait, wait_after_outage }
    }
}

/// What the rotations of a source want.
struct Load<'a> {
    rate: Rate,
    /// From the begin of a login to the moment at which it does not count any more: of one that may hang, after an outage.
    cycle: Duration,
    /// How many rotations plan alike.
    kinds: BTreeMap<(&'a str, Duration), (&'a Schedule, u64)>,
    /// The logins that one failed try of each rotation is worth: one that hangs takes its place for longer.
    retries: u64,
}

impl<'a> Load<'a> {
    fn of(rate: Rate, claims: &[&'a Claim], timeout: Duration, now: Timestamp) -> Self {
        let cycle = cycle(rate);
        let mut kinds = BTreeMap::new();
        for claim in claims {
            let kind = (claim.schedule.expression(), shortest_age(claim, now));
            kinds.entry(kind).or_insert((&claim.schedule, 0)).1 += 1;
        }
        let failed = rate.period().saturating_add(timeout).as_secs_f64() / cycle.as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a cast of floats saturates, and there are not that many rotations"
        )]
        let retries = (claims.len() as f64 * failed.max(1.0)).ceil() as u64;
        Load { rate, cycle, kinds, retries }
    }

    /// The same after an outage: everybody is late, and what counts then may have hung.
    fn after_outage(self, rotations: usize, timeout: Duration) -> Self {
        let cycle = self.rate.period().saturating_add(timeout.max(GOOD_RUN));
        Load { cycle, retries: rotations as u64, ..self }
    }

    /// How many logins may be wanted within so many periods.
    fn wanted(&self, periods: u32) -> u64 {
        let window = self.cycle.saturating_mul(periods);
        let planned = self.kinds.iter().map(|((_, age), (schedule, rotations))| {
            let by_age = window.as_nanos() / age.as_nanos().max(1);
            let by_age = u64::try_from(by_age).unwrap_or(u64::MAX);
            // One that its schedule renews in time is never renewed for its age.
            let by_age = if *age == Duration::MAX { 0 } else { by_age.saturating_add(1) };
            schedule.most_within(window).saturating_add(by_age).saturating_mul(*rotations)
        });
        planned.fold(self.retries, u64::saturating_add)
    }

    fn is_carried(&self, periods: u32) -> bool {
        self.wanted(periods) <= u64::from(self.rate.logins()) * u64::from(periods)
    }

    /// Nobody waits if there is room for all tries of an outage, and for what is wanted beside them.
    fn wait_after_tries(&self, rotations: usize) -> Option<Duration> {
        let tries = most_tries(self.cycle).saturating_mul(rotations as u64);
        if self.wanted(1).saturating_add(tries) <= u64::from(self.rate.logins()) {
            return Some(Duration::ZERO);
        }
        self.periods().map(|periods| self.cycle.saturating_mul(periods))
    }

    fn wait(&self) -> Option<Duration> {
        let periods = self.periods()?;
        Some(if periods == 1 { Duration::ZERO } else { self.cycle.saturating_mul(periods) })
    }

    /// The first number of periods whose logins are enough for all that may be wanted within them.
    fn periods(&self) -> Option<u32> {
        let longest = LONGEST.as_secs() / self.cycle.as_secs();
        let doubled = (0..32).map(|power| 1_u32 << power);
        let mut enough = doubled
            .take_while(|periods| *periods == 1 || u64::from(*periods) <= longest)
            .find(|periods| self.is_carried(*periods))?;
        let mut less = enough / 2;
        while enough - less > 1 {
            let middle = less + (enough - less) / 2;
            if self.is_carried(middle) { enough = middle } else { less = middle }
        }
        Some(enough)
    }
}

/// From the begin of a login to the moment at which it does not count any more.
pub(super) fn cycle(rate: Rate) -> Duration {
    rate.period() + GOOD_RUN
}

/// The least age at which a token is renewed for its age; the longest of all if its schedule always comes first.
fn shortest_age(claim: &Claim, now: Timestamp) -> Duration {
    let Some(life) = claim.life else { return Duration::MAX };
    let age = life.duration.saturating_sub(claim.renew_before.of(life.duration));
    let age = age.saturating_sub(claim.spread.min(age / 2)).max(FLOOR);
    if claim.schedule.largest_gap(now, YEARS).saturating_add(claim.spread) <= age {
        Duration::MAX
    } else {
        age
    }
}

/// Nobody would wait longer.
const LONGEST: Duration = Duration::from_hours(9600);
