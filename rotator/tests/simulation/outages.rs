//! The proof against the scheduler where nothing works for as long as is to be survived: no outage of that length, and
//! none of what is to spare, may ever leave a reader with a dead token.

use std::time::Duration;

use chrono::TimeDelta;
use fastrand::Rng;
use tokenferry_rotator::proof::{Basis, Claim, Life, Share, Verdict, login_and_retry, prove};
use tokenferry_rotator::rate::Rate;
use tokenferry_rotator::rotation::RenewBefore;
use tokenferry_rotator::schedule::Schedule;
use tokenferry_sources::Predecessor;

use crate::source::{Source, TIMEOUT, Trouble, start};

#[test]
fn an_outage_as_long_as_the_proven_one_leaves_no_reader_with_a_dead_token() {
    let (mut proven, mut outages) = (0, 0);
    for schedule in ["*/7 * * * *", "@hourly", "30 2,14 * * *"] {
        for life in [600, 3600, 86_400] {
            for (spread, lag) in [(0, 0), (0, life / 4), (life / 10, 60)] {
                for renew_before in [30, 60] {
                    let claim = claim(schedule, secs(life), renew_before, secs(spread), secs(lag));
                    let Some(margin) = margin(&claim) else { continue };
                    // All that is to spare, or as much as is to be survived.
                    let survives = Claim { survive_outage: margin, ..claim.clone() };
                    assert_eq!(self::margin(&survives), Some(Duration::ZERO));
                    proven += 1;
                    let seen = Source::new(&[survives], Trouble::Outages(margin), proven).go_on(3_000);
                    assert_eq!(seen.dead, TimeDelta::zero(), "{margin:?}: {claim:?}");
                    outages += seen.outages;
                }
            }
        }
    }
    assert!(proven >= 30 && outages > 3_000, "{proven} claims, {outages} outages");
}

#[test]
fn a_longer_outage_shows_dead_tokens() {
    for (life, lag) in [(600, 0), (3600, 300), (86_400, 300)] {
        let claim = claim("@weekly", secs(life), 50, Duration::ZERO, secs(lag));
        let longer = margin(&claim).unwrap() + TIMEOUT + secs(20);
        let seen = Source::new(&[claim], Trouble::Outages(longer), life).go_on(3_000);
        assert!(seen.dead > TimeDelta::zero(), "{life}");
    }
}

#[test]
fn the_proof_of_any_configuration_holds_with_spread_rate_and_outages() {
    let (mut proven, mut outages, mut limited) = (0, 0, 0);
    for seed in 0..400 {
        let mut random = Rng::with_seed(seed);
        let Some(claims) = proven_claims(&mut random) else { continue };
        let outage = claims[0].survive_outage;
        let trouble = if outage.is_zero() { Trouble::OneFailure } else { Trouble::Outages(outage) };
        let seen = Source::new(&claims, trouble, seed).go_on(2_000);
        assert_eq!(seen.dead, TimeDelta::zero(), "{seed}: {trouble:?} {:?}", claims[0]);
        if let Some(share) = claims[0].share {
            assert!(seen.most_in_a_period <= u64::from(share.rate.logins()), "{seed}: {share:?}");
            limited += 1;
        }
        proven += 1;
        outages += seen.outages;
    }
    let seen = format!("{proven} proven, {limited} of them with a rate, {outages} outages");
    assert!(proven >= 60 && limited >= 20 && outages >= 300, "{seen}");
}

/// The rotations of a source, each with the slowest reader that the proof allows.
fn proven_claims(random: &mut Rng) -> Option<Vec<Claim>> {
    let life = random.choice([600, 3600, 14_400, 86_400]).unwrap();
    let outage = random.choice([0, life / 10, life / 4]).unwrap();
    let spread = secs(random.u64(0..=life / 10));
    let rotation = |random: &mut Rng| {
        let schedule = random.choice(["*/5 * * * *", "*/30 * * * *", "@hourly", "0 */6 * * *", "@daily"]);
        let renew_before = random.u8(10..90);
        let claim = claim(schedule.unwrap(), secs(life), renew_before, spread, Duration::ZERO);
        Claim { survive_outage: secs(outage), ..claim }
    };
    let kinds = [rotation(random), rotation(random)];
    let mut claims: Vec<Claim> = (0..random.usize(1..12)).map(|number| kinds[number % 2].clone()).collect();
    if random.bool() {
        let rate = format!("{}/{}", random.u32(1..120), random.choice(["s", "m", "h", "d"]).unwrap());
        let all: Vec<&Claim> = claims.iter().collect();
        let share = Share::of(Rate::parse(&rate).unwrap(), &all, TIMEOUT, start());
        for claim in &mut claims {
            claim.share = Some(share);
        }
    }
    let with_slowest_reader = |claim: Claim| Some(Claim { reader_lag: margin(&claim)?, ..claim });
    claims.into_iter().map(with_slowest_reader).collect()
}

/// What is to spare, if it is proven.
fn margin(claim: &Claim) -> Option<Duration> {
    match prove(claim, start()).verdict {
        Verdict::Proven { margin, .. } => Some(margin),
        _ => None,
    }
}

fn claim(schedule: &str, life: Duration, renew_before: u8, spread: Duration, reader_lag: Duration) -> Claim {
    Claim {
        schedule: Schedule::parse(schedule, "UTC").unwrap(),
        renew_before: RenewBefore::Percent(renew_before),
        spread,
        reader_lag,
        reader: None,
        survive_outage: Duration::ZERO,
        life: Some(Life { duration: life, basis: Basis::Configured }),
        login_and_retry: login_and_retry(TIMEOUT),
        predecessor: Predecessor::LivesOn,
        share: None,
    }
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}
