//! Every class of trouble with its own behaviour, from the error to the next try.

use std::time::Duration;

use chrono::TimeDelta;
use tokenferry_sources::{Action, Attempt, FailureClass, NamedFailure, Said, SourceError, Timestamp, system};
use tokenferry_vault::{KvPath, Operation, VaultError};

use super::trouble::{FailedLogin, Trouble};
use crate::rotation::{Destination, RenewBefore};
use crate::run::{Living, Outcome, PastFailure, RotationId, Standing};
use crate::schedule::Schedule;
use crate::scheduler::{HeldBy, Plan, Scheduler};
use crate::source::{OpenError, ReferenceError};

/// How a class behaves after its first failure in a row, and after its ninth.
struct Behaviour {
    by: HeldBy,
    /// At noon, with an hourly schedule and a token that ends at two.
    first: (u64, u64),
    ninth: (u64, u64),
    /// The ninth again, with a token that has a minute left.
    near_the_end: (u64, u64),
    can_be_forced: bool,
}

const PASSING: Behaviour = Behaviour {
    by: HeldBy::Backoff,
    first: (5, 10),
    ninth: (450, 900),
    near_the_end: (5, 20),
    can_be_forced: true,
};
/// Ten minutes were asked for, which counts more than that readers suffer.
const ASKED: Behaviour = Behaviour {
    by: HeldBy::RetryAfter,
    first: (600, 600),
    ninth: (600, 600),
    near_the_end: (600, 600),
    can_be_forced: false,
};
/// A time that has passed is none.
const ASKED_IN_VAIN: Behaviour = PASSING;
const BREAKER: Behaviour = Behaviour {
    by: HeldBy::Breaker,
    first: (3600, 3600),
    ninth: (86_400, 86_400),
    near_the_end: (86_400, 86_400),
    can_be_forced: false,
};
/// Looked at now and then, since nobody tells when it was put right.
const LASTING: Behaviour = Behaviour {
    by: HeldBy::LastingFailure,
    first: (900, 900),
    ninth: (900, 900),
    near_the_end: (60, 60),
    can_be_forced: true,
};

#[test]
fn each_class_of_an_issuer_has_its_behaviour() {
    let (said, status) = (Said::default(), 400);
    let in_ten_minutes = Some(noon() + TimeDelta::minutes(10));
    let cases = [
        (
            "login_refused",
            SourceError::LoginRefused { attempt: attempt(), status, said: said.clone() },
            BREAKER,
        ),
        ("password_expired", named(&PASSWORD_EXPIRED), BREAKER),
        ("no_access", SourceError::NoAccess { attempt: attempt(), status, said: said.clone() }, LASTING),
        ("not_allowed_here", SourceError::NotAllowedHere { attempt: attempt(), status }, LASTING),
        ("malformed_answer", SourceError::Malformed { attempt: attempt(), status, problem: "x" }, LASTING),
        ("bad_request", SourceError::BadRequest { attempt: attempt(), status, said: said.clone() }, LASTING),
        ("server_error", named(&PASSING_TROUBLE), PASSING),
        ("unreachable", SourceError::Unreachable { attempt: attempt(), cause: "x".to_owned() }, PASSING),
        ("timed_out", SourceError::TimedOut { attempt: attempt(), limit: Duration::ZERO }, PASSING),
        (
            "token_rejected",
            SourceError::TokenRejected { attempt: attempt(), status, said: said.clone() },
            PASSING,
        ),
        ("rate_limited", SourceError::RateLimited { attempt: attempt(), status, until: None }, PASSING),
        (
            "rate_limited",
            SourceError::RateLimited { attempt: attempt(), status, until: in_ten_minutes },
            ASKED,
        ),
        (
            "rate_limited",
            SourceError::RateLimited { attempt: attempt(), status, until: Some(noon()) },
            ASKED_IN_VAIN,
        ),
    ];
    for (class, error, behaviour) in cases {
        check(class, &Trouble::Source { error: error.into(), login: FailedLogin::default() }, &behaviour);
    }
    for (status, until, behaviour) in
        [(500, None, PASSING), (503, in_ten_minutes, ASKED), (501, None, LASTING)]
    {
        let error = SourceError::ServerError { attempt: attempt(), status, said: said.clone(), until };
        check(
            "server_error",
            &Trouble::Source { error: error.into(), login: FailedLogin::default() },
            &behaviour,
        );
    }
}

#[test]
fn each_class_of_vault_has_its_behaviour() {
    let operation = || Operation::Write(at().entry);
    let in_ten_minutes = Some(noon() + TimeDelta::minutes(10));
    let cases = [
        ("vault_sealed", VaultError::Sealed { operation: operation() }, PASSING),
        (
            "vault_forbidden",
            VaultError::Forbidden { operation: operation(), token_may_be_over: false },
            PASSING,
        ),
        ("vault_login_refused", VaultError::LoginRefused { operation: operation(), status: 400 }, PASSING),
        ("vault_missing_mount", VaultError::MissingMount { operation: operation() }, PASSING),
        ("vault_cas_required", VaultError::CasRequired { operation: operation() }, PASSING),
        ("vault_rate_limited", VaultError::RateLimited { operation: operation(), until: None }, PASSING),
        (
            "vault_rate_limited",
            VaultError::RateLimited { operation: operation(), until: in_ten_minutes },
            ASKED,
        ),
        // As with a full disk.
        (
            "vault_server_error",
            VaultError::Server { operation: operation(), status: 500, until: None },
            PASSING,
        ),
        ("vault_standby", VaultError::Standby { operation: operation(), status: 473 }, PASSING),
    ];
    for (class, error, behaviour) in cases {
        let kept = OpenError::InVault { field: "password", source: error.clone() };
        check(class, &Trouble::Open(kept), &behaviour);
        check(class, &Trouble::Vault(error), &behaviour);
    }
}

#[test]
fn each_trouble_with_a_destination_or_a_secret_has_its_behaviour() {
    let unavailable = OpenError::Unavailable {
        field: "password",
        source: ReferenceError::Unset { variable: "X".to_owned() },
    };
    let cases = [
        ("cas_lost", Trouble::CasLost { at: at() }, PASSING),
        ("secret_unavailable", Trouble::Open(unavailable), PASSING),
        ("foreign_entry", Trouble::ForeignEntry { at: at(), is_live: true }, LASTING),
        ("newer_schema", Trouble::NewerSchema { at: at(), schema: 9 }, LASTING),
        (
            "other_rotation",
            Trouble::OtherRotation { at: at(), owner: "x".to_owned(), ours: "y".into() },
            LASTING,
        ),
    ];
    for (class, trouble, behaviour) in cases {
        check(class, &trouble, &behaviour);
    }
}

/// What follows from a trouble that happens at noon, then and after a restart.
fn check(class: &str, trouble: &Trouble, expected: &Behaviour) {
    let outcome = trouble.outcome();
    assert_eq!(trouble.class().name(), class);
    let two = noon() + TimeDelta::hours(2);
    let soon = noon() + TimeDelta::minutes(1);
    for (count, end, wait) in
        [(1, two, expected.first), (9, two, expected.ninth), (9, soon, expected.near_the_end)]
    {
        for mut scheduler in [failed(&outcome, count, end), restarted(trouble, count, end)] {
            let waits = (scheduler.wake_at().unwrap() - noon()).num_seconds().unsigned_abs();
            assert!((wait.0..=wait.1).contains(&waits), "{class} {count} {end}: {waits}");
            let held = scheduler.held(ONLY, noon()).unwrap();
            assert_eq!((held.by, held.until), (expected.by, scheduler.wake_at()), "{class} {count}");
            assert_eq!(scheduler.force(ONLY, noon()).is_ok(), expected.can_be_forced, "{class} {count}");
        }
    }
}

/// After so many failures in a row, the last of them at noon.
fn failed(outcome: &Outcome, count: u32, end: Timestamp) -> Scheduler {
    let is_lasting = matches!(outcome, Outcome::Refused { .. });
    let (Outcome::Failed { class, .. } | Outcome::Refused { class, .. }) = outcome else {
        panic!("it failed")
    };
    let before = PastFailure {
        class: class.clone(),
        at: noon() - TimeDelta::days(2),
        count: count - 1,
        refusals: if class.is_refused_login() { count - 1 } else { 0 },
        lasting: is_lasting,
        retry_at: None,
        login_changed: false,
    };
    let mut scheduler = learned(end, Some(before).filter(|_| count > 1));
    let due = scheduler.due(noon())[0];
    assert_eq!(due.attempt, count);
    scheduler.ended(&due, outcome, noon());
    scheduler
}

fn restarted(trouble: &Trouble, count: u32, end: Timestamp) -> Scheduler {
    let class = trouble.class();
    let noted = PastFailure {
        at: noon(),
        count,
        refusals: if class.is_refused_login() { count } else { 0 },
        lasting: trouble.is_lasting(),
        retry_at: trouble.retry_at(),
        login_changed: false,
        class,
    };
    learned(end, Some(noted))
}

fn learned(end: Timestamp, failure: Option<PastFailure>) -> Scheduler {
    let plan = Plan {
        name: "zscaler-corp".into(),
        schedule: Schedule::parse("0 * * * *", "UTC").unwrap(),
        renew_before: RenewBefore::Percent(30),
        spread: Duration::ZERO,
        reader_lag: Duration::ZERO,
        enabled: true,
        limit: None,
        login: None,
    };
    let mut scheduler = Scheduler::new(vec![plan]);
    let living = Living { issued_at: noon() - TimeDelta::minutes(30), expires_at: Some(end), version: 1 };
    scheduler.learn(ONLY, Standing { living: Some(living), failure, ..Standing::default() }, noon());
    scheduler
}

fn noon() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn at() -> Destination {
    Destination::new(KvPath::new("secret", "corp"))
}

fn attempt() -> Attempt {
    Attempt::new(system("zetasafe").unwrap(), Action::Login, "zetasafe.example".to_owned())
}

fn named(failure: &'static NamedFailure) -> SourceError {
    SourceError::Named { attempt: attempt(), status: 400, failure, said: Said::default() }
}

static PASSWORD_EXPIRED: NamedFailure =
    NamedFailure { class: FailureClass::PasswordExpired, headline: "x", text: "x", advice: "X." };
static PASSING_TROUBLE: NamedFailure =
    NamedFailure { class: FailureClass::ServerError, headline: "x", text: "x", advice: "X." };
const ONLY: RotationId = RotationId(0);
