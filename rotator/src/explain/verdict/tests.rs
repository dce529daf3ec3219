use super::*;
use crate::rotation::RenewBefore;
use crate::run::{Class, PastFailure, Reason};
use crate::schedule::Schedule;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn plan(schedule: &str, spread: u64) -> Plan {
    Plan {
        name: "zscaler-corp".into(),
        schedule: Schedule::parse(schedule, "Europe/Berlin").unwrap(),
        renew_before: RenewBefore::Duration(Duration::from_mins(10)),
        spread: Duration::from_secs(spread),
        reader_lag: Duration::ZERO,
        enabled: true,
        limit: None,
        login: None,
    }
}

fn written(version: u64, text: &str) -> WrittenVersion {
    WrittenVersion { version, at: at(text) }
}

fn standing(issued_at: &str, version: u64) -> Standing {
    let issued_at = at(issued_at);
    let living = Living { issued_at, expires_at: Some(issued_at + TimeDelta::hours(1)), version };
    Standing { living: Some(living), ..Standing::default() }
}

/// Half-hourly, tokens of an hour, renewed 10 minutes before their end. The run of 09:30 came at 09:41.
fn verdict(moment: &str, now: &str) -> Verdict {
    let history = [
        written(3, "2026-11-22T09:00:01Z"),
        written(4, "2026-11-22T09:41:00Z"),
        written(5, "2026-11-22T10:00:02Z"),
    ];
    let standing = standing("2026-11-22T10:00:01Z", 5);
    let known = Known {
        plan: plan("*/30 * * * *", 0),
        standing: Some(&standing),
        history: &history,
        life: Some(Duration::from_hours(1)),
    };
    judge(&known, at(moment), at(now))
}

const NOW: &str = "2026-11-22T10:10:00Z";

#[test]
fn a_run_of_the_past_is_found_in_the_history() {
    let Verdict::Ran { due: Some(due), written } = verdict("2026-11-22T10:00:00Z", NOW) else {
        panic!("{:?}", verdict("2026-11-22T10:00:00Z", NOW))
    };
    assert_eq!(
        (due.occurrence, due.reason, written.version),
        (at("2026-11-22T10:00:00Z"), Reason::Schedule, 5)
    );
    assert_eq!(verdict("2026-11-22T10:00:30Z", NOW).name(), "just_done");
}

#[test]
fn a_run_that_was_missed_is_told_with_the_one_that_caught_up() {
    let Verdict::Late { due, written } = verdict("2026-11-22T09:30:00Z", NOW) else { panic!("it came late") };
    assert_eq!((due.at, written.version), (at("2026-11-22T09:30:00Z"), 4));
}

#[test]
fn between_two_runs_nothing_was_due() {
    let Verdict::NotDue { since, next } = verdict("2026-11-22T09:15:00Z", NOW) else {
        panic!("nothing was due")
    };
    assert_eq!((since.version, next.at), (3, at("2026-11-22T09:30:00Z")));
}

#[test]
fn what_vault_has_forgotten_is_not_made_up() {
    let Verdict::Forgotten { oldest } = verdict("2026-11-22T08:00:00Z", NOW) else {
        panic!("it is forgotten")
    };
    assert_eq!(oldest.map(|written| written.version), Some(3));
}

#[test]
fn a_run_that_is_due_and_did_not_come_is_overdue() {
    let Verdict::Overdue { due } = verdict("2026-11-22T10:30:00Z", "2026-11-22T10:45:00Z") else {
        panic!("it is overdue")
    };
    assert_eq!(due.occurrence, at("2026-11-22T10:30:00Z"));
}

#[test]
fn the_future_is_what_the_scheduler_makes_of_it() {
    let Verdict::WillRun { next } = verdict("2026-11-22T12:30:00Z", NOW) else { panic!("it will run") };
    assert_eq!((next.at, next.reason), (at("2026-11-22T12:30:00Z"), Reason::Schedule));
    let Verdict::WillNotRun(forecast) = verdict("2026-11-22T12:15:00Z", NOW) else { panic!("it will not") };
    assert_eq!(forecast.before.map(|next| next.at), Some(at("2026-11-22T12:00:00Z")));
    assert_eq!(forecast.after.map(|next| next.at), Some(at("2026-11-22T12:30:00Z")));
}

#[test]
fn a_run_that_begins_later_within_its_spread_belongs_to_its_time() {
    let standing = standing("2026-11-22T10:00:01Z", 5);
    let plan = plan("0 * * * *", 1200);
    let known = Known { plan, standing: Some(&standing), history: &[], life: None };
    let Verdict::WillRun { next } = judge(&known, at("2026-11-22T11:00:00Z"), at(NOW)) else {
        panic!("it belongs to that time")
    };
    assert!(next.at > next.occurrence && next.occurrence == at("2026-11-22T11:00:00Z"));
}

#[test]
fn a_refused_login_stands_in_the_way_of_the_future() {
    let failure = PastFailure {
        class: Class::new("login_refused"),
        at: at("2026-11-22T10:05:00Z"),
        count: 1,
        refusals: 1,
        lasting: true,
        retry_at: None,
        login_changed: false,
    };
    let standing = Standing { failure: Some(failure), ..standing("2026-11-22T10:00:01Z", 5) };
    let known = Known {
        plan: plan("*/5 * * * *", 0),
        standing: Some(&standing),
        history: &[],
        life: Some(Duration::from_hours(1)),
    };
    let Verdict::WillNotRun(forecast) = judge(&known, at("2026-11-22T10:15:00Z"), at(NOW)) else {
        panic!("it is held")
    };
    assert_eq!(forecast.after.map(|next| next.at), Some(at("2026-11-22T10:25:00Z")));
}

#[test]
fn what_is_not_run_at_all_will_not_run() {
    let standing = standing("2026-11-22T10:00:01Z", 5);
    let plan = Plan { enabled: false, ..plan("* * * * *", 0) };
    let known = Known { plan, standing: Some(&standing), history: &[], life: None };
    assert_eq!(judge(&known, at("2026-11-22T11:00:00Z"), at(NOW)), Verdict::Disabled);
}

#[test]
fn a_moment_years_away_needs_no_going_through_all_runs() {
    let Verdict::WillRun { next } = verdict("2036-11-22T12:30:00Z", NOW) else { panic!("it will run") };
    assert_eq!(next.at, at("2036-11-22T12:30:00Z"));
    let Verdict::WillNotRun(forecast) = verdict("2036-11-22T12:31:00Z", NOW) else { panic!("it will not") };
    assert_eq!(forecast.before.map(|next| next.at), Some(at("2036-11-22T12:30:00Z")));
}

#[test]
fn runs_between_times_of_the_schedule_are_foreseen_one_by_one_and_not_without_end() {
    let standing = standing("2026-11-22T10:00:01Z", 5);
    let life = |secs| Some(Duration::from_secs(secs));
    let known = |life| Known { plan: plan("0 0 29 2 *", 0), standing: Some(&standing), history: &[], life };
    let Verdict::WillRun { next } = judge(&known(life(3600)), at("2026-11-22T11:40:00Z"), at(NOW)) else {
        panic!("the second token ends then")
    };
    assert_eq!((next.reason, next.at), (Reason::Expiry, at("2026-11-22T11:40:01Z")));
    assert_eq!(judge(&known(life(60)), at("2027-11-22T11:40:00Z"), at(NOW)), Verdict::TooFar);
}
