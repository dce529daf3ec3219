//! What follows from failures.

use super::*;

#[test]
fn failures_back_off_keep_their_occurrence_and_count() {
    let mut scheduler = learned(plan("0 * * * *", 600, 0), Some(living("11:10:00", None)), None, "12:00:00");
    let mut now = at("12:00:00");
    for attempt in 1..=8 {
        let due = only_due(&mut scheduler, now);
        assert_eq!((due.attempt, due.occurrence, due.reason), (attempt, at("12:00:00"), Reason::Schedule));
        scheduler.ended(&due, &unreachable(None), now);
        let wait = (scheduler.wake_at().unwrap() - now).to_std().unwrap();
        assert_eq!(wait, backoff::delay("zscaler-corp", attempt, Duration::from_mins(15)));
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
fn a_changed_login_after_a_forced_run_is_not_for_a_time_to_come() {
    let mut scheduler = learned(plan("@daily", 60, 0), Some(living("11:00:00", None)), None, "12:00:00");
    assert_eq!(scheduler.force(ONLY, at("12:00:00")), Ok(()));
    let due = only_due(&mut scheduler, at("12:00:00"));
    scheduler.ended(&due, &refused("login_refused"), at("12:00:02"));
    scheduler.login_changed(ONLY, at("12:10:00"));
    assert_eq!(only_due(&mut scheduler, at("12:10:00")).occurrence, at("12:00:02"));
}
