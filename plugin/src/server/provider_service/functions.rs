//! Functions: arguments decoded by the signature, the call, and its result or error. No connection is involved.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use tfplugin_proto::tfplugin6 as pb;

use crate::function::{Function, FunctionError, Parameter, Signature};
use crate::value::{Type, Value, decode, encode};

/// The functions of a provider, by name.
pub(super) struct Functions(BTreeMap<&'static str, Known>);

/// A function, with its signature once that was needed: it may be called thousands of times.
struct Known {
    function: Box<dyn Function>,
    signature: OnceLock<Signature>,
}

impl Known {
    fn signature(&self) -> &Signature {
        self.signature.get_or_init(|| self.function.signature())
    }
}

impl Functions {
    pub(super) fn new(functions: Vec<Box<dyn Function>>) -> Self {
        let known =
            |function: Box<dyn Function>| (function.name(), Known { function, signature: OnceLock::new() });
        Self(functions.into_iter().map(known).collect())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    pub(super) fn to_proto(&self) -> HashMap<String, pb::Function> {
        self.0.iter().map(|(name, known)| ((*name).to_owned(), to_proto(known.signature()))).collect()
    }

    pub(super) fn call(&self, request: pb::call_function::Request) -> pb::call_function::Response {
        let pb::call_function::Request { name, arguments } = request;
        // A panic is an error of this call alone.
        let called = catch_unwind(AssertUnwindSafe(|| self.result(&name, arguments)));
        match called.unwrap_or_else(|_| Err(panicked(&name))) {
            Ok(result) => pb::call_function::Response { result: Some(result), error: None },
            Err(error) => pb::call_function::Response { result: None, error: Some(error_to_proto(error)) },
        }
    }

    fn result(
        &self,
        name: &str,
        arguments: Vec<pb::DynamicValue>,
    ) -> Result<pb::DynamicValue, FunctionError> {
        let known = self
            .0
            .get(name)
            .ok_or_else(|| FunctionError::new(format!("The provider has no function {name:?}")))?;
        let Signature { parameters, returns, .. } = known.signature();
        let values = values(parameters, arguments)?;
        let result = known.function.call(&values)?;
        encode(&result, returns)
            .map_err(|error| FunctionError::new(format!("{name} made no valid result: {error}. {BUG}")))
    }
}

fn values(parameters: &[Parameter], arguments: Vec<pb::DynamicValue>) -> Result<Vec<Value>, FunctionError> {
    if parameters.len() != arguments.len() {
        let text = format!("{} argument(s) are required, not {}", parameters.len(), arguments.len());
        let surplus = (arguments.len() > parameters.len()).then_some(parameters.len());
        return Err(FunctionError { text, argument: surplus });
    }
    let pairs = parameters.iter().zip(arguments).enumerate();
    pairs.map(|(index, (parameter, argument))| value(index, parameter, argument)).collect()
}

fn value(index: usize, parameter: &Parameter, argument: pb::DynamicValue) -> Result<Value, FunctionError> {
    let refused = |problem: &str| {
        FunctionError::of_argument(index, format!("The argument `{}` {problem}", parameter.name))
    };
    match decode(Some(argument), &parameter.ty) {
        Ok(Value::Null) => Err(refused("must not be null")),
        Ok(value) if value.is_wholly_known() => Ok(value),
        Ok(_) => Err(refused("is not known yet")),
        Err(error) => Err(refused(&format!("cannot be read: {error}"))),
    }
}

fn to_proto(signature: &Signature) -> pb::Function {
    pb::Function {
        parameters: signature.parameters.iter().map(parameter_to_proto).collect(),
        variadic_parameter: None,
        r#return: Some(pb::function::Return { r#type: type_to_proto(&signature.returns) }),
        summary: signature.summary.to_owned(),
        description: signature.description.clone(),
        description_kind: pb::StringKind::Markdown.into(),
        deprecation_message: String::new(),
    }
}

fn parameter_to_proto(parameter: &Parameter) -> pb::function::Parameter {
    pb::function::Parameter {
        name: parameter.name.to_owned(),
        r#type: type_to_proto(&parameter.ty),
        allow_null_value: false,
        allow_unknown_values: false,
        description: parameter.description.clone(),
        description_kind: pb::StringKind::Markdown.into(),
    }
}

fn type_to_proto(ty: &Type) -> Vec<u8> {
    ty.to_json().to_string().into_bytes()
}

fn error_to_proto(error: FunctionError) -> pb::FunctionError {
    let function_argument = error.argument.and_then(|argument| i64::try_from(argument).ok());
    pb::FunctionError { text: error.text, function_argument }
}

fn panicked(name: &str) -> FunctionError {
    FunctionError::new(format!("{name} met a situation that it was not written for. {BUG}"))
}

const BUG: &str = "This is a bug in the provider: please report it";
