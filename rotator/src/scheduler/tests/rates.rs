//! Sources that have a rate.

use super::*;

/// So many rotations of one source with a rate, none of which has a token, and one of another source.
pub(super) fn limited(rate: &str, rotations: u32) -> Scheduler {
    let limit = Box::new(Limit { source: "zscaler.corp".into(), rate: Rate::parse(rate).unwrap() });
    let limited = |id| Plan {
        name: format!("limited-{id}").into(),
        limit: Some(limit.clone()),
        ..plan("@hourly", 600, 0)
    };
    Scheduler::new((0..rotations).map(limited).chain([plan("@hourly", 600, 0)]))
}

fn ids(due: &[Due]) -> Vec<u32> {
    due.iter().map(|due| due.rotation.0).collect()
}

fn ends_at(end: &str) -> Standing {
    let issued_at = at("08:00:00");
    Standing {
        living: Some(Living { issued_at, expires_at: Some(at(end)), version: 1 }),
        ..Standing::default()
    }
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
    assert_eq!(held, Some(Held { by: HeldBy::Rate, until: Some(at("12:01:30")) }));

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
    scheduler.learn(RotationId(0), Standing { living: Some(recent), ..Standing::default() }, at("12:00:00"));
    // Two have not been read and may have logged in just now: with the one above that is all there may be.
    assert_eq!(scheduler.due(at("12:00:00")), []);
    let failure = Some(past("unreachable", "11:45:00", 1));
    scheduler.learn(RotationId(1), Standing { living: None, failure, ..Standing::default() }, at("12:00:01"));
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
fn the_rate_is_foreseen_for_what_is_not_due_yet() {
    let mut scheduler = limited("1/h", 3);
    for (id, issued) in [(0, "11:35:00"), (1, "11:20:00"), (2, "11:10:00")] {
        let living = Some(living(issued, Some(7200)));
        scheduler.learn(RotationId(id), Standing { living, ..Standing::default() }, at("11:40:00"));
    }
    let rate = |until| Some(Held { by: HeldBy::Rate, until: Some(at(until)) });
    let outlook = scheduler.outlook(at("11:40:00"));
    // All are planned for 12:00. The token that ends first is renewed first, once the last login is an hour ago.
    let held = [2, 1, 0, 3].map(|id| outlook.held(RotationId(id)));
    assert_eq!(held, [rate("12:35:01"), rate("13:35:01"), rate("14:35:01"), None]);
    assert_eq!(scheduler.held(RotationId(1), at("11:40:00")), rate("13:35:01"));
}

#[test]
fn a_rate_that_was_exceeded_opens_when_enough_logins_are_long_enough_ago() {
    let mut scheduler = limited("2/h", 1);
    let standing = Standing {
        earlier_logins: ["11:10:00", "11:20:00", "11:30:00"].map(at).to_vec(),
        ..ends_at("12:05:00")
    };
    scheduler.learn(RotationId(0), standing, at("12:00:00"));
    assert_eq!(scheduler.due(at("12:00:00")), []);
    assert_eq!(scheduler.wake_at(), Some(at("12:20:01")));
    assert_eq!(scheduler.held(RotationId(0), at("12:00:00")).unwrap().until, Some(at("12:20:01")));
    assert_eq!((scheduler.due(at("12:20:00")), scheduler.due(at("12:20:01")).len()), (vec![], 1));
}

#[test]
fn logins_of_a_clock_that_is_ahead_count_from_now() {
    let mut scheduler = limited("1/h", 1);
    let standing = Standing { earlier_logins: vec![at("23:00:00")], ..ends_at("12:05:00") };
    scheduler.learn(RotationId(0), standing, at("12:00:00"));
    assert_eq!((scheduler.due(at("12:00:00")), scheduler.wake_at()), (vec![], Some(at("13:00:01"))));
}
