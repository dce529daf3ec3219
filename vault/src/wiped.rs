//! Requests that hold secrets.

use rustify::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use rustify::errors::ClientError;
use serde_json::Value;
use vaultrs::api::auth::approle::requests::LoginWithApproleRequest;
use vaultrs::api::auth::kubernetes::requests::LoginWithKubernetesRequest;
use vaultrs::api::auth::oidc::requests::JWTLoginRequest;
use vaultrs::api::auth::userpass::requests::LoginRequest as UserpassLoginRequest;
use vaultrs::api::kv2::requests::SetSecretRequest;
use vaultrs::api::sys::requests::WrappingLookupRequest;
use zeroize::Zeroize;

/// A request that is wiped when dropped, sent or not.
pub(crate) struct Wiped<E: Wipe>(pub(crate) E);

/// What holds secrets that can be wiped.
pub(crate) trait Wipe {
    fn wipe(&mut self);
}

impl<E: Wipe> Drop for Wiped<E> {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

impl<E: Endpoint + Wipe> Endpoint for Wiped<E> {
    type Response = E::Response;
    const REQUEST_BODY_TYPE: RequestType = E::REQUEST_BODY_TYPE;
    const RESPONSE_BODY_TYPE: ResponseType = E::RESPONSE_BODY_TYPE;

    fn path(&self) -> String {
        self.0.path()
    }

    fn method(&self) -> RequestMethod {
        self.0.method()
    }

    fn query(&self) -> Result<Option<String>, ClientError> {
        self.0.query()
    }

    fn body(&self) -> Result<Option<Vec<u8>>, ClientError> {
        self.0.body()
    }
}

impl Wipe for LoginWithApproleRequest {
    fn wipe(&mut self) {
        self.role_id.zeroize();
        self.secret_id.zeroize();
    }
}

impl Wipe for JWTLoginRequest {
    fn wipe(&mut self) {
        self.jwt.zeroize();
    }
}

impl Wipe for LoginWithKubernetesRequest {
    fn wipe(&mut self) {
        self.jwt.zeroize();
    }
}

impl Wipe for UserpassLoginRequest {
    fn wipe(&mut self) {
        self.password.zeroize();
    }
}

impl Wipe for WrappingLookupRequest {
    fn wipe(&mut self) {
        self.token.zeroize();
    }
}

impl Wipe for SetSecretRequest {
    fn wipe(&mut self) {
        self.data.wipe();
    }
}

impl Wipe for Value {
    fn wipe(&mut self) {
        match self {
            Value::Array(values) => values.iter_mut().for_each(Wipe::wipe),
            Value::Object(fields) => fields.values_mut().for_each(Wipe::wipe),
            Value::String(text) => text.zeroize(),
            Value::Bool(_) | Value::Null | Value::Number(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_of_a_value_is_wiped() {
        let mut value = serde_json::json!({ "token": "t0ken", "more": [{ "token": "t0ken" }], "schema": 1 });
        value.wipe();
        assert_eq!(value, serde_json::json!({ "token": "", "more": [{ "token": "" }], "schema": 1 }));
    }
}
