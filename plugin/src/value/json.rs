//! Values as JSON: hosts may send it, and it has no unknowns.

use serde_json::Value as Json;

use super::wire::WireError;
use super::{Number, Type, Value};
use crate::path::AttributePath;

/// Reads JSON as a value of type `ty`.
pub(super) fn decode(bytes: &[u8], ty: &Type) -> Result<Value, WireError> {
    let path = AttributePath::root();
    let json =
        serde_json::from_slice(bytes).map_err(|_| WireError::new(&path, "the value is not valid JSON"))?;
    // serde_json bounds the nesting at 128, and dynamic values nest no deeper than their JSON.
    read(&json, ty, &path)
}

fn read(json: &Json, ty: &Type, path: &AttributePath) -> Result<Value, WireError> {
    match (ty, json) {
        (Type::Dynamic, Json::Object(parts)) => read_dynamic(parts, path),
        (_, Json::Null) => Ok(Value::Null),
        (Type::Bool, Json::Bool(value)) => Ok(Value::Bool(*value)),
        (Type::Number, Json::Number(number)) => read_number(&number.to_string(), path),
        (Type::Number, Json::String(text)) => read_number(text, path),
        (Type::String, Json::String(text)) => Ok(Value::string(text.as_str())),
        (Type::List(element) | Type::Set(element), Json::Array(items)) => {
            let read_item = |(index, item)| read(item, element, &path.index(index));
            Ok(Value::List(items.iter().enumerate().map(read_item).collect::<Result<_, _>>()?))
        }
        (Type::Tuple(types), Json::Array(items)) if types.len() == items.len() => {
            let pairs = items.iter().zip(types).enumerate();
            let read_item = |(index, (item, ty))| read(item, ty, &path.index(index));
            Ok(Value::List(pairs.map(read_item).collect::<Result<_, _>>()?))
        }
        (Type::Map(element), Json::Object(entries)) => {
            let read_entry =
                |(key, item): (&String, _)| Ok((key.clone(), read(item, element, &path.key(key))?));
            Ok(Value::Map(entries.iter().map(read_entry).collect::<Result<_, _>>()?))
        }
        (Type::Object(attributes), Json::Object(entries)) => {
            if let Some(surplus) = entries.keys().find(|name| !attributes.contains_key(*name)) {
                return Err(WireError::new(&path.attribute(surplus), "there is no such attribute"));
            }
            let read_attribute = |(name, ty): (&String, &Type)| {
                let item = entries.get(name).unwrap_or(&Json::Null);
                Ok((name.clone(), read(item, ty, &path.attribute(name))?))
            };
            Ok(Value::Map(attributes.iter().map(read_attribute).collect::<Result<_, _>>()?))
        }
        _ => Err(WireError::new(path, super::msgpack::expectation(ty))),
    }
}

fn read_number(text: &str, path: &AttributePath) -> Result<Value, WireError> {
    let integer = text.parse().ok().map(Number::Integer);
    let number = integer.or_else(|| Number::from_decimal(text));
    number.map(Value::Number).ok_or_else(|| WireError::new(path, "a number is required"))
}

fn read_dynamic(parts: &serde_json::Map<String, Json>, path: &AttributePath) -> Result<Value, WireError> {
    let (Some(value), Some(ty)) = (parts.get("value"), parts.get("type")) else {
        return Err(WireError::new(path, "a dynamic value needs `value` and `type`"));
    };
    let ty = Type::from_json(ty.to_string().as_bytes())
        .map_err(|_| WireError::new(path, "the type of a dynamic value is not a type"))?;
    let value = read(value, &ty, path)?;
    Ok(Value::Dynamic(Box::new((ty, value))))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn an_object_gets_every_attribute() {
        let ty = Type::Object(BTreeMap::from([
            ("count".to_owned(), Type::Number),
            ("name".to_owned(), Type::String),
        ]));
        let Value::Map(object) = decode(br#"{"count": 3}"#, &ty).unwrap() else { panic!("not an object") };
        assert_eq!(object["count"], Value::Number(Number::Integer(3)));
        assert_eq!(object["name"], Value::Null);
    }

    #[test]
    fn wrong_types_are_refused_with_their_place() {
        let ty = Type::Object(BTreeMap::from([("names".to_owned(), Type::list(Type::String))]));
        let error = decode(br#"{"names": ["a", 5]}"#, &ty).unwrap_err();
        assert_eq!(error.path.to_string(), "names[1]");
        assert_eq!(error.problem, "a string is required");
        assert_eq!(decode(br#"{"nope": 1}"#, &ty).unwrap_err().problem, "there is no such attribute");
    }

    #[test]
    fn dynamic_values_carry_their_type() {
        let value = decode(br#"{"value":["x"],"type":["list","string"]}"#, &Type::Dynamic).unwrap();
        let expected = (Type::list(Type::String), Value::List(vec![Value::string("x")]));
        assert_eq!(value, Value::Dynamic(Box::new(expected)));
    }
}
