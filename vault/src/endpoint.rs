//! Requests that vaultrs does not have.

use std::marker::PhantomData;

use rustify::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use serde::de::DeserializeOwned;

/// Reads what is at a path of the API.
pub(crate) struct Get<T> {
    path: String,
    answer: PhantomData<fn() -> T>,
}

impl<T> Get<T> {
    pub(crate) fn new(path: String) -> Self {
        Get { path, answer: PhantomData }
    }
}

impl<T: DeserializeOwned + Send + Sync> Endpoint for Get<T> {
    type Response = T;
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        self.path.clone()
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::GET
    }
}
