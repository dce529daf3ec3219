//! The proof against the scheduler: years of runs in virtual time, with slow logins, failures and restarts, and with a
//! reader that notices each new token as late as it may. What is proven must never show a dead token.

use std::time::Duration;

use chrono::TimeDelta;
use fastrand::Rng;
use tokenferry_rotator::proof::{Basis, Claim, Life, Verdict, login_and_retry, prove};
use tokenferry_rotator::rotation::RenewBefore;
use tokenferry_rotator::run::{Class, Due, Living, Outcome, PastFailure, RotationId, Standing};
use tokenferry_rotator::schedule::Schedule;
use tokenferry_rotator::scheduler::{Plan, Scheduler};
use tokenferry_sources::{Predecessor, Timestamp};

const RUNS: u64 = 1_000_000;
const RUNS_OF_ONE: u64 = 4_000;

#[test]
fn no_reader_of_a_proven_rotation_ever_holds_a_dead_token() {
    let claims = proven_claims();
    let (mut runs, mut failures, mut restarts) = (0, 0, 0);
    for (seed, claim) in (0..).zip(&claims) {
        let seen = Simulation::new(claim, seed).go_on(RUNS_OF_ONE);
        assert_eq!(seen.dead, TimeDelta::zero(), "{claim:?}");
        runs += seen.runs;
        failures += seen.failures;
        restarts += seen.restarts;
    }
    assert!(runs >= RUNS, "{runs} runs of {} claims", claims.len());
    assert!(failures > runs / 50 && restarts > runs / 50, "{failures} failures, {restarts} restarts");
}

#[test]
fn a_refused_rotation_shows_dead_tokens() {
    for (schedule, renew_before, reader_lag) in
        [("@hourly", 180, 300), ("@hourly", 335, 300), ("*/5 * * * *", 60, 300), ("* * * * *", 60, 550)]
    {
        let claim = Claim { reader_lag: secs(reader_lag), ..claim(schedule, "UTC", 600, renew_before, 0) };
        assert_eq!(prove(&claim, start()).verdict.name(), "refused");
        let seen = Simulation::new(&claim, 7).go_on(100_000);
        assert!(seen.dead > TimeDelta::zero(), "{claim:?}");
    }
}

/// Claims of many kinds, each with the slowest reader that the proof allows.
fn proven_claims() -> Vec<Claim> {
    let mut claims = Vec::new();
    for schedule in
        ["* * * * *", "*/7 * * * *", "10,50 * * * *", "30 2,14 * * *", "0 */2 * * MON-FRI", "@weekly"]
    {
        for zone in ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"] {
            for life in [600, 3600, 86_400] {
                for spread in [0, life / 20, life / 4] {
                    for renew_before in [life / 3, life / 2] {
                        claims.extend(slowest_reader(claim(schedule, zone, life, renew_before, spread)));
                    }
                }
            }
        }
    }
    claims
}

fn slowest_reader(claim: Claim) -> Option<Claim> {
    let Verdict::Proven { margin, .. } = prove(&claim, start()).verdict else { return None };
    let claim = Claim { reader_lag: margin, ..claim };
    let Verdict::Proven { margin, .. } = prove(&claim, start()).verdict else {
        panic!("it was proven with more to spare")
    };
    assert_eq!(margin, Duration::ZERO);
    Some(claim)
}

fn claim(schedule: &str, zone: &str, life: u64, renew_before: u64, spread: u64) -> Claim {
    let schedule = Schedule::parse(schedule, zone);
    Claim {
        schedule: schedule.unwrap_or_else(|error| panic!("{error}")),
        renew_before: RenewBefore::Duration(secs(renew_before)),
        spread: secs(spread),
        reader_lag: Duration::ZERO,
        reader: None,
        survive_outage: Duration::ZERO,
        life: Some(Life { duration: secs(life), basis: Basis::Configured }),
        login_and_retry: login_and_retry(TIMEOUT),
        predecessor: Predecessor::LivesOn,
        share: None,
    }
}

/// A failed try hangs until its timeout at most; a good login takes as long as the proof allows for it.
const TIMEOUT: Duration = Duration::from_secs(30);
const LONGEST_TRY: i64 = 30_000;
const LONGEST_LOGIN: i64 = 5_000;

const ONLY: RotationId = RotationId(0);

/// One rotation with its destination and its reader.
struct Simulation {
    plan: Plan,
    life: TimeDelta,
    reader_lag: TimeDelta,
    random: Rng,
    now: Timestamp,
    scheduler: Scheduler,
    /// What stands in the destination.
    standing: Standing,
    seen: Seen,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    runs: u64,
    failures: u64,
    restarts: u64,
    /// How long the reader held tokens that were dead.
    dead: TimeDelta,
}

impl Simulation {
    fn new(claim: &Claim, seed: u64) -> Self {
        let plan = Plan {
            name: format!("rotation-{seed}").into(),
            schedule: claim.schedule.clone(),
            renew_before: claim.renew_before,
            spread: claim.spread,
            reader_lag: claim.reader_lag,
            enabled: true,
            limit: None,
            login: None,
        };
        let mut simulation = Simulation {
            scheduler: Scheduler::new(vec![plan.clone()]),
            plan,
            life: delta(claim.life.map_or(Duration::ZERO, |life| life.duration)),
            reader_lag: delta(claim.reader_lag),
            random: Rng::with_seed(seed),
            now: start(),
            standing: Standing::default(),
            seen: Seen::default(),
        };
        simulation.restart();
        simulation
    }

    /// So many runs, within the five years that the proof looks at.
    fn go_on(mut self, runs: u64) -> Seen {
        let end = start() + TimeDelta::days(5 * 365);
        while self.seen.runs < runs && self.now < end {
            if self.random.u8(0..20) == 0 {
                self.restart();
            }
            let Some(wake) = self.scheduler.wake_at() else { panic!("forgotten at {}", self.now) };
            self.now = self.now.max(wake);
            for due in self.scheduler.due(self.now) {
                self.run(&due);
            }
        }
        self.seen
    }

    /// The allowance is for one failure: a second one in a row does not happen.
    fn run(&mut self, due: &Due) {
        self.seen.runs += 1;
        let outcome = match self.random.u8(0..10) {
            0 if due.attempt == 1 => self.fail(),
            1 if due.attempt == 1 => return self.crash(),
            _ => self.rotate(),
        };
        self.scheduler.ended(due, &outcome, self.now);
    }

    fn fail(&mut self) -> Outcome {
        self.takes(LONGEST_TRY);
        self.seen.failures += 1;
        let class = Class::new("unreachable");
        let failure = PastFailure {
            class,
            at: self.now,
            count: 1,
            refusals: 0,
            lasting: false,
            retry_at: None,
            login_changed: false,
        };
        self.standing.failure = Some(failure.clone());
        Outcome::Failed { class: failure.class, retry_at: None }
    }

    /// The process ends in the middle of a run and comes back with nothing noted; that is the one failure, so the next
    /// run succeeds.
    fn crash(&mut self) {
        self.takes(LONGEST_TRY);
        self.restart();
        for due in self.scheduler.due(self.now) {
            let outcome = self.rotate();
            self.scheduler.ended(&due, &outcome, self.now);
        }
    }

    fn rotate(&mut self) -> Outcome {
        let began = self.now;
        self.takes(LONGEST_LOGIN);
        let issued_at =
            began + TimeDelta::milliseconds(self.random.i64(0..=(self.now - began).num_milliseconds()));
        let fresh = Living { issued_at, expires_at: Some(issued_at + self.life), version: self.seen.runs };
        if let Some(end) = self.standing.living.and_then(|old| old.expires_at) {
            let noticed = self.now + self.reader_lag;
            self.seen.dead += (noticed - end).max(TimeDelta::zero());
        }
        self.standing = Standing { living: Some(fresh), ..Standing::default() };
        Outcome::Rotated(fresh)
    }

    fn restart(&mut self) {
        self.seen.restarts += 1;
        self.scheduler = Scheduler::new(vec![self.plan.clone()]);
        self.scheduler.learn(ONLY, self.standing.clone(), self.now);
    }

    /// Often as long as it may.
    fn takes(&mut self, longest: i64) {
        let millis = if self.random.bool() { longest } else { self.random.i64(0..=longest) };
        self.now += TimeDelta::milliseconds(millis);
    }
}

fn start() -> Timestamp {
    Timestamp::UNIX_EPOCH + TimeDelta::seconds(1_795_000_000)
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::seconds(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX))
}
