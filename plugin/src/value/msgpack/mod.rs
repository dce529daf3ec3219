//! Values as MessagePack, the encoding that hosts send.
//!
//! Objects are maps with every attribute. Any extension type means *unknown*: code 0 is the plain one, code 12
//! carries refinements, and more may come.

mod read;
mod write;

use super::Type;

pub(super) use self::read::decode;
pub(super) use self::write::encode;

/// What a value of type `ty` has to be, in words.
pub(super) fn expectation(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "a bool is required",
        Type::Dynamic => "a value with its type is required",
        Type::List(_) => "a list is required",
        Type::Map(_) => "a map is required",
        Type::Number => "a number is required",
        Type::Object(_) => "an object is required",
        Type::Set(_) => "a set is required",
        Type::String => "a string is required",
        Type::Tuple(_) => "a tuple of the right length is required",
    }
}

#[cfg(test)]
mod tests;
