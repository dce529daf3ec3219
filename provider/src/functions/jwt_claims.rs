//! `jwt_claims`.

use tfplugin::{Function, FunctionError, Number, Signature, Type, Value};
use tokenferry_sources::ExposeSecret;
use tokenferry_sources::jwt::{self, Claim, Claims};

use super::{NOTHING_IS_VERIFIED, refused, token, token_parameter};

/// `provider::tokenferry::jwt_claims`.
pub(crate) struct JwtClaims;

impl Function for JwtClaims {
    fn name(&self) -> &'static str {
        "jwt_claims"
    }

    fn signature(&self) -> Signature {
        Signature {
            summary: "The claims of a JSON Web Token",
            description: format!("{DESCRIPTION}\n\n{NOTHING_IS_VERIFIED}\n\n{REFUSED}"),
            parameters: vec![token_parameter()],
            returns: Type::Dynamic,
        }
    }

    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError> {
        let claims = jwt::claims(token(arguments)).map_err(refused)?;
        Ok(Value::Dynamic(Box::new(object(claims))))
    }
}

fn object(claims: Claims) -> (Type, Value) {
    let members = claims.into_iter().map(|(name, claim)| {
        let (ty, value) = typed(claim);
        ((name.clone(), ty), (name, value))
    });
    let (types, values) = members.unzip();
    (Type::Object(types), Value::Map(values))
}

fn typed(claim: Claim) -> (Type, Value) {
    match claim {
        Claim::Flag(flag) => (Type::Bool, Value::Bool(flag)),
        Claim::List(items) => {
            let (types, values) = items.into_iter().map(typed).unzip();
            (Type::Tuple(types), Value::List(values))
        }
        Claim::Null => (Type::Dynamic, Value::Null),
        Claim::Number(text) => (Type::Number, Value::Number(number(text))),
        Claim::Object(claims) => object(claims),
        Claim::Text(text) => (Type::String, Value::string(text.expose_secret())),
    }
}

fn number(text: String) -> Number {
    text.parse().map_or_else(|_| Number::Decimal(text), Number::Integer)
}

const DESCRIPTION: &str = "\
Gives the claims of a JSON Web Token as an object: `provider::tokenferry::jwt_claims(token).sub`. Texts, numbers, \
booleans, lists and objects come as they are, numbers with every digit. A claim that a token does not have is no \
attribute of the object: write `try(….email, null)` where it may be missing. Times such as `iat` are numbers of seconds; \
for the end there is `jwt_expires_at`.\n\n\
It works offline and needs no provider block. What comes of a sensitive or ephemeral token is sensitive or ephemeral, \
too.";

const REFUSED: &str = "\
It is an error when the text is not a JSON Web Token, when the token is encrypted (JWE), or when its claims have one name \
twice.";
