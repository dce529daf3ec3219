//! What holds whatever happens.

use proptest::prelude::*;

use super::rates::limited;
use super::*;

fn any_time() -> impl Strategy<Value = Timestamp> {
    let near = (0i64..4_000_000_000).prop_map(|secs| Timestamp::from_timestamp(secs, 7).unwrap());
    let far = prop::sample::select(vec![Timestamp::MIN_UTC, Timestamp::UNIX_EPOCH, Timestamp::MAX_UTC]);
    prop_oneof![6 => near, 1 => far]
}

fn any_living() -> impl Strategy<Value = Living> {
    let issued_and_end = (any_time(), prop::option::of(any_time()));
    issued_and_end.prop_map(|(issued_at, expires_at)| Living { issued_at, expires_at, version: 1 })
}

fn any_class() -> impl Strategy<Value = Class> {
    prop::sample::select(vec!["login_refused", "no_access", "unreachable", "vault_sealed"])
        .prop_map(Class::new)
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        any_living().prop_map(Outcome::AlreadyDone),
        any_living().prop_map(Outcome::Rotated),
        any_class().prop_map(|class| Outcome::Refused { class, logins: None }),
        (any_class(), prop::option::of(any_time()))
            .prop_map(|(class, retry_at)| Outcome::Failed { class, retry_at }),
        (any_living(), any_class(), prop::option::of(any_time()))
            .prop_map(|(living, class, retry_at)| Outcome::Partly { living, class, retry_at, missed: 1 }),
    ]
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let schedules = prop::sample::select(vec!["* * * * *", "*/7 * * * *", "30 2 * * *", "@yearly"]);
    let renew = prop_oneof![
        (0u64..100_000).prop_map(|secs| RenewBefore::Duration(Duration::from_secs(secs))),
        (1u8..100).prop_map(RenewBefore::Percent),
    ];
    let spread = prop_oneof![(0u64..100_000).prop_map(Duration::from_secs), Just(Duration::MAX)];
    let reader_lag = prop_oneof![(0u64..100_000).prop_map(Duration::from_secs), Just(Duration::MAX)];
    (schedules, renew, spread, reader_lag).prop_map(|(schedule, renew_before, spread, reader_lag)| Plan {
        name: "any".into(),
        schedule: Schedule::parse(schedule, "Europe/Berlin").unwrap(),
        renew_before,
        spread,
        reader_lag,
        enabled: true,
        limit: None,
        login: None,
    })
}

fn any_standing() -> impl Strategy<Value = Standing> {
    let failure =
        (any_class(), any_time(), any::<u32>(), any::<bool>(), prop::option::of(any_time()), any::<bool>());
    let failure = failure.prop_map(|(class, at, count, lasting, retry_at, login_changed)| PastFailure {
        class,
        at,
        count,
        refusals: count,
        lasting,
        retry_at,
        login_changed,
    });
    (prop::option::of(any_living()), prop::option::of(failure)).prop_map(|(living, failure)| Standing {
        living,
        failure,
        ..Standing::default()
    })
}

fn planned_at(scheduler: &Scheduler, rotation: RotationId) -> Timestamp {
    scheduler.next(rotation).unwrap().at
}

proptest! {
    #[test]
    fn no_period_has_more_logins_than_the_rate_allows_and_nobody_is_forgotten(
        logins in 1usize..5,
        rotations in 1u32..12,
        steps in prop::collection::vec((0u32..12, 0i64..40, any::<bool>(), 0u8..3), 50..300),
    ) {
        let mut scheduler = limited(&format!("{logins}/m"), rotations);
        let mut now = at("00:00:00");
        let (mut in_flight, mut sent) = (Vec::<Due>::new(), Vec::<Timestamp>::new());
        (0..rotations).for_each(|id| scheduler.learn(RotationId(id), Standing::default(), now));
        for (which, takes, sends, meddle) in steps {
            let due = scheduler.due(now);
            prop_assert!(due.windows(2).all(|two| two[0].urgency() <= two[1].urgency()));
            in_flight.extend(due);
            prop_assert!(in_flight.len() <= logins);
            prop_assert!(scheduler.wake_at().is_some() || !in_flight.is_empty());
            now += TimeDelta::seconds(takes);
            if in_flight.is_empty() {
                now = now.max(scheduler.wake_at().unwrap());
                continue;
            }
            let due = in_flight.swap_remove(which as usize % in_flight.len());
            let short = Living { issued_at: now, expires_at: Some(now + TimeDelta::seconds(30)), version: 1 };
            let outcome = if meddle == 0 { unreachable(None) } else { Outcome::Rotated(short) };
            if sends {
                sent.push(now);
                scheduler.ended(&due, &outcome, now);
            } else {
                scheduler.ended_with(&due, &outcome, WITHOUT_LOGIN, now);
            }
            if meddle == 2 {
                scheduler.force(RotationId(which % rotations), now).ok();
            }
        }
        for window in sent.windows(logins + 1) {
            prop_assert!(window[logins] - window[0] >= TimeDelta::minutes(1), "{window:?}");
        }
    }

    #[test]
    fn what_is_foretold_of_a_rate_comes_true(
        logins in 1usize..5,
        ends in prop::collection::vec((0i64..600, prop::collection::vec(0i64..60, 0..4)), 1..12),
    ) {
        let start = at("12:00:00");
        let rotations = u32::try_from(ends.len()).unwrap();
        let mut scheduler = limited(&format!("{logins}/m"), rotations);
        for (id, (end, earlier)) in (0..).map(RotationId).zip(ends) {
            let expires_at = Some(start + TimeDelta::seconds(600 + end));
            let living = Some(Living { issued_at: at("11:30:00"), expires_at, version: 1 });
            let earlier_logins = earlier.iter().map(|ago| start - TimeDelta::seconds(*ago)).collect();
            scheduler.learn(id, Standing { living, earlier_logins, ..Standing::default() }, start);
        }
        let ids = || (0..rotations).map(RotationId);
        let outlook = scheduler.outlook(start);
        let begins = |id| Held::begins(outlook.held(id), planned_at(&scheduler, id)).max(start);
        let foretold: Vec<Timestamp> = ids().map(begins).collect();
        let mut began = vec![None; foretold.len()];
        let mut now = start;
        while began.contains(&None) {
            for due in scheduler.due(now) {
                began[due.rotation.0 as usize].get_or_insert(now);
                let living = Living { issued_at: now, expires_at: None, version: 2 };
                scheduler.ended(&due, &Outcome::Rotated(living), now);
            }
            now = scheduler.wake_at().unwrap().max(now);
        }
        prop_assert_eq!(began.into_iter().flatten().collect::<Vec<_>>(), foretold);
    }

    #[test]
    fn no_two_runs_are_closer_than_the_floor_and_none_is_forgotten(
        plan in any_plan(),
        standing in any_standing(),
        steps in prop::collection::vec((any_outcome(), 0u64..100, 0u8..4), 1..40),
    ) {
        let mut now = Timestamp::from_timestamp(1_800_000_000, 0).unwrap();
        let mut scheduler = Scheduler::new(vec![plan]);
        scheduler.learn(ONLY, standing, now);
        let mut last: Option<Timestamp> = None;
        for (outcome, takes, meddle) in steps {
            let wake = scheduler.wake_at();
            prop_assert!(wake.is_some() && scheduler.next(ONLY).map(|next| next.at) == wake);
            if wake.unwrap() > now + TimeDelta::days(400_000) {
                break;
            }
            now = now.max(wake.unwrap());
            let due = scheduler.due(now);
            prop_assert_eq!(due.len(), 1);
            prop_assert!(last.is_none_or(|last| now - last >= TimeDelta::from_std(FLOOR).unwrap()));
            prop_assert_eq!(scheduler.wake_at(), None);
            last = Some(now);
            now += TimeDelta::seconds(i64::try_from(takes).unwrap());
            let aftermath = Aftermath { keeps_token: meddle == 3, ..Aftermath::default() };
            scheduler.ended_with(&due[0], &outcome, aftermath, now);
            let (next, failed) = (scheduler.wake_at().unwrap(), matches!(outcome, Outcome::Failed { .. }));
            let is_vaults = scheduler.view(ONLY).unwrap().failing.is_some_and(|it| it.class.is_of_vault() && it.held_until.is_none());
            if failed && is_vaults && aftermath.keeps_token {
                prop_assert!(next - now <= TimeDelta::seconds(30));
            }
            match meddle {
                0 => scheduler.login_changed(ONLY, now),
                1 => drop(scheduler.force(ONLY, now)),
                2 => scheduler.learn(ONLY, Standing::default(), now),
                _ => {}
            }
        }
    }

    #[test]
    fn no_clock_makes_it_panic_or_forget(
        plan in any_plan(),
        standing in any_standing(),
        steps in prop::collection::vec((any_outcome(), any_time(), any_time()), 1..20),
    ) {
        let mut scheduler = Scheduler::new(vec![plan]);
        scheduler.learn(ONLY, standing, Timestamp::UNIX_EPOCH);
        for (outcome, now, then) in steps {
            scheduler.login_changed(ONLY, then);
            let due = scheduler.due(now);
            prop_assert!(due.len() <= 1 && due.is_empty() == scheduler.wake_at().is_some());
            for due in due {
                scheduler.ended(&due, &outcome, then);
            }
        }
    }
}
