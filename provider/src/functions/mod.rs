//! What a token says about itself. Nobody is asked, and nothing has to be configured.

mod jwt_claims;
mod jwt_expires_at;

pub(crate) use jwt_claims::JwtClaims;
pub(crate) use jwt_expires_at::JwtExpiresAt;

use tfplugin::{FunctionError, Parameter, Type, Value};
use tokenferry_sources::jwt::JwtError;

/// The only parameter.
fn token_parameter() -> Parameter {
    Parameter {
        name: "token",
        description:
            "A JSON Web Token: the token alone, without `Bearer` before it. White space around it is ignored."
                .to_owned(),
        ty: Type::String,
    }
}

/// What was passed for it. The server passes what the signature asks for and nothing else.
fn token(arguments: &[Value]) -> &str {
    arguments.first().and_then(Value::as_str).unwrap_or_default()
}

/// What is wrong with it.
fn refused(error: JwtError) -> FunctionError {
    FunctionError::of_argument(0, error.to_string())
}

const NOTHING_IS_VERIFIED: &str = "\
**Nothing is verified**, neither the signature nor the times: anybody can write such a token. Do not decide by it what \
somebody may do.";

#[cfg(test)]
mod tests;
