mod clock;
mod failures;
mod properties;
mod rates;
mod sharing;

use std::time::Duration;

use chrono::TimeDelta;

use super::*;
use crate::rate::Rate;
use crate::rotation::RenewBefore;
use crate::run::{Living, PastFailure, RefusedLogins};
use crate::schedule::Schedule;

const ONLY: RotationId = RotationId(0);
const WITHOUT_LOGIN: Aftermath = Aftermath { logins: 0, ended_token: false, keeps_token: false };

fn at(text: &str) -> Timestamp {
    format!("2026-11-21T{text}Z").parse().unwrap()
}

fn plan(schedule: &str, renew_before: u64, spread: u64) -> Plan {
    Plan {
        name: "zscaler-corp".into(),
        schedule: Schedule::parse(schedule, "UTC").unwrap(),
        renew_before: RenewBefore::Duration(Duration::from_secs(renew_before)),
        spread: Duration::from_secs(spread),
        reader_lag: Duration::ZERO,
        enabled: true,
        limit: None,
        login: None,
    }
}

fn living(issued_at: &str, life: Option<i64>) -> Living {
    let issued_at = at(issued_at);
    Living { issued_at, expires_at: life.map(|secs| issued_at + TimeDelta::seconds(secs)), version: 1 }
}

fn past(class: &'static str, failed_at: &str, count: u32) -> PastFailure {
    let lasting = class != "unreachable";
    let class = Class::new(class);
    let refusals = if class.is_refused_login() { count } else { 0 };
    PastFailure { class, at: at(failed_at), count, refusals, lasting, retry_at: None, login_changed: false }
}

fn learned(plan: Plan, living: Option<Living>, failure: Option<PastFailure>, now: &str) -> Scheduler {
    let mut scheduler = Scheduler::new(vec![plan]);
    scheduler.learn(ONLY, Standing { living, failure, ..Standing::default() }, at(now));
    scheduler
}

fn next(scheduler: &Scheduler) -> Next {
    scheduler.next(ONLY).unwrap()
}

fn only_due(scheduler: &mut Scheduler, now: Timestamp) -> Due {
    let due = scheduler.due(now);
    assert_eq!(due.len(), 1, "{due:?}");
    due[0]
}

fn unreachable(retry_at: Option<Timestamp>) -> Outcome {
    Outcome::Failed { class: Class::new("unreachable"), retry_at }
}

fn refused(class: &'static str) -> Outcome {
    Outcome::Refused { class: Class::new(class), logins: None }
}

#[test]
fn nothing_is_due_before_it_is_known_what_readers_find() {
    let mut scheduler = Scheduler::new(vec![plan("* * * * *", 60, 0)]);
    assert_eq!(
        (scheduler.due(at("12:00:00")), scheduler.wake_at(), scheduler.next(ONLY)),
        (vec![], None, None)
    );
    assert_eq!(scheduler.force(ONLY, at("12:00:00")), Err(NotForced::Unknown));
    assert_eq!(scheduler.force(RotationId(7), at("12:00:00")), Err(NotForced::Unknown));
}

#[test]
fn a_missing_token_is_due_at_once_for_the_last_time_of_the_schedule() {
    let mut scheduler = learned(plan("0 * * * *", 60, 600), None, None, "12:34:56");
    let due = only_due(&mut scheduler, at("12:34:56"));
    assert_eq!((due.reason, due.occurrence, due.attempt), (Reason::NoToken, at("12:00:00"), 1));
    assert_eq!((due.deadline, scheduler.wake_at(), scheduler.next(ONLY)), (None, None, None));
    assert_eq!(scheduler.due(at("23:00:00")), []);
}

#[test]
fn the_earlier_of_schedule_and_expiry_decides() {
    let by_schedule =
        learned(plan("0 * * * *", 600, 0), Some(living("12:10:00", Some(7200))), None, "12:11:00");
    let expected = Next { at: at("13:00:00"), occurrence: at("13:00:00"), reason: Reason::Schedule };
    assert_eq!(next(&by_schedule), expected);
    let by_expiry =
        learned(plan("0 * * * *", 600, 0), Some(living("12:10:00", Some(3000))), None, "12:11:00");
    let expected = Next { at: at("12:50:00"), occurrence: at("12:50:00"), reason: Reason::Expiry };
    assert_eq!(next(&by_expiry), expected);
    let unknown = learned(plan("0 * * * *", 600, 0), Some(living("12:10:00", None)), None, "12:11:00");
    assert_eq!((next(&unknown).at, next(&unknown).reason), (at("13:00:00"), Reason::Schedule));
}

#[test]
fn the_offset_is_added_to_the_schedule_and_taken_off_the_expiry() {
    let offset = TimeDelta::from_std(offset::of("zscaler-corp", Duration::from_mins(10))).unwrap();
    assert!(offset > TimeDelta::seconds(1));
    let ticks = learned(plan("0 * * * *", 600, 600), Some(living("12:10:00", None)), None, "12:11:00");
    let expected = Next { at: at("13:00:00") + offset, occurrence: at("13:00:00"), reason: Reason::Schedule };
    assert_eq!(next(&ticks), expected);
    let ends = learned(plan("@daily", 600, 600), Some(living("12:10:00", Some(3600))), None, "12:11:00");
    let expected = Next { at: at("13:00:00") - offset, occurrence: at("13:00:00"), reason: Reason::Expiry };
    assert_eq!(next(&ends), expected);
}

#[test]
fn a_wide_spread_does_not_replace_a_short_lived_token_at_once() {
    let scheduler =
        learned(plan("@daily", 60, 86_400), Some(living("12:00:00", Some(600))), None, "12:00:01");
    assert_eq!(next(&scheduler).at, at("12:04:30"));
}

#[test]
fn missed_times_are_caught_up_by_one_run() {
    let mut scheduler = learned(plan("* * * * *", 60, 0), Some(living("02:10:30", None)), None, "12:00:30");
    let due = only_due(&mut scheduler, at("12:00:30"));
    assert_eq!((due.occurrence, due.reason), (at("02:11:00"), Reason::Schedule));
    scheduler.ended(&due, &Outcome::Rotated(living("12:00:31", None)), at("12:00:32"));
    assert_eq!(scheduler.wake_at(), Some(at("12:01:00")));
}

#[test]
fn at_the_start_nothing_runs_that_is_not_due() {
    let mut scheduler =
        learned(plan("0 * * * *", 600, 0), Some(living("12:10:00", Some(7200))), None, "12:59:59");
    assert_eq!(scheduler.due(at("12:59:59")), []);
    assert_eq!(only_due(&mut scheduler, at("13:00:00")).not_before, at("13:00:00"));
}

#[test]
fn a_dead_token_is_a_missing_one_with_its_own_occurrence() {
    let mut scheduler =
        learned(plan("@daily", 600, 0), Some(living("02:00:00", Some(3600))), None, "12:00:00");
    let due = only_due(&mut scheduler, at("12:00:00"));
    assert_eq!((due.reason, due.occurrence), (Reason::NoToken, at("02:50:00")));
    assert_eq!(due.deadline, Some(at("03:00:00")));
}

#[test]
fn the_token_that_readers_miss_first_comes_first() {
    let plans = (0..5).map(|_| plan("@hourly", 600, 0));
    let mut scheduler = Scheduler::new(plans);
    let standings = [None, Some(Some(9000)), Some(None), Some(Some(60)), Some(Some(8000))];
    for (id, standing) in (0..).zip(standings) {
        let living = standing.map(|life| living("02:00:00", life));
        scheduler.learn(RotationId(id), Standing { living, ..Standing::default() }, at("03:30:00"));
    }
    let order: Vec<u32> = scheduler.due(at("03:30:00")).iter().map(|due| due.rotation.0).collect();
    assert_eq!(order, [3, 0, 4, 1, 2]);
}

#[test]
fn what_is_disabled_is_never_run_and_says_so() {
    let mut scheduler = Scheduler::new(vec![Plan { enabled: false, ..plan("* * * * *", 60, 0) }]);
    scheduler.learn(ONLY, Standing::default(), at("12:00:00"));
    assert_eq!((scheduler.due(at("13:00:00")), scheduler.wake_at()), (vec![], None));
    assert_eq!(scheduler.force(ONLY, at("12:00:00")), Err(NotForced::Disabled));
    assert_eq!(scheduler.held(ONLY, at("12:00:00")).map(|held| held.by), Some(HeldBy::Disabled));
    scheduler.clock_was_set(-TimeDelta::days(1), at("12:00:00") - TimeDelta::days(1));
    assert_eq!(scheduler.next(ONLY), None);
}

#[test]
fn a_second_outcome_and_a_second_learning_change_nothing_in_flight() {
    let mut scheduler = learned(plan("* * * * *", 60, 0), None, None, "12:00:00");
    let due = only_due(&mut scheduler, at("12:00:00"));
    scheduler.learn(ONLY, Standing::default(), at("12:00:01"));
    assert_eq!(scheduler.wake_at(), None);
    scheduler.ended(&due, &Outcome::Rotated(living("12:00:02", None)), at("12:00:02"));
    scheduler.ended(&due, &unreachable(None), at("12:00:03"));
    assert_eq!(scheduler.wake_at(), Some(at("12:01:00")));
}
