//! The proof against the scheduler where rotations share the rate of their source: what is proven must never show a
//! dead token, and no period more logins than the rate allows.

use std::time::Duration;

use chrono::TimeDelta;
use tokenferry_rotator::proof::{Basis, Claim, Life, Share, Verdict, login_and_retry, prove};
use tokenferry_rotator::rate::Rate;
use tokenferry_rotator::rotation::RenewBefore;
use tokenferry_rotator::schedule::Schedule;
use tokenferry_sources::Predecessor;

use crate::source::{Source, TIMEOUT, Trouble, start};

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
        let seen = Source::new(&vec![claim.clone(); rotations], Trouble::OneFailure, seed).go_on(30_000);
        assert_eq!(seen.dead, TimeDelta::zero(), "{rate} {schedule}");
        assert!(seen.most_in_a_period <= u64::from(claim.share.unwrap().rate.logins()), "{rate} {schedule}");
        runs += seen.runs;
    }
    assert!(runs >= 100_000 && proven >= 5 && waited >= 2, "{runs} runs, {proven} proven, {waited} waited");
}

#[test]
fn a_rate_that_does_not_carry_what_is_planned_shows_dead_tokens() {
    let claims = claims("8/h", "@hourly", 12, 1);
    assert_eq!(prove(&claims[0], start()).verdict, Verdict::NotCarried);
    let seen = Source::new(&claims, Trouble::OneFailure, 1).go_on(5_000);
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
        spread: Duration::from_mins(10),
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
