//! A function that does what its text says.

use tfplugin_proto::tfplugin6 as pb;
use tfplugin_proto::tfplugin6::provider_server::Provider as _;
use tonic::Request;

use super::Served;
use crate::{Function, FunctionError, Number, Parameter, Signature, Type, Value};

pub(super) struct Add;

impl Function for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn signature(&self) -> Signature {
        let parameter = |name, ty| Parameter { name, description: "A parameter.".to_owned(), ty };
        Signature {
            summary: "Adds one",
            description: "Adds one.".to_owned(),
            parameters: vec![parameter("mode", Type::String), parameter("number", Type::Number)],
            returns: Type::Number,
        }
    }

    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError> {
        let [Value::String(mode), Value::Number(number)] = arguments else {
            return Err(FunctionError::new("These are not the arguments"));
        };
        match mode.as_str() {
            "panic" => panic!("planted"),
            "type" => Ok(Value::Bool(true)),
            _ => match number.to_i64() {
                Ok(number) => Ok(Value::Number(Number::Integer(number + 1))),
                Err(error) => Err(FunctionError::of_argument(1, error.to_string())),
            },
        }
    }
}

const TEXT: &[u8] = b"\xa1x";
const ONE: &[u8] = b"\x01";

async fn call(name: &str, arguments: &[&[u8]]) -> Result<Vec<u8>, pb::FunctionError> {
    let value = |bytes: &&[u8]| pb::DynamicValue { msgpack: bytes.to_vec(), json: Vec::new() };
    let arguments = arguments.iter().map(value).collect();
    let message = pb::call_function::Request { name: name.to_owned(), arguments };
    // Nothing is configured, and there is no connection either.
    let reply = Served::new().service.call_function(Request::new(message)).await.unwrap().into_inner();
    match (reply.result, reply.error) {
        (Some(result), None) => Ok(result.msgpack),
        (None, Some(error)) => Err(error),
        _ => panic!("neither result nor error, or both"),
    }
}

async fn refused(arguments: &[&[u8]]) -> (String, Option<i64>) {
    let error = call("add", arguments).await.unwrap_err();
    (error.text, error.function_argument)
}

#[tokio::test]
async fn a_function_works_unconfigured() {
    assert_eq!(call("add", &[TEXT, ONE]).await, Ok(vec![2]));
}

#[tokio::test]
async fn a_bad_argument_is_named_by_its_number() {
    let of_type = |argument: &str, problem: &str| format!("The argument `{argument}` {problem}");
    assert_eq!(refused(&[b"\xc0", ONE]).await, (of_type("mode", "must not be null"), Some(0)));
    assert_eq!(refused(&[TEXT, b"\xd4\x00\x00"]).await, (of_type("number", "is not known yet"), Some(1)));
    assert_eq!(refused(&[b"\x05", ONE]).await.1, Some(0));
    assert_eq!(refused(&[TEXT, b"\xcb"]).await.1, Some(1));
    assert_eq!(refused(&[TEXT, b"\xa30.5"]).await.1, Some(1));
}

#[tokio::test]
async fn too_few_and_too_many_arguments_are_told() {
    assert_eq!(refused(&[TEXT]).await, ("2 argument(s) are required, not 1".to_owned(), None));
    assert_eq!(refused(&[TEXT, ONE, ONE]).await, ("2 argument(s) are required, not 3".to_owned(), Some(2)));
}

#[tokio::test]
async fn a_function_that_does_wrong_is_an_error_of_this_call_only() {
    assert!(refused(&[b"\xa5panic", ONE]).await.0.contains("bug in the provider"));
    assert!(refused(&[b"\xa4type", ONE]).await.0.contains("bug in the provider"));
    assert!(call("other", &[]).await.unwrap_err().text.contains("no function \"other\""));
}

#[tokio::test]
async fn functions_are_listed_with_their_types() {
    let served = Served::new();
    let schema = served.service.get_provider_schema(Request::new(pb::get_provider_schema::Request {}));
    let functions = served.service.get_functions(Request::new(pb::get_functions::Request {}));
    let (schema, functions) = (schema.await.unwrap().into_inner(), functions.await.unwrap().into_inner());
    assert_eq!(schema.functions, functions.functions);
    let add = &schema.functions["add"];
    assert_eq!(add.r#return.as_ref().unwrap().r#type, b"\"number\"");
    let types = add.parameters.iter().map(|parameter| (&*parameter.name, &*parameter.r#type));
    assert_eq!(types.collect::<Vec<_>>(), [("mode", &b"\"string\""[..]), ("number", b"\"number\"")]);
}
