use chrono::TimeDelta;
use tokenferry_vault::Origin;

use super::*;

fn entry(expires_in: Option<i64>) -> Entry {
    let now = Timestamp::UNIX_EPOCH;
    Entry {
        token: "hunter2hunter2".into(),
        token_type: "Bearer".to_owned(),
        header_name: "Authorization".to_owned(),
        header_value: "Bearer hunter2hunter2".into(),
        issued_at: now,
        expires_at: expires_in.map(|left| now + TimeDelta::seconds(left)),
        refresh_after: expires_in.map(|left| now + TimeDelta::seconds(left / 2)),
        ttl: expires_in.and_then(|left| u64::try_from(left).ok()),
        system: "zettelstore".to_owned(),
        issuer: "https://zettel.example/".to_owned(),
        subject: "anna".to_owned(),
        origin: Origin {
            source: "zettelstore.notes".to_owned(),
            rotation: "notes".to_owned(),
            occurrence: now,
            serial: 7,
            writer: "host/1".to_owned(),
        },
    }
}

fn at() -> KvPath {
    KvPath::new("kv", "tokens/notes")
}

fn problem(expires_in: Option<i64>, minimum: Option<u64>, now: i64) -> Option<Diagnostic> {
    let now = Timestamp::UNIX_EPOCH + TimeDelta::seconds(now);
    let entry = entry(expires_in);
    let path = AttributePath::root().attribute("path");
    Standing::of(&entry, minimum.map(Duration::from_secs), now).problem(&at(), &entry, &path)
}

#[test]
fn a_token_that_lives_long_enough_has_no_problem() {
    for (expires_in, minimum, now) in
        [(Some(600), None, 599), (Some(600), Some(600), 0), (Some(600), Some(1), 599), (None, None, 9_999)]
    {
        assert_eq!(problem(expires_in, minimum, now), None);
    }
}

#[test]
fn one_that_does_not_is_refused_by_how_much_and_with_its_rotation() {
    let expired = problem(Some(600), None, 690).unwrap();
    assert_eq!(
        (expired.summary(), expired.path().to_string().as_str()),
        ("The rotated token has expired", "path")
    );
    for part in
        ["90 s ago", "1970-01-01T00:10:00Z", "`notes`", "kv/tokens/notes", "host/1", "tokenferry status"]
    {
        assert!(expired.detail().contains(part), "{part} is not in: {}", expired.detail());
    }
    let short = problem(Some(600), Some(700), 0).unwrap();
    assert_eq!(short.path().to_string(), "minimum_lifetime");
    for part in ["600 s", "100 s less", "700 s", "`notes`", "`renew_before`"] {
        assert!(short.detail().contains(part), "{part} is not in: {}", short.detail());
    }
    assert!(short.detail().contains("live longer"), "{}", short.detail());
    let late = problem(Some(600), Some(100), 550).unwrap();
    assert!(
        late.detail().contains("`renew_before` of rotation `notes` to more than 100 s"),
        "{}",
        late.detail()
    );
    let unknown = problem(None, Some(1), 0).unwrap();
    assert_eq!(unknown.path().to_string(), "minimum_lifetime");
    assert!(unknown.detail().contains("`ttl` in the source `zettelstore.notes`"), "{}", unknown.detail());
    for problem in [expired, short, unknown] {
        assert!(!problem.detail().contains("hunter2"));
    }
}

#[test]
fn a_long_text_out_of_vault_does_not_fill_the_message() {
    let now = Timestamp::UNIX_EPOCH + TimeDelta::seconds(700);
    for expires_in in [Some(600), Some(9_000), None] {
        let mut entry = entry(expires_in);
        let long = "x".repeat(2000);
        entry.origin = Origin { source: long.clone(), rotation: long.clone(), writer: long, ..entry.origin };
        let minimum = Some(Duration::from_secs(99_999));
        let problem = Standing::of(&entry, minimum, now).problem(&at(), &entry, &AttributePath::root());
        assert!(!problem.unwrap().detail().contains(&"x".repeat(201)));
    }
}

#[test]
fn the_moment_of_its_end_is_its_end() {
    let ended = problem(Some(600), None, 600).unwrap();
    assert!(ended.detail().contains("0 s ago"), "{}", ended.detail());
}

#[test]
fn an_entry_is_looked_for_again_when_a_newer_one_is_to_be_expected() {
    let found = Rotated { entry: entry(Some(600)), version: None };
    let fresh = |minimum: Option<u64>, now: i64| {
        is_fresh(&found, minimum.map(Duration::from_secs), Timestamp::UNIX_EPOCH + TimeDelta::seconds(now))
    };
    assert!(fresh(None, 299) && fresh(Some(300), 299));
    assert!(!fresh(None, 300) && !fresh(Some(600), 299));
}

#[test]
fn every_attribute_is_filled_and_what_nobody_knows_is_null() {
    let names: std::collections::BTreeSet<_> =
        RotatedToken.computed().into_iter().map(|attribute| attribute.name).collect();
    let values = computed(&entry(None));
    assert_eq!(values.keys().cloned().collect::<std::collections::BTreeSet<_>>(), names);
    for (name, value) in values {
        assert_eq!(
            value == Value::Null,
            ["expires_at", "refresh_after", "ttl"].contains(&name.as_str()),
            "{name}"
        );
    }
}
