//! Requests that vaultrs does not have, or has in many forms that are one to us.

use std::marker::PhantomData;

use rustify::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use rustify::errors::ClientError;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::fault::Fault;
use crate::wiped::{Wipe, Wiped};

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

/// Posts what holds secrets. Wiped when dropped, sent or not.
pub(crate) struct Post<T = ()> {
    path: String,
    body: Zeroizing<Vec<u8>>,
    answer: PhantomData<fn() -> T>,
}

impl<T> Post<T> {
    pub(crate) fn new(path: String, body: Vec<u8>) -> Self {
        Post { path, body: Zeroizing::new(body), answer: PhantomData }
    }

    /// What a request of vaultrs posts.
    pub(crate) fn of<E: Endpoint<Response = T> + Wipe>(request: E) -> Result<Self, Fault> {
        let request = Wiped(request);
        let body = request.body().map_err(|_| Fault::Malformed)?;
        Ok(Post::new(request.path(), body.unwrap_or_default()))
    }
}

impl<T: DeserializeOwned + Send + Sync> Endpoint for Post<T> {
    type Response = T;
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        self.path.clone()
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::POST
    }

    fn body(&self) -> Result<Option<Vec<u8>>, ClientError> {
        Ok(Some(self.body.to_vec()))
    }
}
