use std::time::Duration;

use chrono::TimeDelta;

use super::*;
use crate::rate::Rate;
use crate::rotation::RenewBefore;
use crate::run::{Class, Living, Outcome, Standing};
use crate::schedule::Schedule;
use crate::scheduler::{HeldBy, Limit};

fn at(text: &str) -> Timestamp {
    format!("2026-11-21T{text}Z").parse().unwrap()
}

fn plan(name: &str, schedule: &str) -> Plan {
    Plan {
        name: name.into(),
        schedule: Schedule::parse(schedule, "UTC").unwrap(),
        renew_before: RenewBefore::Percent(30),
        spread: Duration::ZERO,
        reader_lag: Duration::ZERO,
        enabled: true,
        limit: None,
        login: None,
    }
}

fn living(issued_at: &str) -> Living {
    Living { issued_at: at(issued_at), expires_at: Some(at(issued_at) + TimeDelta::hours(10)), version: 1 }
}

fn learned(scheduler: &mut Scheduler, rotation: u32, issued_at: &str) {
    let standing = Standing { living: Some(living(issued_at)), ..Standing::default() };
    scheduler.learn(RotationId(rotation), standing, at("12:00:00"));
}

fn next(scheduler: &Scheduler, rotation: u32) -> Option<Timestamp> {
    scheduler.next(RotationId(rotation)).map(|next| next.at)
}

#[test]
fn what_carries_on_keeps_its_times_under_another_number_and_the_rest_is_unknown() {
    let mut before = Scheduler::new(vec![plan("a", "0 15 * * *"), plan("b", "0 16 * * *")]);
    learned(&mut before, 0, "11:00:00");
    learned(&mut before, 1, "11:00:00");
    let plans = vec![plan("new", "0 13 * * *"), plan("b", "0 16 * * *"), plan("a", "0 14 * * *")];
    let carries_on = [None, Some(RotationId(1)), Some(RotationId(0))];
    let mut after = before.successor(plans, &carries_on, at("12:00:00"));
    assert_eq!(after.unknown().collect::<Vec<_>>(), [RotationId(0)]);
    assert_eq!(next(&after, 0), None);
    assert_eq!(next(&after, 1), Some(at("16:00:00")));
    assert_eq!(next(&after, 2), Some(at("14:00:00")), "by its new schedule");
    assert_eq!(after.due(at("14:00:00")).len(), 1);
}

#[test]
fn a_run_under_way_is_not_begun_again_and_its_end_counts() {
    let mut before = Scheduler::new(vec![plan("a", "0 * * * *")]);
    learned(&mut before, 0, "11:00:00");
    let due = before.due(at("12:00:00"));
    assert_eq!(due.len(), 1);
    let carries_on = [None, Some(RotationId(0))];
    let mut after =
        before.successor(vec![plan("new", "@daily"), plan("a", "0 * * * *")], &carries_on, at("12:00:01"));
    assert_eq!((after.due(at("12:30:00")), next(&after, 1)), (vec![], None));
    let ended = Due { rotation: RotationId(1), ..due[0] };
    after.ended(&ended, &Outcome::Rotated(living("12:00:01")), at("12:00:02"));
    assert_eq!(next(&after, 1), Some(at("13:00:00")));
}

#[test]
fn what_did_not_begin_is_due_again() {
    let mut scheduler = Scheduler::new(vec![plan("a", "0 * * * *")]);
    learned(&mut scheduler, 0, "11:00:00");
    let due = scheduler.due(at("12:00:00"));
    scheduler.withdrawn(&due[0], at("12:00:01"));
    assert_eq!(scheduler.due(at("12:00:01")), due);
}

#[test]
fn certificates_that_were_read_anew_lift_what_failed_for_their_sake_and_nothing_else() {
    let refused = |class| {
        let mut scheduler = Scheduler::new(vec![plan("a", "0 * * * *")]);
        learned(&mut scheduler, 0, "11:00:00");
        let due = scheduler.due(at("12:00:00")).pop().unwrap();
        scheduler.ended(&due, &Outcome::Refused { class: Class::new(class), logins: None }, at("12:00:00"));
        scheduler.reconnected(at("12:01:00"));
        next(&scheduler, 0).unwrap()
    };
    assert_eq!(refused("tls"), at("12:01:00"));
    assert!(refused("login_refused") > at("12:10:00") && refused("no_access") > at("12:10:00"));
}

#[test]
fn another_vault_lifts_what_failed_for_the_sake_of_the_old_one_and_nothing_else() {
    let failed = |class, retry_at| {
        let mut scheduler = Scheduler::new(vec![plan("a", "0 * * * *")]);
        learned(&mut scheduler, 0, "11:00:00");
        for minute in 0..9 {
            let now = at("12:00:00") + TimeDelta::minutes(60 * minute);
            let Some(due) = scheduler.due(now).pop() else { continue };
            let class = Class::new(class);
            scheduler.ended(&due, &Outcome::Failed { class, retry_at }, now);
        }
        scheduler.reconnected(at("20:01:00"));
        next(&scheduler, 0).unwrap()
    };
    assert_eq!(failed("vault_login_refused", None), at("20:01:00"));
    assert!(failed("unreachable", None) > at("20:01:00"));
    assert_eq!(failed("vault_rate_limited", Some(at("20:30:00"))), at("20:30:00"), "it asked for that");
}

/// Rotations of one source, with a rate if it has one, which run at 10:00, 12:00 and so on.
fn plans(source: &str, rate: Option<&str>, names: &[&str]) -> Vec<Plan> {
    let limit = rate.map(|rate| {
        let rate = Rate::parse(rate).unwrap();
        Box::new(Limit { source: source.into(), rate })
    });
    names.iter().map(|name| Plan { limit: limit.clone(), ..plan(name, "0 */2 * * *") }).collect()
}

/// One in which the first two of three have just logged in, at 12:00.
fn used(rate: Option<&str>) -> Scheduler {
    let mut scheduler = Scheduler::new(plans("zscaler", rate, &["a", "b", "c"]));
    (0..3).for_each(|rotation| learned(&mut scheduler, rotation, "10:00:00"));
    let due = scheduler.due(at("12:00:00"));
    for due in due.iter().filter(|due| due.rotation.0 < 2) {
        scheduler.ended(due, &Outcome::Rotated(living("12:00:00")), at("12:00:00"));
    }
    for due in due.iter().filter(|due| due.rotation.0 == 2) {
        scheduler.withdrawn(due, at("12:00:00"));
    }
    scheduler
}

fn all() -> Vec<Option<RotationId>> {
    (0..3).map(|id| Some(RotationId(id))).collect()
}

fn begun(scheduler: &mut Scheduler, now: &str) -> Vec<u32> {
    scheduler.due(at(now)).iter().map(|due| due.rotation.0).collect()
}

#[test]
fn logins_count_on_under_the_same_rate_another_one_and_one_that_is_new() {
    for (before, after, opens_at) in [
        (Some("2/h"), "2/h", "13:00:00"),
        (Some("2/h"), "1/m", "12:01:00"),
        (Some("2/m"), "2/h", "13:00:00"),
        (None, "2/h", "13:00:00"),
    ] {
        let plans = plans("zscaler", Some(after), &["a", "b", "c"]);
        let mut scheduler = used(before).successor(plans, &all(), at("12:00:01"));
        assert_eq!(begun(&mut scheduler, "12:00:01"), NONE, "{before:?} {after}");
        assert_eq!(scheduler.wake_at(), Some(at(opens_at)), "{before:?} {after}");
    }
}

#[test]
fn a_longer_period_counts_the_logins_that_the_shorter_one_had_forgotten() {
    let plans = plans("zscaler", Some("2/h"), &["a", "b", "c"]);
    let mut scheduler = used(Some("2/m")).successor(plans, &all(), at("12:05:00"));
    assert_eq!((begun(&mut scheduler, "12:05:00"), scheduler.wake_at()), (vec![], Some(at("13:00:00"))));
}

#[test]
fn without_its_rate_nothing_waits_for_it() {
    let plans = plans("zscaler", None, &["a", "b", "c"]);
    let mut scheduler = used(Some("2/h")).successor(plans, &all(), at("12:00:01"));
    assert_eq!(
        (begun(&mut scheduler, "12:00:01"), scheduler.held(RotationId(2), at("12:00:01"))),
        (vec![2], None)
    );
}

#[test]
fn the_logins_of_a_source_outlive_its_rotations_and_go_along_with_each_of_them() {
    let next = plans("zscaler", Some("2/h"), &["new"]);
    let mut scheduler = used(Some("2/h")).successor(next, &[None], at("12:00:01"));
    scheduler.learn(RotationId(0), Standing::default(), at("12:00:02"));
    assert_eq!((begun(&mut scheduler, "12:00:02"), scheduler.wake_at()), (vec![], Some(at("13:00:00"))));

    let mut next = plans("one", Some("2/h"), &["a", "b"]);
    next.extend(plans("other", Some("2/h"), &["c"]));
    let mut scheduler = used(Some("2/h")).successor(next, &all(), at("12:00:01"));
    assert_eq!((begun(&mut scheduler, "12:30:01"), scheduler.wake_at()), (vec![], Some(at("13:00:00"))));
}

#[test]
fn a_run_under_way_takes_its_place_along_and_one_that_is_seen_off_counts_as_a_login() {
    let under_way = || {
        let mut scheduler = Scheduler::new(plans("zscaler", Some("1/h"), &["a", "b"]));
        (0..2).for_each(|rotation| learned(&mut scheduler, rotation, "10:00:00"));
        let due = scheduler.due(at("12:00:00"));
        assert_eq!(due.len(), 1);
        (scheduler, due[0])
    };
    let (before, due) = under_way();
    let both = [Some(RotationId(0)), Some(RotationId(1))];
    let mut after = before.successor(plans("zscaler", Some("1/h"), &["a", "b"]), &both, at("12:00:10"));
    assert_eq!((begun(&mut after, "12:00:10"), after.wake_at()), (vec![], None), "nobody knows how long");
    after.ended(&due, &Outcome::Rotated(living("12:00:20")), at("12:00:20"));
    assert_eq!((begun(&mut after, "13:00:19"), after.wake_at()), (vec![], Some(at("13:00:20"))));

    let (before, due) = under_way();
    let other = [Some(RotationId(1 - due.rotation.0))];
    let mut after = before.successor(plans("zscaler", Some("1/h"), &["b"]), &other, at("12:00:10"));
    assert_eq!((begun(&mut after, "12:00:10"), after.wake_at()), (vec![], Some(at("13:00:10"))));
}

#[test]
fn a_run_under_way_whose_rate_is_removed_ends_like_any_other() {
    let mut before = Scheduler::new(plans("zscaler", Some("1/h"), &["a", "b"]));
    (0..2).for_each(|rotation| learned(&mut before, rotation, "10:00:00"));
    let due = before.due(at("12:00:00"));
    let both = [Some(RotationId(0)), Some(RotationId(1))];
    let mut after = before.successor(plans("zscaler", None, &["a", "b"]), &both, at("12:00:10"));
    assert_eq!(begun(&mut after, "12:00:10"), [1 - due[0].rotation.0]);
    after.ended(&due[0], &Outcome::Rotated(living("12:00:20")), at("12:00:20"));
    assert_eq!(next(&after, due[0].rotation.0), Some(at("14:00:00")));
}

#[test]
fn what_is_known_is_not_doubted_again() {
    let plans = || plans("zscaler", Some("1/h"), &["a", "b", "c"]);
    let mut before = Scheduler::new(plans());
    (0..3).for_each(|rotation| learned(&mut before, rotation, "10:00:00"));
    let mut after = before.successor(plans(), &all(), at("12:00:00"));
    assert_eq!(begun(&mut after, "12:00:00").len(), 1);
}

#[test]
fn what_is_disabled_or_enabled_is_expected_to_be_read_once() {
    let enabled = |flags: [bool; 3]| -> Vec<Plan> {
        let plans = plans("zscaler", Some("1/h"), &["a", "b", "c"]).into_iter().zip(flags);
        plans.map(|(plan, enabled)| Plan { enabled, ..plan }).collect()
    };
    let mut before = Scheduler::new(enabled([true, false, true]));
    learned(&mut before, 2, "10:00:00");
    // The first has not been read yet, the second is enabled, the third is disabled.
    let mut after = before.successor(enabled([true, true, false]), &all(), at("12:00:01"));
    assert_eq!(after.unknown().collect::<Vec<_>>(), [RotationId(0), RotationId(1)]);
    assert_eq!(next(&after, 2), None);
    learned(&mut after, 0, "10:00:00");
    assert_eq!(begun(&mut after, "12:00:02"), NONE, "the second may just have logged in");
    learned(&mut after, 1, "10:00:00");
    assert_eq!(begun(&mut after, "12:00:02"), [0]);
}

const NONE: [u32; 0] = [];

#[test]
fn who_is_due_and_has_to_wait_for_the_rate_is_told_once() {
    let mut scheduler = Scheduler::new(plans("zscaler", Some("1/h"), &["a", "b"]));
    learned(&mut scheduler, 0, "09:00:00");
    learned(&mut scheduler, 1, "09:00:00");
    let now = at("12:00:00");
    assert_eq!(scheduler.due(now).len(), 1);
    assert_eq!(scheduler.put_off().len(), 1);
    assert_eq!(scheduler.held(scheduler.put_off()[0], now).unwrap().by, HeldBy::Rate);
    assert_eq!((scheduler.due(at("12:00:01")).len(), scheduler.put_off().len()), (0, 0));
}
