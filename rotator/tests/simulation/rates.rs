//! The proof against the scheduler where rotations share the rate of their source: what is proven must never show a
//! dead token, and no period more logins than the rate allows.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use fastrand::Rng;
use tokenferry_rotator::proof::{Basis, Claim, GOOD_RUN, Life, Share, Verdict, login_and_retry, prove};
use tokenferry_rotator::rate::Rate;
use tokenferry_rotator::rotation::RenewBefore;
use tokenferry_rotator::run::{Class, Due, Living, Outcome, PastFailure, RotationId, Standing};
use tokenferry_rotator::schedule::Schedule;
use tokenferry_rotator::scheduler::{Limit, Plan, Scheduler};
use tokenferry_sources::{Predecessor, Timestamp};

#[test]
fn no_reader_of_proven_rotations_that_share_a_rate_ever_holds_a_dead_token() {
    let (mut runs, mut waited, mut proven) = (0, 0, 0);
    for (seed, (rate, schedule, rotations, hours)) in (0..).zip([
        ("100/h", "*/20 * * * *", 12, 6),
        ("40/h", "@hourly", 12, 12),
        ("20/h", "@hourly", 12, 48),
        ("16/h", "@hourly", 12, 48),
        ("2/m", "*/30 * * * *", 30, 4),
        ("60/d", "0 */6 * * *", 10, 24 * 8),
        ("1/m", "@daily", 40, 8),
    ]) {
        let Some(claim) = slowest_reader(rate, schedule, rotations, hours) else { continue };
        proven += 1;
        waited += u32::from(claim.share.is_some_and(|share| share.wait > Some(Duration::ZERO)));
        let seen = Source::new(&claim, rate, rotations, seed).go_on(30_000);
        assert_eq!(seen.dead, TimeDelta::zero(), "{rate} {schedule}");
        assert!(seen.most_in_a_period <= u64::from(claim.share.unwrap().rate.logins()), "{rate} {schedule}");
        runs += seen.runs;
    }
    assert!(runs >= 100_000 && proven >= 5 && waited >= 2, "{runs} runs, {proven} proven, {waited} waited");
}

#[test]
fn a_rate_that_does_not_carry_what_is_planned_shows_dead_tokens() {
    let claims = claims("8/h", "@hourly", 12, 3);
    assert_eq!(prove(&claims[0], start()).verdict, Verdict::NotCarried);
    let seen = Source::new(&claims[0], "8/h", 12, 1).go_on(5_000);
    assert!(seen.dead > TimeDelta::zero());
}

/// All rotations with the slowest reader that the proof allows.
fn slowest_reader(rate: &str, schedule: &str, rotations: usize, hours: u64) -> Option<Claim> {
    let claim = claims(rate, schedule, rotations, hours).pop()?;
    match prove(&claim, start()).verdict {
        Verdict::Proven { margin, .. } => Some(Claim { reader_lag: margin, ..claim }),
        _ => None,
    }
}

fn claims(rate: &str, schedule: &str, rotations: usize, hours: u64) -> Vec<Claim> {
    let life = Life { duration: Duration::from_secs(hours * 3600), basis: Basis::Configured };
    let claim = Claim {
        schedule: Schedule::parse(schedule, "UTC").unwrap(),
        renew_before: RenewBefore::Percent(30),
        spread: Duration::from_secs(600),
        reader_lag: Duration::ZERO,
        reader: None,
        survive_outage: Duration::ZERO,
        life: Some(life),
        login_and_retry: login_and_retry(TIMEOUT),
        predecessor: Predecessor::LivesOn,
        share: None,
    };
    let claims = vec![claim; rotations];
    let all: Vec<&Claim> = claims.iter().collect();
    let share = Share::of(Rate::parse(rate).unwrap(), &all, TIMEOUT, start());
    claims.into_iter().map(|claim| Claim { share: Some(share), ..claim }).collect()
}

const TIMEOUT: Duration = Duration::from_secs(30);

/// One source with its rotations, their destinations and their readers.
struct Source {
    plans: Vec<Plan>,
    life: TimeDelta,
    reader_lag: TimeDelta,
    /// A rotation fails once while others may wait for it.
    between_failures: TimeDelta,
    random: Rng,
    now: Timestamp,
    scheduler: Scheduler,
    standings: Vec<Standing>,
    failed: Vec<Timestamp>,
    /// What is under way, by its end.
    running: BTreeMap<Reverse<(Timestamp, u32)>, (Due, bool)>,
    logins: Vec<Timestamp>,
    seen: Seen,
}

#[derive(Default)]
struct Seen {
    runs: u64,
    dead: TimeDelta,
    most_in_a_period: u64,
}

impl Source {
    fn new(claim: &Claim, rate: &str, rotations: usize, seed: u64) -> Self {
        let rate = Rate::parse(rate).unwrap();
        let plan = |number| Plan {
            name: format!("rotation-{seed}-{number}").into(),
            schedule: claim.schedule.clone(),
            renew_before: claim.renew_before,
            spread: claim.spread,
            enabled: true,
            limit: Some(Box::new(Limit { source: "shared".into(), rate })),
        };
        let plans: Vec<Plan> = (0..rotations).map(plan).collect();
        let jam = claim.share.and_then(|share| share.wait).unwrap_or_default() * 2 + rate.period() * 2;
        let mut source = Source {
            scheduler: Scheduler::new(Vec::new()),
            plans,
            life: delta(claim.life.map_or(Duration::ZERO, |life| life.duration)),
            reader_lag: delta(claim.reader_lag),
            between_failures: delta(jam),
            random: Rng::with_seed(seed),
            now: start(),
            standings: vec![Standing::default(); rotations],
            failed: vec![Timestamp::UNIX_EPOCH; rotations],
            running: BTreeMap::new(),
            logins: Vec::new(),
            seen: Seen::default(),
        };
        source.restart();
        source
    }

    fn go_on(mut self, runs: u64) -> Seen {
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
        let id = due.rotation.0 as usize;
        let may_fail = due.attempt == 1 && self.now - self.failed[id] > self.between_failures;
        let fails = may_fail && self.random.u8(0..5) == 0;
        let longest = if fails { TIMEOUT } else { GOOD_RUN };
        let takes = self.random.i64(0..=delta(longest).num_milliseconds());
        let end = self.now + TimeDelta::milliseconds(takes);
        self.logins.push(self.now + TimeDelta::milliseconds(self.random.i64(0..=takes)));
        self.running.insert(Reverse((end, due.rotation.0)), (due, fails));
    }

    fn end(&mut self) {
        let Some((_, (due, fails))) = self.running.pop_last() else { return };
        let standing = &mut self.standings[due.rotation.0 as usize];
        if fails {
            self.failed[due.rotation.0 as usize] = self.now;
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
            self.seen.dead += (self.now + self.reader_lag - end).max(TimeDelta::zero());
        }
        let fresh = Living { issued_at: self.now, expires_at: Some(self.now + self.life), version: 1 };
        *standing = Standing { living: Some(fresh), failure: None };
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

fn start() -> Timestamp {
    Timestamp::UNIX_EPOCH + TimeDelta::seconds(1_795_000_000)
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap()
}
