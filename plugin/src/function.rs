//! Functions: pure, and callable before anything is configured.

use crate::value::{Type, Value};

/// A function of a provider, called as `provider::NAME::FUNCTION(…)`.
///
/// It depends on nothing but its arguments: it asks nobody, reads no file, and knows no configuration.
pub trait Function: Send + Sync + 'static {
    /// The name, without the provider's.
    fn name(&self) -> &'static str;

    /// Parameters, result, and what it does.
    fn signature(&self) -> Signature;

    /// The result for arguments of the types in the signature.
    ///
    /// # Errors
    /// What is wrong, with the argument to blame. Terraform shows both; never repeat a value.
    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError>;
}

/// How a function is called, and what for.
#[derive(Clone, Debug)]
pub struct Signature {
    /// What it does, in one line.
    pub summary: &'static str,
    /// The same at length: Markdown, in full sentences.
    pub description: String,
    /// In their order.
    pub parameters: Vec<Parameter>,
    /// What comes back.
    pub returns: Type,
}

/// One parameter of a function. Null and unknown values are never passed to the function.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Lower-case letters, digits and underscores.
    pub name: &'static str,
    /// Markdown, in full sentences.
    pub description: String,
    /// What may be passed.
    pub ty: Type,
}

/// Why a function has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct FunctionError {
    /// What is wrong and what would be right. Terraform adds a full stop.
    pub text: String,
    /// The argument to blame, counted from 0.
    pub argument: Option<usize>,
}

impl FunctionError {
    /// An error that no argument is to blame for.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), argument: None }
    }

    /// An error of the argument with this number, counted from 0.
    pub fn of_argument(argument: usize, text: impl Into<String>) -> Self {
        Self { text: text.into(), argument: Some(argument) }
    }
}
