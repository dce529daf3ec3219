//! Both directions, and everything that can be wrong on the way.

use std::collections::BTreeMap;

use super::read::TRUNCATED;
use super::{decode, encode};
use crate::value::{Number, Type, Value};

fn object(attributes: &[(&str, Type)]) -> Type {
    Type::Object(attributes.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect())
}

#[test]
fn every_kind_of_value_survives_the_wire_unchanged() {
    let ty = object(&[
        ("b", Type::Bool),
        ("d", Type::Dynamic),
        ("l", Type::list(Type::String)),
        ("m", Type::map(Type::Number)),
        ("s", Type::set(Type::Number)),
        ("t", Type::Tuple(vec![Type::String, Type::Bool])),
        ("u", Type::String),
    ]);
    let value = Value::Map(BTreeMap::from([
        ("b".to_owned(), Value::Bool(true)),
        (
            "d".to_owned(),
            Value::Dynamic(Box::new((Type::list(Type::Bool), Value::List(vec![Value::Bool(false)])))),
        ),
        ("l".to_owned(), Value::List(vec![Value::string("cafe\u{301}"), Value::Null])),
        (
            "m".to_owned(),
            Value::Map(BTreeMap::from([("k".to_owned(), Value::Number(Number::Decimal("0.1".into())))])),
        ),
        (
            "s".to_owned(),
            Value::List(vec![Value::Number(Number::Integer(i64::MIN)), Value::Number(Number::Float(5.5))]),
        ),
        ("t".to_owned(), Value::List(vec![Value::string(""), Value::Null])),
        ("u".to_owned(), Value::Unknown),
    ]));
    let bytes = encode(&value, &ty).unwrap();
    assert_eq!(decode(&bytes, &ty).unwrap(), value);
}

#[test]
fn any_extension_is_unknown_whatever_its_code_and_payload() {
    let refined = [&[0xc7, 12, 12, 0x82, 0x01, 0xc2, 0x02, 0xa7][..], b"http://"].concat();
    for bytes in
        [&[0xd4, 0, 0][..], &[0xd4, 99, 7], &[0xd8, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]]
    {
        assert_eq!(decode(bytes, &Type::String).unwrap(), Value::Unknown);
    }
    assert_eq!(refined.len(), 3 + 12, "payload length as declared");
    assert_eq!(decode(&refined, &Type::String).unwrap(), Value::Unknown);
    assert_eq!(decode(&refined, &object(&[("a", Type::Bool)])).unwrap(), Value::Unknown);
}

#[test]
fn a_number_may_come_as_integer_float_or_decimal_text() {
    let forms: [(&[u8], Number); 6] = [
        (&[5], Number::Integer(5)),
        (&[0xff], Number::Integer(-1)),
        (&[0xcd, 1, 0], Number::Integer(256)),
        (&[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Number::Unsigned(u64::MAX)),
        (&[0xcb, 0x40, 0x16, 0, 0, 0, 0, 0, 0], Number::Float(5.5)),
        (b"\xa31e3", Number::Decimal("1e3".into())),
    ];
    for (bytes, number) in forms {
        assert_eq!(decode(bytes, &Type::Number).unwrap(), Value::Number(number));
    }
    assert_eq!(decode(b"\xa3abc", &Type::Number).unwrap_err().problem, "a number is required");
}

#[test]
fn a_missing_attribute_is_null_and_a_surplus_one_an_error() {
    let ty = object(&[("a", Type::String), ("b", Type::String)]);
    let decoded = decode(b"\x81\xa1a\xa1x", &ty).unwrap();
    assert_eq!(
        decoded,
        Value::Map(BTreeMap::from([("a".to_owned(), Value::string("x")), ("b".to_owned(), Value::Null),]))
    );
    let error = decode(b"\x81\xa1z\xa1x", &ty).unwrap_err();
    assert_eq!((error.path.to_string().as_str(), error.problem), ("z", "there is no such attribute"));
}

#[test]
fn every_truncation_is_an_error_and_never_a_panic() {
    let ty = object(&[("a", Type::list(Type::String)), ("b", Type::map(Type::Number))]);
    let value = Value::Map(BTreeMap::from([
        ("a".to_owned(), Value::List(vec![Value::string("text"), Value::Unknown])),
        ("b".to_owned(), Value::Map(BTreeMap::from([("k".to_owned(), Value::Number(Number::Float(1.5)))]))),
    ]));
    let bytes = encode(&value, &ty).unwrap();
    for length in 0..bytes.len() {
        let error = decode(&bytes[..length], &ty).unwrap_err();
        assert_eq!(error.problem, TRUNCATED, "at {length}");
    }
}

#[test]
fn a_declared_length_beyond_the_message_allocates_nothing() {
    for bytes in [[0xdd, 0xff, 0xff, 0xff, 0xff], [0xdb, 0xff, 0xff, 0xff, 0xff]] {
        let ty = if bytes[0] == 0xdd { Type::list(Type::String) } else { Type::String };
        assert_eq!(decode(&bytes, &ty).unwrap_err().problem, TRUNCATED);
    }
}

#[test]
fn dynamic_values_nested_without_end_are_refused() {
    let mut bytes = Vec::new();
    for _ in 0..10_000 {
        bytes.extend([0x92, 0xc4, 9]);
        bytes.extend(b"\"dynamic\"");
    }
    assert_eq!(decode(&bytes, &Type::Dynamic).unwrap_err().problem, "the value is nested too deep");
}

#[test]
fn wrong_types_are_named_with_their_place() {
    let ty = object(&[("l", Type::list(Type::Bool))]);
    let error = decode(b"\x81\xa1l\x92\xc3\xa1x", &ty).unwrap_err();
    assert_eq!((error.path.to_string().as_str(), error.problem), ("l[1]", "a bool is required"));
    assert_eq!(decode(b"\x90", &ty).unwrap_err().problem, "an object is required");
    assert_eq!(encode(&Value::Bool(true), &Type::String).unwrap_err().problem, "a string is required");
}

#[test]
fn random_bytes_never_panic() {
    let ty = object(&[("a", Type::Dynamic), ("b", Type::map(Type::list(Type::Number)))]);
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..random.usize(0..40)).map(|_| random.u8(..)).collect();
        drop(decode(&bytes, &ty));
        drop(decode(&bytes, &Type::Dynamic));
    }
}
