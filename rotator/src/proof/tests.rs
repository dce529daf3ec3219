use proptest::prelude::*;

use super::*;
use crate::rate::Rate;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn now() -> Timestamp {
    "2026-11-21T21:00:00Z".parse().unwrap()
}

fn claim(schedule: &str, renew_before: u64, life: u64, reader_lag: u64) -> Claim {
    Claim {
        schedule: Schedule::parse(schedule, "Europe/Berlin").unwrap(),
        renew_before: RenewBefore::Duration(secs(renew_before)),
        spread: Duration::ZERO,
        reader_lag: secs(reader_lag),
        reader: None,
        survive_outage: Duration::ZERO,
        life: Some(Life { duration: secs(life), basis: Basis::Configured }),
        login_and_retry: secs(45),
        predecessor: Predecessor::LivesOn,
        share: None,
    }
}

fn remedy(claim: &Claim) -> Option<Remedy> {
    match prove(claim, now()).verdict {
        Verdict::Refused { remedy, .. } => Some(remedy),
        Verdict::Proven { .. } => None,
        Verdict::NotCarried | Verdict::NotProvable { .. } => panic!("the life is known"),
    }
}

fn shared(rate: &str, claims: &[Claim]) -> Share {
    let claims: Vec<&Claim> = claims.iter().collect();
    Share::of(Rate::parse(rate).unwrap(), &claims, secs(30), now())
}

#[test]
fn a_rate_that_is_never_reached_costs_nothing() {
    // Each may log in at both ends of a window of an hour, and fail once.
    let hourly = claim("@hourly", 600, 86_400, 300);
    let share = shared("150/h", &vec![hourly.clone(); 49]);
    assert_eq!((share.rotations, share.wanted, share.wait), (49, 49 * 2 + 50, Some(Duration::ZERO)));
    let proof = prove(&Claim { share: Some(share), ..hourly }, now());
    assert_eq!(proof.verdict.name(), "proven");
    assert!(proof.to_string().contains(
        "\nthe rate of its source is 150/h; its 49 rotations may want 148 logins within 1h, a second try included: \
         no login waits for it"
    ));
}

#[test]
fn what_a_rate_holds_up_is_part_of_the_sum() {
    let hourly = claim("@hourly", 600, 43_200, 300);
    let share = shared("60/h", &vec![hourly.clone(); 50]);
    // 50 logins an hour, and once 50 more and 51 second tries: the rest of ten makes that good in eleven hours.
    let wait = share.wait.unwrap();
    assert_eq!(wait.as_secs() % 3605, 0);
    assert_eq!(wait.as_secs() / 3605, 11);
    let claim = Claim { share: Some(share), ..hourly };
    let Verdict::Refused { sum, .. } = prove(&claim, now()).verdict else { panic!("it is refused") };
    assert_eq!(sum.rate_waits, wait * 2);
    assert_eq!(sum.total(), secs(3600) + wait * 2 + secs(45 + 300));
    let said = prove(&claim, now()).to_string();
    assert!(said.contains("waiting for the rate, twice"), "{said}");
    assert!(
        said.contains("for 11h55s: for 11 times its period with the login itself (1h5s), since"),
        "{said}"
    );
    assert!(
        said.contains("22h1m50s waiting for the rate, twice: before one more try, too + 45s login")
            && said.contains("leave too little of that life; raise `rate`, let the readers look"),
        "{said}"
    );
}

#[test]
fn after_an_outage_whose_tries_used_up_the_rate_a_login_waits_for_a_period_at_least() {
    let hourly = claim("@hourly", 600, 86_400, 300);
    let share = shared("150/h", &vec![hourly.clone(); 49]);
    assert_eq!((share.wait, share.wait_after_outage), (Some(Duration::ZERO), Some(secs(3600 + 30))));
    let with = |outage| Claim { share: Some(share), survive_outage: secs(outage), ..hourly.clone() };
    let total = |outage| match prove(&with(outage), now()).verdict {
        Verdict::Proven { sum, .. } => sum.total(),
        _ => panic!("it is proven"),
    };
    assert_eq!([0, 600].map(total), [secs(3600 + 345), secs(3600 + 345 + 600 + 3630)]);
    let budget = |outage| prove(&with(outage), now()).verdict.outage_budget();
    assert_eq!([0, 600].map(budget), [Some(TimeDelta::seconds(86_400 - 3945 - 3630)); 2]);
    let said = prove(&with(600), now()).to_string();
    assert!(said.contains(" + 10m survive_outage + 1h30s waiting for the rate after that + "), "{said}");
}

#[test]
fn a_rate_that_does_not_carry_what_is_planned_is_refused() {
    let hourly = claim("@hourly", 600, 86_400, 300);
    let by_age = claim("@yearly", 600, 4200, 300);
    for (rate, claims) in [("49/h", vec![hourly.clone(); 50]), ("1/d", vec![by_age.clone()])] {
        let share = shared(rate, &claims);
        assert_eq!(share.wait, None, "{rate}");
        let proof = prove(&Claim { share: Some(share), ..claims[0].clone() }, now());
        assert_eq!((proof.verdict.name(), &proof.verdict), ("refused", &Verdict::NotCarried));
        assert!(proof.to_string().starts_with("refused: the rate of its source does not carry"));
    }
    assert!(shared("2/h", &[by_age]).wait.is_some());
}

#[test]
fn ten_minutes_of_life_and_five_of_lag_need_345_seconds() {
    let refused = Remedy { renew_before: Some(secs(345)), schedule_gap: Some(secs(240)) };
    assert_eq!(remedy(&claim("@hourly", 344, 600, 300)), Some(refused));
    assert_eq!(remedy(&claim("@hourly", 345, 600, 300)), None);
    let percent = Claim { renew_before: RenewBefore::default(), ..claim("@hourly", 0, 600, 300) };
    assert_eq!(remedy(&percent), Some(refused));
    assert_eq!(remedy(&claim("*/4 * * * *", 60, 600, 300)), None);
    assert_eq!(remedy(&claim("*/5 * * * *", 60, 600, 300)), Some(refused));
}

#[test]
fn an_hour_of_life_and_five_minutes_of_lag_need_345_seconds_too() {
    let refused = Remedy { renew_before: Some(secs(345)), schedule_gap: Some(secs(54 * 60)) };
    assert_eq!(remedy(&claim("@daily", 344, 3600, 300)), Some(refused));
    assert_eq!(remedy(&claim("@daily", 345, 3600, 300)), None);
    assert_eq!(refused.suggested_renew_before(secs(3600)), Some(secs(360)));
}

#[test]
fn a_reader_that_looks_every_hour_cannot_be_served_with_an_hour_or_less() {
    for life in [600, 3600, 3645, 3649] {
        let none = Remedy { renew_before: None, schedule_gap: None };
        assert_eq!(remedy(&claim("* * * * *", 60, life, 3600)), Some(none), "{life}");
    }
    assert_eq!(remedy(&claim("@daily", 60, 3650, 3600)).unwrap().renew_before, Some(secs(3645)));
    assert_eq!(remedy(&claim("@daily", 3645, 3650, 3600)), None);
}

#[test]
fn the_sum_is_shown_with_its_parts() {
    let Verdict::Refused { sum, life, .. } =
        prove(&Claim { spread: secs(20), ..claim("@daily", 300, 3600, 300) }, now()).verdict
    else {
        panic!("it is refused");
    };
    assert_eq!((sum.schedule_gap, sum.renewal_age), (secs(25 * 3600), secs(3300)));
    assert_eq!((sum.age(), sum.total(), life.duration), (secs(3365), secs(3665), secs(3600)));
}

#[test]
fn two_runs_are_never_planned_closer_than_the_floor() {
    let Verdict::Proven { sum, .. } = prove(&claim("@daily", 599, 600, 0), now()).verdict else {
        panic!("it is proven");
    };
    assert_eq!((sum.renewal_age, sum.planned_age(), sum.total()), (secs(1), secs(5), secs(50)));
}

#[test]
fn the_verdict_in_words() {
    let said = |claim: &Claim| prove(claim, now()).to_string();
    assert_eq!(
        said(&claim("@hourly", 180, 600, 300)),
        "refused: a reader may hold a token for 12m45s (7m age at which it is renewed + 45s login and one more try + \
         5m reader_lag), but it lives 10m (as `ttl` says)\nset `renew_before = \"6m\"` (at least 5m45s), or write a \
         schedule without gaps of more than 4m"
    );
    assert_eq!(
        said(&Claim { spread: secs(10), ..claim("*/4 * * * *", 60, 600, 300) }),
        "proven: no reader holds a token longer than 9m55s (4m largest gap of the schedule + 10s spread + 45s login \
         and one more try + 5m reader_lag); it lives 10m (as `ttl` says): 5s to spare"
    );
    assert!(said(&claim("@hourly", 180, 600, 3600)).contains(
        "can help: 1h45s (45s login and one more try + 1h reader_lag) leave too little of that life; let"
    ));
    let unknown = Claim { life: None, ..claim("@hourly", 180, 600, 300) };
    assert!(said(&unknown).starts_with("not provable") && said(&unknown).contains("set `ttl`"));
}

#[test]
fn an_outage_that_is_to_be_survived_counts_as_a_part_of_the_sum() {
    let with = |outage| Claim { survive_outage: secs(outage), ..claim("@hourly", 400, 600, 300) };
    let budget = |outage| prove(&with(outage), now()).verdict.outage_budget();
    assert_eq!(remedy(&with(55)), None);
    assert_eq!(remedy(&with(56)).unwrap().renew_before, Some(secs(401)));
    assert_eq!([0, 55, 56].map(budget), [Some(TimeDelta::seconds(55)); 3]);
    assert_eq!(
        prove(&claim("@hourly", 340, 600, 300), now()).verdict.outage_budget(),
        Some(TimeDelta::seconds(-5))
    );
    assert_eq!(prove(&Claim { life: None, ..with(0) }, now()).verdict.outage_budget(), None);
    assert!(prove(&with(56), now()).to_string().contains("+ 56s survive_outage + 5m reader_lag)"));
}

#[test]
fn a_reader_that_was_named_is_named_in_the_sum() {
    let claim = Claim { reader: Reader::named("bao-agent"), ..claim("@hourly", 400, 600, 300) };
    assert!(prove(&claim, now()).to_string().contains(" + 5m reader_lag of bao-agent);"));
}

#[test]
fn what_is_left_of_an_outage_shrinks_to_nothing_and_below() {
    let living =
        |left| Living { issued_at: now(), expires_at: Some(now() + TimeDelta::seconds(left)), version: 1 };
    let budget =
        |left| outage_budget(&living(left), secs(300), None, now()).map(|budget| budget.num_seconds());
    assert_eq!([600, 305, 0].map(budget), [Some(295), Some(0), Some(-305)]);
    assert_eq!(outage_budget(&Living { expires_at: None, ..living(0) }, secs(300), None, now()), None);
    assert!(
        outage_budget(&living(600), Duration::MAX, None, now())
            .is_none_or(|budget| budget < TimeDelta::zero())
    );
}

#[test]
fn nothing_is_left_of_an_outage_where_the_next_try_comes_too_late() {
    let living = Living { issued_at: now(), expires_at: Some(now() + TimeDelta::seconds(600)), version: 1 };
    let budget = |held: i64| {
        let held_until = Some(now() + TimeDelta::seconds(held));
        outage_budget(&living, secs(300), held_until, now()).map(|budget| budget.num_seconds())
    };
    assert_eq!([0, 295, 296, 900].map(budget), [Some(295), Some(295), Some(-1), Some(-605)]);
}

#[test]
fn a_predecessor_that_dies_costs_the_lag_at_each_rotation() {
    let dies = Claim { predecessor: Predecessor::Dies, ..claim("@hourly", 400, 600, 100) };
    let proof = prove(&dies, now());
    assert_eq!((proof.verdict.name(), proof.dead_at_each_rotation), ("proven", Some(secs(100))));
    assert!(proof.to_string().ends_with("for up to 1m40s, because a login ends the token before it"));
    assert_eq!(
        prove(&Claim { predecessor: Predecessor::Unknown, ..dies }, now()).dead_at_each_rotation,
        None
    );
}

#[test]
fn durations_are_written_as_in_the_configuration() {
    for (millis, text) in [(0, "0s"), (345_000, "5m45s"), (3_600_000, "1h"), (90_061_500, "25h1m1s500ms")] {
        assert_eq!(human(Duration::from_millis(millis)), text);
    }
}

proptest! {
    #[test]
    fn what_is_advised_passes_and_a_second_less_does_not(
        renew_before in 0u64..8000,
        life in 0u64..8000,
        lag in 0u64..4000,
        spread in 0u64..600,
    ) {
        let claim = Claim { spread: secs(spread), ..claim("@daily", renew_before, life, lag) };
        let Some(remedy) = remedy(&claim) else { return Ok(()) };
        let with = |before: u64| super::tests::remedy(&Claim {
            renew_before: RenewBefore::Duration(secs(before)),
            ..claim.clone()
        });
        match remedy.renew_before.map(|least| least.as_secs()) {
            Some(least) => {
                prop_assert_eq!(with(least), None);
                prop_assert_eq!(with(remedy.suggested_renew_before(secs(life)).unwrap().as_secs()), None);
                prop_assert!(least == 0 || with(least - 1).is_some());
            }
            None => prop_assert!((0..life).step_by(97).all(|before| with(before).is_some())),
        }
        if let Some(gap) = remedy.schedule_gap.filter(|gap| *gap == secs(60)) {
            let every_minute = Schedule::parse("* * * * *", "UTC").unwrap();
            prop_assert!(gap >= secs(60));
            prop_assert_eq!(super::tests::remedy(&Claim { schedule: every_minute, ..claim.clone() }), None);
        }
    }

    #[test]
    fn no_number_makes_it_panic(life: Duration, lag: Duration, spread: Duration, login: Duration, percent in 1u8..100) {
        let extreme = Claim {
            renew_before: RenewBefore::Percent(percent),
            life: Some(Life { duration: life, basis: Basis::LastSeen }),
            reader_lag: lag,
            login_and_retry: login,
            spread,
            ..claim("@daily", 0, 0, 0)
        };
        prop_assert!(!prove(&extreme, now()).to_string().is_empty());
    }
}
