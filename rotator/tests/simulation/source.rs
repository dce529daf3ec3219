//! A simulated source with its rotations, their destinations and their readers, which notice each new token as late as
//! they may.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use fastrand::Rng;
use tokenferry_rotator::proof::{Claim, GOOD_RUN};
use tokenferry_rotator::run::{Class, Due, Living, Outcome, PastFailure, RotationId, Standing};
use tokenferry_rotator::scheduler::{Limit, Plan, Scheduler};
use tokenferry_sources::Timestamp;

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    /// A rotation fails once while others may wait for it.
    OneFailure,
    /// For so long nothing works, and that begins when a run does.
    Outages(Duration),
}

/// One source with its rotations.
pub(crate) struct Source {
    plans: Vec<Plan>,
    lives: Vec<TimeDelta>,
    trouble: Trouble,
    /// From one trouble to the next, all is made good.
    between_troubles: TimeDelta,
    random: Rng,
    now: Timestamp,
    scheduler: Scheduler,
    standings: Vec<Standing>,
    failed: Vec<Timestamp>,
    outage_until: Timestamp,
    /// What is under way, by its end.
    running: BTreeMap<Reverse<(Timestamp, u32)>, (Due, bool)>,
    logins: Vec<Timestamp>,
    seen: Seen,
}

#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) runs: u64,
    pub(crate) outages: u64,
    /// How long readers held tokens that were dead.
    pub(crate) dead: TimeDelta,
    pub(crate) most_in_a_period: u64,
}

impl Source {
    pub(crate) fn new(claims: &[Claim], trouble: Trouble, seed: u64) -> Self {
        let plan = |(number, claim): (usize, &Claim)| Plan {
            name: format!("rotation-{seed}-{number}").into(),
            schedule: claim.schedule.clone(),
            renew_before: claim.renew_before,
            spread: claim.spread,
            reader_lag: claim.reader_lag,
            enabled: true,
            limit: claim.share.map(|share| Box::new(Limit { source: "shared".into(), rate: share.rate })),
            login: None,
        };
        let plans: Vec<Plan> = claims.iter().enumerate().map(plan).collect();
        let lives = claims.iter().map(|claim| delta(claim.life.map_or(Duration::ZERO, |life| life.duration)));
        let mut source = Source {
            scheduler: Scheduler::new(Vec::new()),
            lives: lives.collect(),
            trouble,
            between_troubles: between_troubles(claims, trouble),
            random: Rng::with_seed(seed),
            now: start(),
            standings: vec![Standing::default(); plans.len()],
            failed: vec![Timestamp::UNIX_EPOCH; plans.len()],
            outage_until: start(),
            running: BTreeMap::new(),
            logins: Vec::new(),
            seen: Seen::default(),
            plans,
        };
        source.restart();
        source
    }

    pub(crate) fn go_on(mut self, runs: u64) -> Seen {
        while self.seen.runs < runs {
            let ends = self.running.last_key_value().map(|(Reverse((end, _)), _)| *end);
            let next = self.scheduler.wake_at().into_iter().chain(ends).min();
            self.now = self.now.max(next.unwrap_or_else(|| panic!("forgotten at {}", self.now)));
            if ends.is_some_and(|end| end <= self.now) {
                self.end();
            }
            for due in self.scheduler.due(self.now) {
                self.begin(due);
            }
            if self.running.is_empty() && self.random.u16(0..2000) == 0 {
                self.restart();
            }
        }
        self.count_logins();
        self.seen
    }

    fn begin(&mut self, due: Due) {
        self.seen.runs += 1;
        let fails = match self.trouble {
            Trouble::OneFailure => self.fails_alone(&due),
            Trouble::Outages(length) => self.fails_with_all(length),
        };
        let longest = delta(if fails { TIMEOUT } else { GOOD_RUN }).num_milliseconds();
        let takes = if self.random.bool() { longest } else { self.random.i64(0..=longest) };
        let end = self.now + TimeDelta::milliseconds(takes);
        self.logins.push(self.now + TimeDelta::milliseconds(self.random.i64(0..=takes)));
        self.running.insert(Reverse((end, due.rotation.0)), (due, fails));
    }

    fn fails_alone(&mut self, due: &Due) -> bool {
        let last = self.failed[due.rotation.0 as usize];
        let may_fail = due.attempt == 1 && self.now - last > self.between_troubles;
        may_fail && self.random.u8(0..5) == 0
    }

    fn fails_with_all(&mut self, length: Duration) -> bool {
        let is_calm = self.now - self.outage_until > self.between_troubles;
        if is_calm && self.random.u8(0..5) == 0 {
            self.seen.outages += 1;
            self.outage_until = self.now + length;
        }
        self.now < self.outage_until
    }

    fn end(&mut self) {
        let Some((_, (due, fails))) = self.running.pop_last() else { return };
        let id = due.rotation.0 as usize;
        let standing = &mut self.standings[id];
        if fails {
            self.failed[id] = self.now;
            let class = Class::new("unreachable");
            standing.failure = Some(PastFailure {
                class: class.clone(),
                at: self.now,
                count: due.attempt,
                refusals: 0,
                lasting: false,
                retry_at: None,
                login_changed: false,
            });
            return self.scheduler.ended(&due, &Outcome::Failed { class, retry_at: None }, self.now);
        }
        if let Some(end) = standing.living.and_then(|old| old.expires_at) {
            let noticed = self.now + self.plans[id].reader_lag;
            self.seen.dead += (noticed - end).max(TimeDelta::zero());
        }
        let fresh = Living { issued_at: self.now, expires_at: Some(self.now + self.lives[id]), version: 1 };
        *standing = Standing { living: Some(fresh), ..Standing::default() };
        self.scheduler.ended(&due, &Outcome::Rotated(fresh), self.now);
    }

    /// What happened before counts as far as the entries tell; the count of logins begins anew.
    fn restart(&mut self) {
        self.count_logins();
        self.scheduler = Scheduler::new(self.plans.clone());
        for (id, standing) in (0..).map(RotationId).zip(&self.standings) {
            self.scheduler.learn(id, standing.clone(), self.now);
        }
    }

    fn count_logins(&mut self) {
        let Some(limit) = self.plans.first().and_then(|plan| plan.limit.clone()) else { return };
        let period = delta(limit.rate.period());
        self.logins.sort_unstable();
        for (first, login) in self.logins.iter().enumerate() {
            let end = self.logins.partition_point(|other| *other < *login + period);
            self.seen.most_in_a_period = self.seen.most_in_a_period.max((end - first) as u64);
        }
        self.logins.clear();
    }
}

fn between_troubles(claims: &[Claim], trouble: Trouble) -> TimeDelta {
    let share = claims.first().and_then(|claim| claim.share);
    let jam = share.map_or(Duration::ZERO, |share| {
        share.wait_after_outage.max(share.wait).unwrap_or_default() * 2 + share.rate.period() * 2
    });
    let longest_life = claims.iter().filter_map(|claim| claim.life).map(|life| life.duration).max();
    delta(match trouble {
        Trouble::OneFailure => jam,
        Trouble::Outages(_) => jam + longest_life.unwrap_or_default(),
    })
}

pub(crate) fn start() -> Timestamp {
    Timestamp::UNIX_EPOCH + TimeDelta::seconds(1_795_000_000)
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap()
}

/// How long a try hangs at most.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
