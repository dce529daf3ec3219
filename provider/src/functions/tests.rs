use tfplugin::{Function, Number};

use super::*;

/// `{"alg":"none"}`, and claims in base64url.
fn jwt(claims: &str) -> Value {
    Value::string(format!("eyJhbGciOiJub25lIn0.{claims}."))
}

#[test]
fn claims_come_with_their_types() {
    // {"a":[1,"x",null],"big":18446744073709551616,"half":0.50,"o":{"yes":true}}
    let token = jwt(
        "eyJhIjpbMSwieCIsbnVsbF0sImJpZyI6MTg0NDY3NDQwNzM3MDk1NTE2MTYsImhhbGYiOjAuNTAsIm8iOnsieWVzIjp0cnVlfX0",
    );
    let Ok(Value::Dynamic(claims)) = JwtClaims.call(&[token]) else { panic!("no claims") };
    let (ty, value) = *claims;
    let expected = r#"["object",{"a":["tuple",["number","string","dynamic"]],"big":"number","half":"number","o":["object",{"yes":"bool"}]}]"#;
    assert_eq!(ty.to_json().to_string(), expected);
    let Value::Map(mut value) = value else { panic!("no object") };
    let mut take = |name: &str| value.remove(name).unwrap();
    let list = [Value::Number(Number::Integer(1)), Value::string("x"), Value::Null];
    assert_eq!(take("a"), Value::List(list.to_vec()));
    assert_eq!(take("big"), Value::Number(Number::Decimal("18446744073709551616".to_owned())));
    assert_eq!(take("half"), Value::Number(Number::Decimal("0.50".to_owned())));
}

#[test]
fn the_end_is_a_text_or_null() {
    // {"exp":1800003600} and {}
    let end = |claims: &str| JwtExpiresAt.call(&[jwt(claims)]).unwrap();
    assert_eq!(end("eyJleHAiOjE4MDAwMDM2MDB9"), Value::string("2027-01-15T09:00:00Z"));
    assert_eq!(end("e30"), Value::Null);
}

#[test]
fn a_wrong_argument_is_named_and_not_repeated() {
    let functions: [&dyn Function; 2] = [&JwtClaims, &JwtExpiresAt];
    for function in functions {
        for wrong in ["", "hunter2", "Bearer hunter2.e30.x", "hunter2.hunter2.hunter2", "hunter2.b.c.d.e"] {
            let error = function.call(&[Value::string(wrong)]).unwrap_err();
            assert_eq!(error.argument, Some(0));
            assert!(!error.text.is_empty() && !error.text.contains("hunter2"), "{}", error.text);
            assert!(!error.text.ends_with('.'), "Terraform puts a full stop behind it: {}", error.text);
        }
    }
}
