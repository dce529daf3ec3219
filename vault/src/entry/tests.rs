use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use tokenferry_sources::{Expiry, Identity, TokenUsage};

use super::*;
use crate::FIELDS;

const ISSUED: i64 = 1_900_000_000;

fn token(expiry: Expiry) -> Token {
    let usage = TokenUsage::fixed("Bearer", "Authorization", "Bearer ");
    let identity =
        Identity { system: "zettelstore", issuer: "http://z/".to_owned(), subject: "anna".to_owned() };
    Token::new("t0ken".into(), usage, identity, time(0), expiry)
}

fn time(seconds: i64) -> Timestamp {
    DateTime::from_timestamp(ISSUED + seconds, 0).unwrap()
}

fn origin() -> Origin {
    Origin {
        source: "zettelstore.home".to_owned(),
        rotation: "home".to_owned(),
        occurrence: time(-1),
        serial: 7,
        writer: "host-1".to_owned(),
    }
}

fn third(life: Duration) -> Duration {
    life / 3
}

fn stored(expiry: Expiry) -> Map<String, Value> {
    Entry::new(&token(expiry), third, origin()).to_json(FieldNames::NONE)
}

#[test]
fn an_entry_holds_everything_about_its_token() {
    assert_eq!(
        Value::Object(stored(Expiry::Reported(time(600)))),
        serde_json::json!({
            "token": "t0ken",
            "token_type": "Bearer",
            "header_name": "Authorization",
            "header_value": "Bearer t0ken",
            "issued_at": "2030-03-17T17:46:40Z",
            "expires_at": "2030-03-17T17:56:40Z",
            "refresh_after": "2030-03-17T17:53:20Z",
            "ttl": 600,
            "system": "zettelstore",
            "issuer": "http://z/",
            "subject": "anna",
            "source": "zettelstore.home",
            "rotation": "home",
            "occurrence": "2030-03-17T17:46:39Z",
            "serial": 7,
            "writer": "host-1",
            "schema": 1,
        })
    );
}

#[test]
fn an_unknown_end_is_left_out() {
    let fields = stored(Expiry::Unknown);
    for name in ["expires_at", "refresh_after", "ttl"] {
        assert!(!fields.contains_key(name), "{name}");
    }
    assert_eq!(Entry::from_json(&fields, FieldNames::NONE).unwrap().expires_at, None);
}

#[test]
fn an_entry_is_read_back_whatever_else_stands_there() {
    let mut fields = stored(Expiry::Assumed(time(600)));
    fields.insert("note".to_owned(), Value::from(vec![1]));
    let entry = Entry::from_json(&fields, FieldNames::NONE).unwrap();
    assert_eq!(entry.token.expose_secret(), "t0ken");
    assert_eq!((entry.issued_at, entry.expires_at, entry.ttl), (time(0), Some(time(600)), Some(600)));
    assert_eq!(entry.origin, origin());
}

#[test]
fn a_newer_schema_is_told_even_if_nothing_else_is_understood() {
    let fields = serde_json::json!({ "schema": 2 });
    assert_eq!(
        Entry::from_json(fields.as_object().unwrap(), FieldNames::NONE).unwrap_err(),
        EntryError::Newer { schema: 2 }
    );
}

#[test]
fn what_lacks_something_is_no_entry() {
    for name in ["schema", "token", "issued_at", "rotation", "occurrence", "serial"] {
        let mut fields = stored(Expiry::Unknown);
        fields.remove(name);
        assert_eq!(
            Entry::from_json(&fields, FieldNames::NONE).unwrap_err(),
            EntryError::Incomplete { field: name }
        );
    }
    let mut fields = stored(Expiry::Reported(time(600)));
    fields.insert("expires_at".to_owned(), Value::from("soon"));
    assert_eq!(
        Entry::from_json(&fields, FieldNames::NONE).unwrap_err(),
        EntryError::Incomplete { field: "expires_at" }
    );
}

#[test]
fn what_no_request_can_carry_is_no_token() {
    for (field, value) in [
        ("token", ""),
        ("token", "  "),
        ("token", "t0ken\r\nX-Other: 1"),
        ("token", "t0ken\n"),
        ("header_value", "Bearer t0ken\nX-Other: 1"),
        ("header_name", "X Other"),
        ("header_name", "X-Other\r\n"),
    ] {
        let mut fields = stored(Expiry::Unknown);
        fields.insert(field.to_owned(), Value::from(value));
        assert_eq!(
            Entry::from_json(&fields, FieldNames::NONE).unwrap_err(),
            EntryError::Incomplete { field },
            "{value:?}"
        );
    }
}

#[test]
fn the_texts_of_an_entry_can_be_shown() {
    let long = "x".repeat(9000);
    for name in ["token_type", "system", "issuer", "subject", "source", "rotation", "writer"] {
        let mut fields = stored(Expiry::Unknown);
        fields.insert(name.to_owned(), Value::from(format!("a\u{1b}[31m\nb t0\nken {long}")));
        let Entry { token_type, system, issuer, subject, origin, .. } =
            Entry::from_json(&fields, FieldNames::NONE).unwrap();
        let texts = [token_type, system, issuer, subject, origin.source, origin.rotation, origin.writer];
        let text = texts.iter().find(|text| text.starts_with("a[31mb [REDACTED] x")).expect(name);
        assert!(text.len() < 9000, "{name}");
        assert!(!texts.concat().contains("t0ken"), "{name}");
    }
}

#[test]
fn numbers_may_be_written_as_texts() {
    let mut fields = stored(Expiry::Reported(time(600)));
    for (name, text) in [("serial", "8"), ("schema", "1"), ("ttl", "600")] {
        fields.insert(name.to_owned(), Value::from(text));
    }
    let entry = Entry::from_json(&fields, FieldNames::NONE).unwrap();
    assert_eq!((entry.origin.serial, entry.ttl), (8, Some(600)));
    for text in ["", "-1", "1.5", "one"] {
        fields.insert("serial".to_owned(), Value::from(text));
        assert_eq!(
            Entry::from_json(&fields, FieldNames::NONE).unwrap_err(),
            EntryError::Incomplete { field: "serial" }
        );
    }
    fields.insert("schema".to_owned(), Value::from("2"));
    assert_eq!(Entry::from_json(&fields, FieldNames::NONE).unwrap_err(), EntryError::Newer { schema: 2 });
}

#[test]
fn who_wrote_an_entry_knows_its_times_no_better_than_who_reads_it() {
    let moment = |millis| time(0) + TimeDelta::milliseconds(millis);
    for (issued_at, end) in [(700, 600_000), (999, 600_001), (1, 61_999), (0, 60_000)] {
        let mut token = token(Expiry::Reported(moment(end)));
        token.issued_at = moment(issued_at);
        let written = Entry::new(&token, third, origin());
        let read = Entry::from_json(&written.to_json(FieldNames::NONE), FieldNames::NONE).unwrap();
        let times = |entry: &Entry| (entry.issued_at, entry.expires_at, entry.refresh_after);
        assert_eq!(times(&written), times(&read));
    }
}

#[test]
fn debug_of_an_entry_hides_the_token() {
    let entry = Entry::from_json(&stored(Expiry::Unknown), FieldNames::NONE).unwrap();
    assert!(!format!("{entry:?}").contains("t0ken"));
}

#[test]
fn a_renamed_entry_is_read_under_its_names_and_nothing_else() {
    let names = FieldNames::new(FIELDS.map(|field| (field, format!("my_{field}")))).unwrap();
    let entry = Entry::new(&token(Expiry::Reported(time(600))), third, origin());
    let fields = entry.to_json(&names);
    assert!(fields.keys().all(|name| name.starts_with("my_")) && fields.len() == FIELDS.len());
    let read = Entry::from_json(&fields, &names).unwrap();
    assert_eq!(
        Value::Object(read.to_json(FieldNames::NONE)),
        Value::Object(stored(Expiry::Reported(time(600))))
    );
    assert_eq!(
        Entry::from_json(&fields, FieldNames::NONE).unwrap_err(),
        EntryError::Incomplete { field: "schema" }
    );
}
