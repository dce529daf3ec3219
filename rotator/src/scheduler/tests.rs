use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::run::{Aftermath, Living, PastFailure, RefusedLogins};

const ONLY: RotationId = RotationId(0);
const WITHOUT_LOGIN: Aftermath = Aftermath { logins: 0, ended_token: false };

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
    scheduler.learn(ONLY, Standing { living, failure }, at(now));
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
    let offset = TimeDelta::from_std(offset::of("zscaler-corp", Duration::from_secs(600))).unwrap();
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
    let plans = (0..5).map(|_| plan("@hourly", 600, 0)).collect();
    let mut scheduler = Scheduler::new(plans);
    let standings = [None, Some(Some(9000)), Some(None), Some(Some(60)), Some(Some(8000))];
    for (id, standing) in (0..).zip(standings) {
        let living = standing.map(|life| living("02:00:00", life));
        scheduler.learn(RotationId(id), Standing { living, failure: None }, at("03:30:00"));
    }
    let order: Vec<u32> = scheduler.due(at("03:30:00")).iter().map(|due| due.rotation.0).collect();
    assert_eq!(order, [3, 0, 4, 1, 2]);
}

#[test]
fn failures_back_off_keep_their_occurrence_and_count() {
    let mut scheduler = learned(plan("0 * * * *", 600, 0), Some(living("11:10:00", None)), None, "12:00:00");
    let mut now = at("12:00:00");
    for attempt in 1..=8 {
        let due = only_due(&mut scheduler, now);
        assert_eq!((due.attempt, due.occurrence, due.reason), (attempt, at("12:00:00"), Reason::Schedule));
        scheduler.ended(&due, &unreachable(None), now);
        let wait = (scheduler.wake_at().unwrap() - now).to_std().unwrap();
        assert_eq!(wait, backoff::delay("zscaler-corp", attempt, Duration::from_secs(900)));
        now = scheduler.wake_at().unwrap();
    }
    let due = only_due(&mut scheduler, now);
    scheduler.ended(&due, &Outcome::Rotated(Living { issued_at: now, expires_at: None, version: 2 }), now);
    let due = only_due(&mut scheduler, at("13:00:00"));
    assert_eq!((due.attempt, due.occurrence), (1, at("13:00:00")));
}

#[test]
fn what_the_other_side_asks_for_wins_over_the_backoff_but_not_for_longer_than_a_day() {
    for (asked, until) in [
        (at("12:30:00"), at("12:30:00")),
        (at("12:00:01"), at("12:00:05")),
        (at("03:00:00"), at("12:00:05")),
        (Timestamp::MAX_UTC, at("12:00:00") + TimeDelta::days(1)),
    ] {
        let mut scheduler =
            learned(plan("0 * * * *", 600, 0), Some(living("11:10:00", Some(3012))), None, "12:00:00");
        let due = only_due(&mut scheduler, at("12:00:00"));
        scheduler.ended(&due, &unreachable(Some(asked)), at("12:00:00"));
        assert_eq!(scheduler.wake_at(), Some(until), "{asked}");
    }
}

#[test]
fn a_backoff_goes_on_after_a_restart() {
    let failure = PastFailure { retry_at: Some(at("12:20:00")), ..past("unreachable", "12:00:10", 4) };
    let mut scheduler =
        learned(plan("0 * * * *", 600, 0), Some(living("11:10:00", None)), Some(failure), "12:01:00");
    assert_eq!(scheduler.due(at("12:19:59")), []);
    let due = only_due(&mut scheduler, at("12:20:00"));
    assert_eq!((due.attempt, due.occurrence), (5, at("12:00:00")));
}

#[test]
fn a_missing_token_keeps_its_occurrence_after_a_restart() {
    let failure = past("unreachable", "12:59:50", 1);
    let mut scheduler = learned(plan("0 * * * *", 600, 0), None, Some(failure), "13:05:00");
    assert_eq!(only_due(&mut scheduler, at("13:05:00")).occurrence, at("12:00:00"));
}

#[test]
fn a_dead_token_is_a_reason_to_try_again_within_minutes_but_not_at_the_floor() {
    let failure = past("unreachable", "12:00:00", 8);
    let dead = Some(living("02:00:00", Some(3600)));
    let scheduler = learned(plan("@daily", 600, 0), dead, Some(failure), "12:00:01");
    assert_eq!(scheduler.wake_at(), Some(at("12:03:00")));
}

#[test]
fn a_token_that_a_run_has_ended_is_no_reason_for_patience() {
    let missed = Outcome::Partly {
        living: living("12:00:00", Some(86_400)),
        missed: 1,
        class: Class::new("vault_forbidden"),
        retry_at: None,
    };
    for outcome in [unreachable(None), missed, refused("no_access")] {
        let living = Some(living("02:00:00", Some(86_400)));
        let failure = past("unreachable", "11:00:00", 8);
        let mut scheduler = learned(plan("0 12 * * *", 600, 0), living, Some(failure), "12:00:00");
        let due = only_due(&mut scheduler, at("12:00:00"));
        let aftermath = Aftermath { ended_token: true, ..Aftermath::default() };
        scheduler.ended_with(&due, &outcome, aftermath, at("12:00:00"));
        assert_eq!(scheduler.view(ONLY).unwrap().living, None);
        assert!(scheduler.wake_at() <= Some(at("12:03:00")), "{outcome:?}");
        assert_eq!(only_due(&mut scheduler, at("12:03:00")).reason, Reason::NoToken);
    }
}

#[test]
fn refused_logins_are_counted_apart_from_other_failures() {
    let mut scheduler = learned(plan("* * * * *", 60, 0), Some(living("11:59:30", None)), None, "12:00:00");
    let mut now = at("12:00:00");
    for _ in 0..7 {
        let due = only_due(&mut scheduler, now);
        scheduler.ended(&due, &unreachable(None), now);
        now = scheduler.wake_at().unwrap();
    }
    let due = only_due(&mut scheduler, now);
    scheduler.ended(&due, &refused("login_refused"), now);
    assert!(scheduler.wake_at().unwrap() - now < chrono::TimeDelta::minutes(17));
}

#[test]
fn who_is_told_of_a_refused_login_waits_as_long_as_who_sent_it() {
    let mut scheduler = learned(plan("* * * * *", 60, 0), None, None, "12:00:00");
    for minutes in [0, 21] {
        let due = only_due(&mut scheduler, at("12:00:00") + TimeDelta::minutes(minutes));
        let logins = Some(RefusedLogins { times: 2, last: at("11:50:00") + TimeDelta::minutes(minutes) });
        let told = Outcome::Refused { class: Class::new("login_refused"), logins };
        scheduler.ended(&due, &told, at("12:00:00") + TimeDelta::minutes(minutes));
        assert_eq!(
            next(&scheduler).at,
            at("12:21:00") + TimeDelta::minutes(minutes),
            "the first time after 30 minutes"
        );
    }
}

#[test]
fn a_refused_login_is_looked_at_again_after_a_day_where_the_schedule_is_rare() {
    let mut scheduler =
        learned(plan("0 0 1 1 *", 60, 0), Some(living("11:00:00", Some(3600))), None, "12:00:00");
    let due = only_due(&mut scheduler, at("12:00:00"));
    scheduler.ended(&due, &refused("login_refused"), at("12:00:00"));
    assert_eq!(scheduler.wake_at(), Some(at("12:00:00") + chrono::TimeDelta::days(1)));
}

#[test]
fn a_failure_of_the_past_makes_nothing_due_that_is_not_wanted() {
    let failure = past("unreachable", "12:00:10", 1);
    let scheduler =
        learned(plan("0 * * * *", 600, 0), Some(living("12:00:00", None)), Some(failure), "12:01:00");
    assert_eq!(next(&scheduler).at, at("13:00:00"));
}

#[test]
fn a_refused_login_waits_for_the_next_time_of_the_schedule_whatever_the_token_does() {
    let mut scheduler =
        learned(plan("0 * * * *", 3000, 0), Some(living("11:30:00", Some(3600))), None, "12:00:00");
    let due = only_due(&mut scheduler, at("12:00:00"));
    scheduler.ended(&due, &refused("login_refused"), at("12:00:03"));
    assert_eq!(scheduler.waiting_for_change().collect::<Vec<_>>(), [ONLY]);
    let due = only_due(&mut scheduler, at("13:00:00"));
    assert_eq!((due.attempt, due.occurrence, due.reason), (2, at("13:00:00"), Reason::NoToken));
    assert_eq!(scheduler.waiting_for_change().count(), 0);
}

#[test]
fn another_lasting_failure_waits_for_the_schedule_only_if_that_is_near() {
    for (schedule, expected) in [("*/10 * * * *", "12:10:00"), ("0 * * * *", "12:10:02")] {
        let mut scheduler =
            learned(plan(schedule, 3000, 0), Some(living("11:30:00", Some(3605))), None, "12:00:00");
        let due = only_due(&mut scheduler, at("12:00:00"));
        scheduler.ended(&due, &refused("no_access"), at("12:00:03"));
        assert_eq!(scheduler.waiting_for_change().collect::<Vec<_>>(), [ONLY]);
        assert_eq!(scheduler.wake_at(), Some(at(expected)), "{schedule}");
    }
}

#[test]
fn a_lasting_failure_makes_nothing_due_that_is_not_wanted() {
    let failure = PastFailure { lasting: true, ..past("no_access", "12:00:10", 1) };
    let scheduler =
        learned(plan("0 0 * * *", 600, 0), Some(living("12:00:00", Some(7200))), Some(failure), "12:01:00");
    assert_eq!(next(&scheduler).at, at("13:50:00"));
}

#[test]
fn a_refused_login_is_not_repeated_by_a_dense_schedule_and_not_after_a_restart() {
    for class in ["login_refused", "password_expired"] {
        let mut scheduler =
            learned(plan("* * * * *", 60, 0), Some(living("11:59:30", None)), None, "12:00:00");
        let due = only_due(&mut scheduler, at("12:00:00"));
        scheduler.ended(&due, &refused(class), at("12:00:10"));
        assert_eq!(scheduler.wake_at(), Some(at("12:16:00")));
        let due = only_due(&mut scheduler, at("12:16:00"));
        scheduler.ended(&due, &refused(class), at("12:16:00"));
        assert_eq!(scheduler.wake_at(), Some(at("12:47:00")));

        let failure = past(class, "12:16:00", 2);
        let restarted =
            learned(plan("* * * * *", 60, 0), Some(living("11:59:30", None)), Some(failure), "12:16:30");
        assert_eq!(restarted.wake_at(), Some(at("12:47:00")));
        assert_eq!(restarted.waiting_for_change().collect::<Vec<_>>(), [ONLY]);
    }
}

#[test]
fn a_changed_login_is_tried_at_once_but_not_below_the_floor() {
    let mut scheduler = learned(plan("0 * * * *", 60, 0), Some(living("11:30:00", None)), None, "12:00:00");
    scheduler.login_changed(ONLY, at("12:00:00"));
    let due = only_due(&mut scheduler, at("12:00:00"));
    scheduler.ended(&due, &refused("login_refused"), at("12:00:00"));
    scheduler.login_changed(ONLY, at("12:00:02"));
    assert_eq!(scheduler.wake_at(), Some(at("12:00:05")));
    assert_eq!(scheduler.waiting_for_change().count(), 0);
    let due = only_due(&mut scheduler, at("12:00:05"));
    assert_eq!((due.attempt, due.occurrence, due.reason), (2, at("12:00:00"), Reason::Schedule));

    let failure = PastFailure { login_changed: true, ..past("login_refused", "12:00:00", 5) };
    let restarted =
        learned(plan("0 * * * *", 60, 0), Some(living("11:30:00", None)), Some(failure), "12:01:00");
    assert!(restarted.wake_at() <= Some(at("12:01:00")));
}

#[test]
fn forcing_obeys_the_breaker_and_says_which() {
    let standing = || Some(living("12:00:00", None));
    let mut scheduler = learned(plan("@daily", 60, 0), standing(), None, "12:00:00");
    assert_eq!(scheduler.force(ONLY, at("12:00:00")), Ok(()));
    let due = only_due(&mut scheduler, at("12:00:00"));
    assert_eq!((due.reason, due.occurrence), (Reason::Forced, at("12:00:00")));
    assert_eq!(scheduler.force(ONLY, at("12:00:01")), Err(NotForced::InFlight));
    scheduler.ended(&due, &unreachable(None), at("12:00:02"));
    assert_eq!(scheduler.force(ONLY, at("12:00:03")), Ok(()));
    assert_eq!(scheduler.wake_at(), Some(at("12:00:07")));

    let held = |class, failure, until| {
        let mut scheduler = learned(plan("@daily", 60, 0), standing(), Some(failure), "12:00:00");
        let class = Class::new(class);
        let held = NotForced::Held { class, until: at(until) };
        assert!(held.to_string().ends_with(&format!("before 2026-11-21T{until}Z")));
        assert_eq!(scheduler.force(ONLY, at("12:00:00")), Err(held));
        assert_eq!(scheduler.force(ONLY, at(until)), Ok(()));
    };
    held("login_refused", past("login_refused", "11:59:00", 1), "12:14:00");
    let limited = PastFailure { retry_at: Some(at("12:50:00")), ..past("unreachable", "11:59:00", 1) };
    held("unreachable", limited, "12:50:00");
    let mut scheduler =
        learned(plan("@daily", 60, 0), standing(), Some(past("no_access", "11:59:00", 9)), "12:00:00");
    assert_eq!(scheduler.force(ONLY, at("12:00:00")), Ok(()));
}

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

#[test]
fn a_changed_login_after_a_forced_run_is_not_for_a_time_to_come() {
    let mut scheduler = learned(plan("@daily", 60, 0), Some(living("11:00:00", None)), None, "12:00:00");
    assert_eq!(scheduler.force(ONLY, at("12:00:00")), Ok(()));
    let due = only_due(&mut scheduler, at("12:00:00"));
    scheduler.ended(&due, &refused("login_refused"), at("12:00:02"));
    scheduler.login_changed(ONLY, at("12:10:00"));
    assert_eq!(only_due(&mut scheduler, at("12:10:00")).occurrence, at("12:00:02"));
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

/// So many rotations of one source with a rate, none of which has a token, and one of another source.
fn limited(rate: &str, rotations: u32) -> Scheduler {
    let limit = Box::new(Limit { source: "zscaler.corp".into(), rate: Rate::parse(rate).unwrap() });
    let limited = |id| Plan {
        name: format!("limited-{id}").into(),
        limit: Some(limit.clone()),
        ..plan("@hourly", 600, 0)
    };
    Scheduler::new((0..rotations).map(limited).chain([plan("@hourly", 600, 0)]).collect())
}

fn ids(due: &[Due]) -> Vec<u32> {
    due.iter().map(|due| due.rotation.0).collect()
}

fn ends_at(end: &str) -> Standing {
    let issued_at = at("08:00:00");
    Standing { living: Some(Living { issued_at, expires_at: Some(at(end)), version: 1 }), failure: None }
}

#[test]
fn a_rate_lets_the_most_urgent_begin_and_holds_up_nobody_else() {
    let mut scheduler = limited("2/m", 4);
    for (id, end) in [(0, "12:40:00"), (1, "12:20:00"), (2, "12:30:00"), (3, "12:10:00"), (4, "12:50:00")] {
        scheduler.learn(RotationId(id), ends_at(end), at("12:00:00"));
    }
    let due = scheduler.due(at("12:00:00"));
    assert_eq!(ids(&due), [3, 1, 4]);
    // Both places are taken: nobody knows when that will end.
    assert_eq!((scheduler.wake_at(), scheduler.due(at("12:00:30"))), (None, vec![]));
    let held = scheduler.held(RotationId(2), at("12:00:30"));
    assert_eq!(held, Some(Held { by: HeldBy::Rate, until: None }));

    scheduler.ended(&due[0], &Outcome::Rotated(living("12:00:31", Some(36_000))), at("12:00:31"));
    assert_eq!((scheduler.wake_at(), scheduler.due(at("12:01:30"))), (Some(at("12:01:31")), vec![]));
    assert_eq!(scheduler.held(RotationId(2), at("12:01:00")).unwrap().until, Some(at("12:01:31")));
    assert_eq!(ids(&scheduler.due(at("12:01:31"))), [2]);
}

#[test]
fn every_login_of_a_run_counts() {
    let mut scheduler = limited("3/h", 4);
    for id in 0..4 {
        scheduler.learn(RotationId(id), ends_at("12:20:00"), at("12:00:00"));
    }
    let due = scheduler.due(at("12:00:00"));
    let twice = Aftermath { logins: 2, ..Aftermath::default() };
    let done = Outcome::Rotated(living("12:00:01", None));
    scheduler.ended_with(&due[0], &done, twice, at("12:00:01"));
    scheduler.ended_with(&due[1], &done, WITHOUT_LOGIN, at("12:00:01"));
    assert_eq!(scheduler.due(at("12:00:01")).len(), 0);
    scheduler.ended_with(&due[2], &done, WITHOUT_LOGIN, at("12:00:02"));
    assert_eq!(scheduler.due(at("12:00:02")).len(), 1);
}

#[test]
fn a_run_without_a_login_makes_room_at_once() {
    let mut scheduler = limited("1/h", 2);
    for id in [0, 1] {
        scheduler.learn(RotationId(id), ends_at("12:20:00"), at("12:00:00"));
    }
    let due = only_due(&mut scheduler, at("12:00:00"));
    let sealed = Outcome::Failed { class: Class::new("vault_sealed"), retry_at: None };
    scheduler.ended_with(&due, &sealed, WITHOUT_LOGIN, at("12:00:01"));
    assert_eq!(scheduler.wake_at(), Some(at("12:00:01")));
    assert_eq!(ids(&scheduler.due(at("12:00:01"))), [1]);
}

#[test]
fn logins_before_a_restart_count_as_far_as_the_entries_tell() {
    let mut scheduler = limited("3/h", 3);
    let recent = Living { expires_at: Some(at("12:10:00")), ..living("11:30:00", None) };
    scheduler.learn(RotationId(0), Standing { living: Some(recent), failure: None }, at("12:00:00"));
    // Two have not been read and may have logged in just now: with the one above that is all there may be.
    assert_eq!(scheduler.due(at("12:00:00")), []);
    let failure = Some(past("unreachable", "11:45:00", 1));
    scheduler.learn(RotationId(1), Standing { living: None, failure }, at("12:00:01"));
    scheduler.learn_logins(RotationId(2), &ends_at("12:05:00"), at("12:00:02"));
    assert_eq!(ids(&scheduler.due(at("12:00:02"))), [0]);
    assert_eq!(scheduler.held(RotationId(1), at("12:00:02")).map(|held| held.by), Some(HeldBy::Rate));
    assert_eq!(ids(&scheduler.due(at("12:30:01"))), [1], "half an hour ago is an hour ago now");
}

#[test]
fn entries_that_are_never_read_hold_up_their_source_for_one_period_only() {
    let mut scheduler = limited("2/m", 3);
    scheduler.learn(RotationId(0), Standing::default(), at("12:00:00"));
    assert_eq!(scheduler.due(at("12:00:00")), []);
    assert_eq!(scheduler.wake_at(), Some(at("12:01:00")));
    assert_eq!(ids(&scheduler.due(at("12:01:00"))), [0]);
}

#[test]
fn a_rate_is_waited_for_as_long_as_before_when_the_clock_is_set() {
    for by in [TimeDelta::days(300), -TimeDelta::days(300)] {
        let mut scheduler = limited("1/h", 2);
        scheduler.learn(RotationId(0), Standing::default(), at("12:00:00"));
        scheduler.learn(RotationId(1), Standing::default(), at("12:00:00"));
        let due = only_due(&mut scheduler, at("12:00:00"));
        scheduler.ended(&due, &refused("no_access"), at("12:00:00"));
        assert_eq!(scheduler.due(at("12:10:00")), []);
        scheduler.clock_was_set(by, at("12:10:00") + by);
        assert_eq!(scheduler.due(at("12:59:59") + by), [], "{by}");
        assert_eq!(scheduler.due(at("13:00:00") + by).len(), 1, "{by}");
    }
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
    prop::sample::select(vec!["login_refused", "no_access", "unreachable"]).prop_map(Class::new)
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
    (prop::option::of(any_living()), prop::option::of(failure))
        .prop_map(|(living, failure)| Standing { living, failure })
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
            scheduler.ended(&due[0], &outcome, now);
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
