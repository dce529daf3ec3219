//! Rotations that log in with the same, or write to the same Vault.

use super::*;

const OTHER: RotationId = RotationId(1);
const STRANGER: RotationId = RotationId(2);

/// One that is due at 12:00, one with the same login that is due at 12:05, and one with another login.
fn sharing() -> Scheduler {
    let plan = |schedule, login| Plan { login: Some(LoginId(login)), ..plan(schedule, 60, 0) };
    let plans = vec![plan("0 * * * *", 0), plan("5,20,35 * * * *", 0), plan("5,20,35 * * * *", 1)];
    let mut scheduler = Scheduler::new(plans);
    for id in [ONLY, OTHER, STRANGER] {
        let living = Some(living("11:50:00", Some(7200)));
        scheduler.learn(id, Standing { living, ..Standing::default() }, at("11:59:00"));
    }
    scheduler
}

fn breaker(until: &str) -> Held {
    Held { by: HeldBy::Breaker, until: Some(at(until)) }
}

#[test]
fn a_refused_login_holds_all_that_would_send_the_same_until_it_is_changed() {
    let mut scheduler = sharing();
    assert_eq!(scheduler.held(OTHER, at("11:59:00")), None);
    let due = only_due(&mut scheduler, at("12:00:00"));
    scheduler.ended(&due, &refused("login_refused"), at("12:00:01"));
    let now = at("12:00:02");
    // Until 12:15:01, so its time at 12:05 will not be used, and that at 12:20 will.
    assert_eq!(scheduler.held(OTHER, now), Some(breaker("12:20:00")));
    assert_eq!((scheduler.held(STRANGER, now), scheduler.outlook(now).held(STRANGER)), (None, None));
    assert_eq!(scheduler.outlook(now).held(OTHER), Some(breaker("12:20:00")));
    scheduler.login_changed(ONLY, at("12:01:00"));
    assert_eq!(scheduler.held(OTHER, at("12:01:00")), None);
}

#[test]
fn what_is_foretold_of_a_refused_login_is_what_comes_of_a_run_that_is_told_of_it() {
    let mut scheduler = sharing();
    let due = only_due(&mut scheduler, at("12:00:00"));
    scheduler.ended(&due, &refused("login_refused"), at("12:00:01"));
    let foretold = scheduler.held(OTHER, at("12:04:00"));
    let told = scheduler.due(at("12:05:00"))[0];
    let logins = Some(RefusedLogins { times: 1, last: at("12:00:01") });
    let outcome = Outcome::Refused { class: Class::new("login_refused"), logins };
    scheduler.ended_with(&told, &outcome, WITHOUT_LOGIN, at("12:05:00"));
    assert_eq!((told.rotation, scheduler.held(OTHER, at("12:05:01"))), (OTHER, foretold));
}

#[test]
fn a_refused_login_is_forgotten_by_all_once_it_is_accepted() {
    let mut scheduler = sharing();
    let due = only_due(&mut scheduler, at("12:00:00"));
    scheduler.ended(&due, &refused("login_refused"), at("12:00:01"));
    let again = scheduler.due(at("13:00:00"));
    let again = again.iter().find(|due| due.rotation == ONLY).unwrap();
    scheduler.ended(again, &Outcome::Rotated(living("13:00:01", Some(7200))), at("13:00:01"));
    assert!(scheduler.refused.is_empty());
}

fn vault(class: &'static str) -> Outcome {
    Outcome::Failed { class: Class::new(class), retry_at: None }
}

#[test]
fn a_token_that_only_has_to_be_stored_is_never_waited_for_long() {
    for life in [Some(600), Some(86_400), None] {
        let mut scheduler =
            learned(plan("0 * * * *", 60, 0), Some(living("11:59:00", life)), None, "12:00:00");
        let mut now = at("12:00:00");
        for _ in 0..30 {
            let due = only_due(&mut scheduler, now);
            let aftermath = Aftermath { keeps_token: true, ..WITHOUT_LOGIN };
            scheduler.ended_with(&due, &vault("vault_sealed"), aftermath, now);
            let next = scheduler.wake_at().unwrap();
            assert!(next - now <= TimeDelta::seconds(30), "{}", next - now);
            now = next;
        }
    }
}

#[test]
fn the_first_to_get_through_to_vault_wakes_all_that_wait_for_it() {
    let mut scheduler = sharing();
    let due = scheduler.due(at("12:10:00"));
    let [first, away, forbidden] = due[..] else { panic!("{due:?}") };
    scheduler.ended(&away, &vault("vault_unreachable"), at("12:10:00"));
    scheduler.ended(&forbidden, &vault("vault_forbidden"), at("12:10:00"));
    let waits = |scheduler: &Scheduler, due: Due| scheduler.next(due.rotation).unwrap().at;
    let before = waits(&scheduler, forbidden);
    assert!(waits(&scheduler, away) > at("12:10:05"));
    scheduler.ended(&first, &Outcome::Rotated(living("12:10:01", Some(7200))), at("12:10:01"));
    assert_eq!(waits(&scheduler, away), at("12:10:05"), "as soon as the floor lets it");
    assert_eq!(waits(&scheduler, forbidden), before, "that is not a matter of being away");

    let again = scheduler.due(at("12:10:05"))[0];
    scheduler.ended(&again, &vault("vault_unreachable"), at("12:10:06"));
    let alone = waits(&scheduler, away);
    assert_eq!(scheduler.force(ONLY, at("12:10:07")), Ok(()));
    let forced = scheduler.due(at("12:10:07"))[0];
    scheduler.ended(&forced, &Outcome::Rotated(living("12:10:08", Some(7200))), at("12:10:08"));
    assert_eq!(waits(&scheduler, away), alone, "Vault may be away for this one alone");
}
