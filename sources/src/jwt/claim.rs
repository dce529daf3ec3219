//! Claims without loss: numbers stay as they are written.

use std::collections::BTreeMap;
use std::fmt;

use icu_normalizer::ComposingNormalizerBorrowed as ComposingNormalizer;
use secrecy::SecretString;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::JwtError;

/// Claims by name, in Unicode normal form C: Terraform takes names to be the same that look the same.
pub type Claims = BTreeMap<String, Claim>;

/// What a token says under one name.
#[derive(Debug)]
pub enum Claim {
    /// True or false.
    Flag(bool),
    /// Several.
    List(Vec<Claim>),
    /// Nothing.
    Null,
    /// A decimal number, as it is written.
    Number(String),
    /// Further names.
    Object(Claims),
    /// Text, which may be confidential.
    Text(SecretString),
}

impl Claim {
    /// The nearest number that can be reckoned with, if this is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Claim::Number(text) => text.parse().ok(),
            _ => None,
        }
    }
}

/// Reads the claims of a token.
pub(super) fn object(json: &str) -> Result<Claims, JwtError> {
    object_within(json, 1)
}

fn object_within(json: &str, depth: usize) -> Result<Claims, JwtError> {
    let Members(members) = serde_json::from_str(json).map_err(|_| JwtError::NotAnObject)?;
    let mut claims = Claims::new();
    for (name, value) in members {
        let name = ComposingNormalizer::new_nfc().normalize(&name).into_owned();
        if claims.insert(name, claim(value, depth)?).is_some() {
            return Err(JwtError::Repeated);
        }
    }
    Ok(claims)
}

fn claim(value: &RawValue, depth: usize) -> Result<Claim, JwtError> {
    if depth == DEEPEST {
        return Err(JwtError::TooDeep);
    }
    let json = value.get();
    Ok(match json.as_bytes().first() {
        Some(b'{') => Claim::Object(object_within(json, depth + 1)?),
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(json).map_err(|_| JwtError::NotAnObject)?;
            Claim::List(items.into_iter().map(|item| claim(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        Some(b'"') => {
            let text: String = serde_json::from_str(json).map_err(|_| JwtError::NotAnObject)?;
            Claim::Text(text.into())
        }
        Some(b't') => Claim::Flag(true),
        Some(b'f') => Claim::Flag(false),
        Some(b'n') => Claim::Null,
        _ if is_short(json) => Claim::Number(json.to_owned()),
        _ => return Err(JwtError::NumberTooLong),
    })
}

/// Whoever reckons with it has to write it out.
fn is_short(number: &str) -> bool {
    let exponent = number.split_once(['e', 'E']).map_or(Ok(0), |(_, exponent)| exponent.parse::<i32>());
    number.len() <= LONGEST_NUMBER && exponent.is_ok_and(|exponent| exponent.abs() <= LARGEST_EXPONENT)
}

/// The members of an object in their order, each name as often as it is there.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor).map(Members)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(member) = members.next_entry()? {
            all.push(member);
        }
        Ok(all)
    }
}

const DEEPEST: usize = 32;
const LONGEST_NUMBER: usize = 150;
const LARGEST_EXPONENT: i32 = 1000;

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn shown(claim: &Claim) -> String {
        match claim {
            Claim::Flag(flag) => flag.to_string(),
            Claim::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(",")),
            Claim::Null => "null".to_owned(),
            Claim::Number(number) => number.clone(),
            Claim::Object(claims) => {
                let members = claims.iter().map(|(name, claim)| format!("{name}={}", shown(claim)));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
            Claim::Text(text) => format!("<{}>", text.expose_secret()),
        }
    }

    fn read(json: &str) -> Result<String, JwtError> {
        object(json).map(|claims| shown(&Claim::Object(claims)))
    }

    #[test]
    fn claims_of_every_kind_come_as_they_are() {
        let json = r#" {"b":true,"a":[1, "x",{"n":null},[]],"f":false,"t":"\u00fc\"\n","":{}} "#;
        assert_eq!(read(json).unwrap(), "{={},a=[1,<x>,{n=null},[]],b=true,f=false,t=<ü\"\n>}");
    }

    #[test]
    fn numbers_keep_every_digit() {
        for number in ["0", "-1.50", "18446744073709551616", "0.1000000000000000000001", "1E+400", "2e-7"] {
            assert_eq!(read(&format!(r#"{{"n":{number}}}"#)).unwrap(), format!("{{n={number}}}"));
        }
        for number in ["1e999999999", "-1e-99999999999999", &"9".repeat(151)] {
            assert_eq!(read(&format!(r#"{{"n":{number}}}"#)), Err(JwtError::NumberTooLong));
        }
    }

    #[test]
    fn a_name_that_comes_twice_is_refused_wherever_it_is() {
        for json in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"o":[{"a":1,"a":2}]}"#] {
            assert_eq!(read(json), Err(JwtError::Repeated), "{json}");
        }
    }

    #[test]
    fn names_that_look_the_same_are_the_same() {
        assert_eq!(read(r#"{"e\u0301":1}"#).unwrap(), "{é=1}");
        assert_eq!(read(r#"{"e\u0301":1,"\u00e9":2}"#), Err(JwtError::Repeated));
    }

    #[test]
    fn what_is_nested_beyond_reason_is_refused() {
        let nested = |levels: usize| format!(r#"{{"a":{}1{}}}"#, "[".repeat(levels), "]".repeat(levels));
        assert!(read(&nested(DEEPEST - 2)).is_ok());
        for levels in [DEEPEST - 1, 100_000] {
            assert_eq!(read(&nested(levels)), Err(JwtError::TooDeep));
        }
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        for json in ["", "1", "[]", "null", r#"{"a":1} x"#, r#"{"a":01}"#, r#"{"a":"\ud800"}"#, "{'a':1}"] {
            assert_eq!(read(json), Err(JwtError::NotAnObject), "{json}");
        }
    }
}
