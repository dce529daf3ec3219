//! `jwt_expires_at`.

use tfplugin::{Function, FunctionError, Signature, Type, Value};
use tokenferry_sources::{jwt, rfc3339};

use super::{NOTHING_IS_VERIFIED, refused, token, token_parameter};

/// `provider::tokenferry::jwt_expires_at`.
pub(crate) struct JwtExpiresAt;

impl Function for JwtExpiresAt {
    fn name(&self) -> &'static str {
        "jwt_expires_at"
    }

    fn signature(&self) -> Signature {
        Signature {
            summary: "When a JSON Web Token ends",
            description: format!("{DESCRIPTION}\n\n{NOTHING_IS_VERIFIED}"),
            parameters: vec![token_parameter()],
            returns: Type::String,
        }
    }

    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError> {
        let end = jwt::expires_at(token(arguments)).map_err(refused)?;
        Ok(Value::optional_string(end.map(rfc3339)))
    }
}

const DESCRIPTION: &str = "\
Gives the end of a JSON Web Token, its claim `exp`, in RFC 3339 form and UTC, for example `2030-01-31T12:00:00Z`: the form \
that `timecmp` and `formatdate` take. Fractions of a second are cut off. Null when the token does not say when it ends. It \
is an error when the text is not a JSON Web Token, when the token is encrypted (JWE), or when `exp` is not a number of \
seconds before the year 10000.\n\n\
It works offline and needs no provider block. What comes of a sensitive or ephemeral token is sensitive or ephemeral, \
too. Tokens of this provider have the attribute `expires_at`, which knows more: it also has the end that the system \
itself reports, or that `ttl` states.";
