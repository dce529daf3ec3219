//! Clocks that are wrong, or set.

use super::*;

#[test]
fn a_token_from_the_future_does_not_freeze_its_rotation() {
    let future = Living { issued_at: at("12:00:00") + TimeDelta::days(365), ..living("12:00:00", None) };
    let future = Living { expires_at: Some(future.issued_at + TimeDelta::seconds(3600)), ..future };
    let scheduler = learned(plan("@daily", 600, 0), Some(future), None, "12:00:00");
    assert_eq!(next(&scheduler).at, at("12:50:00"));
}

#[test]
fn a_failure_noted_by_a_clock_that_was_put_back_allows_one_try_and_counts_on() {
    let failure = past("login_refused", "23:00:00", 3);
    let mut scheduler =
        learned(plan("* * * * *", 60, 0), Some(living("11:30:00", None)), Some(failure), "12:00:00");
    let due = only_due(&mut scheduler, at("12:00:00"));
    assert_eq!(due.attempt, 4);
    scheduler.ended(&due, &refused("login_refused"), at("12:00:00"));
    // The fourth in a row: two hours.
    assert_eq!(scheduler.wake_at(), Some(at("14:01:00")));

    let slightly = learned(
        plan("* * * * *", 60, 0),
        Some(living("11:30:00", None)),
        Some(past("login_refused", "12:00:59", 1)),
        "12:00:00",
    );
    assert_eq!(slightly.wake_at(), Some(at("12:16:00")));
}

#[test]
fn everything_is_reckoned_anew_after_the_clock_was_put_back() {
    let mut scheduler = learned(plan("0 * * * *", 600, 0), Some(living("12:00:00", None)), None, "12:00:00");
    let tomorrow = at("12:30:00") + TimeDelta::days(1);
    let due = only_due(&mut scheduler, tomorrow);
    scheduler.ended(&due, &refused("login_refused"), tomorrow);
    assert!(scheduler.wake_at() > Some(tomorrow));
    scheduler.clock_was_set(-TimeDelta::days(1), at("12:30:00"));
    assert_eq!(scheduler.due(at("12:30:00")), []);
    assert_eq!(scheduler.wake_at(), Some(at("13:00:00")));
}

#[test]
fn a_time_that_was_done_with_the_clock_of_somebody_else_is_done() {
    let mut scheduler = learned(plan("0 * * * *", 60, 0), Some(living("11:00:00", None)), None, "12:00:00");
    let due = only_due(&mut scheduler, at("12:00:00"));
    scheduler.ended(&due, &Outcome::AlreadyDone(living("11:59:58", None)), at("12:00:01"));
    assert_eq!(scheduler.wake_at(), Some(at("13:00:00")));
}

#[test]
fn what_was_done_and_rested_for_tomorrow_counts_from_today_when_the_clock_was_put_back() {
    let mut scheduler = learned(plan("0 * * * *", 600, 0), Some(living("12:00:00", None)), None, "12:00:00");
    let tomorrow = at("12:30:00") + TimeDelta::days(1);
    let rotated = |life| Living { issued_at: tomorrow, expires_at: life, version: 2 };
    let due = only_due(&mut scheduler, tomorrow);
    scheduler.ended(&due, &Outcome::Rotated(rotated(None)), tomorrow);
    scheduler.clock_was_set(-TimeDelta::days(1), at("12:30:00"));
    assert_eq!(scheduler.due(at("12:30:00")), []);
    assert_eq!(scheduler.wake_at(), Some(at("13:00:00")));

    let later = only_due(&mut scheduler, tomorrow);
    scheduler.ended(&later, &Outcome::Rotated(rotated(Some(tomorrow))), tomorrow);
    scheduler.clock_was_set(-TimeDelta::days(1), at("12:30:00"));
    assert_eq!(scheduler.due(at("12:30:00")), []);
    assert_eq!(scheduler.wake_at(), Some(at("12:30:05")));
}
